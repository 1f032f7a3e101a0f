"""Orthographic silhouettes: the projection of a solid is a union of convex polygons and discs, filled directly.

A picture holds, for each pixel, how many of its four sub-samples lie inside the silhouette (0 to 4), so edges
are known to a fraction of a pixel and `coverage.sum() / 4` is the area. `coverage > 0` is the mask as published (any
touched sample), about 0.35 pixel too wide all along its edge; `coverage >= 2` the mask of half covered pixels, about
0.14 pixel too wide.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from lib.crystals.solid import Solid

#: Side of the published pictures [pixels].
SIZE = 224
#: The second view's turn relative to the first [deg]: 2D-S arrays are orthogonal, PHIPS looks along two lines 120 deg apart.
VIEW_ANGLES = {"default": 0.0, "2ds": 90.0, "phips": 120.0}

#: Half the width of a crystal must be fewer pixels than this, for pixel numbers to fit into 32 bits.
_FARTHEST = 1e9
#: x [pixels] of the four sub-samples, which lie on rows 1/8, 3/8, 5/8 and 7/8 of a pixel: the usual rotated grid.
SAMPLE_X = np.array([0.625, 0.125, 0.875, 0.375])

_DIAGONAL = 3**-0.5
#: The camera looks from (1, 1, 1) at the origin with z up: rows are picture right, picture up, and towards the eye.
CAMERA = np.array([[-(0.5**0.5), 0.5**0.5, 0.0], [-(6**-0.5), -(6**-0.5), (2 / 3) ** 0.5], [_DIAGONAL, _DIAGONAL, _DIAGONAL]])
#: Axis about which a crystal is turned into its second view; normal to the line of sight.
TURN_AXIS = np.array([0.0, 0.5**0.5, -(0.5**0.5)])


class Silhouettes(NamedTuple):
    """Pictures, and where the crystal lies in them.

    Attributes
    ----------
    coverage : (orientation, view, y, x) uint8 of 0..4
    pixel_um : (orientation,) side of a pixel [um]
    origin_px : (orientation, view, 2) x and y of the crystal's origin, where a rosette grows from, from the upper left [pixels]
    """

    coverage: np.ndarray
    pixel_um: np.ndarray
    origin_px: np.ndarray


def silhouettes(
    solid: Solid,
    orientations: np.ndarray,
    angles_deg: tuple[float, ...] = (0.0,),
    size: int = SIZE,
    pixel_um: float | None = None,
    out: np.ndarray | None = None,
) -> Silhouettes:
    """Pictures of one solid in many orientations, each seen from one or more angles.

    Parameters
    ----------
    orientations : (R, 3, 3) rotation matrices, R >= 1
    angles_deg : turn of each view about `TURN_AXIS` [deg]
    size : side of the square pictures [pixels]
    pixel_um : side of a pixel [um]; None fits the picture to the crystal as published: half the picture is half
        the diagonal of the axis-aligned box of the rotated crystal, the same for all views of an orientation
    out : array (R, V, size, size) uint8 to draw into, for callers who draw many solids

    Returns
    -------
    Silhouettes
        of R orientations and V views. Parts outside the frame are cut off.

    >>> from lib.crystals import orientation, rosette
    >>> crystal = rosette.sample(1, seed=0)[0].solid()
    >>> silhouettes(crystal, orientation.random_orientations(5, seed=0), (0, 90), size=64).coverage.shape
    (5, 2, 64, 64)
    """
    if not len(angles_deg):
        raise ValueError("angles_deg: expected at least one view")
    return seen_from(solid, orientations, cameras(angles_deg), size, pixel_um, out)


def seen_from(
    solid: Solid,
    orientations: np.ndarray,
    views: np.ndarray,
    size: int = SIZE,
    pixel_um: float | None = None,
    out: np.ndarray | None = None,
) -> Silhouettes:
    """Pictures of one solid in many orientations, each seen by any cameras; arguments and errors as of `silhouettes`.

    Parameters
    ----------
    views : (V, 3, 3) cameras; rows are picture right, picture up, and towards the eye
    """
    orientations = np.asarray(orientations, dtype=float)
    if orientations.ndim != 3 or orientations.shape[1:] != (3, 3) or not len(orientations):
        raise ValueError(f"orientations: expected rotation matrices (R >= 1, 3, 3), got {orientations.shape}")
    if not np.isfinite(orientations).all():
        raise ValueError("orientations: rotation matrices must be finite")
    if np.ndim(views) != 3 or np.shape(views)[1:] != (3, 3) or not len(views):
        raise ValueError(f"views: expected cameras (V >= 1, 3, 3), got {np.shape(views)}")
    if size < 2 or (pixel_um is not None and not pixel_um > 0):
        raise ValueError(f"size must be at least 2 pixels and pixel_um positive, got {size} and {pixel_um}")
    centre, half_diagonal = boxes(solid, orientations)
    scale = 2 * half_diagonal / size if pixel_um is None else np.full(len(orientations), float(pixel_um))
    if half_diagonal.max() > _FARTHEST * scale.min():
        raise ValueError(f"pixel_um: the crystal would be more than {_FARTHEST:.0e} pixels wide at {pixel_um} um a pixel")
    points, ends = corners_of_pieces(solid)
    shape = (len(orientations), len(views), size, size)
    coverage = np.empty(shape, np.uint8) if out is None else out
    if coverage.shape != shape or coverage.dtype != np.uint8:
        raise ValueError(f"out: expected uint8 of shape {shape}, got {coverage.dtype} of shape {coverage.shape}")
    coverage[:] = 0
    origin = draw_all(points, ends, solid.spheres, orientations, centre, views, scale, coverage)
    return Silhouettes(coverage, scale, origin)


def cameras(angles_deg: tuple[float, ...]) -> np.ndarray:
    """Matrices (V, 3, 3) from the crystal's frame to each view's: picture right, picture up, and towards the eye."""
    return np.array([CAMERA @ _rotation(TURN_AXIS, np.radians(angle)) for angle in angles_deg])


def boxes(solid: Solid, orientations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (R, 3) and half diagonals (R,) of the axis-aligned boxes of the rotated solid [um]."""
    points, _ = corners_of_pieces(solid)
    turned = points @ orientations.transpose(0, 2, 1)
    low, high = turned.min(1, initial=np.inf), turned.max(1, initial=-np.inf)
    for *position, radius in solid.spheres:
        middle = orientations @ position
        low, high = np.minimum(low, middle - radius), np.maximum(high, middle + radius)
    return (low + high) / 2, np.linalg.norm(high - low, axis=1) / 2


