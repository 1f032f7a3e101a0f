"""Table learners: from shape descriptors to effective density, effective surface area and number of bullets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lib.datasets.rosettes import LABEL, TARGETS
from lib.models.forest import ForestClassifier, ForestRegressor

#: Columns of the likeliest number of bullets and of the next two.
GUESSES = (LABEL, f"{LABEL}_second", f"{LABEL}_third")

#: Names of the learners.
LEARNERS = ("linear", "rf", "gb", "mlp")


def regressor(model: str, seed: int = 0, n_trees: int = 200) -> BaseEstimator:
    """An untrained model of `rho_e` and `a_e` together: "linear", "rf", "gb" or "mlp".

    The forest has the published settings (Ko et al. 2025: 200 trees, depth 20, leaves of 10). Gradient boosting learns the
    logarithms, one target at a time, because the errors grow with the value; the fewer steps it has, the larger they are. The
    multilayer perceptron has the published layers and learns the standardised logarithms.
    """
    rate = min(12 / n_trees, 0.3)
    boosted = HistGradientBoostingRegressor(max_iter=n_trees, learning_rate=rate, early_stopping=False, random_state=seed)
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


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that a learner gets: all but the targets and the number of bullets."""
    return table.drop(columns=[*TARGETS, LABEL])


@dataclass(frozen=True)
class Learner:
    """A model of `values` (`rho_e` and `a_e`) and one of `labels` (the number of bullets) that learn from the same rows."""

    values: BaseEstimator
    labels: BaseEstimator

    def fit(self, train: pd.DataFrame) -> Learner:
        """Train both on the rows `train`."""
        self.values.fit(inputs(train), train[list(TARGETS)])
        self.labels.fit(inputs(train), train[LABEL])
        return self

    def predict(self, test: pd.DataFrame) -> pd.DataFrame:
        """Predicted `rho_e`, `a_e` and number of bullets (`GUESSES`) of the rows `test`."""
        x = inputs(test)
        table = prediction_table(self.values.predict(x), self.labels.predict_proba(x), self.labels.classes_)
        return table.set_index(test.index)


def learner(model: str, seed: int = 0, n_trees: int = 200, label_model: str | None = None) -> Learner:
    """An untrained learner; `model` is used for all, or `label_model` for the number of bullets."""
    return Learner(regressor(model, seed, n_trees), classifier(label_model or model, seed, n_trees))


def prediction_table(values: np.ndarray, probability: np.ndarray, bullets: np.ndarray) -> pd.DataFrame:
    """Predictions as a table: `TARGETS` from `values` (n, 2), and `GUESSES`, the likeliest of K numbers of `bullets`.

    Parameters
    ----------
    probability : (n, K) of each number of bullets; with fewer than three numbers, the last guesses repeat
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    ranks = np.minimum(range(len(GUESSES)), order.shape[1] - 1)
    labels = pd.DataFrame(np.asarray(bullets)[order[:, ranks]], columns=list(GUESSES))
    return pd.concat([pd.DataFrame(values, columns=list(TARGETS)), labels], axis=1)
