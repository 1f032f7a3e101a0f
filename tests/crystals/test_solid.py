"""lib.crystals.solid: volume, area and bounding sphere against closed forms, brute force and the published cases."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation

from lib.crystals import rosette, solid
from lib.crystals.solid import Solid, bounding_sphere, effective, surface_area, targets, triangle_area, union

CUBE = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
NO_SPHERES = np.zeros((0, 4))
HEXAGON = 1.5 * 3**0.5  # area of a hexagon of circumradius 1


def hexagon(radius, z):
    angle = np.arange(6) * np.pi / 3
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(6, z)])


def bullet(radius, prism, pyramid):
    """Corners of a bullet along z, tip at the origin."""
    return np.vstack([np.zeros((1, 3)), hexagon(radius, pyramid), hexagon(radius, pyramid + prism)])


def six_sided_cone(radius, height):
    """Lateral area of a pyramid over a hexagon."""
    return 3 * radius * np.hypot(height, radius * 3**0.5 / 2)


# --- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("radius", "prism", "pyramid"), [(1.0, 2.0, 1.0), (20.0, 130.0, 13.0), (30.0, 20.0, 45.0)])
def test_solid_bullet(radius, prism, pyramid):
    found = targets(Solid((bullet(radius, prism, pyramid) @ Rotation.random(rng=1).as_matrix() + 7,)))
    assert found.volume == pytest.approx(HEXAGON * radius**2 * (prism + pyramid / 3), rel=1e-12)
    area = HEXAGON * radius**2 + 6 * radius * prism + six_sided_cone(radius, pyramid)
    assert found.area == pytest.approx(area, rel=1e-12)


@pytest.mark.parametrize("depth", [10.0, 60.0, 95.0])
def test_hollow_bullet(depth):
    radius, prism, pyramid = 20.0, 100.0, 15.0
    cavity = np.vstack([hexagon(radius, pyramid + prism), [(0, 0, pyramid + prism - depth)]])
    found = targets(Solid((bullet(radius, prism, pyramid),), (cavity,)))
    assert found.volume == pytest.approx(HEXAGON * radius**2 * (prism + pyramid / 3 - depth / 3), rel=1e-10)
    area = 6 * radius * prism + six_sided_cone(radius, pyramid) + six_sided_cone(radius, depth)
    assert found.area == pytest.approx(area, rel=1e-10)
    assert found.radius == pytest.approx(targets(Solid((bullet(radius, prism, pyramid),))).radius, rel=1e-12)


def test_cube():
    found = targets(Solid((CUBE * 3,)))
    assert found[:3] == pytest.approx((27, 54, 1.5 * 3**0.5), rel=1e-12)
    assert found.rho_e == pytest.approx(2 / (3**0.5 * np.pi), rel=1e-12)
    assert found.a_e == pytest.approx(2 / np.pi, rel=1e-12)


def test_a_sphere_alone_fills_its_bounding_sphere():
    found = targets(Solid((), (), np.array([[10.0, -20.0, 30.0, 5.0]])))
    assert found == pytest.approx((500 / 3 * np.pi, 100 * np.pi, 5, 1, 1), rel=1e-9)


def test_spheres_apart_add_up():
    found = targets(Solid((), (), np.array([[0.0, 0, 0, 1], [5, 0, 0, 2]])))
    assert found[:3] == pytest.approx((4 / 3 * np.pi * 9, 4 * np.pi * 5, 4), rel=1e-9)


def test_half_a_sphere_on_a_large_face():
    found = targets(Solid((CUBE * 10,), (), np.array([[5.0, 5.0, 10.0, 1.0]])))
    assert found.volume - 1000 == pytest.approx(2 / 3 * np.pi, rel=1e-9)  # any plane through the centre halves the polyhedron
    assert found.area - 600 == pytest.approx(np.pi, rel=0.03)  # dome minus covered face


def test_pieces_apart_add_up():
    one, other = bullet(2, 5, 1), CUBE + (10, 0, 0)
    both = targets(Solid((one, other), (), np.array([[0.0, 30.0, 0.0, 2.0]])))
    parts = [targets(Solid((one,))), targets(Solid((other,))), targets(Solid((), (), np.array([[0.0, 0.0, 0.0, 2.0]])))]
    assert both.volume == pytest.approx(sum(part.volume for part in parts), rel=1e-9)
    assert both.area == pytest.approx(sum(part.area for part in parts), rel=1e-9)


def test_a_piece_inside_another_changes_nothing():
    inner, ball = CUBE * 0.5 + 0.25, np.array([[0.5, 0.5, 0.5, 0.4]])
    assert targets(Solid((CUBE, inner), (), ball)) == pytest.approx(targets(Solid((CUBE,))), rel=1e-12)
    assert targets(Solid((CUBE, CUBE))) == pytest.approx(targets(Solid((CUBE,))), rel=1e-12)


def test_overlap_counts_once():
    found = targets(Solid((CUBE, CUBE + (0.5, 0, 0))))
    assert found.volume == pytest.approx(1.5, rel=1e-12)
    assert found.area == pytest.approx(2 * 1 + 4 * 1.5, rel=1e-12)


def test_effective_values_do_not_depend_on_scale_or_orientation():
    crystal = rosette.sample(1, seed=1)[0].solid()
    turn = Rotation.random(rng=2).as_matrix()
    moved = Solid(tuple(3 * piece @ turn.T for piece in crystal.pieces), (), crystal.spheres * 3)
    before, after = targets(crystal), targets(moved)
    assert (after.volume, after.area, after.radius) == pytest.approx(
        (27 * before.volume, 9 * before.area, 3 * before.radius), 1e-3
    )
    assert after[3:] == pytest.approx(before[3:], rel=1e-3)  # the polyhedron of the sphere does not turn with it


def test_effective_by_hand():
    assert effective(4 / 3 * np.pi, 2 * np.pi, 2)[3:] == pytest.approx((1 / 8, 1 / 8), rel=1e-12)


def test_triangle_area_by_hand():
    assert triangle_area(np.array([[0.0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 1]]), np.array([[0, 1, 2], [0, 1, 3]])) == 7.5


# --- the stated error of the polyhedral sphere -------------------------------------------------------------------------


def with_subdivisions(number, crystals):
    """Volume and area (n, 2) of crystals whose spheres have 20 * 4**number faces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solid, "SPHERE_SUBDIVISIONS", number)
        for cache in (solid.unit_sphere, solid._sphere_directions):
            cache.cache_clear()
        found = np.array([(whole.volume(), surface_area(whole)) for whole in map(union, crystals)])
    for cache in (solid.unit_sphere, solid._sphere_directions):
        cache.cache_clear()
    return found


