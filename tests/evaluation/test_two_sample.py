"""Two-sample tests: on sets of points whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import energy_distance

from lib.evaluation import two_sample
from lib.evaluation.two_sample import EnergyDistance, impute, ks_distances


def test_frechet_distance_of_gaussians():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (40000, 3)), rng.normal(0, 1, (40000, 3)) * [1, 2, 1] + [2, 0, 0]
    assert two_sample.frechet_distance(a, b) == pytest.approx(4 + 1, rel=0.03)  # |shift|^2 + (2 - 1)^2
    assert two_sample.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_two_small_samples_of_one_population_is_not_zero():
    rng = np.random.default_rng(0)
    n, d = 400, 64
    found = two_sample.frechet_distance(rng.normal(size=(n, d)), rng.normal(size=(n, d)))
    assert found == pytest.approx(d**2 / (2 * n) + 2 * d / n, rel=0.1)


def test_mmd_is_unbiased_and_sees_a_shift():
    rng = np.random.default_rng(0)
    same = [two_sample.mmd(rng.normal(size=(60, 4)), rng.normal(size=(60, 4))) for _ in range(40)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(40)
    assert two_sample.mmd(rng.normal(size=(60, 4)), rng.normal(1, 1, size=(60, 4))) > 10 * np.std(same)


def test_the_accuracy_for_two_samples_of_one_population_is_chance():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 5)), rng.normal(size=(400, 5))
    found = two_sample.two_sample_accuracy(a, b)
    assert found[["linear", "neighbours", "boosting"]].between(0.42, 0.58).all()
    assert two_sample.two_sample_accuracy(a, b + 3).highest > 0.95


def test_boosted_trees_see_what_a_straight_border_does_not():
    rng = np.random.default_rng(0)
    found = two_sample.two_sample_accuracy(rng.normal(size=(400, 3)), 3 * rng.normal(size=(400, 3)))
    assert found.linear < 0.6 < 0.75 < found.boosting


def test_missing_numbers_are_imputed_and_counted():
    known = np.array([[1.0, 5.0], [3.0, np.nan], [2.0, 7.0]])
    a, b = impute(known, np.array([[np.nan, np.nan]]))
    assert a.tolist() == [[1, 5, 0], [3, 6, 1], [2, 7, 0]] and b.tolist() == [[2, 6, 2]]
    (same,) = impute(known[[0, 2]])
    assert same.tolist() == [[1, 5], [2, 7]]
    assert np.isfinite(impute(np.full((3, 1), np.nan), known[:, :1])[0]).all()


def test_the_energy_distance_is_the_mean_of_those_along_all_directions():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 4)), rng.normal(0.4, 1.3, (300, 4))
    distance = EnergyDistance(a)
    inside = [((points - distance.middle) / distance.span).clip(-1.4, 1.4) for points in (a, b)]
    distance.directions = np.eye(4)
    distance.reference = distance.distribution_functions(a)
    exact = [energy_distance(*pair) ** 2 for pair in zip(*(points.T for points in inside), strict=True)]
    assert distance(b) == pytest.approx(np.mean(exact), rel=0.1)


def test_the_energy_distance_sees_what_no_single_feature_shows():
    x = np.random.default_rng(0).normal(size=(400, 1))
    same, opposite = np.hstack([x[:200], x[:200]]), np.hstack([x[200:], -x[200:]])
    assert EnergyDistance(np.hstack([same, x[:200]]))(np.hstack([opposite, x[200:]])) > 0.02


def test_ks_distances_are_sorted_and_leave_out_what_is_missing():
    a = pd.DataFrame({"same": [1.0, 2.0, np.nan], "apart": [0.0, 1.0, 2.0], "none": [np.nan] * 3})
    b = pd.DataFrame({"same": [2.0, 1.0, 1.0], "apart": [5.0, 6.0, 7.0], "none": [1.0] * 3})
    found = ks_distances(a, b)
    assert found.index.tolist() == ["apart", "same"] and found["apart"] == 1 and found["same"] == pytest.approx(1 / 6)
