"""Picture files below a folder: their names in order, and what can be read of each, whatever lies there."""

from __future__ import annotations

import heapq
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lib.core.sentence import Sentence

#: What pictures may be: formats that Pillow reads by itself, and pixels.
_FORMATS = ("PNG", "TIFF", "BMP", "GIF", "JPEG", "PPM", "WEBP")
_MAX_PIXELS = 4096 * 4096
#: Kinds of pixels that are read, in Pillow's notation: binary, grey of 8 and 16 bits, palette and colours, with alpha or not.
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_AS_RGB = ("CMYK", "YCbCr")
MODES = ("1", "L", "LA", *_GREY_16, "P", "RGB", "RGBA", *_AS_RGB)
#: Names of one folder that are in memory at a time.
_NAMES = 50_000


class BadImage(Sentence, ValueError):
    """A file that can't be used; the message says why."""


def file_names(folder: Path) -> Iterator[str]:
    """Names of all files below `folder`, relative to it, in order.

    A large folder is gone through once for each 50,000 names, so that it takes no more memory than a small one. Links to
    folders, which are not followed, and folders that can't be opened count as files. Of several links to one file outside
    of `folder` the first is named.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    return _below(os.fspath(folder), "", set())


def _below(root: str, folder: str, linked: set[tuple[int, int]]) -> Iterator[str]:
    """Names below one `folder` of `root`; files that links led to, as device and inode, gather in `linked`."""
    last = ""
    while True:
        with os.scandir(os.path.join(root, folder)) as entries:
            kinds = (
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in entries if entry.name > last
            )
            batch = heapq.nsmallest(_NAMES, kinds)
        for last, is_folder, is_link in batch:
            name = f"{folder}/{last}" if folder else last
            path = os.path.join(root, name)
            if is_folder and os.access(path, os.R_OK | os.X_OK):
                yield from _below(root, name, linked)
            elif not (is_link and _led_there_before(root, path, linked)):
                yield name
        if len(batch) < _NAMES:
            return


def _led_there_before(root: str, path: str, linked: set[tuple[int, int]]) -> bool:
    """Whether a link leads to a file outside of `root` that another link led to before."""
    if not os.path.isfile(path) or _target_inside(root, path):
        return False  # `check_link` has a sentence for it
    file = os.stat(path)
    there = file.st_dev, file.st_ino
    known = there in linked
    linked.add(there)
    return known


def _target_inside(root: str | Path, path: str | Path) -> str:
    """Where a link leads to, relative to the folder `root`, or "" if it leads elsewhere."""
    target, inside = os.path.realpath(path), os.path.realpath(root)
    return os.path.relpath(target, inside) if target.startswith(os.path.join(inside, "")) else ""


def open_below(folder: Path, name: str, modes: tuple[str, ...] = MODES) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture of a `name` that `file_names` gives, as by `open_picture`; one that a link leads to is read once.

    Raises
    ------
    BadImage
        As `open_picture` does, and if the file is a link to another in the same folder or below it.
    """
    path = Path(folder, name)
    if path.is_symlink() and path.is_file() and (target := _target_inside(folder, path)):
        raise BadImage(f"a link to {target}, which is read itself")
    return open_picture(path, modes)


def open_picture(path: Path, modes: tuple[str, ...] = MODES) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels of a picture as they lie in the file, and the colours (k, 3) uint8 of its palette, if any.

    Pixels are (h, w) bool, uint8, or uint16 or int32 for grey of more than 8 bits; with several channels, (h, w, 2 to 4)
    uint8. CMYK and YCbCr are turned into RGB. A picture that is to be shown turned, by its EXIF tag, is turned.

    Raises
    ------
    BadImage
        If the file is no picture, broken off, larger than 4096 x 4096, several pictures, or not of one of the `modes`.
    """
    if not os.path.isfile(path) and os.path.exists(path):
        raise BadImage("no regular file" + (": a link to a folder is not followed" if os.path.islink(path) else ""))
    try:
        with open(path, "rb") as file:  # by its name, Pillow would map a TIFF that is to be turned into the wrong shape
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # such pictures are refused below
                image = Image.open(file, formats=_FORMATS)
            _check(image, modes)
            upright = ImageOps.exif_transpose(image)
            return np.array(upright.convert("RGB") if image.mode in _AS_RGB else upright), _palette(image)
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage("cannot identify image file") from None
    except Exception as error:  # Pillow raises anything for broken files
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BadImage(f"unreadable: {said.splitlines()[0]}") from error


def is_lossy(path: Path) -> bool:
    """Whether a file is a JPEG or a WebP, by how it begins."""
    with open(path, "rb") as file:
        start = file.read(12)
    return start.startswith(b"\xff\xd8") or (start.startswith(b"RIFF") and start.endswith(b"WEBP"))


def _check(image: Image.Image, modes: tuple[str, ...]) -> None:
    if not 0 < image.width * image.height <= _MAX_PIXELS:
        raise BadImage(f"{image.width} x {image.height} pixels is no picture of particles")
    if image.mode not in modes:
        raise BadImage(f"mode {image.mode}: expected a palette, or grey or colours of 8 bits, or grey of 16")
    if getattr(image, "n_frames", 1) > 1:
        raise BadImage(f"{image.n_frames} pictures in one file")


def _palette(image: Image.Image) -> np.ndarray | None:
    return np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3) if image.mode == "P" else None
