"""lib.crystals.habits: nine families of valid, connected solids of the stated sizes and shapes, told apart by their outlines."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.stats import kstest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score

from lib.crystals.habits import HABITS, LINE_OF_SIGHT, orientation, sample
from lib.crystals.parts import Habit, plate, polyhedron, prism, random_surface_points
from lib.crystals.solid import Solid, booleans_on_one_thread, bounding_sphere, corners, targets, union
from lib.imaging.draw.silhouette import CAMERA, silhouettes
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, SCALE_FREE, describe

HEXAGON = 1.5 * 3**0.5  # area of a hexagon of circumradius 1
COLUMNS = [*PUBLISHED, *EXTENDED]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    booleans_on_one_thread()


@pytest.fixture(scope="module")
def drawn():
    """The first 60 crystals of each habit, and their pictures (habit, crystal, 96, 96) with a pixel's side [um]."""
    solids, pictures, pixels = {}, {}, {}
    for habit in HABITS:
        solids[habit] = sample(habit, 60, seed=1)
        rng = np.random.default_rng(2)
        found = [silhouettes(solid, orientation(habit, rng)[None], size=96) for solid in solids[habit]]
        pictures[habit] = np.array([one.coverage[0, 0] for one in found])
        pixels[habit] = np.array([one.pixel_um[0] for one in found])
    return solids, pictures, pixels


def described(pictures, *names):
    """Descriptors (n, names) of pictures (n, h, w) of coverage."""
    found = describe((pictures >= 2).astype(np.uint8), extended=True)
    assert not any(found.reason)
    return found.values[:, [COLUMNS.index(name) for name in names]]


def same(one, other):
    """Whether two solids are equal to the last bit."""
    parts = [(*solid.pieces, *(c for c in solid.cavities if c is not None), solid.spheres) for solid in (one, other)]
    return len(parts[0]) == len(parts[1]) and all(a.tobytes() == b.tobytes() for a, b in zip(*parts, strict=True))


def lengths_over_widths(solid):
    """Prism length over twice the basal circumradius (n,) of the bullets of a rosette: tip, inner and outer hexagon."""
    bullets = np.array(solid.pieces)
    inner, outer = bullets[:, 1:7].mean(axis=1), bullets[:, 7:].mean(axis=1)
    return np.linalg.norm(outer - inner, axis=1) / (2 * np.linalg.norm(bullets[:, 1] - inner, axis=1))


# --- all families -------------------------------------------------------------------------------------------------------


def test_the_nine_classes():
    assert list(HABITS) == [
        "agg", "budding", "bullet", "column", "compact_irreg", "fragment", "planar_polycrystal", "rimed", "sphere"
    ]  # fmt: skip
    assert len({habit.title for habit in HABITS.values()}) == 9


@pytest.mark.parametrize("habit", HABITS)
def test_every_solid_is_valid_and_one_piece(habit, drawn):
    low, high = HABITS[habit].size_um
    for solid in drawn[0][habit][: 5 if habit == "rimed" else 40]:
        bodies = [body.volume() for body in union(solid).decompose()]
        assert sum(volume > 0 for volume in bodies) == 1  # the others are voids that the pieces enclose
        found = targets(solid)
        assert np.isfinite(found).all() and found.volume > 0
        assert 0 < found.rho_e <= 1 + 1e-9
        assert low <= 2 * found.radius <= high
        assert found.a_e >= found.rho_e ** (2 / 3) - 1e-9  # isoperimetric inequality


@pytest.mark.parametrize("habit", HABITS)
def test_sizes_are_nearly_log_normal(habit):
    low, high = HABITS[habit].size_um
    solids = sample(habit, 80, seed=5)
    diameters = [2 * bounding_sphere(corners(solid))[1] for solid in solids]
    assert kstest(np.log(np.divide(diameters, low)) / np.log(high / low), "beta", (3, 3)).pvalue > 1e-3


