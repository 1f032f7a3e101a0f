"""Quick-look pages of the Cloud Particle Imager: where the pictures of single particles lie on them.

A page has a header, and below it filled rectangles, one for each region of interest that the probe kept. The page
itself has the level 254, and what is printed on it the level 0: the header, the time below the first picture of each
frame, and the particle's length in um in the lower left corner of each picture. Pages that other programs saved anew may
have another level, and JPEG and WebP leave noise on them.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from skimage.measure import label, regionprops

from lib.imaging.read.oap import is_binary

#: Grey level of a page as the probe's software writes it, and rows of the header [px].
_PAGE, _HEADER = 254, 27
#: Levels that lossy formats leave between the page's own level and its pixels, at most, and share of such pixels from which on
#: a page counts as noisy.
_NOISE, _NOISY = 8, 1e-4
#: A page is larger than this [px], a picture on it than this, which is more than the print [px].
_SMALLEST_PAGE, _SMALLEST_PICTURE = 500, 9
#: Share of a rectangle that a picture fills, if it has levels of the page on its rim, and where noise frays it.
_FILLED, _FILLED_IN_NOISE = 0.98, 0.9
#: Share of a row or column of a picture that is drawn, at least, where noise joins print to it.
_DRAWN = 0.5
#: Where noise connects print, it has at least this share of the page's own level. What is so far from it belongs to it [px].
_PRINTED, _PRINT_REACH = 0.25, 9
#: Share of the grey scale that a pixel of ink lies away from the page, and the smallest mark that counts, in noise [px].
_INK, _MARK = 0.6, 5


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
    """Whether a picture is a quick-look page: large, with an empty first and last row, and filled rectangles on it.

    One rectangle makes a page if there is print in the header. On a page of the level that the probe's software gives it there
    may be no rectangle.
    """
    rim = grey[[0, -1]]
    if min(grey.shape) < _SMALLEST_PAGE or (rim == _PAGE).all():
        return min(grey.shape) >= _SMALLEST_PAGE
    if is_binary(grey) or int(rim.max()) - int(rim.min()) > 2 * _NOISE:
        return False
    printed = _is_ink(grey[:_HEADER], int(np.median(rim))).any()
    return sum(found.whole for found in rectangles(grey)[0]) >= (1 if printed else 2)


def rectangles(page: np.ndarray) -> tuple[list[Rectangle], int]:
    """Every picture of a page (h, w) uint8 in reading order, and the number of pixels that are neither in one nor print."""
    paper = int(np.median(page[[0, -1]]))
    away = np.abs(page.astype(np.int16) - paper)
    found, left_over = _rectangles(away, 0, _FILLED)
    noise = left_over & (away <= _NOISE)
    if noise.mean() > _NOISY:
        found, left_over = _rectangles(away, _NOISE, _FILLED_IN_NOISE)
        left_over = _without_print(left_over, _is_ink(page, paper))
    else:
        left_over &= page != (0 if paper > 127 else 255)
    return found, int(left_over.sum())


def _is_ink(page: np.ndarray, paper: int) -> np.ndarray:
    """Which pixels (h, w) of a page are far from the level of its `paper`, in noise or not."""
    return np.abs(page.astype(np.int16) - paper) > _INK * max(paper, 255 - paper)


def _rectangles(away: np.ndarray, noise: int, filled: float) -> tuple[list[Rectangle], np.ndarray]:
    """Every picture of a page, and which pixels (h, w) are drawn but in none.

    A pixel is drawn if it lies more than `noise` levels `away` (h, w) from the page, a picture whole if it has a share `filled`
    of its rectangle. What has the page's own level in more than a quarter of its pixels is print that noise connects.
    """
    left_over = away > noise
    drawn = left_over.astype(np.uint8)
    drawn[:_HEADER] = 0
    outlines, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = cv2.drawContours(np.zeros_like(drawn), outlines, -1, 1, cv2.FILLED)
    wide = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((_SMALLEST_PICTURE, _SMALLEST_PICTURE), np.uint8))
    found = []
    for top, left, bottom, right in sorted(region.bbox for region in regionprops(label(wide, connectivity=1))):
        if noise:
            top, left, bottom, right = _trimmed(away > noise, top, left, bottom, right)
        inside = slice(top, bottom), slice(left, right)
        if noise and np.quantile(away[inside], _PRINTED) <= noise:
            continue
        found.append(Rectangle(left, top, right - left, bottom - top, bool(solid[inside].mean() >= filled)))
        left_over[inside] = False
    return found, left_over


def _trimmed(drawn: np.ndarray, top: int, left: int, bottom: int, right: int) -> tuple[int, int, int, int]:
    """A box without the rows and columns at its rim of which less than half is `drawn` (h, w) bool: print that noise joined."""
    inside = drawn[top:bottom, left:right]
    rows, columns = (np.flatnonzero(inside.mean(axis=axis) >= _DRAWN) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return top, left, bottom, right
    return top + int(rows[0]), left + int(columns[0]), top + int(rows[-1]) + 1, left + int(columns[-1]) + 1


def _without_print(drawn: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """What is `drawn` (h, w) bool, larger than noise and not near to any `ink` (h, w) bool."""
    reach = np.ones((2 * _PRINT_REACH + 1, 2 * _PRINT_REACH + 1), np.uint8)
    beside = drawn & (cv2.dilate((drawn & ink).astype(np.uint8), reach) == 0)
    return cv2.morphologyEx(beside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_MARK, _MARK), np.uint8)) > 0
