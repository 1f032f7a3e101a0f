"""Table learners: from shape descriptors to effective density, effective surface area and number of bullets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lib.datasets.rosettes import LABEL, TARGETS
from lib.models.forest import ForestClassifier, ForestRegressor

#: Columns of the likeliest number of bullets and of the next two.
GUESSES = (LABEL, f"{LABEL}_second", f"{LABEL}_third")

#: Short name -> name in figures and tables.
MODELS = {"linear": "linear", "rf": "random forest", "gb": "gradient boosting", "mlp": "MLP"}


def regressor(model: str, seed: int = 0, n_trees: int = 200) -> BaseEstimator:
    """An untrained model of `rho_e` and `a_e` together: "linear", "rf", "gb" or "mlp".

    The forest has the published settings (Ko et al. 2025: 200 trees, depth 20, leaves of 10); gradient boosting
    learns the logarithms, one target at a time, because the errors grow with the value. The multilayer perceptron has
    the published layers and learns the standardised logarithms.
    """
    boosted = HistGradientBoostingRegressor(max_iter=n_trees, learning_rate=0.06, early_stopping=False, random_state=seed)
    logarithms = make_pipeline(FunctionTransformer(np.log, np.exp), StandardScaler())
    models: dict[str, BaseEstimator] = {
        "linear": LinearRegression(),
        "rf": ForestRegressor(n_trees, max_depth=20, min_samples_leaf=10, n_jobs=-1, random_state=seed),
        "gb": TransformedTargetRegressor(MultiOutputRegressor(boosted), func=np.log, inverse_func=np.exp),
        "mlp": TransformedTargetRegressor(_standardised(MLPRegressor(**_perceptron(seed))), transformer=logarithms),
    }
    return models[model]


def classifier(model: str, seed: int = 0, n_trees: int = 200) -> BaseEstimator:
    """An untrained model of the number of bullets: "linear" (logistic), "rf" (published settings), "gb" or "mlp"."""
    models: dict[str, BaseEstimator] = {
        "linear": _standardised(LogisticRegression(max_iter=1000, tol=1e-3)),
        "rf": ForestClassifier(n_trees, max_depth=10, min_samples_split=5, n_jobs=-1, random_state=seed),
        "gb": HistGradientBoostingClassifier(max_iter=n_trees // 4, early_stopping=False, random_state=seed),
        "mlp": _standardised(MLPClassifier(**_perceptron(seed))),
    }
    return models[model]


def _standardised(model: BaseEstimator) -> BaseEstimator:
    return make_pipeline(StandardScaler(), model)


def _perceptron(seed: int) -> dict:
    """Settings of the perceptrons: published layers and rate; a tenth of the training pictures tells when to stop."""
    return {"hidden_layer_sizes": (128, 64, 32), "batch_size": 128, "early_stopping": True, "random_state": seed}


def by_crystal(table: pd.DataFrame, test_share: float, seed: int) -> np.ndarray:
    """True for the rows of the test set (n,): all pictures of a random share of the crystals."""
    crystal = table.index.get_level_values("crystal").to_numpy()
    crystals = np.random.default_rng(seed).permutation(np.unique(crystal))
    n_test = max(1, round(test_share * len(crystals)))
    return np.isin(crystal, crystals[:n_test])


def by_image(table: pd.DataFrame, test_share: float, seed: int) -> np.ndarray:
    """True for the rows of the test set (n,): a random share of the pictures, as in the published split.

    Most of their crystals are also in the training set, seen from elsewhere: scores on it are too good.
    """
    chosen = np.zeros(len(table), bool)
    order = np.random.default_rng(seed).permutation(len(table))
    chosen[order[: max(1, round(test_share * len(table)))]] = True
    return chosen


def joined(known: pd.DataFrame, asked: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows `known` and rows `asked` of other crystals as one table, and True for those asked (n,): a test set of its own."""
    return pd.concat([known, asked]), np.repeat([False, True], [len(known), len(asked)])