def corners_of_pieces(solid: Solid) -> tuple[np.ndarray, np.ndarray]:
    """Corners of all pieces (k, 3), and where each piece ends (p,)."""
    points = np.vstack(solid.pieces) if solid.pieces else np.zeros((0, 3))
    return np.ascontiguousarray(points, float), np.cumsum([len(piece) for piece in solid.pieces]).astype(np.int64)


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """Matrix (3, 3) that turns by `angle` [rad] about the unit vector `axis` (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@numba.njit(cache=True, nogil=True)
def draw_all(points, ends, spheres, orientations, centre, turns, scale, coverage):
    """Fill `coverage` (R, V, size, size), zero on entry, and return `origin_px` (R, V, 2); arguments as in `silhouettes`."""
    size = coverage.shape[2]
    origin = np.empty((len(orientations), len(turns), 2))
    row_x, row_y = np.empty(3), np.empty(3)
    flat = np.empty((len(points), 2))
    polygon = np.empty((2 * len(points) + 2, 2))
    left, right = np.empty(4 * size), np.empty(4 * size)
    first, last = np.empty(4 * size, np.int32), np.empty(4 * size, np.int32)
    for r in range(len(orientations)):
        for v in range(len(turns)):
            picture = coverage[r, v]
            # pixels from the picture's upper left corner: x to the right, y down
            to_x, to_y = turns[v, 0], turns[v, 1]
            x0, y0 = size / 2, size / 2
            for k in range(3):
                row_x[k], row_y[k] = 0.0, 0.0
                for m in range(3):
                    row_x[k] += to_x[m] * orientations[r, m, k] / scale[r]
                    row_y[k] -= to_y[m] * orientations[r, m, k] / scale[r]
                x0 -= to_x[k] * centre[r, k] / scale[r]
                y0 += to_y[k] * centre[r, k] / scale[r]
            origin[r, v, 0], origin[r, v, 1] = x0, y0
            for i in range(len(points)):
                p = points[i]
                flat[i, 0] = x0 + row_x[0] * p[0] + row_x[1] * p[1] + row_x[2] * p[2]
                flat[i, 1] = y0 + row_y[0] * p[0] + row_y[1] * p[1] + row_y[2] * p[2]
            start, top, bottom = 0, 4 * size, -1
            for end in ends:
                corners = _convex_hull(flat[start:end], polygon)
                rows = _polygon_sides(polygon[:corners], left, right)
                _fill_rows(left, right, first, last, rows, picture)
                top, bottom = min(top, rows[0]), max(bottom, rows[1])
                start = end
            for s in range(len(spheres)):
                x = x0 + row_x[0] * spheres[s, 0] + row_x[1] * spheres[s, 1] + row_x[2] * spheres[s, 2]
                y = y0 + row_y[0] * spheres[s, 0] + row_y[1] * spheres[s, 1] + row_y[2] * spheres[s, 2]
                rows = _disc_sides(x, y, spheres[s, 3] / scale[r], left, right)
                _fill_rows(left, right, first, last, rows, picture)
                top, bottom = min(top, rows[0]), max(bottom, rows[1])
            if bottom >= top:
                _count_samples(picture[top // 4 : bottom // 4 + 1])
    return origin


@numba.njit(cache=True, nogil=True)
def _convex_hull(points, hull):
    """Corners of the convex hull of `points` (k, 2) into `hull`, in order; returns how many (Andrew 1979)."""
    for i in range(1, len(points)):  # insertion sort by x, then y: few points
        x, y = points[i, 0], points[i, 1]
        j = i - 1
        while j >= 0 and (points[j, 0] > x or (points[j, 0] == x and points[j, 1] > y)):
            points[j + 1, 0], points[j + 1, 1] = points[j, 0], points[j, 1]
            j -= 1
        points[j + 1, 0], points[j + 1, 1] = x, y
    n = 0
    for half in range(2):
        start = n
        for k in range(len(points)):
            i = k if half == 0 else len(points) - 1 - k
            while n >= start + 2 and (hull[n - 1, 0] - hull[n - 2, 0]) * (points[i, 1] - hull[n - 2, 1]) <= (
                hull[n - 1, 1] - hull[n - 2, 1]
            ) * (points[i, 0] - hull[n - 2, 0]):
                n -= 1
            hull[n, 0], hull[n, 1] = points[i, 0], points[i, 1]
            n += 1
        n -= 1  # the last point starts the other half
    return n


@numba.njit(cache=True, nogil=True)
def _polygon_sides(polygon, left, right):
    """Where each sub-row enters and leaves a convex polygon (k, 2) whose corners run as `_convex_hull` gives them.

    Sub-row s, four to a pixel row, lies at y = (s + 1/2) / 4. An edge that goes down the picture bounds the
    polygon on the right, one that goes up on the left. Returns the first and last sub-row inside.
    """
    top, bottom = len(left), -1
    for i in range(len(polygon)):
        j = i + 1 if i + 1 < len(polygon) else 0
        xa, ya, xb, yb = polygon[i, 0], polygon[i, 1], polygon[j, 0], polygon[j, 1]
        side = right
        if yb < ya:
            xa, ya, xb, yb = xb, yb, xa, ya
            side = left
        start = max(0, int(np.ceil(4 * ya - 0.5)))
        stop = min(len(left), int(np.ceil(4 * yb - 0.5)))
        if stop <= start:
            continue
        slope = (xb - xa) / (yb - ya)
        for s in range(start, stop):
            side[s] = xa + ((s + 0.5) / 4 - ya) * slope
        top, bottom = min(top, start), max(bottom, stop - 1)
    return top, bottom


@numba.njit(cache=True, nogil=True)
def _disc_sides(x, y, radius, left, right):
    """Where each sub-row enters and leaves a disc [pixels]; returns the first and last sub-row inside."""
    top = max(0, int(np.ceil(4 * (y - radius) - 0.5)))
    bottom = min(len(left) - 1, int(np.floor(4 * (y + radius) - 0.5)))
    for s in range(top, bottom + 1):
        half = np.sqrt(max(0.0, radius**2 - ((s + 0.5) / 4 - y) ** 2))
        left[s], right[s] = x - half, x + half
    return top, bottom


@numba.njit(cache=True, nogil=True)
def _fill_rows(left, right, first, last, rows, picture):
    """Set the bits of the sub-samples between `left` and `right` on the sub-rows `rows`; `first`, `last` are scratch."""
    top, bottom = rows
    if bottom < top:
        return
    width = picture.shape[1]
    start, stop = top // 4 * 4, bottom // 4 * 4 + 4
    first[start:top], last[start:top] = width, -1  # sub-rows of the outermost pixel rows that lie outside
    first[bottom + 1 : stop], last[bottom + 1 : stop] = width, -1
    for s in range(top, bottom + 1):
        offset = SAMPLE_X[s & 3]
        first[s] = np.int32(max(0.0, np.ceil(left[s] - offset)))
        last[s] = np.int32(min(width - 1.0, np.floor(right[s] - offset)))
    for s in range(start, stop, 4):
        row = picture[s // 4]
        a0, a1, a2, a3 = first[s], first[s + 1], first[s + 2], first[s + 3]
        b0, b1, b2, b3 = last[s], last[s + 1], last[s + 2], last[s + 3]
        outer_first, outer_last = min(min(a0, a1), min(a2, a3)), max(max(b0, b1), max(b2, b3))
        inner_first, inner_last = max(max(a0, a1), max(a2, a3)), min(min(b0, b1), min(b2, b3))
        if inner_first > inner_last:  # no pixel with all four samples inside
            inner_first, inner_last = outer_last + 1, outer_last
        for x in range(outer_first, inner_first):
            row[x] |= (a0 <= x <= b0) | (a1 <= x <= b1) << 1 | (a2 <= x <= b2) << 2 | (a3 <= x <= b3) << 3
        for x in range(inner_first, inner_last + 1):
            row[x] = 15
        for x in range(inner_last + 1, outer_last + 1):
            row[x] |= (a0 <= x <= b0) | (a1 <= x <= b1) << 1 | (a2 <= x <= b2) << 2 | (a3 <= x <= b3) << 3


@numba.njit(cache=True, nogil=True)
def _count_samples(picture):
    """Replace each pixel's four bits by how many of them are set."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            bits = picture[y, x]
            pairs = (bits & 5) + ((bits >> 1) & 5)
            picture[y, x] = (pairs & 3) + (pairs >> 2)
