"""lib.cirrus.kinematic.simulation: one flow in three microphysics; what is conserved, where they agree, and how noise falls."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lib.cirrus.kinematic.bins import HEAVIEST, LIGHTEST, bin_of
from lib.cirrus.kinematic.bulk import quadrature
from lib.cirrus.kinematic.flow import DX, DZ, THETA, VAPOUR, exner, standing_air
from lib.cirrus.kinematic.ice import C_P, HABITS, RHO_ICE, latent_heat
from lib.cirrus.kinematic.lagrangian import by_cell, spread_nuclei, velocity
from lib.cirrus.kinematic.population import Crystals
from lib.cirrus.kinematic.simulation import (
    SCHEMES,
    Case,
    Simulation,
    central_case,
    comparison,
    ensemble,
    hypercube_cases,
    run_case,
)
from lib.cirrus.schema import VARIABLES
from lib.core import paths

SMALL = Case(nx=16, duration=1800.0, per_cell=8)
Q, N, M, V, RHO = range(5)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def three():
    """Half an hour of the same cirrus in each scheme: ice, and the largest change of all water."""
    return {scheme: run_case(replace(SMALL, scheme=scheme, per_cell=64))[:2] for scheme in SCHEMES}


SAME = """
import hashlib
from lib.cirrus.kinematic.simulation import Case, run_case
print(hashlib.sha256(run_case(Case(nx=16, duration=600.0))[0].tobytes()).hexdigest())
"""


def test_the_bytes_are_the_same_whether_kernels_are_compiled_or_found(three, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    caches = ({}, {"NUMBA_CACHE_DIR": str(tmp_path)})  # what this process has compiled, and nothing
    runs = [
        subprocess.Popen([sys.executable, "-c", SAME], env=environment | cache, stdout=subprocess.PIPE, text=True)
        for cache in caches
    ]
    found, compiled = (run.communicate()[0] for run in runs)
    assert len(found) > 64 and found == compiled


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_water_is_made_or_lost(three, scheme):
    states, residual = three[scheme]
    assert states[-1, Q].max() > 1e-5
    assert residual < 1e-12


def test_particles_and_vapour_keep_their_water_in_each_step():
    simulation = Simulation(replace(SMALL, scheme="lagrangian"))
    water = [simulation.water()]
    for _ in range(60):
        simulation.run(1)
        water.append(simulation.water())
    assert np.abs(np.diff(water)).max() / water[0] < 1e-14 < simulation.scheme.ice_mass(simulation.fields).max()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ice_that_forms_warms_its_cell_by_its_latent_heat(scheme):
    still = replace(SMALL, scheme=scheme, nx=4, updraught=0.0, uplift=0.0, shear=0.0, sedimentation=False, first=0.05)
    simulation = Simulation(still)
    simulation.run(30)
    theta, vapour = (simulation.fields[:, field, 1:-1].copy() for field in (THETA, VAPOUR))
    simulation.run(1)
    warmed, lost = (
        after - before for after, before in zip(simulation.fields[:, :2, 1:-1].swapaxes(0, 1), (theta, vapour), strict=True)
    )
    factor, lost = exner(simulation.air.pressure), -lost
    latent = np.vectorize(latent_heat)(theta * factor)
    assert np.abs(lost).max() > 1e-8
    assert C_P * factor * warmed == pytest.approx(latent * lost, rel=1e-6, abs=1e-3 * np.abs(latent * lost).max())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_water_that_falls_out_is_counted(scheme):
    simulation = Simulation(replace(SMALL, scheme=scheme, nz=40, updraught=0.0, uplift=0.05))
    water = simulation.water()
    simulation.run(540)
    assert simulation.water() == pytest.approx(water, rel=1e-12)
    inside = ((simulation.fields[:, 1, 1:-1] + simulation.scheme.ice_mass(simulation.fields)) * simulation.air.density).sum() * DZ
    assert inside < 0.9999 * water


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ice_is_possible(three, scheme):
    states = three[scheme][0]
    assert (states[0] == 0).all()
    ice = states[:, Q] > 1e-8
    assert np.isfinite(states).all() and (states >= 0).all()
    assert (states[:, RHO][ice] <= RHO_ICE * 1.000001).all() and (states[:, RHO][ice] > 50).all()
    assert states[:, V][ice].max() < 2.5 and states[:, V][ice].min() > 0
    assert states[:, M][ice] == pytest.approx(states[:, Q][ice] / states[:, N][ice])


def test_schemes_agree_where_nothing_moves():
    still = replace(
        SMALL, nx=8, duration=3600.0, updraught=0.0, uplift=0.0, shear=0.0, noise=0.0, sedimentation=False, shape=np.inf,
        per_cell=256, first=0.05,
    )  # fmt: skip
    found = {scheme: run_case(replace(still, scheme=scheme))[0] for scheme in SCHEMES}
    last = {scheme: states[-1].mean(axis=-1) for scheme, states in found.items()}
    rows = last["bulk"][Q] > 2e-6
    assert rows.sum() > 20
    for scheme in ("bins", "lagrangian"):
        for variable in (Q, N, M, V, RHO):
            assert last[scheme][variable, rows] == pytest.approx(last["bulk"][variable, rows], rel=0.01), (scheme, variable)
    series = {scheme: states[1:, Q].sum((1, 2)) for scheme, states in found.items()}
    assert series["bins"] == pytest.approx(series["bulk"], rel=0.01)
    assert series["lagrangian"] == pytest.approx(series["bulk"], rel=0.01)


def test_schemes_differ_where_crystals_fall():
    """Sizes sort in different ways: a scheme's ice is not the other's, though their sums are close."""
    states = {scheme: run_case(replace(SMALL, scheme=scheme, per_cell=32))[0][-1] for scheme in SCHEMES}
    total = {scheme: state[Q].sum() for scheme, state in states.items()}
    assert total["bins"] == pytest.approx(total["bulk"], rel=0.1)
    assert total["lagrangian"] == pytest.approx(total["bulk"], rel=0.1)
    apart = np.abs(states["lagrangian"][Q] - states["bulk"][Q]).sum() / total["bulk"]
    assert apart > 0.1


def test_noise_of_particles_falls_with_the_root_of_their_number():
    case = replace(SMALL, scheme="lagrangian", noise=0.0, duration=600.0, every=600.0)
    spreads = []
    for per_cell in (4, 16, 64):
        pair = [run_case(replace(case, per_cell=per_cell, seed=seed))[0][-1, N] for seed in (1, 2)]
        spreads.append(np.sqrt(np.mean((pair[0] - pair[1]) ** 2)))
    slope = np.polyfit(np.log([4, 16, 64]), np.log(spreads), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.08)


def test_more_nuclei_make_more_and_smaller_crystals():
    few, many = (run_case(replace(SMALL, n_inp=n_inp))[0][-1] for n_inp in (3e4, 3e5))
    assert many[N].sum() > 3 * few[N].sum()
    assert np.median(many[M][many[Q] > 1e-7]) < 0.7 * np.median(few[M][few[Q] > 1e-7])


def test_halved_time_steps_change_little():
    whole, halved = (run_case(replace(SMALL, dt=dt))[0][-1, Q] for dt in (10.0, 5.0))
    assert np.abs(whole - halved).sum() / whole.sum() < 0.05


def test_the_quadrature_has_the_moments_of_a_gamma_distribution():
    for shape in (1.0, 2.0, 5.0):
        nodes, shares = quadrature(shape, 3)
        assert (shares.sum(), shares @ nodes, shares @ nodes**2) == pytest.approx((1, 1, 1 + 1 / shape))
    assert [values.tolist() for values in quadrature(np.inf)] == [[1.0], [1.0]]


def test_bins_are_even_in_the_logarithm_and_take_what_is_beyond():
    masses = LIGHTEST * (HEAVIEST / LIGHTEST) ** ((np.arange(40) + 0.5) / 40)
    assert [bin_of(mass, 40) for mass in masses] == list(range(40))
    assert (bin_of(LIGHTEST / 10, 40), bin_of(HEAVIEST * 10, 40)) == (0, 39)


def test_nuclei_are_spread_evenly():
    air, crystals = standing_air(8, 10.0, 0.0), Crystals(0.1, HABITS["plate"], 1e5, 0.15, 0.45, 1.0)
    particles = spread_nuclei(air.density, 4, 32, crystals, 0)
    starts, order = by_cell(particles, 4, 8)
    assert (np.diff(starts) == 32).all() and sorted(order) == list(range(4 * 8 * 32))
    inside = order[starts[9] : starts[10]]
    assert (particles.x[inside] // DX == 1).all() and (particles.z[inside] // DZ == 1).all()
    assert np.sort((particles.threshold[inside] - 0.15) / 0.3 * 32 // 1).tolist() == list(range(32))
    assert particles.multiplicity[inside].sum() / (air.density[1] * DX * DZ) == pytest.approx(1e5)


def test_velocity_is_linear_between_the_faces():
    stream = np.zeros((3, 3))
    stream[1, 1] = 100.0
    density = np.array([0.5, 0.4])
    west, middle, east = (velocity(x, 25.0, stream, density) for x in (0.0, 50.0, 100.0))
    assert (west[0], east[0]) == pytest.approx((0, -100 / DZ / 0.5)) and middle[0] == pytest.approx(east[0] / 2)
    assert west[1] == middle[1] == pytest.approx(100 / DX / 0.5 / 2)


def test_the_same_case_gives_the_same_ice():
    case = replace(SMALL, scheme="lagrangian", duration=300.0)
    one, other = (run_case(case)[0] for _ in range(2))
    assert (one == other).all() and np.abs(run_case(replace(case, seed=1))[0] - one).max() > 0


def test_an_ensemble_is_in_the_schema_and_found_again(cache):
    cases = [replace(SMALL, nx=8, duration=600.0, n_inp=n_inp) for n_inp in (5e4, 1e5)]
    data = ensemble(cases)
    assert dict(data.sizes) == {"member": 2, "time": 3, "z": 64, "x": 8} and set(VARIABLES) <= set(data)
    assert data.n_inp.values.tolist() == [5e4, 1e5] and "deposition_coefficient" not in data.coords
    assert (data.water_residual < 1e-12).all() and (data.cpu_seconds > 0).all()
    written = {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    assert ensemble(cases).q_i.values == pytest.approx(data.q_i.values)
    assert written == {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    assert data.q_i.isel(member=1).values == pytest.approx(run_case(cases[1])[0][:, Q], rel=1e-6)
    assert (data.m_i.where(data.q_i == 0, 0) == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scheme": "spectral"}, "scheme: expected one of bulk, bins, lagrangian, got 'spectral'"),
        ({"habit": "dendrite"}, "habit: expected one of solid column, bullet rosette, plate, got 'dendrite'"),
        ({"n_inp": 0.0}, "n_inp: expected more than 0, got 0.0"),
        ({"every": 301.0}, "every: expected a multiple of 10 s, got 301"),
        ({"duration": 1000.0}, "duration: expected a multiple of 300 s, got 1000"),
        ({"first": 0.45, "last": 0.45}, "first, last: expected ascending supersaturations, got 0.45 and 0.45"),
        ({"nz": 40}, "nz: 40 levels end amid the generating cells: expected 60 or more, or at most 24"),
        ({"dt": 60.0}, "dt: air moves up to 2.* cells in 60 s, more than the one"),
    ],
)
def test_bad_cases(change, message):
    with pytest.raises(ValueError, match=message):
        Case(**change)


def test_ensembles_of_unlike_grids_are_refused(cache):
    with pytest.raises(ValueError, match="the same grid and with the same times of output"):
        ensemble([SMALL, replace(SMALL, nx=8)])


def test_parameters_are_drawn_evenly_in_their_logarithms():
    ranges = {"n_inp": [1e4, 1e6], "deposition_coefficient": [0.01, 1.0]}
    cases = hypercube_cases(SMALL, ranges, 10, seed=1)
    for name, (low, high) in ranges.items():
        place = np.log([getattr(case, name) / low for case in cases]) / np.log(high / low)
        assert sorted((10 * place).astype(int)) == list(range(10))
    assert {case.nx for case in cases} == {SMALL.nx} and cases == hypercube_cases(SMALL, ranges, 10, seed=1)


def test_the_middle_of_ranges_is_that_of_their_logarithms():
    case = central_case(SMALL, {"n_inp": [1e4, 1e6], "deposition_coefficient": [0.01, 1.0]})
    assert (case.n_inp, case.deposition_coefficient) == pytest.approx((1e5, 0.1)) and case.per_cell == SMALL.per_cell


def test_a_comparison_has_the_same_cases_in_all_schemes(cache):
    case = replace(SMALL, nx=8, duration=300.0, per_cell=4, n_bins=10)
    bulk, schemes, seeds, flows, finer = comparison(case, {"n_inp": [5e4, 2e5]}, 3, 2)
    assert bulk.sizes["member"] == 3 and list(schemes) == list(SCHEMES) and list(seeds) == list(flows) == ["bulk", "lagrangian"]
    assert all(ice.n_inp.values.tolist() == [case.n_inp, bulk.n_inp.values[0]] for ice in schemes.values())
    assert all(ice.member.values.tolist() == [0, 1] for ice in schemes.values())
    assert schemes["bulk"].q_i[1].values == pytest.approx(bulk.q_i[0].values)
    assert finer.sizes["member"] == 1 and finer.per_cell.values == [16]
    for others in (seeds, flows):
        assert others["bulk"].sizes["member"] == 1 and np.abs(others["bulk"].q_i[0] - schemes["bulk"].q_i[0]).max() > 0
    assert (
        (seeds["bulk"].flow_seed == 0).all()
        and flows["bulk"].flow_seed.values == [1]
        and flows["bulk"].seed.values == [case.seed]
    )
