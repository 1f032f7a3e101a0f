"""Drops, liquid or just frozen."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import Habit
from lib.crystals.solid import Solid


def sphere(_: np.random.Generator) -> Solid:
    """A drop, liquid or just frozen: one sphere."""
    return Solid((), (), np.array([[0.0, 0.0, 0.0, 1.0]]))


HABIT = Habit("sphere", sphere, (20, 200))
