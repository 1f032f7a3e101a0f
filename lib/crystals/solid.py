"""Ice-crystal solids: unions of convex pieces, their volume, area and bounding sphere, exact but for the roundness of spheres."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from typing import NamedTuple

import manifold3d
import numba
import numpy as np

#: Density of ice at 0 degC [kg m-3].
ICE_DENSITY = 917.0
#: How often the edges of the icosahedron that stands for a sphere are halved.
SPHERE_SUBDIVISIONS = 1


@dataclass(frozen=True)
class Solid:
    """A crystal as the union of convex polyhedra and spheres.

    A cavity must open on the surface of its own piece and must not pierce it, so that the silhouette
    of a piece with its cavity is the silhouette of the piece.

    Attributes
    ----------
    pieces : tuple of (k_i, 3) float arrays
        Corners of each convex polyhedron [um].
    cavities : tuple of (m_i, 3) float arrays or None
        Corners of a convex cavity cut out of the piece of the same number, or None.
        Either as long as `pieces` or empty (no cavities at all).
    spheres : (s, 4) float array
        Centre and radius of each sphere [um].
    """

    pieces: tuple[np.ndarray, ...]
    cavities: tuple[np.ndarray | None, ...] = ()
    spheres: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))

    def __post_init__(self):
        for i, piece in enumerate(self.pieces):
            if np.ndim(piece) != 2 or np.shape(piece)[1] != 3 or len(piece) < 4:
                raise ValueError(f"piece {i}: expected corners of shape (k >= 4, 3), got {np.shape(piece)}")
            if not np.isfinite(piece).all():
                raise ValueError(f"piece {i}: corners must be finite")
        object.__setattr__(self, "spheres", np.asarray(self.spheres, dtype=float))
        if self.spheres.ndim != 2 or self.spheres.shape[1] != 4:
            raise ValueError(f"spheres: expected shape (s, 4), got {self.spheres.shape}")
        if not (np.isfinite(self.spheres).all() and (self.spheres[:, 3] > 0).all()):
            raise ValueError("spheres: centres and radii must be finite, radii positive")
        if not self.pieces and not len(self.spheres):
            raise ValueError("a solid needs at least one piece or one sphere")
        if self.cavities and len(self.cavities) != len(self.pieces):
            raise ValueError(f"{len(self.cavities)} cavities for {len(self.pieces)} pieces: give one (or None) per piece")

    def scaled(self, factor: float) -> Solid:
        """The solid `factor` > 0 times as large."""
        cavities = tuple(None if cavity is None else cavity * factor for cavity in self.cavities)
        return Solid(tuple(piece * factor for piece in self.pieces), cavities, self.spheres * factor)


class Targets(NamedTuple):
    """What a picture is asked to tell about a crystal.

    `volume` [um3], `area` of the surface [um2], `radius` of the minimum bounding sphere [um],
    effective density `rho_e` = V / (4/3 pi r^3) and effective surface area `a_e` = S / (4 pi r^2),
    both dimensionless (Ko et al. 2025, arXiv:2507.19759).
    """

    volume: float
    area: float
    radius: float
    rho_e: float
    a_e: float


@functools.cache
def booleans_on_one_thread() -> None:
    """Keep manifold3d to one thread in this process, for callers that build many solids in parallel themselves.

    Its thread pool is sized at the first boolean operation by the cores that the calling thread may use, and a
    crystal is too small for it: more threads only wait for each other. Without effect after that first operation,
    or where the system has no core affinity.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        cube = manifold3d.Manifold.cube((1, 1, 1))
        (cube - cube.translate((0.5, 0, 0))).volume()
        os.sched_setaffinity(0, cores)


@functools.cache
def unit_sphere() -> manifold3d.Manifold:
    """The unit sphere as an icosphere of 20 * 4**SPHERE_SUBDIVISIONS faces whose volume is exactly 4/3 pi.

    Its vertices lie a little outside the sphere, its faces cut a little inside; see `surface_area`.
    """
    vertices = _sphere_directions()
    hull = manifold3d.Manifold.hull_points(vertices)
    return manifold3d.Manifold.hull_points(vertices * (4 / 3 * np.pi / hull.volume()) ** (1 / 3)).as_original()


