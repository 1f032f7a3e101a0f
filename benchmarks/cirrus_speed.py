"""The kinematic cirrus: two hours in the bulk scheme beside the others, and stacked fields beside single calls of PyMPDATA.

64 x 64 cells, steps of 10 s, CPU time of one process without compilation. The usual way is a call of PyMPDATA's solver for each
field and step. Such a call costs milliseconds, most of them before any number is touched, and the solver is compiled anew in each
process; this project stacks all fields and hands PyMPDATA's formulae nothing but arrays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PyMPDATA import Options, ScalarField, Solver, Stepper, VectorField
from PyMPDATA.boundary_conditions import Constant, Periodic
from row import Row, cpu_seconds

from lib.cirrus.kinematic.advection import Advection
from lib.cirrus.kinematic.simulation import Case, Simulation

FIELDS, SIDE = 6, 64


def scheme_seconds(case: Case, hours: float = 2.0) -> float:
    """CPU seconds of so many simulated hours."""
    simulation = Simulation(case)
    simulation.run(round(case.duration / case.dt))
    return simulation.cpu_seconds * hours * 3600 / case.duration


def stacked_milliseconds(n_steps: int) -> float:
    """CPU milliseconds for a step of `FIELDS` stacked fields."""
    advection = Advection(np.full(SIDE, 0.4), SIDE, FIELDS)
    advection.step()
    return 1e3 / n_steps * cpu_seconds(lambda: [advection.step() for _ in range(n_steps)])


def solver_milliseconds(n_steps: int) -> float:
    """CPU milliseconds for a step of `FIELDS` fields by PyMPDATA's solver, one after the other."""
    options = Options(n_iters=2)
    walls = {"halo": options.n_halo, "boundary_conditions": (Periodic(), Constant(0.0))}
    still = VectorField((np.zeros((SIDE + 1, SIDE)), np.zeros((SIDE, SIDE + 1))), **walls)
    fields = (ScalarField(np.zeros((SIDE, SIDE)), **walls), still, ScalarField(np.full((SIDE, SIDE), 0.4), **walls))
    solver = Solver(Stepper(options=options, n_dims=2, non_unit_g_factor=True, n_threads=1), *fields)
    solver.advance(1)
    return 1e3 / n_steps * FIELDS * cpu_seconds(lambda: [solver.advance(1) for _ in range(n_steps)])


def rows(quick: bool) -> list[Row]:
    """The schemes, and what stacking saves."""
    case = Case(duration=60 * (5 if quick else 120))
    steps = 5 if quick else 1000
    bulk = scheme_seconds(case)
    others = {"40 mass bins": "bins", "Lagrangian, 64 super-particles a cell": "lagrangian"}
    usual, here = solver_milliseconds(max(2, steps // 10)), stacked_milliseconds(steps)
    return [
        *(
            Row("two hours of cirrus, bulk", name, bulk, scheme_seconds(replace(case, scheme=scheme)), "CPU s", "both are ours")
            for name, scheme in others.items()
        ),
        Row(f"step of {FIELDS} fields, stacked", "PyMPDATA, a call a field and step", here, usual, "ms"),
    ]
