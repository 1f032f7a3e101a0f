"""lib.figures.cloud_fields: fields lie where they are, and lines and points show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib.datasets.cirrus_fields import CHANNELS
from lib.figures import cloud_fields


def test_rows_stand_channel_by_channel():
    rng = np.random.default_rng(0)
    rows = {"model": rng.random((2, 3, 4, 5)), "reconstructed": rng.random((2, 3, 4, 5))}
    figure = cloud_fields.field_rows(rows, ["a", "b"], np.arange(5.0), np.arange(4.0))
    panels = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    assert len(panels) == 12 and [axis.get_title() for axis in panels[:2]] == ["a", "b"]
    third_channel_reconstructed_b = panels[11].collections[0].get_array()
    np.testing.assert_allclose(np.reshape(third_channel_reconstructed_b, (4, 5)), rows["reconstructed"][1, 2])
    assert not plt.get_fignums()


def test_the_manifold_has_the_first_latent_across_the_second_up_and_the_ground_below():
    drawn = np.zeros((3, 3, 3, 2, 2))
    drawn[2, 0, 0, 1] = 0.5  # largest second latent, smallest first: the top of the cloud
    latents = np.random.default_rng(0).random((4, 5, 2))
    figure = cloud_fields.manifold(drawn, np.array([0.0, 1, 2]), np.array([10.0, 20, 30]), latents, np.arange(5))
    (image,) = figure.axes[0].images
    assert image.get_extent() == [-0.5, 2.5, 5, 35]
    mosaic = image.get_array()  # drawn from its first row, at the top
    assert mosaic[0, :2].tolist() == [0.5, 0.5] and mosaic.sum() == 1.0
    assert len(figure.axes[3].lines) == 4


def test_trajectories_have_a_row_for_each_colour():
    latents = np.random.default_rng(0).random((4, 5, 3))
    figure = cloud_fields.trajectories(latents, {"time [min]": np.ones((4, 5)), "a [1]": np.zeros((4, 5))})
    flat = [axis for axis in figure.axes if axis.name == "rectilinear" and axis.get_label() != "<colorbar>"]
    assert len(flat) == 6 and flat[0].get_ylabel() == "second latent [1]"
    assert flat[5].lines[2].get_xydata().tolist() == latents[2][:, [1, 2]].tolist()


def test_what_is_lost_is_one_less_r2():
    table = pd.DataFrame(0.9, index=[1, 16], columns=list(CHANNELS))
    figure = cloud_fields.unexplained_variance(table, table.loc[[16]] + 0.05)
    line, cross = figure.axes[2].lines
    assert line.get_xydata() == pytest.approx(np.array([[1, 0.1], [16, 0.1]])) and cross.get_ydata() == pytest.approx([0.05])


def test_information_is_ranked():
    bars = cloud_fields.information(np.array([1.0, 3.0, 2.0])).axes[0].patches
    assert [bar.get_height() for bar in bars] == [3, 2, 1]


def test_quartiles_of_groups_over_the_band_of_the_null():
    gaps = np.repeat([0.05, 0.95], 50)
    figure = cloud_fields.distance_over_null(np.linspace(0, 1, 101), gaps, np.concatenate([np.ones(50), np.full(50, 5.0)]))
    axis = figure.axes[0]
    band = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((0.05, 0.95))
    assert sorted(line.get_ydata()[0] for line in axis.lines if line.get_marker() == "o") == [1, 5]


def test_panels_of_distances_and_parameters():
    values = np.linspace(0.1, 1, 6)
    figure = cloud_fields.scatter_panels({"a": (values, values), "b": (values, values**2)}, "x [1]", "y [1]")
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    assert figure.axes[1].collections[0].get_offsets().tolist() == np.stack([values, values**2], 1).tolist()
    truth = np.random.default_rng(0).random((6, 2))
    figure = cloud_fields.parameter_estimates(truth, {"latents": truth / 2}, ["deposition_factor", "ni_cap"])
    assert figure.axes[1].lines[1].get_xydata().tolist() == np.stack([truth[:, 1], truth[:, 1] / 2], 1).tolist()
    figure = cloud_fields.r2_by_time(values, {"latents": truth}, ["a", "b"])
    assert figure.axes[1].lines[0].get_ydata().tolist() == truth[:, 1].tolist()
    table = pd.DataFrame({"all": values, "explained": values / 2})
    assert len(cloud_fields.variance_by_time(values, {"16 latents": table}).axes[0].lines) == 2


def test_structures_show_the_ensemble_and_each_curve():
    rng = np.random.default_rng(0)
    schemes, beside = ({name: rng.normal(size=(6, 2)) for name in names} for names in ("abcdefg", "uvwxyz"))
    figure = cloud_fields.scheme_trajectories(rng.normal(size=(5, 6, 2)), schemes, beside, np.arange(10.0, 70.0, 10.0))
    axis = figure.axes[0]
    assert len(axis.lines) == 5 + 2 * 13 and len(axis.lines[-1].get_xdata()) == 2
    assert [text.get_text() for text in axis.get_legend().texts] == ["bulk ensemble", *"abcdefguvwxyz"]
    drawn = axis.lines[5::2]
    assert {line.get_linestyle() for line in drawn[:7]} == {"-"} and len({line.get_color() for line in drawn[:7]}) == 7
    assert "-" not in {line.get_linestyle() for line in drawn[7:]} and {line.get_color() for line in drawn[7:]} == {"0.2"}


def test_no_way_is_lost_however_many_there_are():
    ways = [f"way {number}" for number in range(7)]
    axis = cloud_fields.distance_ratios(pd.DataFrame(1.0, ["a", "b"], ways)).axes[0]
    assert [text.get_text() for text in axis.get_legend().texts] == ways
    values = np.random.default_rng(0).random((6, 1))
    assert len(cloud_fields.parameter_estimates(values, dict.fromkeys(ways, values), ["a"]).axes[0].lines) == 1 + 7
    assert len(cloud_fields.r2_by_time(values[:, 0], dict.fromkeys(ways, values), ["a"]).axes[0].lines) == 7


def test_distances_beside_the_spread_are_points_in_rows():
    table = pd.DataFrame({"latents": [0.1, 2.0], "profiles": [0.2, 3.0]}, index=["chance", "structure"])
    axis = cloud_fields.distance_ratios(table).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["chance", "structure"]
    assert axis.lines[0].get_xdata().tolist() == [0.1, 2.0] and axis.get_xscale() == "log"
