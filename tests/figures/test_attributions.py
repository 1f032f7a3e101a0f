"""lib.figures.attributions: what the figures of attributions show."""

import numpy as np
import pandas as pd
import pytest

from lib.figures import attributions as figures

QUANTITIES = ("rho_e", "a_e", "n_bullets")


def test_every_region_has_its_colour():
    regions = np.arange(3).repeat(3).reshape(1, 3, 3)
    figure = figures.parts(np.zeros((1, 3, 3)), regions, ["tip", "side", "background"])
    shown = figure.axes[1].images[0]
    colours = shown.cmap(shown.norm(shown.get_array()))[:, 0]
    patches = figure.legends[0].get_patches()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["tip", "side", "background"]
    assert colours == pytest.approx(np.array([patch.get_facecolor() for patch in patches]))


def test_red_raises_and_blue_lowers():
    image = np.zeros((1, 4, 4))
    image[0, 0, 0], image[0, 3, 3] = 2, -2
    picture = np.zeros((1, 4, 4))
    picture[0, 1:3, 1:3] = 1
    shown = figures.maps(picture, {"n": image}).axes[0].images[0]
    high, low = shown.cmap(shown.norm([2.0, -2.0]))
    assert high[0] > high[2] and low[2] > low[0]
    assert figures.maps(picture, {"n": 0 * image}).axes[0].images[0].get_clim() == (-1, 1)  # a map of nothing


def test_densities_stand_at_their_regions():
    rows = pd.DataFrame(
        [
            {"quantity": quantity, "data": region, "model": model, "value": 1 + i, "se": 0.1}
            for quantity in QUANTITIES
            for i, region in enumerate(("tip", "side"))
            for model in ("ig", "edges")
        ]
    )
    figure = figures.densities(rows, {"ig": "integrated", "edges": "edges"}, {"side": "sides", "tip": "tips"})
    for axis in figure.axes:
        assert [text.get_text() for text in axis.get_xticklabels()] == ["sides", "tips"]
        assert [list(bars[0].get_ydata()) for bars in axis.containers] == [[2, 1], [2, 1]]


def test_deletion_is_above_insertion():
    shares, distance = np.array([0, 0.1, 0.3]), np.array([[0, 1, 2], [0, 3, 4]])
    curves = {quantity: {"ig": (distance, distance[:, ::-1])} for quantity in QUANTITIES}
    figure = figures.exchange(shares, curves, {"ig": "integrated"})
    top, bottom = figure.axes[0].lines[0], figure.axes[3].lines[0]
    assert list(top.get_xdata()) == [0, 10, 30]
    assert list(top.get_ydata()) == [0, 2, 3] and list(bottom.get_ydata()) == [3, 2, 0]
