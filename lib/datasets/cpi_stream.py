"""Reading a folder of CPI pictures block by block, in parallel, as framed particles: few of any number are in memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib.datasets.picture_set import apply_screening
from lib.imaging.measure.descriptors import PUBLISHED, describe
from lib.imaging.read.cpi import particles_of
from lib.imaging.read.frame import frame, without_background
from lib.imaging.read.segmentation import without_print

#: What a row says of each particle, see `lib.imaging.read.cpi.Particle`.
FIELDS = ("file", "label", "group", "time", "length_um", "cut", "blur_px", "reason", "pixel_um", "n_particles", "remark")


class Framed(NamedTuple):
    """One particle: its `numbers` (`FIELDS`, and the published descriptors unless it has a reason to be left out) and its
    `picture` (S, S) uint8 without background, or None.
    """

    numbers: dict
    picture: np.ndarray | None


class Block(NamedTuple):
    """Some files, one after the other: their `names`, and the `particles` on them."""

    names: list[str]
    particles: list[Framed]


def read(folder: Path, size: int, screening: str, probe: str | float, name: str) -> list[Framed]:
    """All particles in one file; those that pass a `screening` of `lib.datasets.picture_set` are framed to `size` pixels.

    For `probe` see `lib.imaging.read.cpi.particles`.
    """
    found = []
    for particle in apply_screening(particles_of(folder, name, probe), screening):
        numbers, picture = {field: getattr(particle, field) for field in FIELDS}, None
        if not particle.reason:
            numbers |= dict(zip(PUBLISHED, describe(particle.mask[None]).values[0], strict=True))
            picture = without_background(*frame(without_print(particle.grey), particle.mask, size))
        found.append(Framed(numbers, picture))
    return found


def blocks(
    names: Iterable[str], folder: Path, size: int, screening: str, probe: str | float, length: int, map_: Callable = map
) -> Iterator[Block]:
    """The files `names` of a folder, `length` at a time; while one block is in use, the next is read.

    Parameters
    ----------
    probe : see `lib.imaging.read.cpi.particles`
    map_ : a `map`, as `lib.datasets.synthetic_campaigns.process_map` has one of several processes
    """
    names, ahead = iter(names), None
    while chosen := list(islice(names, length)):
        reading = map_(functools.partial(read, folder, size, screening, probe), chosen)
        if ahead:
            yield _block(*ahead)
        ahead = chosen, reading
    if ahead:
        yield _block(*ahead)


def _block(names: list[str], reading: Iterable[list[Framed]]) -> Block:
    return Block(names, [particle for found in reading for particle in found])
