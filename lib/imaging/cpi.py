"""Real pictures of ice crystals: reading tiles of the Cloud Particle Imager and cutting out the particle.

A CPI tile is a picture of one particle, dark on bright, stored with a blue-white palette: its grey level is the
palette's index, not the luminance of the colour shown. One pixel is 2.3 um at the probe's native resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError
from skimage.filters import threshold_otsu

#: Side of a native pixel [um].
PIXEL_UM = 2.3
#: Larger pictures than this are no tiles of one particle [pixels].
_MAX_PIXELS = 4096 * 4096


class BadImage(ValueError):
    """A file that is not a readable tile; the message says why."""


def read_tile(path: Path) -> np.ndarray:
    """Grey levels (h, w) uint8 of one tile: the palette's index, or the only channel.

    Raises
    ------
    BadImage
        If the file is no picture, broken off, larger than 4096 x 4096, or neither palette nor 8-bit grey.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise BadImage(f"{image.width} x {image.height} pixels is no tile of one particle")
            if image.mode not in ("P", "L"):
                raise BadImage(f"mode {image.mode}: expected a palette or 8-bit grey")
            return np.array(image)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadImage(str(error).splitlines()[0].replace(f" {str(path)!r}", "")) from error
    except (OSError, SyntaxError) as error:  # what Pillow raises for broken files
        raise BadImage(f"unreadable: {error}") from error


def particle_mask(grey: np.ndarray) -> np.ndarray:
    """Mask (h, w) uint8 of the largest dark particle of a tile, holes filled.

    Otsu's threshold after a slight blur separates particle and background; the largest outer contour is filled.

    Raises
    ------
    BadImage
        If the tile is even, or smaller than 8 x 8.
    """
    if grey.ndim != 2 or min(grey.shape) < 8:
        raise BadImage(f"expected a grey picture of at least 8 x 8 pixels, got shape {grey.shape}")
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    if smooth.min() == smooth.max():
        raise BadImage("even: there is no particle")
    return filled((smooth <= threshold_otsu(smooth)).astype(np.uint8))


def filled(mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask (h, w) uint8 without its holes; zero everywhere if the mask is."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(mask)
    if contours:
        cv2.drawContours(whole, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return whole


def cut_off(mask: np.ndarray) -> float:
    """Share of the frame's pixels that the particle covers, after a margin of two pixels (0 is a whole particle)."""
    frame = np.concatenate([mask[2], mask[-3], mask[:, 2], mask[:, -3]])
    return float((frame > 0).mean())


def fitted(mask: np.ndarray, size: int, fill: float) -> np.ndarray:
    """The mask drawn anew in a square of `size` pixels, the diameter of its enclosing circle being `fill` of the side."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        raise BadImage("empty mask: there is no particle")
    (x, y), radius = cv2.minEnclosingCircle(max(contours, key=cv2.contourArea))
    scale = (fill * size + 1) / (2 * radius + 1)  # the circle runs through centres of pixels, half a pixel inside their edge
    shift = np.array([[scale, 0, (size - 1) / 2 - scale * x], [0, scale, (size - 1) / 2 - scale * y]])
    smooth = cv2.warpAffine(mask.astype(np.float32), shift, (size, size), flags=cv2.INTER_LINEAR)
    return (smooth >= 0.5).astype(np.uint8)


def tiles(folder: Path) -> Iterator[tuple[Path, np.ndarray | None, np.ndarray | None, str]]:
    """Every file below `folder`, in order: path, grey levels, mask, and why it can't be used, or "".

    Reads one file at a time. Grey levels and mask are None where there is a reason.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        try:
            grey = read_tile(path)
            mask = particle_mask(grey)
        except BadImage as error:
            yield path, None, None, str(error)
        else:
            yield path, grey, mask, ""


def screened(folder: Path, smallest: int = 50, most_cut: float = 0.02) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Masks of the whole particles below `folder`, and a table (file, reason) of every file, reason "" for those kept.

    Left out, with their reason: what can't be read, particles whose longer side is below `smallest` pixels, and
    particles that touch the frame along more than `most_cut` of it.
    """
    masks, report = [], []
    for path, _, mask, reason in tiles(folder):
        if not reason:
            longer = max(cv2.boundingRect(mask)[2:])
            cut = cut_off(mask)
            if longer < smallest:
                reason = f"small: below {smallest} pixels"
            elif cut > most_cut:
                reason = f"cut off: on more than {100 * most_cut:.0f} % of the frame"
            else:
                masks.append(mask)
        report.append((path.relative_to(folder).as_posix(), reason))
    return masks, pd.DataFrame(report, columns=["file", "reason"])