@pytest.mark.parametrize("habit", HABITS)
def test_seed_and_number_decide(habit):
    whole, again, other = (sample(habit, 6, seed=seed) for seed in (3, 3, 4))
    assert all(map(same, whole, again))
    assert not any(map(same, whole, other))
    assert not any(same(whole[0], one) for one in whole[1:])
    assert all(map(same, whole[2:5], sample(habit, 50, seed=3, rows=range(2, 5))))
    assert sample(habit, 6, seed=3, rows=range(2, 2)) == []


def test_habits_do_not_share_random_numbers():
    diameters = [bounding_sphere(corners(sample(habit, 1, seed=0)[0]))[1] for habit in HABITS]
    limits = np.array([HABITS[habit].size_um for habit in HABITS])
    assert len(set(np.round(np.log(2 * np.array(diameters) / limits[:, 0]) / np.log(limits[:, 1] / limits[:, 0]), 6))) == 9


def test_an_expert_tells_the_families_apart_by_their_outlines(drawn):
    features = np.array([described(pictures, *SCALE_FREE) for pictures in drawn[1].values()])
    truth = np.repeat(np.arange(9)[:, None], 60, axis=1)
    forest = RandomForestClassifier(200, random_state=0).fit(np.concatenate(features[:, :40]), truth[:, :40].ravel())
    accuracy = balanced_accuracy_score(truth[:, 40:].ravel(), forest.predict(np.concatenate(features[:, 40:])))
    assert 0.85 < accuracy < 1, accuracy  # families, not nine templates


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"habit": "dendrite"}, "habit: expected one of agg, budding, .*, sphere, got 'dendrite'"),
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"rows": range(3, 6)}, "rows: expected some of 0 to 4"),
        ({"rows": range(-1, 2)}, "rows: expected some of 0 to 4"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample(**{"habit": "column", "n": 5, "seed": 0} | arguments)


def test_an_orientation_of_an_unknown_habit_is_refused():
    with pytest.raises(ValueError, match="habit: expected one of .* got 'snow'"):
        orientation("snow", np.random.default_rng(0))


# --- orientations -------------------------------------------------------------------------------------------------------


def test_the_line_of_sight_is_the_camera_s():
    assert pytest.approx(CAMERA[2]) == LINE_OF_SIGHT


@pytest.mark.parametrize("habit", HABITS)
def test_orientations_are_uniform_within_their_cone(habit):
    rng = np.random.default_rng(6)
    turns = np.array([orientation(habit, rng) for _ in range(500)])
    assert turns @ turns.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (500, 1, 1)), abs=1e-9)
    assert np.linalg.det(turns) == pytest.approx(np.ones(500))
    seen = CAMERA @ turns  # crystal axes as the camera sees them
    low, high = np.cos(np.radians(HABITS[habit].tilt_deg[::-1]))
    assert kstest((seen[:, 2, 2] - low) / (high - low), "uniform").pvalue > 1e-3
    for x, y in (seen[:, :2, 2].T, seen[:, 2, :2].T):  # the axis about the line of sight, the crystal about its axis
        assert kstest(np.arctan2(y, x) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


# --- parts --------------------------------------------------------------------------------------------------------------


def test_a_regular_plate_is_a_prism():
    assert ConvexHull(prism(5.0)).volume == pytest.approx(5 * HEXAGON)
    regular = plate(0.2, np.full(6, 3**0.5 / 2))
    assert ConvexHull(regular).volume == pytest.approx(0.2 * HEXAGON)
    assert np.linalg.norm(regular[:, :2], axis=1) == pytest.approx(np.ones(12))


def test_sides_of_an_uneven_plate():
    sides = np.array([0.9, 1.1, 1.0, 0.95, 1.05, 1.1])
    corners_of_plate = plate(0.3, sides)
    azimuth = np.arange(6) * np.pi / 3
    along = corners_of_plate[:, :2] @ [np.cos(azimuth), np.sin(azimuth)]
    assert along.max(axis=0) == pytest.approx(sides)
    assert (np.isclose(along, sides).sum(axis=0) == 4).all()  # each side holds two corners of either face
    assert corners_of_plate[:, 2] == pytest.approx(np.repeat([-0.15, 0.15], 6))


def test_a_polyhedron_by_its_planes():
    box = polyhedron(np.vstack([np.eye(3), -np.eye(3)]), np.array([1.0, 2, 3, 4, 5, 6]))
    assert box.min(axis=0) == pytest.approx([-4, -5, -6]) and box.max(axis=0) == pytest.approx([1, 2, 3])
    assert ConvexHull(box).volume == pytest.approx(5 * 7 * 9)


def test_surface_points_are_uniform_by_area():
    box = np.array([(x, y, z) for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)], float)
    points = random_surface_points((box, box + 100), 6000, np.random.default_rng(1))
    first = points[points[:, 0] < 50]
    assert len(first) / 6000 == pytest.approx(0.5, abs=0.03)
    on = np.isclose(np.abs(first), [1, 2, 3])
    assert on.any(axis=1).all() and (np.abs(first) <= [1, 2, 3] + np.full(3, 1e-9)).all()
    assert on.mean(axis=0) == pytest.approx(np.array([6, 3, 2]) / 11, abs=0.03)
    assert kstest(first[on[:, 0], 2] / 6 + 0.5, "uniform").pvalue > 1e-3


