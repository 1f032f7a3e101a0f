"""Speed of the kinematic cirrus: two simulated hours in each scheme, and what stacking fields saves in calling PyMPDATA.

The usual way is a call of PyMPDATA for each field and step. Such a call costs milliseconds, most of them before any number is
touched, so this project stacks all fields and lets PyMPDATA call the microphysics. Times are CPU seconds of one process, without
compilation. Run by `make bench`; writes `CIRRUS.md` beside this file.

    python benchmarks/cirrus_speed.py [minutes]
"""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import numba

from lib.cirrus.flow import Advection, after_each_step, standing_air
from lib.cirrus.kinematic import Case, Simulation

RESULTS = Path(__file__).with_name("CIRRUS.md")
FIELDS = 6


@numba.njit
def nothing(step):
    """A step after which nothing happens."""


def scheme_seconds(case: Case) -> float:
    """CPU seconds of one simulation."""
    simulation = Simulation(case)
    simulation.run(round(case.duration / case.dt))
    return simulation.cpu_seconds


def advection_seconds(n_fields: int, n_calls: int, n_steps: int) -> float:
    """CPU seconds for a step of `n_fields` stacked fields, when `n_calls` calls do `n_steps` steps each."""
    advection, hook = Advection(standing_air(64, 10.0, 0.0), 64, n_fields), after_each_step(nothing)
    advection.run(1, hook)
    begin = time.process_time()
    for _ in range(n_calls):
        advection.run(n_steps, hook)
    return (time.process_time() - begin) / (n_calls * n_steps)


def report(minutes: float) -> str:
    """The table as Markdown."""
    case = Case(duration=60 * minutes)
    cases = {
        "bulk": case,
        "bins (40)": replace(case, scheme="bins"),
        "Lagrangian (64 a cell)": replace(case, scheme="lagrangian"),
    }
    seconds = {name: scheme_seconds(one) * 120 / minutes for name, one in cases.items()}
    usual, here = FIELDS * advection_seconds(1, 100, 1), advection_seconds(FIELDS, 10, 100)
    rows = [f"| {name} | {value:.2f} | {value / seconds['bulk']:.1f} |" for name, value in seconds.items()]
    return "\n".join([
        "# Speed of the kinematic cirrus", "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; 64 x 64 cells, steps of 10 s. CPU "
        f"seconds of one process for two hours, from {minutes:g} simulated minutes.", "",
        "| scheme | two hours [CPU s] | over bulk |", "|---|---|---|", *rows, "",
        f"Advection of {FIELDS} fields costs {1000 * here:.2f} ms a step when they are stacked and steps taken in one call, and "
        f"{1000 * usual:.1f} ms with a call for each field and step: **{usual / here:.0f}** times as much.", "",
    ])  # fmt: skip


if __name__ == "__main__":
    text = report(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0)
    RESULTS.write_text(text)
    print(text)
