"""lib.crystals.rosette: directions, random variation and lengths of the published models, and 10,000 valid crystals."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import kstest

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import (
    ROSETTE_MODELS,
    SPHERICAL_CODES,
    directions_2023,
    hexagons,
    random_on_caps,
    rosette,
    sample,
    smallest_angle,
)
from lib.crystals.solid import Solid, booleans_on_one_thread, targets
from lib.imaging.draw.silhouette import silhouettes

BASE_2025 = {"a": 20.0, "c": 50.0, "f_r0": 1.1, "f_hp": 0.9, "f_h0": 0.8}
BASE_2023 = {"a": 0.3, "c": 2.0, "r0": 1.0, "h0": 0.25, "hp": 0.75}
HEXAGON = 1.5 * 3**0.5  # area of a hexagon of circumradius 1


@pytest.fixture(scope="module")
def processes():
    """Two fresh processes, as the build of a data set has them."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"), initializer=booleans_on_one_thread) as pool:
        yield pool


def angles_between(first, second):
    """Angles [deg] between the rows of two arrays of unit vectors."""
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1, 1)))


def differ(one, other):
    """Whether two rosettes differ anywhere."""
    return any(not np.array_equal(a, b) for a, b in zip(astuple(one), astuple(other), strict=True))


# --- directions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "angle"), [(4, 109.4712), (5, 90), (6, 90), (7, 77.8695), (8, 74.8585), (9, 70.5288), (10, 66.1468)]
)
def test_spherical_codes(n, angle):
    directions = SPHERICAL_CODES[n]
    assert directions.shape == (n, 3)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(n), abs=1e-9)
    assert smallest_angle(directions) == pytest.approx(angle, abs=6e-5)


@pytest.mark.parametrize(
    ("n", "angle"), [(2, 180), (3, 119.1), (4, 109.47), (5, 87.4), (6, 90), (7, 72.1), (8, 70.53), (9, 62.9), (10, 59.4)]
)
def test_directions_of_2023(n, angle):
    directions = directions_2023(n)
    assert directions.shape == (n, 3)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(n), abs=1e-12)
    assert smallest_angle(directions) == pytest.approx(angle, abs=0.1)


def test_smallest_angle_by_hand():
    assert smallest_angle(np.array([[1, 0, 0], [0, 1, 0], [0.8, 0.6, 0]])) == pytest.approx(np.degrees(np.arcsin(0.6)))


@pytest.mark.parametrize("centre", [(0, 0, 1), (0, 0, -1), (0.6, 0, 0.8), (-0.48, 0.64, -0.6)])
def test_caps_are_uniform_by_area(centre):
    half_angle, n = 25.0, 20_000
    centres = np.tile(np.array(centre, float), (n, 1))
    points = random_on_caps(centres, half_angle, np.random.default_rng(3))
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.ones(n), abs=1e-9)
    height = (1 - points @ np.array(centre, float)) / (1 - np.cos(np.radians(half_angle)))
    assert kstest(height, "uniform").pvalue > 0.01
    assert 0 <= height.min() < 0.001 < 0.999 < height.max() <= 1 + 1e-9
    across = np.linalg.svd(np.array([centre], float))[2][1:]  # two normals of the centre
    azimuth = np.arctan2(*(across @ points.T)) / (2 * np.pi) + 0.5
    assert kstest(azimuth, "uniform").pvalue > 0.01


@pytest.mark.parametrize(("model", "n"), [("2025", n) for n in range(4, 11)] + [("2023", n) for n in (1, 3, 5, 8)])
def test_bullets_stay_on_their_caps_and_use_all_of_them(model, n):
    crystals = sample(150, seed=5, model=model, n_bullets=n)
    regular = SPHERICAL_CODES[n] if model == "2025" else directions_2023(n)
    off = np.array([angles_between(crystal.directions, regular) for crystal in crystals])
    cap = smallest_angle(regular) / 3 if model == "2025" else 15
    assert 0.98 * cap < off.max() <= cap + 1e-6
    assert kstest(((1 - np.cos(np.radians(off))) / (1 - np.cos(np.radians(cap)))).ravel(), "uniform").pvalue > 1e-3


def test_hexagons_are_regular_and_normal_to_their_axis():
    axes = random_on_caps(np.tile([0.0, 0.0, -1.0], (50, 1)), 180, np.random.default_rng(0))
    axes[0] = (0, 0, -1)
    corners = hexagons(axes, np.linspace(0, 1, 50))
    assert (corners * axes[:, None]).sum(axis=2) == pytest.approx(np.zeros((50, 6)), abs=1e-12)
    assert np.linalg.norm(corners, axis=2) == pytest.approx(np.ones((50, 6)))
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2) == pytest.approx(np.ones((50, 6)))
    turn = angles_between(corners[:, 0], hexagons(axes, np.zeros(50))[:, 0])
    assert np.radians(turn) == pytest.approx(np.linspace(0, 1, 50), abs=1e-6)


