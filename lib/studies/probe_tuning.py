"""A search for the parameters with which synthetic pictures come nearest to real ones; no label and no network is used."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import lsq_linear, nnls
from tqdm.auto import tqdm

from lib.core.cache import cached, written
from lib.crystals.habits import HABITS
from lib.datasets.campaigns import VERSION as PHOTOGRAPHS
from lib.datasets.campaigns import Campaign, photographed, photographers
from lib.datasets.particles import PictureSet, picture_set, thumbnails
from lib.imaging.probe.photograph import RANGES, Probe

#: Raised whenever the same search would go another way, so that older ones are not found again.
VERSION = 3
#: What is searched, and where: parameters of the campaign and of its probe.
SEARCHED: dict[str, tuple[float, float]] = {"size": (0.5, 2.0), "size_spread": (0.0, 0.6), "cut_chance": (0.02, 0.5), **RANGES}

#: Features that are compared as logarithms, and as they are.
_LOGARITHMS = "length_um background_std background_fine_std background_slow_std neighbour_std_x neighbour_std_y".split()
_PLAIN = "background_mean interior_mean interior_std bright_share edge_rise_px rim cut".split()
#: Principal components of small pictures among the features; random mixtures of three features that are compared too.
_COMPONENTS, _MIXTURES = 8, 80
#: Places at which distributions are compared, in spans from the 5 to the 95 % point of the real ones, from their median.
_GRID = np.linspace(-1.5, 1.5, 25)
#: Step by which each parameter is tried, and the longest at first, as shares of the range.
_STEP, _REACH = 0.12, 0.25
#: How many times more pictures are taken for each step, and for the mixture at the end.
_MORE, _MOST = 3, 6
#: What holds parameters near the start, and shares near equal ones, where the pictures tell nothing.
_HOLD, _HOLD_SHARES = 0.02, 0.1


class Yardstick:
    """Measures how far synthetic pictures are from `real` ones.

    The distance is the energy distance 2 int (F - G)^2 dx between distribution functions F and G (Szekely & Rizzo 2013,
    doi:10.1016/j.jspi.2013.03.018), the mean over all features and over random mixtures of three of them. Features are numbers
    of each picture (`lib.imaging.measure.photometry`), size, cut, filling, and principal components of small pictures, all in
    units of the span of the real ones.
    """

    def __init__(self, real: PictureSet, seed: int = 0):
        small, self.size = thumbnails(real), real.grey.shape[1]
        self.mean = small.mean(axis=0)
        self.components = np.linalg.svd(small - self.mean, full_matrices=False)[2][:_COMPONENTS].T
        features = self._features(real)
        low, self.middle, high = np.nanpercentile(features, [5, 50, 95], axis=0)
        self.span = np.where(high > low, high - low, 1.0)
        rng, d = np.random.default_rng([seed, 11]), features.shape[1]
        mixtures = np.zeros((_MIXTURES, d))
        for mixture in mixtures:
            mixture[rng.permutation(d)[:3]] = rng.standard_normal(3)
        self.directions = np.vstack([np.eye(d), mixtures / np.linalg.norm(mixtures, axis=1, keepdims=True)])
        self.real = self.course(real)

    def _features(self, pictures: PictureSet) -> np.ndarray:
        """Features (n, d), NaN where there is nothing to measure."""
        logarithms = np.log(pictures.table[_LOGARITHMS].to_numpy(float) + 1e-3)
        components = (thumbnails(pictures) - self.mean) @ self.components
        filling = pictures.mask.mean(axis=(1, 2))
        return np.column_stack([logarithms, pictures.table[_PLAIN].to_numpy(float), filling, components])

    def course(self, pictures: PictureSet) -> np.ndarray:
        """Distribution functions (k,) of some pictures along all directions, whose square distance is the energy distance."""
        places = np.nan_to_num((self._features(pictures) - self.middle) / self.span).clip(-3, 3) @ self.directions.T
        shares = np.stack([(places <= x).mean(axis=0) for x in _GRID])
        return shares.ravel() * np.sqrt(2 * (_GRID[1] - _GRID[0]) / len(self.directions))

    def distance(self, pictures: PictureSet) -> float:
        """Energy distance of some pictures from the real ones, about 0 for equal populations."""
        return float(np.sum((self.course(pictures) - self.real) ** 2))

    def best_mixture(self, pictures: PictureSet) -> tuple[np.ndarray, np.ndarray]:
        """Shares (habits,) among pictures with which these, weighted, are nearest to the real ones, and what is left (k,).

        Distribution functions of a mixture are those of its parts times their shares: non-negative least squares.
        """
        labels = pictures.table.label
        present = [habit for habit in HABITS if (labels == habit).any()]
        parts = np.stack([self.course(pictures.chosen(np.flatnonzero(labels == habit))) for habit in present])
        hold, one = _HOLD_SHARES * np.eye(len(present)), 1e3 * np.ones((1, len(present)))
        left = np.vstack([parts.T, hold, one])
        weights, _ = nnls(left, np.concatenate([self.real, hold.mean(axis=0), [1e3]]))
        weights /= weights.sum()
        shares = np.array([weights[present.index(habit)] if habit in present else 0.0 for habit in HABITS])
        return shares, weights @ parts - self.real


def shares_of_crystals(shares: np.ndarray, asked: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Shares (habits,) among crystals that give these `shares` (habits,) among the pictures that pass the screening.

    Of each habit, `asked` (habits,) crystals were photographed and `passed` (habits,) pictures passed: one of which few pass,
    such as small spheres, must be the commoner among crystals. A habit of which none passed gets no share.
    """
    needed = shares * np.divide(asked, passed, out=np.zeros(len(shares)), where=passed > 0)
    return needed / needed.sum()


