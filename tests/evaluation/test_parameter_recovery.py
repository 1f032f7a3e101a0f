"""lib.evaluation.parameter_recovery: what parameters explain of made-up trajectories, and reading them back."""

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import r2_score

from lib.evaluation.parameter_recovery import (
    parameter_estimates,
    r2_by_time,
    rank_correlations,
    unit_parameters,
    variance_by_time,
)


@pytest.fixture
def made_up():
    """Trajectories (60, 5, 3) that follow from two parameters (60, 2) and some noise, and the parameters."""
    rng = np.random.default_rng(0)
    parameters = rng.random((60, 2))
    times = np.linspace(0, 1, 5)
    first = times * (parameters[:, :1] + parameters[:, :1] ** 2)
    second = (1 - times) * parameters[:, 1:]
    third = np.zeros_like(first)
    return np.stack([first, second, third], axis=-1) + 0.02 * rng.normal(size=(60, 5, 3)), parameters


def test_parameters_are_scaled_by_their_factors():
    ensemble = xr.Dataset(coords={"a": ("member", [1.0, 10.0, 100.0]), "b": ("member", [8.0, 2.0, 4.0])})
    np.testing.assert_allclose(unit_parameters(ensemble, ["a", "b"]), [[0, 1], [0.5, 0], [1, 0.5]])
    assert unit_parameters(ensemble.isel(member=[0]), ["a", "b"]).tolist() == [[0, 0]]


def test_each_parameter_explains_what_it_makes(made_up):
    latents, parameters = made_up
    table = variance_by_time(latents, parameters, ["early", "late"][::-1])
    assert list(table) == ["all", "explained", "late", "early"] and len(table) == 5
    assert table["all"].to_numpy() == pytest.approx(latents.var(axis=0).sum(axis=-1))
    assert table.early.iloc[0] > 0.9 * table["all"].iloc[0] and table.late.iloc[-1] > 0.9 * table["all"].iloc[-1]
    assert table.late.iloc[0] < 0.2 * table["all"].iloc[0] and (table.explained <= table["all"]).all()


def test_noise_is_not_explained_however_many_terms_there_are(made_up):
    noise = np.random.default_rng(1).normal(size=(12, 5, 3))
    table = variance_by_time(noise, made_up[1][:12], ["early", "late"])
    assert (table.explained >= 0).all() and table.explained.sum() < 0.1 * table["all"].sum()


def test_parameters_are_estimated_from_trajectories_and_not_from_noise(made_up):
    latents, parameters = made_up
    assert r2_score(parameters[40:], parameter_estimates(latents[:40], parameters[:40], latents[40:])) > 0.97
    noise = np.random.default_rng(1).normal(size=latents.shape)
    assert r2_score(parameters[40:], parameter_estimates(noise[:40], parameters[:40], noise[40:])) < 0.2


def test_a_parameter_is_estimated_at_the_times_that_it_shapes(made_up):
    latents, parameters = made_up
    early, late = latents[:40], latents[40:]
    r2 = r2_by_time(early, parameters[:40], late, parameters[40:])
    assert r2.shape == (5, 2)
    assert (r2[[0, -1], [1, 0]] > 0.9).all() and (r2[[0, -1], [0, 1]] < 0.2).all()  # the second fades, the first grows
    assert r2[2] == pytest.approx(
        r2_score(parameters[40:], parameter_estimates(early[:, [2]], parameters[:40], late[:, [2]]), multioutput="raw_values")
    )


def test_straight_curves_are_as_far_apart_as_their_parameters():
    parameters = np.random.default_rng(2).random((12, 2))
    curves = np.repeat(parameters[:, None], 4, axis=1)
    noise = np.random.default_rng(3).random((12, 4, 2))
    table = rank_correlations({"curves": curves, "noise": noise}, parameters)
    assert table.shape == (2, 4) and table.loc["curves"].min() > 0.999 and table.loc["noise"].abs().max() < 0.6
