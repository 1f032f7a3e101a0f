"""Rosettes as half-spaces in the cube behind their picture, exact: filled into voxels, and sampled on their surface.

Each bullet is the intersection of 13 half-spaces. What a line of sight or a point meets of it follows from these alone. The cube
is that of `lib.datasets.voxels`: x to the right, y up, z towards the eye, from -1/2 to 1/2.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import torch

from lib.imaging.draw.rasteriser import Rosettes, corners, frames
from lib.imaging.draw.silhouette import cameras

#: Corners of a bullet's outward triangles: pyramid, two for each side of the prism, and the hexagon at its end.
_PYRAMID = [(0, 1 + (k + 1) % 6, 1 + k) for k in range(6)]
_SIDES = [(1 + k, 1 + (k + 1) % 6, 7 + (k + 1) % 6) for k in range(6)] + [(1 + k, 7 + (k + 1) % 6, 7 + k) for k in range(6)]
_END = [(7, 8 + k, 9 + k) for k in range(4)]
TRIANGLES = np.array(_PYRAMID + _SIDES + _END)
#: One triangle of each plane: six of the pyramid, six of the sides, one of the end.
_FACES = TRIANGLES[[*range(12), 18]]
#: Candidates drawn for each surface point that is wanted: some lie inside other bullets.
_CANDIDATES = 1.5


class Polyhedra(NamedTuple):
    """B rosettes of up to n bullets in the cubes behind their pictures.

    Attributes
    ----------
    corners : (B, n, 13, 3) of the bullets
    planes : (B, n, 13, 4) outward unit normals and offsets; the point p is inside where normal . p <= offset for all 13
    present : (B, n) bool, which bullets count
    spheres : (B, 4) centre and radius of the sphere from which they grow
    """

    corners: np.ndarray
    planes: np.ndarray
    present: np.ndarray
    spheres: np.ndarray


@torch.no_grad()
def polyhedra(rosettes: Rosettes, orientations: torch.Tensor) -> Polyhedra:
    """Rosettes, each in one of the `orientations` (B, 3, 3), as seen from the default view."""
    turned = corners(rosettes) @ orientations.mT[:, None]
    frame = frames(turned, rosettes)
    centre, side = frame.centre.double().cpu().numpy(), 2 * frame.half_diagonal.double().cpu().numpy()
    camera = cameras((0.0,))[0]
    points = ((turned.double().cpu().numpy() - centre[:, None, None]) @ camera.T) / side[:, None, None, None]
    first, second, third = (points[:, :, _FACES[:, k]] for k in range(3))
    normals = np.cross(second - first, third - first)
    with np.errstate(invalid="ignore"):  # bullets that are not present may be flat
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    planes = np.concatenate([normals, (normals * first).sum(-1, keepdims=True)], -1)
    spheres = np.column_stack([-centre @ camera.T, rosettes.sphere.double().cpu().numpy()]) / side[:, None]
    return Polyhedra(points, planes, rosettes.present.cpu().numpy(), spheres)


def fill_voxels(solids: Polyhedra, side: int) -> np.ndarray:
    """Voxels (B, side, side, side) bool, z, y, x, whose centre lies in the crystal."""
    voxels = np.zeros((len(solids.present), side, side, side), bool)
    _fill_lines(solids.corners, solids.planes, solids.present, solids.spheres, voxels)
    return voxels


@numba.njit(cache=True, nogil=True)
def _fill_lines(corners, planes, present, spheres, voxels):
    """Fill `voxels` (B, side, side, side), False on entry, line of sight by line of sight."""
    side = voxels.shape[1]
    for b in range(len(voxels)):
        for i in range(present.shape[1]):
            if not present[b, i]:
                continue
            points = corners[b, i]
            for row in range(*_centres(points[:, 1].min(), points[:, 1].max(), side)):
                y = (row + 0.5) / side - 0.5
                for column in range(*_centres(points[:, 0].min(), points[:, 0].max(), side)):
                    low, high = _crossing(planes[b, i], (column + 0.5) / side - 0.5, y)
                    first, after = _centres(low, high, side)
                    for depth in range(first, after):
                        voxels[b, depth, row, column] = True
        x0, y0, z0, radius = spheres[b]
        for row in range(*_centres(y0 - radius, y0 + radius, side)):
            for column in range(*_centres(x0 - radius, x0 + radius, side)):
                x, y = (column + 0.5) / side - 0.5, (row + 0.5) / side - 0.5
                square = radius**2 - (x - x0) ** 2 - (y - y0) ** 2
                if square >= 0:
                    first, after = _centres(z0 - np.sqrt(square), z0 + np.sqrt(square), side)
                    for depth in range(first, after):
                        voxels[b, depth, row, column] = True


@numba.njit(cache=True, nogil=True)
def _centres(low, high, side):
    """The first voxel whose centre is not below `low`, and the first whose centre is above `high`, within the cube."""
    first = np.ceil((low + 0.5) * side - 0.5)
    after = np.floor((high + 0.5) * side - 0.5) + 1
    return int(max(first, 0)), int(min(after, side))


@numba.njit(cache=True, nogil=True)
def _crossing(planes, x, y):
    """Where the line of sight at x, y enters and leaves the intersection of half-spaces (k, 4): low > high outside."""
    low, high = -1.0, 1.0
    for k in range(len(planes)):
        across, along = planes[k, 3] - planes[k, 0] * x - planes[k, 1] * y, planes[k, 2]
        if along > 1e-12:
            high = min(high, across / along)
        elif along < -1e-12:
            low = max(low, across / along)
        elif across < 0:
            return 1.0, -1.0
    return low, high


def surface_points(solids: Polyhedra, n: int, rng: np.random.Generator) -> np.ndarray:
    """Points (B, n, 3) on the surfaces of the crystals, uniform by area; none lies inside another bullet or the sphere."""
    triangles = solids.corners[:, :, TRIANGLES]  # (B, bullets, 22, 3, 3)
    edges = triangles[..., 1:, :] - triangles[..., :1, :]
    areas = np.linalg.norm(np.cross(edges[..., 0, :], edges[..., 1, :]), axis=-1) / 2 * solids.present[..., None]
    areas = np.column_stack([areas.reshape(len(areas), -1), 4 * np.pi * solids.spheres[:, 3] ** 2])
    return np.stack([_on_surface(triangles[b], areas[b], solids, b, n, rng) for b in range(len(areas))])


def _on_surface(triangles, areas, solids: Polyhedra, b: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """`surface_points` (n, 3) of crystal `b`, whose faces have `areas` (f + 1,), the sphere's last."""
    found, missing = [], n
    while missing > 0:
        m = int(_CANDIDATES * missing) + 8
        face = np.searchsorted(areas.cumsum(), rng.random(m) * areas.sum(), side="right").clip(max=len(areas) - 1)
        on_sphere = face == len(areas) - 1
        corner, *others = np.moveaxis(triangles.reshape(-1, 3, 3)[np.where(on_sphere, 0, face)], 1, 0)
        weights = rng.random((2, m))
        weights = np.where(weights.sum(0) > 1, 1 - weights, weights)
        points = corner + sum(w[:, None] * (other - corner) for w, other in zip(weights, others, strict=True))
        directions = rng.normal(size=(m, 3))
        ball = solids.spheres[b]
        round_ = ball[:3] + ball[3] * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        points = np.where(on_sphere[:, None], round_, points)
        owner = np.where(on_sphere, -1, face // len(TRIANGLES))
        shown = _exposed(points, owner, solids.planes[b], solids.present[b], ball)
        found.append(points[shown][:missing])
        missing -= len(found[-1])
    return np.concatenate(found)


@numba.njit(cache=True, nogil=True)
def _exposed(points, owner, planes, present, ball):
    """Which `points` (m, 3) lie in no bullet but their `owner` (m,), nor in the sphere unless that is -1: (m,) bool."""
    shown = np.ones(len(points), np.bool_)
    for j in range(len(points)):
        x, y, z = points[j]
        if owner[j] >= 0 and (x - ball[0]) ** 2 + (y - ball[1]) ** 2 + (z - ball[2]) ** 2 < ball[3] ** 2:
            shown[j] = False
            continue
        for i in range(len(planes)):
            if i == owner[j] or not present[i]:
                continue
            inside = True
            for k in range(planes.shape[1]):
                if planes[i, k, 0] * x + planes[i, k, 1] * y + planes[i, k, 2] * z > planes[i, k, 3]:
                    inside = False
                    break
            if inside:
                shown[j] = False
                break
    return shown