# --- one family each ----------------------------------------------------------------------------------------------------


def test_a_sphere_s_outline_is_a_disc(drawn):
    solids, pictures, pixels = (kind["sphere"] for kind in drawn)
    radius = np.array([solid.spheres[0, 3] for solid in solids])
    assert pictures.sum(axis=(1, 2)) / 4 * pixels**2 == pytest.approx(np.pi * radius**2, rel=2e-3)
    assert all(len(solid.spheres) == 1 and not solid.pieces for solid in solids)


def test_columns_are_prisms_of_the_stated_ratios():
    solids = sample("column", 200, seed=2)
    assert {len(solid.pieces) for solid in solids} == {1}
    body = np.array([solid.pieces[0][:12] for solid in solids])
    length, radius = np.ptp(body[:, :, 2], axis=1), np.linalg.norm(body[:, 0, :2], axis=1)
    c_over_a = length / (2 * radius)
    assert 1.5 <= c_over_a.min() < 2 and 6.5 < c_over_a.max() <= 8
    plain = [i for i, solid in enumerate(solids) if len(solid.pieces[0]) == 12]
    assert 0.6 < len(plain) / 200 < 0.8
    for i in plain[:60]:
        cone = np.ptp(solids[i].cavities[0][:, 2]) / 3 if solids[i].cavities else 0
        assert targets(solids[i]).volume == pytest.approx(HEXAGON * radius[i] ** 2 * (length[i] - cone), rel=1e-9)
    assert 0.3 < np.mean([bool(solid.cavities) for solid in solids]) < 0.5


def test_hollows_and_tilt_leave_columns_their_sides(drawn):
    turns = [orientation("column", np.random.default_rng(i)) for i in range(60)]
    for solid, turn in zip(drawn[0]["column"], turns, strict=True):
        pictures = [silhouettes(one, turn[None], size=64).coverage for one in (solid, Solid(solid.pieces))]
        assert np.array_equal(*pictures)
    assert described(drawn[1]["column"], "aspect_ratio").max() < 0.85


def test_bullets_are_clearly_longer_than_buds():
    buds, bullets = ([lengths_over_widths(solid) for solid in sample(habit, 80, seed=3)] for habit in ("budding", "bullet"))
    assert {len(lengths) for lengths in buds} == {4, 5, 6, 7, 8} and {len(lengths) for lengths in bullets} == {4, 5, 6, 7}
    assert np.mean([len(lengths) for lengths in bullets]) == pytest.approx(5.5, abs=0.5)  # Um et al. 2015: 5.50 +- 1.35
    lengths = [np.array([one.mean() for one in family]) for family in (buds, bullets)]
    assert 0.5 < lengths[0].min() and lengths[0].max() < 1.5
    assert 1.7 < lengths[1].min() and lengths[1].max() < 4.7


