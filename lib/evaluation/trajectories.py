"""Distances between trajectories, such as those of simulations in a latent space, and whether a distance means anything.

A trajectory is a row of points, one for each time. Sets of them are arrays (member, time, latent).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def trajectory_distances(a: np.ndarray, b: np.ndarray, measure: str = "warping") -> np.ndarray:
    """Distance (n, m) of each trajectory of `a` (n, T, L) from each of `b` (m, U, L), in the units of the points.

    Parameters
    ----------
    measure : one of `MEASURES`

    Raises
    ------
    ValueError
        If `measure` is none of them, the points have different dimensions, or the measure needs T = U and they differ.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure: expected one of {', '.join(MEASURES)}, got {measure!r}")
    (n, times_a, latents), (m, times_b, latents_b) = a.shape, b.shape
    if latents != latents_b:
        raise ValueError(f"a, b: points have {latents} and {latents_b} dimensions")
    if times_a != times_b and measure in _EQUAL_TIMES:
        raise ValueError(f"a, b: {measure} compares trajectories of equally many times, got {times_a} and {times_b}")
    if measure == "synchronous":
        return synchronous(a, b)
    costs = cdist(a.reshape(-1, latents), b.reshape(-1, latents)).reshape(n, times_a, m, times_b)
    return _ALIGNMENTS[measure](np.ascontiguousarray(costs.transpose(1, 3, 0, 2)))


def paired_distances(a: np.ndarray, b: np.ndarray, measure: str = "warping") -> np.ndarray:
    """Distance (n,) of each trajectory of `a` (n, T, L) from the one in its place in `b` (n, U, L)."""
    return np.array([trajectory_distances(one[None], other[None], measure).item() for one, other in zip(a, b, strict=True)])


def synchronous(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean distance (n, m) of points of the same time, of trajectories (n, T, L) and (m, T, L)."""
    return np.mean([cdist(a[:, time], b[:, time]) for time in range(a.shape[1])], axis=0)


def time_warping(costs: np.ndarray) -> np.ndarray:
    """Mean distance (n, m) of points under the best alignment in time, from `costs` (T, U, n, m) between all points.

    Either trajectory may pause while the other goes on. The symmetric form of Sakoe & Chiba (1978,
    doi:10.1109/TASSP.1978.1163055), in which a step of both counts twice and the sum is divided by T + U.
    """
    total = _accumulate(costs, lambda one, both, here: np.minimum(one + here, both + 2 * here))
    return total / sum(costs.shape[:2])


def discrete_frechet(costs: np.ndarray) -> np.ndarray:
    """Largest distance (n, m) that the best alignment in time cannot avoid, from `costs` (T, U, n, m) between all points.

    Discrete Frechet distance (Eiter & Mannila 1994, TU Vienna CD-TR 94/64).
    """
    return _accumulate(costs, lambda one, both, here: np.maximum(np.minimum(one, both), here))


def _accumulate(costs: np.ndarray, step: Callable) -> np.ndarray:
    """Last cell of a table that `step` fills from the better neighbour of one step, that of two, and the cost of the cell."""
    rows, columns, *pairs = costs.shape
    table = np.full((rows + 1, columns + 1, *pairs), np.inf)
    table[0, 0] = 0
    for i, j in np.ndindex(rows, columns):
        table[i + 1, j + 1] = step(np.minimum(table[i, j + 1], table[i + 1, j]), table[i, j], costs[i, j])
    return table[-1, -1]


def wasserstein(costs: np.ndarray) -> np.ndarray:
    """Wasserstein-1 distance (n, m) of the points without regard to their order, from `costs` (T, T, n, m).

    With equally many points of equal weight it is the mean over the best matching of them, one to one.
    """
    times, _, n, m = costs.shape
    means = np.empty((n, m))
    for pair in np.ndindex(n, m):
        cost = costs[:, :, *pair]
        means[pair] = cost[linear_sum_assignment(cost)].mean()
    return means


#: Measure -> how it comes from the distances between all points (T, U, n, m).
_ALIGNMENTS = {"warping": time_warping, "frechet": discrete_frechet, "wasserstein": wasserstein}
#: Ways to compare two trajectories -> title.
MEASURES = {"synchronous": "Synchronous", "warping": "Warping", "frechet": "Fréchet", "wasserstein": "Wasserstein"}
_EQUAL_TIMES = ("synchronous", "wasserstein")


def pairs(matrix: np.ndarray) -> np.ndarray:
    """The n (n - 1) / 2 distances between different members, from a symmetric matrix (n, n)."""
    return matrix[np.triu_indices(len(matrix), 1)]


def p_value(observed: float | np.ndarray, null: np.ndarray) -> np.ndarray:
    """Share of `null` (k,) and the observed value itself that is as large as `observed`, never zero; for one value or many.

    Phipson & Smyth (2010, doi:10.2202/1544-6115.1585).
    """
    return (1 + np.sum(null >= np.asarray(observed)[..., None], axis=-1)) / (1 + len(null))


def energy_distance(matrix: np.ndarray, first: np.ndarray) -> float:
    """Energy distance of two groups: how much farther members of different groups are apart than those of one.

    Twice the mean distance between the groups less the mean distances within (Szekely & Rizzo 2013,
    doi:10.1016/j.jspi.2013.03.018), those of members to themselves left out, so that it is 0 on average for equal
    populations. A group of one has none within.

    Parameters
    ----------
    matrix : distances (n, n) between all members
    first : which members (n,) are of the first group
    """
    between = matrix[np.ix_(first, ~first)].mean()
    return float(2 * between - _within(matrix, first) - _within(matrix, ~first))


def _within(matrix: np.ndarray, group: np.ndarray) -> float:
    n = group.sum()
    return matrix[np.ix_(group, group)].sum() / max(n * (n - 1), 1)


class PermutationTest(NamedTuple):
    """Energy distance of two groups, its `null` (k,) among groups drawn at random, and the p-value."""

    distance: float
    null: np.ndarray
    p: float


def energy_test(matrix: np.ndarray, first: np.ndarray, n_shuffles: int = 999, seed: int = 0) -> PermutationTest:
    """Permutation test of the energy distance: are two groups farther apart than members shuffled between them?

    `scipy.stats.permutation_test` does the same, but takes no group of one.

    Parameters
    ----------
    matrix : distances (n, n) between all members
    first : which members (n,) are of the first group; one alone asks whether it belongs to the others

    Raises
    ------
    ValueError
        If a group is empty.
    """
    first = np.asarray(first, bool)
    if not 0 < first.sum() < len(first):
        raise ValueError(f"first: both groups need members, got {first.sum()} of {len(first)}")

    rng = np.random.default_rng(seed)
    null = np.array([energy_distance(matrix, rng.permutation(first)) for _ in range(n_shuffles)])
    observed = energy_distance(matrix, first)
    return PermutationTest(observed, null, float(p_value(observed, null)))
