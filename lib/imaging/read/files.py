"""Picture files below a folder: their names in order, and what can be read of each, whatever lies there."""

from __future__ import annotations

import heapq
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

#: What pictures may be: formats that Pillow reads by itself, and pixels.
_FORMATS = ("PNG", "TIFF", "BMP", "GIF", "JPEG", "PPM")
_MAX_PIXELS = 4096 * 4096
#: Kinds of pixels that are read, in Pillow's notation: binary, 8-bit grey, palette and colours.
MODES = ("1", "L", "P", "RGB", "RGBA")
#: Names of one folder that are in memory at a time.
_NAMES = 50_000


class BadImage(ValueError):
    """A file that can't be used; the message says why."""


def file_names(folder: Path) -> Iterator[str]:
    """Names of all files below `folder`, relative to it, in order.

    A large folder is gone through once for each 50,000 names, so that it takes no more memory than a small one. Links to
    folders, and folders that can't be opened, count as files.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    return _below(os.fspath(folder), "")


def _below(root: str, folder: str) -> Iterator[str]:
    last = ""
    while True:
        with os.scandir(os.path.join(root, folder)) as entries:
            later = ((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name > last)
            batch = heapq.nsmallest(_NAMES, later)
        for last, is_folder in batch:
            name = f"{folder}/{last}" if folder else last
            if is_folder and os.access(os.path.join(root, name), os.R_OK | os.X_OK):
                yield from _below(root, name)
            else:
                yield name
        if len(batch) < _NAMES:
            return


def open_picture(path: Path, modes: tuple[str, ...] = MODES) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels of a picture, (h, w) bool or uint8 or (h, w, 3 or 4) uint8, and the colours (k, 3) uint8 of its palette, if any.

    Raises
    ------
    BadImage
        If the file is no picture, broken off, larger than 4096 x 4096, several pictures, or not of one of the `modes`.
    """
    if not os.path.isfile(path) and os.path.exists(path):
        raise BadImage("no regular file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # such pictures are refused below
            image = Image.open(path, formats=_FORMATS)
        with image:
            _check(image, modes)
            return np.array(image), _palette(image)
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage("cannot identify image file") from None
    except Exception as error:  # Pillow raises anything for broken files
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BadImage(f"unreadable: {said.splitlines()[0]}") from error


def _check(image: Image.Image, modes: tuple[str, ...]) -> None:
    if not 0 < image.width * image.height <= _MAX_PIXELS:
        raise BadImage(f"{image.width} x {image.height} pixels is no picture of particles")
    if image.mode not in modes:
        raise BadImage(f"mode {image.mode}: expected a palette or 8-bit grey")
    if getattr(image, "n_frames", 1) > 1:
        raise BadImage(f"{image.n_frames} pictures in one file")


def _palette(image: Image.Image) -> np.ndarray | None:
    return np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3) if image.mode == "P" else None
