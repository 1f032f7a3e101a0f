"""Photographs of crystals in the forms that networks learn from: with background, masked, and those of one crystal together."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import xarray as xr

from lib.datasets.batches import StoredPictures, stored
from lib.datasets.habit_pictures import CHUNK, LAYOUT, HabitPictures, habit_pictures
from lib.imaging.read.frame import frame, without_background
from lib.imaging.sensor import OAP_PIXEL_UM


class Photographs(NamedTuple):
    """One set of n photographs of c crystals.

    Attributes
    ----------
    plain : photographs (n, y, x) with their background
    masked : photographs (n, y, x) without background, dark ice bright
    by_crystal : the masked ones of each crystal (c, n / c, y, x)
    label : number of the habit of each photograph (n,)
    description : plain values that decide every byte of the photographs
    log_size : logarithm of each particle's size [um] (n,), or None where size is to play no part
    """

    plain: StoredPictures
    masked: StoredPictures
    by_crystal: StoredPictures
    label: np.ndarray
    description: dict
    log_size: np.ndarray | None = None


class PhotographSplit(NamedTuple):
    """Photographs to learn from, those that decide on the best epoch, and those on which all is scored."""

    train: Photographs
    validation: Photographs
    test: Photographs


def described(pictures: HabitPictures) -> dict:
    """Plain values that decide every byte of synthetic photographs."""
    return asdict(pictures) | {"layout": LAYOUT}


def synthetic_photographs(
    pictures: HabitPictures, batch: int, seed: int = 0, scheduler: str = "processes", in_memory: bool = True
) -> Photographs:
    """Photographs of synthetic crystals, built first where they are not in the cache.

    Parameters
    ----------
    batch : photographs, or crystals, in a batch
    seed : of the order of the batches
    in_memory : hold the photographs in memory; else each stretch is read from disk when it is needed
    """
    data = habit_pictures(pictures, scheduler)
    arrays = {name: data[name].to_numpy() if in_memory else _on_disk(data, name) for name in ("grey", "mask")}

    def read_plain(first: int, after: int) -> np.ndarray:
        return np.asarray(arrays["grey"][first:after])

    def read_masked(first: int, after: int) -> np.ndarray:
        return without_background(read_plain(first, after), np.asarray(arrays["mask"][first:after]))

    def read_by_crystal(first: int, after: int) -> np.ndarray:
        return read_masked(times * first, times * after).reshape(after - first, times, pictures.size, pictures.size)

    times = pictures.photographs
    lengths = (pictures.length, pictures.length, pictures.length // times)
    readers = (read_plain, read_masked, read_by_crystal)
    sources = (StoredPictures(read, n, min(batch, n), seed) for read, n in zip(readers, lengths, strict=True))
    return Photographs(*sources, data["label"].to_numpy().astype(int), described(pictures))


def _on_disk(data: xr.Dataset, name: str):
    """A variable whose slices are read one after the other, in this thread."""
    return data[name].chunk({"particle": CHUNK}).data


def silhouettes(masks: np.ndarray, labels: np.ndarray, size: int, batch: int, seed: int = 0, name: str = "") -> Photographs:
    """Real silhouettes (n, h, w) of 0 and 1 with their `labels` (n,), which are numbers; `name` tells which they are.

    There is no background to mask. The frame hides how large a particle is; its size is kept beside.
    """
    pictures, sizes = [], []
    for mask in masks:
        rows, columns = np.nonzero(mask)
        sizes.append(OAP_PIXEL_UM * (1 + max(np.ptp(rows), np.ptp(columns))))
        pictures.append(frame(255 * mask, mask, size)[0])
    source = stored(np.array(pictures), batch, seed)
    fingerprint = hashlib.sha256(np.array(pictures).tobytes()).hexdigest()[:16]
    description = {"name": name, "size": size, "n": len(masks), "pictures": fingerprint}
    return Photographs(source, source, source, labels, description, np.log(np.array(sizes)))