def features(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what is to be learned."""
    return table.drop(columns=[*TARGETS, LABEL])


def predictions(
    table: pd.DataFrame, test: np.ndarray, model: str, seed: int = 0, n_trees: int = 200, label_model: str | None = None
) -> pd.DataFrame:
    """Train on the rows outside `test` and predict `rho_e`, `a_e` and the number of bullets (`GUESSES`) of those inside.

    `model` is used for all, or `label_model` for the number of bullets.
    """
    train_x, test_x = features(table[~test]), features(table[test])
    values = regressor(model, seed, n_trees).fit(train_x, table.loc[~test, list(TARGETS)]).predict(test_x)
    labels = classifier(label_model or model, seed, n_trees).fit(train_x, table.loc[~test, LABEL])
    return answered(values, labels.predict_proba(test_x), labels.classes_).set_index(test_x.index)


def answered(values: np.ndarray, probability: np.ndarray, bullets: np.ndarray) -> pd.DataFrame:
    """What a model says as a table: `TARGETS` from `values` (n, 2), and `GUESSES`, the likeliest of K numbers of `bullets`.

    Parameters
    ----------
    probability : (n, K) of each number of bullets; with fewer than three numbers, the last guesses repeat
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    ranks = np.minimum(range(len(GUESSES)), order.shape[1] - 1)
    labels = pd.DataFrame(np.asarray(bullets)[order[:, ranks]], columns=list(GUESSES))
    return pd.concat([pd.DataFrame(values, columns=list(TARGETS)), labels], axis=1)


def scores(truth: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
    """The `weighted_scores` where each picture counts once."""
    return {name: float(value) for name, (value,) in weighted_scores(truth, predicted, np.ones((1, len(truth)))).items()}


def weighted_scores(truth: pd.DataFrame, predicted: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """`r2_`, `rmse_` and `mae_` of `rho_e` and `a_e`, and the `label_scores`, for each row of `weights`.

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
    """How well the number of bullets is told, for each row of `weights` (W, n), as arrays (W,).

    `balanced_accuracy` is the mean recall of the numbers that there are; `precision`, `recall` and `f1` are means over them,
    weighted by how often each is there, as in Ko et al. (2025); `top3` tells how often the truth is among the three
    `GUESSES`, if they were made.
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
    if set(GUESSES) <= set(predicted):
        score["top3"] = weights @ (predicted[list(GUESSES)].to_numpy() == label[:, None]).any(axis=1) / total
    return score


def spread(
    truth: pd.DataFrame,
    predicted: pd.DataFrame,
    score: Callable[[pd.DataFrame, pd.DataFrame, np.ndarray], dict[str, np.ndarray]] = weighted_scores,
    draws: int = 100,
    seed: int = 0,
) -> dict[str, float]:
    """Standard error of each score: its standard deviation when the test crystals are drawn again with replacement."""
    _, crystal = np.unique(truth.index.get_level_values("crystal"), return_inverse=True)
    n_crystals = crystal.max() + 1
    drawn = np.random.default_rng(seed).integers(n_crystals, size=(draws, n_crystals))
    counts = np.stack([np.bincount(chosen, minlength=n_crystals) for chosen in drawn])
    found = score(truth, predicted, counts[:, crystal].astype(float))
    return {name: float(np.std(values, ddof=1)) for name, values in found.items()}


def scored(truth: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
    """The `scores`, and the standard error of each under its name with `_se`."""
    return scores(truth, predicted) | {f"{name}_se": error for name, error in spread(truth, predicted).items()}


def leak(table: pd.DataFrame, seed: int = 0, n_trees: int = 50) -> pd.DataFrame:
    """R2 of the forest in five-fold tests whose folds are made of crystals or of pictures, by number of crystals.

    The crystals of the table are dealt into one, two and four groups, each of which is learned alone.

    Returns
    -------
    DataFrame with a row for each group and split: `crystals`, `split`, `rho_e` and `a_e` (R2 over all its pictures).
    """
    crystal = table.index.get_level_values("crystal")
    order = np.random.default_rng(seed).permutation(crystal.unique())
    by_crystal = GroupKFold(5, shuffle=True, random_state=seed)  # pyrefly: ignore[unexpected-keyword]
    by_image = KFold(5, shuffle=True, random_state=seed)
    found = []
    for n_groups in (4, 2, 1):
        for group in np.array_split(order, n_groups):
            rows = table[crystal.isin(group)]
            x, y, owner = features(rows), rows[list(TARGETS)], rows.index.get_level_values("crystal")
            for split, folds in (("by crystal", by_crystal.split(x, y, owner)), ("by image", by_image.split(x))):
                guess = cross_val_predict(regressor("rf", seed, n_trees), x, y, cv=list(folds))
                found.append((len(group), split, *r2_score(y, guess, multioutput="raw_values")))
    return pd.DataFrame(found, columns=["crystals", "split", *TARGETS])


def importance(trained: BaseEstimator, truth: pd.DataFrame, seed: int = 0, shuffles: int = 5) -> pd.DataFrame:
    """Loss of R2 of each target when one feature of the rows `truth` is shuffled: mean, and standard deviation in `*_sd`."""
    rng = np.random.default_rng(seed)
    test_x, targets = features(truth), truth[list(TARGETS)]
    whole = r2_score(targets, trained.predict(test_x), multioutput="raw_values")
    losses = {}
    for name in test_x:
        shuffled = [test_x.assign(**{name: rng.permutation(test_x[name])}) for _ in range(shuffles)]
        r2 = [r2_score(targets, trained.predict(x), multioutput="raw_values") for x in shuffled]
        losses[name] = [*(whole - r2).mean(axis=0), *np.std(r2, axis=0)]
    return pd.DataFrame.from_dict(losses, orient="index", columns=[*TARGETS, *(f"{target}_sd" for target in TARGETS)])
