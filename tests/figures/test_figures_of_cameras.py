"""lib.figures.cameras: what the figures of many cameras show."""

import numpy as np
import pandas as pd
import pytest

from lib.figures import cameras
from lib.imaging.draw.cameras import lebedev_cameras


def test_cameras_that_look_from_below_are_drawn_on_the_other_side():
    above = lebedev_cameras(7)
    axes = cameras.directions({"above": above, "below": -above}).axes
    first, second = (axis.collections[0].get_offsets() for axis in axes)
    inside = np.abs(above[:, 2, 2]) > 1e-9  # on the rim both ends of a direction are far apart
    assert np.asarray(second)[inside] == pytest.approx(np.asarray(first)[inside])


def test_errors_have_a_line_and_open_marks_for_each_model():
    placed = [("random", 1), ("random", 2), ("lebedev", 3)]
    rows = pd.DataFrame(
        [
            {"score": score, "quantity": quantity, "model": model, "placed": how, "n_views": n, "value": 1 / n, "se": 0.1}
            for score, quantity in cameras.ERRORS
            for model in ("polar", "visual_hull")
            for how, n in placed
        ]
    )
    figure = cameras.errors_by_views(rows, {"polar": "network", "visual_hull": "hull"})
    for axis in figure.axes:
        assert [list(line[0].get_xdata()) for line in axis.containers] == [[1, 2], [3]] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["network", "hull"]


def test_excess_of_the_fitted_mass_is_in_per_cent():
    shares = pd.DataFrame({"n_views": [1, 1, 3, 3], "share": [0.9, 0.95, 0.97, 0.99]})
    relations = pd.DataFrame({"ratio": [1, 1.2, 1.05], "ratio_se": [0, 0.01, 0.01]}, [0, 1, 3])
    drawn = cameras.sizes(shares, relations).axes[1].containers[0][0]
    assert drawn.get_ydata() == pytest.approx([20, 5])
