"""Fields of cirrus simulations as pictures of three channels to learn from: mass, particle size and density of the ice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from sklearn.decomposition import PCA

from lib.datasets.batches import stored
from lib.models.training import Trained
from lib.models.vae import Vae, VaeRecipe, decoded, encoded, vae

#: Channel -> how it is written on an axis.
CHANNELS = {
    "q_i": r"$\log_{10} q_i$ [kg kg$^{-1}$]",
    "m_i": r"$\log_{10} m_i$ [kg]",
    "rho_i": r"$\rho_i$ / 900 kg m$^{-3}$ [1]",
}
#: Mixing ratio [kg kg-1] below which ice counts as none, and a mass [kg] just below that of the lightest particles left.
#: In the sample ensemble, 3e-6 of the ice lies below.
Q_FLOOR, M_FLOOR = 1e-8, 1e-13
#: Density [kg m-3] that the density of ice particles is divided by, about that of solid ice.
SOLID = 900.0


def channels(ensemble: xr.Dataset) -> np.ndarray:
    """The `CHANNELS` (member, time, 3, z, x) of an ensemble in the schema of `lib.cirrus.schema`, as float32.

    There is no logarithm of no ice: where q_i is below Q_FLOOR, the channels are log10 Q_FLOOR, log10 M_FLOOR and 0.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    q_i, m_i, rho_i = (_finite(ensemble[name]) for name in CHANNELS)
    ice = q_i >= Q_FLOOR
    found = [
        np.log10(np.where(ice, q_i, Q_FLOOR)),
        np.log10(np.where(ice, np.maximum(m_i, M_FLOOR), M_FLOOR)),
        np.where(ice, rho_i, 0) / SOLID,
    ]
    return np.stack(found, axis=2).astype(np.float32)


def _finite(variable: xr.DataArray) -> np.ndarray:
    """The values of a variable (member, time, z, x), none of which may be NaN or infinite."""
    values = variable.to_numpy()
    faulty = variable.member.to_numpy()[~np.isfinite(values).all(axis=(1, 2, 3))]
    if len(faulty):
        raise ValueError(f"{variable.name}: member {faulty[0]} has values that are not finite")
    return values


class Scaling(NamedTuple):
    """Mean (3, 1, 1) and standard deviation (3, 1, 1) of each channel, by which networks see them."""

    mean: np.ndarray
    deviation: np.ndarray

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Channels (..., 3, z, x) less their mean and over their deviation."""
        return (values - self.mean) / self.deviation

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Channels (..., 3, z, x) from standardised ones."""
        return values * self.deviation + self.mean


def scaling(values: np.ndarray) -> Scaling:
    """Scaling that gives each channel of `values` (..., 3, z, x) mean 0 and deviation 1 over all else."""
    others = (*range(values.ndim - 3), -2, -1)
    mean, deviation = (found(values, axis=others, dtype=np.float64).astype(np.float32) for found in (np.mean, np.std))
    return Scaling(mean[:, None, None], deviation[:, None, None])


class Split(NamedTuple):
    """Rows of the members to learn from, those that decide on the best epoch, and those on which all is scored."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(n_members: int, n_validation: int, n_test: int, seed: int = 0) -> Split:
    """Members divided at random, each set in order.

    Raises
    ------
    ValueError
        If fewer than two are left to learn from.
    """
    if n_members - n_validation - n_test < 2:
        raise ValueError(f"n_validation, n_test: {n_validation} and {n_test} leave too few of {n_members} members to learn from")
    order = np.random.default_rng([seed, 32]).permutation(n_members)
    test, validation, train = np.split(order, [n_test, n_test + n_validation])
    return Split(*(np.sort(rows) for rows in (train, validation, test)))


class Prepared(NamedTuple):
    """Fields of an ensemble as networks see them: `standard` (member, time, 3, z, x), how they were scaled, and the split."""

    standard: np.ndarray
    scaling: Scaling
    split: Split

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Pictures (n, 3, z, x) of all times of some members."""
        return self.standard[rows].reshape(-1, *self.standard.shape[2:])

    def description(self) -> dict:
        """Plain values that decide every byte of the fields to learn from."""
        content = hashlib.sha256(self.standard.tobytes()).hexdigest()
        return {"standard": content} | {name: rows.tolist() for name, rows in self.split._asdict().items()}


def prepared(ensemble: xr.Dataset, n_validation: int, n_test: int, seed: int = 0) -> Prepared:
    """The fields of an ensemble, divided by member and standardised by the members to learn from."""
    values = channels(ensemble)
    return divided(values, split(len(values), n_validation, n_test, seed))


def divided(values: np.ndarray, rows: Split) -> Prepared:
    """Channels (member, time, 3, z, x) of members that are divided already, standardised by those to learn from."""
    scaled = scaling(values[rows.train])
    return Prepared(scaled.standardised(values), scaled, rows)


def split_beside(n_members: int, test: np.ndarray, n_validation: int, seed: int = 0) -> Split:
    """Members divided at random, those of `test` being given.

    Raises
    ------
    ValueError
        If fewer than two are left to learn from.
    """
    if n_members - len(test) - n_validation < 2:
        raise ValueError(
            f"n_validation: {n_validation} and {len(test)} to test leave too few of {n_members} members to learn from"
        )
    order = np.random.default_rng([seed, 33]).permutation(np.setdiff1d(np.arange(n_members), test))
    return Split(np.sort(order[n_validation:]), np.sort(order[:n_validation]), np.asarray(test))


