"""lib.figures.latent_space: pictures lie where their latents say, and borders where two centres are equally near."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.figures import latent_space


def test_the_manifold_has_the_first_latent_across_and_the_second_up():
    pictures = np.zeros((3, 3, 2, 2))
    pictures[2, 0] = 0.5  # largest second latent, smallest first
    pictures[0, 2] = 1.0
    figure = latent_space.manifolds({"a": (pictures, np.array([0.0, 1.0, 2.0]), np.array([10.0, 20.0, 30.0]))})
    (image,) = figure.axes[0].images
    assert image.get_extent() == [-0.5, 2.5, 5, 35]
    mosaic = image.get_array()  # drawn from its first row, at the top
    assert mosaic[0, 0] == 0.5 and mosaic[-1, -1] == 1.0 and mosaic.sum() == 4 * 1.5


def test_borders_lie_half_way_between_centres():
    points = np.random.default_rng(0).normal(size=(50, 2))
    labels = np.where(points[:, 0] > 0, "right", "left")
    centres = np.array([[-1.0, 0.0], [2.0, 0.0]])
    figure = latent_space.groupings(points, {"true": labels, "found": labels}, centres)
    for axis in figure.axes:
        (border,) = (c for c in axis.collections if c.get_linestyle() and c.get_array() is not None and len(c.get_paths()) == 1)
        assert border.get_paths()[0].vertices[:, 0] == pytest.approx(0.5, abs=0.02)
        assert np.ptp(axis.get_xlim()) == pytest.approx(np.ptp(axis.get_ylim()))


def test_orbits_are_closed_and_no_figure_is_left_open():
    copies = np.random.default_rng(1).normal(size=(2, 5, 2))
    figure = latent_space.orbits({"plain": (copies.reshape(-1, 2), copies)}, ("all", "one"))
    lines = [line.get_xydata() for line in figure.axes[0].lines]
    assert len(lines) == 2 and all(len(line) == 6 and np.array_equal(line[0], line[-1]) for line in lines)
    assert not plt.get_fignums()
