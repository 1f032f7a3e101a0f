"""Nine habits of ice particles, each a random family of unions of convex pieces and spheres, in a module of its own.

The classes are those into which Przybylo et al. 2022 (doi:10.1175/JTECH-D-21-0094.1) sort pictures of the Cloud Particle
Imager (CPI), under the names of their folders. What grows at which temperature: Bailey and Hallett 2009
(doi:10.1175/2009JAS2883.1). Sizes: nine tenths of the particles on CPI pages, small drops left aside, are 120 to 1200 um long,
half are below 420 um. Whoever sorts pictures knows a column only from its side and a plate only from its face, hence limits of
their tilt.
"""

from __future__ import annotations

import numpy as np

from lib.core.registry import members
from lib.crystals.parts import Habit
from lib.crystals.rosette import hexagons
from lib.crystals.solid import Solid

#: Names of the habits and of their modules. A further habit is a module beside these and its name at the end of this list.
NAMES = (
    "agg",
    "budding",
    "bullet",
    "column",
    "compact_irreg",
    "fragment",
    "planar_polycrystal",
    "rimed",
    "sphere",
)
HABITS: dict[str, Habit] = members(__name__, NAMES, "HABIT")

#: From the crystal to the camera of `lib.imaging.draw.silhouette`.
LINE_OF_SIGHT = np.full(3, 3**-0.5)


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