@functools.cache
def _sphere_directions() -> np.ndarray:
    """Unit vectors (v, 3): the vertices of an icosahedron whose edges are halved SPHERE_SUBDIVISIONS times."""
    golden = (1 + 5**0.5) / 2
    rectangle = np.array([(0, s, t * golden) for s in (-1, 1) for t in (-1, 1)])
    icosahedron = np.vstack([np.roll(rectangle, shift, axis=1) for shift in range(3)])
    mesh = manifold3d.Manifold.hull_points(icosahedron).refine(2**SPHERE_SUBDIVISIONS).to_mesh64()
    vertices = np.unique(np.round(mesh.vert_properties[:, :3], 12), axis=0)
    return vertices / np.linalg.norm(vertices, axis=1, keepdims=True)


def union(solid: Solid) -> manifold3d.Manifold:
    """The solid as one closed manifold mesh [um], by exact boolean operations (manifold3d)."""
    hull = manifold3d.Manifold.hull_points
    parts = [hull(np.ascontiguousarray(piece, dtype=float)) for piece in solid.pieces]
    for i, part in enumerate(parts):
        if part.volume() <= 0:
            raise ValueError(f"piece {i} is flat: its corners enclose no volume")
    for i, cavity in enumerate(solid.cavities):
        if cavity is not None:
            parts[i] -= hull(np.ascontiguousarray(cavity, dtype=float))
    parts += [unit_sphere().scale([x[3]] * 3).translate(x[:3]) for x in solid.spheres]
    whole = manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add)
    if whole.status() != manifold3d.Error.NoError or whole.is_empty():
        raise ValueError(f"the pieces have no valid union ({whole.status().name}); is one of them flat or not finite?")
    return whole


def surface_area(whole: manifold3d.Manifold) -> float:
    """Surface area of a `union` [um2], what shows of its spheres counted as round.

    The faces left of a polyhedral sphere are worth their area times (area of the sphere / of the polyhedron).
    On 210 rosettes of the 2025 model, volume and area are within 1e-4 and 3e-4 (mean 6e-6 and 4e-5) of what
    spheres of 20,480 faces give.
    """
    excess = unit_sphere().surface_area() / (4 * np.pi) - 1
    mesh = whole.to_mesh64()
    run = np.asarray(mesh.run_index) // 3
    exposed = sum(
        triangle_area(mesh.vert_properties, mesh.tri_verts[start:stop])
        for start, stop, source in zip(run[:-1], run[1:], mesh.run_original_id, strict=True)
        if source == unit_sphere().original_id()
    )
    return whole.surface_area() - exposed * excess / (1 + excess)


