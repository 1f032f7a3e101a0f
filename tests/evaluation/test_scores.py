"""lib.evaluation.scores: scores by hand and by scikit-learn, their standard errors, importances and the leak of a split."""

import numpy as np
import pandas as pd
import pytest
from descriptor_rows import synthetic
from sklearn import metrics
from sklearn.model_selection import GroupKFold, KFold

from lib.datasets.rosettes import LABEL, TARGETS
from lib.evaluation.scores import importances, leakage, scores, standard_errors, weighted_scores
from lib.models.tables import inputs, prediction_table, regressor


@pytest.fixture(scope="module")
def table():
    return synthetic(100)


def test_scores_by_hand():
    index = pd.MultiIndex.from_product([range(4), [0]], names=["crystal", "orientation"])
    truth = pd.DataFrame({"rho_e": [0, 1, 2, 3.0], "a_e": [1, 1, 3, 3.0], "n_bullets": [4, 4, 4, 5]}, index=index)
    guess = pd.DataFrame({"rho_e": [0, 1, 2, 5.0], "a_e": [2, 2, 2, 2.0], "n_bullets": [4, 4, 5, 5]}, index=index)
    assert scores(truth, guess) == pytest.approx(
        {
            "r2_rho_e": 1 - 4 / 5,
            "rmse_rho_e": 1,
            "mae_rho_e": 0.5,
            "r2_a_e": 0,
            "rmse_a_e": 1,
            "mae_a_e": 1,
            "balanced_accuracy": (2 / 3 + 1) / 2,
            "precision": (3 * 1 + 1 * 0.5) / 4,
            "recall": 3 / 4,
            "f1": (3 * 0.8 + 1 * 2 / 3) / 4,
            "mae_bullets": 1 / 4,
        }
    )


def test_scores_are_those_of_scikit_learn(table):
    rng = np.random.default_rng(3)
    guess = noisy(table)
    guess.loc[guess[LABEL] == 6, LABEL] = 5  # a number that is never guessed
    chances = rng.random((len(table), 4)) + 2 * (guess[LABEL].to_numpy()[:, None] == np.arange(4, 8))
    guess = prediction_table(guess[list(TARGETS)].to_numpy(), chances, np.arange(4, 8)).set_index(table.index)
    found, true = scores(table, guess), table[LABEL]
    for name in ("precision", "recall", "f1"):
        expected = getattr(metrics, f"{name}_score")(true, guess[LABEL], average="weighted", zero_division=0)
        assert found[name] == pytest.approx(expected)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, guess[LABEL]))
    assert found["top3"] == pytest.approx(metrics.top_k_accuracy_score(true, chances, k=3))
    for target in TARGETS:
        pair = table[target], guess[target]
        assert found[f"r2_{target}"] == pytest.approx(metrics.r2_score(*pair))
        assert found[f"rmse_{target}"] == pytest.approx(metrics.root_mean_squared_error(*pair))
        assert found[f"mae_{target}"] == pytest.approx(metrics.mean_absolute_error(*pair))


def noisy(truth, seed=1):
    rng = np.random.default_rng(seed)
    return truth.assign(
        rho_e=truth["rho_e"] + rng.normal(0, 0.02, len(truth)),
        a_e=truth["a_e"] + rng.normal(0, 0.1, len(truth)),
        n_bullets=truth[LABEL] + rng.integers(0, 2, len(truth)) * (truth[LABEL] < 7),
    )


def test_standard_errors_shrink_with_the_number_of_crystals():
    few, many = (synthetic(n, 3, seed=2) for n in (25, 400))
    few_errors, many_errors = (standard_errors(truth, noisy(truth), draws=60) for truth in (few, many))
    assert set(few_errors) == set(scores(few, noisy(few)))
    for name, value in few_errors.items():
        assert value > 0
        assert many_errors[name] == pytest.approx(value / 4, rel=0.6)


def test_the_standard_error_of_a_mean():
    truth = synthetic(200, 1)
    found = standard_errors(
        truth, truth, lambda rows, _, weights: {"mean": weights @ rows["rho_e"] / weights.sum(axis=1)}, draws=400
    )
    assert found["mean"] == pytest.approx(truth["rho_e"].std() / 200**0.5, rel=0.12)


def test_weighted_scores_are_those_of_repeated_rows(table):
    guess = table[[*TARGETS, LABEL]].sample(frac=1, random_state=1).set_axis(table.index)
    times = np.random.default_rng(0).integers(0, 3, (4, len(table)))
    found = weighted_scores(table, guess, times.astype(float))
    for i, repeats in enumerate(times):
        expected = scores(table.loc[table.index.repeat(repeats)], guess.loc[guess.index.repeat(repeats)])
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected)


def test_pictures_of_the_same_crystal_are_no_new_evidence():
    truth = synthetic(30, 2)
    again = truth.loc[truth.index.repeat(5)]
    guess = noisy(truth)
    assert standard_errors(again, guess.loc[guess.index.repeat(5)], draws=20) == pytest.approx(
        standard_errors(truth, guess, draws=20)
    )


def test_standard_errors_follow_the_seed():
    truth = synthetic(20, 2)
    first, again, other = (standard_errors(truth, noisy(truth), draws=10, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_importance_tells_what_is_used(table):
    train, test = table[:420], table[420:]
    trained = regressor("linear").fit(inputs(train), train[list(TARGETS)])
    loss = importances(trained, test)
    assert loss.index.tolist() == ["dense", "rough", "armed", "useless"]
    assert loss.columns.tolist() == ["rho_e", "a_e", "rho_e_sd", "a_e_sd"]
    assert loss["rho_e"].idxmax() == "dense" and loss["a_e"].idxmax() == "rough"
    assert loss.loc["dense", "rho_e"] > 0.5 and abs(loss.loc["useless"]).max() < 0.02
    assert (loss.filter(like="_sd") >= 0).all(axis=None) and loss.loc["dense", "rho_e_sd"] > 0
    pd.testing.assert_frame_equal(loss, importances(trained, test))


def test_the_leak_is_the_difference_of_two_splits():
    """Features that tell crystals apart but nothing about the targets: only the split by image looks good."""
    rng = np.random.default_rng(0)
    table = synthetic(60, 20)
    for name in inputs(table):
        table[name] = np.repeat(rng.normal(size=60), 20) + 0.02 * rng.normal(size=len(table))
    splits = {"by crystal": GroupKFold(5), "by image": KFold(5, shuffle=True, random_state=0)}
    found = leakage(table, splits, seed=0, n_trees=5)
    whole = found[found["crystals"] == 60].set_index("split")[list(TARGETS)]
    assert (whole.loc["by crystal"] < 0.2).all() and (whole.loc["by image"] > 0.8).all()
    assert found["crystals"].nunique() > 2
