"""lib.studies.latent_fields: the sample ensemble as its notebooks take it, and which network they get."""

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from lib.core import paths
from lib.core.cache import describe
from lib.core.shipped import ship
from lib.datasets.cirrus_fields import Split, field_set, group_split, split_state
from lib.models.field_autoencoder import autoencoder_training
from lib.models.vae import VaeRecipe
from lib.studies.latent_fields import effort, network, sample


def test_the_sample_begins_when_there_is_ice():
    splitter = GroupShuffleSplit(1, train_size=1, test_size=4, random_state=split_state(0))
    ensemble, minutes, fields = sample(10, 6, group_split(splitter, 10))
    assert minutes.tolist() == [5, 35, 65, 95] and fields.standard.shape == (10, 4, 3, 64, 64)
    assert float(ensemble.q_i.isel(time=0).max()) > 0
    assert [len(rows) for rows in fields.split] == [5, 1, 4]


def test_a_shipped_network_is_used_for_the_fields_that_it_was_trained_on(layers, tmp_path, monkeypatch):
    monkeypatch.delenv("SHIPPED", raising=False)
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(paths, "NETWORKS", tmp_path / "networks")
    fields = field_set(layers, Split(np.arange(5), np.array([5, 6]), np.array([7, 8, 9])))
    others = field_set(layers, Split(np.arange(1, 5), np.array([5, 6]), np.array([0, 7, 8, 9])))
    long, short = (VaeRecipe(4, 16, channels=3, width=4, layers=2, epochs=epochs) for epochs in (2, 1))
    training = autoencoder_training(fields, long, batch=6, seed=5)
    made = training.result().folder
    describe(made, training.described)  # a shipped folder says nothing of precision
    ship(made, "long", {"hours": 1.0})

    found = network(4, fields, short, batch=10)
    assert len(found.history) == 2 and found.model.recipe.epochs == 2 and effort(found).origin == "shipped"
    for other in (
        network(4, others, short, batch=10),
        network(4, fields, short, batch=10, shipped=False),
        network(3, fields, short, batch=10),
    ):
        assert len(other.history) == 1 and effort(other).origin == "trained by this run"
    assert other.model.recipe.latents == 3
