"""Representations: what each network sees, what it learns of bars and discs, and how scores are told."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.core.shipped import shipped
from lib.crystals.habits import HABITS
from lib.datasets.crystal_photographs import silhouettes
from lib.datasets.habit_pictures import HabitPictures
from lib.imaging.read.oap import LabelledSilhouettes
from lib.models.self_supervision import ContrastiveRecipe
from lib.models.training import Trained
from lib.models.vae import VaeRecipe
from lib.studies import representations
from lib.studies.representations import NINE_HABITS_SSL, HabitTraining, Recipe, Representation

RECIPES = {
    "conv2": Recipe(VaeRecipe(2, 32, width=8, epochs=2), masked=False),
    "conv128_umap": Recipe(VaeRecipe(6, 32, width=8, epochs=2), masked=False),
    "resnet128_umap": Recipe(VaeRecipe(6, 32, width=8, epochs=2, architecture="resnet")),
    "ssl": Recipe(ContrastiveRecipe(representations.SILHOUETTES, width=8, epochs=3)),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)


def bars_and_discs(n, seed=0):
    """Silhouettes (n, 60, 60) of bars and discs of random size, as a labelled set; a tenth is for inspection."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :60] - 29.5
    radius, angle, bar = rng.uniform(8, 25, n), rng.uniform(0, np.pi, n), rng.random(n) < 0.5
    masks = np.zeros((n, 60, 60), np.uint8)
    for i in range(n):
        along, across = x * np.cos(angle[i]) + y * np.sin(angle[i]), y * np.cos(angle[i]) - x * np.sin(angle[i])
        masks[i] = np.hypot(along, across / (0.2 if bar[i] else 1)) < radius[i]
    labels = np.where(bar, "bar", np.where(np.arange(n) % 20 == 3, "unidentified", "water_droplet"))
    splits = np.where(np.arange(n) % 10 == 0, "inspection", "train")
    files = np.array([f"{i}.png" for i in range(n)])
    return LabelledSilhouettes(masks, labels, splits, files, pd.DataFrame({"file": files, "reason": ""}))


def test_silhouettes_are_split_without_overlap():
    labelled = bars_and_discs(200)
    real = representations.split_silhouettes(labelled, 32, 16)
    known = labelled.labels != "unidentified"
    labels = np.zeros(known.sum(), int)
    apart = known & (labelled.splits == "inspection")
    sizes = [len(part.label) for part in real.split]
    assert real.names == ["bar", "water droplet"] and len(real.inspection.label) == apart.sum()
    assert sum(sizes) == (known & ~apart).sum() and sizes[2] == pytest.approx(sum(sizes) / 5, abs=1)
    found_sizes = np.concatenate([part.log_size for part in (*real.split, real.inspection)])
    assert np.sort(found_sizes) == pytest.approx(np.sort(silhouettes(labelled.masks[known], labels, 32, 16).log_size))
    assert len({part.description["name"] for part in (*real.split, real.inspection)}) == 4
    found = real.descriptors
    assert len(found.train) == sizes[0] and len(found.test) == sizes[2] and np.isfinite(found.train).all()
    discs = real.split.test.plain.read(0, sizes[2])[real.split.test.label == 1]
    assert (discs > 127).mean() > 0.4  # a disc fills its frame, a bar does not


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_representation_separates_bars_from_discs(name):
    split = representations.split_silhouettes(bars_and_discs(400), 32, 40).split
    (found,) = representations.representations({name: RECIPES[name]}, split, 1).values()
    assert found.space.test_map.shape == (len(split.test.label), 2)
    assert found.space.test.shape[1] == {"conv2": 2, "ssl": 33}.get(name, 6)  # with the size beside
    assert found.scores["linear_probe"] > 0.9


def test_each_recipe_is_followed_with_each_seed(monkeypatch):
    monkeypatch.setattr(representations, "learn", lambda recipe, split, seed, device: (recipe, device))
    monkeypatch.setattr(representations, "representation", lambda recipe, trained, split, seed: (*trained, seed))
    found = representations.representations({"a": "one", "b": "two"}, None, 2, 7, "cuda")
    assert found == {(name, k): (recipe, "cuda", 7 + k) for k in (0, 1) for name, recipe in (("a", "one"), ("b", "two"))}


def test_the_effort_counts_pictures_each_time_they_come():
    training = Trained(torch.nn.Linear(3, 2), pd.DataFrame({"seconds": [1.0, 2.0, 1.0]}))
    expected = {"weights": 8, "epochs": 3, "pictures_seen": 36, "seconds": 4.0, "pictures_per_second": 9.0}
    assert representations.effort(training, 12) == expected


def test_self_supervision_sees_two_pictures_of_each_crystal():
    few = HabitTraining(n_train=4, n_validation=2, photographs=3)
    part = representations.synthetic_photographs(HabitPictures(4, 3, size=32), 12, scheduler="synchronous")
    assert representations.pictures_per_epoch(RECIPES["ssl"], part) == 2 * 4 * len(HABITS) == few.pictures_per_epoch
    assert representations.pictures_per_epoch(RECIPES["conv2"], part) == 3 * 4 * len(HABITS)


def test_parts_of_a_training_have_crystals_of_their_own():
    pictures = [NINE_HABITS_SSL.pictures(part, 10, 1) for part in ("train", "validation", "test")]
    assert len({part.seed for part in pictures}) == 3 and NINE_HABITS_SSL.pictures("train", 10, 1) == pictures[0]


def test_a_training_is_described_before_its_pictures_are_built(monkeypatch):
    monkeypatch.setattr(representations, "synthetic_photographs", None)
    described = NINE_HABITS_SSL.training().described
    assert described["recipe"]["width"] == 96 and described["data"]["train"]["n_each"] == 2000


def test_the_shipped_network_is_found_by_its_description(monkeypatch):
    monkeypatch.delenv("SHIPPED", raising=False)
    assert shipped(NINE_HABITS_SSL.training().described)  # else ship it again


def test_a_table_has_a_row_for_each_name_and_seed():
    found = {(name, k): Representation(None, None, {"ari": k / 2}) for k in range(2) for name in ("conv2", "ssl")}
    table = representations.score_table(found)
    assert table.model.tolist() == 2 * ["conv2", "ssl"] and table.ari.tolist() == [0, 0, 0.5, 0.5]
