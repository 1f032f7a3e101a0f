"""lib.figures.confusion: shares of the rows, and how many."""

import numpy as np

from lib.figures.confusion import confusion

TRUTH = np.array(["a"] * 4 + ["b"] * 2)
PREDICTED = {"one": TRUTH, "two": np.array(["a", "a", "a", "b", "b", "b"])}


def cells(figure):
    return [text.get_text() for text in figure.axes[1].texts]


def test_shares_are_of_the_rows():
    figure = confusion(TRUTH, PREDICTED)
    assert cells(figure) == ["75", "25", "0", "100"]
    assert [axis.get_title() for axis in figure.axes] == ["one\nbalanced accuracy 1.00", "two\nbalanced accuracy 0.88"]


def test_counts_stand_below_the_shares():
    assert cells(confusion(TRUTH, PREDICTED, counts=True)) == ["75.0 %\n(3)", "25.0 %\n(1)", "0.0 %\n(0)", "100.0 %\n(2)"]
