"""Silhouettes of optical array probes such as the 2D-S and the CIP: pictures of one particle each, of two levels or a few."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from lib.imaging.read.files import BadImage, file_names, is_lossy, open_below
from lib.imaging.read.palette import grey_levels
from lib.imaging.read.segmentation import largest_particle

#: What a name begins with, and the part of a labelled set that it tells.
_SPLITS = {"train_": "train", "inspect_": "inspection"}


class LabelledSilhouettes(NamedTuple):
    """Silhouettes with their habits."""

    masks: np.ndarray  #: (n, h, w) uint8, 1 in the particle; smaller pictures are padded to the largest, centred
    labels: np.ndarray  #: (n,) str, the folder of each file
    splits: np.ndarray  #: (n,) str, "train" or "inspection" as the file's name begins, else ""
    files: np.ndarray  #: (n,) str, relative to the folder read
    report: pd.DataFrame  #: every file, the reason why it was left out, or "", and what else was found: file, reason, remark


def is_binary(picture: np.ndarray) -> bool:
    """Whether a picture has two values or can't have more."""
    if picture.dtype == bool:
        return True
    few = picture.ndim == 2 and _has_no_third_value(picture[::8, ::8]) and _has_no_third_value(picture)
    return few and bool(picture.min() < picture.max())


def _has_no_third_value(picture: np.ndarray) -> bool:
    return bool(((picture == picture.min()) | (picture == picture.max())).all())


def has_few_levels(grey: np.ndarray) -> bool:
    """Whether a picture (h, w) uint8 has three or four levels, as of a grey-level probe: none, 25, 50 and 75 % of shadow."""
    return int(np.count_nonzero(np.bincount(grey.ravel(), minlength=256))) in (3, 4)


def without_ringing(grey: np.ndarray) -> np.ndarray:
    """The picture of two or four levels that JPEG or WebP made `grey` (h, w) uint8 of; any other picture as it is.

    It was one of two levels if the medians of the darker and the brighter half of its levels lie at least 32 apart, 45 % of its
    pixels have one of these and 60 % of each half are within 8 levels, and at most 0.5 % are in the middle half between. It was
    one of four even steps if 60 % of the pixels that are well between lie near to a third or two thirds of the way, and these are
    1 % of all, at least.
    """
    count, levels = np.bincount(grey.ravel(), minlength=256), np.arange(256)
    middle = (int(grey.min()) + int(grey.max())) // 2 + 1
    halves = slice(middle), slice(middle, None)
    if grey.min() == grey.max():
        return grey
    dark, bright = (int(levels[half][np.searchsorted(np.cumsum(count[half]), count[half].sum() / 2)]) for half in halves)
    apart = np.minimum(np.abs(levels - dark), np.abs(levels - bright))
    even = all(count[half][apart[half] <= 8].sum() >= 0.6 * count[half].sum() for half in halves)
    between = (apart > (bright - dark) / 4) & (levels > dark) & (levels < bright)
    flat = bright - dark >= 32 and count[[dark, bright]].sum() >= 0.45 * grey.size
    if flat and even and count[between].sum() <= 0.005 * grey.size:
        return np.where(grey < middle, dark, bright).astype(np.uint8)
    return _without_ringing_of_steps(grey, count)


