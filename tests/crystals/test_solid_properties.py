"""lib.crystals.solid: what volume, area and bounding sphere obey whatever the crystal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from lib.crystals.orientation import published_orientations, random_orientations
from lib.crystals.rosette import ROSETTE_MODELS, sample, smallest_angle
from lib.crystals.solid import Solid, bounding_sphere, corners, surface_area, targets, union

settings.register_profile("crystals", derandomize=True, deadline=None, max_examples=100, database=None)
ANY = settings.get_profile("crystals")

SEEDS, SCALES = st.integers(0, 2**32 - 1), st.floats(1e-2, 1e3)


@st.composite
def solids(draw, most_spheres: int = 3) -> Solid:
    """Up to five hulls of random points, flat or long ones too, and some spheres, near each other or not [um]."""
    rng = np.random.default_rng(draw(SEEDS))
    apart = draw(st.sampled_from([0.2, 1.0, 4.0]))
    pieces = [
        rng.normal(size=(draw(st.integers(5, 12)), 3)) * draw(st.sampled_from([(1, 1, 1), (1, 1, 0.1), (0.2, 0.2, 3)]))
        + apart * rng.normal(size=3)
        for _ in range(draw(st.integers(1, 5)))
    ]
    n = draw(st.integers(0, most_spheres))
    return Solid(tuple(pieces), (), np.column_stack([apart * rng.normal(size=(n, 3)), rng.uniform(0.05, 1, n)]))


@st.composite
def turns(draw) -> np.ndarray:
    """A rotation matrix (3, 3)."""
    return random_orientations(1, draw(SEEDS))[0]


def moved(solid: Solid, turn=None, factor: float = 1.0, shift=(0.0, 0.0, 0.0)) -> Solid:
    """A solid turned, then scaled, then shifted."""
    turn = np.eye(3) if turn is None else turn
    spheres = np.column_stack([factor * solid.spheres[:, :3] @ turn.T + shift, factor * solid.spheres[:, 3]])
    return Solid(tuple(factor * piece @ turn.T + shift for piece in solid.pieces), (), spheres)


@ANY
@given(solids(most_spheres=0), turns(), st.tuples(*[st.floats(-100, 100)] * 3))
def test_neither_turn_nor_shift_changes_anything(solid, turn, shift):
    assert targets(moved(solid, turn, 1.0, shift)) == pytest.approx(targets(solid), rel=1e-6)


@ANY
@given(solids(), turns())
def test_a_turn_changes_what_spheres_show_by_as_little_as_stated(solid, turn):
    before, after = targets(solid), targets(moved(solid, turn))
    assert (after.volume, after.radius) == pytest.approx((before.volume, before.radius), rel=0.03)
    assert after.area == pytest.approx(before.area, rel=0.03)  # the polyhedron that stands for a sphere does not turn with it


@ANY
@given(solids(), SCALES)
def test_volume_area_and_radius_scale_and_the_targets_do_not(solid, k):
    before, after = targets(solid), targets(moved(solid, factor=k))
    expected = (k**3 * before.volume, k**2 * before.area, k * before.radius, before.rho_e, before.a_e)
    assert after == pytest.approx(expected, rel=1e-5)


@ANY
@given(solids())
def test_a_union_is_no_smaller_than_its_largest_piece_and_no_larger_than_all(solid):
    parts = [Solid((piece,)) for piece in solid.pieces] + [Solid((), (), sphere[None]) for sphere in solid.spheres]
    volumes, areas = np.transpose([(whole.volume(), surface_area(whole)) for whole in map(union, parts)])
    whole = targets(solid)
    assert volumes.max() * (1 - 1e-9) <= whole.volume <= volumes.sum() * (1 + 1e-9)
    assert whole.area <= areas.sum() * (1 + 1e-3)


@ANY
@given(solids(), st.randoms(use_true_random=False))
def test_the_order_of_the_pieces_does_not_matter(solid, random):
    pieces, spheres = list(solid.pieces), solid.spheres.tolist()
    random.shuffle(pieces)
    random.shuffle(spheres)
    shuffled = Solid(tuple(pieces), (), np.reshape(spheres, (-1, 4)))
    assert targets(shuffled) == pytest.approx(targets(solid), rel=1e-6)


@ANY
@given(solids())
def test_everything_lies_in_the_bounding_sphere(solid):
    centre, radius = bounding_sphere(corners(solid))
    for piece in solid.pieces:
        assert np.linalg.norm(piece - centre, axis=1).max() <= radius * (1 + 1e-9)
    vertices = union(solid).to_mesh64().vert_properties[:, :3]
    assert np.linalg.norm(vertices - centre, axis=1).max() <= radius * 1.05  # of a sphere, twelve points decide
    assert radius <= np.linalg.norm(np.ptp(corners(solid), axis=0)) / 2 * (1 + 1e-9)  # the sphere about the box is larger


@ANY
@given(solids(most_spheres=0))
def test_no_crystal_is_denser_than_its_hull_and_the_hull_no_denser_than_ice(solid):
    found, hull = targets(solid), ConvexHull(np.vstack(solid.pieces))
    assert 0 < found.rho_e <= 1 and found.a_e > 0
    assert found.volume <= hull.volume * (1 + 1e-9)
    assert found.area**3 >= 36 * np.pi * found.volume**2  # no body has less surface than a ball (isoperimetry)


@ANY
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=12), SCALES)
def test_the_bounding_sphere_of_points_on_a_grid(points, k):
    """Points on lines, planes and common spheres, and the same one several times."""
    points = k * np.array(points, float)
    centre, radius = bounding_sphere(points)
    assert np.linalg.norm(points - centre, axis=1).max() == pytest.approx(radius, rel=1e-9, abs=1e-12)
    other, wider = bounding_sphere(np.vstack([points, points[:1]]))
    assert (other, wider) == (pytest.approx(centre, abs=1e-7 * max(radius, k)), pytest.approx(radius, rel=1e-9, abs=1e-12))
    widest = max(np.linalg.norm(a - b) for a in points for b in points)
    assert widest / 2 <= radius * (1 + 1e-9) + 1e-12 and radius <= widest * (3 / 8) ** 0.5 * (1 + 1e-9) + 1e-12  # Jung 1901


@ANY
@given(st.sampled_from(list(ROSETTE_MODELS)), SEEDS, st.sampled_from([0.0, 0.5, 0.9]))
def test_rosettes_of_any_seed_are_whole(model, seed, hollow):
    for crystal in sample(3, seed, model, hollow):
        solid, found = crystal.solid(), targets(crystal.solid())
        assert 0 < found.rho_e < 1 and found.area**3 >= 36 * np.pi * found.volume**2
        assert len(solid.pieces) == crystal.n_bullets and np.linalg.norm(crystal.directions, axis=1) == pytest.approx(1)
        if crystal.n_bullets > 1:
            assert 0 < smallest_angle(crystal.directions) <= 180
        filled = targets(Solid(solid.pieces, (), solid.spheres))
        assert found.volume <= filled.volume * (1 + 1e-9) and found.radius == filled.radius


@ANY
@given(st.integers(1, 50), SEEDS)
def test_orientations_are_proper_rotations(n, seed):
    for matrices in (random_orientations(n, seed), published_orientations(n, seed)):
        assert matrices.shape == (n, 3, 3)
        assert matrices @ matrices.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), (n, 3, 3)), abs=1e-12)
        assert np.linalg.det(matrices) == pytest.approx(np.ones(n))
    assert Rotation.from_matrix(random_orientations(n, seed)).magnitude().max() <= np.pi + 1e-12