class Representation(NamedTuple):
    """A way from standardised fields (member, time, 3, z, x) to a few numbers (member, time, L), and the way back."""

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]


def recipe(latents: int, width: int, epochs: int) -> VaeRecipe:
    """The autoencoder of the talk: convolutions, three hidden layers, pictures of 64 x 64 in three channels."""
    return VaeRecipe(latents, channels=len(CHANNELS), width=width, epochs=epochs, rate=6e-3, layers=3)


def autoencoder(fields: Prepared, recipe: VaeRecipe, batch: int, seed: int = 0, device: str = "cpu") -> Trained:
    """The autoencoder of a `recipe`, trained on the members to learn from or found where it was trained before."""
    train, validation = (stored(fields.pictures(rows), batch, seed) for rows in (fields.split.train, fields.split.validation))
    return vae(recipe, fields.description() | {"batch": batch}, train, validation.in_order, seed, device)


def by_network(model: Vae) -> Representation:
    """The representation of a trained autoencoder: the means of its latents."""

    def encode(standard: np.ndarray) -> np.ndarray:
        pictures = standard.reshape(-1, *standard.shape[-3:])
        return encoded(model, stored(pictures, 128).in_order()).reshape(*standard.shape[:-3], -1)

    def decode(latents: np.ndarray) -> np.ndarray:
        pictures = decoded(model, latents.reshape(-1, latents.shape[-1]))
        return pictures.reshape(*latents.shape[:-1], *pictures.shape[1:])

    return Representation(encode, decode)


def components(fields: Prepared, n: int, seed: int = 0) -> PCA:
    """The first `n` principal components of the members to learn from, called empirical orthogonal functions in meteorology."""
    pictures = fields.pictures(fields.split.train)
    return PCA(n, svd_solver="randomized", random_state=seed).fit(pictures.reshape(len(pictures), -1))


def by_components(fitted: PCA, n: int) -> Representation:
    """The representation by the first `n` of some fitted components, whose scores are its numbers."""
    axes, mean, side = fitted.components_[:n], fitted.mean_, int(np.sqrt(fitted.n_features_in_ / len(CHANNELS)))

    def encode(standard: np.ndarray) -> np.ndarray:
        return (standard.reshape(*standard.shape[:-3], -1) - mean) @ axes.T

    def decode(scores: np.ndarray) -> np.ndarray:
        return (scores @ axes + mean).reshape(*scores.shape[:-1], len(CHANNELS), side, side)

    return Representation(encode, decode)


def over_moves(encode: Callable, n: int) -> Callable:
    """An encoder of fields that are periodic in x: the mean of what `encode` says of `n` equal moves along x.

    A move by one of these steps changes nothing.
    """

    def mean(standard: np.ndarray) -> np.ndarray:
        steps = standard.shape[-1] * np.arange(n) // n
        return np.mean([encode(np.roll(standard, step, axis=-1)) for step in steps], axis=0)

    return mean


def profiles(standard: np.ndarray) -> np.ndarray:
    """Means over x (..., 3 z) of standardised fields (..., 3, z, x), such that distances are root mean square errors."""
    means = standard.mean(axis=-1).reshape(*standard.shape[:-3], -1)
    return means / np.sqrt(means.shape[-1])


def cells(standard: np.ndarray) -> np.ndarray:
    """Standardised fields (..., 3, z, x) as points (..., 3 z x), such that distances are root mean square errors."""
    points = standard.reshape(*standard.shape[:-3], -1)
    return points / np.sqrt(points.shape[-1])


def channel_r2(standard: np.ndarray, restored: np.ndarray) -> pd.Series:
    """R2 of each channel of standardised fields (..., 3, z, x): 1 less the square error over the square deviation from 0.

    0 is the mean of the channel over all members to learn from, their times and cells. A mean field would be a stricter
    reference; a constant one counts that a layer of cloud is restored at all.
    """
    others = (*range(standard.ndim - 3), -2, -1)
    error, deviation = (np.sum(values**2, axis=others, dtype=np.float64) for values in (standard - restored, standard))
    return pd.Series(1 - error / deviation, index=list(CHANNELS))


def share_told(channel: np.ndarray, other: np.ndarray, n: int = 100) -> float:
    """Share of the variance of one channel (any shape) that another one tells: by the mean over cells where that is alike.

    Alike are cells between two of `n` quantiles of the other.
    """
    group = np.digitize(other.ravel(), np.quantile(other, np.linspace(0, 1, n + 1)[1:-1]))
    mean = np.bincount(group, channel.ravel(), n) / np.maximum(np.bincount(group, minlength=n), 1)
    return float(1 - np.mean((channel.ravel() - mean[group]) ** 2) / channel.var(dtype=np.float64))


@torch.inference_mode()
def information(model: Vae, pictures: np.ndarray) -> np.ndarray:
    """Mean Kullback-Leibler divergence (L,) of each latent from the prior [nat]: what it tells of pictures (n, 3, z, x)."""
    found = []
    for batch in stored(pictures, 128).in_order():
        mean, log_variance = model.encode(batch.to(model.device))
        found.append(0.5 * (mean**2 + log_variance.exp() - 1 - log_variance))
    return torch.cat(found).mean(0).cpu().numpy()