def _without_ringing_of_steps(grey: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The picture of four even steps that `grey` (h, w) uint8 was made of; `count` (256,) tells how often it has each level."""
    lowest, highest = int(grey.min()), int(grey.max())
    quarter = (highest - lowest) // 4 + 1
    dark = lowest + int(count[lowest : lowest + quarter].argmax())
    bright = highest + 1 - quarter + int(count[highest + 1 - quarter : highest + 1].argmax())
    way = (np.arange(256) - dark) / max(bright - dark, 1)
    between = (way > 1 / 8) & (way < 7 / 8)
    near = between & (np.minimum(np.abs(way - 1 / 3), np.abs(way - 2 / 3)) < 1 / 16)
    n_between = int(count[between].sum())
    flat = count[[dark, bright]].sum() >= 0.45 * grey.size
    if not flat or n_between < 0.01 * grey.size or count[near].sum() < 0.6 * n_between:
        return grey
    steps = np.round(dark + (bright - dark) * np.round(3 * way).clip(0, 3) / 3).astype(np.uint8)
    return steps[grey]


def silhouette(picture: np.ndarray) -> np.ndarray:
    """Silhouette (h, w) uint8 of a picture (h, w) of two values: 1 where it hasn't that of the background.

    What is background, corners and frame tell, see `is_background`.

    Raises
    ------
    BadImage
        If the picture is smaller than 5 x 5, even, or has more than two values, or if the particle covers so much of the frame
        that either of them may be the background.
    """
    _check(picture)
    if not is_binary(picture):
        raise BadImage(f"{len(np.unique(picture))} grey levels: expected the two of a silhouette")
    above = picture == picture.max()
    return (above != is_background(above)).astype(np.uint8)


def half_shadow(picture: np.ndarray) -> np.ndarray:
    """Silhouette (h, w) uint8 of a picture (h, w) of a grey-level probe: 1 where at least half of the light was missing.

    Background is as for `silhouette`.

    Raises
    ------
    BadImage
        As by `silhouette`, whatever the number of levels.
    """
    _check(picture)
    above = picture > _middle(picture)
    return (above != is_background(above)).astype(np.uint8)


def _check(picture: np.ndarray) -> None:
    if min(picture.shape) < 5:
        raise BadImage(f"expected a silhouette of at least 5 x 5 pixels, got shape {picture.shape}")
    if picture.min() == picture.max():
        raise BadImage("even: there is no particle")


def _middle(picture: np.ndarray) -> float:
    """The level in the middle between the lowest and the highest of a picture."""
    return (float(picture.min()) + float(picture.max())) / 2


def is_background(above: np.ndarray) -> bool:
    """Whether the background is where `above` (h, w) bool is true, rather than elsewhere.

    The background has all corners or, where the particle has some, three of them and two thirds of the frame. A particle is
    whole where the background is not: of two sides that reach the frame, one in one piece and one in several, it is the former.
    If that tells nothing either, two thirds of the frame do.

    Raises
    ------
    BadImage
        If none of this tells.
    """
    n_corners = int(above[[0, 0, -1, -1], [0, -1, 0, -1]].sum())
    share = float(np.concatenate([above[0], above[-1], above[1:-1, 0], above[1:-1, -1]]).mean())
    if n_corners in (0, 4):
        return n_corners == 4
    most = share > 0.5
    certain = max(share, 1 - share) >= 2 / 3
    if certain and (n_corners - 2) * (share - 0.5) > 0:
        return most
    pieces, other_pieces = _pieces_on_frame(above), _pieces_on_frame(~above)
    if (pieces == 1) != (other_pieces == 1):
        return other_pieces == 1
    if not certain:
        raise BadImage("touches the frame: what is particle and what background can't be told")
    return most


def _pieces_on_frame(mask: np.ndarray) -> int:
    """How many pieces of a mask (h, w) bool reach the frame; those with less than a tenth of the largest one's area are none."""
    _, piece, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    ring = np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]])
    area = stats[np.setdiff1d(ring, 0), cv2.CC_STAT_AREA]
    return int((area >= 0.1 * area.max(initial=0)).sum())


def open_levels(folder: Path, name: str) -> np.ndarray:
    """Grey levels (h, w) uint8 of the picture `name` below `folder`, or two values where it has no more, whatever their colours.

    What JPEG and WebP add to a picture of two or four levels is taken away, see `without_ringing`.

    Raises
    ------
    BadImage
        See `lib.imaging.read.files.open_below` and `lib.imaging.read.palette.grey_levels`.
    """
    pixels, colours = open_below(folder, name)
    if is_binary(pixels):
        return pixels
    grey = grey_levels(pixels, colours)
    return without_ringing(grey) if is_lossy(Path(folder, name)) else grey


def labelled_silhouettes(folder: Path) -> LabelledSilhouettes:
    """Every silhouette in `folder`/<class>/, in the order of classes and names, and a report of every file below `folder`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    report, shapes, packed = [], [], []
    for name in file_names(folder):
        reason = remark = ""
        try:
            if name.count("/") != 1:
                raise BadImage("not in a folder of a class")
            mask = silhouette(open_levels(folder, name))
            n_particles = largest_particle(mask)[1]
            remark = f"{n_particles} particles" if n_particles > 1 else ""
            shapes.append(mask.shape)
            packed.append(np.packbits(mask))
        except BadImage as error:
            reason = str(error)
        report.append((name, reason, remark))
    files = [name for name, reason, _ in report if not reason]
    return LabelledSilhouettes(
        masks=_pad(shapes, packed),
        labels=np.array([name.split("/")[0] for name in files], str),
        splits=np.array([_split(name) for name in files], str),
        files=np.array(files, str),
        report=pd.DataFrame(report, columns=["file", "reason", "remark"]),
    )


def _pad(shapes: list[tuple[int, int]], packed: list[np.ndarray]) -> np.ndarray:
    """Masks (n, h, w) uint8 of their `shapes` and `packed` bits, each in the middle of the largest height and width."""
    masks = np.zeros((len(packed), *np.max(shapes, axis=0)) if shapes else (0, 0, 0), np.uint8)
    for padded, (height, width), bits in zip(masks, shapes, packed, strict=True):
        top, left = (padded.shape[0] - height) // 2, (padded.shape[1] - width) // 2
        mask = np.unpackbits(bits, count=height * width).reshape(height, width)
        padded[top : top + height, left : left + width] = mask
    return masks


def _split(name: str) -> str:
    """The part of a labelled set that a file's name tells: "train", "inspection" or ""."""
    file = name.rsplit("/", 1)[-1]
    return next((split for start, split in _SPLITS.items() if file.startswith(start)), "")
