"""lib.figures.posterior: what is drawn stands where its numbers say."""

import numpy as np
import pandas as pd
import pytest

from lib.figures import posterior as figures


def test_log_scores_have_a_line_for_each_model():
    rows = pd.DataFrame({"model": ["a", "a", "b", "b"], "n_views": [2, 1, 1, 2], "value": [3.0, 2.0, 1.0, 1.5], "se": 0.1})
    axis = figures.log_scores(rows, {"a": "first", "b": "second"}).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["first", "second"]
    assert axis.containers[0][0].get_xydata().tolist() == [[1, 2], [2, 3]]


def test_ranks_and_levels_are_counted():
    ranks = {"rho_e": np.arange(100), "n_bullets": np.zeros(100, int)}
    figure = figures.calibration(ranks, {"1 view": np.full(10, 0.25)}, n_draws=99, bins=10)
    heights = [[bar.get_height() for bar in axis.patches[1:]] for axis in figure.axes[:2]]
    assert heights == [[10] * 10, [100] + [0] * 9]
    coverage = figure.axes[2].lines[1].get_xydata()
    assert coverage[coverage[:, 0] < 0.24, 1].max() == 0 and coverage[-1].tolist() == [1, 1]


def test_draws_of_each_crystal_are_beside_its_truth():
    draws = np.zeros((2, 5, 3)) + [np.log(0.1), np.log(2), 6]
    true = np.array([[np.log(0.2), np.log(3), 7.0]] * 2)
    above, _, below, _ = figures.joint_densities({"1 view": draws, "2 views": draws}, true).axes
    assert above.lines[0].get_xydata() == pytest.approx(np.array([[0.1, 2]] * 5))
    assert above.lines[-1].get_xydata() == pytest.approx(np.array([[0.2, 3]]))
    assert [bar.get_height() for bar in below.patches] == [1, 1]


def test_modes_are_dots_as_large_as_their_weight():
    table = pd.DataFrame({"iou": [0.2, 0.8], "iou_mirrored_truth": [0.7, 0.1], "weight": [0.25, 0.75], "n_bullets": [5, 6]})
    (axis,) = figures.modes([table]).axes
    dots = axis.collections
    assert [dot.get_offsets().tolist() for dot in dots] == [[[0.2, 0.7]], [[0.8, 0.1]]]
    assert dots[0].get_sizes()[0] < dots[1].get_sizes()[0]