def test_aggregates_are_loose_and_blocks_compact(drawn):
    loose, compact = (described(drawn[1][habit], "solidity", "area_ratio") for habit in ("agg", "compact_irreg"))
    assert np.median(loose[:, 0]) < 0.75 < 0.8 < np.median(compact[:, 0])
    assert np.median(loose[:, 1]) < 0.4 < 0.5 < np.median(compact[:, 1])
    assert {4, 8} <= {len(solid.pieces) for solid in drawn[0]["agg"]}
    assert min(len(solid.pieces) for solid in drawn[0]["agg"]) == 4


def test_fragments_are_convex_splinters_with_a_tip(drawn):
    for solid in drawn[0]["fragment"]:
        (piece,) = solid.pieces
        assert len(ConvexHull(piece).vertices) == len(np.unique(np.round(piece, 6), axis=0))
        height = np.sort(piece[:, 2])
        middle = polygon_area(piece, height.mean())
        assert polygon_area(piece, height[-1] - 0.1 * np.ptp(height)) < 0.6 * middle
    elongation = [np.ptp(solid.pieces[0][:, 2]) / np.ptp(solid.pieces[0][:, :2], axis=0).max() for solid in drawn[0]["fragment"]]
    assert 1.2 < np.median(elongation) < 3


def polygon_area(piece, z):
    """Area of the section of a convex piece (k, 3) at height z."""
    above, below = piece[piece[:, 2] > z], piece[piece[:, 2] <= z]
    share = (z - below[:, None, 2]) / (above[None, :, 2] - below[:, None, 2])
    points = below[:, None] + share[..., None] * (above[None] - below[:, None])
    return ConvexHull(points[..., :2].reshape(-1, 2)).volume


def test_planar_polycrystals_are_flat_and_seen_face_on(drawn):
    solids, pictures, _ = (kind["planar_polycrystal"] for kind in drawn)
    extent = np.array([np.ptp(corners(solid), axis=0) for solid in solids])
    assert (extent[:, 2] / extent[:, :2].max(axis=1)).max() < 0.35
    assert {len(solid.pieces) for solid in solids} == {1, 2, 3, 4}
    ratios = described(pictures, "aspect_ratio", "solidity")
    assert np.quantile(ratios[:, 0], 0.05) > 0.65 and np.quantile(ratios[:, 1], 0.05) > 0.85


def test_rime_makes_the_outline_lumpy(drawn):
    turns = [orientation("rimed", np.random.default_rng(i))[None] for i in range(60)]
    rough, core = [], []
    for solid, turn in zip(drawn[0]["rimed"], turns, strict=True):
        kernel = 1 if len(solid.pieces) > 1 else 0  # the centre sphere of a rosette
        assert 100 <= len(solid.spheres) - kernel <= 150
        rough.append(silhouettes(solid, turn, size=128).coverage[0, 0])
        core.append(silhouettes(Solid(solid.pieces, (), solid.spheres[:kernel]), turn, size=128).coverage[0, 0])
    rimed, bare = (described(np.array(pictures), "convexity")[:, 0] for pictures in (rough, core))
    assert (rimed < bare).mean() > 0.9
    assert np.median(rimed) < np.median(bare) - 0.05


def test_a_habit_more_is_one_line(monkeypatch):
    cube = Solid((np.indices((2, 2, 2)).reshape(3, 8).T.astype(float),))
    monkeypatch.setitem(HABITS, "cube", Habit("cube", lambda rng: cube, (50, 60)))
    found = targets(sample("cube", 1, seed=0)[0])
    assert found.rho_e == pytest.approx(2 / (3**0.5 * np.pi)) and 50 <= 2 * found.radius <= 60
