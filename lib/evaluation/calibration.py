"""Is a posterior calibrated? Ranks and coverages of the truth among draws, with tests, and scores of densities and intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import chisquare, kstest


class Uniformity(NamedTuple):
    """A `statistic` and its `p` value under calibration."""

    statistic: float
    p: float


def sbc_ranks(draws: np.ndarray, truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """How many of the L draws (B, L) of a posterior are below the truth (B,): 0 to L, uniform if it is calibrated.

    Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788). Equal values, as of whole numbers, are ordered at random.
    """
    rng = np.random.default_rng(seed)
    below, equal = (draws < truth[:, None]).sum(axis=1), (draws == truth[:, None]).sum(axis=1)
    return below + rng.integers(0, equal + 1)


def rank_test(ranks: np.ndarray, n_draws: int, bins: int = 20) -> Uniformity:
    """The chi-square test that ranks (B,) of 0 to `n_draws` are uniform, in at most so many bins.

    Bins hold whole ranks, so their expected counts differ where the ranks cannot be divided equally; each expects at least five.
    """
    if len(ranks) < 10:
        raise ValueError(f"ranks: expected at least 10 for two bins of five, got {len(ranks)}")
    bins = min(bins, n_draws + 1, len(ranks) // 5)
    edges = np.round(np.linspace(0, n_draws + 1, bins + 1))
    expected = np.diff(edges) / (n_draws + 1) * len(ranks)
    return Uniformity(*map(float, chisquare(np.histogram(ranks, edges - 0.5)[0], expected)))


def tarp_levels(draws: np.ndarray, truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """The credibility (B,) of the ball about a random point that reaches to the truth (B, D): uniform if the posterior is exact.

    Tests of accuracy with random points (Lemos et al. 2023, arXiv:2302.03026): the share of the draws (B, L, D) that are nearer
    to a reference point than the truth is. Coordinates are standardised by the truths; reference points are uniform in their box.
    As in `sbc_ranks` a truth among L draws has one of L + 1 places; it is spread over its place at random, so the levels are
    continuous.
    """
    rng = np.random.default_rng(seed)
    low, span = truth.min(axis=0), np.maximum(np.ptp(truth, axis=0), 1e-12)
    point = rng.random(truth.shape)
    nearer = _distance((draws - low) / span, point[:, None]) < _distance((truth - low) / span, point)[:, None]
    return (nearer.sum(axis=1) + rng.random(len(truth))) / (draws.shape[1] + 1)


def _distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.linalg.norm(first - second, axis=-1)


def uniform_test(levels: np.ndarray) -> Uniformity:
    """The Kolmogorov-Smirnov test that levels (B,) are uniform from 0 to 1."""
    found = kstest(levels, "uniform")
    return Uniformity(float(found.statistic), float(found.pvalue))


def expected_coverage(levels: np.ndarray, credibility: np.ndarray) -> np.ndarray:
    """Share of truths within regions of each credibility (C,), from `tarp_levels`: the diagonal if the posterior is exact."""
    return np.mean(levels[:, None] <= credibility, axis=0)


def interval_score(truth: np.ndarray, low: np.ndarray, high: np.ndarray, confidence: float) -> np.ndarray:
    """The width of each interval, plus 2 / (1 - confidence) times how far the truth lies outside: small is good.

    A proper score of central intervals (Gneiting and Raftery 2007, doi:10.1198/016214506000001437, section 6.2).
    """
    outside = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return high - low + 2 / (1 - confidence) * outside
