"""Pictures to learn from: crystals seen anew in every batch, and data sets of pictures that are kept."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from scipy.spatial.transform import Rotation

from lib.core.seeds import child_seed, generator
from lib.crystals.rosette import ROSETTE_MODELS, Rosette
from lib.datasets.batches import SeededDataset
from lib.datasets.rosettes import LABEL, TARGETS, Views, crystals_of, rosette_views
from lib.imaging.draw.rasteriser import Rosettes, corners, coverage, stack
from lib.imaging.draw.stack import Stack
from lib.imaging.read.segmentation import fill_holes


class Batch(NamedTuple):
    """Pictures of B crystals from V sides, and what is to be learned of them.

    Attributes
    ----------
    pictures : (B, V, S, S) uint8 counts of 0 to 4
    origins : (B, V, 2) x and y of the point from which the bullets grow, from the middle of the picture [half sides]; y is down
    values : (B, 2) `rho_e` and `a_e`
    labels : (B,) numbers of bullets as labels from 0 on
    """

    pictures: torch.Tensor
    origins: torch.Tensor
    values: torch.Tensor
    labels: torch.Tensor


class FreshPictures(SeededDataset):
    """Pictures of a data set's crystals in orientations that no batch shares, drawn while a network trains.

    Parameters
    ----------
    views : the data set whose crystals and targets are used; its orientations and pictures are not
    angles_deg : turn of each view [deg]
    batch, steps : crystals in a batch, and batches in an epoch
    seed : another seed gives other orientations and another order of the crystals
    device : on "cuda" pictures are drawn there by `lib.imaging.draw.rasteriser`, else by `lib.imaging.draw.stack`
    outlines : give pictures `as_outlines`
    """

    def __init__(
        self, views: Views, angles_deg: tuple[float, ...], batch: int, steps: int, seed: int = 0, device: str = "cpu",
        scheduler: str = "processes", outlines: bool = False,
    ):  # fmt: skip
        super().__init__(seed)
        if batch < 2 or steps < 1:
            raise ValueError(f"batch must be at least 2 and steps at least 1, got {batch} and {steps}")
        self.size, self.angles_deg, self.batch, self.steps = views.size, angles_deg, batch, steps
        self.values, self.labels = targets_of(rosette_views(views, scheduler))
        self.drawer, self.outlines = _drawer(views, device, scheduler), outlines

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        return map(self._batch, range(self.steps))

    def _batch(self, step: int) -> Batch:
        """Batch number `step` of the epoch."""
        rng = generator(self.seed, "fresh pictures", self.epoch, step)
        rows = rng.integers(len(self.values), size=self.batch)
        orientations = Rotation.random(self.batch, rng=rng).as_matrix()
        pictures, origins = self.drawer(rows, orientations, self.angles_deg, self.size)
        pictures = as_outlines(pictures) if self.outlines else pictures
        return Batch(pictures, origins, self.values[rows], self.labels[rows])


@functools.lru_cache(maxsize=2)
def _drawer(views: Views, device: str, scheduler: str) -> _OnCpu | _OnGpu:
    """What draws the crystals of a data set; kept, since several networks learn from the same ones."""
    crystals = crystals_of(rosette_views(views, scheduler))
    return _OnGpu(crystals, device) if device.startswith("cuda") else _OnCpu(crystals)


class _OnCpu:
    """Draws some of the crystals in compiled code."""

    def __init__(self, crystals: list[Rosette]):
        batch = stack(crystals, dtype=torch.float64)
        own = batch.present.numpy()
        self.stack = Stack.of_bullets(corners(batch).numpy()[own], own.sum(axis=1), batch.sphere.numpy())

    def __call__(self, rows, orientations, angles_deg, size) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = self.stack.silhouettes(rows, orientations, angles_deg, size)
        return torch.from_numpy(drawn.coverage), half_sides(torch.from_numpy(drawn.origin_px), size)


class _OnGpu:
    """Draws some of the crystals on a torch device, where they and the pictures stay."""

    def __init__(self, crystals: list[Rosette], device: str):
        self.batch, self.device = stack(crystals, device), device

    def __call__(self, rows, orientations, angles_deg, size) -> tuple[torch.Tensor, torch.Tensor]:
        chosen: Rosettes = self.batch[torch.as_tensor(rows, device=self.device)]
        turns = torch.as_tensor(orientations, dtype=torch.float32, device=self.device)
        drawn = coverage(chosen, turns, angles_deg, size)
        return drawn.coverage, half_sides(drawn.origin_px, size)


def half_sides(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """Positions [pixels from the upper left corner] as distances from the middle of the picture [half sides]."""
    return (2 * pixels / size - 1).float()


def as_outlines(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, V, S, S) of counts as real ones are read: 4 inside the outline of what is half covered, without holes."""
    half = (pictures >= 2).to(torch.uint8).cpu().numpy()
    filled = np.stack([fill_holes(mask) for mask in half.reshape(-1, *half.shape[2:])])
    return torch.from_numpy(4 * filled.reshape(half.shape)).to(pictures.device)


