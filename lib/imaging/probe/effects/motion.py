"""Motion: the crystal flies on while its picture is exposed."""

from __future__ import annotations

import cv2
import numpy as np


def effect(light: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Light (h, w) smeared evenly over `strength` pixels in a random direction."""
    angle, (h, w) = rng.uniform(0, np.pi), light.shape
    smeared, places = np.zeros_like(light), np.linspace(-0.5, 0.5, int(np.ceil(2 * strength)) + 1) * strength
    for place in places:
        shift = np.array([[1, 0, place * np.cos(angle)], [0, 1, place * np.sin(angle)]])
        smeared += cv2.warpAffine(light, shift, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return smeared / np.float32(len(places))
