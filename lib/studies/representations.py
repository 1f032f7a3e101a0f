"""The ladder of representations: four ways to a latent space of pictures, each climbed without labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lib.datasets.batches import StoredPictures, stored
from lib.datasets.habit_pictures import CHUNK, LAYOUT, HabitPictures, habit_pictures
from lib.evaluation.latent_scores import LatentSpace, latent_space, scores, standardise
from lib.imaging.measure.descriptors import describe
from lib.imaging.read.frame import frame, without_background
from lib.imaging.read.oap import LabelledSilhouettes
from lib.imaging.sensor import OAP_PIXEL_UM
from lib.models.self_supervision import Changes, ContrastiveRecipe, contrastive, features
from lib.models.training import Trained
from lib.models.vae import VaeRecipe, encoded, vae

#: Rung as in the names of recorded numbers -> what it is called, lowest first.
RUNGS = {
    "conv2": "VAE, 2 latents",
    "conv128_umap": "VAE, 128 latents, UMAP",
    "resnet128_umap": "ResNet-VAE, masked, UMAP",
    "ssl": "self-supervised, UMAP",
}
#: Rungs that see pictures with their background.
_WITH_BACKGROUND = ("conv2", "conv128_umap")
#: Weight of a particle's size beside features that have a variance of 1 together, see `Pictures.log_size`.
_SIZE_WEIGHT = 0.4


class Pictures(NamedTuple):
    """One set of pictures: `plain` with their background, `cut` without, and `together` the cut ones of each crystal as
    (crystal, photograph, y, x); the `label` (n,) of each picture, and what they follow from (`description`).

    `log_size` is the logarithm of each particle's size [um] (n,), or None where size is to play no part.
    """

    plain: StoredPictures
    cut: StoredPictures
    together: StoredPictures
    label: np.ndarray
    description: dict
    log_size: np.ndarray | None = None

    def of(self, rung: str) -> StoredPictures:
        """The pictures that a rung sees."""
        return self.plain if rung in _WITH_BACKGROUND else self.cut


@dataclass(frozen=True)
class Climb:
    """How the rungs are trained.

    Attributes
    ----------
    epochs, width : rung -> epochs, and channels of its first layer
    size : side of the square pictures [pixels]
    latents : dimensions of the larger latent spaces
    changes : what the self-supervised network learns to ignore
    """

    epochs: Mapping[str, int]
    width: Mapping[str, int]
    size: int = 64
    latents: int = 128
    changes: Changes = field(default_factory=Changes)

    def trained(self, rung: str, train: Pictures, validation: Pictures, seed: int = 0, device: str = "cpu") -> Trained:
        """The network of a rung, which learned from the pictures `train`; `validation` decides on its best epoch."""
        data = {"train": train.description, "validation": validation.description, "masked": rung not in _WITH_BACKGROUND}
        data |= {"batch": train.plain.batch}
        sources = (train.of(rung), validation.of(rung).in_order)
        if rung == "ssl":
            sources = (train.together, validation.together.in_order)
            recipe = ContrastiveRecipe(self.changes, width=self.width[rung], epochs=self.epochs[rung])
            return contrastive(recipe, data, *sources, seed, device)
        recipe = VaeRecipe(
            2 if rung == "conv2" else self.latents, self.size, architecture="resnet" if "resnet" in rung else "conv",
            width=self.width[rung], epochs=self.epochs[rung],
        )  # fmt: skip
        return vae(recipe, data, *sources, seed, device)


class Rung(NamedTuple):
    """A rung that was climbed: the `trained` network, the `points` in its latent space, and their `scores`."""

    trained: Trained
    points: LatentSpace
    scores: dict[str, float]


class Sets(NamedTuple):
    """Pictures to learn from, those that decide on the best epoch, and those on which all is scored."""

    train: Pictures
    validation: Pictures
    test: Pictures


def climbed(rung: str, climb: Climb, sets: Sets, seed: int = 0, device: str = "cpu") -> Rung:
    """One rung of the ladder: trained on `sets.train` without labels, scored on `sets.test` with them."""
    found = climb.trained(rung, sets.train, sets.validation, seed, device)
    points = represented(rung, found.model, sets.train, sets.test, seed)
    return Rung(found, points, scores(points, sets.train.label, sets.test.label, seed))


def climbs(
    climb: Climb, sets: Sets, n_seeds: int, seed: int = 0, device: str = "cpu", rungs: Iterable[str] = RUNGS
) -> dict[tuple[str, int], Rung]:
    """Each of the `rungs` climbed `n_seeds` times: (rung, k) -> what `climbed` finds with the seed `seed` + k."""
    return {(rung, k): climbed(rung, climb, sets, seed + k, device) for k in range(n_seeds) for rung in rungs}


def represented(rung: str, model, train: Pictures, test: Pictures, seed: int = 0) -> LatentSpace:
    """Where the pictures of both sets lie in the latent space of a trained `model`, and on its map."""
    encode: Callable = features if rung == "ssl" else encoded
    found = [encode(model, pictures.of(rung).in_order()) for pictures in (train, test)]
    if rung == "ssl":
        found = standardise(*found)
        if train.log_size is not None:
            sizes = standardise(train.log_size[:, None], test.log_size[:, None])
            found = [np.hstack([points, _SIZE_WEIGHT * size]) for points, size in zip(found, sizes, strict=True)]
    return latent_space(*found, seed)


def synthetic(pictures: HabitPictures, batch: int, seed: int = 0, scheduler: str = "processes", keep: bool = True) -> Pictures:
    """Synthetic pictures as a set to climb with.

    Parameters
    ----------
    keep : hold the pictures in memory; else each stretch is read from disk when it is needed
    """
    data = habit_pictures(pictures, scheduler)
    arrays = {name: data[name].to_numpy() if keep else _on_disk(data, name) for name in ("grey", "mask")}

    def plain(first: int, after: int) -> np.ndarray:
        return np.asarray(arrays["grey"][first:after])

    def cut(first: int, after: int) -> np.ndarray:
        return without_background(plain(first, after), np.asarray(arrays["mask"][first:after]))

    def together(first: int, after: int) -> np.ndarray:
        return cut(views * first, views * after).reshape(after - first, views, pictures.size, pictures.size)

    views = pictures.photographs
    lengths = (pictures.length, pictures.length, pictures.length // views)
    sources = (StoredPictures(read, n, min(batch, n), seed) for read, n in zip((plain, cut, together), lengths, strict=True))
    return Pictures(*sources, data["label"].to_numpy().astype(int), asdict(pictures) | {"layout": LAYOUT})


def _on_disk(data: xr.Dataset, name: str):
    """A variable whose slices are read one after the other, in this thread."""
    return data[name].chunk({"particle": CHUNK}).data


def effort(rung: str, training: Trained, train: Pictures) -> dict[str, float]:
    """What a training on the pictures `train` needed.

    Returns
    -------
    `weights` of the network, `epochs`, `pictures_seen` in all of them, each as often as it came, `seconds`, and
    `pictures_per_second`
    """
    shown = 2 * train.together.length if rung == "ssl" else train.plain.length  # two of each crystal's
    epochs, seconds = len(training.history), float(training.history.seconds.sum())
    needed = {"weights": sum(p.numel() for p in training.model.parameters()), "epochs": epochs}
    return needed | {"pictures_seen": epochs * shown, "seconds": seconds, "pictures_per_second": epochs * shown / seconds}


def score_table(climbed: Mapping[tuple[str, int], Rung]) -> pd.DataFrame:
    """Scores of some rungs, a row for each rung and seed: a column for each score, and `rung`, what the rung is called."""
    return pd.DataFrame([{"rung": RUNGS[rung], **climb.scores} for (rung, _), climb in climbed.items()])


def named(climbed: Mapping[tuple[str, int], Rung], suffix: str = "") -> dict[str, float]:
    """Scores as numbers to record, `score_rung`: means over the seeds, and standard deviations where there are several."""
    found = {}
    for rung in dict.fromkeys(rung for rung, _ in climbed):
        table = pd.DataFrame([climb.scores for (name, _), climb in climbed.items() if name == rung])
        found |= {f"{score}_{rung}{suffix}": value for score, value in table.mean().items()}
        if len(table) > 1:
            found |= {f"{score}_{rung}{suffix}_sd": value for score, value in table.std().items()}
    return found


class Real(NamedTuple):
    """Labelled silhouettes to climb with: their `sets`, the `names` of the habits, the set for `inspection` (or None where
    there is none), and hand-made descriptors of training and test set as `descriptors`.
    """

    sets: Sets
    names: list[str]
    inspection: Pictures | None
    descriptors: LatentSpace


def split_silhouettes(labelled: LabelledSilhouettes, size: int, batch: int, seed: int = 0) -> Real:
    """Labelled silhouettes split at random: a fifth to test, a tenth to validate; those for inspection stay apart.

    What the labellers could not name ("unidentified") is left out.
    """
    named = labelled.labels != "unidentified"
    names, label = np.unique(labelled.labels[named], return_inverse=True)
    masks, splits = labelled.masks[named], labelled.splits[named]
    apart = splits == "inspection"
    order = np.random.default_rng([seed, 6]).permutation(np.flatnonzero(~apart))
    test, validation, train = np.split(order, [len(order) // 5, len(order) * 3 // 10])

    def pictures(rows: np.ndarray, name: str) -> Pictures:
        return silhouettes(masks[rows], label[rows], size, batch, seed, f"2D-S {name} {seed} {len(rows)}")

    sets = Sets(pictures(train, "train"), pictures(validation, "validation"), pictures(test, "test"))
    inspection = pictures(np.flatnonzero(apart), "inspection") if apart.any() else None
    described = [_described(masks[rows], part.log_size) for rows, part in ((train, sets.train), (test, sets.test))]
    return Real(sets, [name.replace("_", " ") for name in names], inspection, latent_space(*standardise(*described), seed))


def _described(masks: np.ndarray, log_size: np.ndarray) -> np.ndarray:
    """Hand-made descriptors (n, d) of silhouettes, with the logarithm of their size."""
    return np.column_stack([np.nan_to_num(describe(masks, extended=True).values), log_size])


def silhouettes(masks: np.ndarray, labels: np.ndarray, size: int, batch: int, seed: int = 0, name: str = "") -> Pictures:
    """Real silhouettes (n, h, w) of 0 and 1 as a set to climb with, `labels` (n,) being numbers; `name` tells which they are.

    There is no background to cut away. The frame hides how large a particle is; its size is kept beside.
    """
    drawn, sizes = [], []
    for mask in masks:
        rows, columns = np.nonzero(mask)
        sizes.append(OAP_PIXEL_UM * (1 + max(np.ptp(rows), np.ptp(columns))))
        drawn.append(frame(255 * mask, mask, size)[0])
    pictures = np.array(drawn)
    description = {"name": name, "size": size, "n": len(masks), "pictures": hashlib.sha256(pictures.tobytes()).hexdigest()[:16]}
    source = stored(pictures, batch, seed)
    return Pictures(source, source, source, labels, description, np.log(np.array(sizes)))
