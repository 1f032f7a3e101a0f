"""Bullet rosettes: random geometry after the two published models, as solids of convex pieces.

"2025" is the model behind Ko et al. 2025 (arXiv:2507.19759), "2023" its predecessor. In both a rosette
is a centre sphere with bullets (hexagonal prisms, each closed by a hexagonal pyramid that points inward)
along nearly equal angles; length, width and direction vary from bullet to bullet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from lib.core.seeds import generator
from lib.crystals.solid import Solid


def _rings(*rings: tuple[float, int, float]) -> np.ndarray:
    """Unit vectors on rings of (cosine of the polar angle, number of points, azimuth of the first [deg])."""
    points = []
    for cosine, count, start in rings:
        azimuth = np.radians(start) + 2 * np.pi * np.arange(count) / count
        sine = np.sqrt(1 - cosine**2)
        points.append(np.column_stack([sine * np.cos(azimuth), sine * np.sin(azimuth), np.full(count, cosine)]))
    return np.vstack(points)


_CUBE = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 3**0.5
_X, _Y, _Z = 0.1272017215, 0.5457131457, 0.8282613625  # of the ten-point code, which no formula gives
_P, _Q = (0.7924432035, 0.6099457101), (0.8379720536, 0.5103133240, 0.8599885531)

#: Directions (n, 3) that maximise the smallest angle between n bullets (Tammes problem; Sloane's tables of
#: spherical codes): smallest angles 109.47, 90, 90, 77.87, 74.86, 70.53 and 66.15 deg for n = 4..10.
SPHERICAL_CODES: dict[int, np.ndarray] = {
    4: _CUBE[[0, 3, 5, 6]],
    5: _rings((1, 1, 0), (0, 3, 0), (-1, 1, 0)),
    6: _rings((1, 1, 0), (0, 4, 0), (-1, 1, 0)),
    7: _rings((1, 1, 0), (0.2101383127306, 3, 0), (-0.6880592574920, 3, 60)),
    8: _rings(((1 + 8**0.5) ** -0.5, 4, 0), (-((1 + 8**0.5) ** -0.5), 4, 45)),
    9: _rings((5**0.5 / 3, 3, 0), (0, 3, 60), (-(5**0.5) / 3, 3, 0)),
    10: np.array(
        [(_X, s * _Y, t * _Z) for s in (-1, 1) for t in (-1, 1)]
        + [(-_P[0], 0, t * _P[1]) for t in (-1, 1)]
        + [(_Q[0], s * _Y, 0) for s in (-1, 1)]
        + [(-_Q[1], s * _Q[2], 0) for s in (-1, 1)]
    ),
}


def smallest_angle(directions: np.ndarray) -> float:
    """Smallest angle between any two of the unit vectors (n >= 2, 3) [deg]."""
    cosines = directions @ directions.T
    return float(np.degrees(np.arccos(np.clip(cosines[np.triu_indices(len(cosines), 1)].max(), -1, 1))))


def directions_2023(n: int) -> np.ndarray:
    """Bullet directions (n, 3) of the 2023 model: line, tetrahedron, octahedron, cube, else a Fibonacci lattice."""
    regular = {1: _rings((1, 1, 0)), 2: _rings((1, 1, 0), (-1, 1, 0)), 4: SPHERICAL_CODES[4], 6: SPHERICAL_CODES[6]}
    if n in regular:
        return regular[n]
    if n == 8:
        return _CUBE
    i = np.arange(n)
    cosine = 1 - 2 * (i + 0.33) / (n - 1 + 0.66)
    azimuth = 2 * np.pi * i / ((1 + 5**0.5) / 2)
    sine = np.sqrt(1 - cosine**2)
    return np.column_stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine])


@dataclass(frozen=True)
class Rosette:
    """One bullet rosette; lengths in um, arrays with one entry a bullet.

    Attributes
    ----------
    base : dict of the model's base parameters, before any variation
    sphere_um : radius of the centre sphere
    directions : (n, 3) unit vectors of the bullets' axes
    basal_um : (n,) circumradius of the hexagon
    prism_um : (n,) length of the prism (2c)
    pyramid_um : (n,) height of the pyramid
    tip_um : (n,) distance of the pyramid's tip from the centre
    roll : (n,) turn of the hexagon about its axis [rad]
    hollow : (n,) depth of the hollow in the basal face over the prism's length; 0 is solid
    """

    base: dict[str, float]
    sphere_um: float
    directions: np.ndarray
    basal_um: np.ndarray
    prism_um: np.ndarray
    pyramid_um: np.ndarray
    tip_um: np.ndarray
    roll: np.ndarray
    hollow: np.ndarray

    @property
    def n_bullets(self) -> int:
        return len(self.directions)

    def solid(self) -> Solid:
        """The rosette as convex bullets (13 corners each), hollows and the centre sphere."""
        hexagon = hexagons(self.directions, self.roll) * self.basal_um[:, None, None]
        axis = self.directions[:, None, :]
        inner = (self.tip_um + self.pyramid_um)[:, None, None]
        outer = inner + self.prism_um[:, None, None]
        bullets = np.concatenate([self.tip_um[:, None, None] * axis, hexagon + inner * axis, hexagon + outer * axis], 1)
        depth = (self.hollow * self.prism_um)[:, None, None]
        cones = np.concatenate([(outer - depth) * axis, hexagon + outer * axis], 1)
        cavities = tuple(cone if h > 0 else None for cone, h in zip(cones, self.hollow, strict=True))
        sphere = np.array([[0.0, 0.0, 0.0, self.sphere_um]])
        return Solid(tuple(bullets), cavities if self.hollow.any() else (), sphere)


def hexagons(axes: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Corners (n, 6, 3) of unit hexagons normal to `axes` (n, 3), turned about them by `roll` (n,) [rad]."""
    first, second = _normals(axes)
    angle = roll[:, None] + np.arange(6) * np.pi / 3
    return np.cos(angle)[..., None] * first[:, None] + np.sin(angle)[..., None] * second[:, None]


