"""Shape descriptors of silhouettes: the eight published ones, and a rotation-invariant extension.

Published definitions: Ko et al. 2025 (arXiv:2507.19759), after Przybylo et al. 2022 (doi:10.1175/JTECH-D-21-0094.1).
Every touched pixel counts as crystal, and the contour is the polygon through the centres of the border pixels. Contours, areas,
rectangles, ellipses and circles are OpenCV's, as in the published code.
The talk uses the first seven of them without the perimeter.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numba
import numpy as np

from lib.imaging.read.segmentation import outline

#: Name -> definition and unit of the published descriptors; A area, P perimeter, R radius of the minimum enclosing circle.
PUBLISHED: dict[str, str] = {
    "aspect_ratio": "short over long side of the minimum-area rectangle [1]",
    "aspect_ratio_elip": "minor over major axis of the least-squares ellipse through the contour [1]",
    "extreme_pts": "standard deviation of the 8 coordinates of the leftmost, rightmost, topmost and bottommost point [px]",
    "contour_area": "A, area of the contour's polygon, holes ignored [px2]",
    "contour_perimeter": "P, length of the closed contour [px]",
    "area_ratio": "A / (pi R^2) [1]",
    "complexity": "10 (0.1 - A / (sqrt(A / (pi R^2)) P^2)) [1] (Schmitt and Heymsfield 2014)",
    "circularity": "4 pi A / P^2 [1]",
}
#: The seven of the talk.
TALK: tuple[str, ...] = tuple(name for name in PUBLISHED if name != "contour_perimeter")

_RINGS, _ANGLES, _HARMONICS, _DEFECTS, _FOURIER = 16, 128, 12, 10, 16
_DEPTHS = (10, 25, 50, 75, 90, 97)
_CIRCLE = np.exp(2j * np.pi * np.arange(_ANGLES) / _ANGLES)

#: Name -> definition of the rotation-invariant extension; all are free of scale, lengths being divided by R.
EXTENDED: dict[str, str] = {
    "solidity": "A over the area of the convex hull",
    "convexity": "perimeter of the convex hull over P",
    "feret_ratio": "smallest over largest width of the convex hull (Feret diameters)",
    "feret_max": "largest Feret diameter / (2 R)",
    "mass_offset": "distance of the area's centroid from the centre of the enclosing circle / R",
    "gyration": "radius of gyration of the area about its centroid / R",
    "inertia_ratio": "smaller over larger principal moment of the area",
    "holes": "share of the contour's area that is background",
    "thickness_max": "largest distance of an inner pixel to the background / R",
    "thickness_mean": "mean distance of the inner pixels to the background / R",
    **{f"thickness_p{p}": f"{p} % quantile of the distance of inner pixels to the background / R" for p in _DEPTHS},
    **{f"defect_{i}": f"depth of the {i}. deepest gap between contour and convex hull / R" for i in range(1, _DEFECTS + 1)},
    **{f"fourier_{k}": f"|c_{-k}| / |c_1| of the contour at equal steps of arc (Granlund 1972)" for k in range(1, _FOURIER)},
    **{f"fourier_p{k}": f"|c_{k}| / |c_1| of the contour at equal steps of arc" for k in range(2, _FOURIER)},
    **{f"ring_{j}": f"share of the circle of radius {(j + 0.5) / _RINGS:.3f} R that lies inside" for j in range(_RINGS)},
    **{
        f"ring_{j}_{m}": f"|Fourier coefficient| of order {m} along the circle of radius {(j + 0.5) / _RINGS:.3f} R"
        for j in range(2, _RINGS)
        for m in range(1, _HARMONICS + 1)
    },
}


#: All that do not change with the scale of the picture.
SCALE_FREE: tuple[str, ...] = ("aspect_ratio", "aspect_ratio_elip", "area_ratio", "complexity", "circularity", *EXTENDED)


class Descriptors(NamedTuple):
    """`values` (n, number of descriptors) float64, and for each picture the `reason` why its row is NaN, or ""."""

    values: np.ndarray
    reason: list[str]


def describe(masks: np.ndarray, extended: bool = False) -> Descriptors:
    """Descriptors of many silhouettes.

    Parameters
    ----------
    masks : (n, h, w) uint8 or bool
        Zero is background, anything else crystal. Of several separate parts the largest counts.
    extended : the columns of `EXTENDED` after those of `PUBLISHED`

    Returns
    -------
    Descriptors
        values (n, 8) or (n, 8 + len(EXTENDED)); a row of NaN, with its reason, where a mask is empty, too small for
        an ellipse, or cut off by the frame.

    Raises
    ------
    ValueError
        If the array is not (n, h, w) of uint8 or bool.

    >>> describe(np.zeros((1, 8, 8), np.uint8)).reason
    ['empty: no pixel is set']
    """
    masks = np.asarray(masks)
    if masks.dtype not in (np.uint8, np.bool_):
        raise ValueError(f"masks: expected uint8 or bool, got {masks.dtype}; threshold the picture first")
    if masks.ndim != 3 or min(masks.shape[1:], default=0) < 3:
        raise ValueError(f"masks: expected shape (n, h >= 3, w >= 3), got {masks.shape}")
    masks = np.ascontiguousarray(masks).view(np.uint8)
    values = np.full((len(masks), len(PUBLISHED) + extended * len(EXTENDED)), np.nan)
    reasons = []
    for row, mask in zip(values, masks, strict=True):
        contour = outline(mask, corners_only=True)
        reasons.append(obstacle(contour, mask.shape))
        if not reasons[-1]:
            row[: len(PUBLISHED)] = _published(contour)
            if extended:
                row[len(PUBLISHED) :] = _extended(_part_of(mask, contour), contour)
    return Descriptors(values, reasons)


def obstacle(contour: np.ndarray, shape: tuple[int, ...]) -> str:
    """What keeps a contour (k, 1, 2) in a picture of `shape` (h, w) from being described, or ""."""
    if not len(contour):
        return "empty: no pixel is set"
    if len(contour) < 5 or cv2.contourArea(contour) == 0:
        return "too small or too plain: an ellipse needs five contour points that enclose an area"
    x, y, width, height = cv2.boundingRect(contour)
    touches = x == 0 or y == 0 or x + width == shape[1] or y + height == shape[0]
    return "cut off: the crystal touches the frame" if touches else ""


def _published(contour: np.ndarray) -> tuple[float, ...]:
    """The columns of `PUBLISHED`, from a contour (k, 1, 2)."""
    sides, axes, radius = cv2.minAreaRect(contour)[1], cv2.fitEllipse(contour)[1], cv2.minEnclosingCircle(contour)[1]
    area, perimeter = cv2.contourArea(contour), cv2.arcLength(contour, True)
    area_ratio = area / (np.pi * radius**2)
    return (
        min(sides) / max(sides),
        min(axes) / max(axes),
        extreme_spread(contour[:, 0]),
        area,
        perimeter,
        area_ratio,
        10 * (0.1 - area / (area_ratio**0.5 * perimeter**2)),
        4 * np.pi * area / perimeter**2,
    )


def extreme_spread(points: np.ndarray) -> float:
    """Standard deviation of the x and y of the leftmost, rightmost, topmost and bottommost of `points` (k, 2) [px]."""
    x, y = points.T
    return points[[x.argmin(), x.argmax(), y.argmin(), y.argmax()]].std()


def _part_of(mask: np.ndarray, contour: np.ndarray) -> np.ndarray:
    """The mask (h, w) without the parts that its pixels on the `contour` (k, 1, 2) do not belong to."""
    count, parts = cv2.connectedComponents(mask, connectivity=8)
    x, y = contour[0, 0]
    return mask if count == 2 else np.where(parts == parts[y, x], mask, 0)


def _extended(mask: np.ndarray, contour: np.ndarray) -> np.ndarray:
    """The columns of `EXTENDED`, from a mask (h, w) and its contour (k, 1, 2)."""
    hull = cv2.convexHull(contour)
    centre, radius = cv2.minEnclosingCircle(hull)
    moments = cv2.moments(contour)
    area, perimeter = moments["m00"], cv2.arcLength(contour, True)
    centroid = np.array([moments["m10"], moments["m01"]]) / area
    spread = np.array([moments["mu20"] + moments["mu02"], np.hypot(moments["mu20"] - moments["mu02"], 2 * moments["mu11"])])
    feret = feret_diameters(hull[:, 0].astype(float))
    x, y, w, h = cv2.boundingRect(hull)
    part = np.zeros((h + 2, w + 2), np.uint8)
    part[1:-1, 1:-1] = mask[y : y + h, x : x + w] > 0
    distance = cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = np.sort(distance[distance > 0])
    rings = np.abs(np.fft.rfft(ring_samples(mask, *centre, radius), axis=1)) / _ANGLES
    turns = np.abs(np.fft.fft(arc_samples(contour[:, 0], _ANGLES).conj()))  # y up: the contour runs with c_1
    return np.concatenate(
        [
            [
                area / cv2.contourArea(hull),
                cv2.arcLength(hull, True) / perimeter,
                feret[0] / feret[1],
                feret[1] / (2 * radius),
                np.linalg.norm(centroid - centre) / radius,
                (spread[0] / area) ** 0.5 / radius,
                (spread[0] - spread[1]) / (spread[0] + spread[1]),
                1 - len(distance) / (area + border_steps(contour[:, 0]) / 2 + 1),  # Pick's theorem counts the pixels inside
                distance[-1] / radius,
                distance.mean() / radius,
            ],
            distance[[len(distance) * p // 100 for p in _DEPTHS]] / radius,
            defect_depths(contour) / radius,
            turns[-1:-_FOURIER:-1] / turns[1],
            turns[2:_FOURIER] / turns[1],
            rings[:, 0],
            rings[2:, 1 : _HARMONICS + 1].ravel(),
        ]
    )


def border_steps(points: np.ndarray) -> int:
    """Number of border pixels that a contour (k, 2) of straight and diagonal runs passes."""
    return int(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())


def defect_depths(contour: np.ndarray) -> np.ndarray:
    """Depths (10,) of the deepest gaps between a contour (k, 1, 2) and its convex hull [px], deepest first, zeros after."""
    corners = np.sort(cv2.convexHull(contour, returnPoints=False), axis=0)  # in the contour's order, though it touch itself
    gaps = cv2.convexityDefects(contour, corners)
    depths = np.zeros(_DEFECTS)
    if gaps is not None:
        found = np.sort(gaps.reshape(-1, 4)[:, 3] / 256)[::-1][:_DEFECTS]
        depths[: len(found)] = found
    return depths


@numba.njit(cache=True, nogil=True)
def feret_diameters(hull):
    """Smallest and largest width of a convex polygon (k, 2) [its unit]."""
    largest, smallest = 0.0, np.inf
    for i in range(len(hull)):
        j = (i + 1) % len(hull)
        x, y = hull[j, 0] - hull[i, 0], hull[j, 1] - hull[i, 1]
        width = 0.0
        for j in range(len(hull)):
            dx, dy = hull[j, 0] - hull[i, 0], hull[j, 1] - hull[i, 1]
            largest = max(largest, np.sqrt(dx * dx + dy * dy))
            width = max(width, abs(x * dy - y * dx))
        smallest = min(smallest, width / np.sqrt(x * x + y * y))
    return smallest, largest


@numba.njit(cache=True, nogil=True)
def ring_samples(mask, x, y, radius):
    """Whether the mask is set (rings, angles) on circles about (x, y) of radii (j + 1/2) / 16 of `radius` [px]."""
    samples = np.zeros((_RINGS, _ANGLES))
    for j in range(_RINGS):
        r = (j + 0.5) / _RINGS * radius
        for k in range(_ANGLES):
            column, row = int(x + r * _CIRCLE[k].real + 0.5), int(y + r * _CIRCLE[k].imag + 0.5)
            if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column]:
                samples[j, k] = 1.0
    return samples


@numba.njit(cache=True, nogil=True)
def arc_samples(points, count):
    """Complex positions x + iy (count,) at equal steps of arc along the closed polygon `points` (k, 2) [px]."""
    n = len(points)
    along = np.zeros(n + 1)
    for i in range(n):
        j = (i + 1) % n
        along[i + 1] = along[i] + np.hypot(float(points[j, 0] - points[i, 0]), float(points[j, 1] - points[i, 1]))
    samples = np.empty(count, np.complex128)
    i = 0
    for k in range(count):
        s = along[n] * k / count
        while along[i + 1] <= s:
            i += 1
        t = (s - along[i]) / (along[i + 1] - along[i])
        j = (i + 1) % n
        samples[k] = complex(points[i, 0] + t * (points[j, 0] - points[i, 0]), points[i, 1] + t * (points[j, 1] - points[i, 1]))
    return samples
