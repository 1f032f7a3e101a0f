"""lib.figures.scenes: what is drawn stands under its name and number."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from lib.figures import scenes


def test_each_row_has_its_picture_the_truth_and_the_methods(monkeypatch):
    monkeypatch.setattr(scenes, "voxel_picture", lambda filled: filled.sum(axis=0))
    pictures, true = torch.zeros(2, 4, 4), torch.ones(3, 4, 4, 4)
    shapes = {"R2N2, 1 view": (2 * true, [0.125, 0.5]), "R2N2, 2 views": (3 * true, [0.125, 0.756])}
    figure = scenes.reconstructions(pictures, true, shapes)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:4] == ["picture", "truth", "R2N2, 1 view\nIoU 0.12", "R2N2, 2 views\nIoU 0.12"]
    assert titles[4:] == ["picture", "truth", "R2N2, 1 view\nIoU 0.50", "R2N2, 2 views\nIoU 0.76"]
    assert [np.asarray(axis.images[0].get_array()).max() for axis in figure.axes] == [0, 4, 8, 12] * 2


def test_views_are_named_where_fits_are_compared():
    table = pd.DataFrame({"views": [1, 2, 2], "agreement": [0.9, 0.8, 0.7], "iou": [0.2, 0.4, 0.6]})
    figure = scenes.agreement(table)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["1 view", "2 views"]


def test_the_surface_of_a_box_lies_where_its_voxels_end():
    box = np.zeros((16, 16, 16))
    box[4:8, 4:12, 2:14] = 1.0  # z, y, x
    mesh = scenes.isosurface(box, 0.5)
    assert mesh.bounds == pytest.approx((-0.75, 0.75, -0.5, 0.5, -0.5, 0.0), abs=0.01)
    assert mesh.is_manifold and mesh.volume == pytest.approx(1.5 * 1.0 * 0.5, rel=0.06)
    assert scenes.isosurface(box, 1.0).n_points == 0


def test_a_grid_holds_all_shapes(tmp_path, monkeypatch):
    kept = {}
    monkeypatch.setattr(scenes, "export", lambda scene, path: kept.update({path: scene}))
    scenes.write_grid([scenes.pv.Cube() for _ in range(7)], tmp_path / "scene.html", columns=5)
    bounds = kept[tmp_path / "scene.html"].bounds
    assert bounds[1] - bounds[0] == pytest.approx(4 * 1.5 + 1, abs=0.01) and bounds[3] - bounds[2] == pytest.approx(2.5, abs=0.01)
    side = 2 * kept[tmp_path / "scene.html"].camera.parallel_scale
    assert 2.5 < side < 5 * 1.5  # so all are seen, and large


def test_a_grid_fills_its_picture(tmp_path):
    scenes.write_grid([scenes.pv.Cube() for _ in range(21)], tmp_path / "scene.html")
    drawn = cv2.imread(str(tmp_path / "scene.png"), cv2.IMREAD_GRAYSCALE) < 250
    rows, columns = drawn.any(axis=1).nonzero()[0], drawn.any(axis=0).nonzero()[0]
    assert 0 < columns[0] < 0.1 * drawn.shape[1] and 0.9 * drawn.shape[1] < columns[-1] < drawn.shape[1] - 1
    assert 0 < rows[0] and np.ptp(rows) > 0.5 * drawn.shape[0]
