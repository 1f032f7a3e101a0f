"""lib.cirrus.kinematic.flow and advection: the air at rest, the prescribed flow, and nothing made or lost on the way."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lib.cirrus.kinematic.advection import Advection, pad
from lib.cirrus.kinematic.flow import (
    DX,
    DZ,
    cellular_flow,
    exner,
    fits_cells,
    heights,
    largest_courant,
    pressure_after,
    set_flow,
    standing_air,
)
from lib.cirrus.kinematic.ice import R_D, saturation_mixing_ratio
from lib.core import paths
from lib.crystals.hydrodynamics import GRAVITY

NX, NZ, DT = 64, 64, 10.0
AIR = standing_air(NZ, DT, 0.03)


def flow(updraught=0.4, shear=1.5e-3, seed=0):
    """Generating cells in sheared wind."""
    return cellular_flow(AIR, NX, updraught, shear, seed)


def prescribed(time=0.0, n_fields=1, **settings):
    """Advection with the flow of some time, and its stream function."""
    advection, stream = Advection(AIR.density, NX, n_fields), np.zeros((NX + 1, NZ + 1))
    set_flow(flow(**settings), time, DT, stream, advection.faces)
    return advection, stream


def move(advection, stream, n_steps):
    """Steps in which nothing happens but advection in a flow that changes."""
    for step in range(n_steps):
        advection.step()
        pad(advection.padded)
        set_flow(flow(), (step + 1) * DT, DT, stream, advection.faces)


def test_air_is_in_hydrostatic_balance_and_supersaturated_in_a_layer():
    temperature = AIR.theta * exner(AIR.pressure)
    middle = (AIR.pressure[1:] + AIR.pressure[:-1]) / (R_D * (temperature[1:] + temperature[:-1]))
    assert -np.diff(AIR.pressure) / DZ == pytest.approx(GRAVITY * middle, rel=1e-3)
    ratio = AIR.vapour / [saturation_mixing_ratio(*pair) for pair in zip(temperature, AIR.pressure, strict=True)]
    layer = (heights(NZ) > 8500) & (heights(NZ) < 9600)
    assert ratio[layer] == pytest.approx(1.15) and ratio[0] < 0.8 and ratio[-1] < 0.8
    assert np.interp(9500, heights(NZ), temperature) == pytest.approx(273.15 - 48, abs=0.5)
    assert (np.diff(AIR.theta) > 0).all()


def test_uplift_lowers_pressure_as_the_height_gained_does():
    risen = pressure_after(AIR, 3600.0)
    assert (AIR.pressure - risen) / (AIR.density * GRAVITY) == pytest.approx(0.03 * 3600)


def test_flow_conserves_mass_is_periodic_and_closed():
    advection, stream = prescribed(1234.0)
    across, up = advection.faces.across[:, 0, 1:-1], advection.faces.up[:, 0, 1:]
    divergence = np.diff(across, axis=0) + np.diff(up, axis=1)
    assert np.abs(divergence).max() < 1e-14 and np.abs(across).max() > 0.05
    assert across[0] == pytest.approx(across[-1], abs=1e-12)
    assert np.abs(up[:, [0, -1]]).max() == 0
    assert np.abs(across / AIR.density).max() + np.abs(up[:, :-1] / AIR.density).max() < 1


def test_no_air_moves_farther_than_the_bound_says():
    moved = []
    for seed, time in ((seed, time) for seed in range(4) for time in np.arange(0, 7200, 300)):
        faces = prescribed(time, seed=seed)[0].faces
        across, up = (np.abs(side[:, 0]) for side in (faces.across[:-1, :, 1:-1], faces.up[:, :, 1:-1]))
        moved.append(np.max((across + up) / AIR.density))
    bound = largest_courant(AIR, NX, 0.4, 1.5e-3)
    assert 0.5 * bound < max(moved) < bound < 1
    assert largest_courant(standing_air(NZ, 2 * DT, 0.03), NX, 0.4, 1.5e-3) == pytest.approx(2 * bound)


def test_a_top_amid_the_cells_is_known():
    assert [nz for nz in range(1, 80) if not fits_cells(nz)] == list(range(25, 60))


def test_updraught_and_shear_are_those_asked_for():
    stream = np.stack([prescribed(time, shear=0.0)[1] for time in np.arange(0, 7200, 100)])
    velocity = np.diff(stream, axis=1) / DX / np.interp(9100, heights(NZ), AIR.density)
    assert np.sqrt((velocity[:, :, 42] ** 2).mean()) == pytest.approx(0.4, rel=0.25)
    assert np.abs(velocity[:, :, :20]).max() == 0
    wind = -np.diff(prescribed(updraught=0.0)[1][0]) / DZ / AIR.density
    assert np.diff(wind)[1:-1] / DZ == pytest.approx(1.5e-3, rel=0.01)


def test_flow_changes_in_time_and_with_its_seed():
    streams = [prescribed(time, seed=seed)[1] for time, seed in ((0, 0), (0, 0), (1800, 0), (0, 1))]
    assert (streams[0] == streams[1]).all()
    assert all(np.abs(streams[0] - other).max() > 10 for other in streams[2:])


def test_advection_keeps_mass_sign_and_what_is_even():
    advection, stream = prescribed(n_fields=3)
    inner = advection.padded[:, :, 1:-1]
    inner[:, 0], inner[:, 1], inner[:, 2] = 300.0, np.random.default_rng(0).random((NX, NZ)), 0.0
    inner[20:30, 2, 35:45] = 1e-4
    pad(advection.padded)
    before = (inner * AIR.density).sum((0, 2))
    move(advection, stream, 300)
    assert (inner * AIR.density).sum((0, 2)) == pytest.approx(before, rel=1e-13)
    assert inner[:, 0] == pytest.approx(300.0, rel=1e-13)
    assert inner.min() >= 0 and inner[:, 2].max() < 1.05e-4


def test_fields_do_not_mix():
    alone, stream = prescribed()
    crowd, _ = prescribed(n_fields=3)
    blob = np.zeros((NX, NZ))
    blob[20:30, :20] = 1.0
    alone.padded[:, 0, 1:-1] = crowd.padded[:, 1, 1:-1] = blob
    crowd.padded[:, [0, 2], 1:-1] = np.random.default_rng(1).random((NX, 2, NZ))
    for advection in (alone, crowd):
        pad(advection.padded)
        move(advection, stream, 100)
    assert crowd.padded[:, 1] == pytest.approx(alone.padded[:, 0], abs=1e-14)


#: PyMPDATA's own solver, uncompiled, after two steps.
THEIRS = """
import sys
import numpy as np
from PyMPDATA import Options, ScalarField, Solver, Stepper, VectorField
from PyMPDATA.boundary_conditions import Constant, Periodic

