"""Capacitance of crystals, which says how fast vapour diffuses to them, and the share of lines of sight that they block.

Both follow from random walks and lines about the exact solid: no mesh, no grid. The capacitance of a sphere is its radius.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from scipy.spatial import ConvexHull, QhullError

from lib.crystals.solid import Solid, bounding_sphere, corners

#: A walk ends where it comes so near to the surface, in radii of the bounding sphere.
_NEAR = 1e-4


class Estimate(NamedTuple):
    """A random estimate: its `value` and its standard `error`, in the same unit."""

    value: float
    error: float


class _Walls(NamedTuple):
    """A solid as numbers, in radii of its bounding sphere about that sphere's centre.

    Attributes
    ----------
    planes : outward normals and offsets of all faces (k, 4): a point x is behind one where normal . x <= offset
    first : number of the first plane of each piece, and of the first of its cavity (2 n_pieces + 1,)
    holds : centre and radius of a sphere that holds each piece (n_pieces, 4)
    spheres : centre and radius of the spheres (s, 4)
    """

    planes: np.ndarray
    first: np.ndarray
    holds: np.ndarray
    spheres: np.ndarray


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spheroid_capacitance(a, c):
    """Capacitance [m] of a spheroid with equatorial semi-axis `a` and polar semi-axis `c` [m].

    Pruppacher & Klett 1997, equations 13-77 and 13-78.
    """
    if abs(c / a - 1.0) < 1e-4:
        return (2 * a + c) / 3
    if c < a:
        eccentricity = math.sqrt(1.0 - (c / a) ** 2)
        return a * eccentricity / math.asin(eccentricity)
    eccentricity = math.sqrt(1.0 - (a / c) ** 2)
    return c * eccentricity / math.log((1.0 + eccentricity) * c / a)


def capacitance(solid: Solid, n_walks: int = 20_000, seed: int | list[int] = 0) -> Estimate:
    """Capacitance of a solid [um] by walk on spheres (Muller 1956, doi:10.1214/aoms/1177728169).

    Walks begin anywhere on the bounding sphere and jump, in any direction, as far as surely nothing is in the way. The
    capacitance is the radius of the sphere times the share of walks that reach the solid (Westbrook et al. 2008,
    doi:10.1175/2007JAS2315.1). A walk outside the sphere escapes with the probability that is known
    exactly, or is put back on the sphere where it would meet it. Within 10^-4 of the radius, a walk has arrived.

    Raises
    ------
    ValueError
        If a piece is flat, or `n_walks` less than 1.
    """
    if n_walks < 1:
        raise ValueError(f"n_walks: expected at least 1, got {n_walks}")
    walls, radius = _walls(solid)
    share = _count_arrivals(walls, n_walks, np.random.default_rng(seed)) / n_walks
    return Estimate(radius * share, radius * math.sqrt(share * (1 - share) / n_walks))


def area_ratio(solid: Solid, n_lines: int = 20_000, seed: int | list[int] = 0) -> Estimate:
    """Projected area of a solid over that of its bounding sphere [1], mean over all orientations.

    It is the share of straight lines, of any direction and place, that meet the solid among those that meet the sphere. Cavities
    do not show in a silhouette.

    Raises
    ------
    ValueError
        If a piece is flat, or `n_lines` less than 1.
    """
    if n_lines < 1:
        raise ValueError(f"n_lines: expected at least 1, got {n_lines}")
    share = _count_blocked(_walls(solid)[0], n_lines, np.random.default_rng(seed)) / n_lines
    return Estimate(share, math.sqrt(share * (1 - share) / n_lines))


def _walls(solid: Solid) -> tuple[_Walls, float]:
    """The solid as numbers, and the radius of its bounding sphere [um]."""
    centre, radius = bounding_sphere(corners(solid))
    pieces = [(piece - centre) / radius for piece in solid.pieces]
    cavities = [None if cavity is None else (cavity - centre) / radius for cavity in solid.cavities] or [None] * len(pieces)
    planes = []
    for number, (piece, cavity) in enumerate(zip(pieces, cavities, strict=True)):
        faces = _faces(piece, f"piece {number}")
        planes += [faces, np.zeros((0, 4)) if cavity is None else _walls_of_cavity(_faces(cavity, f"cavity {number}"), faces)]
    first = np.cumsum([0, *map(len, planes)])
    middles = [(piece.mean(axis=0), piece) for piece in pieces]
    holds = [[*middle, np.linalg.norm(piece - middle, axis=1).max()] for middle, piece in middles]
    spheres = (solid.spheres - [*centre, 0.0]) / radius
    return _Walls(np.vstack([np.zeros((0, 4)), *planes]), first, np.array(holds).reshape(-1, 4), spheres), radius


def _faces(points: np.ndarray, what: str) -> np.ndarray:
    """Outward normals and offsets (k, 4) of the faces of the convex hull of `points` (n, 3)."""
    try:
        hull = ConvexHull(points)
    except QhullError:
        raise ValueError(f"{what} is flat: its corners enclose no volume") from None
    equations = np.unique(np.round(hull.equations, 9), axis=0)
    return np.column_stack([equations[:, :3], -equations[:, 3]])


def _walls_of_cavity(cavity: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """The faces of a cavity that are walls: not those in the surface of its piece, where it is open."""
    gaps = np.abs(cavity[:, None] - piece).max(axis=-1)
    return cavity[gaps.min(axis=1) > 1e-6]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _clearance(walls, x, y, z):
    """A length, in radii, that is at most the distance of a place from the solid, and 0 on its surface."""
    nearest = np.inf
    for k in range(len(walls.spheres)):
        sphere = walls.spheres[k]
        nearest = min(nearest, math.sqrt((x - sphere[0]) ** 2 + (y - sphere[1]) ** 2 + (z - sphere[2]) ** 2) - sphere[3])
    for k in range(len(walls.holds)):
        hold = walls.holds[k]
        outside = math.sqrt((x - hold[0]) ** 2 + (y - hold[1]) ** 2 + (z - hold[2]) ** 2) - hold[3]
        if outside >= nearest:
            continue
        for plane in range(walls.first[2 * k], walls.first[2 * k + 1]):
            a, b, c, offset = walls.planes[plane]
            outside = max(outside, a * x + b * y + c * z - offset)
        cavity = np.inf
        for plane in range(walls.first[2 * k + 1], walls.first[2 * k + 2]):
            a, b, c, offset = walls.planes[plane]
            cavity = min(cavity, offset - a * x - b * y - c * z)
        nearest = min(nearest, max(outside, cavity) if cavity < np.inf else outside)
    return nearest


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _direction(rng):
    """A random unit vector."""
    z, angle = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    across = math.sqrt(1.0 - z * z)
    return across * math.cos(angle), across * math.sin(angle), z


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count_arrivals(walls, n_walks, rng):
    """How many of the walks reach the solid."""
    arrived = 0
    for _ in range(n_walks):
        x, y, z = _direction(rng)
        while True:
            step = _clearance(walls, x, y, z)
            if step < _NEAR:
                arrived += 1
                break
            u, v, w = _direction(rng)
            x, y, z = x + step * u, y + step * v, z + step * w
            far = math.sqrt(x * x + y * y + z * z)
            if far > 1.0:
                if rng.random() * far > 1.0:
                    break
                x, y, z = _back(x / far, y / far, z / far, far, rng)
    return arrived


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _back(x, y, z, far, rng):
    """Where a walk from the distance `far` in the direction (x, y, z) meets the unit sphere, if it does: Poisson's kernel."""
    distance = 1.0 / (2.0 * rng.random() / (far * far - 1.0) + 1.0 / (far + 1.0))
    cosine = min(max((far * far + 1.0 - distance * distance) / (2.0 * far), -1.0), 1.0)
    u, v, w = _across(x, y, z, rng)
    sine = math.sqrt(1.0 - cosine * cosine)
    return cosine * x + sine * u, cosine * y + sine * v, cosine * z + sine * w


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _across(x, y, z, rng):
    """A random unit vector normal to the unit vector (x, y, z)."""
    while True:
        u, v, w = _direction(rng)
        along = u * x + v * y + w * z
        length = math.sqrt(max(1.0 - along * along, 0.0))
        if length > 1e-3:
            return (u - along * x) / length, (v - along * y) / length, (w - along * z) / length


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count_blocked(walls, n_lines, rng):
    """How many lines through the unit sphere, uniform in direction and place, meet the solid."""
    blocked = 0
    for _ in range(n_lines):
        along = _direction(rng)
        u, v, w = _across(*along, rng)
        off = math.sqrt(rng.random())
        if _meets(walls, (off * u, off * v, off * w), along):
            blocked += 1
    return blocked


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _meets(walls, start, along):
    """Whether the line through a point in a direction meets the solid."""
    x, y, z = start
    u, v, w = along
    for k in range(len(walls.spheres)):
        a, b, c, radius = walls.spheres[k]
        dx, dy, dz = x - a, y - b, z - c
        middle = dx * u + dy * v + dz * w
        if dx * dx + dy * dy + dz * dz - middle * middle <= radius * radius:
            return True
    for k in range(len(walls.holds)):
        enter, leave = -np.inf, np.inf
        for plane in range(walls.first[2 * k], walls.first[2 * k + 1]):
            a, b, c, offset = walls.planes[plane]
            speed, gap = a * u + b * v + c * w, offset - a * x - b * y - c * z
            if speed > 1e-12:
                leave = min(leave, gap / speed)
            elif speed < -1e-12:
                enter = max(enter, gap / speed)
            elif gap < 0.0:
                enter = np.inf
        if enter <= leave:
            return True
    return False
