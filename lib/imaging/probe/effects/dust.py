"""Dust: dark specks on the window of the probe, out of focus."""

from __future__ import annotations

import numpy as np

from lib.imaging.probe.optics import blur

#: Standard deviation of a speck's blurred outline [pixels], and the share of the light that it takes in its middle.
_BLUR_PX, _TAKEN = 3.0, 0.3


def effect(light: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Light (h, w) behind specks at random places, `strength` of them on 10,000 pixels on average."""
    specks = np.zeros_like(light)
    count = rng.poisson(strength * light.size / 1e4)
    np.add.at(specks, (rng.integers(0, light.shape[0], count), rng.integers(0, light.shape[1], count)), 1)
    depth = blur(specks, _BLUR_PX) * np.float32(2 * np.pi * _BLUR_PX**2)
    return light * (1 - np.float32(_TAKEN) * np.minimum(depth, 1))
