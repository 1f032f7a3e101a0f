"""lib.evaluation.field_scores: scores of known reconstructions and of known dependence."""

import numpy as np
import pytest

from lib.datasets.cirrus_fields import Scaling
from lib.evaluation.field_scores import channel_r2, variance_explained


def test_r2_is_one_for_the_truth_and_zero_for_the_mean():
    values = np.random.default_rng(1).normal(size=(5, 3, 8, 8))
    standard = Scaling.fit(values).transform(values)
    assert channel_r2(standard, standard).tolist() == [1, 1, 1]
    assert channel_r2(standard, np.zeros_like(standard)).tolist() == [0, 0, 0]
    half = standard * [[[1]], [[0.5]], [[0]]]
    assert channel_r2(standard, half).tolist() == pytest.approx([1, 0.75, 0])


def test_a_channel_explains_what_follows_from_it():
    other, noise = np.random.default_rng(0).normal(size=(2, 50, 40, 40)).astype(np.float32)
    assert variance_explained(other**2, other) > 0.95 and variance_explained(noise, other) < 0.01
    assert variance_explained(other + noise, other) == pytest.approx(0.5, abs=0.02)


@pytest.mark.filterwarnings("error")
def test_fields_without_ice_have_no_score():
    none = np.full((4, 3, 8, 8), -8.0, np.float32)
    standard = Scaling.fit(none).transform(none)
    assert (standard == 0).all() and standard.dtype == np.float32
    assert channel_r2(standard, standard).isna().all()
    assert np.isnan(variance_explained(none[:, 0], none[:, 1])) and np.isnan(variance_explained(none[:0], none[:0]))
