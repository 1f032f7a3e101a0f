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
from lib.datasets.picture_set import PictureSet, stack, thumbnails
from lib.datasets.synthetic_campaigns import VERSION as PHOTOGRAPHS
from lib.datasets.synthetic_campaigns import Campaign, photograph_crystal, process_map
from lib.evaluation.two_sample import EnergyDistance
from lib.imaging.probe.photograph import RANGES, Probe

#: Raised whenever the same search would go another way, so that older ones are not found again.
VERSION = 3
#: What is searched, and where: parameters of the campaign and of its probe.
SEARCHED: dict[str, tuple[float, float]] = {"size": (0.5, 2.0), "size_spread": (0.0, 0.6), "cut_chance": (0.02, 0.5), **RANGES}

#: Features that are taken as logarithms, and as they are.
_LOGARITHMS = "length_um background_std background_fine_std background_slow_std neighbour_std_x neighbour_std_y".split()
_PLAIN = "background_mean interior_mean interior_std bright_share edge_rise_px rim cut".split()
#: Principal components of small pictures among the features.
_COMPONENTS = 8
#: Step by which each parameter is tried, and the longest at first, as shares of the range.
_STEP, _REACH = 0.12, 0.25
#: How many times more pictures are taken for each step, and for the mixture at the end.
_MORE, _MOST = 3, 6
#: What holds parameters near the start, and shares near equal ones, where the pictures tell nothing.
_HOLD, _HOLD_SHARES = 0.02, 0.1


class PictureDistance:
    """How far synthetic pictures are from `real` ones: the energy distance of their features.

    Features are numbers of each picture (`lib.imaging.measure.photometry`), size, cut, filling, and principal components of small
    pictures; see `lib.evaluation.two_sample.EnergyDistance`.
    """

    def __init__(self, real: PictureSet, seed: int = 0):
        small, self.size = thumbnails(real), real.grey.shape[1]
        self.mean = small.mean(axis=0)
        self.components = np.linalg.svd(small - self.mean, full_matrices=False)[2][:_COMPONENTS].T
        self.energy_distance = EnergyDistance(self.features(real), seed)

    def features(self, pictures: PictureSet) -> np.ndarray:
        """Features (n, d), NaN where there is nothing to measure."""
        logarithms = np.log(pictures.table[_LOGARITHMS].to_numpy(float) + 1e-3)
        components = (thumbnails(pictures) - self.mean) @ self.components
        filling = pictures.mask.mean(axis=(1, 2))
        return np.column_stack([logarithms, pictures.table[_PLAIN].to_numpy(float), filling, components])

    def __call__(self, pictures: PictureSet) -> float:
        """Energy distance of some pictures from the real ones [1], about 0 for equal populations."""
        return self.energy_distance(self.features(pictures))

    def best_mixture(self, pictures: PictureSet) -> tuple[np.ndarray, np.ndarray]:
        """Shares (habits,) among pictures with which these, weighted, are nearest to the real ones, and the residual (g,).

        Distribution functions of a mixture are those of its parts times their shares: non-negative least squares.
        """
        labels, reference = pictures.table.label.to_numpy(), self.energy_distance.reference
        features = self.features(pictures)
        present = [habit for habit in HABITS if (labels == habit).any()]
        parts = np.stack([self.energy_distance.distribution_functions(features[labels == habit]) for habit in present])
        hold, one = _HOLD_SHARES * np.eye(len(present)), 1e3 * np.ones((1, len(present)))
        weights, _ = nnls(np.vstack([parts.T, hold, one]), np.concatenate([reference, hold.mean(axis=0), [1e3]]))
        weights /= weights.sum()
        shares = np.array([weights[present.index(habit)] if habit in present else 0.0 for habit in HABITS])
        return shares, weights @ parts - reference


