"""Quick-look pages of the Cloud Particle Imager: where the pictures of single particles lie on them.

A page has a header, and below it filled rectangles, one for each region of interest that the probe kept. The page
itself has the level 254, and what is printed on it the level 0: the header, the time below the first picture of each
frame, and the particle's length in um in the lower left corner of each picture.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from skimage.measure import label, regionprops

#: Grey level of the page and of its print, and rows of the header [px].
_PAGE, _INK, _HEADER = 254, 0, 27
#: A page is larger than this [px], a picture on it than this, which is more than the print [px].
_SMALLEST_PAGE, _SMALLEST_PICTURE = 500, 9
#: Share of a rectangle that a picture fills, if it has levels of the page on its rim.
_FILLED = 0.98


class Rectangle(NamedTuple):
    """Where a picture lies on its page [px]."""

    left: int
    top: int
    width: int
    height: int
    whole: bool  #: whether it fills its rectangle; two that touch don't

    def cut(self, page: np.ndarray) -> np.ndarray:
        """The picture (height, width), a copy, so that it doesn't keep the page in memory."""
        return page[self.top : self.top + self.height, self.left : self.left + self.width].copy()


def is_page(grey: np.ndarray) -> bool:
    """Whether a picture is a quick-look page: large, with an empty first and last row."""
    return min(grey.shape) >= _SMALLEST_PAGE and bool((grey[[0, -1]] == _PAGE).all())


def rectangles(page: np.ndarray) -> tuple[list[Rectangle], int]:
    """Every picture of a page (h, w) uint8 in reading order, and the number of pixels that are neither in one nor print."""
    drawn = (page != _PAGE).astype(np.uint8)
    drawn[:_HEADER] = 0
    left_over = (page != _PAGE) & (page != _INK)
    outlines, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = cv2.drawContours(np.zeros_like(drawn), outlines, -1, 1, cv2.FILLED)
    wide = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((_SMALLEST_PICTURE, _SMALLEST_PICTURE), np.uint8))
    found = []
    for top, left, bottom, right in sorted(region.bbox for region in regionprops(label(wide, connectivity=1))):
        inside = slice(top, bottom), slice(left, right)
        found.append(Rectangle(left, top, right - left, bottom - top, bool(solid[inside].mean() >= _FILLED)))
        left_over[inside] = False
    return found, int(left_over.sum())
