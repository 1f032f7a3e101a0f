"""Nine habits of ice particles, each a random family of unions of convex pieces and spheres.

The classes are those into which Przybylo et al. 2022 (doi:10.1175/JTECH-D-21-0094.1) sort pictures of the Cloud Particle
Imager (CPI), under the names of their folders. What grows at which temperature: Bailey and Hallett 2009
(doi:10.1175/2009JAS2883.1). The ranges of each family stand in its function; sizes and orientations in `HABITS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import manifold3d
import numpy as np
from scipy.spatial import HalfspaceIntersection
from scipy.spatial.transform import Rotation

from lib.crystals.rosette import hexagons, on_caps, rosette
from lib.crystals.solid import Solid, bounding_sphere, corners

#: From the crystal to the camera of `lib.imaging.silhouette`.
LINE_OF_SIGHT = np.full(3, 3**-0.5)

_Z = np.array([0.0, 0.0, 1.0])


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
        scale = low * (high / low) ** rng.beta(3, 3) / (2 * bounding_sphere(corners(shape))[1])
        cavities = tuple(None if cavity is None else cavity * scale for cavity in shape.cavities)
        return Solid(tuple(piece * scale for piece in shape.pieces), cavities, shape.spheres * scale)


def sample(habit: str, n: int, seed: int, rows: range | None = None) -> list[Solid]:
    """Random particles of one of `HABITS` [um].

    Particle i depends on seed, habit and i alone; `rows` returns only these of the `n` particles.

    >>> len(sample("column", 5, seed=0))
    5
    """
    family = _habit(habit)
    if n < 1:
        raise ValueError(f"n: expected at least 1, got {n}")
    rows = range(n) if rows is None else rows
    if rows and not 0 <= min(rows) <= max(rows) < n:
        raise ValueError(f"rows: expected some of 0 to {n - 1}, got {rows}")
    return [family.solid(np.random.default_rng([seed, *habit.encode(), i])) for i in rows]


def orientation(habit: str, rng: np.random.Generator) -> np.ndarray:
    """Random rotation matrix (3, 3) of a particle before it is drawn.

    Uniform on SO(3) among those whose z axis is as far from the line of sight as the habit's `tilt_deg` allows.
    """
    low, high = np.cos(np.radians(_habit(habit).tilt_deg))
    cosine = rng.uniform(high, low)
    axis = cosine * LINE_OF_SIGHT + np.sqrt(1 - cosine**2) * _normal(LINE_OF_SIGHT, rng)
    first = _normal(axis, rng)
    return np.column_stack([first, np.cross(axis, first), axis])


def _habit(name: str) -> Habit:
    if name not in HABITS:
        raise ValueError(f"habit: expected one of {', '.join(HABITS)}, got {name!r}")
    return HABITS[name]


def _normal(axis: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random unit vector (3,) normal to the unit vector `axis`."""
    return hexagons(axis[None], rng.uniform(0, 2 * np.pi, 1))[0, 0]


# --- parts --------------------------------------------------------------------------------------------------------------


def prism(length: float) -> np.ndarray:
    """Corners (12, 3) of a hexagonal prism about z of circumradius 1, its lower basal face first."""
    hexagon = hexagons(_Z[None], np.zeros(1))[0]
    return np.vstack([hexagon - length / 2 * _Z, hexagon + length / 2 * _Z])


def plate(thickness: float, sides: np.ndarray) -> np.ndarray:
    """Corners (12, 3) of a hexagonal plate normal to z whose six sides lie `sides` (6,) from its axis."""
    azimuth = np.arange(6) * np.pi / 3
    along = (np.roll(sides, -1) - sides / 2) / np.sin(np.pi / 3)  # from the foot of each side's normal to where the next begins
    x, y = sides * np.cos(azimuth) - along * np.sin(azimuth), sides * np.sin(azimuth) + along * np.cos(azimuth)
    return np.vstack([np.column_stack([x, y, np.full(6, z)]) for z in (-thickness / 2, thickness / 2)])


