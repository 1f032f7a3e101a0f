"""Cutting a particle out of a grey picture, and what its outline and edge measure: length, cut-off share and blur."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from lib.imaging.read.files import BadImage

#: Lower left corner that the probe prints a length into, rows and columns [px], and the grey level of the print.
_PRINT, _INK = (20, 44), 0
#: Parts of a mask that are at most so far apart belong to one particle [px]; another one has this share of its area at least.
_GAP, _ANOTHER = 6, 0.1
#: Particles on a picture that is to show one, at most.
_MOST_PARTICLES = 4
#: A bright particle on a dark background leaves this share of the frame dark, at least.
_DARK_FRAME = 0.95
#: Points of an outline that its edge is sampled at, how far from the frame, and where, outward from the outline [px].
_EDGE_POINTS, _EDGE_MARGIN = 64, 8.0
_EDGE_STEPS = np.arange(-16, 16.25, 0.5, dtype=np.float32)


def particle_mask(grey: np.ndarray) -> np.ndarray:
    """Mask (h, w) uint8 of the largest dark particle of a tile, holes filled, inside of its `particle_outline`."""
    return fill_contour(particle_outline(grey), grey.shape)


def particle_outline(grey: np.ndarray) -> np.ndarray:
    """Border pixels (k, 1, 2) int32, as x, y, of the largest dark particle of a tile (h, w) uint8 [px], see `dark_parts`."""
    return outline(dark_parts(grey))


def dark_parts(grey: np.ndarray) -> np.ndarray:
    """Mask (h, w) uint8 of all that is dark on a tile (h, w) uint8.

    Otsu's threshold (1979, doi:10.1109/TSMC.1979.4310076) after a slight blur separates particle and background. The
    digits that the probe prints into the lower left corner count as background.

    Raises
    ------
    BadImage
        If the tile is even, or smaller than 8 x 8.
    """
    if grey.ndim != 2 or min(grey.shape) < 8:
        raise BadImage(f"expected a grey picture of at least 8 x 8 pixels, got shape {grey.shape}")
    smooth = cv2.GaussianBlur(without_print(grey), (5, 5), 1.0)
    if smooth.min() == smooth.max():
        raise BadImage("even: there is no particle")
    return (smooth <= threshold_otsu(smooth)).astype(np.uint8)


def is_bright_on_dark(dark: np.ndarray) -> bool:
    """Whether the `dark_parts` (h, w) of a tile are its background: all of its frame but a twentieth.

    The lower left corner, where there may be print, does not count. A dark particle that is larger than the frame leaves more of
    it bright: 24 % and more of known real tiles with three dark corners. A bright particle that the frame cuts off is not
    recognised, nor could it be used.
    """
    frame = np.concatenate([dark[0], dark[-1, _PRINT[1] :], dark[1 : -_PRINT[0], 0], dark[1:-1, -1]])
    return bool(frame.mean() >= _DARK_FRAME)


def largest_particle(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The largest particle of a mask (h, w) uint8, and how many there are.

    A particle is all parts that are at most 6 pixels apart. Single pixels that touch no other belong to none, and others
    than the largest count if they have a tenth of its area.

    Raises
    ------
    BadImage
        If there are more than four: of a page the largest particle says nothing.
    """
    n, part, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if n <= 2:
        return mask, n - 1
    single = stats[:, cv2.CC_STAT_AREA] == 1
    parts = np.where(single[part], 0, mask) if not single[1:].all() else mask
    wide = cv2.dilate(parts, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP + 1, _GAP + 1)))
    n, group = cv2.connectedComponents(wide, connectivity=8)
    area = np.bincount(group[parts > 0], minlength=n)
    largest = area.argmax()
    n_particles = int((area >= _ANOTHER * area[largest]).sum())
    if n_particles > _MOST_PARTICLES:
        raise BadImage(f"{n_particles} particles in one picture: expected one, cut it into pictures of one each")
    return np.where(group == largest, parts, 0), n_particles


def without_print(grey: np.ndarray) -> np.ndarray:
    """A tile (h, w) uint8 without the digits in its lower left corner.

    Strokes are two pixels wide and of level 0: they get the levels that a closing by 5 x 5 pixels puts there.
    """
    corner = grey[-_PRINT[0] :, : _PRINT[1]]
    ink = corner == _INK
    if not ink.any():
        return grey
    clean = grey.copy()
    clean[-_PRINT[0] :, : _PRINT[1]][ink] = cv2.morphologyEx(corner, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))[ink]
    return clean


