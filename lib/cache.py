"""What costs time is built once and found again by its description."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from lib import paths


def digest(description: Mapping) -> str:
    """Sixteen hexadecimal digits that stand for a description of plain values, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]


def cached(kind: str, description: Mapping, build: Callable[[Path], None]) -> Path:
    """Folder that holds what `description` describes, built now if it was not before.

    `build(folder)` fills a temporary folder, which is moved into place when it returns. A folder that an
    interrupted build left is handed to the next one as it is, so `build` may go on from there. Builders of the
    same thing wait for each other.

    Parameters
    ----------
    kind : first part of the folder's name
    description : plain values that decide every byte of the result, a version of its layout included
    """
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    folder = paths.CACHE / f"{kind}-{digest(description)}"
    if folder.exists():
        return folder
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            part = folder.with_name(folder.name + ".part")
            part.mkdir(exist_ok=True)
            build(part)
            (part / "description.json").write_text(json.dumps(description, indent=1, sort_keys=True))
            shutil.move(part, folder)
    return folder
