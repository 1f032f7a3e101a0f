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
