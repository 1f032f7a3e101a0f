"""Rimed particles: crystals under frozen drops."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import Habit, plate, random_column, random_rosette, random_surface_points
from lib.crystals.rosette import random_on_caps
from lib.crystals.solid import Solid, bounding_sphere, corners


def rimed(rng: np.random.Generator) -> Solid:
    """A short column, thick plate or stubby rosette under 100 to 150 frozen drops.

    The drops' radii are 3 to 7 % of the core's maximum dimension; the first 50 sit on the core, the others on drops before.
    """
    core = _CORES[rng.integers(len(_CORES))](rng)
    radius = rng.uniform(0.03, 0.07, 150) * 2 * bounding_sphere(corners(core))[1]
    centres = random_surface_points(core.pieces, 150, rng)
    for layer in (slice(50, 100), slice(100, 150)):
        on = rng.integers(layer.start, size=50)
        outward = centres[on] / np.linalg.norm(centres[on], axis=1, keepdims=True)
        centres[layer] = centres[on] + random_on_caps(outward, 60, rng) * radius[on, None]
    drops = np.column_stack([centres, radius])[: rng.integers(100, 151)]
    return Solid(core.pieces, (), np.vstack([core.spheres, drops]))


_CORES = (
    lambda rng: Solid((random_column((1, 3), rng),)),
    lambda rng: Solid((plate(rng.uniform(0.3, 0.6), rng.uniform(0.9, 1.1, 6)),)),
    lambda rng: random_rosette((6, 8), (0.4, 0.8), rng),
)


HABIT = Habit("rimed", rimed, (150, 1200))