class Tuned(NamedTuple):
    """The `campaign` that was found, and the `history`: a row for each try with its `kind`, `distance`, parameters, and the
    shares of habits among its crystals."""

    campaign: Campaign
    history: pd.DataFrame


def tuned(
    real: PictureSet, start: Campaign, n_tries: int, n_pictures: int, screening: str = "all", seed: int = 0, workers: int = 0
) -> Tuned:
    """The campaign that comes nearest to `real` pictures, searched from `start` if it is not in the cache.

    Each of `SEARCHED` is changed once, for a first linear model of all distribution functions; then least squares steps follow,
    each of which improves the model (Broyden 1965, doi:10.1090/S0025-5718-1965-0198670-6). All tries photograph the same
    crystals with the same random numbers, so that small changes show. For each, the mixture of habits is the best for its
    pictures; a last try with other crystals decides on it. The search writes down each try and goes on where it was broken off.

    Parameters
    ----------
    n_tries : how many times pictures are taken; with fewer than 46, the last of `SEARCHED` stay as they are
    n_pictures : crystals photographed for each parameter; for a step three times, for the last try six times as many
    """
    description = {"real": fingerprint(real), "start": asdict(start), "n_tries": n_tries, "n_pictures": n_pictures}
    description |= {"screening": screening, "seed": seed, "version": VERSION, "photographs": PHOTOGRAPHS}

    def build(part: Path) -> None:
        with photographers(workers) as mapped, tqdm(total=n_tries, desc="tuning", unit="try") as bar:
            _Search(Yardstick(real, seed), start, n_pictures, screening, seed, mapped, part, bar).run(n_tries)

    folder = cached("tuned", json.loads(json.dumps(description)), build)
    history = pd.read_csv(folder / "history.csv")
    last = history.iloc[-1]
    shares = last[list(HABITS)].to_numpy(float)
    return Tuned(campaign_at(position_of(last), start, tuple(shares / shares.sum())), history)


def fingerprint(pictures: PictureSet) -> str:
    """Hexadecimal digits that stand for some pictures, to be part of the description of what follows from them."""
    everything = pictures.grey.tobytes() + pictures.mask.tobytes() + pictures.table.to_csv().encode()
    return hashlib.sha256(everything).hexdigest()[:16]


def position_of(values) -> np.ndarray:
    """Where the values (by name) of the parameters lie in the ranges of `SEARCHED`, from 0 to 1; by logarithm where 0 is out."""
    at = [
        np.log(max(values[name], 1e-9) / low) / np.log(high / low) if low > 0 else values[name] / high
        for name, (low, high) in SEARCHED.items()
    ]
    return np.clip(at, 0, 1)


def values_of(campaign: Campaign) -> dict[str, float]:
    """The parameters `SEARCHED` of a campaign, by name."""
    return {name: getattr(campaign if hasattr(campaign, name) else campaign.probe, name) for name in SEARCHED}


def places(campaign: Campaign) -> pd.Series:
    """Where a campaign lies in the ranges of `SEARCHED`, by name: what `position_of` says of its values."""
    return pd.Series(position_of(values_of(campaign)), list(SEARCHED))


def campaign_at(position: np.ndarray, start: Campaign, shares: tuple[float, ...] = ()) -> Campaign:
    """The campaign at a `position` (p,) from 0 to 1 in the ranges of `SEARCHED`, in all else as `start`."""
    places = zip(SEARCHED.items(), position.tolist(), strict=True)
    values = {name: low * (high / low) ** at if low > 0 else high * at for (name, (low, high)), at in places}
    own = {name: values.pop(name) for name in list(values) if hasattr(start, name)}
    return replace(start, probe=replace(start.probe, **values), shares=shares, **own)


