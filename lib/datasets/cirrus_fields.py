"""Fields of cirrus simulations as pictures of three channels to learn from: mass, particle size and density of the ice.

Snapshots of one simulation are alike, so a split for learning is a group split: whole members are for training, for validation
or for the test.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import xarray as xr
from sklearn.model_selection import GroupShuffleSplit

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
RHO_SCALE = 900.0
#: Raised whenever the same ensemble would give other channels.
VERSION = 1


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
    values = [
        np.log10(np.where(ice, q_i, Q_FLOOR)),
        np.log10(np.where(ice, np.maximum(m_i, M_FLOOR), M_FLOOR)),
        np.where(ice, rho_i, 0) / RHO_SCALE,
    ]
    return np.stack(values, axis=2).astype(np.float32)


def cloudy(values: np.ndarray) -> np.ndarray:
    """Cells (..., z, x) of channels (..., 3, z, x) in which there is ice."""
    return values[..., 0, :, :] > np.log10(Q_FLOOR) + 1e-4


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

    @classmethod
    def fit(cls, values: np.ndarray) -> Scaling:
        """The scaling that gives each channel of `values` (..., 3, z, x) mean 0 and deviation 1 over all else.

        A channel that is the same everywhere, as where there is no ice, keeps its deviation of 0.
        """
        others = (*range(values.ndim - 3), -2, -1)
        mean, deviation = (moment(values, axis=others, dtype=np.float64).astype(np.float32) for moment in (np.mean, np.std))
        return cls(mean[:, None, None], np.where(deviation > 0, deviation, np.float32(1))[:, None, None])

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Standard channels: `values` (..., 3, z, x) less their mean and over their deviation."""
        return (values - self.mean) / self.deviation

    def inverse_transform(self, standard: np.ndarray) -> np.ndarray:
        """Channels (..., 3, z, x) from standard ones."""
        return standard * self.deviation + self.mean


class Split(NamedTuple):
    """Rows of the members for training, for validation (they decide on the best epoch) and for the test, each set in order."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_state(seed: int) -> np.random.RandomState:
    """What scikit-learn's splitters draw members from; with one seed the same ones, so that a network that is shipped has
    never seen the members on which it is tested."""
    return np.random.RandomState(np.random.PCG64([seed, 32]))


def group_split(splitter: GroupShuffleSplit, n_members: int) -> Split:
    """Members in three sets: the splitter's test set, its training set for validation, and all others for training.

    Raises
    ------
    ValueError
        If fewer than two are left for training.
    """
    members = np.arange(n_members)
    n_validation, n_test = splitter.train_size, splitter.test_size
    if n_members - n_validation - n_test < 2:
        raise ValueError(f"splitter: {n_validation} and {n_test} held out leave too few of {n_members} members for training")
    validation, test = next(splitter.split(members, groups=members))
    return Split(np.setdiff1d(members, [*validation, *test]), validation, test)


class FieldSet(NamedTuple):
    """Fields of an ensemble as networks see them: `standard` (member, time, 3, z, x), how they are scaled, and the split.

    `origin` stands for the fields that they were made from.
    """

    standard: np.ndarray
    scaling: Scaling
    split: Split
    origin: str

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Pictures (n, 3, z, x) of all times of some members."""
        return self.standard[rows].reshape(-1, *self.standard.shape[2:])

    def description(self) -> dict:
        """Plain values that decide every byte of the pictures."""
        rows = {name: members.tolist() for name, members in self.split._asdict().items()}
        return {"fields": self.origin, "version": VERSION, **rows}


def field_set(ensemble: xr.Dataset, split: Split) -> FieldSet:
    """The fields of an ensemble in the schema of `lib.cirrus.schema`, scaled by the members for training.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    values = channels(ensemble)
    scaling = Scaling.fit(values[split.train])
    return FieldSet(scaling.transform(values), scaling, split, _digest(ensemble))


def _digest(ensemble: xr.Dataset) -> str:
    """Hexadecimal digits that stand for the fields of an ensemble before logarithms, whose last bit machines may round apart."""
    content = hashlib.sha256()
    for name in CHANNELS:
        content.update(np.ascontiguousarray(ensemble[name].to_numpy()))
    return content.hexdigest()


def profiles(standard: np.ndarray) -> np.ndarray:
    """Means over x (..., 3 z) of standard fields (..., 3, z, x), such that distances are root mean square errors."""
    means = standard.mean(axis=-1).reshape(*standard.shape[:-3], -1)
    return means / np.sqrt(means.shape[-1])


def cell_values(standard: np.ndarray) -> np.ndarray:
    """Standard fields (..., 3, z, x) as vectors (..., 3 z x), such that distances are root mean square errors."""
    vectors = standard.reshape(*standard.shape[:-3], -1)
    return vectors / np.sqrt(vectors.shape[-1])
