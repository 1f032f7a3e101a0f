"""Compact irregular particles."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import Habit, random_directions
from lib.crystals.solid import Solid


def compact_irregular(rng: np.random.Generator) -> Solid:
    """A block with axes 1 : 0.8 : 0.6, the hull of random points, and 4 to 7 smaller such blocks grown out of it."""
    block = random_directions(14, rng) * (1, 0.8, 0.6)
    pieces = [block]
    for corner in block[: rng.integers(4, 8)]:
        smaller = random_directions(12, rng) * rng.uniform(0.7, 1, 3) * rng.uniform(0.45, 0.75)
        middle = corner + rng.uniform(0.15, 0.6) * (block.mean(axis=0) - corner)
        pieces.append(smaller - smaller.mean(axis=0) + middle)
    return Solid(tuple(pieces))


HABIT = Habit("compact irregular", compact_irregular, (120, 1000))
