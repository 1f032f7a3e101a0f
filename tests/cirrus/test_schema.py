"""lib.cirrus.schema: what every source of cloud ice is turned into."""

import numpy as np
import pytest

from lib.cirrus.schema import (
    DIMENSIONS,
    VARIABLES,
    distance_over_spread,
    ice_fields,
    mean_mass,
    weighted_means,
    with_widths,
    zero_below,
)


def test_variables_have_units_and_names_and_axes_are_told_apart():
    fields = {name: np.zeros((2, 3, 4, 5)) for name in VARIABLES}
    ice = ice_fields(fields, ["a", "b"], [0, 1, 2], np.arange(4), np.arange(5), source="a test")
    assert ice.q_i.dims == DIMENSIONS
    units = {"q_i": "kg kg-1", "n_i": "kg-1", "m_i": "kg", "v_m": "m s-1", "rho_i": "kg m-3"} | {"q_i_total": "kg kg-1"}
    assert {name: ice[name].units for name in ice} == units
    assert ice.q_i.standard_name == "cloud_ice_mixing_ratio" and "all ice" in ice.q_i_total.long_name
    assert all(ice[name].long_name for name in [*ice, *DIMENSIONS])
    assert (ice.z.axis, ice.z.positive, ice.x.axis, ice.time.axis, ice.time.units) == ("Z", "up", "X", "T", "s")
    assert ice.Conventions == "CF-1.8" and ice.source == "a test"


def test_mass_is_mixing_ratio_over_number():
    q_i = np.array([2e-5, 0.0, 1e-6, np.nan], np.float32)
    n_i = np.array([1e5, 0.0, 0.0, np.nan], np.float32)
    np.testing.assert_allclose(mean_mass(q_i, n_i), [2e-10, 0, np.nan, np.nan], rtol=1e-6)
    assert mean_mass(q_i, n_i).dtype == np.float32


def test_traces_are_taken_for_no_ice_at_all():
    q_i, v_m, unknown = zero_below(np.array([1e-6, 1e-10, np.nan]), 1e-9, np.array([0.5, 2.3, np.nan]), np.full(3, np.nan))
    np.testing.assert_array_equal(q_i, [1e-6, 0, np.nan])
    np.testing.assert_array_equal(v_m, [0.5, 0, np.nan])
    assert np.isnan(unknown).all()


@pytest.mark.parametrize("fields", [{"qi": np.zeros((1, 1, 1, 1))}, {"q_i": np.zeros((1, 1, 1, 2))}])
def test_what_does_not_fit_is_refused(fields):
    with pytest.raises(ValueError, match=r"qi is no variable of the schema|q_i has shape \(1, 1, 1, 2\)"):
        ice_fields(fields, [0], [0], [0], [0])


def some_ice():
    """Two members, two levels, two cells; one cell without ice."""
    q_i = np.array([[[[1e-5, 3e-5], [0.0, 2e-5]]], [[[3e-5, 3e-5], [2e-5, 2e-5]]]])
    n_i = np.where(q_i > 0, 1e5, 0)
    v_m, rho_i = np.where(q_i > 2.5e-5, 1.0, 0.5) * (q_i > 0), np.where(q_i > 0, 400.0, 0)
    fields = {"q_i": q_i, "n_i": n_i, "m_i": mean_mass(q_i, n_i), "v_m": v_m, "rho_i": rho_i}
    return ice_fields(fields, [0, 1], [0], [7000, 7050], [50, 150])


def test_wide_cells_count_more():
    ice = with_widths(some_ice(), np.array([50.0, 150.0]), np.array([100.0, 300.0]))
    along_x = weighted_means(ice, "x").isel(member=0, time=0)
    np.testing.assert_allclose(along_x.q_i, [(1e-5 + 3 * 3e-5) / 4, 3 * 2e-5 / 4])
    np.testing.assert_allclose(along_x.v_m, [(1e-5 * 0.5 + 9e-5) / 10e-5, 0.5])
    slab = weighted_means(ice, ("z", "x")).isel(member=0, time=0)
    np.testing.assert_allclose(slab.q_i, (10e-5 + 3 * 6e-5) / 16)
    np.testing.assert_allclose(weighted_means(ice, ("time", "z", "x")).q_i[0], slab.q_i)


def test_averages_are_weighted_by_mass():
    means = weighted_means(some_ice(), "x").isel(member=0, time=0)
    np.testing.assert_allclose(means.q_i, [2e-5, 1e-5])
    np.testing.assert_allclose(means.n_i, [1e5, 5e4])
    np.testing.assert_allclose(means.m_i, [2e-10, 2e-10])
    np.testing.assert_allclose(means.v_m, [(1e-5 * 0.5 + 3e-5) / 4e-5, 0.5])
    np.testing.assert_allclose(means.rho_i, 400)
    assert means.v_m.units == "m s-1"
    assert list(weighted_means(some_ice()[["q_i"]], "x")) == ["q_i"]
    assert list(weighted_means(some_ice()[["q_i", "rho_i"]], "x")) == ["q_i", "rho_i"]
    none = weighted_means(some_ice() * 0, "x")
    assert (none.q_i == 0).all() and none.v_m.isnull().all()


def test_means_are_of_all_ice_too_and_mass_without_number_has_no_size():
    ice = some_ice().assign(q_i_total=4 * some_ice().q_i)
    means = weighted_means(ice, "x")
    np.testing.assert_allclose(means.q_i_total, 4 * means.q_i)
    np.testing.assert_allclose(means.v_m, weighted_means(some_ice(), "x").v_m)  # that of cloud ice, not of snow
    assert weighted_means(ice.assign(n_i=0 * ice.n_i), "x").m_i.isnull().all()


def test_distances_are_in_units_of_the_spread():
    ensemble = weighted_means(some_ice(), "x")
    one = ensemble.isel(member=[0])
    found = distance_over_spread(one + ensemble.std("member"), one, ensemble)
    assert found["q_i"] == pytest.approx(1) and found["v_m"] == pytest.approx(1)
    assert distance_over_spread(one, one, ensemble)["q_i"] == 0
