"""What habits are made of: a random family of particles, and the convex parts from which such families are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import manifold3d
import numpy as np
from scipy.spatial import HalfspaceIntersection

from lib.crystals.rosette import hexagons, random_on_caps, rosette
from lib.crystals.solid import Solid, bounding_sphere, corners

#: Unit vector along the axis of prisms and plates.
UP = np.array([0.0, 0.0, 1.0])


class Habit(NamedTuple):
    """A random family of particles.

    Attributes
    ----------
    title : what to call it
    shape : draws a solid of any size from a random generator
    size_um : least and largest maximum dimension, the diameter of the minimum bounding sphere [um]
    tilt_deg : least and largest angle between the solid's z axis and the line of sight [deg]
    """

    title: str
    shape: Callable[[np.random.Generator], Solid]
    size_um: tuple[float, float]
    tilt_deg: tuple[float, float] = (0.0, 180.0)

    def solid(self, rng: np.random.Generator) -> Solid:
        """A random particle [um]; the logarithm of its maximum dimension is beta (3, 3) distributed between the limits'."""
        shape = self.shape(rng)
        low, high = self.size_um
        return shape.scaled(low * (high / low) ** rng.beta(3, 3) / (2 * bounding_sphere(corners(shape))[1]))


def prism(length: float) -> np.ndarray:
    """Corners (12, 3) of a hexagonal prism about z of circumradius 1, its lower basal face first."""
    hexagon = hexagons(UP[None], np.zeros(1))[0]
    return np.vstack([hexagon - length / 2 * UP, hexagon + length / 2 * UP])


def plate(thickness: float, sides: np.ndarray) -> np.ndarray:
    """Corners (12, 3) of a hexagonal plate normal to z whose six sides lie `sides` (6,) from its axis."""
    azimuth = np.arange(6) * np.pi / 3
    along = (np.roll(sides, -1) - sides / 2) / np.sin(np.pi / 3)  # from the foot of each side's normal to where the next begins
    x, y = sides * np.cos(azimuth) - along * np.sin(azimuth), sides * np.sin(azimuth) + along * np.cos(azimuth)
    return np.vstack([np.column_stack([x, y, np.full(6, z)]) for z in (-thickness / 2, thickness / 2)])


def polyhedron(normals: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Corners (c, 3) of the convex body behind planes with unit normals (k, 3) at `distances` (k,) > 0 from the origin."""
    return HalfspaceIntersection(np.column_stack([normals, -distances]), np.zeros(3)).intersections


def random_surface_points(pieces: tuple[np.ndarray, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    """Random points (n, 3), uniform by area on the surfaces of convex pieces."""
    meshes = [manifold3d.Manifold.hull_points(np.ascontiguousarray(piece)).to_mesh64() for piece in pieces]
    a, b, c = np.concatenate([mesh.vert_properties[:, :3][mesh.tri_verts] for mesh in meshes]).transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(area), n, p=area / area.sum())
    weight = rng.dirichlet((1, 1, 1), n)
    return weight[:, :1] * a[chosen] + weight[:, 1:2] * b[chosen] + weight[:, 2:] * c[chosen]


def random_directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors (n, 3), uniform on the sphere."""
    return random_on_caps(np.tile(UP, (n, 1)), 180, rng)


def random_column(c_over_a: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Corners (12, 3) of a column whose logarithm of c/a is drawn from a beta distribution (2, 2) between the limits'."""
    low, high = c_over_a
    return prism(2 * low * (high / low) ** rng.beta(2, 2))


def random_bullet(c_over_a: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Corners (13, 3) of a column with a pyramid below it."""
    column = random_column(c_over_a, rng)
    return np.vstack([column, column[:6].mean(axis=0) - rng.uniform(0.6, 1.4) * UP])


def random_plate(rng: np.random.Generator) -> np.ndarray:
    """Corners (12, 3) of a plate about 8 to 16 times as wide as thick, its sides at uneven distances."""
    return plate(rng.uniform(0.12, 0.24), rng.uniform(0.9, 1.1, 6))


def random_rosette(bullets: tuple[int, int], c_over_a: tuple[float, float], rng: np.random.Generator) -> Solid:
    """A rosette of the 2025 model with other numbers of bullets and other lengths over widths."""
    factors = {name: rng.uniform(0.8, 1.2) for name in ("f_r0", "f_hp", "f_h0")}
    n = int(rng.integers(*bullets, endpoint=True))
    return rosette({"a": 1.0, "c": rng.uniform(*c_over_a), **factors}, n, rng).solid()
