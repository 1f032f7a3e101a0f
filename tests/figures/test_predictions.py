"""lib.figures.predictions: what is drawn is where the numbers say."""

import pandas as pd

from lib.figures import predictions


def drawn(figure):
    """Points (n, 2) of each labelled line of the first axis."""
    return {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}


def test_learning_curves_count_thousands_of_crystals():
    history = pd.DataFrame({"epoch": [0, 1], "val_loss": [0.5, 0.25]})
    assert drawn(predictions.learning_curves({"polar network": history}, 3000)) == {"polar network": [[3, 0.5], [6, 0.25]]}


def test_novelty_curves_are_in_per_cent():
    flagged = pd.DataFrame({"known": [0.0, 0.25], "odd": [0.5, 1.0]}, index=[0.125, 0.25])
    lines = drawn(predictions.novelty_curves(flagged))
    assert lines.pop("known kind, by construction") == [[12.5, 12.5], [25, 25]]
    assert lines == {"known": [[12.5, 0], [25, 25]], "odd": [[12.5, 50], [25, 100]]}


def test_coverages_stand_over_their_confidence_level():
    table = pd.DataFrame({"coverage": [0.5, 0.625, 0.75], "se": 0.125}, index=["rho_e", "a_e", "n_bullets"])
    (axis,) = predictions.coverages({0.5: table, 0.75: table}).axes
    lines = [line.get_xydata().tolist() for line in axis.lines]
    assert [[50, 50], [75, 50]] in lines and [[50, 62.5], [75, 62.5]] in lines and [[50, 75], [75, 75]] in lines


def test_scores_stand_in_the_panel_of_their_quantity():
    keys = list(predictions.SCORE_AXES)
    rows = [(*key, model, k, i + k / 8, 0.5) for i, key in enumerate(keys) for model in ("linear", "polar") for k in (1, 2)]
    rows = pd.DataFrame(rows, columns=["score", "quantity", "model", "views", "value", "se"])
    for i, axis in enumerate(predictions.scores_by_views(rows).axes):
        assert axis.lines[0].get_xydata().tolist() == [[1, i + 0.125], [2, i + 0.25]]
    for i, axis in enumerate(predictions.scores_by_learner(rows).axes):
        assert axis.lines[0].get_xdata().tolist() == [i + 0.125] * 2