def triangle_area(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """Total area of `triangles` (t, 3), rows of indices into `vertices` (v, 3)."""
    a, b, c = (vertices[triangles[:, i], :3] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def mass_kg(volume_um3):
    """Mass [kg] of a volume of ice [um3]."""
    return ICE_DENSITY * 1e-18 * volume_um3


def targets(solid: Solid) -> Targets:
    """Exact volume, surface area, bounding radius, `rho_e` and `a_e` of a solid."""
    whole = union(solid)
    return effective(whole.volume(), surface_area(whole), bounding_sphere(corners(solid))[1])


def effective(volume: float, area: float, radius: float) -> Targets:
    """`Targets` from a volume [um3], a surface area [um2] and a bounding radius [um]."""
    return Targets(volume, area, radius, volume / (4 / 3 * np.pi * radius**3), area / (4 * np.pi * radius**2))


def corners(solid: Solid) -> np.ndarray:
    """Points (k, 3) whose convex hull is the solid's [um]: corners of the pieces, points on the spheres."""
    return np.vstack([*solid.pieces, *(x[:3] + x[3] * _sphere_directions() for x in solid.spheres)])


def bounding_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the smallest sphere that holds `points` (k, 3), in their unit.

    Exact to rounding: the sphere through a support set of at most four points is grown by the
    farthest point outside until none is left (the simplex-like scheme for LP-type problems of
    Matousek, Sharir and Welzl 1996, doi:10.1007/BF01940877).
    """
    points = np.ascontiguousarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise ValueError(f"expected points of shape (k >= 1, 3), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite")
    middle = points.mean(axis=0)  # far from the origin, rounding would be large beside the sphere
    sphere = _smallest_sphere(points - middle)
    return middle + sphere[:3], float(sphere[3])


@numba.njit(cache=True, nogil=True)
def _smallest_sphere(points):
    support = np.empty((5, 3))
    support[0] = points[0]
    size = 1
    sphere = np.array([points[0, 0], points[0, 1], points[0, 2], 0.0])
    while True:
        farthest, distance = 0, -1.0
        for i in range(len(points)):
            found = _farthest(points[i : i + 1], sphere[:3])
            if found > distance:
                farthest, distance = i, found
        if distance <= sphere[3] * (1 + 1e-12):
            return sphere
        support[size] = points[farthest]
        new, mask = _sphere_of_few(support[: size + 1])
        if not sphere[3] < new[3] < np.inf:  # no progress beyond rounding
            return sphere
        kept = 0
        for i in range(size + 1):
            if mask >> i & 1:
                support[kept] = support[i]
                kept += 1
        size, sphere = kept, new


@numba.njit(cache=True, nogil=True)
def _sphere_of_few(points):
    """Smallest sphere of at most five points, and the bit mask of the points that it rests on.

    Of the spheres through two to four of the points that hold all of them, the smallest.
    """
    n = len(points)
    best, best_mask = np.array([0.0, 0.0, 0.0, np.inf]), 0
    for mask in range(1, 1 << n):
        chosen = np.empty((n, 3))
        count = 0
        for i in range(n):
            if mask >> i & 1:
                chosen[count] = points[i]
                count += 1
        if count < 2 or count > 4:
            continue
        edges = count - 1
        gram, half_squares = np.zeros((edges, edges)), np.zeros(edges)
        for i in range(edges):
            for j in range(edges):
                for k in range(3):
                    gram[i, j] += (chosen[i + 1, k] - chosen[0, k]) * (chosen[j + 1, k] - chosen[0, k])
            half_squares[i] = gram[i, i] / 2
        weight = _solve(gram, half_squares)
        if not np.isfinite(weight).all():  # the points lie on a line, or four of them in a plane
            continue
        centre = chosen[0].copy()
        for i in range(edges):
            for k in range(3):
                centre[k] += weight[i] * (chosen[i + 1, k] - chosen[0, k])
        radius = _farthest(chosen[:1], centre)
        if radius < best[3] and _farthest(points, centre) <= radius * (1 + 1e-12):
            best = np.array([centre[0], centre[1], centre[2], radius])
            best_mask = mask
    return best, best_mask


@numba.njit(cache=True, nogil=True)
def _farthest(points, centre):
    """Largest distance of any of `points` (k, 3) from `centre` (3,)."""
    largest = 0.0
    for i in range(len(points)):
        square = 0.0
        for k in range(3):
            square += (points[i, k] - centre[k]) ** 2
        largest = max(largest, square)
    return np.sqrt(largest)


@numba.njit(cache=True, nogil=True)
def _solve(matrix, right):
    """Solution (n,) of `matrix` (n, n) x = `right` (n,) by Gaussian elimination with pivots; NaN if the matrix is singular.

    For systems of a few equations inside compiled code, where LAPACK costs seconds to compile and more to call.
    """
    n = len(right)
    a, x = matrix.copy(), right.copy()
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]))
        if a[pivot, k] == 0.0:
            return np.full(n, np.nan)
        for j in range(n):
            a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
        x[k], x[pivot] = x[pivot], x[k]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= factor * a[k, j]
            x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= a[k, j] * x[j]
        x[k] /= a[k, k]
    return x
