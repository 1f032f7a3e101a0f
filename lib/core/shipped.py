"""What took hours to make is shipped in ``data/networks`` and found by the same description as what is made here.

A folder there holds what a finished folder of the cache holds, and a ``provenance.json``: from which commit it was made, when, on
what machine and in how many hours. ``SHIPPED=0`` in the environment passes all of it over, so that everything is made anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lib.core import paths
from lib.core.cache import DamagedCache, content_fault, description_in

#: What a shipped folder has beside what was made.
PROVENANCE = "provenance.json"


def shipped(description: Mapping) -> Path | None:
    """The shipped folder that holds what `description` describes, or None where there is none or ``SHIPPED`` is 0.

    Raises
    ------
    DamagedCache
        If a file of that folder is missing or of another size.
    """
    if os.environ.get("SHIPPED") == "0":
        return None
    plain = json.loads(json.dumps(description))
    for folder in sorted(paths.NETWORKS.glob("*/")):
        if description_in(folder) == plain:
            fault = content_fault(folder, plain)
            if fault:
                raise DamagedCache(f"{folder} {fault}: restore it with git, or set SHIPPED=0 to make everything anew.")
            return folder
    return None


def descriptions(kind: str) -> list[dict]:
    """The descriptions of all shipped folders of a kind; none where ``SHIPPED`` is 0."""
    if os.environ.get("SHIPPED") == "0":
        return []
    found = [description_in(folder) for folder in sorted(paths.NETWORKS.glob("*/"))]
    return [description for description in found if isinstance(description, dict) and description.get("kind") == kind]


def ship(folder: Path, name: str, provenance: Mapping) -> Path:
    """Copy a finished folder of the cache to ``data/networks/name``, in place of what was there, with its `provenance`."""
    target = paths.NETWORKS / name
    part = target.with_name(f"{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in sorted(folder.iterdir()):
        shutil.copyfile(file, part / file.name)  # not its permissions, which may be those of a temporary file
    (part / PROVENANCE).write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    return target


def provenance_of(folder: Path) -> dict:
    """Where a shipped folder comes from; empty for one that was made here."""
    file = folder / PROVENANCE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
