"""lib.figures.scenes: what is drawn stands under its name and number."""

import numpy as np
import pandas as pd
import torch

from lib.figures import scenes


def test_each_row_has_its_picture_the_truth_and_the_methods(monkeypatch):
    monkeypatch.setattr(scenes, "voxel_picture", lambda filled: filled.sum(axis=0))
    pictures, true = torch.zeros(2, 4, 4), torch.ones(3, 4, 4, 4)
    found = {("R2N2", 1): 2 * true, ("R2N2", 2): 3 * true}
    scored = {key: pd.DataFrame({"iou": [0.125, value, 0.9]}) for key, value in zip(found, (0.5, 0.756), strict=True)}
    figure = scenes.reconstructions(pictures, true, found, scored)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:4] == ["picture", "truth", "R2N2, 1 view\nIoU 0.12", "R2N2, 2 views\nIoU 0.12"]
    assert titles[4:] == ["picture", "truth", "R2N2, 1 view\nIoU 0.50", "R2N2, 2 views\nIoU 0.76"]
    assert [np.asarray(axis.images[0].get_array()).max() for axis in figure.axes] == [0, 4, 8, 12] * 2


def test_views_are_named_where_fits_are_compared():
    table = pd.DataFrame({"views": [1, 2, 2], "agreement": [0.9, 0.8, 0.7], "iou": [0.2, 0.4, 0.6]})
    figure = scenes.agreement(table)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["1 view", "2 views"]
