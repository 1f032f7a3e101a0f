"""Pictures of single particles brought to one size: centred, scaled to fill the frame, with or without their background."""

from __future__ import annotations

import cv2
import numpy as np

from lib.imaging.read.files import BadImage
from lib.imaging.read.segmentation import fill_holes

#: Diameter of a particle's enclosing circle over the side of its frame.
FILL = 0.8


def frame(grey: np.ndarray, mask: np.ndarray, size: int, fill: float = FILL) -> tuple[np.ndarray, np.ndarray]:
    """A particle's picture and mask drawn anew in a square.

    The centre of the particle's enclosing circle comes to the middle, its diameter to `fill` of the side. What lies outside
    the given picture gets the median grey level of the background, or of the picture where there is no background.

    Parameters
    ----------
    grey : (h, w) uint8
    mask : (h, w) uint8, not zero where the particle is
    size : side of the new picture [pixels]

    Returns
    -------
    grey (size, size) uint8 and mask (size, size) uint8 of 0 and 1

    Raises
    ------
    ValueError
        If the shapes differ or the mask is empty.
    """
    if grey.shape != mask.shape or grey.ndim != 2:
        raise ValueError(f"expected a picture and a mask of one shape (h, w), got {grey.shape} and {mask.shape}")
    if not mask.any():
        raise ValueError("empty mask: there is no particle")
    to_frame = _onto(mask, size, fill * size)
    scale = to_frame[0, 0]
    beside = mask == 0
    background = float(np.median(grey[beside] if beside.any() else grey))
    smooth = [values.astype(np.float32) for values in (grey, mask > 0)]
    if scale < 1:  # a pixel of the new picture averages over several of the old
        smooth = [cv2.GaussianBlur(values, (0, 0), 0.4 / scale, borderType=cv2.BORDER_REPLICATE) for values in smooth]
    edges = (background, 0.0)
    picture, inside = (
        cv2.warpAffine(values, to_frame, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=edge)
        for values, edge in zip(smooth, edges, strict=True)
    )
    return np.round(picture).clip(0, 255).astype(np.uint8), (inside >= 0.5).astype(np.uint8)


def frame_silhouette(mask: np.ndarray, size: int, fill: float = FILL) -> np.ndarray:
    """A silhouette (h, w) of 0 and 1 in a square as by `frame`: what share of each pixel lies inside, (size, size) float32."""
    return frame(255 * mask, mask, size, fill)[0] / np.float32(255)


def frame_outline(mask: np.ndarray, size: int, fill: float) -> np.ndarray:
    """The largest part of a silhouette (h, w) without its holes, drawn anew in a square.

    Returns what share of each pixel lies inside, (size, size) float32. The enclosing circle through the centres of its border
    pixels, as descriptors measure it, has `fill` of the side as diameter.

    Raises
    ------
    BadImage
        If the mask is empty.
    """
    if not np.any(mask):
        raise BadImage("empty mask: there is no particle")
    whole = fill_holes((np.asarray(mask) > 0).astype(np.uint8))
    return cv2.warpAffine(whole.astype(np.float32), _onto(whole, size, fill * size + 1), (size, size), flags=cv2.INTER_LINEAR)


def _onto(mask: np.ndarray, size: int, diameter: float) -> np.ndarray:
    """Matrix (2, 3) that scales and shifts a picture: the circle around its mask gets a diameter [pixels] and the middle."""
    (x, y), radius = cv2.minEnclosingCircle(cv2.findNonZero(mask))
    scale = diameter / (2 * radius + 1)  # the circle runs through centres of pixels, half a pixel inside their edge
    return np.array([[scale, 0, (size - 1) / 2 - scale * x], [0, scale, (size - 1) / 2 - scale * y]])


def without_background(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pictures without their background, dark ice made bright: 255 minus the grey level inside the mask, 0 outside.

    As the CPI group prepares its pictures (Przybylo et al. 2022, doi:10.1175/JTECH-D-21-0094.1). Any shape, uint8.
    """
    return np.where(mask > 0, 255 - grey, 0).astype(np.uint8)
