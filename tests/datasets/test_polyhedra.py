"""lib.datasets.polyhedra: against convex hulls, exact areas, and the solids themselves."""

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import surface_area, targets, union
from lib.datasets.polyhedra import TRIANGLES, fill_voxels, polyhedra, surface_points
from lib.imaging.draw.rasteriser import stack
from lib.imaging.draw.silhouette import CAMERA, boxes

N = 7


@pytest.fixture(scope="module")
def crystals():
    return sample(N, seed=6)


@pytest.fixture(scope="module")
def orientations():
    return random_orientations(N, seed=5)


@pytest.fixture(scope="module")
def solids(crystals, orientations):
    return polyhedra(stack(crystals, dtype=torch.float64), torch.as_tensor(orientations))


def pieces_in_cube(crystal, orientation):
    """Corners of the bullets, centre and radius of the sphere in the picture's cube, from the solid and its box."""
    centre, half_diagonal = boxes(crystal.solid(), orientation[None])
    pieces = [(piece @ orientation.T - centre[0]) @ CAMERA.T / (2 * half_diagonal[0]) for piece in crystal.solid().pieces]
    return pieces, -(CAMERA @ centre[0]) / (2 * half_diagonal[0]), crystal.sphere_um / (2 * half_diagonal[0])


def test_bullets_lie_in_the_cube_as_the_solids_pieces_do(crystals, orientations, solids):
    for i, (crystal, orientation) in enumerate(zip(crystals, orientations, strict=True)):
        pieces, centre, radius = pieces_in_cube(crystal, orientation)
        assert solids.present[i].sum() == len(pieces)
        assert solids.corners[i, : len(pieces)] == pytest.approx(np.stack(pieces))
        assert solids.spheres[i] == pytest.approx([*centre, radius])


def test_voxels_are_those_inside_the_hull_of_a_bullet_or_the_sphere(crystals, orientations, solids):
    line = (np.arange(24) + 0.5) / 24 - 0.5
    z, y, x = np.meshgrid(line, line, line, indexing="ij")
    points = np.stack([x, y, z], -1)
    for crystal, orientation, found in zip(crystals, orientations, fill_voxels(solids, 24), strict=True):
        pieces, centre, radius = pieces_in_cube(crystal, orientation)
        expected = np.linalg.norm(points - centre, axis=-1) <= radius
        for piece in pieces:
            expected |= Delaunay(piece).find_simplex(points) >= 0
        assert np.array_equal(found, expected) and expected.any()


def test_triangles_turn_outwards_and_close_the_bullet(solids):
    first, second, third = (solids.corners[0, 0][TRIANGLES[:, k]] for k in range(3))
    middle = solids.corners[0, 0].mean(0)
    normals = np.cross(second - first, third - first)
    assert (((first - middle) * normals).sum(1) > 0).all()
    assert normals.sum(0) == pytest.approx(0, abs=1e-12)  # of a closed surface


def test_surface_points_lie_on_the_union_alone(solids):
    points = surface_points(solids, 400, np.random.default_rng(0))
    assert points.shape == (N, 400, 3)
    for i, some in enumerate(points):
        reach = np.einsum("nkc,pc->pnk", solids.planes[i, ..., :3], some) - solids.planes[i, ..., 3]
        bullets = reach.max(-1)[:, solids.present[i]].min(1)  # distance to the nearest bullet's skin, negative inside
        sphere = np.linalg.norm(some - solids.spheres[i, :3], axis=1) - solids.spheres[i, 3]
        assert np.minimum(bullets, sphere) == pytest.approx(0, abs=1e-9)


def test_surface_points_are_uniform_by_area(crystals, solids):
    """The share of the points on the sphere, and on each outer end, is its share of the exact surface."""
    n = 4000
    points = surface_points(solids, n, np.random.default_rng(1))
    for i, crystal in enumerate(crystals):
        area = surface_area(union(crystal.solid()))
        end = 3 * 3**0.5 / 2 * crystal.basal_um[0] ** 2 / area  # the hexagon at the end of the first bullet
        on_end = np.abs(points[i] @ solids.planes[i, 0, 12, :3] - solids.planes[i, 0, 12, 3]) < 1e-9
        assert on_end.mean() == pytest.approx(end, abs=4 * (end / n) ** 0.5)
    assert targets(crystals[0].solid()).area == pytest.approx(surface_area(union(crystals[0].solid())))