# --- lengths ------------------------------------------------------------------------------------------------------------


def measured(crystal, solid):
    """Per bullet: distances of tip, inner and outer basal face along the axis, and the hexagon's circumradius."""
    for axis, piece in zip(crystal.directions, solid.pieces, strict=True):
        along = piece @ axis
        across = np.linalg.norm(piece - along[:, None] * axis, axis=1)
        assert along[1:7] == pytest.approx(np.full(6, along[1])) and along[7:] == pytest.approx(np.full(6, along[7]))
        assert across[1:] == pytest.approx(np.full(12, across[1])) and across[0] < 1e-9 * along[7]
        yield along[0], along[1], along[7], across[1]


@pytest.mark.parametrize("n", [4, 7, 10])
def test_lengths_of_2025(n):
    crystal = rosette(BASE_2025, n, np.random.default_rng(2))
    r0 = 1.1 * 20 * (0.5 + (n - 4) / 16)
    hp = 0.9 * r0 * (1 + (n - 4) / 16)
    h0 = 0.8 * r0 / 2
    solid = crystal.solid()
    assert solid.spheres.tolist() == [[0, 0, 0, pytest.approx(r0)]]
    for tip, inner, outer, radius in measured(crystal, solid):
        f_a, f_c = radius / 20, (outer - inner) / 100
        assert 0.8 < f_a < 1.2 and 0.8 < f_c < 1.2
        assert inner == pytest.approx(r0 + hp - h0)
        assert tip == pytest.approx(r0 + hp * (1 - f_a) - h0)
        assert outer == pytest.approx(r0 + hp - h0 + 2 * 50 * f_c)


@pytest.mark.parametrize("n", [1, 4, 8])
def test_lengths_of_2023(n):
    crystal = rosette(BASE_2023, n, np.random.default_rng(2), "2023")
    solid = crystal.solid()
    assert solid.spheres.tolist() == [[0, 0, 0, 1]]
    for tip, inner, outer, radius in measured(crystal, solid):
        scale = (inner - tip) / 0.75
        assert 0.5 < scale < 1.5 and 0.75 < radius / 0.6 < 1.25
        assert tip == pytest.approx(0.75)
        assert outer == pytest.approx(0.75 + scale * (0.75 + 4))


@pytest.mark.parametrize(("model", "base"), [("2025", BASE_2025), ("2023", BASE_2023)])
def test_a_regular_rosette_has_equal_bullets(model, base):
    crystal = rosette(base, 6, model=model)
    assert np.array_equal(crystal.directions, SPHERICAL_CODES[6])
    for lengths in (crystal.basal_um, crystal.prism_um, crystal.pyramid_um, crystal.tip_um):
        assert np.ptp(lengths) == 0
    assert crystal.prism_um[0] == 2 * base["c"]
    assert crystal.basal_um[0] == (base["a"] if model == "2025" else 2 * base["a"])


def test_a_single_bullet_has_its_closed_form():
    crystal = rosette(BASE_2023, 1, model="2023")
    bullet = targets(Solid(crystal.solid().pieces))
    assert bullet.volume == pytest.approx(HEXAGON * 0.36 * (4 + 0.75 / 3), rel=1e-9)
    assert bullet.area == pytest.approx(HEXAGON * 0.36 + 6 * 0.6 * 4 + 3 * 0.6 * np.hypot(0.75, 0.3 * 3**0.5), rel=1e-9)


# --- sampling -----------------------------------------------------------------------------------------------------------


def base_values(crystals, model):
    """Base parameters (n, number of ranges) in the order of the model's ranges."""
    ranges = ROSETTE_MODELS[model].ranges
    rows = [crystal.base | {"c_over_a": crystal.base["c"] / crystal.base["a"]} for crystal in crystals]
    return np.array([[row[name] for name in ranges] for row in rows])


def test_the_published_ranges():
    assert ROSETTE_MODELS["2025"].ranges == {
        "a": (9.44, 33.90),
        "c_over_a": (1.19, 5.75),
        "f_r0": (0.8, 1.2),
        "f_hp": (0.8, 1.2),
        "f_h0": (0.8, 1.2),
    }
    assert ROSETTE_MODELS["2023"].ranges == {"a": (0.1, 0.5), "c": (1, 4), "r0": (1, 1), "h0": (0.25, 0.25), "hp": (0.75, 0.75)}


