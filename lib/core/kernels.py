"""Compiled functions are kept on disk by numba, and forgotten here when the source of any of them has changed.

By itself, numba compares what it kept of a function with the file in which that stands, but not with the files of the functions
that it calls, though their code has become part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

#: File in which is noted for which sources the kept functions are.
MARK = "kernels.sha256"


def forget_changed(folder: Path) -> None:
    """Remove what numba has kept below `folder` unless the modules with compiled functions are those it was kept for.

    Where the folder may not be written to, numba keeps nothing in it, and nothing is done.
    """
    mark, digest = folder / "__pycache__" / MARK, _digest(folder)
    with contextlib.suppress(PermissionError):
        if not mark.exists() or mark.read_text() != digest:
            for kept in folder.rglob("__pycache__/*.nb[ic]"):
                kept.unlink(missing_ok=True)
            mark.parent.mkdir(exist_ok=True)
            part = mark.with_name(f"part-{os.getpid()}-{MARK}")
            part.write_text(digest)
            part.replace(mark)


def _digest(folder: Path) -> str:
    """Fingerprint of all modules below a folder that have compiled functions or speak of them."""
    seen = hashlib.sha256()
    for module in sorted(folder.rglob("*.py")):
        source = module.read_bytes()
        if b"compiled" in source or b"njit" in source:
            seen.update(module.relative_to(folder).as_posix().encode() + b"\0" + source)
    return seen.hexdigest()