def targets_of(data: xr.Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each crystal of a data set: `rho_e` and `a_e` (n, 2), and its number of bullets as a label (n,) from 0 on."""
    values = np.stack([data[name].to_numpy() for name in TARGETS], axis=1)
    labels = data[LABEL].to_numpy().astype(np.int64) - ROSETTE_MODELS[data.attrs["model"]].bullets[0]
    return torch.tensor(values, dtype=torch.float32), torch.from_numpy(labels)


def stored_batches(data: xr.Dataset, views: tuple[int, ...], batch: int = 500) -> list[Batch]:
    """The pictures that a data set holds as batches, each crystal and orientation with the `views` at these positions."""
    pictures = torch.from_numpy(pictures_of(data, views))
    repeats = data.sizes["orientation"]
    values, labels = (part.repeat_interleave(repeats, 0) for part in targets_of(data))
    whole = Batch(pictures, origins_of(data, views), values, labels)
    return [Batch(*parts) for parts in zip(*(part.split(batch) for part in whole), strict=True)]


def pictures_of(data: xr.Dataset, views: tuple[int, ...] = (0,)) -> np.ndarray:
    """The pictures (crystal x orientation, view, y, x) uint8 of a data set, in the order of its rows; `views` are positions."""
    pictures = data["silhouette"].isel(view=list(views)).to_numpy()
    return pictures.reshape(-1, *pictures.shape[2:])


def origins_of(data: xr.Dataset, views: tuple[int, ...] = (0,)) -> torch.Tensor:
    """The crystals' origins (crystal x orientation, view, 2) in the pictures of `pictures_of`, as of `Batch`."""
    origin_px = torch.from_numpy(data["origin_px"].isel(view=list(views)).to_numpy())
    return half_sides(origin_px.flatten(0, 1), data.sizes["x"])


class Sets(NamedTuple):
    """Descriptions of four data sets of different crystals: to learn from, to choose the epoch, to calibrate, and to test."""

    crystals: Views
    validation: Views
    calibration: Views
    test: Views


def sets(n_crystals: int, n_held: int, n_test: int, angles_deg: tuple[float, ...], size: int, seed: int) -> Sets:
    """Four data sets whose crystals come from different seeds; only the last three keep pictures.

    `n_held` crystals are for validation (two orientations) and twice as many for calibration (one orientation, so that
    they are independent); the `n_test` crystals of the test have two orientations.
    """
    seeds = [child_seed(seed, "rosettes", part) for part in Sets._fields]
    return Sets(
        Views(n_crystals, 1, angles_deg, seeds[0], size, pictures=False),
        Views(n_held, 2, angles_deg, seeds[1], size),
        Views(2 * n_held, 1, angles_deg, seeds[2], size),
        Views(n_test, 2, angles_deg, seeds[3], size),
    )
