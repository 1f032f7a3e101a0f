"""Sets of framed pictures, one particle each, with a table of numbers: the same for real and for synthetic ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from lib.imaging.measure.photometry import photometry
from lib.imaging.read.cpi import Particle, screen
from lib.imaging.read.frame import frame, without_background
from lib.imaging.read.oap import is_binary
from lib.imaging.read.segmentation import without_print

#: Name of a screening -> its limits for `lib.imaging.read.cpi.screen`. All particles that pass are at least 50 pixels long.
SCREENINGS: dict[str, dict[str, float]] = {
    "all": {"most_cut": 1.0, "most_blur_px": np.inf},
    "whole": {},
}


class Row(NamedTuple):
    """One particle: its framed `grey` and `mask` (S, S) uint8, and its `numbers`, see `PictureSet.table`."""

    grey: np.ndarray
    mask: np.ndarray
    numbers: dict


@dataclass(frozen=True)
class PictureSet:
    """Pictures of one origin.

    Attributes
    ----------
    grey, mask : (n, S, S) uint8, centred and scaled (`lib.imaging.read.frame.frame`), printed digits removed
    table : n rows with `file`, `label` (habit, or ""), `group` (page, or ""), `length_um`, `cut`, `blur_px`
        (`lib.imaging.read.cpi.Particle`), and the numbers of `lib.imaging.measure.photometry.photometry`
    """

    grey: np.ndarray
    mask: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def masked(self) -> np.ndarray:
        """Pictures (n, S, S) uint8 without background, dark ice bright."""
        return without_background(self.grey, self.mask)

    def select(self, rows: np.ndarray | slice) -> PictureSet:
        """The pictures of some rows."""
        return PictureSet(self.grey[rows], self.mask[rows], self.table.iloc[rows].reset_index(drop=True))


def apply_screening(found: Iterable[Particle], screening: str) -> Iterator[Particle]:
    """The same particles, with a reason for those that a comparison of grey pictures leaves out.

    Raises
    ------
    ValueError
        If `screening` is none of `SCREENINGS`.
    """
    if screening not in SCREENINGS:
        raise ValueError(f"screening: expected one of {', '.join(SCREENINGS)}, got {screening!r}")
    for particle in screen(found, **SCREENINGS[screening]):
        if not particle.reason and is_binary(particle.grey):
            particle = particle._replace(reason="a silhouette without grey levels")
        yield particle


def measure(particle: Particle, size: int) -> Row:
    """A particle framed in `size` x `size` pixels, with the numbers of its picture before framing."""
    numbers = {name: getattr(particle, name) for name in ("file", "label", "group", "length_um", "cut", "blur_px")}
    numbers |= photometry(particle.grey, particle.mask)
    return Row(*frame(without_print(particle.grey), particle.mask, size), numbers)


def stack(rows: Sequence[Row]) -> PictureSet:
    """The set of some rows, at least one."""
    grey, mask, numbers = zip(*rows, strict=True)
    return PictureSet(np.stack(grey), np.stack(mask), pd.DataFrame(numbers))


def concatenate(sets: Sequence[PictureSet]) -> PictureSet:
    """Several sets as one."""
    grey, mask = (np.concatenate([getattr(pictures, name) for pictures in sets]) for name in ("grey", "mask"))
    return PictureSet(grey, mask, pd.concat([pictures.table for pictures in sets], ignore_index=True))


def thumbnails(pictures: PictureSet, side: int = 16) -> np.ndarray:
    """Pictures without background, (n, side^2) float32 of 0 to 1, each pixel the mean over what it covers."""
    small = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures.masked]
    return np.stack(small).reshape(len(pictures), -1).astype(np.float32) / 255


def mirror_images(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, S, S) with their three mirror images (4 n, S, S): a particle may lie any way."""
    return np.concatenate([pictures, pictures[:, ::-1], pictures[:, :, ::-1], pictures[:, ::-1, ::-1]])
