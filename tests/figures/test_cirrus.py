"""lib.figures.cirrus: every figure has what a reader needs, and shows what it was given."""

import numpy as np
import pandas as pd
import pytest

from lib.cirrus.cm1.reader import open_ensemble
from lib.cirrus.schema import VARIABLES, ice_fields, weighted_means
from lib.figures import cirrus
from lib.studies.ensemble_ice import ice_remark


def ice(n_members=3, seed=0):
    """Random ice in the schema, with an empty corner."""
    rng = np.random.default_rng(seed)
    shape = (n_members, 4, 16, 12)
    q_i = rng.lognormal(np.log(1e-5), 1, shape)
    q_i[..., :4, :4] = 0
    n_i = np.where(q_i > 0, 1e4, 0)
    fields = {"q_i": q_i, "n_i": n_i, "m_i": np.divide(q_i, n_i, out=np.zeros(shape), where=n_i > 0)}
    fields |= {"v_m": 0.4 * (q_i > 0), "rho_i": 400.0 * (q_i > 0), "q_i_total": q_i}
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


def of_a_folder(ensemble):
    """The figures that notebook 31 draws of a folder of CM1 runs, made into pictures so that what only shows then shows."""
    middle = ensemble.isel(member=0, time=[ensemble.sizes["time"] // 2, -1])
    last = weighted_means(ensemble.isel(time=-1), "x")
    columns = {f"{ice.time.item() / 60:g} min": ice for ice in (middle.isel(time=k) for k in (0, 1))}
    lines = {f"member {k}": last.isel(member=k) for k in {0, ensemble.sizes["member"] - 1}}
    figures = cirrus.fields(columns), cirrus.profiles(lines, last, "all members")
    for figure in figures:
        figure.canvas.draw()
    return figures


def notes(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def some(ice, where, factor):
    """Ice with all variables scaled as a cloud with another mass would have them: nothing where the factor is 0."""
    mass = (ice.q_i * factor).where(where, ice.q_i)
    there = mass > 0
    return ice.assign({name: ice[name].where(there, 0) for name in ice}).assign(q_i=mass, q_i_total=mass)


EVERYWHERE = True


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("make", "in_fields", "in_profiles"),
    [
        (lambda ice: some(ice, EVERYWHERE, 0), 8 * ["no ice"], 4 * ["no ice"]),
        (lambda ice: some(ice, EVERYWHERE, 1e-4), 2 * 3 * ["too little ice"], 2 * ["too little ice"]),
        (lambda ice: some(ice, ice.member == 0, 0), 8 * ["no ice"], []),
        (lambda ice: some(ice, ice.member == 1, 0), [], []),
        (lambda ice: some(ice, ice.z > 7100, 0), [], []),
        (lambda ice: some(ice, (ice.z > 7050) & (ice.z < 7600), 0), [], []),  # two layers
        (lambda ice: ice.isel(member=[0]), [], []),
        (lambda ice: ice.isel(time=[2]), [], []),
        (lambda ice: ice.isel(z=[5]), [], []),
        (lambda ice: ice.isel(x=[5]), [], []),
        (lambda ice: some(ice, EVERYWHERE, 0).isel(member=[0], time=[0], z=[0], x=[0]), 4 * ["no ice"], 4 * ["no ice"]),
        (lambda ice: ice.where(ice.member > 0), 8 * ["not in the files"], []),  # a member that has not these times
        (lambda ice: ice[["q_i", "q_i_total"]], [], []),
        (lambda ice: ice.isel(z=slice(None, None, -1)), [], []),
    ],
    ids=["none", "little", "first none", "second none", "low", "two layers", "one member", "one time", "one height", "one column",
         "one of all", "unknown", "mass alone", "downwards"],
)  # fmt: skip
def test_every_folder_gives_figures_that_say_why_a_panel_is_empty(make, in_fields, in_profiles):
    made = make(ice())
    fields, profiles = of_a_folder(made)
    assert notes(fields) == in_fields and notes(profiles) == in_profiles
    assert all(axis.get_xlim()[0] < axis.get_xlim()[1] for axis in profiles.axes)
    assert not any(tick.get_text() for axis in profiles.axes for tick in axis.get_xticklabels(minor=True))  # they would overlap


def test_a_band_does_not_bridge_two_layers_and_a_level_by_itself_is_a_dot():
    layers = some(ice(), ~ice().z.isin([7050, 7400, 7450, 7500]), 0)
    _, figure = of_a_folder(layers)
    axis = figure.axes[2]  # fall speed
    spans = [(path.vertices[:, 1].min(), path.vertices[:, 1].max()) for path in axis.collections[0].get_paths()]
    assert spans == [(7.05, 7.05), (7.4, 7.5)]
    dots = [line for line in axis.lines if line.get_marker() == "."]
    assert [line.get_ydata().tolist() for line in dots] == [[7.05], [7.05]]


def test_all_ice_has_a_row_where_it_is_not_all_cloud_ice():
    snow = ice().assign(q_i_total=10 * ice().q_i)
    fields, profiles = of_a_folder(snow)
    assert len([axis for axis in fields.axes if axis.collections]) == 5 * 2 + 5
    assert sum("all ice" in label for label in labels(profiles)) == 1
    drawn = profiles.axes[1].lines[0].get_xdata() / profiles.axes[0].lines[0].get_xdata()
    np.testing.assert_allclose(drawn, 10)
    unknown = snow.assign(q_i_total=snow.q_i_total * np.nan)
    assert notes(of_a_folder(unknown)[0]) == 2 * ["not in the files"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("case", "sentence", "in_profiles"),
    [
        ("40-warm", "Members with ice: 0 of 1. Without ice: m0.", 4 * ["no ice"]),
        ("40b-subvisual", "Members with ice: 2 of 2. With less than 0.1 mg kg⁻¹ of cloud ice everywhere", 2 * ["too little ice"]),
    ],
)
def test_runs_with_little_or_no_ice_draw_honest_figures(case, sentence, in_profiles, shared_cases):
    ensemble = open_ensemble(shared_cases / "cm1" / case).load()
    assert ice_remark(ensemble.isel(time=-1)).startswith(sentence)
    assert notes(of_a_folder(ensemble)[1]) == in_profiles