def polyhedron(normals: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Corners (c, 3) of the convex body behind planes with unit normals (k, 3) at `distances` (k,) > 0 from the origin."""
    return HalfspaceIntersection(np.column_stack([normals, -distances]), np.zeros(3)).intersections


def surface_points(pieces: tuple[np.ndarray, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    """Random points (n, 3), uniform by area on the surfaces of convex pieces."""
    meshes = [manifold3d.Manifold.hull_points(np.ascontiguousarray(piece)).to_mesh64() for piece in pieces]
    a, b, c = np.concatenate([mesh.vert_properties[:, :3][mesh.tri_verts] for mesh in meshes]).transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(area), n, p=area / area.sum())
    weight = rng.dirichlet((1, 1, 1), n)
    return weight[:, :1] * a[chosen] + weight[:, 1:2] * b[chosen] + weight[:, 2:] * c[chosen]


def _directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors (n, 3), uniform on the sphere."""
    return on_caps(np.tile(_Z, (n, 1)), 180, rng)


def _column(c_over_a: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Corners (12, 3) of a column whose logarithm of c/a is drawn from a beta distribution (2, 2) between the limits'."""
    low, high = c_over_a
    return prism(2 * low * (high / low) ** rng.beta(2, 2))


def _bullet(c_over_a: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Corners (13, 3) of a column with a pyramid below it."""
    column = _column(c_over_a, rng)
    return np.vstack([column, column[:6].mean(axis=0) - rng.uniform(0.6, 1.4) * _Z])


def _plate(rng: np.random.Generator) -> np.ndarray:
    """Corners (12, 3) of a plate about 8 to 16 times as wide as thick, its sides at uneven distances."""
    return plate(rng.uniform(0.12, 0.24), rng.uniform(0.9, 1.1, 6))


def _rosette(bullets: tuple[int, int], c_over_a: tuple[float, float], rng: np.random.Generator) -> Solid:
    """A rosette of the 2025 model with other numbers of bullets and other lengths over widths."""
    factors = {name: rng.uniform(0.8, 1.2) for name in ("f_r0", "f_hp", "f_h0")}
    n = int(rng.integers(*bullets, endpoint=True))
    return rosette({"a": 1.0, "c": rng.uniform(*c_over_a), **factors}, n, rng).solid()


# --- families -----------------------------------------------------------------------------------------------------------


def aggregate(rng: np.random.Generator) -> Solid:
    """Four to eight crystals of at most two kinds, each grown into that one before it which sticks out most on a random side.

    Kinds: columns and bullets of c/a 1.5 to 4, plates, rosettes of 4 to 6 bullets; within an aggregate their sizes have a
    log-normal spread of 0.2. Um and McFarquhar model aggregates of rosettes (2007, doi:10.1175/JAM2501.1) and of
    plates (2009, doi:10.1002/qj.378).
    """
    kinds = [_MONOMERS[kind](rng) for kind in rng.integers(len(_MONOMERS), size=2)]
    n = rng.integers(4, 9)
    turns, sizes, sides = Rotation.random(n, rng=rng).as_matrix(), np.exp(rng.normal(0, 0.2, n)), _directions(n, rng)
    pieces, spheres = [], []
    for turn, size, side in zip(turns, sizes, sides, strict=True):
        monomer = kinds[rng.integers(2)]
        guest = [size * piece @ turn.T for piece in monomer.pieces]
        shift = _tip(pieces, side, rng) - _tip(guest, -side, rng) if pieces else np.zeros(3)
        pieces += [piece + shift for piece in guest]
        spheres.append(size * np.column_stack([monomer.spheres[:, :3] @ turn.T, monomer.spheres[:, 3]]) + [*shift, 0])
    return Solid(tuple(pieces), (), np.vstack(spheres))


_MONOMERS = (
    lambda rng: Solid((_column((1.5, 4), rng),)),
    lambda rng: Solid((_bullet((1.5, 4), rng),)),
    lambda rng: Solid((2 * _plate(rng),)),
    lambda rng: _rosette((4, 6), (1.5, 3), rng),
)


def _tip(pieces: list[np.ndarray], direction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A point (3,) inside that piece which reaches farthest in a direction, 10 to 70 % of the way from there to its middle."""
    ends = np.cumsum([len(piece) for piece in pieces])
    points = np.vstack(pieces)
    farthest = np.argmax(points @ direction)
    piece = pieces[np.searchsorted(ends, farthest, side="right")]
    return points[farthest] + rng.uniform(0.1, 0.7) * (piece.mean(axis=0) - points[farthest])


def budding_rosette(rng: np.random.Generator) -> Solid:
    """A rosette of 4 to 8 bullets 0.6 to 1.3 times as long as wide, that have only begun to grow from their centre.

    Um and McFarquhar 2011 (doi:10.5194/acp-11-3159-2011) model small, nearly round crystals as such buds on a ball.
    """
    return _rosette((4, 8), (0.6, 1.3), rng)


def bullet_rosette(rng: np.random.Generator) -> Solid:
    """A rosette of 4 to 7 bullets 2 to 4 times as long as wide.

    Um et al. 2015 (doi:10.5194/acp-15-3933-2015) count 5.5 +- 1.35 bullets on CPI pictures.
    """
    return _rosette((4, 7), (2, 4), rng)


def column(rng: np.random.Generator) -> Solid:
    """A hexagonal column of c/a from 1.5 to 8; 30 % narrow towards one end, 40 % are hollow at the other."""
    body = _column((1.5, 8), rng)
    length = np.ptp(body[:, 2])
    cavity = np.vstack([body[6:], (length / 2 - rng.uniform(0.1, 0.4) * length) * _Z])
    if rng.random() < 0.3:
        body = np.vstack([body, rng.uniform(0, 0.7) * body[:6] * (1, 1, 0) - (length / 2 + rng.uniform(0.2, 0.8)) * _Z])
    return Solid((body,), (cavity,) if rng.random() < 0.4 else ())


def compact_irregular(rng: np.random.Generator) -> Solid:
    """A block with axes 1 : 0.8 : 0.6, the hull of random points, and 4 to 7 smaller such blocks grown out of it."""
    block = _directions(14, rng) * (1, 0.8, 0.6)
    pieces = [block]
    for corner in block[: rng.integers(4, 8)]:
        smaller = _directions(12, rng) * rng.uniform(0.7, 1, 3) * rng.uniform(0.45, 0.75)
        middle = corner + rng.uniform(0.15, 0.6) * (block.mean(axis=0) - corner)
        pieces.append(smaller - smaller.mean(axis=0) + middle)
    return Solid(tuple(pieces))


def fragment(rng: np.random.Generator) -> Solid:
    """A splinter: a hexagonal column of c/a 1.5 to 3, flattened by up to a half, cut by four oblique planes.

    Three of them, 8 to 28 deg off the axis, meet in a tip; the fourth, 30 to 60 deg off the base, is where it broke.
    """
    length = rng.uniform(3, 6)
    azimuth = np.radians(rng.uniform(0, 360) + np.append(np.cumsum(rng.uniform(90, 150, 3)), rng.uniform(0, 360)))
    slope = np.radians(np.append(rng.uniform(8, 28, 3), -rng.uniform(30, 60)))
    cuts = np.column_stack([np.cos(slope) * np.cos(azimuth), np.cos(slope) * np.sin(azimuth), np.sin(slope)])
    crossing = length / 2 * np.append(rng.uniform(0.7, 1, 3), -rng.uniform(0.4, 0.8))  # where they cross the axis
    sides = hexagons(_Z[None], np.zeros(1))[0]
    apart = 3**0.5 / 2 * np.where(np.abs(sides[:, 1]) > 0.1, rng.uniform(0.5, 1), 1)
    distances = np.hstack([apart, length / 2, length / 2, cuts[:, 2] * crossing])
    return Solid((polyhedron(np.vstack([sides, _Z, -_Z, cuts]), distances),))


def planar_polycrystal(rng: np.random.Generator) -> Solid:
    """A plate, alone in 40 % or with one to three smaller ones grown out of its edge, up to 15 deg out of its plane."""
    pieces = [_plate(rng)]
    for side in rng.permutation(6)[: rng.choice(4, p=[0.4, 0.2, 0.2, 0.2])]:
        smaller = rng.uniform(0.6, 0.9) * _plate(rng) + (rng.uniform(0.4, 0.8), 0, 0)
        lean = Rotation.from_euler("yz", [rng.uniform(-15, 15), 60 * side + 30], degrees=True)
        pieces.append(lean.apply(smaller))
    return Solid(tuple(pieces))


def rimed(rng: np.random.Generator) -> Solid:
    """A short column, thick plate or stubby rosette under 100 to 150 frozen drops.

    The drops' radii are 3 to 7 % of the core's maximum dimension; the first 50 sit on the core, the others on drops before.
    """
    core = _CORES[rng.integers(len(_CORES))](rng)
    radius = rng.uniform(0.03, 0.07, 150) * 2 * bounding_sphere(corners(core))[1]
    centres = surface_points(core.pieces, 150, rng)
    for layer in (slice(50, 100), slice(100, 150)):
        on = rng.integers(layer.start, size=50)
        outward = centres[on] / np.linalg.norm(centres[on], axis=1, keepdims=True)
        centres[layer] = centres[on] + on_caps(outward, 60, rng) * radius[on, None]
    drops = np.column_stack([centres, radius])[: rng.integers(100, 151)]
    return Solid(core.pieces, (), np.vstack([core.spheres, drops]))


_CORES = (
    lambda rng: Solid((_column((1, 3), rng),)),
    lambda rng: Solid((plate(rng.uniform(0.3, 0.6), rng.uniform(0.9, 1.1, 6)),)),
    lambda rng: _rosette((6, 8), (0.4, 0.8), rng),
)


def sphere(_: np.random.Generator) -> Solid:
    """A drop, liquid or just frozen: one sphere."""
    return Solid((), (), np.array([[0.0, 0.0, 0.0, 1.0]]))


#: Name of the folder -> family. A further habit is a function like those above and a line here.
#: Sizes: nine tenths of the particles on CPI pages, small drops left aside, are 120 to 1200 um long, half are below 420 um.
#: Whoever sorts pictures knows a column only from its side and a plate only from its face, hence the limits of their tilt.
HABITS: dict[str, Habit] = {
    "agg": Habit("aggregate", aggregate, (300, 2000)),
    "budding": Habit("budding rosette", budding_rosette, (120, 700)),
    "bullet": Habit("bullet rosette", bullet_rosette, (200, 1400)),
    "column": Habit("column", column, (120, 1400), (55, 125)),
    "compact_irreg": Habit("compact irregular", compact_irregular, (120, 1000)),
    "fragment": Habit("fragment", fragment, (100, 900)),
    "planar_polycrystal": Habit("planar polycrystal", planar_polycrystal, (120, 1200), (0, 40)),
    "rimed": Habit("rimed", rimed, (150, 1200)),
    "sphere": Habit("sphere", sphere, (20, 200)),
}
