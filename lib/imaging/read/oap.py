"""Silhouettes of optical array probes such as the 2D-S: binary pictures, one particle each, of 10 um pixels."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.imaging.read.files import BadImage, file_names, open_picture

#: What a name begins with, and the part of a labelled set that it tells.
_SPLITS = {"train_": "train", "inspect_": "inspection"}


class LabelledSilhouettes(NamedTuple):
    """Silhouettes with their habits."""

    masks: np.ndarray  #: (n, h, w) uint8, 1 in the particle; smaller pictures are padded to the largest, centred
    labels: np.ndarray  #: (n,) str, the folder of each file
    splits: np.ndarray  #: (n,) str, "train" or "inspection" as the file's name begins, else ""
    files: np.ndarray  #: (n,) str, relative to the folder read
    report: pd.DataFrame  #: every file and the reason why it was left out, or "": columns file, reason


def is_binary(picture: np.ndarray) -> bool:
    """Whether a picture has two values or can't have more."""
    if picture.dtype == bool:
        return True
    few = picture.ndim == 2 and _has_no_third_value(picture[::8, ::8]) and _has_no_third_value(picture)
    return few and bool(picture.min() < picture.max())


def _has_no_third_value(picture: np.ndarray) -> bool:
    return bool(((picture == picture.min()) | (picture == picture.max())).all())


def silhouette(picture: np.ndarray) -> np.ndarray:
    """Silhouette (h, w) uint8 of a picture (h, w) of two values: 1 where it hasn't the value of most pixels on the frame.

    Raises
    ------
    BadImage
        If the picture is smaller than 5 x 5, even, or has more than two values.
    """
    if min(picture.shape) < 5:
        raise BadImage(f"expected a silhouette of at least 5 x 5 pixels, got shape {picture.shape}")
    if picture.min() == picture.max():
        raise BadImage("even: there is no particle")
    if not is_binary(picture):
        raise BadImage(f"{len(np.unique(picture))} grey levels: expected the two of a silhouette")
    above = picture == picture.max()
    frame = np.concatenate([above[0], above[-1], above[1:-1, 0], above[1:-1, -1]])
    return (above != (2 * frame.sum() > len(frame))).astype(np.uint8)


def labelled_silhouettes(folder: Path) -> LabelledSilhouettes:
    """Every silhouette in `folder`/<class>/, in the order of classes and names, and a report of every file below `folder`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    report, shapes, packed = [], [], []
    for name in file_names(folder):
        reason = ""
        try:
            if name.count("/") != 1:
                raise BadImage("not in a folder of a class")
            mask = silhouette(open_picture(Path(folder, name), ("1", "L", "P"))[0])
            shapes.append(mask.shape)
            packed.append(np.packbits(mask))
        except BadImage as error:
            reason = str(error)
        report.append((name, reason))
    files = [name for name, reason in report if not reason]
    return LabelledSilhouettes(
        masks=_pad(shapes, packed),
        labels=np.array([name.split("/")[0] for name in files], str),
        splits=np.array([_split(name) for name in files], str),
        files=np.array(files, str),
        report=pd.DataFrame(report, columns=["file", "reason"]),
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