@pytest.mark.parametrize("model", ROSETTE_MODELS)
def test_base_parameters_are_one_latin_hypercube(model):
    n = 200
    low, high = np.array(list(ROSETTE_MODELS[model].ranges.values())).T
    values = base_values(sample(n, seed=6, model=model), model)
    drawn = high > low
    assert (values[:, ~drawn] == low[~drawn]).all()
    strata = np.floor((values - low)[:, drawn] / (high - low)[drawn] * n)
    assert (np.sort(strata, axis=0) == np.arange(n)[:, None]).all()
    correlation = np.corrcoef(strata, rowvar=False) - np.eye(drawn.sum())
    assert np.abs(correlation).max() < 0.3


@pytest.mark.parametrize(("model", "width", "length"), [("2025", (0.8, 1.2), (0.8, 1.2)), ("2023", (0.75, 1.25), (0.5, 1.5))])
def test_width_and_length_vary_uniformly_and_independently(model, width, length):
    crystals = sample(400, seed=8, model=model)
    twice = 1 if model == "2025" else 2
    factors = [
        np.concatenate([crystal.basal_um / (twice * crystal.base["a"]) for crystal in crystals]),
        np.concatenate([crystal.prism_um / (2 * crystal.base["c"]) for crystal in crystals]),
        np.concatenate([crystal.roll for crystal in crystals]),
    ]
    for factor, (low, high) in zip(factors, [width, length, (0, np.pi / 3)], strict=True):
        assert kstest((factor - low) / (high - low), "uniform").pvalue > 0.01
    assert np.abs(np.corrcoef(factors) - np.eye(3)).max() < 0.08
    firsts = np.array([crystal.basal_um[:2] / crystal.base["a"] for crystal in crystals if crystal.n_bullets > 1])
    assert abs(np.corrcoef(firsts.T)[0, 1]) < 0.2  # from bullet to bullet, not only from crystal to crystal


@pytest.mark.parametrize(("model", "bullets"), [("2025", range(4, 11)), ("2023", range(1, 9))])
def test_numbers_of_bullets_come_in_equal_shares(model, bullets):
    drawn = [crystal.n_bullets for crystal in sample(10 * len(bullets), seed=0, model=model)]
    assert np.unique(drawn, return_counts=True)[1].tolist() == [10] * len(bullets)
    assert sorted(set(drawn)) == list(bullets)


def test_a_wanted_number_of_bullets():
    assert {crystal.n_bullets for crystal in sample(9, seed=0, n_bullets=7)} == {7}


def test_the_number_of_bullets_is_not_tied_to_the_size():
    crystals = sample(700, seed=9)
    correlation = np.corrcoef([crystal.n_bullets for crystal in crystals], [crystal.base["a"] for crystal in crystals])
    assert abs(correlation[0, 1]) < 0.12


@pytest.mark.parametrize("model", ROSETTE_MODELS)
def test_rows_are_the_crystals_of_the_whole(model):
    whole = sample(20, seed=11, model=model, hollow=0.5)
    part = sample(20, seed=11, model=model, hollow=0.5, rows=range(5, 9))
    assert len(part) == 4
    assert not any(differ(one, other) for one, other in zip(part, whole[5:9], strict=True))
    assert sample(20, seed=11, rows=range(3, 3)) == []


