"""Synthetic pictures as a field campaign brings them home: a mixture of habits, and the probe that flew."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import dask.system
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.core.cache import cached
from lib.core.processes import end_with_parent, worker_context
from lib.crystals.habits import HABITS, orientation, sample
from lib.crystals.solid import bounding_sphere, corners
from lib.datasets.picture_set import PictureSet, Row, apply_screening, measure, stack
from lib.imaging.probe.photograph import Probe, photograph
from lib.imaging.read.cpi import Particle, particle_in

#: Raised whenever the same description would give other pictures, so that older ones are not found again.
VERSION = 3
#: Largest particle, about twice what the sensor of the probe spans [um].
_LARGEST_UM = 4000.0
#: Pictures photographed for each that passes the screening, at most.
_MOST = 20
#: The golden ratio less one: its multiples fill the unit interval evenly, however many are taken.
_GOLDEN = 0.5 * (5**0.5 - 1)


@dataclass(frozen=True)
class Campaign:
    """Which crystals there were and what photographed them.

    Attributes
    ----------
    probe : the probe
    size : factor on the sizes of all crystals [1]
    size_spread : standard deviation of the logarithm of another, random factor for each crystal [1]
    shares : shares of the first of `HABITS` among the crystals, adding up to 1; equal ones of all habits if empty
    """

    probe: Probe = Probe()
    size: float = 1.0
    size_spread: float = 0.0
    shares: tuple[float, ...] = ()

    def __post_init__(self):
        if not self.size > 0 or not self.size_spread >= 0:
            raise ValueError(f"size, size_spread: expected more than 0 and at least 0, got {self.size}, {self.size_spread}")
        if self.shares and (len(self.shares) > len(HABITS) or min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6):
            raise ValueError(f"shares: expected at most {len(HABITS)} of at least 0 that add up to 1, got {self.shares}")

    @property
    def mixture(self) -> dict[str, float]:
        """Habit -> its share among the crystals."""
        shares = self.shares or len(HABITS) * (1 / len(HABITS),)
        return dict.fromkeys(HABITS, 0.0) | dict(zip(HABITS, shares, strict=False))

    def habit(self, i: int) -> str:
        """Habit of crystal number `i`; a small change of the shares changes few of them."""
        if not self.shares:
            return list(HABITS)[i % len(HABITS)]
        place = np.searchsorted(np.cumsum(self.shares), (0.5 + i * _GOLDEN) % 1)
        return list(HABITS)[min(int(place), len(HABITS) - 1)]


#: Another probe, larger crystals and another mixture than the default: the target of a search where there is no real one.
TARGET_CAMPAIGN = Campaign(
    replace(
        Probe(), clear_share=0.1, veil=0.28, texture=0.25, rim=0.12, lens_px=1.7, defocus_px=4.0, grain=0.018, grain_slope=2.0,
        streak=0.3, shading=0.05, margin_px=10.0, cut_chance=0.12,
    ),
    size=1.3,
    shares=(0.20, 0.05, 0.18, 0.24, 0.10, 0.10, 0.03, 0.08, 0.02),
)  # fmt: skip


def photograph_crystal(campaign: Campaign, size: int, screening: str, seed: int, i: int) -> Row | None:
    """Crystal number `i` of a campaign as a framed picture, or None if it doesn't show or doesn't pass the screening.

    Its random numbers depend on seed, habit and number alone, so that campaigns that differ little take alike pictures.
    """
    habit = campaign.habit(i)
    (solid,) = sample(habit, i + 1, seed, rows=range(i, i + 1))
    rng = np.random.default_rng([seed, 10, i])
    factor = campaign.size * np.exp(campaign.size_spread * np.clip(rng.standard_normal(), -2, 2))
    solid = solid.scaled(min(factor, _LARGEST_UM / (2 * bounding_sphere(corners(solid))[1])))
    photo = photograph(solid, orientation(habit, rng), campaign.probe, rng)
    if not photo.mask.any():
        return None
    (particle,) = apply_screening([particle_in(photo.grey, Particle(str(i), habit))], screening)
    return None if particle.reason else measure(particle, size)


@contextlib.contextmanager
def process_map(workers: int = 0) -> Iterator[Callable]:
    """A `map` that shares its calls among so many processes: 0 is one a core, 1 is this one."""
    workers = workers or dask.system.CPU_COUNT
    if workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers, worker_context(__name__), initializer=_begin_worker) as pool:
        yield functools.partial(pool.map, chunksize=8)


def _begin_worker() -> None:
    """One thread a process, for as long as there is somebody to work for."""
    end_with_parent()
    cv2.setNumThreads(1)


def campaign_pictures(
    campaign: Campaign, n: int, size: int, screening: str = "all", seed: int = 0, workers: int = 0, label: str = "photographing"
) -> PictureSet:
    """The first `n` pictures of a campaign that pass the `screening`, taken now if they are not in the cache.

    Raises
    ------
    ValueError
        If fewer than one in twenty passes.
    """
    description = {"campaign": asdict(campaign), "n": n, "size": size, "screening": screening, "seed": seed, "version": VERSION}

    def build(part: Path) -> None:
        with process_map(workers) as map_, tqdm(total=n, desc=label, unit="picture") as bar:
            photograph_one = functools.partial(photograph_crystal, campaign, size, screening, seed)
            _save(stack(_first_rows(photograph_one, n, map_, bar)), part)

    return _load(cached("campaign", json.loads(json.dumps(description)), build))


def _first_rows(photograph_one: Callable[[int], Row | None], n: int, map_: Callable, bar: tqdm) -> list[Row]:
    """The first `n` rows that are not None."""
    rows, n_photographed = [], 0
    while len(rows) < n:
        if n_photographed >= _MOST * n:
            raise ValueError(f"{len(rows)} of {n_photographed} pictures pass the screening, so {n} would take too long")
        numbers = range(n_photographed, n_photographed + max(8, (n - len(rows)) * 5 // 4))
        n_photographed = numbers.stop
        for row in map_(photograph_one, numbers):
            if row is not None and len(rows) < n:
                rows.append(row)
                bar.update()
    return rows


def _save(pictures: PictureSet, folder: Path) -> None:
    np.savez(folder / "pictures.npz", grey=pictures.grey, mask=pictures.mask)
    pictures.table.to_csv(folder / "table.csv", index=False)


def _load(folder: Path) -> PictureSet:
    names = ["file", "label", "group"]
    table = pd.read_csv(folder / "table.csv", dtype=dict.fromkeys(names, str))
    table[names] = table[names].fillna("")
    with np.load(folder / "pictures.npz") as arrays:
        return PictureSet(arrays["grey"], arrays["mask"], table)