class _Search:
    """One search, which keeps the outcome of each try in a folder."""

    def __init__(self, yardstick, start, n_pictures, screening, seed, mapped, part, bar):
        self.yardstick, self.start, self.n_pictures, self.screening = yardstick, start, n_pictures, screening
        self.seed, self.mapped, self.part, self.bar = seed, mapped, part, bar
        self.rows: list[dict] = []

    def run(self, n_tries: int) -> None:
        """Look at each parameter, then go where the linear model points to, and decide on the mixture."""
        first = position_of(values_of(self.start))
        left = self.outcome(first, "start")
        slopes = np.zeros((len(left), len(first)))
        for k in range(min(len(first), n_tries * 3 // 4 - 2)):
            aside = first.copy()
            aside[k] += _STEP if first[k] < 0.5 else -_STEP
            slopes[:, k] = (self.outcome(aside, list(SEARCHED)[k]) - left) / (aside[k] - first[k])
        place, left = first, self.outcome(first, "step", _MORE * self.n_pictures)
        reach, hold = _REACH, _HOLD * np.eye(len(first))
        while len(self.rows) < n_tries - 1:
            new = self.step(place, left, slopes, reach, hold, first)
            other = self.outcome(new, "step", _MORE * self.n_pictures)
            moved = new - place
            slopes += np.outer(other - left - slopes @ moved, moved) / max(moved @ moved, 1e-12)
            if _cost(other, new - first) < _cost(left, place - first):
                place, left, reach = new, other, min(1.3 * reach, 0.5)
            else:
                reach /= 2
        self.outcome(place, "mixture", _MOST * self.n_pictures, self.seed + 1)

    def step(self, place, left, slopes, reach, hold, first) -> np.ndarray:
        """The best place (p,) within reach by the linear model."""
        model, rest = np.vstack([slopes, hold]), np.concatenate([left, hold @ (place - first)])
        low, high = np.maximum(-reach, -place) - 1e-9, np.minimum(reach, 1 - place) + 1e-9
        return (place + lsq_linear(model, -rest, (low, high)).x).clip(0, 1)

    def outcome(self, place: np.ndarray, kind: str, n: int | None = None, seed: int | None = None) -> np.ndarray:
        """What the best mixture leaves (k,) between synthetic and real pictures at a place (p,), photographed or remembered."""
        file = self.part / f"try-{len(self.rows):04}.npz"
        if not file.exists():
            seed = self.seed if seed is None else seed
            campaign = campaign_at(place, self.start)
            take = functools.partial(photographed, campaign, self.yardstick.size, self.screening, seed)
            numbers = range(n or self.n_pictures)
            pictures = picture_set([row for row in self.mapped(take, numbers) if row is not None])
            weights, left = self.yardstick.best_mixture(pictures)
            asked, passed = (counted(labels) for labels in (map(campaign.habit, numbers), pictures.table.label))
            shares = shares_of_crystals(weights, asked, passed)
            written(file, functools.partial(np.savez, shares=shares, left=left))
        with np.load(file) as known:
            shares, left = known["shares"], known["left"]
        self.note(place, kind, shares, left)
        return left

    def note(self, place, kind, shares, left) -> None:
        """Add a row to the history."""
        names = dict(zip(HABITS, shares, strict=True))
        row = {"try": len(self.rows), "kind": kind, "distance": left @ left}
        self.rows.append(row | values_of(campaign_at(place, self.start)) | names)
        written(self.part / "history.csv", functools.partial(pd.DataFrame(self.rows).to_csv, index=False))
        self.bar.update()
        self.bar.set_postfix_str(f"distance {min(row['distance'] for row in self.rows):.4f}")


def counted(labels: Iterable[str]) -> np.ndarray:
    """How often each of `HABITS` is among some labels (habits,)."""
    counts = Counter(labels)
    return np.array([counts[habit] for habit in HABITS])


def _cost(left: np.ndarray, moved: np.ndarray) -> float:
    return float(left @ left + _HOLD**2 * moved @ moved)


def changes(before: Campaign, after: Campaign) -> pd.DataFrame:
    """Parameters before and after, how far each `moved` as a share of its range, the farthest first, and what each means."""
    old, new = values_of(before), values_of(after)
    table = pd.DataFrame({"before": old, "after": new, "meaning": meanings()})
    table.insert(2, "moved", places(after) - places(before))
    return table.sort_values("moved", key=np.abs, ascending=False)


def meanings() -> dict[str, str]:
    """What the parameters `SEARCHED` mean, with units, as the docstrings of `Campaign` and `Probe` tell."""
    found = {}
    for line in f"{Campaign.__doc__}\n{Probe.__doc__}".splitlines():
        names, _, meaning = line.strip().partition(" : ")
        first, *others = names.split(", ")
        found[first] = re.sub(r";[^\]]*$", "", meaning)
        found |= {name: f"spread of {first}" if name.endswith("_spread") else found[first] for name in others}
    return {name: found[name] for name in SEARCHED}
