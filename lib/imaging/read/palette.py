"""Grey levels that palettes, channels and the colours of CPI pictures stand for.

The probe's software draws grey levels in a blue-white table of 256 colours, the highest level in yellow. The grey level
of a pixel is the place of its colour in that table. The luminance of the colour, which picture programs turn it into, is
a strongly bent function of that: level 128 becomes 50. A colour whose channels are equal is a grey, and its level is theirs.
"""

from __future__ import annotations

import numpy as np

from lib.imaging.read.files import BadImage


def _table() -> np.ndarray:
    """Colours (256, 3) uint8: blue rises over the levels 0 to 188, green over 96 to 255, red over 192 to 255."""
    level = np.arange(256)
    blue = np.minimum(level * 255 // 188, 255)
    green = -(np.maximum(level - 96, 0) * -255 // 159)
    red = -(np.maximum(level - 192, 0) * -255 // 63)
    table = np.column_stack([red, green, blue]).astype(np.uint8)
    table[255] = 255, 255, 0
    return table


#: Colour (256, 3) uint8 of each grey level.
COLOURS = _table()
#: Levels that the channels of a grey may lie apart: JPEG and scanners leave no more, and the colours of the CPI are farther.
GREY_SPREAD = 16
#: Shares of red, green and blue in the luminance [1/1000], Rec. 601.
_LUMINANCE = np.array([299, 587, 114])
#: Level by green where there is any, else by blue.
_BY_GREEN, _BY_BLUE = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
_BY_GREEN[COLOURS[97:, 1]] = np.arange(97, 256)
_BY_BLUE[COLOURS[:97, 2]] = np.arange(97)


def grey_levels(pixels: np.ndarray, colours: np.ndarray | None) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture as `lib.imaging.read.files.open_picture` gives it.

    What its palette or its channels mean: the level of a grey or of a colour of the CPI. Grey of more than 8 bits is
    scaled to 8, see `levels_of_16_bit`.

    Raises
    ------
    BadImage
        If the picture is coloured in another way, has transparent pixels, or grey levels of an unknown scale.
    """
    if colours is not None:
        return levels_of_indices(pixels, colours)
    if pixels.ndim == 3:
        return levels_of_picture(pixels)
    if pixels.dtype == bool:
        return np.where(pixels, np.uint8(255), np.uint8(0))
    return pixels if pixels.dtype == np.uint8 else levels_of_16_bit(pixels)


def levels_of_16_bit(pixels: np.ndarray) -> np.ndarray:
    """Grey levels (h, w) uint8 of grey `pixels` (h, w) of 16 bits: their 256th part, or themselves if 8 bits hold them all.

    Raises
    ------
    BadImage
        If they are negative, beyond 16 bits, or at most 4095: 9 to 12 bits, of which nothing tells where white is.
    """
    lowest, highest = int(pixels.min()), int(pixels.max())
    if lowest < 0 or 255 < highest < 4096 or highest > 65535:
        raise BadImage(f"grey levels from {lowest} to {highest}: expected 8 or 16 bits from black to white")
    return (pixels if highest < 256 else pixels >> 8).astype(np.uint8)


def levels_of_greys(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance (...) uint8 of colours (..., 3) uint8, and whether each is a grey: channels that `GREY_SPREAD` holds together.

    Of a grey with equal channels it is their level.
    """
    luminance = (colours @ _LUMINANCE + 500) // 1000
    return luminance.astype(np.uint8), np.ptp(colours, axis=-1) <= GREY_SPREAD


def levels_of_colours(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels (...) uint8 of colours (..., 3) uint8, and whether each is a colour of the table; a level is 0..255 anyway."""
    green, blue = colours[..., 1], colours[..., 2]
    levels = np.where(green > 0, _BY_GREEN[green], _BY_BLUE[blue])
    return levels, (COLOURS[levels] == colours).all(axis=-1)


def levels_of_picture(channels: np.ndarray) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture (h, w, 2 to 4) uint8: grey or colours, with or without alpha.

    Raises
    ------
    BadImage
        If its colours are neither all of the table nor all grey, or a pixel is transparent.
    """
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[channels.shape[-1]]
    if mode in ("LA", "RGBA") and (channels[..., -1] < 255).any():
        raise BadImage(f"mode {mode}: there are transparent pixels")
    if mode == "LA":
        return channels[..., 0].copy()
    levels, known = levels_of_colours(channels[..., :3])
    if known.all():
        return levels
    greys, grey = levels_of_greys(channels[..., :3])
    if grey.all():
        return greys
    share = f"{100 * (1 - known.mean()):.0f} % of the pixels have others"
    raise BadImage(f"mode {mode}: expected a palette or 8-bit grey, or the colours of the CPI ({share})")


def levels_of_indices(indices: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture with a palette, from its `indices` (h, w) uint8 and `colours` (k, 3) uint8.

    If the colours in use are of the table or grey, in whatever order, their levels; if there are 256 others that get brighter
    or darker from one to the next, the indices.

    Raises
    ------
    BadImage
        If it is another palette, or shorter than the indices.
    """
    if np.array_equal(colours, COLOURS):
        return indices
    used = np.flatnonzero(np.bincount(indices.ravel()))
    if used[-1] >= len(colours):
        raise BadImage(f"index {used[-1]} in a palette of {len(colours)} colours")
    for levels, known in (levels_of_colours(colours), levels_of_greys(colours)):
        if known[used].all():
            return levels[indices]
    steps = np.diff(colours @ _LUMINANCE)
    if len(colours) < len(COLOURS) or ((steps < 0).any() and (steps > 0).any()):
        raise BadImage("a palette that is no grey scale: neither the colours of the CPI nor in order of brightness")
    return indices
