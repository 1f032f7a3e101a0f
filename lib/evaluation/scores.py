"""Scores of predicted `rho_e`, `a_e` and numbers of bullets, their standard errors, and what a split by picture leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import BaseCrossValidator, GroupKFold, cross_val_predict

from lib.datasets.rosettes import LABEL, TARGETS
from lib.models.tables import GUESSES, inputs, regressor


def scores(truth: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
    """The `weighted_scores` where each picture counts once."""
    return {name: float(value) for name, (value,) in weighted_scores(truth, predicted, np.ones((1, len(truth)))).items()}


def weighted_scores(truth: pd.DataFrame, predicted: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """`r2_`, `rmse_` and `mae_` of `rho_e` and `a_e`, and the `label_scores`, for each row of `weights`.

    Equal to scikit-learn's metrics with `sample_weight`, which are called once a score and row and take 200 times as long for
    100 rows of 2,800 pictures.

    Parameters
    ----------
    weights : (W, n) how often each picture counts

    Returns
    -------
    Score -> array (W,)
    """
    score: dict[str, np.ndarray] = {}
    total = weights.sum(axis=1)
    for target in TARGETS:
        true, error = truth[target].to_numpy(), predicted[target].to_numpy() - truth[target].to_numpy()
        square = weights @ error**2
        score[f"r2_{target}"] = 1 - square / (weights @ true**2 - (weights @ true) ** 2 / total)
        score[f"rmse_{target}"] = np.sqrt(square / total)
        score[f"mae_{target}"] = weights @ np.abs(error) / total
    return score | label_scores(truth, predicted, weights)


def label_scores(truth: pd.DataFrame, predicted: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of the predicted number of bullets, for each row of `weights` (W, n), as arrays (W,).

    `balanced_accuracy` is the mean recall of the numbers that there are; `precision`, `recall` and `f1` are means over them,
    weighted by how often each is there, as in Ko et al. (2025); `top3` is how often the truth is among the three
    `GUESSES`, if they were made; `mae_bullets` is the mean absolute error of the number itself.
    """
    label, total = truth[LABEL].to_numpy(), weights.sum(axis=1)
    classes = np.unique(label)
    true, guessed = label[:, None] == classes, predicted[LABEL].to_numpy()[:, None] == classes
    n_true, n_guessed, n_right = (weights @ found for found in (true, guessed, true & guessed))
    with np.errstate(invalid="ignore"):
        recall = n_right / n_true  # not a number where none of a class was drawn
    share = n_true / total[:, None]
    score = {
        "balanced_accuracy": np.nanmean(recall, axis=1),
        "precision": (share * n_right / np.maximum(n_guessed, 1)).sum(axis=1),  # 0 where a class was never guessed
        "recall": n_right.sum(axis=1) / total,
        "f1": (share * 2 * n_right / np.maximum(n_true + n_guessed, 1)).sum(axis=1),
    }
    score["mae_bullets"] = weights @ np.abs(predicted[LABEL].to_numpy() - label) / total
    if set(GUESSES) <= set(predicted):
        score["top3"] = weights @ (predicted[list(GUESSES)].to_numpy() == label[:, None]).any(axis=1) / total
    return score


def standard_errors(
    truth: pd.DataFrame,
    predicted: pd.DataFrame,
    score: Callable[[pd.DataFrame, pd.DataFrame, np.ndarray], dict[str, np.ndarray]] = weighted_scores,
    draws: int = 100,
    seed: int = 0,
) -> dict[str, float]:
    """Standard error of each score: its standard deviation over `draws` bootstrap samples of the test crystals (Efron 1979).

    Crystals are drawn rather than pictures, since pictures of one crystal are not independent.

    Parameters
    ----------
    truth : indexed by crystal, and by orientation where there are several
    score : scores of truth and prediction for each row of weights, see `weighted_scores`
    """
    _, crystal = np.unique(truth.index.get_level_values("crystal"), return_inverse=True)
    n_crystals = crystal.max() + 1
    drawn = np.random.default_rng(seed).integers(n_crystals, size=(draws, n_crystals))
    counts = np.stack([np.bincount(chosen, minlength=n_crystals) for chosen in drawn])
    found = score(truth, predicted, counts[:, crystal].astype(float))
    return {name: float(np.std(values, ddof=1)) for name, values in found.items()}


def leakage(table: pd.DataFrame, splits: Mapping[str, BaseCrossValidator], seed: int = 0, n_trees: int = 50) -> pd.DataFrame:
    """R2 of the forest in cross-validation by each of the `splits`, for few and for more crystals.

    The crystals of the table are dealt into four, two and one groups, and each group is a data set of its own.

    Returns
    -------
    DataFrame with a row for each group and split: `crystals`, `split`, `rho_e` and `a_e` (R2 over all its pictures).
    """
    crystal = table.index.get_level_values("crystal")
    order = np.random.default_rng(seed).permutation(crystal.unique())
    found = []
    for group in (part for n_groups in (4, 2, 1) for part in np.array_split(order, n_groups)):
        rows = table[crystal.isin(group)]
        for split, folds in splits.items():
            owner = rows.index.get_level_values("crystal") if isinstance(folds, GroupKFold) else None
            model = regressor("rf", seed, n_trees)
            guess = cross_val_predict(model, inputs(rows), rows[list(TARGETS)], groups=owner, cv=folds)
            found.append((len(group), split, *r2_score(rows[list(TARGETS)], guess, multioutput="raw_values")))
    return pd.DataFrame(found, columns=["crystals", "split", *TARGETS])


def importances(trained: BaseEstimator, truth: pd.DataFrame, seed: int = 0, shuffles: int = 5) -> pd.DataFrame:
    """Loss of R2 of each target when one input of the rows `truth` is shuffled: mean, and standard deviation in `*_sd`."""

    def r2(true: np.ndarray, predicted: np.ndarray, column: int) -> float:
        return r2_score(np.asarray(true)[:, column], predicted[:, column])

    scorers = {target: make_scorer(r2, column=i) for i, target in enumerate(TARGETS)}
    x, y = inputs(truth), truth[list(TARGETS)].to_numpy()
    loss = permutation_importance(trained, x, y, scoring=scorers, n_repeats=shuffles, random_state=seed)
    columns = {target: loss[target].importances_mean for target in TARGETS}
    columns |= {f"{target}_sd": loss[target].importances_std for target in TARGETS}
    return pd.DataFrame(columns, index=x.columns)
