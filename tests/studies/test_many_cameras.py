"""lib.studies.many_cameras: what is known of crystals from many sides, against closed forms and made predictions."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.datasets.rosettes import Views, rosette_views
from lib.imaging.draw.cameras import lebedev_cameras
from lib.models.shape_model import Recipe, ShapeModel
from lib.studies import many_cameras as cameras

SIZE = 48


@pytest.fixture(scope="module")
def data():
    return rosette_views(Views(70, 1, (0.0,), seed=4, size=SIZE, pictures=False), "synchronous")


@pytest.fixture(scope="module")
def crystals(data):
    model = ShapeModel(Recipe("polar", settings={"width": 8}), SIZE, tuple(range(4, 11))).eval()
    return cameras.observe(data, lebedev_cameras(3), model.standardise(torch.rand(9, 2) + 0.1), SIZE)


def test_every_view_of_every_crystal_is_kept(crystals):
    assert crystals.descriptors.shape == (70, 3, 8)
    assert crystals.answers.shape == (70, 3, 9)
    assert np.isfinite(crystals.descriptors).all() and np.isfinite(crystals.answers).all()
    assert crystals.answers[..., 2:].sum(axis=-1) == pytest.approx(np.ones((70, 3)))


def test_no_projection_is_larger_than_the_crystal(crystals):
    share = crystals.diameter_um / crystals.truth.diameter_um.to_numpy()[:, None]
    assert share.max() < 1.03  # pixels that are touched count as a whole
    assert 0.85 < share.mean() < 1


def test_mass_is_density_times_volume(data):
    known = cameras.crystal_truth(data)
    sphere = np.pi / 6 * known.diameter_um**3
    assert known.mass_kg.to_numpy() == pytest.approx((917e-18 * known.rho_e * sphere).to_numpy(), rel=1e-6)


def test_pooled_views_know_no_order():
    values = np.random.default_rng(0).normal(size=(5, 4, 3))
    assert cameras.pool_views(values, 4).to_numpy() == pytest.approx(cameras.pool_views(values[:, ::-1], 4).to_numpy())
    assert cameras.pool_views(values, 1).to_numpy() == pytest.approx(values[:, 0])
    two = cameras.pool_views(values, 2)
    assert two.to_numpy()[:, :3] == pytest.approx(values[:, :2].mean(axis=1))


def test_learners_of_views_predict_what_is_reported(crystals):
    predicted = cameras.predict_from_views(("descriptors",), crystals, crystals, 2)
    scored = cameras.score_table(crystals.truth, predicted)
    assert list(scored.index) == list(cameras.REPORTED)
    assert np.isfinite(scored).all(axis=None)


def test_hulls_need_no_training_and_improve_with_views(data):
    some = data.isel(crystal=slice(0, 8))
    found = cameras.hulls(some, lebedev_cameras(13), (3, 13), SIZE)
    true = cameras.crystal_truth(some).mass_kg
    excess = {n: (table.mass_kg / true).mean() for n, table in found.items()}
    assert 1 < excess[13] < 1.4 < excess[3]


def test_scores_of_masses_are_those_that_were_put_in():
    true = pd.DataFrame({"rho_e": [0.1, 0.2], "a_e": [0.3, 0.4], "n_bullets": [4, 5], "mass_kg": [1.0, 3.0]})
    predicted = true.assign(mass_kg=[1.5, 3.5], n_bullets=[4, 7])
    found = cameras.camera_scores(true, predicted, np.ones((1, 2)))
    assert found["nrmse_mass"] == pytest.approx([0.25])
    assert found["bias_mass"] == pytest.approx([0.25])
    assert found["mae_bullets"] == pytest.approx([1.0])


def test_power_laws_are_found_again():
    diameter = np.geomspace(50, 800, 30)
    found = cameras.power_law(diameter, 3e-10 * (diameter / 250) ** 2.1)
    assert found.at_reference == pytest.approx(3e-10)
    assert found.exponent == pytest.approx(2.1)


def test_a_size_that_is_seen_too_small_gives_too_much_mass(crystals):
    small = crystals._replace(diameter_um=0.9 * crystals.truth.diameter_um.to_numpy()[:, None].repeat(3, 1))
    relations = cameras.fitted_relations(small, (1, 3))
    assert relations.ratio[1] == pytest.approx(0.9 ** -relations.exponent[0])
    assert relations.difference[1] == pytest.approx(0, abs=1e-9)
    assert relations.ratio[0] == 1 and relations.ratio_se[0] == 0


def test_what_another_camera_cuts():
    cuts = cameras.cut_by_another(pd.Series([1.0, 0.5, 0.125], [1, 2, 4]))
    assert cuts.to_dict() == {1: 0.5, 2: 0.5}
