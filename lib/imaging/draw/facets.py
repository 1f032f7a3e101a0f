"""What shows inside a crystal: light through its facets, and how high each part lies.

A ray along the line of sight that enters a convex piece by one facet and leaves by another is turned by about (n - 1) times
the difference of the facets' slopes (a thin prism). Where the two are parallel it goes straight on and the piece looks as
bright as the background, as in the middle of a plate; elsewhere it misses the lens and the piece looks dark.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from lib.crystals.solid import Solid
from lib.imaging.draw.silhouette import CAMERA, corners_of_pieces, draw_all

#: Refractive index of ice at the laser's 0.8 um, less one (Warren and Brandt 2008, doi:10.1029/2007JD009744).
_REFRACTIVITY = 0.304
#: Slope of a facet that is seen edge on.
_STEEP = 1e4
#: A piece that passes less than this counts as frosted.
_FROSTED = 0.03


class Scene(NamedTuple):
    """A solid before the camera, in pixels: x to the right, y down, z towards the eye, the middle of its box at the origin.

    `points` (k, 3) corners of the pieces, of which each ends at one of `ends` (p,); `spheres` (s, 4) centres and radii.
    """

    points: np.ndarray
    ends: np.ndarray
    spheres: np.ndarray

    @property
    def limits(self) -> np.ndarray:
        """Least and greatest x, y and z (2, 3)."""
        radius = self.spheres[:, 3:]
        low, high = np.vstack([self.points, self.spheres[:, :3] - radius]), np.vstack([self.points, self.spheres[:, :3] + radius])
        return np.array([low.min(0), high.max(0)])


def scene(solid: Solid, orientation: np.ndarray, pixel_um: float) -> Scene:
    """The solid turned by `orientation` (3, 3), seen by the camera of `lib.imaging.draw.silhouette`."""
    points, ends = corners_of_pieces(solid)
    turn = CAMERA @ orientation * [[1], [-1], [1]] / pixel_um
    crystal = Scene(points @ turn.T, ends, np.column_stack([solid.spheres[:, :3] @ turn.T, solid.spheres[:, 3] / pixel_um]))
    middle = crystal.limits.mean(0)
    return Scene(crystal.points - middle, ends, crystal.spheres - [*middle, 0])


def coverage(crystal: Scene, size: int) -> np.ndarray:
    """How many of each pixel's four sub-samples the silhouette covers, (size, size) uint8; the origin is in the middle.

    The same picture as `lib.imaging.draw.silhouette.silhouettes` draws, but for where the solid lies within its pixels.
    """
    picture = np.zeros((1, 1, size, size), np.uint8)
    upright = np.diag([1.0, -1.0, 1.0])[None]
    draw_all(crystal.points, crystal.ends, crystal.spheres, upright, np.zeros((1, 3)), np.eye(3)[None], np.ones(1), picture)
    return picture[0, 0]


class Look(NamedTuple):
    """How clear a crystal is.

    `clarity` (pieces + spheres,) share of light that each passes at best, 0 frosted, 1 clear, or None if all are frosted;
    `acceptance` deviation at which half of the light is lost [rad]; `flatness` by how much the deviation by facets, but not by
    spheres, is less than that of smooth ones, since growth steps are flat; `terrace_px` distance of these steps [pixels].
    """

    clarity: np.ndarray | None
    acceptance: float
    terrace_px: float
    flatness: float = 1.0


class Interior(NamedTuple):
    """`clear` (h, w) float32, share of the light that goes straight through all pieces, and `height` (h, w) float32 of the
    topmost surface above the middle of the solid [pixels]; both 0 outside."""

    clear: np.ndarray
    height: np.ndarray


def interior(crystal: Scene, corner: np.ndarray, shape: tuple[int, int], step: float, look: Look) -> Interior:
    """The interior on a grid of `shape` (h, w) with cells of `step` pixels, whose upper left corner is at `corner` (x, y)."""
    clear, height = np.full(shape, -1, np.float32), np.full(shape, -np.inf, np.float32)
    clarity = np.zeros(len(crystal.ends) + len(crystal.spheres)) if look.clarity is None else look.clarity
    grid, bend = (float(corner[0]), float(corner[1]), float(step)), look.acceptance / _REFRACTIVITY
    _see_through_pieces(crystal.points, crystal.ends, clarity, grid, bend * look.flatness, look.terrace_px, clear, height)
    _see_through_spheres(crystal.spheres, clarity[len(crystal.ends) :], grid, bend, clear, height)
    outside = clear < 0
    clear[outside], height[outside] = 0, 0
    return Interior(clear, height)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _see_through_pieces(points, ends, clarity, grid, bend, terrace, clear, height):
    """Multiply `clear` by what the convex pieces pass and raise `height` to their surface; `grid` is x, y and step.

    `bend` is the difference in slope at which half of the light is lost, `terrace` the distance of growth steps.
    """
    start = 0
    for p in range(len(ends)):
        piece = points[start : ends[p]]
        start = ends[p]
        front, back = _facets(piece)
        front_gaps, back_gaps = _inverse_slopes(front), _inverse_slopes(back)
        rows = _cells(piece[:, 1].min(), piece[:, 1].max(), grid[1], grid[2], clear.shape[0])
        columns = _cells(piece[:, 0].min(), piece[:, 0].max(), grid[0], grid[2], clear.shape[1])
        for i in range(rows[0], rows[1]):
            y = grid[1] + (i + 0.5) * grid[2]
            for j in range(columns[0], columns[1]):
                x = grid[0] + (j + 0.5) * grid[2]
                top, a = _lowest(front, x, y)
                bottom, b = _lowest(back, x, y)  # turned over: minus the greatest height
                if top + bottom <= 0:
                    continue
                height[i, j] = max(height[i, j], top)
                passed = 0.0
                if clarity[p] > _FROSTED and clear[i, j] != 0:
                    slope = np.hypot(front[a, 0] + back[b, 0], front[a, 1] + back[b, 1])
                    outline = (top + bottom) / slope
                    top_edge = min(outline, _edge(front, front_gaps, x, y, top, a))
                    bottom_edge = min(outline, _edge(back, back_gaps, x, y, bottom, b))
                    passed = clarity[p] * _transmission(slope / bend, top_edge, bottom_edge, terrace)
                clear[i, j] = passed if clear[i, j] < 0 else clear[i, j] * passed


@numba.njit(cache=True, nogil=True)
def _see_through_spheres(spheres, clarity, grid, bend, clear, height):
    """As `_see_through_pieces`, for spheres."""
    for s in range(len(spheres)):
        x0, y0, z0, radius = spheres[s]
        rows = _cells(y0 - radius, y0 + radius, grid[1], grid[2], clear.shape[0])
        columns = _cells(x0 - radius, x0 + radius, grid[0], grid[2], clear.shape[1])
        for i in range(rows[0], rows[1]):
            y = grid[1] + (i + 0.5) * grid[2] - y0
            for j in range(columns[0], columns[1]):
                square = y**2 + (grid[0] + (j + 0.5) * grid[2] - x0) ** 2
                if square >= radius**2:
                    continue
                top = np.sqrt(radius**2 - square)
                height[i, j] = max(height[i, j], z0 + top)
                passed = clarity[s] / (1 + 4 * square / (top * bend) ** 2)
                clear[i, j] = passed if clear[i, j] < 0 else clear[i, j] * passed


@numba.njit(cache=True, nogil=True)
def _transmission(turn, top_edge, bottom_edge, terrace):
    """Share of light through a clear piece: `turn` is the deviation over the acceptance, the rest in pixels.

    Light is lost at the edges of both facets and, less and less inward, at the steps that run along those of the upper one.
    """
    edge = min(top_edge, bottom_edge)
    steps = 0.35 * (1 + np.cos(2 * np.pi * top_edge / terrace)) * np.exp(-top_edge / (5 * terrace))
    return (1 - np.exp(-((edge / 1.5) ** 2))) * (1 - steps) / (1 + turn**2)


@numba.njit(cache=True, nogil=True)
def _cells(low, high, origin, step, count):
    """First and last + 1 of `count` cells of a grid whose middles may lie between `low` and `high`."""
    first, last = max(0.0, np.floor((low - origin) / step)), min(count - 1.0, np.floor((high - origin) / step))
    return int(first), int(max(first, last + 1))


@numba.njit(cache=True, nogil=True)
def _lowest(planes, x, y):
    """Height of the lowest of `planes` (f, 3) at (x, y), and which it is."""
    best, which = np.inf, 0
    for k in range(len(planes)):
        z = planes[k, 0] * x + planes[k, 1] * y + planes[k, 2]
        if z < best:
            best, which = z, k
    return best, which


@numba.njit(cache=True, nogil=True)
def _edge(planes, gaps, x, y, best, which):
    """Distance in the picture from (x, y) to where the plane `which`, the lowest there, meets another."""
    distance = np.inf
    for k in range(len(planes)):
        if k != which:
            distance = min(distance, (planes[k, 0] * x + planes[k, 1] * y + planes[k, 2] - best) * gaps[which, k])
    return distance


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _inverse_slopes(planes):
    """One over the difference in slope of any two of `planes` (f, f)."""
    gaps = np.empty((len(planes), len(planes)))
    for i in range(len(planes)):
        for j in range(len(planes)):
            gaps[i, j] = 1 / np.hypot(planes[i, 0] - planes[j, 0], planes[i, 1] - planes[j, 1])
    return gaps


@numba.njit(cache=True, nogil=True)
def _facets(points):
    """Planes z = a x + b y + c (f, 3) of the facets of the convex hull of `points` that look to the eye, and, turned over
    (minus a, b and c), of those that look away.

    A plane through three corners is a facet if no corner lies beyond it: for the dozen corners of a piece, quicker than a hull.
    """
    n = len(points)
    size = max(np.ptp(points[:, 0]), np.ptp(points[:, 1]), np.ptp(points[:, 2]))
    found, count = np.empty((2 * n, 4)), 0
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                nx, ny, nz = _normal(points[i], points[j], points[k])
                length = np.sqrt(nx**2 + ny**2 + nz**2)
                if length < 1e-9 * size**2:
                    continue
                nx, ny, nz = nx / length, ny / length, nz / length
                offset = nx * points[i, 0] + ny * points[i, 1] + nz * points[i, 2]
                beyond, within = False, False
                for m in range(n):
                    excess = nx * points[m, 0] + ny * points[m, 1] + nz * points[m, 2] - offset
                    beyond |= excess > 1e-6 * size
                    within |= excess < -1e-6 * size
                    if beyond and within:
                        break
                if beyond == within:
                    continue
                sign = -1.0 if beyond else 1.0
                plane = (sign * nx, sign * ny, sign * nz, sign * offset)
                if count < len(found) and not _known(found[:count], plane):
                    for c in range(4):
                        found[count, c] = plane[c]
                    count += 1
    return _looking(found[:count], 1.0), _looking(found[:count], -1.0)


@numba.njit(cache=True, nogil=True)
def _normal(a, b, c):
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@numba.njit(cache=True, nogil=True)
def _known(found, plane):
    for f in range(len(found)):
        if max(abs(found[f, 0] - plane[0]), abs(found[f, 1] - plane[1]), abs(found[f, 2] - plane[2])) < 1e-5:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _looking(found, side):
    """Of the planes n . p = d, rows of `found` (f, 4), those with side * n_z > 0, as side * z = a x + b y + c."""
    planes, count = np.empty((len(found), 3)), 0
    for nx, ny, nz, offset in found:
        if (nz > 0) == (side > 0):
            z = max(abs(nz), 1 / _STEEP)
            planes[count] = np.array([-nx / z, -ny / z, offset / z])
            count += 1
    return planes[:count]
