"""lib.imaging.draw.facets: facets against convex hulls, light against the thin prism, silhouettes against the rasteriser."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid
from lib.imaging.draw.facets import Look, coverage, interior, scene
from lib.imaging.draw.silhouette import CAMERA, silhouettes

#: Turns the z axis towards the eye and the y axis up in the picture.
FACING = CAMERA.T


def prism(height, radius=50.0, sides=6):
    """Corners (2 sides, 3) of a regular prism about z."""
    azimuth = np.arange(sides) * 2 * np.pi / sides
    ring = radius * np.column_stack([np.cos(azimuth), np.sin(azimuth), np.zeros(sides)])
    return np.vstack([ring - (0, 0, height / 2), ring + (0, 0, height / 2)])


def seen_inside(solid, clarity, acceptance=0.2, orientation=FACING, size=128, step=1.0):
    """Interior of a solid with 1 um pixels and steps near the edges only, on a grid of `size` cells about its middle."""
    look = Look(np.broadcast_to(clarity, len(solid.pieces) + len(solid.spheres)).astype(float), acceptance, 0.5)
    return interior(scene(solid, orientation, 1.0), np.full(2, -size * step / 2), (size, size), step, look)


@pytest.mark.parametrize("seed", range(5))
def test_surfaces_are_those_of_the_convex_hull(seed):
    points = np.random.default_rng(seed).normal(0, 25, (12, 3))
    found = seen_inside(Solid((points,)), 0.0, orientation=np.eye(3))
    seen = scene(Solid((points,)), np.eye(3), 1.0).points
    normal, offset = np.split(ConvexHull(seen).equations, [3], axis=1)  # normal . p + offset <= 0 inside
    y, x = np.mgrid[:128, :128] - 63.5
    rise = -(normal[:, :2] @ np.array([x.ravel(), y.ravel()]) + offset) / normal[:, 2:]
    top, bottom = rise[normal[:, 2] > 0].min(0).reshape(128, 128), rise[normal[:, 2] < 0].max(0).reshape(128, 128)
    inside = top > bottom + 1e-6
    assert inside.sum() > 500
    np.testing.assert_allclose(found.height[inside], top[inside], rtol=1e-5, atol=1e-4)
    assert not found.height[top < bottom - 1e-6].any()


def test_a_ball_is_as_high_as_a_ball():
    found = seen_inside(Solid((), (), np.array([[7.0, -3.0, 20.0, 40.0]])), 0.0)
    y, x = np.mgrid[:128, :128] - 63.5
    square = 40.0**2 - x**2 - y**2
    np.testing.assert_allclose(found.height[square > 0], np.sqrt(square[square > 0]), rtol=1e-5)
    assert not found.height[square <= 0].any()


def test_a_plate_that_faces_the_eye_is_clear_inside_and_dark_along_its_edge():
    plate = Solid((prism(10.0),))
    clear = seen_inside(plate, 1.0).clear
    assert clear[64, 64] == pytest.approx(1)
    assert clear[64, 64 + 48] < 0.5
    assert seen_inside(plate, 0.5).clear[64, 64] == pytest.approx(0.5)
    assert not seen_inside(plate, 0.0).clear.any()
    assert not clear[:15].any()


def test_light_through_a_prism_falls_with_its_deviation():
    slope, acceptance = 0.4, 0.1
    wedge = prism(40.0, sides=4)
    wedge[4:, 2] += slope * wedge[4:, 0]
    deviation = 0.304 * slope  # thin prism: (n - 1) times the angle
    clear = seen_inside(Solid((wedge,)), 1.0, acceptance).clear
    assert clear[64, 64] == pytest.approx(1 / (1 + (deviation / acceptance) ** 2), rel=1e-3)


def test_pieces_one_behind_the_other_pass_the_product():
    plate = prism(10.0)
    pair = Solid((plate, plate + (0, 0, 200)), (), np.array([[0, 0, 400.0, 30.0]]))
    assert seen_inside(pair, [0.8, 0.5, 0.5]).clear[64, 64] == pytest.approx(0.2, rel=1e-2)
    assert seen_inside(pair, [0.8, 0.0, 0.5]).clear[64, 64] == 0


def test_a_coarse_grid_shows_the_same_interior():
    solid = sample(1, seed=3)[0].solid()
    fine = seen_inside(solid, 0.7, size=1600, step=1.0).clear
    coarse = seen_inside(solid, 0.7, size=400, step=4.0).clear
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.05)
    assert fine.mean() > 0


def test_the_silhouette_is_that_of_the_rasteriser():
    for i, crystal in enumerate(sample(7, seed=1)):
        solid, turn = crystal.solid(), random_orientations(1, i)
        seen = scene(solid, turn[0], 4.0)
        np.testing.assert_allclose(seen.limits[0], -seen.limits[1], atol=1e-9)
        size = 2 * int(np.ceil(seen.limits[1, :2].max()) + 2)
        drawn = coverage(seen, size).astype(int)
        assert drawn.sum() == pytest.approx(silhouettes(solid, turn, size=2 * size, pixel_um=4.0).coverage.sum(), rel=0.01)
        columns, rows = np.flatnonzero(drawn.any(0)), np.flatnonzero(drawn.any(1))
        for pixels, reach in ((columns, seen.limits[1, 0]), (rows, seen.limits[1, 1])):
            assert [pixels[0], pixels[-1]] == pytest.approx([size / 2 - reach, size / 2 + reach - 1], abs=2)
