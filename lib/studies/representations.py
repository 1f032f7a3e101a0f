"""Representations of pictures that are learned without labels, and scored with them: the steps of notebook 22."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from lib.core.seeds import child_seed
from lib.crystals.habits import HABITS
from lib.datasets.crystal_photographs import Photographs, PhotographSplit, described, silhouettes, synthetic_photographs
from lib.datasets.habit_pictures import SCREENED, HabitPictures
from lib.evaluation.latent_scores import LatentSpace, latent_space, scores, standardise
from lib.imaging.measure.descriptors import describe
from lib.imaging.read.oap import LabelledSilhouettes
from lib.models.self_supervision import Augmentation, ContrastiveRecipe, contrastive, contrastive_training, features
from lib.models.training import Trained, Training
from lib.models.vae import VaeRecipe, encoded, vae

#: Augmentation of photographs with grey levels, and of silhouettes.
GREY_LEVELS, SILHOUETTES = Augmentation(light=0.3, noise=0.03), Augmentation(edges=0.5)
#: Weight of a particle's size beside features that have a variance of 1 together, see `Photographs.log_size`.
_SIZE_WEIGHT = 0.4


@dataclass(frozen=True)
class Recipe:
    """How a representation is learned.

    Attributes
    ----------
    network : architecture and training of the network
    masked : whether it sees the pictures without their background; self-supervision always does
    """

    network: VaeRecipe | ContrastiveRecipe
    masked: bool = True

    @property
    def self_supervised(self) -> bool:
        """Whether no picture is reconstructed."""
        return isinstance(self.network, ContrastiveRecipe)


class Representation(NamedTuple):
    """A representation that was learned: the `trained` network, the latent `space` of the pictures, and its `scores`."""

    trained: Trained
    space: LatentSpace
    scores: dict[str, float]


def learn(recipe: Recipe, split: PhotographSplit, seed: int = 0, device: str = "cpu") -> Trained:
    """The network of a recipe, trained without labels on `split.train`; `split.validation` decides on its best epoch."""
    data = {"train": split.train.description, "validation": split.validation.description, "masked": recipe.masked}
    data |= {"batch": split.train.plain.batch}
    if isinstance(recipe.network, ContrastiveRecipe):
        return contrastive(recipe.network, data, split.train.by_crystal, split.validation.by_crystal.in_order, seed, device)
    train, validation = (part.masked if recipe.masked else part.plain for part in (split.train, split.validation))
    return vae(recipe.network, data, train, validation.in_order, seed, device)


def embed(recipe: Recipe, model, train: Photographs, test: Photographs, seed: int = 0) -> LatentSpace:
    """Where the pictures of both sets lie in the latent space of a trained `model`, and on its map.

    Features of a self-supervised network are standardised; the particle's size, where it is known, is one more.
    """
    pictures = [part.masked if recipe.masked else part.plain for part in (train, test)]
    if not recipe.self_supervised:
        return latent_space(*(encoded(model, part.in_order()) for part in pictures), seed)
    points = standardise(*(features(model, part.in_order()) for part in pictures))
    if train.log_size is not None and test.log_size is not None:
        sizes = standardise(train.log_size[:, None], test.log_size[:, None])
        points = [np.hstack([values, _SIZE_WEIGHT * size]) for values, size in zip(points, sizes, strict=True)]
    return latent_space(*points, seed)


def representation(recipe: Recipe, trained: Trained, split: PhotographSplit, seed: int = 0) -> Representation:
    """The representation of a `trained` network, scored on `split.test`."""
    space = embed(recipe, trained.model, split.train, split.test, seed)
    return Representation(trained, space, scores(space, split.train.label, split.test.label, seed))


def representations(
    recipes: Mapping[str, Recipe], split: PhotographSplit, n_seeds: int, seed: int = 0, device: str = "cpu"
) -> dict[tuple[str, int], Representation]:
    """Each of the `recipes` followed `n_seeds` times: (name, k) -> the representation with the seed `seed` + k."""
    runs = [(name, k) for k in range(n_seeds) for name in recipes]
    return {
        (name, k): representation(recipes[name], learn(recipes[name], split, seed + k, device), split, seed + k)
        for name, k in runs
    }


def pictures_per_epoch(recipe: Recipe, train: Photographs) -> int:
    """How many pictures a network sees in an epoch; of each crystal, self-supervision sees two."""
    return 2 * train.by_crystal.length if recipe.self_supervised else train.plain.length


def effort(trained: Trained, per_epoch: int) -> dict[str, float]:
    """What a training on so many pictures an epoch needed.

    Returns
    -------
    `weights` of the network, `epochs`, `pictures_seen` in all of them, each as often as it came, `seconds`, and
    `pictures_per_second`
    """
    epochs, seconds = len(trained.history), float(trained.history.seconds.sum())
    needed = {"weights": sum(p.numel() for p in trained.model.parameters()), "epochs": epochs}
    return needed | {"pictures_seen": epochs * per_epoch, "seconds": seconds, "pictures_per_second": epochs * per_epoch / seconds}


def score_table(found: Mapping[tuple[str, int], Representation]) -> pd.DataFrame:
    """Scores of representations, a row for each name and seed: a column for each score, and `model`, the name."""
    return pd.DataFrame([{"model": name, **one.scores} for (name, _), one in found.items()])


@dataclass(frozen=True)
class HabitTraining:
    """Self-supervised training on synthetic photographs of the nine habits: pictures and network.

    Attributes
    ----------
    n_train, n_validation : crystals of each habit to learn from, and to decide on the best epoch
    photographs : of each crystal, in different orientations
    size : side of the square pictures [pixels]
    batch : crystals in a batch
    network : augmentation, architecture and training of the network
    seed : of every random number
    """

    n_train: int = 2000
    n_validation: int = 60
    photographs: int = 4
    size: int = 64
    batch: int = 128
    network: ContrastiveRecipe = ContrastiveRecipe(GREY_LEVELS, width=96, epochs=150)
    seed: int = 0

    @property
    def pictures_per_epoch(self) -> int:
        """How many pictures the network sees in an epoch, two of each crystal."""
        return 2 * self.n_train * len(HABITS)

    def pictures(self, part: str, n_each: int, photographs: int) -> HabitPictures:
        """Photographs of `n_each` crystals of each habit; each `part` has crystals of its own."""
        return HabitPictures(n_each, photographs, child_seed(self.seed, "nine habits", part), self.size, SCREENED)

    def training(self, scheduler: str = "processes") -> Training:
        """The training, whose pictures are only built where the network is found nowhere."""
        train = self.pictures("train", self.n_train, self.photographs)
        validation = self.pictures("validation", self.n_validation, self.photographs)
        n_crystals = self.n_train * len(HABITS)
        data = {"train": described(train), "validation": described(validation), "masked": True, "batch": self.batch}

        def photographs(pictures: HabitPictures):
            return synthetic_photographs(pictures, self.batch, self.seed, scheduler).by_crystal

        return contrastive_training(
            self.network, data, n_crystals // min(self.batch, n_crystals), lambda: photographs(train),
            lambda: photographs(validation).in_order(), self.seed,
        )  # fmt: skip


#: The network that is shipped as data/networks/nine-habits-ssl: evaluated by notebook 22, used by `lib.studies.screening`.
NINE_HABITS_SSL = HabitTraining()


class Silhouettes(NamedTuple):
    """Labelled silhouettes: their `split`, the `names` of the habits, the set for `inspection` (or None where there is none),
    and hand-made descriptors of training and test set as `descriptors`.
    """

    split: PhotographSplit
    names: list[str]
    inspection: Photographs | None
    descriptors: LatentSpace


def split_silhouettes(labelled: LabelledSilhouettes, size: int, batch: int, seed: int = 0) -> Silhouettes:
    """Labelled silhouettes split at random: a fifth to test, a tenth to validate; those for inspection stay apart.

    What the labellers could not name ("unidentified") is left out.
    """
    rows = np.flatnonzero((labelled.labels != "unidentified") & (labelled.splits != "inspection"))
    apart = np.flatnonzero((labelled.labels != "unidentified") & (labelled.splits == "inspection"))
    names = np.setdiff1d(labelled.labels, ["unidentified"])
    label = np.searchsorted(names, labelled.labels)
    rest, test = train_test_split(rows, test_size=0.2, random_state=seed)
    train, validation = train_test_split(rest, test_size=0.125, random_state=seed)

    def pictures(rows: np.ndarray, name: str) -> Photographs:
        return silhouettes(labelled.masks[rows], label[rows], size, batch, seed, f"2D-S {name} {seed} {len(rows)}")

    split = PhotographSplit(*map(pictures, (train, validation, test), PhotographSplit._fields))
    inspection = pictures(apart, "inspection") if len(apart) else None
    values = [_descriptors(labelled.masks[rows], part.log_size) for rows, part in ((train, split.train), (test, split.test))]
    return Silhouettes(split, [name.replace("_", " ") for name in names], inspection, latent_space(*standardise(*values), seed))


def _descriptors(masks: np.ndarray, log_size: np.ndarray) -> np.ndarray:
    """Hand-made descriptors (n, d) of silhouettes, with the logarithm of their size."""
    return np.column_stack([np.nan_to_num(describe(masks, extended=True).values), log_size])
