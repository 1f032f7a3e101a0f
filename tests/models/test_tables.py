"""lib.models.tables: learners that learn."""

import numpy as np
import pandas as pd
import pytest
from descriptor_rows import synthetic
from sklearn.model_selection import GroupShuffleSplit

from lib.datasets.rosettes import LABEL, TARGETS
from lib.evaluation.scores import scores
from lib.models.tables import GUESSES, LEARNERS, classifier, inputs, learner, prediction_table, regressor


@pytest.fixture(scope="module")
def table():
    return synthetic(100)


@pytest.fixture(scope="module")
def parts(table):
    """Training rows, and test rows of other crystals."""
    splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
    train, test = next(splitter.split(table, groups=table.index.get_level_values("crystal")))
    return table.iloc[train], table.iloc[test]


def predictions_of(parts, *settings, **options):
    train, test = parts
    return learner(*settings, **options).fit(train).predict(test)


@pytest.fixture(scope="module", params=LEARNERS)
def learned(request, parts):
    """Name of a model, and what it predicts for the crystals it did not see."""
    return request.param, predictions_of(parts, request.param, seed=1, n_trees=40)


def test_every_model_learns(learned, parts):
    guess, truth = learned[1], parts[1]
    assert guess.index.equals(truth.index)
    assert guess.columns.tolist() == [*TARGETS, *GUESSES]
    found = scores(truth, guess)
    assert found["r2_rho_e"] > 0.85 and found["r2_a_e"] > 0.85 and found["balanced_accuracy"] > 0.8, found
    assert set(guess[LABEL]) <= {4, 5, 6, 7}


def test_every_model_repeats_by_its_seed(learned, parts):
    name, guess = learned
    again = predictions_of(parts, name, seed=1, n_trees=40)
    pd.testing.assert_frame_equal(guess, again, check_exact=True)


def test_the_forest_depends_on_its_seed(parts):
    first, other = (predictions_of(parts, "rf", seed=seed, n_trees=5)["rho_e"] for seed in (1, 2))
    assert not first.equals(other)


def test_predictions_know_no_target_of_the_test_rows(parts):
    train, test = parts
    other = test.assign(rho_e=9.0, a_e=9.0, n_bullets=9)
    pd.testing.assert_frame_equal(predictions_of((train, test), "gb", n_trees=8), predictions_of((train, other), "gb", n_trees=8))


def test_another_model_for_the_number_of_bullets(parts):
    mixed = predictions_of(parts, "linear", seed=1, n_trees=20, label_model="rf")
    assert mixed[list(TARGETS)].equals(predictions_of(parts, "linear")[list(TARGETS)])
    assert mixed[LABEL].equals(predictions_of(parts, "rf", seed=1, n_trees=20)[LABEL])


def test_published_settings_of_the_forests():
    published = {"n_estimators": 200, "max_depth": 20, "min_samples_leaf": 10}
    assert regressor("rf").get_params().items() >= published.items()
    published = {"n_estimators": 200, "max_depth": 10, "min_samples_split": 5}
    assert classifier("rf").get_params().items() >= published.items()


@pytest.mark.parametrize("make", [regressor, classifier])
def test_an_unknown_model(make):
    with pytest.raises(KeyError, match="forest"):
        make("forest")


def test_inputs_hold_no_target(table):
    assert inputs(table).columns.tolist() == ["dense", "rough", "armed", "useless"]


def test_guesses_are_the_likeliest_first():
    found = prediction_table(np.array([[0.1, 0.5]]), np.array([[0.2, 0.1, 0.4, 0.3]]), np.array([4, 5, 6, 7]))
    assert found.columns.tolist() == [*TARGETS, *GUESSES]
    assert found.loc[0].tolist() == [0.1, 0.5, 6, 7, 4]
    assert prediction_table(np.zeros((1, 2)), np.array([[0.3, 0.7]]), np.array([4, 5])).loc[0, list(GUESSES)].tolist() == [
        5,
        4,
        4,
    ]