def test_stated_error_of_the_polyhedral_sphere():
    crystals = [crystal.solid() for crystal in rosette.sample(35, seed=5, rows=range(14))]
    fine = with_subdivisions(5, crystals)
    error = np.abs(with_subdivisions(solid.SPHERE_SUBDIVISIONS, crystals) / fine - 1)
    assert (error.max(axis=0) < (1e-4, 3e-4)).all(), error.max(axis=0)
    assert (error.mean(axis=0) < (1e-5, 7e-5)).all(), error.mean(axis=0)
    assert (error.max(axis=0) > 1e-6).all()  # the finer sphere was indeed another
    coarse = np.abs(with_subdivisions(0, crystals) / fine - 1)
    assert (coarse.mean(axis=0) > 2 * error.mean(axis=0)).all()


def test_the_polyhedral_sphere_has_the_volume_of_the_sphere():
    assert solid.unit_sphere().num_tri() == 20 * 4**solid.SPHERE_SUBDIVISIONS
    assert solid.unit_sphere().volume() == pytest.approx(4 / 3 * np.pi, rel=1e-9)


# --- bounding sphere ----------------------------------------------------------------------------------------------------


def circumsphere(points):
    """Centre and radius of the smallest sphere through all of one to four points."""
    edges = points[1:] - points[0]
    centre = points[0] + np.linalg.lstsq(2 * edges, (edges**2).sum(axis=1), rcond=None)[0]
    return centre, np.linalg.norm(points[0] - centre)