def test_the_seed_decides():
    first, again, other = (sample(10, seed=seed) for seed in (1, 1, 2))
    assert not any(differ(*pair) for pair in zip(first, again, strict=True))
    assert all(differ(*pair) for pair in zip(first, other, strict=True))
    assert len({crystal.directions.tobytes() for crystal in first}) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_crystals": 0}, "n_crystals: expected at least 1, got 0"),
        ({"model": "2024"}, "model: expected one of 2025, 2023, got '2024'"),
        ({"n_bullets": 3}, "n_bullets: the 2025 model has 4 to 10, got 3"),
        ({"n_bullets": 0}, "n_bullets: the 2025 model has 4 to 10, got 0"),
        ({"n_bullets": 9, "model": "2023"}, "n_bullets: the 2023 model has 1 to 8, got 9"),
        ({"hollow": 1.0}, "hollow: expected a fraction from 0 to below 0.95, got 1.0"),
        ({"hollow": -0.1}, "hollow: expected"),
        ({"hollow": float("nan")}, "hollow: expected"),
        ({"rows": range(3, 6)}, "rows: expected some of 0 to 4"),
        ({"rows": range(-1, 2)}, "rows: expected some of 0 to 4"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample(**{"n_crystals": 5, "seed": 0} | arguments)


# --- hollow bullets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ROSETTE_MODELS)
def test_hollows_take_volume_and_leave_the_silhouettes(model):
    turns = random_orientations(3, seed=0)
    for crystal, emptier in zip(sample(8, 3, model), sample(8, 3, model, hollow=0.8), strict=True):
        assert np.array_equal(crystal.directions, emptier.directions)
        solid, hollow = crystal.solid(), emptier.solid()
        before, after = targets(solid), targets(hollow)
        cones = HEXAGON / 3 * (crystal.basal_um**2 * emptier.hollow * crystal.prism_um).sum()
        assert after.volume < before.volume
        assert after.volume == pytest.approx(before.volume - cones, rel=0.02)  # hollows of neighbours may meet inside
        assert after.area > before.area
        assert after.radius == before.radius
        pictures = [silhouettes(shape, turns, (0, 90), size=64).coverage for shape in (solid, hollow)]
        assert np.array_equal(*pictures)


def test_depth_of_the_hollows_varies_about_its_mean():
    depth = np.concatenate([crystal.hollow for crystal in sample(300, seed=0, hollow=0.6)])
    assert depth.mean() == pytest.approx(0.6, abs=0.003)
    assert depth.std() == pytest.approx(0.03, rel=0.1)
    assert max(crystal.hollow.max() for crystal in sample(300, seed=0, hollow=0.94)) == 0.95
    assert (rosette(BASE_2025, 5, hollow=0.6).hollow == 0.6).all()
    assert rosette(BASE_2025, 5).solid().cavities == ()


# --- validity -----------------------------------------------------------------------------------------------------------


def checked(task):
    """Volume over that of the largest part and over the sum of parts, rho_e, a_e (4,) of the crystals of one task."""
    model, rows = task
    found = []
    for crystal in sample(10_000, 2025, model, rows=rows):
        truth = targets(crystal.solid())
        bullets = HEXAGON * crystal.basal_um**2 * (crystal.prism_um + crystal.pyramid_um / 3)
        parts = [*bullets, 4 / 3 * np.pi * crystal.sphere_um**3]
        found.append((truth.volume / max(parts), truth.volume / sum(parts), truth.rho_e, truth.a_e))
    return found


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("2025", 1_250),
        ("2023", 400),
        pytest.param("2025", 10_000, marks=pytest.mark.long("a minute for every crystal of the design, an eighth of them above")),
    ],
)
def test_no_crystal_fails(processes, model, count):
    step = 10_000 // count
    tasks = [(model, range(start, 10_000, 8 * step)) for start in range(0, 8 * step, step)]
    found = np.concatenate(list(processes.map(checked, tasks)))
    assert len(found) >= count and found.shape[1] == 4
    over_largest, over_sum, rho_e, a_e = found.T
    assert np.isfinite(found).all()
    assert (over_largest >= 1 - 1e-9).all() and (over_sum <= 1 + 1e-9).all()
    if model == "2025":  # no bullet is lost, and none is counted twice
        assert over_sum.min() > 0.6
    assert ((rho_e > 0) & (rho_e < 1) & (a_e > rho_e ** (2 / 3)) & (a_e < 2)).all()  # isoperimetric inequality


# --- published cases ----------------------------------------------------------------------------------------------------


def redrawn(task):
    """rho_e and a_e (draws, 2) of random rosettes with the base parameters of a published case."""
    base, n_bullets, seed, draws = task
    rng = np.random.default_rng([27, seed])
    return np.array([targets(rosette(base, n_bullets, rng).solid())[3:] for _ in range(draws)])


def test_published_crystals_lie_within_our_distribution(shared_data, processes):
    cases = np.load(shared_data / "rosettes" / "peer_cases.npz")
    bases = [dict(zip(("a", "c", "f_r0", "f_hp", "f_h0"), row, strict=True)) for row in cases["params"].tolist()]
    tasks = [(base, n, i, 100) for i, (base, n) in enumerate(zip(bases, cases["n_arms"].tolist(), strict=True))]
    published = np.column_stack([cases["rho_eff"], cases["sa_eff"]])
    drawn = np.array(list(processes.map(redrawn, tasks)))
    rank = (drawn < published[:, None]).mean(axis=1)
    assert ((rank > 0) & (rank < 1)).all(), rank
    for quantity in range(2):
        assert kstest(rank[:, quantity], "uniform").pvalue > 0.01
    standard = (published - drawn.mean(axis=1)) / drawn.std(axis=1)
    assert np.abs(standard.mean(axis=0)).max() < 3 / len(standard) ** 0.5
    assert ((standard.std(axis=0) > 0.65) & (standard.std(axis=0) < 1.4)).all(), standard.std(axis=0)
