"""book/progress.py: the lines that are shown while notebooks are executed."""

import io
import sys

import pytest
from progress import Cells, Lines, last_state


@pytest.fixture
def told():
    """What was told, as a list."""
    return []


def test_a_line_counts_cells_and_repeats_the_bar_of_the_kernel(told):
    cells = Cells(told.append)
    cells.write("\r3/12 cells")
    cells.kernel.write("\rtraining:  10%|# | 1/10 [00:01<00:09]\rtraining:  20%|# | 2/10 [00:02<00:08]")
    cells.write("\r4/12 cells")
    assert told == ["3/12 cells", "3/12 cells, training:  20%|# | 2/10 [00:02<00:08]", "4/12 cells"]


def test_warnings_are_no_progress(told):
    Cells(told.append).kernel.write("UserWarning: too few crystals [13]\n")
    assert told == []


def test_the_last_state_of_nested_bars_is_found():
    assert last_state("outer: 1/2 [00:01]\n\rinner: 3/4 [00:02]\x1b[A\n") == "inner: 3/4 [00:02]"
    assert last_state("\r\n") == ""


def test_a_log_gets_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("progress.LOG_EVERY", -1.0)
    lines = Lines()
    lines.begin("11-x")
    lines.tell("11-x", "3/12 cells")
    lines.tell("12-y", "which has ended")
    lines.show()
    lines.end("11-x", "done")
    lines.show()
    shown = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert shown == [["11-x", "0:00", "3/12", "cells"], ["11-x", "0:00", "done"]]


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "██▌ | 5/9 µm"), ("latin-1", "??? | 5/9 µm"), ("ascii", "??? | 5/9 ?m")])
def test_a_terminal_that_lacks_letters_gets_others(encoding, bar, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("progress.LOG_EVERY", -1.0)
    lines = Lines()
    lines.begin("11-x")
    lines.tell("11-x", "██▌ | 5/9 µm")
    lines.show()
    lines.end("11-x", "██▌ | 5/9 µm")
    stream.flush()
    told = stream.buffer.getvalue().decode(encoding).splitlines()
    assert len(told) == 2 and all(line.endswith(bar) for line in told)
