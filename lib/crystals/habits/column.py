"""Hexagonal columns."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import UP, Habit, random_column
from lib.crystals.solid import Solid


def column(rng: np.random.Generator) -> Solid:
    """A hexagonal column of c/a from 1.5 to 8; 30 % narrow towards one end, 40 % are hollow at the other."""
    body = random_column((1.5, 8), rng)
    length = np.ptp(body[:, 2])
    cavity = np.vstack([body[6:], (length / 2 - rng.uniform(0.1, 0.4) * length) * UP])
    if rng.random() < 0.3:
        body = np.vstack([body, rng.uniform(0, 0.7) * body[:6] * (1, 1, 0) - (length / 2 + rng.uniform(0.2, 0.8)) * UP])
    return Solid((body,), (cavity,) if rng.random() < 0.4 else ())


HABIT = Habit("column", column, (120, 1400), (55, 125))
