"""Few numbers for a snapshot of a cirrus, and the way back: a convolutional autoencoder, and empirical orthogonal functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from lib.datasets.batches import stored
from lib.datasets.cirrus_fields import CHANNELS, FieldSet
from lib.models.training import Trained, Training
from lib.models.vae import Vae, VaeRecipe, decoded, encoded, vae_training

#: Pictures that a network encodes at once.
_BATCH = 128


def recipe(latents: int, width: int, epochs: int) -> VaeRecipe:
    """The autoencoder of the talk: convolutions, three hidden layers, pictures of 64 x 64 in three channels."""
    return VaeRecipe(latents, channels=len(CHANNELS), width=width, epochs=epochs, rate=6e-3, layers=3)


def autoencoder_training(fields: FieldSet, recipe: VaeRecipe, batch: int, seed: int = 0) -> Training:
    """The training of the autoencoder of a `recipe` on the members for training."""
    train, validation = (stored(fields.pictures(rows), batch, seed) for rows in (fields.split.train, fields.split.validation))
    data = fields.description() | {"batch": batch}
    return vae_training(recipe, data, len(train), lambda: train, validation.in_order, seed)


def autoencoder(fields: FieldSet, recipe: VaeRecipe, batch: int, seed: int = 0, device: str = "cpu") -> Trained:
    """The autoencoder of a `recipe`: shipped, found where it was trained before, or trained now."""
    return autoencoder_training(fields, recipe, batch, seed).result(device)


class Representation(NamedTuple):
    """A way from standard fields (member, time, 3, z, x) to a few numbers (member, time, L), and the way back."""

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]


def network_representation(model: Vae) -> Representation:
    """The representation of a trained autoencoder: the means of its latents."""

    def encode(standard: np.ndarray) -> np.ndarray:
        pictures = standard.reshape(-1, *standard.shape[-3:])
        return encoded(model, stored(pictures, _BATCH).in_order()).reshape(*standard.shape[:-3], -1)

    def decode(latents: np.ndarray) -> np.ndarray:
        pictures = decoded(model, latents.reshape(-1, latents.shape[-1]))
        return pictures.reshape(*latents.shape[:-1], *pictures.shape[1:])

    return Representation(encode, decode)


def orthogonal_functions(fields: FieldSet, n: int, seed: int = 0) -> PCA:
    """The first `n` empirical orthogonal functions of the members for training: principal components of their pictures."""
    pictures = fields.pictures(fields.split.train)
    return PCA(n, svd_solver="randomized", random_state=seed).fit(pictures.reshape(len(pictures), -1))


def eof_representation(eofs: PCA, n: int) -> Representation:
    """The representation by the first `n` empirical orthogonal functions, whose scores are its numbers."""
    axes, mean, side = eofs.components_[:n], eofs.mean_, int(np.sqrt(eofs.n_features_in_ / len(CHANNELS)))

    def encode(standard: np.ndarray) -> np.ndarray:
        return (standard.reshape(*standard.shape[:-3], -1) - mean) @ axes.T

    def decode(scores: np.ndarray) -> np.ndarray:
        return (scores @ axes + mean).reshape(*scores.shape[:-1], len(CHANNELS), side, side)

    return Representation(encode, decode)


def translation_mean(encode: Callable, n: int) -> Callable:
    """An encoder of fields that are periodic in x: the mean of what `encode` gives for `n` equal translations along x.

    A translation by one of these steps does not change it.
    """

    def mean(standard: np.ndarray) -> np.ndarray:
        steps = standard.shape[-1] * np.arange(n) // n
        return np.mean([encode(np.roll(standard, step, axis=-1)) for step in steps], axis=0)

    return mean
