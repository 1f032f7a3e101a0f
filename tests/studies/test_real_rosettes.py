"""Predictions for real silhouettes."""

import cv2
import numpy as np
import pytest

from lib.datasets.rosettes import Views, rosette_views, rows
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED
from lib.studies import real_rosettes


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.core.paths.CACHE", tmp_path_factory.mktemp("cache"))
        yield rosette_views(Views(140, 4, (0,), seed=3, size=96, extended=True), "synchronous").load()


def test_synthetic_pictures_given_as_real_ones_are_recognised(data):
    table = rows(data, descriptors=(*PUBLISHED, *EXTENDED))
    truth = data.rho_e.to_numpy()[:20]
    masks = [(picture > 0).astype(np.uint8) for picture in data.silhouette.to_numpy()[:20, 0, 0]]
    cut = [mask[np.ix_(mask.any(1), mask.any(0))] for mask in masks]  # as a tile: no frame of the published size is left
    padded = [np.pad(np.kron(mask, np.ones((2, 2), np.uint8)), 5) for mask in cut]  # another scale, too
    found = real_rosettes.predict_real(padded, table, size=96, n_trees=60)
    assert list(found.index) == list(range(20)) and found.inside.mean() > 0.7
    assert np.corrcoef(found.rho_e, truth)[0, 1] > 0.9


def test_what_no_rosette_looks_like_is_outside(data):
    table = rows(data, descriptors=(*PUBLISHED, *EXTENDED))
    rod = cv2.line(np.zeros((80, 210), np.uint8), (5, 5), (200, 70), 1, thickness=3)
    assert not real_rosettes.predict_real([rod], table, size=96, n_trees=5).inside[0]
    square = np.pad(np.ones((50, 50), np.uint8), 5)  # four corners: too few for an ellipse
    assert real_rosettes.predict_real([square], table, size=96, n_trees=5).empty


def test_gaps_inside_the_outline_do_not_count():
    assert not any(name.startswith(("holes", "ring", "thickness")) for name in real_rosettes.OUTLINE)
    assert {"area_ratio", "solidity", "fourier_2", "defect_1"} < set(real_rosettes.OUTLINE)


def test_outlines_have_no_holes_and_one_size():
    y, x = np.mgrid[-30:31, -30:31]
    ring = ((np.hypot(x, y) < 20) & (np.hypot(x, y) > 10)).astype(np.uint8)
    found = real_rosettes.outlines([ring, np.kron(ring, np.ones((2, 2), np.uint8)) * 4], size=64, fill=0.5)
    assert found.shape == (2, 1, 64, 64) and set(np.unique(found)) <= {0, 1, 2, 3, 4}
    disc = np.pi * 16**2
    assert found.sum(axis=(1, 2, 3)) / 4 == pytest.approx(disc, rel=0.05)  # filled, and both of diameter 32
