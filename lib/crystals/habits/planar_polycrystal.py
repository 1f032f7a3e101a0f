"""Planar polycrystals: plates, alone or grown together."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lib.crystals.parts import Habit, random_plate
from lib.crystals.solid import Solid


def planar_polycrystal(rng: np.random.Generator) -> Solid:
    """A plate, alone in 40 % or with one to three smaller ones grown out of its edge, up to 15 deg out of its plane."""
    pieces = [random_plate(rng)]
    for side in rng.permutation(6)[: rng.choice(4, p=[0.4, 0.2, 0.2, 0.2])]:
        smaller = rng.uniform(0.6, 0.9) * random_plate(rng) + (rng.uniform(0.4, 0.8), 0, 0)
        lean = Rotation.from_euler("yz", [rng.uniform(-15, 15), 60 * side + 30], degrees=True)
        pieces.append(lean.apply(smaller))
    return Solid(tuple(pieces))


HABIT = Habit("planar polycrystal", planar_polycrystal, (120, 1200), (0, 40))