given, options = np.load(sys.argv[1]), Options(n_iters=2)
walls = {"halo": options.n_halo, "boundary_conditions": (Periodic(), Constant(0.0))}
psi, density = (ScalarField(given[name], **walls) for name in ("fields", "density"))
faces = VectorField((given["across"], given["up"]), **walls)
solver = Solver(Stepper(options=options, n_dims=2, non_unit_g_factor=True, n_threads=1), psi, faces, density)
solver.advance(2)
print(*solver.advectee.get().ravel())
"""


def test_advection_is_that_of_pympdata(tmp_path):
    """Of the formulae it is made of, none is left out or in another place."""
    random, nx, nz = np.random.default_rng(0), 8, 6
    advection = Advection(np.linspace(0.5, 0.4, nz), nx, 1)
    advection.padded[:] = random.random(advection.padded.shape)
    advection.faces.across[:, :, 1:-1] = random.uniform(-0.1, 0.1, (nx + 1, 1, nz))
    advection.faces.across[-1] = advection.faces.across[0]
    advection.faces.up[:, :, 2:-1] = random.uniform(-0.1, 0.1, (nx, 1, nz - 1))
    up = np.pad(advection.faces.up[:, 0], [(0, 0), (0, 1)])
    density = np.tile(np.pad(np.linspace(0.5, 0.4, nz), 1, mode="edge"), (nx, 1))
    given = {"fields": advection.padded[:, 0], "across": advection.faces.across[:, 0], "up": up, "density": density}
    np.savez(tmp_path / "given.npz", **given)
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(paths.ROOT)}
    command = [sys.executable, "-c", THEIRS, str(tmp_path / "given.npz")]
    theirs = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    before = advection.padded.copy()
    advection.step()
    advection.step()
    assert np.abs(advection.padded - before).max() > 0.01
    assert advection.padded.ravel() == pytest.approx(np.array(theirs.split(), float), rel=1e-14)
