"""lib.evaluation.attribution_scores: scores of attributions that are right, wrong or say nothing, of functions that are known."""

import numpy as np
import pytest

from lib.evaluation import attribution_scores as scores

SIDE = 10
RNG = np.random.default_rng(0)
WEIGHTS = RNG.permutation(SIDE * SIDE).reshape(SIDE, SIDE) + 1.0


def weighted_sum(pictures):
    """One answer (B, 1): all weights are positive and differ."""
    return (pictures * WEIGHTS).sum((1, 2))[:, None]


def test_density_is_the_importance_of_a_region_over_that_of_the_picture():
    importance = np.ones((2, 4, 4))
    importance[0, 0] = 5.0
    regions = np.ones((2, 4, 4), int)
    regions[0, 0] = 0
    found = scores.density(importance, regions, 2)
    assert found[0] == pytest.approx([5 / 2, 1 / 2])
    assert np.isnan(found[1, 0]) and found[1, 1] == 1


def test_pixels_of_equal_importance_come_at_random():
    importance = np.zeros((2000, 2, 2))
    importance[:, 1, 1] = 1
    order = scores.most_important_first(importance, RNG)
    assert (order[:, 0] == 3).all()
    assert np.bincount(order[:, 1]) / 2000 == pytest.approx([1 / 3] * 3, abs=0.05)
    assert (np.sort(order) == np.arange(4)).all()


def test_deletion_of_a_weighted_sum_is_the_sum_of_the_weights_left():
    pictures, order = np.ones((1, SIDE, SIDE)), scores.most_important_first(WEIGHTS[None], RNG)
    shares = np.array([0, 0.1, 0.5, 1])
    curve = scores.exchange_curve(weighted_sum, pictures, 0 * pictures, order, shares)[0, :, 0]
    falling = np.arange(SIDE * SIDE, 0, -1)
    assert curve == pytest.approx([falling[round(100 * share) :].sum() for share in shares])
    back = scores.exchange_curve(weighted_sum, 0 * pictures, pictures, order, shares)[0, :, 0]
    assert curve + back == pytest.approx([WEIGHTS.sum()] * 4)


def test_the_right_order_has_the_smallest_area_and_the_reverse_the_largest():
    shares, start = np.linspace(0, 1, 21), np.ones((1, SIDE, SIDE))
    areas = [
        scores.area_under(scores.exchange_curve(weighted_sum, start, 0 * start, order, shares), shares)[0, 0]
        for order in (scores.most_important_first(map_[None], RNG) for map_ in (WEIGHTS, 0 * WEIGHTS, -WEIGHTS))
    ]
    assert areas[0] < areas[1] < areas[2]
    assert areas[1] == pytest.approx(WEIGHTS.sum() / 2, rel=0.1)


def test_area_is_the_mean_height_whatever_the_width():
    shares = np.array([0, 0.1, 0.5])
    assert scores.area_under(np.full((2, 3, 4), 7.0), shares) == pytest.approx(np.full((2, 4), 7.0))
    assert scores.area_under(shares[None], shares) == pytest.approx([0.25])


def test_exchanged_pixels_leave_the_others_and_the_given_pictures_alone():
    pictures, others = RNG.random((2, 3, 5, 5))
    before = pictures.copy()
    changed = scores.exchange_pixels(pictures, others, np.array([[0, 24]] * 3))
    assert (pictures == before).all()
    assert (changed != pictures).sum() == 6
    assert (changed[:, 4, 4] == others[:, 4, 4]).all()


def test_effect_of_a_region_is_what_its_pixels_weigh():
    pictures, others = np.ones((2, SIDE, SIDE)), np.zeros((2, SIDE, SIDE))
    regions = np.ones((2, SIDE, SIDE), int)
    regions[:, WEIGHTS > 95] = 0  # five pixels
    regions[1] = 1
    found = scores.region_effect(weighted_sum, pictures, others, regions, 2, k=5, draws=40, rng=RNG)[..., 0]
    assert found[0, 0] == pytest.approx(96 + 97 + 98 + 99 + 100)
    assert found[:, 2] == pytest.approx([5 * WEIGHTS.mean()] * 2, rel=0.15)  # anywhere
    assert np.isnan(found[1, 0]) and np.isfinite(found[:, 1]).all()


def test_rank_correlation_knows_no_scale_and_only_the_pixels_asked_for():
    first = RNG.random((3, SIDE, SIDE))
    where = np.zeros((3, SIDE, SIDE), bool)
    where[:, :4] = True
    second = np.where(where, np.exp(first), RNG.random(first.shape))
    assert scores.rank_correlation(first, second, where) == pytest.approx([1, 1, 1])
    assert np.abs(scores.rank_correlation(first, second, ~where)).max() < 0.5
