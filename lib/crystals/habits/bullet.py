"""Bullet rosettes."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import Habit, random_rosette
from lib.crystals.solid import Solid


def bullet_rosette(rng: np.random.Generator) -> Solid:
    """A rosette of 4 to 7 bullets 2 to 4 times as long as wide.

    Um et al. 2015 (doi:10.5194/acp-15-3933-2015) count 5.5 +- 1.35 bullets on CPI pictures.
    """
    return random_rosette((4, 7), (2, 4), rng)


HABIT = Habit("bullet rosette", bullet_rosette, (200, 1400))
