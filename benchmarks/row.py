"""What each comparison returns: rows of the one table, and how their times are taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One thing done in two ways.

    Attributes
    ----------
    what : the thing, and its size
    rival : the other way
    ours, other : what it costs this project and the other way: time, error or what is lost, so that less is better
    unit : of both, "" for a share
    remark : what else must be known to judge, above all accuracy
    """

    what: str
    rival: str
    ours: float
    other: float
    unit: str
    remark: str = ""

    @property
    def ratio(self) -> float:
        """How many times as much the other way costs; above 1 this project does better."""
        return self.other / self.ours


def cpu_seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """CPU seconds of this process that `work` takes, the least of some `repeats`."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)
