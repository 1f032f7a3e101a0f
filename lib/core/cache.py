"""What costs time is built once and found again by its description."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock

from lib.core import paths
from lib.core.sentence import Sentence

#: What a finished folder has: its description, and the size of each of its files.
_MARKER = "description.json"


class DamagedCache(Sentence, RuntimeError):
    """What lies in the cache cannot be used; the message says why, and what to delete."""


class UnwritableCache(Sentence, RuntimeError):
    """Nothing can be put into the cache; the message says why, and what to do."""


def digest(description: Mapping) -> str:
    """Sixteen hexadecimal digits that stand for a description of plain values, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]


def cached(kind: str, description: Mapping, build: Callable[[Path], None]) -> Path:
    """Folder that holds what `description` describes, built now if it was not before.

    `build(folder)` fills a temporary folder, which is moved into place when it returns. A folder that an
    interrupted build left is handed to the next one as it is, so `build` may go on from there; what is finished holds
    the same files however often it was killed. Builders of the same thing wait for each other.

    Parameters
    ----------
    kind : first part of the folder's name
    description : plain values that decide every byte of the result, a version of its layout included

    Raises
    ------
    DamagedCache
        If the folder is not as it was built: another description, or a file that is missing or of another size.
    UnwritableCache
        If it has yet to be built, and the cache cannot be written to.
    """
    folder = paths.CACHE / f"{kind}-{digest(description)}"
    if not folder.exists():
        with _locked(folder):
            if not folder.exists():
                part = folder.with_name(folder.name + ".part")
                part.mkdir(exist_ok=True)
                build(part)
                clear_broken_writes(part)
                describe(part, description)
                shutil.move(part, folder)
    fault = content_fault(folder, description)
    if fault:
        raise DamagedCache(f"{folder} {fault}: delete this folder, and what it holds is made anew.")
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other builders of `folder` waiting."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        lock.acquire()
    except OSError as error:
        raise UnwritableCache(
            f"{folder.parent} cannot be written to ({error.strerror}): name another folder in ICE_CACHE."
        ) from error
    try:
        yield
    finally:
        lock.release()


def written(file: Path, write: Callable[[Path], None]) -> None:
    """Have `write` write a file under another name, then move it into place, so that it is whole whenever it is there.

    The other name is this process's own, so two processes may write the same file, and the last one stays.
    """
    part = file.with_name(f"part-{os.getpid()}-{file.name}")
    try:
        write(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def clear_broken_writes(folder: Path) -> None:
    """Delete what processes that were killed in mid-write left below a folder, under the temporary names of Zarr or `written`."""
    for name in ("*.partial", "part-[0-9]*-*"):
        for left in list(folder.rglob(name)):
            left.unlink(missing_ok=True)


def describe(folder: Path, description: Mapping) -> None:
    """Note in a finished folder what it holds, and the size of each of its files."""
    marker = {"description": description, "files": _sizes(folder)}
    (folder / _MARKER).write_text(json.dumps(marker, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def description_in(folder: Path) -> dict | None:
    """What a finished folder says that it holds; None where it says nothing that this version reads."""
    try:
        return json.loads((folder / _MARKER).read_text(encoding="utf-8"))["description"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sizes(folder: Path) -> dict[str, int]:
    """Size of each file below a folder but the marker [bytes]."""
    files = (file for file in folder.rglob("*") if file.is_file() and file != folder / _MARKER)
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def content_fault(folder: Path, description: Mapping) -> str:
    """What is wrong with a folder of the cache, or ""."""
    try:
        marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
        described, sizes = marker["description"], dict(marker["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"has no {_MARKER} that this version reads"
    if described != json.loads(json.dumps(description)):
        return "holds something else than its name says"
    found = _sizes(folder)
    lacking = next((name for name in sizes if name not in found), None)
    changed = next((name for name in sizes if name in found and found[name] != sizes[name]), None)
    if lacking:
        return f"lacks {lacking}"
    return f"is damaged ({changed} has {found[changed]} bytes instead of {sizes[changed]})" if changed else ""