def smallest_by_trying_all(points):
    """Radius of the smallest of all spheres through two to four of the points that hold the others."""
    radii = []
    for number in (2, 3, 4):
        for chosen in combinations(points, number):
            centre, radius = circumsphere(np.array(chosen))
            through = np.linalg.norm(np.array(chosen) - centre, axis=1)
            if np.linalg.norm(points - centre, axis=1).max() <= radius * (1 + 1e-9) and np.ptp(through) < 1e-9 * radius:
                radii.append(radius)
    return min(radii)


@pytest.mark.parametrize("seed", range(40))
def test_bounding_sphere_against_all_subsets(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(2, 9), 3)) * rng.choice([1, 1, 0.01], 3) + rng.normal(size=3) * 10
    centre, radius = bounding_sphere(points)
    assert radius == pytest.approx(smallest_by_trying_all(points), rel=1e-9)
    assert np.linalg.norm(points - centre, axis=1).max() == pytest.approx(radius, rel=1e-9)


def assert_smallest(points, centre, radius):
    """A sphere is the smallest just when its centre lies in the convex hull of the points that it touches."""
    distance = np.linalg.norm(points - centre, axis=1)
    assert distance.max() <= radius * (1 + 1e-9)
    touching = (points[distance >= radius * (1 - 1e-9)] - centre) / radius
    weights, residual = nnls(np.vstack([touching.T, np.ones(len(touching))]), np.array([0, 0, 0, 1.0]))
    assert residual < 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_bounding_sphere_of_many_points(seed):
    rng = np.random.default_rng(seed)
    ball = rng.normal(size=(2000, 3))
    assert_smallest(ball, *bounding_sphere(ball))
    shell = ball / np.linalg.norm(ball, axis=1, keepdims=True) * 50 + 3
    centre, radius = bounding_sphere(shell)
    assert_smallest(shell, centre, radius)
    assert (centre, radius) == (pytest.approx(np.full(3, 3.0), abs=1e-6), pytest.approx(50, rel=1e-9))


def test_bounding_sphere_of_rosettes():
    for crystal in rosette.sample(50, seed=8):
        points = solid.corners(crystal.solid())
        assert_smallest(points, *bounding_sphere(points))


@pytest.mark.parametrize(
    ("points", "centre", "radius"),
    [
        ([[1, 2, 3]], (1, 2, 3), 0),
        ([[1, 2, 3]] * 5, (1, 2, 3), 0),
        ([[0, 0, 0], [2, 0, 0]], (1, 0, 0), 1),
        ([[x, x, x] for x in (0, 1, 2, 5, 10)], (5, 5, 5), 5 * 3**0.5),
        ([[x, 0, 0] for x in (3, 3, 0, 0, 1, 1)], (1.5, 0, 0), 1.5),
        ([*CUBE, *CUBE, [0.5, 0.5, 0.5]], (0.5, 0.5, 0.5), 0.75**0.5),
        ([[np.cos(t), np.sin(t), 4] for t in np.linspace(0, 6.2, 300)], (0, 0, 4), 1),
        ([[-1, 0, 0], [1, 0, 0], [0, 0.3, 0], [0, 0, 0.9999999999999]], (0, 0, 0), 1),
        (CUBE * 1e-7 + 1e-7, (1.5e-7, 1.5e-7, 1.5e-7), 0.75**0.5 * 1e-7),
        (CUBE + 1e6, (1e6 + 0.5,) * 3, 0.75**0.5),
        (CUBE * 1e7, (5e6, 5e6, 5e6), 0.75**0.5 * 1e7),
    ],
    ids=["one", "one five times", "two", "collinear", "duplicated", "cube twice", "circle", "nearly", "tiny", "far away", "huge"],
)
def test_bounding_sphere_of_degenerate_sets(points, centre, radius):
    found = bounding_sphere(np.array(points, dtype=float))
    size = max(radius, 1e-6)
    assert found[0] == pytest.approx(np.array(centre, dtype=float), abs=1e-4 * size, rel=1e-9)
    assert found[1] == pytest.approx(radius, rel=1e-4 if len(points) == 300 else 1e-9, abs=1e-15)


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), (), NO_SPHERES), "at least one piece or one sphere"),
        (((CUBE, CUBE[:3]),), r"piece 1: expected corners of shape \(k >= 4, 3\), got \(3, 3\)"),
        (((CUBE[:, :2],),), r"piece 0: expected corners .* got \(8, 2\)"),
        (((CUBE.ravel(),),), "piece 0: expected corners"),
        (((np.where(CUBE == 1, np.nan, CUBE),),), "piece 0: corners must be finite"),
        (((CUBE, np.where(CUBE == 1, np.inf, CUBE)),), "piece 1: corners must be finite"),
        (((CUBE,), (), np.zeros(4)), r"spheres: expected shape \(s, 4\), got \(4,\)"),
        (((CUBE,), (), np.zeros((1, 3))), "spheres: expected shape"),
        (((), (), np.array([[0, 0, 0, -1.0]])), "radii positive"),
        (((), (), np.array([[0, 0, 0, 0.0]])), "radii positive"),
        (((), (), np.array([[0, 0, np.nan, 1.0]])), "must be finite"),
        (((CUBE, CUBE), (None,)), "1 cavities for 2 pieces"),
    ],
)
def test_a_bad_solid_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Solid(*arguments)


