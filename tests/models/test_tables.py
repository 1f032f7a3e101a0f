"""lib.models.tables: splits, scores by hand, their spread, and learners that learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from lib.models.tables import (
    GUESSES,
    LABEL,
    MODELS,
    TARGETS,
    answered,
    by_crystal,
    by_image,
    classifier,
    features,
    importance,
    joined,
    leak,
    predictions,
    regressor,
    scored,
    scores,
    spread,
    weighted_scores,
)


def synthetic(n_crystals, n_orientations=6, seed=0):
    """A table whose features tell the targets apart from noise; the last feature tells nothing."""
    rng = np.random.default_rng(seed)
    n_bullets = rng.integers(4, 8, n_crystals)
    rho_e, a_e = rng.uniform(0.02, 0.2, n_crystals), rng.uniform(0.2, 0.8, n_crystals)
    index = pd.MultiIndex.from_product([range(n_crystals), range(n_orientations)], names=["crystal", "orientation"])
    seen = np.repeat(np.column_stack([rho_e, a_e, n_bullets]), n_orientations, axis=0)
    noise = rng.normal(size=(len(index), 4))
    return pd.DataFrame(
        {
            "dense": seen[:, 0] * 10 + 0.1 * noise[:, 0],
            "rough": seen[:, 1] * 5 - seen[:, 0] + 0.2 * noise[:, 1],
            "armed": seen[:, 2] + 0.3 * noise[:, 2],
            "useless": noise[:, 3],
            "rho_e": seen[:, 0],
            "a_e": seen[:, 1],
            "n_bullets": seen[:, 2].astype(int),
        },
        index=index,
    )


@pytest.fixture(scope="module")
def table():
    return synthetic(100)


def crystals_of(table, chosen):
    return set(table.index.get_level_values("crystal")[chosen])


# --- splits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_split_by_crystal_shares_no_crystal(table, seed, share):
    test = by_crystal(table, share, seed)
    assert test.dtype == bool and test.shape == (600,)
    assert not crystals_of(table, test) & crystals_of(table, ~test)
    assert len(crystals_of(table, test)) == 100 * share


@pytest.mark.parametrize("seed", range(3))
def test_split_by_image_shares_crystals(table, seed):
    test = by_image(table, 0.3, seed)
    assert test.sum() == 180
    assert len(crystals_of(table, test) & crystals_of(table, ~test)) > 0.8 * len(crystals_of(table, test))


def test_split_by_crystal_of_an_uneven_table(table):
    uneven = table[(np.arange(600) % 7 > 1) & (table.index.get_level_values("crystal") != 5)]
    test = by_crystal(uneven, 0.2, 0)
    assert not crystals_of(uneven, test) & crystals_of(uneven, ~test)
    assert len(crystals_of(uneven, test)) == 20


@pytest.mark.parametrize("split", [by_crystal, by_image])
def test_splits_follow_the_seed(table, split):
    assert np.array_equal(split(table, 0.2, 1), split(table, 0.2, 1))
    assert not np.array_equal(split(table, 0.2, 1), split(table, 0.2, 2))
    assert split(table, 1e-9, 0).any()  # never an empty test set


def test_rows_asked_are_the_test_set_of_all(table):
    both, test = joined(table[:3], table[6:8])
    assert both.equals(table.iloc[[0, 1, 2, 6, 7]])
    assert test.tolist() == [False, False, False, True, True]


def test_features_hold_nothing_that_is_to_be_learned(table):
    assert features(table).columns.tolist() == ["dense", "rough", "armed", "useless"]


# --- scores -------------------------------------------------------------------------------------------------------------


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
        }
    )


def test_scores_are_those_of_scikit_learn(table):
    rng = np.random.default_rng(3)
    guess = noisy(table)
    guess.loc[guess[LABEL] == 6, LABEL] = 5  # a number that is never guessed
    chances = rng.random((len(table), 4)) + 2 * (guess[LABEL].to_numpy()[:, None] == np.arange(4, 8))
    guess = answered(guess[list(TARGETS)].to_numpy(), chances, np.arange(4, 8)).set_index(table.index)
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


def test_guesses_are_the_likeliest_first():
    found = answered(np.array([[0.1, 0.5]]), np.array([[0.2, 0.1, 0.4, 0.3]]), np.array([4, 5, 6, 7]))
    assert found.columns.tolist() == [*TARGETS, *GUESSES]
    assert found.loc[0].tolist() == [0.1, 0.5, 6, 7, 4]
    assert answered(np.zeros((1, 2)), np.array([[0.3, 0.7]]), np.array([4, 5])).loc[0, list(GUESSES)].tolist() == [5, 4, 4]


def noisy(truth, seed=1):
    rng = np.random.default_rng(seed)
    return truth.assign(
        rho_e=truth["rho_e"] + rng.normal(0, 0.02, len(truth)),
        a_e=truth["a_e"] + rng.normal(0, 0.1, len(truth)),
        n_bullets=truth[LABEL] + rng.integers(0, 2, len(truth)) * (truth[LABEL] < 7),
    )


def test_spread_shrinks_with_the_number_of_crystals():
    few, many = (synthetic(n, 3, seed=2) for n in (25, 400))
    few_spread, many_spread = (spread(truth, noisy(truth), draws=60) for truth in (few, many))
    assert set(few_spread) == set(scores(few, noisy(few)))
    for name, value in few_spread.items():
        assert value > 0
        assert many_spread[name] == pytest.approx(value / 4, rel=0.6)


def test_spread_of_a_mean_is_its_standard_error():
    truth = synthetic(200, 1)
    found = spread(truth, truth, lambda rows, _, weights: {"mean": weights @ rows["rho_e"] / weights.sum(axis=1)}, draws=400)
    assert found["mean"] == pytest.approx(truth["rho_e"].std() / 200**0.5, rel=0.12)


def test_weighted_scores_are_those_of_repeated_rows(table):
    guess = table[[*TARGETS, LABEL]].sample(frac=1, random_state=1).set_axis(table.index)
    times = np.random.default_rng(0).integers(0, 3, (4, len(table)))
    found = weighted_scores(table, guess, times.astype(float))
    for i, repeats in enumerate(times):
        expected = scores(table.loc[table.index.repeat(repeats)], guess.loc[guess.index.repeat(repeats)])
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected)


def test_scored_has_scores_and_their_errors(table):
    guess = noisy(table)
    assert scored(table, guess) == scores(table, guess) | {f"{k}_se": v for k, v in spread(table, guess).items()}


def test_pictures_of_the_same_crystal_are_no_new_evidence():
    truth = synthetic(30, 2)
    again = truth.loc[truth.index.repeat(5)]
    guess = noisy(truth)
    assert spread(again, guess.loc[guess.index.repeat(5)], draws=20) == pytest.approx(spread(truth, guess, draws=20))


def test_spread_follows_the_seed():
    truth = synthetic(20, 2)
    first, again, other = (spread(truth, noisy(truth), draws=10, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


# --- learners -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODELS)
def learned(request, table):
    """Name of a model, and what it predicts for the crystals it did not see."""
    return request.param, predictions(table, by_crystal(table, 0.3, 0), request.param, seed=1, n_trees=40)


def test_every_model_learns(learned, table):
    guess = learned[1]
    truth = table[by_crystal(table, 0.3, 0)]
    assert guess.index.equals(truth.index)
    assert guess.columns.tolist() == [*TARGETS, *GUESSES]
    found = scores(truth, guess)
    assert found["r2_rho_e"] > 0.85 and found["r2_a_e"] > 0.85 and found["balanced_accuracy"] > 0.8, found
    assert set(guess[LABEL]) <= {4, 5, 6, 7}


def test_every_model_repeats_by_its_seed(learned, table):
    name, guess = learned
    again = predictions(table, by_crystal(table, 0.3, 0), name, seed=1, n_trees=40)
    pd.testing.assert_frame_equal(guess, again, check_exact=True)


def test_the_forest_depends_on_its_seed(table):
    test = by_crystal(table, 0.3, 0)
    first, other = (predictions(table, test, "rf", seed=seed, n_trees=5)["rho_e"] for seed in (1, 2))
    assert not first.equals(other)


def test_predictions_see_nothing_of_the_test_rows(table):
    test = by_crystal(table, 0.3, 0)
    spoiled = table.copy()
    spoiled.loc[test, [*TARGETS, LABEL]] = (9, 9, 9)
    pd.testing.assert_frame_equal(predictions(table, test, "gb", n_trees=8), predictions(spoiled, test, "gb", n_trees=8))


def test_another_model_for_the_number_of_bullets(table):
    test = by_crystal(table, 0.3, 0)
    mixed = predictions(table, test, "linear", seed=1, n_trees=20, label_model="rf")
    assert mixed[list(TARGETS)].equals(predictions(table, test, "linear")[list(TARGETS)])
    assert mixed[LABEL].equals(predictions(table, test, "rf", seed=1, n_trees=20)[LABEL])


def test_published_settings_of_the_forests():
    published = {"n_estimators": 200, "max_depth": 20, "min_samples_leaf": 10}
    assert regressor("rf").get_params().items() >= published.items()
    published = {"n_estimators": 200, "max_depth": 10, "min_samples_split": 5}
    assert classifier("rf").get_params().items() >= published.items()


@pytest.mark.parametrize("make", [regressor, classifier])
def test_an_unknown_model(make):
    with pytest.raises(KeyError, match="forest"):
        make("forest")


def test_importance_tells_what_is_used(table):
    test = by_crystal(table, 0.3, 0)
    trained = regressor("linear").fit(features(table[~test]), table.loc[~test, list(TARGETS)])
    loss = importance(trained, table[test])
    assert loss.index.tolist() == ["dense", "rough", "armed", "useless"]
    assert loss.columns.tolist() == ["rho_e", "a_e", "rho_e_sd", "a_e_sd"]
    assert loss["rho_e"].idxmax() == "dense" and loss["a_e"].idxmax() == "rough"
    assert loss.loc["dense", "rho_e"] > 0.5 and abs(loss.loc["useless"]).max() < 0.02
    assert (loss.filter(like="_sd") >= 0).all(axis=None) and loss.loc["dense", "rho_e_sd"] > 0
    pd.testing.assert_frame_equal(loss, importance(trained, table[test]))


def test_the_leak_is_told_by_the_two_splits():
    """Features that tell crystals apart but nothing about the targets: only the split by image looks good."""
    rng = np.random.default_rng(0)
    table = synthetic(60, 20)
    for name in features(table):
        table[name] = np.repeat(rng.normal(size=60), 20) + 0.02 * rng.normal(size=len(table))
    found = leak(table, seed=0, n_trees=5)
    whole = found[found["crystals"] == 60].set_index("split")[list(TARGETS)]
    assert (whole.loc["by crystal"] < 0.2).all() and (whole.loc["by image"] > 0.8).all()
    assert found["crystals"].nunique() > 2