def _normals(axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (n, 3) normal to each axis and to each other."""
    x, y, z = axes.T
    lean = np.where(z >= 0, 1.0, -1.0)  # Duff et al. 2017, Journal of Computer Graphics Techniques 6(1), 1-8
    a = -1 / (lean + z)
    b = x * y * a
    first = np.column_stack([1 + lean * x * x * a, lean * b, -lean * x])
    return first, np.column_stack([b, lean + y * y * a, -y])


def random_on_caps(centres: np.ndarray, half_angle_deg: float, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors (n, 3), each uniform by area on the spherical cap about a row of `centres` (n, 3)."""
    n = len(centres)
    cosine = 1 - rng.random(n) * (1 - np.cos(np.radians(half_angle_deg)))
    azimuth = rng.random(n) * 2 * np.pi
    first, second = _normals(centres)
    side = np.cos(azimuth)[:, None] * first + np.sin(azimuth)[:, None] * second
    return cosine[:, None] * centres + np.sqrt(1 - cosine**2)[:, None] * side


@dataclass(frozen=True)
class RosetteModel:
    """A published rosette model: what is drawn from which range, and how it becomes lengths.

    `lengths(base, n, width, length)` returns the centre sphere's radius and, per bullet, basal circumradius,
    prism length, pyramid height and distance of the tip, given the factors `width` and `length` (n,). Lengths are in `unit`.
    """

    ranges: dict[str, tuple[float, float]]
    bullets: tuple[int, ...]
    width: tuple[float, float]
    length: tuple[float, float]
    directions: Callable[[int], np.ndarray]
    cap_deg: Callable[[int], float]
    lengths: Callable[[dict, int, np.ndarray, np.ndarray], tuple]
    unit: str


def _lengths_2025(base, n, width, length):
    wider = (n - 4) / 16  # more bullets need a larger centre to start from
    sphere = base["f_r0"] * base["a"] * (0.5 + wider)
    pyramid = base["f_hp"] * sphere * (1 + wider)
    buried = base["f_h0"] * sphere / 2
    tip = sphere + pyramid * (1 - width) - buried  # the pyramid's base stays where it is, its tip moves
    return sphere, base["a"] * width, 2 * base["c"] * length, pyramid * width, tip


def _lengths_2023(base, n, width, length):
    tip = np.full(n, base["r0"] - base["h0"])  # kept while the whole bullet is stretched along its axis
    return base["r0"], 2 * base["a"] * width, 2 * base["c"] * length, base["hp"] * length, tip


ROSETTE_MODELS: dict[str, RosetteModel] = {
    "2025": RosetteModel(
        ranges={"a": (9.44, 33.90), "c_over_a": (1.19, 5.75), "f_r0": (0.8, 1.2), "f_hp": (0.8, 1.2), "f_h0": (0.8, 1.2)},
        bullets=(4, 5, 6, 7, 8, 9, 10),
        width=(0.8, 1.2),
        length=(0.8, 1.2),
        directions=SPHERICAL_CODES.__getitem__,
        cap_deg=lambda n: smallest_angle(SPHERICAL_CODES[n]) / 3,
        lengths=_lengths_2025,
        unit="um",
    ),
    "2023": RosetteModel(
        ranges={"a": (0.1, 0.5), "c": (1.0, 4.0), "r0": (1.0, 1.0), "h0": (0.25, 0.25), "hp": (0.75, 0.75)},
        bullets=(1, 2, 3, 4, 5, 6, 7, 8),
        width=(0.75, 1.25),
        length=(0.5, 1.5),
        directions=directions_2023,
        cap_deg=lambda n: 15.0,
        lengths=_lengths_2023,
        unit="r0",
    ),
}


def rosette(
    base: dict[str, float],
    n_bullets: int,
    rng: np.random.Generator | None = None,
    model: str = "2025",
    hollow: float = 0.0,
) -> Rosette:
    """One rosette from its base parameters; regular without `rng`, else with bullets varied at random.

    Parameters
    ----------
    base : the model's base parameters: "2025" a [um], c [um] (half the prism's length), f_r0, f_hp, f_h0;
        "2023" a, c, r0, h0, hp in units of r0
    hollow : mean depth of the hollow in the outer basal face over the prism's length (0 solid, below 1);
        with `rng` it varies by a normal factor of 5 % standard deviation, cut off below 0.95
    """
    spec = _model(model)
    if n_bullets not in spec.bullets:
        raise ValueError(f"n_bullets: the {model} model has {spec.bullets[0]} to {spec.bullets[-1]}, got {n_bullets}")
    if not 0 <= hollow < 0.95:
        raise ValueError(f"hollow: expected a fraction from 0 to below 0.95, got {hollow}")
    ones = np.ones(n_bullets)
    directions, width, length, roll, depth = spec.directions(n_bullets), ones, ones, 0 * ones, hollow * ones
    if rng is not None:
        width, length = rng.uniform(*spec.width, n_bullets), rng.uniform(*spec.length, n_bullets)
        directions = random_on_caps(directions, spec.cap_deg(n_bullets), rng)
        roll = rng.uniform(0, np.pi / 3, n_bullets)
        depth = np.clip(hollow * rng.normal(1, 0.05, n_bullets), 0, 0.95)
    sphere, basal, prism, pyramid, tip = spec.lengths(base, n_bullets, width, length)
    return Rosette(dict(base), sphere, directions, basal, prism, pyramid, tip, roll, depth)


def sample(
    n_crystals: int,
    seed: int,
    model: str = "2025",
    hollow: float = 0.0,
    n_bullets: int | None = None,
    rows: range | None = None,
) -> list[Rosette]:
    """Random rosettes, the numbers of bullets in equal shares (or all `n_bullets`).

    Base parameters are one Latin hypercube over all crystals (the published set has one over 200 base shapes).
    The same arguments give the same crystals; `rows` returns only these of the `n_crystals`.
    """
    spec = _model(model)
    if n_crystals < 1:
        raise ValueError(f"n_crystals: expected at least 1, got {n_crystals}")
    rows = range(n_crystals) if rows is None else rows
    if rows and not 0 <= min(rows) <= max(rows) < n_crystals:
        raise ValueError(f"rows: expected some of 0 to {n_crystals - 1}, got {rows}")
    low, high = np.array(list(spec.ranges.values())).T
    cube = qmc.LatinHypercube(len(low), rng=generator(seed, "rosettes", "base")).random(n_crystals)
    crystals = []
    for i in rows:
        values = low + cube[i] * (high - low)
        base = dict(zip(spec.ranges, values.tolist(), strict=True))
        if "c_over_a" in base:
            base["c"] = base["a"] * base.pop("c_over_a")
        n = spec.bullets[i % len(spec.bullets)] if n_bullets is None else n_bullets
        crystals.append(rosette(base, n, generator(seed, "rosettes", "bullets", i), model, hollow))
    return crystals


def _model(name: str) -> RosetteModel:
    if name not in ROSETTE_MODELS:
        raise ValueError(f"model: expected one of {', '.join(ROSETTE_MODELS)}, got {name!r}")
    return ROSETTE_MODELS[name]
