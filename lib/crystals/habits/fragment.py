"""Fragments of broken crystals."""

from __future__ import annotations

import numpy as np

from lib.crystals.parts import UP, Habit, polyhedron
from lib.crystals.rosette import hexagons
from lib.crystals.solid import Solid


def fragment(rng: np.random.Generator) -> Solid:
    """A splinter: a hexagonal column of c/a 1.5 to 3, flattened by up to a half, cut by four oblique planes.

    Three of them, 8 to 28 deg off the axis, meet in a tip; the fourth, 30 to 60 deg off the base, is where it broke.
    """
    length = rng.uniform(3, 6)
    azimuth = np.radians(rng.uniform(0, 360) + np.append(np.cumsum(rng.uniform(90, 150, 3)), rng.uniform(0, 360)))
    slope = np.radians(np.append(rng.uniform(8, 28, 3), -rng.uniform(30, 60)))
    cuts = np.column_stack([np.cos(slope) * np.cos(azimuth), np.cos(slope) * np.sin(azimuth), np.sin(slope)])
    crossing = length / 2 * np.append(rng.uniform(0.7, 1, 3), -rng.uniform(0.4, 0.8))  # where they cross the axis
    sides = hexagons(UP[None], np.zeros(1))[0]
    apart = 3**0.5 / 2 * np.where(np.abs(sides[:, 1]) > 0.1, rng.uniform(0.5, 1), 1)
    distances = np.hstack([apart, length / 2, length / 2, cuts[:, 2] * crossing])
    return Solid((polyhedron(np.vstack([sides, UP, -UP, cuts]), distances),))


HABIT = Habit("fragment", fragment, (100, 900))
