"""lib.evaluation.calibration: tests of calibration pass what is calibrated and find what is not."""

import numpy as np
import pytest
from scipy.stats import norm

from lib.evaluation import calibration

N, DRAWS = 600, 99


@pytest.fixture(scope="module")
def world():
    """Means that are known, truths about them, and draws of their exact posterior."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(N, 2)) * 3
    return mean, mean + rng.normal(size=(N, 2)), mean[:, None] + rng.normal(size=(N, DRAWS, 2))


def both_tests(draws, truth):
    ranks = calibration.rank_test(calibration.sbc_ranks(draws[..., 0], truth[:, 0]), DRAWS)
    return ranks, calibration.uniform_test(calibration.tarp_levels(draws, truth))


def test_an_exact_posterior_passes(world):
    _, truth, draws = world
    assert all(test.p > 0.01 for test in both_tests(draws, truth))


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_one_that_is_too_narrow_or_too_wide_is_found(world, factor):
    mean, truth, draws = world
    assert all(test.p < 1e-3 for test in both_tests(mean[:, None] + factor * (draws - mean[:, None]), truth))


def test_one_that_is_shifted_is_found_by_ranks(world):
    _, truth, draws = world
    assert both_tests(draws + 0.4, truth)[0].p < 1e-3


def test_wrong_correlation_is_found_by_tarp_and_not_by_ranks(world):
    mean, _, draws = world
    rng = np.random.default_rng(1)
    one = rng.normal(size=N)
    truth = mean + np.column_stack([one, one])  # fully correlated, where the draws are independent
    ranks, tarp = both_tests(draws, truth)
    assert ranks.p > 0.01 > tarp.p


def test_ranks_of_whole_numbers_are_spread_over_equal_draws():
    rng = np.random.default_rng(2)
    truth, draws = rng.integers(4, 11, N), rng.integers(4, 11, (N, DRAWS))
    ranks = calibration.sbc_ranks(draws, truth)
    assert ranks.min() >= 0 and ranks.max() <= DRAWS
    assert calibration.rank_test(ranks, DRAWS).p > 0.01


def test_expected_counts_follow_from_the_ranks_of_a_bin():
    ranks = np.arange(8).repeat(30)  # 0 to 7, uniform; three bins hold 3, 2 and 3 of them
    assert calibration.rank_test(ranks, 7, bins=3) == pytest.approx((0, 1))


def test_few_ranks_are_refused():
    with pytest.raises(ValueError, match="at least 10"):
        calibration.rank_test(np.arange(9), 99)


def test_coverage_of_uniform_levels_is_the_diagonal():
    levels = (np.arange(1000) + 0.5) / 1000
    credibility = np.linspace(0, 1, 11)
    assert calibration.expected_coverage(levels, credibility) == pytest.approx(credibility)


def test_the_true_quantiles_have_the_best_interval_score():
    truth = np.random.default_rng(3).normal(size=20_000)
    reach = norm.ppf(0.975)
    score = {factor: calibration.interval_score(truth, -factor * reach, factor * reach, 0.95).mean() for factor in (0.7, 1, 1.4)}
    assert score[1] < min(score[0.7], score[1.4])
    assert calibration.interval_score(np.array([3.0]), np.array([0.0]), np.array([1.0]), 0.9) == pytest.approx(1 + 20 * 2)
