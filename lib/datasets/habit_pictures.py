"""Pictures of synthetic crystals of the nine habits as a probe would take them, built once as a Zarr store."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import dask.array
import numpy as np
import xarray as xr
import zarr

from lib.core.cache import cached
from lib.core.seeds import generator
from lib.core.stores import build_store
from lib.crystals.habits import HABITS, orientation, sample
from lib.imaging.probe.photograph import Probe, photograph
from lib.imaging.read.files import BadImage
from lib.imaging.read.frame import frame
from lib.imaging.read.segmentation import particle_mask

#: Raised whenever the same description would give other bytes, so that older stores are not found again.
LAYOUT = 3
#: Pictures in one task of the build, and in one chunk of the store.
BLOCK, CHUNK = 144, 72
#: A probe whose pictures passed a screening: particles are whole and fairly sharp, as in sets that people label.
SCREENED = replace(Probe(), cut_chance=0.0, defocus_px=1.0, defocus_spread=0.6)


@dataclass(frozen=True)
class HabitPictures:
    """What a data set holds: every byte follows from these values.

    Attributes
    ----------
    n_each : crystals of each habit
    photographs : how often each crystal is photographed, each time in another orientation
    seed : another seed gives other crystals
    size : side of the square pictures [pixels]
    probe : the probe that takes them
    habits : the habits, in the order of their numbers in `label`
    """

    n_each: int
    photographs: int = 1
    seed: int = 0
    size: int = 64
    probe: Probe = Probe()
    habits: tuple[str, ...] = tuple(HABITS)

    def __post_init__(self):
        for name in ("n_each", "photographs", "size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        unknown = set(self.habits) - set(HABITS)
        if unknown or not self.habits:
            raise ValueError(f"habits: expected some of {', '.join(HABITS)}, got {', '.join(sorted(unknown)) or 'none'}")

    @property
    def length(self) -> int:
        """Number of pictures."""
        return self.n_each * len(self.habits) * self.photographs


def habit_pictures(pictures: HabitPictures, scheduler: str = "processes", workers: int | None = None) -> xr.Dataset:
    """The data set that `pictures` describes, opened lazily; built first, with a progress bar, where it is not in the cache.

    The mask of a picture is found in it as in a real one (`lib.imaging.read.segmentation.particle_mask`); where none is found,
    the true silhouette stands in, or the whole picture where the frame has cut that away. Photographs of a crystal follow each
    other; habits take turns from crystal to crystal, so that any stretch of particles holds all of them.

    Returns
    -------
    Dataset with dimensions particle, y, x: `grey` and `mask` uint8, centred and scaled (`lib.imaging.read.frame.frame`), `label`
    (the number of the habit) and `found` (whether a mask was found); coordinate `habit` (the short names).
    """
    description = asdict(pictures) | {"layout": LAYOUT}
    task = functools.partial(_take_block, pictures)
    label = f"{pictures.length} pictures"

    def build(part: Path) -> None:
        build_store(part, pictures.length, BLOCK, lambda: _template(pictures), task, label, scheduler, workers)

    folder = cached("habits", description, build)
    return xr.open_zarr(folder / "data.zarr", chunks={"particle": BLOCK})


def _take_block(pictures: HabitPictures, store: str, start: int) -> None:
    """Take the pictures from `start` on and write them to the store."""
    cv2.setNumThreads(1)  # the blocks are parallel already
    group = zarr.open_group(store, mode="r+")
    stop = min(start + BLOCK, pictures.length)
    taken = [_taken(pictures, i) for i in range(start, stop)]
    with zarr.config.set({"array.write_empty_chunks": True}):
        for name, values in zip(("grey", "mask", "label", "found"), map(np.stack, zip(*taken, strict=True)), strict=True):
            group[name][start:stop] = values


def _taken(pictures: HabitPictures, i: int) -> tuple[np.ndarray, np.ndarray, np.uint8, bool]:
    """Picture number `i`: grey, mask, label, and whether the mask was found in the picture."""
    habits = pictures.habits
    number, label = divmod(i // pictures.photographs, len(habits))
    (solid,) = sample(habits[label], number + 1, pictures.seed, rows=range(number, number + 1))
    rng = generator(pictures.seed, "habits", "photograph", i)
    photo = photograph(solid, orientation(habits[label], rng), pictures.probe, rng)
    mask = _found_mask(photo.grey)
    found = mask is not None
    if not found:
        mask = photo.mask if photo.mask.any() else np.ones_like(photo.mask)
    return *frame(photo.grey, mask, pictures.size), np.uint8(label), found


def _found_mask(grey: np.ndarray) -> np.ndarray | None:
    """Mask (h, w) of the particle in a picture, None where none is found."""
    try:
        mask = particle_mask(grey)
    except BadImage:
        return None
    return mask if mask.any() else None


def _template(pictures: HabitPictures) -> xr.Dataset:
    """The whole data set without its values."""

    def zeros(*tail: int, dtype: str = "uint8") -> dask.array.Array:
        return dask.array.zeros((pictures.length, *tail), dtype=dtype, chunks=(BLOCK if not tail else CHUNK, *tail))

    square = (pictures.size, pictures.size)
    return xr.Dataset(
        {
            "grey": (("particle", "y", "x"), zeros(*square), {"units": "1", "long_name": "grey level, bright is 255"}),
            "mask": (("particle", "y", "x"), zeros(*square), {"units": "1", "long_name": "1 inside the particle"}),
            "label": ("particle", zeros(), {"units": "1", "long_name": "number of the habit"}),
            "found": ("particle", zeros(dtype="bool"), {"units": "1", "long_name": "whether the mask was found in the picture"}),
        },
        coords={"habit": list(pictures.habits)},
        attrs={"title": "Synthetic pictures of nine ice-crystal habits"},
    )
