"""lib.models.forest: the same digits whatever the threads do, and the forests of scikit-learn otherwise."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from lib.models.forest import ForestClassifier, ForestRegressor

RNG = np.random.default_rng(0)
X, VALUES, LABELS = RNG.random((400, 6)), RNG.random((400, 2)), RNG.integers(0, 4, 400)


@pytest.mark.parametrize(
    ("kind", "plain", "answer", "truth"),
    [
        (ForestRegressor, RandomForestRegressor, "predict", VALUES),
        (ForestClassifier, RandomForestClassifier, "predict_proba", LABELS),
    ],
)
def test_answers_are_added_up_in_the_order_of_the_trees(kind, plain, answer, truth):
    ours = clone(kind(60, max_depth=4, n_jobs=8, random_state=0)).fit(X, truth)
    theirs = plain(60, max_depth=4, n_jobs=8, random_state=0).fit(X, truth)
    found = getattr(ours, answer)(X)
    in_order = sum(getattr(tree, answer)(X) for tree in ours.estimators_)
    assert (found == in_order / 60).all() and ours.n_jobs == 8
    np.testing.assert_allclose(found, getattr(theirs, answer)(X), rtol=1e-12)
