"""Random forests whose predictions are the same to the last digit in every run.

scikit-learn adds up the predictions of trees in the order in which threads finish, and the last digits of a sum depend on it.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor


class ForestRegressor(RandomForestRegressor):
    """A forest that is trained by all threads and predicts with one."""

    def predict(self, X) -> np.ndarray:
        """Mean prediction of all trees, added up in their order."""
        return _in_order(self, super().predict, X)


class ForestClassifier(RandomForestClassifier):
    """A forest that is trained by all threads and predicts with one."""

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, added up over the trees in their order."""
        return _in_order(self, super().predict_proba, X)


def _in_order(forest, answer, rows) -> np.ndarray:
    jobs, forest.n_jobs = forest.n_jobs, 1
    try:
        return answer(rows)
    finally:
        forest.n_jobs = jobs
