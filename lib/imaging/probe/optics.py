"""Blur and noise of pictures: what lens and laser add, as fast functions on small float32 arrays."""

from __future__ import annotations

import cv2
import numpy as np

#: A blur of more than twice this is done on a smaller picture, on which it is about this wide [pixels].
_WIDEST_PX = 1.5


def blur(picture: np.ndarray, blur_px: float) -> np.ndarray:
    """A picture (h, w) float32 convolved with a Gaussian of standard deviation `blur_px` [pixels]; its border goes on outside.

    >>> import numpy as np
    >>> blur(np.ones((40, 30), np.float32), 12.0).shape
    (40, 30)
    """
    if blur_px < 0.2:
        return picture
    h, w = picture.shape
    factor = int(blur_px / _WIDEST_PX)
    if factor < 2:
        return cv2.GaussianBlur(picture, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE)
    small = cv2.resize(picture, (-(-w // factor), -(-h // factor)), interpolation=cv2.INTER_AREA)
    rest = (blur_px**2 - (factor**2 - 1) / 12 - factor**2 / 6) ** 0.5 / factor  # less what both resizings blur
    small = cv2.GaussianBlur(small, (0, 0), rest, borderType=cv2.BORDER_REPLICATE)
    return enlarge(small, (h, w))


def blur_by_place(picture: np.ndarray, blur_px: np.ndarray) -> np.ndarray:
    """A picture (h, w) float32 whose blur changes slowly from place to place, as `blur_px` (i, j) float32 tells on a coarse grid.

    Mixed at each pixel from the two nearest of three blurred pictures.
    """
    low, high = float(blur_px.min()), float(blur_px.max())
    if high - low <= 0.15 * high:
        return blur(picture, (low + high) / 2)
    place = enlarge((blur_px - low) * (2 / (high - low)), picture.shape)
    mixed, half, most = (blur(picture, level) for level in (low, (low + high) / 2, high))
    mixed += np.minimum(place, 1) * (half - mixed)
    mixed += np.maximum(place - 1, 0) * (most - half)
    return mixed


def enlarge(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A picture spread over `shape` (h, w) by linear interpolation."""
    return cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_LINEAR)


def power_law_noise(shape: tuple[int, int], slope: float, rng: np.random.Generator, n_octaves: int = 4) -> np.ndarray:
    """Gaussian noise (h, w) float32 whose power falls as frequency to the -`slope` above 2**-n_octaves, to that of white noise.

    The sum of white noises on grids of 1, 2, 4, ... pixels, the coarser ones enlarged. A cell of 2**k pixels and
    standard deviation s has the power 4**k s**2 at low frequency. The noise of single pixels has standard deviation 1.
    """
    h, w = shape
    noise = np.zeros((1, 1), np.float32)
    for k in reversed(range(n_octaves)):
        cells = (-(-h // 2**k), -(-w // 2**k))
        noise = enlarge(noise, cells)
        noise += rng.standard_normal(cells, np.float32) * np.float32(2 ** (k * (slope / 2 - 1)))
    return noise


def smooth_noise(shape: tuple[int, int], scale_px: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise (h, w) float32 of standard deviation near 1 that changes over `scale_px` pixels."""
    step = max(1.0, scale_px / 4)
    h, w = (int(np.ceil(side / step)) for side in shape)
    cells = [int(np.ceil(side * step / scale_px)) + 2 for side in (h, w)]
    coarse = rng.standard_normal(cells, np.float32) * np.float32(1.25)
    x, y = 0.5 + rng.random(2)
    grid = np.array([[step / scale_px, 0, x], [0, step / scale_px, y]])
    fine = cv2.warpAffine(coarse, grid, (w, h), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    return fine if (h, w) == shape else enlarge(fine, shape)


def uneven_light(shape: tuple[int, int], scale_px: float, rng: np.random.Generator) -> np.ndarray:
    """Unevenness of an illumination (h, w) float32, of standard deviation near 1: a slope, and changes over `scale_px` pixels."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    along_y, along_x = rng.standard_normal(2).astype(np.float32)
    return along_y * y[:, None] + along_x * x + smooth_noise(shape, scale_px, rng)
