"""lib.figures.cirrus: every figure has what a reader needs, and shows what it was given."""

import numpy as np
import pandas as pd
import pytest

from lib.cirrus.schema import VARIABLES, ice_fields, weighted_means
from lib.figures import cirrus


def ice(n_members=3, seed=0):
    """Random ice in the schema, with an empty corner."""
    rng = np.random.default_rng(seed)
    shape = (n_members, 4, 16, 12)
    q_i = rng.lognormal(np.log(1e-5), 1, shape)
    q_i[..., :4, :4] = 0
    n_i = np.where(q_i > 0, 1e4, 0)
    fields = {"q_i": q_i, "n_i": n_i, "m_i": np.divide(q_i, n_i, out=np.zeros(shape), where=n_i > 0)}
    fields |= {"v_m": 0.4 * (q_i > 0), "rho_i": 400.0 * (q_i > 0)}
    place = (range(n_members), 300.0 * np.arange(4), 7000 + 50 * np.arange(16), 100 * np.arange(12))
    data = ice_fields({name: fields[name] for name in VARIABLES}, *place)
    return data.assign_coords(n_inp=("member", [3e4, 1e5, 5e5][:n_members]))


def labels(figure):
    """All labels of axes that are seen."""
    return [text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel()) if text]


def test_fields_have_one_scale_a_variable_and_leave_out_where_no_ice_is():
    columns = {name: ice().isel(member=0, time=k) for k, name in enumerate(("one", "two"))}
    figure = cirrus.fields(columns)
    assert sum("[" in text for text in labels(figure)) >= 4 + 2 + 4
    images = [axis.collections[0] for axis in figure.axes if axis.collections]
    first, second = images[0], images[1]
    assert first.norm.vmin == second.norm.vmin and first.norm.vmax == second.norm.vmax
    drawn = np.ma.masked_invalid(first.get_array().reshape(16, 12))
    assert drawn.mask[:4, :4].all() and not drawn.mask[4:].any()
    assert np.allclose(drawn[8], 1e6 * columns["one"].q_i[8])


def test_profiles_show_lines_and_a_band():
    means = weighted_means(ice(), "x").isel(time=-1)
    figure = cirrus.profiles({"a": means.isel(member=0), "b": means.isel(member=1)}, means, "all")
    assert len(figure.axes) == 4 and all(len(axis.lines) == 2 and axis.collections for axis in figure.axes)
    assert [text.get_text() for text in figure.legends[0].texts] == ["all", "a", "b"]
    assert np.allclose(figure.axes[2].lines[0].get_xdata(), means.isel(member=0).v_m, equal_nan=True)


def test_variables_that_are_lacking_are_left_out():
    few = ice()[["q_i", "rho_i"]]
    assert len([axis for axis in cirrus.fields({"one": few.isel(member=0, time=1)}).axes if axis.collections]) == 2 * 2
    means = weighted_means(few, "x").isel(time=-1)
    assert len(cirrus.profiles({"a": means.isel(member=0)}, means, "all").axes) == 2


def test_courses_have_a_line_a_member():
    figure = cirrus.courses(weighted_means(ice(), ("z", "x")), "n_inp", "nuclei [kg-1]")
    assert [len(axis.lines) for axis in figure.axes[:4]] == [3] * 4
    assert "nuclei [kg-1]" in labels(figure)


def test_growth_shows_each_quantity_of_each_curve():
    curve = {"length": np.arange(5.0), "density": np.full(5, 500.0), "speed": np.linspace(0, 1, 5)}
    figure = cirrus.growth(np.arange(5.0), {"one": curve, "two": curve})
    assert len(labels(figure)) == 6 and all(len(axis.lines) == 2 for axis in figure.axes)


def test_sounding_centres_the_colours_of_the_updraught():
    stream = np.zeros((13, 17))
    stream[5, 8] = 100.0
    figure = cirrus.sounding(np.linspace(243, 222, 16), np.ones(16), stream, np.full(16, 0.5))
    image = next(item for item in figure.axes[2].collections if item.get_array() is not None and item.get_array().size == 12 * 17)
    assert image.norm.vmin == -image.norm.vmax == pytest.approx(-100 / 100 / 0.5)


def test_structural_distances_are_points_by_scheme():
    table = pd.DataFrame({"bins": [0.1, 0.2], "lagrangian": [1.0, 2.0]}, index=["q_i", "n_i"])
    figure = cirrus.structural(table)
    points = np.concatenate([item.get_offsets()[:, 0] for item in figure.axes[0].collections])
    assert sorted(np.round(points[points > 0], 6)) == [0.1, 0.2, 1.0, 2.0]


def test_a_film_needs_no_network():
    page = cirrus.film({"one": ice().isel(member=0), "two": ice(seed=1).isel(member=0)}).data
    assert page.count("data:image/png;base64") == 4
    assert "<script src=" not in page and "<link" not in page and "https://" not in page
