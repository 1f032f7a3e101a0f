"""Random orientations of crystals."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def random_orientations(n: int, seed: int | list[int] | np.random.Generator) -> np.ndarray:
    """Rotation matrices (n, 3, 3), uniform on SO(3); `seed` is what `numpy.random.default_rng` takes."""
    return Rotation.random(n, rng=np.random.default_rng(seed)).as_matrix()


def published_orientations(n: int, seed: int | list[int] | np.random.Generator) -> np.ndarray:
    """Rotation matrices (n, 3, 3) as published: whole Euler angles of 1 to 359 deg about x, y and z.

    Not uniform on SO(3): some directions of sight are favoured by up to one half. For comparison only.
    """
    angles = np.random.default_rng(seed).integers(1, 360, (n, 3))
    return Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
