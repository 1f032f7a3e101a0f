"""The colours of CPI pictures, and the grey levels that they stand for.

The probe's software draws grey levels in a blue-white table of 256 colours, the highest level in yellow. The grey level
of a pixel is the place of its colour in that table. The luminance of the colour, which picture programs turn it into, is
a strongly bent function of that: level 128 becomes 50.
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
#: Level by green where there is any, else by blue.
_BY_GREEN, _BY_BLUE = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
_BY_GREEN[COLOURS[97:, 1]] = np.arange(97, 256)
_BY_BLUE[COLOURS[:97, 2]] = np.arange(97)


def grey_levels(pixels: np.ndarray, colours: np.ndarray | None) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture as `lib.imaging.read.files.open_picture` gives it.

    The palette's index, or the only channel, or the level that a CPI colour means.

    Raises
    ------
    BadImage
        If the picture is neither of a palette that is a grey scale, nor 8-bit grey, nor in CPI colours.
    """
    if colours is not None:
        return levels_of_indices(pixels, colours)
    return levels_of_picture(pixels) if pixels.ndim == 3 else pixels


def levels_of_colours(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels (...) uint8 of colours (..., 3) uint8, and whether each is a colour of the table; a level is 0..255 anyway."""
    green, blue = colours[..., 1], colours[..., 2]
    levels = np.where(green > 0, _BY_GREEN[green], _BY_BLUE[blue])
    return levels, (COLOURS[levels] == colours).all(axis=-1)


def levels_of_picture(colours: np.ndarray) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture (h, w, 3 or 4) uint8 that was drawn in colours of the table.

    Raises
    ------
    BadImage
        If a pixel has another colour, or is transparent.
    """
    mode = "RGB" if colours.shape[-1] == 3 else "RGBA"
    levels, known = levels_of_colours(colours[..., :3])
    if not known.all():
        share = f"{100 * (1 - known.mean()):.0f} % of the pixels have others"
        raise BadImage(f"mode {mode}: expected a palette or 8-bit grey, or the colours of the CPI ({share})")
    if mode == "RGBA" and (colours[..., 3] < 255).any():
        raise BadImage("mode RGBA: there are transparent pixels")
    return levels


def levels_of_indices(indices: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Grey levels (h, w) uint8 of a picture with a palette, from its `indices` (h, w) uint8 and `colours` (k, 3) uint8.

    If the palette holds colours of the table, in whatever order, their levels; if it gets brighter or darker from
    colour to colour, the indices.

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
    levels, known = levels_of_colours(colours)
    if known[used].all():
        return levels[indices]
    steps = np.diff(colours[used] @ np.array([299, 587, 114]))
    if (steps < 0).any() and (steps > 0).any():
        raise BadImage("a palette that is no grey scale: neither the colours of the CPI nor in order of brightness")
    return indices