def shares_of_crystals(shares: np.ndarray, n_crystals: np.ndarray, n_pictures: np.ndarray) -> np.ndarray:
    """Shares (habits,) among crystals that give these `shares` (habits,) among the pictures that pass the screening.

    Of each habit, `n_crystals` (habits,) were photographed and `n_pictures` (habits,) passed: one of which few pass, such as
    small spheres, must be the commoner among crystals. A habit of which none passed gets no share.
    """
    needed = shares * np.divide(n_crystals, n_pictures, out=np.zeros(len(shares)), where=n_pictures > 0)
    return needed / needed.sum()


class Tuning(NamedTuple):
    """The `campaign` that was found, and the `history`: a row for each try with its `kind`, `distance`, parameters, and the
    shares of habits among its crystals."""

    campaign: Campaign
    history: pd.DataFrame


def tune(
    real: PictureSet, start: Campaign, n_tries: int, n_pictures: int, screening: str = "all", seed: int = 0, workers: int = 0
) -> Tuning:
    """The campaign that comes nearest to `real` pictures, searched from `start` if it is not in the cache.

    Each of `SEARCHED` is changed once, for a first linear model of all distribution functions. Then steps of least squares
    follow, each of which improves the model (Broyden 1965, doi:10.1090/S0025-5718-1965-0198670-6). All tries photograph the same
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
        with process_map(workers) as map_, tqdm(total=n_tries, desc="tuning", unit="try") as bar:
            _Search(PictureDistance(real, seed), start, n_pictures, screening, seed, map_, part, bar).run(n_tries)

    folder = cached("tuned", json.loads(json.dumps(description)), build)
    history = pd.read_csv(folder / "history.csv")
    last = history.iloc[-1]
    shares = last[list(HABITS)].to_numpy(float)
    return Tuning(campaign_at(position_of(last), start, tuple(shares / shares.sum())), history)


def fingerprint(pictures: PictureSet) -> str:
    """Hexadecimal digits that stand for some pictures, to be part of the description of what follows from them."""
    everything = pictures.grey.tobytes() + pictures.mask.tobytes() + pictures.table.to_csv().encode("utf-8", "surrogateescape")
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


def positions(campaign: Campaign) -> pd.Series:
    """Where a campaign lies in the ranges of `SEARCHED`, by name: `position_of` its values."""
    return pd.Series(position_of(values_of(campaign)), list(SEARCHED))


def campaign_at(position: np.ndarray, start: Campaign, shares: tuple[float, ...] = ()) -> Campaign:
    """The campaign at a `position` (p,) from 0 to 1 in the ranges of `SEARCHED`, in all else as `start`."""
    ranges = zip(SEARCHED.items(), position.tolist(), strict=True)
    values = {name: low * (high / low) ** at if low > 0 else high * at for (name, (low, high)), at in ranges}
    own = {name: values.pop(name) for name in list(values) if hasattr(start, name)}
    return replace(start, probe=replace(start.probe, **values), shares=shares, **own)


class _Search:
    """One search, which writes the outcome of each try to a folder."""

    def __init__(self, distance, start, n_pictures, screening, seed, map_, part, bar):
        self.distance, self.start, self.n_pictures, self.screening = distance, start, n_pictures, screening
        self.seed, self.map, self.part, self.bar = seed, map_, part, bar
        self.rows: list[dict] = []

    def run(self, n_tries: int) -> None:
        """Change each parameter once, then go where the linear model points to, and decide on the mixture."""
        first = position_of(values_of(self.start))
        residual = self.residual(first, "start")
        slopes = np.zeros((len(residual), len(first)))
        for k in range(min(len(first), n_tries * 3 // 4 - 2)):
            aside = first.copy()
            aside[k] += _STEP if first[k] < 0.5 else -_STEP
            slopes[:, k] = (self.residual(aside, list(SEARCHED)[k]) - residual) / (aside[k] - first[k])
        place, residual = first, self.residual(first, "step", _MORE * self.n_pictures)
        reach, hold = _REACH, _HOLD * np.eye(len(first))
        while len(self.rows) < n_tries - 1:
            new = self.step(place, residual, slopes, reach, hold, first)
            other = self.residual(new, "step", _MORE * self.n_pictures)
            change = new - place
            slopes += np.outer(other - residual - slopes @ change, change) / max(change @ change, 1e-12)
            if _cost(other, new - first) < _cost(residual, place - first):
                place, residual, reach = new, other, min(1.3 * reach, 0.5)
            else:
                reach /= 2
        self.residual(place, "mixture", _MOST * self.n_pictures, self.seed + 1)

    def step(self, place, residual, slopes, reach, hold, first) -> np.ndarray:
        """The best place (p,) within reach by the linear model."""
        model, rest = np.vstack([slopes, hold]), np.concatenate([residual, hold @ (place - first)])
        low, high = np.maximum(-reach, -place) - 1e-9, np.minimum(reach, 1 - place) + 1e-9
        return (place + lsq_linear(model, -rest, (low, high)).x).clip(0, 1)

    def residual(self, place: np.ndarray, kind: str, n: int | None = None, seed: int | None = None) -> np.ndarray:
        """What the best mixture leaves (g,) between synthetic and real pictures at a place (p,), photographed or remembered."""
        file = self.part / f"try-{len(self.rows):04}.npz"
        if not file.exists():
            campaign = campaign_at(place, self.start)
            numbers = range(n or self.n_pictures)
            arguments = (campaign, self.distance.size, self.screening, self.seed if seed is None else seed)
            rows = self.map(functools.partial(photograph_crystal, *arguments), numbers)
            pictures = stack([row for row in rows if row is not None])
            weights, residual = self.distance.best_mixture(pictures)
            crystals, usable = (habit_counts(labels) for labels in (map(campaign.habit, numbers), pictures.table.label))
            shares = shares_of_crystals(weights, crystals, usable)
            written(file, functools.partial(np.savez, shares=shares, residual=residual))
        with np.load(file) as stored:
            self.note(place, kind, stored["shares"], stored["residual"])
            return stored["residual"]

    def note(self, place, kind, shares, residual) -> None:
        """Add a row to the history."""
        row = {"try": len(self.rows), "kind": kind, "distance": residual @ residual}
        self.rows.append(row | values_of(campaign_at(place, self.start)) | dict(zip(HABITS, shares, strict=True)))
        written(self.part / "history.csv", functools.partial(pd.DataFrame(self.rows).to_csv, index=False))
        self.bar.update()
        self.bar.set_postfix_str(f"distance {min(row['distance'] for row in self.rows):.4f}")


def habit_counts(labels: Iterable[str]) -> np.ndarray:
    """How often each of `HABITS` is among some labels (habits,)."""
    counts = Counter(labels)
    return np.array([counts[habit] for habit in HABITS])


def _cost(residual: np.ndarray, change: np.ndarray) -> float:
    return float(residual @ residual + _HOLD**2 * change @ change)


def parameter_changes(before: Campaign, after: Campaign) -> pd.DataFrame:
    """Parameters before and after, the `change` of each as a share of its range, the largest first, and what each means."""
    old, new = values_of(before), values_of(after)
    table = pd.DataFrame({"before": old, "after": new, "meaning": meanings()})
    table.insert(2, "change", positions(after) - positions(before))
    return table.sort_values("change", key=np.abs, ascending=False)


def meanings() -> dict[str, str]:
    """What the parameters `SEARCHED` mean, with units, as the docstrings of `Campaign` and `Probe` tell."""
    found = {}
    for line in f"{Campaign.__doc__}\n{Probe.__doc__}".splitlines():
        names, _, meaning = line.strip().partition(" : ")
        first, *others = names.split(", ")
        found[first] = re.sub(r";[^\]]*$", "", meaning)
        found |= {name: f"spread of {first}" if name.endswith("_spread") else found[first] for name in others}
    return {name: found[name] for name in SEARCHED}
