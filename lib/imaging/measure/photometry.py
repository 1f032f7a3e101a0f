"""Measuring pictures of single particles: background, noise, interior and edge, the same for real and for made-up ones.

Everywhere `grey` is a picture (h, w) uint8 of a dark particle on a bright background and lengths are in its pixels. The
digits that the software of the Cloud Particle Imager prints into its pictures are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from lib.imaging.read.segmentation import particle_mask, without_print

#: Distance from anything dark at which the background begins, and depth at which the interior does [pixels].
BACKGROUND_FROM, INTERIOR_FROM = 10, 4
#: Signed distances from the edge of the particle, positive outside, at which `edge_profile` is taken [pixels].
DISTANCES = np.arange(-20, 41)

#: Names of what `background` and `interior` measure.
_BACKGROUND = "background_mean background_std background_fine_std background_slow_std neighbour_std_x neighbour_std_y".split()
_INTERIOR = "interior_mean interior_std bright_share".split()
#: Fewest pixels of a region that is measured, and at a distance from the edge.
_FEWEST, _FEWEST_AT_DISTANCE = 100, 10
#: Fine noise is what a blur of this standard deviation takes away [pixels].
_FINE = 4.0


class Regions(NamedTuple):
    """Where things are in a picture, bool arrays (h, w), and the signed `distance` (h, w) from the particle's edge [pixels].

    The innermost pixels outside the particle are at distance 1, its own outermost pixels at 0.
    """

    background: np.ndarray
    interior: np.ndarray
    digits: np.ndarray
    distance: np.ndarray


def regions(grey: np.ndarray, mask: np.ndarray | None = None) -> Regions:
    """Background and interior of a picture; the particle is `mask` (h, w) or what `particle_mask` finds."""
    clean = without_print(grey)
    digits = cv2.dilate((clean != grey).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    particle = (particle_mask(grey) if mask is None else mask) > 0
    smooth = cv2.GaussianBlur(clean, (0, 0), 1.0)
    bright = smooth > threshold_otsu(smooth)
    inside, outside = _distance(particle), _distance(~particle)
    return Regions(
        background=_distance(bright & ~particle & ~digits) > BACKGROUND_FROM,
        interior=(inside > INTERIOR_FROM) & ~digits,
        digits=digits,
        distance=np.where(particle, 1 - inside, outside),
    )


def _distance(where: np.ndarray) -> np.ndarray:
    """Distance (h, w) float32 of each pixel of `where` from the nearest that is not [pixels]; 0 outside, large if none is."""
    return np.minimum(cv2.distanceTransform(where.astype(np.uint8), cv2.DIST_L2, 5), sum(where.shape))


def photometry(grey: np.ndarray, mask: np.ndarray | None = None) -> dict[str, float]:
    """The numbers of one picture; NaN where there is too little to measure.

    Returns
    -------
    dict
        In grey levels: `background_mean`, `background_std`, `background_fine_std` (what a blur of 4 pixels takes away),
        `background_slow_std` (what it leaves), `neighbour_std_x` and `neighbour_std_y` (standard deviation of the difference
        of neighbours, over the root of two), `interior_mean` and `interior_std`. Dimensionless: `bright_share` (interior
        above 3/4 of the background) and `rim` (see `rim_overshoot`). In pixels: `edge_rise_px` (see `edge_rise`).
    """
    places = regions(grey, mask)
    profile = edge_profile(grey, places)
    numbers = background(grey, places) | interior(grey, places)
    return numbers | {"edge_rise_px": edge_rise(profile), "rim": rim_overshoot(profile)}


def background(grey: np.ndarray, places: Regions) -> dict[str, float]:
    """Mean and standard deviations of the background, as named by `photometry`."""
    where, level = places.background, grey.astype(np.float32)
    if where.sum() < _FEWEST:
        return dict.fromkeys(_BACKGROUND, np.nan)
    weight = where.astype(np.float32)
    slow = cv2.GaussianBlur(level * weight, (0, 0), _FINE)[where] / cv2.GaussianBlur(weight, (0, 0), _FINE)[where]
    along_x = (level[:, 1:] - level[:, :-1])[where[:, 1:] & where[:, :-1]] / 2**0.5
    along_y = (level[1:] - level[:-1])[where[1:] & where[:-1]] / 2**0.5
    spreads = (float(part.std()) for part in (level[where], level[where] - slow, slow, along_x, along_y))
    return dict(zip(_BACKGROUND, (_mean(grey, where), *spreads), strict=True))


def interior(grey: np.ndarray, places: Regions) -> dict[str, float]:
    """Mean, standard deviation and bright share of the interior, as named by `photometry`."""
    level = grey[places.interior]
    if len(level) < _FEWEST:
        return dict.fromkeys(_INTERIOR, np.nan)
    bright = _mean(grey, places.background)
    share = float((level > 0.75 * bright).mean()) if np.isfinite(bright) else np.nan
    return dict(zip(_INTERIOR, (float(level.mean()), float(level.std()), share), strict=True))


def _mean(grey: np.ndarray, where: np.ndarray) -> float:
    return float(grey[where].mean()) if where.sum() >= _FEWEST else np.nan


def edge_profile(grey: np.ndarray, places: Regions) -> np.ndarray:
    """Mean grey level at each of `DISTANCES` (61,), shifted and scaled: the background is 0, the mean of the interior -1."""
    step = np.rint(places.distance).astype(int) - DISTANCES[0]
    where = (step >= 0) & (step < len(DISTANCES)) & ~places.digits
    count = np.bincount(step[where], minlength=len(DISTANCES))
    total = np.bincount(step[where], weights=grey[where], minlength=len(DISTANCES))
    mean = np.divide(total, count, out=np.full(len(DISTANCES), np.nan), where=count >= _FEWEST_AT_DISTANCE)
    bright, dark = _mean(grey, places.background), _mean(grey, places.interior)
    return (mean - bright) / (bright - dark) if bright > dark else np.full(len(DISTANCES), np.nan)


def edge_rise(profile: np.ndarray) -> float:
    """Distance on which an `edge_profile` goes from 10 to 90 % of the step at the edge [pixels].

    The step is from the profile's mean 3 to 5 pixels inside to that 6 to 16 pixels outside, so that the rise of very blurred
    edges is found too short, 12 to 13 pixels at most.
    """
    low, high = _profile_mean(profile, -5, -3), _profile_mean(profile, 6, 16)
    return _crossing(profile, low + 0.9 * (high - low)) - _crossing(profile, low + 0.1 * (high - low))


def rim_overshoot(profile: np.ndarray) -> float:
    """How far the brightest part of an `edge_profile` within 20 pixels of the edge is above the background, over the contrast."""
    near = profile[(DISTANCES >= 1) & (DISTANCES <= 20)]
    return float(np.nanmax(near)) if np.isfinite(near).any() else np.nan


def _profile_mean(profile: np.ndarray, first: int, last: int) -> float:
    part = profile[(DISTANCES >= first) & (DISTANCES <= last)]
    return float(np.nanmean(part)) if np.isfinite(part).any() else np.nan


def _crossing(profile: np.ndarray, level: float) -> float:
    """First distance at which the profile rises through `level` [pixels]."""
    up = np.flatnonzero((profile[:-1] < level) & (profile[1:] >= level))
    if not len(up):
        return np.nan
    i = up[0]
    return float(DISTANCES[i] + (level - profile[i]) / (profile[i + 1] - profile[i]))
