"""The kinematic cirrus: two hours in the bulk scheme beside the others, and stacked fields beside single calls of PyMPDATA.

64 x 64 cells, steps of 10 s, CPU time of one process without compilation. The usual way is a call of PyMPDATA for each field and
step. Such a call costs milliseconds, most of them before any number is touched, so this project stacks all fields and lets
PyMPDATA call the microphysics.
"""

from __future__ import annotations

from dataclasses import replace

import numba
from row import Row, cpu_seconds

from lib.cirrus.kinematic.flow import Advection, after_each_step, standing_air
from lib.cirrus.kinematic.simulation import Case, Simulation

FIELDS = 6


@numba.njit
def nothing(step):
    """A step after which nothing happens."""


def scheme_seconds(case: Case, hours: float = 2.0) -> float:
    """CPU seconds of so many simulated hours."""
    simulation = Simulation(case)
    simulation.run(round(case.duration / case.dt))
    return simulation.cpu_seconds * hours * 3600 / case.duration


def advection_milliseconds(n_fields: int, n_calls: int, n_steps: int) -> float:
    """CPU milliseconds for a step of `n_fields` stacked fields, when `n_calls` calls do `n_steps` steps each."""
    advection, hook = Advection(standing_air(64, 10.0, 0.0), 64, n_fields), after_each_step(nothing)
    advection.run(1, hook)

    def calls() -> None:
        for _ in range(n_calls):
            advection.run(n_steps, hook)

    return 1e3 * cpu_seconds(calls) / (n_calls * n_steps)


def rows(quick: bool) -> list[Row]:
    """The schemes, and what stacking saves."""
    case = Case(duration=60 * (5 if quick else 120))
    calls, steps = (2, 5) if quick else (100, 100)
    bulk = scheme_seconds(case)
    others = {"40 mass bins": "bins", "Lagrangian, 64 super-particles a cell": "lagrangian"}
    usual, here = FIELDS * advection_milliseconds(1, calls, 1), advection_milliseconds(FIELDS, max(1, calls // 10), steps)
    return [
        *(
            Row("two hours of cirrus, bulk", name, bulk, scheme_seconds(replace(case, scheme=scheme)), "CPU s", "both are ours")
            for name, scheme in others.items()
        ),
        Row(f"step of {FIELDS} fields, stacked", "PyMPDATA, a call a field and step", here, usual, "ms"),
    ]
