"""lib.models.field_autoencoder: the ways from fields to a few numbers and back."""

import numpy as np
import pytest

from lib.datasets.cirrus_fields import Split, cell_values, field_set
from lib.evaluation.field_scores import channel_r2, information
from lib.models.field_autoencoder import (
    autoencoder,
    eof_representation,
    network_representation,
    orthogonal_functions,
    translation_mean,
)
from lib.models.vae import VaeRecipe


@pytest.fixture(scope="module")
def fields(layers):
    """Five members for training, two for validation and three for the test."""
    return field_set(layers, Split(np.arange(5), np.array([5, 6]), np.array([7, 8, 9])))


def test_orthogonal_functions_reconstruct_more_the_more_there_are(fields):
    eofs, train = orthogonal_functions(fields, 12), fields.split.train
    scores = []
    for n in (1, 3, 12):
        way = eof_representation(eofs, n)
        latents = way.encode(fields.standard)
        assert latents.shape == (10, 6, n)
        scores.append(channel_r2(fields.standard[train], way.decode(latents[train])))
    assert scores[0].mean() < scores[1].mean() < scores[2].mean() and scores[2].min() > 0.99


def test_a_mean_over_translations_does_not_see_a_translation_by_a_step():
    noise = np.random.default_rng(0).normal(size=(5, 3, 8, 16))
    mean = translation_mean(cell_values, 4)
    np.testing.assert_allclose(mean(np.roll(noise, 4, axis=-1)), mean(noise))
    assert np.abs(mean(np.roll(noise, 2, axis=-1)) - mean(noise)).max() > 1e-3


def test_an_autoencoder_learns_the_clouds_and_is_found_again(fields, tmp_path, monkeypatch):
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    recipe = VaeRecipe(4, 16, channels=3, width=8, layers=2, epochs=20, rate=1e-2)
    model, history, folder = autoencoder(fields, recipe, batch=10)
    way, train = network_representation(model), fields.split.train
    latents = way.encode(fields.standard)
    assert latents.shape == (10, 6, 4)
    reconstructed = way.decode(latents)
    assert reconstructed.shape == fields.standard.shape
    assert channel_r2(fields.standard[train], reconstructed[train]).min() > 0.6
    divergences = information(model, fields.pictures(train))
    assert divergences.shape == (4,) and (divergences >= 0).all() and divergences.max() > 0.5
    again = autoencoder(fields, recipe, batch=10)
    assert np.array_equal(network_representation(again.model).encode(fields.standard), latents) and again.folder == folder
    assert again.history.equals(history)
