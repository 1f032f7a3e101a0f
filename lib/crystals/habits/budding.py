"""Budding rosettes: bullets that have only begun to grow."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import Habit, random_rosette
from lib.crystals.solid import Solid


def budding_rosette(rng: np.random.Generator) -> Solid:
    """A rosette of 4 to 8 bullets 0.6 to 1.3 times as long as wide, that have only begun to grow from their centre.

    Um and McFarquhar 2011 (doi:10.5194/acp-11-3159-2011) model small, nearly round crystals as such buds on a ball.
    """
    return random_rosette((4, 8), (0.6, 1.3), rng)


HABIT = Habit("budding rosette", budding_rosette, (120, 700))
