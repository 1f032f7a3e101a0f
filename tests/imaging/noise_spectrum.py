"""The power spectrum of the noise in a picture's background, by which made and real pictures are compared."""

import cv2
import numpy as np

#: Side of the patches of background whose power spectrum is measured [pixels].
PATCH = 48
#: Frequencies of `noise_power` [cycles per pixel].
FREQUENCIES = np.arange(1, PATCH // 2 + 1) / PATCH
#: Window that keeps slow changes out of the higher frequencies of a patch, and each frequency's distance from zero.
HANN = np.outer(np.hanning(PATCH + 1)[:PATCH], np.hanning(PATCH + 1)[:PATCH])
RADIUS = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(PATCH) * PATCH] * 2))).astype(int).ravel()


def noise_power(grey: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Power at `FREQUENCIES` (n, 24) of the n patches of `PATCH` pixels that lie in the background, half overlapping.

    Averaged around all directions; its mean over all two-dimensional frequencies is the variance of the pixels.
    """
    level, covered = grey.astype(np.float32), cv2.integral((~background).astype(np.uint8))
    corners = [
        (y, x)
        for y in range(0, grey.shape[0] - PATCH + 1, PATCH // 2)
        for x in range(0, grey.shape[1] - PATCH + 1, PATCH // 2)
        if covered[y + PATCH, x + PATCH] + covered[y, x] == covered[y, x + PATCH] + covered[y + PATCH, x]
    ]
    powers = [radial_power(level[y : y + PATCH, x : x + PATCH]) for y, x in corners]
    return np.array(powers).reshape(-1, len(FREQUENCIES))


def radial_power(patch: np.ndarray) -> np.ndarray:
    power = np.abs(np.fft.fft2((patch - patch.mean()) * HANN)) ** 2 / (PATCH**2 * (HANN**2).mean())
    return (np.bincount(RADIUS, power.ravel()) / np.bincount(RADIUS))[1 : len(FREQUENCIES) + 1]


def spectral_slope(power: np.ndarray) -> float:
    """Exponent of the power law fitted to `power` (24,) between 0.04 and 0.4 cycles per pixel."""
    within = (FREQUENCIES >= 0.04) & (FREQUENCIES <= 0.4)
    return float(np.polyfit(np.log(FREQUENCIES[within]), np.log(power[within]), 1)[0])
