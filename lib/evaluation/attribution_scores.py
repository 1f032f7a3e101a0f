"""Whether an attribution finds the pixels on which an answer rests: its density on known parts, deletion and insertion, ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

#: Answers (B, A) to pictures (B, S, S).
Answer = Callable[[np.ndarray], np.ndarray]


def density(importance: np.ndarray, regions: np.ndarray, n_regions: int) -> np.ndarray:
    """Share of the importance over share of the pixels (B, R) of each region of each picture: 1 on average over all pixels.

    Parameters
    ----------
    importance : (B, S, S), nowhere negative
    regions : (B, S, S) whole numbers below `n_regions`; NaN stands for a region that a picture lacks
    """
    found = np.empty((len(importance), n_regions))
    for own, values, places in zip(found, importance, regions, strict=True):
        total = np.bincount(places.ravel(), values.ravel(), n_regions)
        pixels = np.bincount(places.ravel(), minlength=n_regions)
        with np.errstate(invalid="ignore"):
            own[:] = total / pixels / values.mean()
    return found


def most_important_first(importance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pixels (B, S * S) in falling order of their importance (B, S, S), those of equal importance at random."""
    flat = importance.reshape(len(importance), -1).astype(float)
    return np.lexsort((rng.random(flat.shape), -flat), axis=1)


def exchange_pixels(pictures: np.ndarray, others: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pictures (B, S, S) whose `pixels` (B, k), places in the flat pictures, have the values of `others` (B, S, S)."""
    changed = pictures.reshape(len(pictures), -1).copy()
    values = np.take_along_axis(others.reshape(len(others), -1), pixels, axis=1)
    np.put_along_axis(changed, pixels, values, axis=1)
    return changed.reshape(pictures.shape)


def exchange_curve(answer: Answer, start: np.ndarray, end: np.ndarray, order: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Answers (B, K, A) while the pixels of `start` (B, S, S) take the values of `end`, those first in `order` (B, S * S) first.

    From a picture to one that says nothing this is deletion, the reverse is insertion (Petsiuk et al. 2018, arXiv:1806.07421).

    Parameters
    ----------
    shares : (K,) of the pixels that are exchanged, 0 to 1
    """
    n = order.shape[1]
    return np.stack([answer(exchange_pixels(start, end, order[:, : round(share * n)])) for share in shares], axis=1)


def area_under(curve: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Area under each curve (B, K, ...) over the `shares` (K,), by trapezoids, over its width: the mean height."""
    return np.trapezoid(curve, shares, axis=1) / (shares[-1] - shares[0])


def region_effect(
    answer: Answer, pictures: np.ndarray, others: np.ndarray, regions: np.ndarray, n_regions: int, k: int, draws: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Mean absolute change of the answers (B, R + 1, A) when `k` pixels of each region take the values of `others`.

    The pixels are drawn at random, `draws` times. The last place is for pixels drawn from the whole picture. NaN stands for a
    region that has fewer than `k` pixels.
    """
    before = answer(pictures)
    found = np.full((len(pictures), n_regions + 1, before.shape[1]), np.nan)
    for region in range(n_regions + 1):
        inside = (regions == region) | (region == n_regions)
        large = inside.sum((1, 2)) >= k
        if large.any():
            orders = (most_important_first(inside[large], rng)[:, :k] for _ in range(draws))
            changes = [
                np.abs(answer(exchange_pixels(pictures[large], others[large], pixels)) - before[large]) for pixels in orders
            ]
            found[large, region] = np.mean(changes, axis=0)
    return found


def rank_correlation(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation (B,) of two maps (B, S, S) over the pixels at which `where` (B, S, S) is true."""
    maps = zip(first, second, where, strict=True)
    return np.array([np.corrcoef(rankdata(a[inside]), rankdata(b[inside]))[0, 1] for a, b, inside in maps])
