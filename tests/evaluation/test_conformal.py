"""lib.evaluation.conformal: coverage on data whose truth is known, and novelty."""

import numpy as np
import pandas as pd
import pytest

from lib.evaluation.conformal import Conformal, Novelty, flagged
from lib.models.shape_model import Predicted

BULLETS = (4, 5, 6, 7)


def answers(n, seed, bias=0.0):
    """Truth and prediction of `n` crystals; errors are three times as large where `rho_e` is above its median."""
    rng = np.random.default_rng(seed)
    logs = rng.normal([-3, -1], [0.6, 0.4], (n, 2))
    scale = np.where(logs[:, :1] > -3, 0.15, 0.05)
    label = rng.integers(4, 8, n)
    truth = pd.DataFrame(np.exp(logs), columns=["rho_e", "a_e"]).assign(n_bullets=label)
    logits = 2.0 * (np.array(BULLETS) == label[:, None]) + rng.normal(0, 1, (n, 4))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    values = np.exp(logs + scale * rng.normal(size=(n, 2)) + bias)
    table = pd.DataFrame(values, columns=["rho_e", "a_e"]).assign(n_bullets=np.array(BULLETS)[probability.argmax(axis=1)])
    return truth, Predicted(table, pd.DataFrame(probability, columns=BULLETS))


@pytest.fixture(scope="module")
def conformal():
    return Conformal(answers(1500, 0), answers(2000, 1))


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_coverage_is_the_confidence_level(conformal, confidence):
    truth, predicted = answers(4000, 2)
    table = conformal.coverage(truth, predicted, confidence)
    assert table.index.tolist() == ["rho_e", "a_e", "n_bullets"]
    assert table.coverage.tolist() == pytest.approx([confidence] * 3, abs=0.025)
    assert 0.8 < table["size"].n_bullets < 4 and table.width.rho_e > 1
    assert np.isnan(table.width.n_bullets) and np.isnan(table["size"].rho_e)


def test_intervals_are_wider_where_predictions_are_worse(conformal):
    truth, predicted = answers(4000, 3)
    intervals = conformal.intervals(predicted, 0.9)
    width = np.log(intervals.rho_e_high / intervals.rho_e_low)
    hard = np.log(predicted.table.rho_e) > -3
    assert width[hard].median() > 1.6 * width[~hard].median()
    inside = (intervals.rho_e_low <= truth.rho_e) & (truth.rho_e <= intervals.rho_e_high)
    assert inside[hard].mean() == pytest.approx(0.9, abs=0.05) and inside[~hard].mean() == pytest.approx(0.9, abs=0.05)


def test_coverage_of_easy_and_of_hard_cases(conformal):
    truth, predicted = answers(10_000, 6)
    intervals = conformal.intervals(predicted, 0.95)
    inside = (intervals.rho_e_low <= truth.rho_e) & (truth.rho_e <= intervals.rho_e_high)
    fifths = pd.qcut(np.log(intervals.rho_e_high / intervals.rho_e_low).rank(method="first"), 5, labels=False)
    for fifth in range(5):
        assert inside[fifths == fifth].mean() == pytest.approx(0.95, abs=0.035)


def test_the_error_of_the_coverage_is_how_it_scatters():
    found = [Conformal(answers(300, 10 + i), answers(100, 50 + i)).coverage(*answers(200, 90 + i), 0.8) for i in range(40)]
    spread = pd.DataFrame([table.coverage for table in found]).std()
    for name in ("rho_e", "a_e"):
        assert spread[name] == pytest.approx(found[0].se[name], rel=0.35)


def test_more_confidence_needs_wider_intervals_and_larger_sets(conformal):
    truth, predicted = answers(500, 4)
    few, many = (conformal.coverage(truth, predicted, level) for level in (0.7, 0.99))
    assert (few.width < many.width).tolist() == [True, True, False] and few["size"].n_bullets < many["size"].n_bullets
    assert not (conformal.sets(predicted, 0.7) & ~conformal.sets(predicted, 0.99)).any()


def test_coverage_is_low_for_crystals_of_another_kind(conformal):
    truth, predicted = answers(2000, 5, bias=0.5)
    assert conformal.coverage(truth, predicted, 0.95).coverage.rho_e < 0.5


def test_novelty_is_uniform_for_the_known_and_small_for_the_odd():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    known, calibration, new = (rng.normal(size=(n, 6)) @ mixing for n in (500, 2000, 3000))
    novelty = Novelty(known, calibration)
    levels = np.array([0.01, 0.05, 0.2, 0.5])
    assert flagged(novelty(new), levels) == pytest.approx(levels, abs=0.03)
    assert flagged(novelty(new + 8 * mixing[0]), levels).min() > 0.95
    assert 0 < novelty(new).min() and novelty(new).max() <= 1


def test_flagged_counts():
    assert flagged(np.array([0.01, 0.05, 0.2, 1.0]), np.array([0.05, 0.5])).tolist() == [0.5, 0.75]