@pytest.mark.parametrize("pieces", [(CUBE[:4],), (CUBE, CUBE[:4])])
def test_a_flat_piece_is_refused(pieces):
    with pytest.raises(ValueError, match=f"piece {len(pieces) - 1} is flat"):
        targets(Solid(pieces))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 3)), r"\(k >= 1, 3\), got \(0, 3\)"),
        (np.zeros((4, 2)), r"got \(4, 2\)"),
        (np.zeros(3), r"got \(3,\)"),
        (np.array([[0, 0, np.inf]]), "finite"),
    ],
)
def test_bounding_sphere_refuses(points, message):
    with pytest.raises(ValueError, match=message):
        bounding_sphere(points)


def test_lists_serve_as_arrays():
    assert targets(Solid((CUBE.tolist(),), (), [[0.5, 0.5, 0.5, 0.1]])) == pytest.approx(targets(Solid((CUBE,))), rel=1e-12)


# --- published cases ----------------------------------------------------------------------------------------------------


def test_published_meshes_have_the_published_targets(shared_data):
    cases = dict(np.load(shared_data / "rosettes" / "peer_cases.npz"))
    names = ("volume", "area", "rho_e", "a_e")
    for i, published in enumerate(zip(cases["vol"], cases["sa"], cases["rho_eff"], cases["sa_eff"], strict=True)):
        vertices = cases["vertices"][slice(*cases["vertex_offset"][i : i + 2])].astype(float)
        faces = cases["faces"][slice(*cases["face_offset"][i : i + 2])]
        volume = np.linalg.det(vertices[faces]).sum() / 6
        found = effective(volume, triangle_area(vertices, faces), bounding_sphere(vertices)[1])._asdict()
        assert [found[name] for name in names] == pytest.approx(published, rel=1e-4), cases["case_names"][i]


def test_a_scaled_solid_has_the_same_shape():
    piece, ball = np.random.default_rng(0).normal(size=(12, 3)), np.array([[1.0, 0, 0, 0.5]])
    crystal = Solid((piece,), (0.5 * piece[:6] + 0.5 * piece[0],), ball)
    found, larger = targets(crystal), targets(crystal.scaled(2.5))
    assert larger.radius == pytest.approx(2.5 * found.radius)
    assert (larger.rho_e, larger.a_e) == pytest.approx((found.rho_e, found.a_e))


@pytest.mark.parametrize("seed", range(20))
def test_the_bounding_sphere_of_points_in_a_plane_is_their_smallest_circle(seed):
    points = np.column_stack([np.random.default_rng(seed).integers(0, 12, (9, 2)), np.zeros(9)]).astype(float)
    (_, _), by_opencv = cv2.minEnclosingCircle(points[:, :2].astype(np.float32))
    centre, radius = bounding_sphere(points)
    assert np.linalg.norm(points - centre, axis=1).max() == pytest.approx(radius, rel=1e-9)
    assert radius == pytest.approx(by_opencv, abs=2e-4)  # OpenCV adds 1e-4 and stops within 1e-4