def outline(mask: np.ndarray, corners_only: bool = False) -> np.ndarray:
    """Border pixels (k, 1, 2) int32, as x, y, of the part of a mask (h, w) uint8 that encloses the largest area [px].

    With `corners_only`, without the pixels in straight runs. Pixels that touch by a corner are one part.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE if corners_only else cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea) if contours else np.zeros((0, 1, 2), np.int32)


def fill_contour(contour: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Mask of `shape` (h, w) uint8 that is 1 on a contour (k, 1, 2) and inside of it."""
    mask = np.zeros(shape, np.uint8)
    return cv2.drawContours(mask, [contour], -1, 1, cv2.FILLED) if len(contour) else mask


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask (h, w) uint8 without its holes; zero everywhere if the mask is."""
    return fill_contour(outline(mask), mask.shape)


def cut_share(mask: np.ndarray) -> float:
    """Share of the frame's pixels that the particle covers, after a margin of two pixels (0 is a whole particle)."""
    frame = np.concatenate([mask[2], mask[-3], mask[:, 2], mask[:, -3]])
    return float((frame > 0).mean())


def length_px(points: np.ndarray) -> float:
    """Largest distance of two pixels among `points` (k, 1, 2) int32, from outer edge to outer edge: the Feret diameter [px]."""
    hull = cv2.convexHull(points)[:, 0].astype(float)
    apart = hull[:, None] - hull
    return float(np.sqrt((apart**2).sum(axis=-1).max()) + 1)


def edge_width_px(grey: np.ndarray, contour: np.ndarray) -> float:
    """Way on which the grey level rises from 10 to 90 % between particle and background, across the outline [px].

    Of the median course over 64 points of the `contour` (k, 1, 2), from its darkest level within 16 pixels inside to the
    level 8 to 16 pixels outside; 2.56 standard deviations for an edge blurred by a Gaussian, too little where these are
    more than 6 pixels. NaN where fewer than eight points are 8 pixels away from the frame, or nothing rises.
    """
    points, outward = _edge_points(contour, grey.shape)
    if len(points) < 8:
        return np.nan
    x, y = (points[:, axis, None] + outward[:, axis, None] * _EDGE_STEPS for axis in (0, 1))
    levels = cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    course = np.partition(levels, len(levels) // 2, axis=0)[len(levels) // 2].astype(float)
    dark, bright = course[_EDGE_STEPS <= 0].min(), np.median(course[_EDGE_STEPS >= _EDGE_MARGIN])
    if bright - dark < 1:
        return np.nan
    share = (course - dark) / (bright - dark)
    middle = np.flatnonzero((_EDGE_STEPS <= _EDGE_MARGIN) & (share <= 0.5))[-1]
    if share[middle:].max() < 0.9:
        return np.nan
    last, first = np.flatnonzero(share[: middle + 1] <= 0.1)[-1], middle + np.flatnonzero(share[middle:] >= 0.9)[0]
    return float(_place(share, first - 1, 0.9) - _place(share, last, 0.1))


def _edge_points(contour: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Some points (k, 2) of a contour, as x, y, that are not too near to the frame, and the directions (k, 2) outward."""
    points = contour[:, 0].astype(np.float32)
    chosen = np.linspace(0, len(points), min(_EDGE_POINTS, len(points)), endpoint=False).astype(int)
    along = points[(chosen + 5) % len(points)] - points[(chosen - 5) % len(points)]
    across = np.column_stack([-along[:, 1], along[:, 0]])  # to the outside, as contours run counterclockwise as seen
    outward = across / np.maximum(np.hypot(*along.T), 1)[:, None]
    at = points[chosen]
    margin = np.minimum(at, np.array(shape[::-1], np.float32) - 1 - at).min(axis=1)
    usable = (margin >= _EDGE_MARGIN) & along.any(axis=1)
    return at[usable], outward[usable]


def _place(course: np.ndarray, i: int, level: float) -> float:
    """Where a course along `_EDGE_STEPS` passes a level between its values `i` and `i` + 1 [px]."""
    rise = (level - course[i]) / (course[i + 1] - course[i])
    return _EDGE_STEPS[i] + rise * (_EDGE_STEPS[i + 1] - _EDGE_STEPS[i])
