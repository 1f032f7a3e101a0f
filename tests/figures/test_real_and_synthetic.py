"""lib.figures.real_and_synthetic: what is drawn is where the numbers say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib.figures import real_and_synthetic


def drawn(axis):
    """Points (n, 2) of each labelled line of an axis."""
    return {line.get_label(): line.get_xydata() for line in axis.lines if not line.get_label().startswith("_")}


def test_maps_share_the_real_points_and_their_limits():
    rng = np.random.default_rng(0)
    real, near, far = (rng.normal(size=(400, 2)) + shift for shift in (0, 0, 5))
    far[0] = 1e4  # one that lies far out must not squeeze the rest
    figure = real_and_synthetic.origin_maps(real, {"near": near, "far": far}, "real")
    for axis, points in zip(figure.axes, (near, far), strict=True):
        assert [spots.get_label() for spots in axis.collections] == ["real", "synthetic"]
        for spots, expected in zip(axis.collections, (real, points), strict=True):
            assert np.array_equal(spots.get_offsets(), expected)
        assert axis.get_xlim() == figure.axes[0].get_xlim() and axis.get_xlim()[1] < 100
    assert [axis.get_title() for axis in figure.axes] == ["near", "far"]


def test_effects_go_from_top_to_bottom():
    added = pd.DataFrame({"latents": [0.9, 0.6], "photometry": [1.0, 0.8]}, index=["none", "+ rim"])
    without = pd.DataFrame({"latents": [0.7], "photometry": [0.9]}, index=["without rim"])
    figure = real_and_synthetic.effects(added, without)
    for axis, table in zip(figure.axes, (added, without), strict=True):
        assert [text.get_text() for text in axis.get_yticklabels()] == table.index.tolist()
        assert axis.yaxis_inverted()
        for view, points in drawn(axis).items():
            assert np.array_equal(points, np.column_stack([table[view], range(len(table))]))


def test_every_try_of_a_search_is_drawn_once():
    kinds = ["start", "rim", "grain", "step", "step", "mixture"]
    history = pd.DataFrame({"try": range(6), "kind": kinds, "distance": [0.5, 0.4, 0.6, 0.2, 0.1, 0.15]})
    figure = real_and_synthetic.search(history, 0.05)
    lines = drawn(figure.axes[0])
    floor = lines.pop("other half of the real ones")
    assert (floor[:, 1] == 0.05).all()
    assert {label: points[:, 0].tolist() for label, points in lines.items()} == {
        "start": [0], "one parameter changed": [1, 2], "step of the model": [3, 4], "other crystals": [5],
    }  # fmt: skip
    everything = np.concatenate(list(lines.values()))
    assert sorted(map(tuple, everything)) == list(zip(history["try"], history.distance, strict=True))


@pytest.mark.parametrize("known", [False, True])
def test_what_moved_farthest_comes_first(known):
    before = pd.Series({"rim": 0.5, "grain": 0.2, "veil": 0.4})
    after = pd.Series({"rim": 0.45, "grain": 0.9, "veil": 0.1})
    truth = pd.Series({"rim": 0.0, "grain": 1.0, "veil": 0.3}) if known else None
    figure = real_and_synthetic.parameter_positions(before, after, truth, n=2)
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["grain", "veil"] and axis.yaxis_inverted()
    lines = drawn(axis)
    assert lines["before"].tolist() == [[0.2, 0], [0.4, 1]] and lines["after"].tolist() == [[0.9, 0], [0.1, 1]]
    assert ("truth" in lines) == known and (not known or lines["truth"].tolist() == [[1.0, 0], [0.3, 1]])


def test_accuracies_are_beside_those_of_two_real_halves():
    table = pd.DataFrame({"bare": [1.0, 0.9], "tuned": [0.7, 0.6]}, index=["latents", "pixels"])
    chance = pd.Series({"pixels": 0.5, "latents": 0.55})  # in another order
    figure = real_and_synthetic.accuracies(table, chance)
    lines = drawn(figure.axes[0])
    assert lines["two real halves"].tolist() == [[0.55, 0], [0.5, 1]]
    for name in table:
        assert (lines[name][:, 0] == table[name]).all() and (lines[name][:, 1].round() == [0, 1]).all()
    assert (lines["bare"][:, 1] != lines["tuned"][:, 1]).all()  # equal accuracies can be seen beside each other
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]


def test_no_figure_is_left_open():
    real_and_synthetic.accuracies(pd.DataFrame({"a": [1.0]}, index=["latents"]), pd.Series({"latents": 0.5}))
    assert not plt.get_fignums()
