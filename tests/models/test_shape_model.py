"""lib.models.shape_model: what is learned, how networks start from others, and what predictions say."""

import dataclasses

import numpy as np
import pytest
import torch

from lib.datasets.fresh_rosettes import Batch, as_outlines, origins_of, pictures_of
from lib.datasets.rosettes import Views, rosette_views, truth
from lib.evaluation.scores import scores
from lib.models import shape_model
from lib.models.shape_model import Recipe, ShapeModel, features, misplacement, network_recipes, origins, predict, predict_each

BULLETS = tuple(range(4, 11))
CRYSTALS = Views(210, 1, (0, 90), seed=1, size=48, pictures=False)
HELD = Views(56, 2, (0, 90), seed=2, size=48)
POLAR = Recipe("polar", epochs=4, steps=40, batch=32, settings={"width": 16, "angles": 48})


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.core.paths.CACHE", tmp_path_factory.mktemp("cache"))
        yield


def made(recipe, seed=0):
    return shape_model.shape_model(recipe, CRYSTALS, HELD, seed, "cpu", "synchronous")


@pytest.fixture(scope="module")
def held():
    return rosette_views(HELD, "synchronous")


@pytest.fixture(scope="module")
def single(cache):
    return made(POLAR).model


@pytest.fixture(scope="module")
def paired(single):
    return made(dataclasses.replace(POLAR, angles_deg=(0.0, 90.0), start=POLAR)).model


def test_recipes_of_the_networks_that_have_epochs():
    found = network_recipes({"cnn": 2, "resnet18": 0, "polar": 5}, {"cnn": {"pooled": 4}}, steps=3, batch=8)
    assert found == {
        "cnn": Recipe("cnn", (0.0,), 2, 3, 8, rate=1e-3, settings={"pooled": 4}),
        "polar": Recipe("polar", (0.0,), 5, 3, 8, rate=4e-3),
    }


def test_it_learns(single, paired, held):
    for model, views in ((single, (0,)), (paired, (0, 1))):
        found = scores(truth(held), predict(model, pictures_of(held, views)).table)
        assert found["r2_rho_e"] > 0.8 and found["r2_a_e"] > 0.7 and found["balanced_accuracy"] > 2 / 7


def test_predictions_have_probabilities(single, held):
    table, probability = predict(single, pictures_of(held, (0,)))
    assert len(table) == 112 and probability.shape == (112, 7) and tuple(probability) == BULLETS
    assert np.allclose(probability.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(table.n_bullets, probability.idxmax(axis=1))
    assert (table[["rho_e", "a_e"]] > 0).all(axis=None)


def test_the_centre_is_found_nearer_than_the_middle(single, held):
    true = origins_of(held)[:, 0].numpy()
    found = origins(single, pictures_of(held, (0,)))[:, 0]
    assert found.shape == true.shape == (112, 2)
    assert np.hypot(*(found - true).T).mean() < 0.9 * np.hypot(*true.T).mean()


def test_features_are_one_row_a_picture(single, held):
    found = features(single, pictures_of(held, (0,))[:5])
    assert found.shape == (5, single.network.n_features) and np.isfinite(found).all()


def test_the_loss_is_least_at_the_truth():
    values = torch.tensor([[0.05, 0.4], [0.1, 0.6], [0.2, 0.9]])
    model = ShapeModel(POLAR, 48, BULLETS).standardise(values)
    batch = Batch(torch.zeros(3, 1, 48, 48, dtype=torch.uint8), torch.zeros(3, 1, 2), values, torch.tensor([0, 3, 6]))
    right = (values.log() - model.mean) / model.deviation
    logits = 20 * torch.nn.functional.one_hot(batch.labels, 7).float()
    assert model.error(right, logits, batch) == pytest.approx(0, abs=1e-5)
    assert torch.allclose(model.values(right), values)
    assert model.error(right + 0.1, logits, batch) > 0.01
    assert misplacement(batch.origins, batch.origins) == 0 < misplacement(batch.origins + 0.01, batch.origins)


def test_a_pair_starts_from_what_one_view_taught(single):
    pair = ShapeModel(dataclasses.replace(POLAR, angles_deg=(0.0, 90.0)), 48, BULLETS)
    shape_model.take_over(pair.network, single.network)
    for name, value in single.network.state_dict().items():
        same = (
            torch.equal(pair.network.state_dict()[name], value) if pair.network.state_dict()[name].shape == value.shape else None
        )
        assert same is not False
        assert same or name.startswith("head.0.")


def test_heads_by_views_are_trained_alone_on_an_encoder_that_stays(paired, held):
    pair = dataclasses.replace(POLAR, angles_deg=(0.0, 90.0), start=POLAR)
    model = made(
        dataclasses.replace(
            pair, settings={**pair.settings, "heads": "by_views"}, start=pair, frozen=("locator", "encoder", "mix")
        )
    ).model
    before, after = paired.network.state_dict(), model.network.state_dict()
    kept = [name for name in before if not name.startswith("head.")]
    assert kept and all(torch.equal(before[name], after[name]) for name in kept)
    one, two = (scores(truth(held), answer.table) for answer in predict_each(model, pictures_of(held, (0, 1))))
    assert 0.7 < one["r2_rho_e"] < 1 and two["r2_a_e"] > one["r2_a_e"]
    alone = predict_each(model, pictures_of(held, (0, 1))[7:8])[1]
    whole = predict_each(model, pictures_of(held, (0, 1)))[1]
    assert np.allclose(alone.probability.iloc[0], whole.probability.iloc[7], atol=1e-4)


def test_another_seed_gives_another_network(single):
    small = dataclasses.replace(POLAR, epochs=1, steps=3)
    first, other = made(small, seed=0).model, made(small, seed=1).model
    assert not torch.equal(first.network.head[0].weight, other.network.head[0].weight)


def test_a_network_learns_from_outlines_in_any_frame(single, held):
    settings = POLAR.settings | {"scale_free": True, "reach": 1.05}
    model = made(dataclasses.replace(POLAR, outlines=True, settings=settings, start=POLAR)).model
    outlines = as_outlines(torch.from_numpy(pictures_of(held))).numpy()
    small = np.pad(outlines, [(0, 0), (0, 0), (8, 8), (8, 8)])  # the same crystals in a larger frame
    framed, wide = (scores(truth(held), predict(model, pictures).table) for pictures in (outlines, small))
    assert framed["r2_rho_e"] > 0.7 and wide["r2_rho_e"] > 0.6
    assert scores(truth(held), predict(single, small).table)["r2_rho_e"] < wide["r2_rho_e"]
