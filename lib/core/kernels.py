"""Compiled functions are kept on disk by numba, and forgotten here when the source of any of them has changed.

By itself, numba compares what it kept of a function with the file in which that stands, but not with the files of the functions
that it calls, though their code has become part of it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from lib.core.spare import spare_folder

#: File in which is noted for which sources the kept functions are.
MARK = "kernels.sha256"


def keep_kernels(folder: Path) -> None:
    """Have numba keep the compiled functions of the modules below `folder` for as long as none of these changes.

    They are kept beside the modules. Where nothing can be written there, as in a checkout that is mounted read-only, they are
    kept in the cache, and where there is none either, in a temporary folder until this process ends.
    """
    digest = _digest(folder)
    try:
        forget_changed(folder, digest)
    except OSError:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(spare_folder(f"kernels-{digest[:16]}")))
        if "numba" in sys.modules:
            sys.modules["numba"].config.reload_config()


def forget_changed(folder: Path, digest: str) -> None:
    """Remove what numba has kept below `folder` unless it was kept for modules of this `digest`.

    Raises
    ------
    OSError
        If nothing can be written there.
    """
    mark = folder / "__pycache__" / MARK
    mark.parent.mkdir(exist_ok=True)
    tempfile.TemporaryFile(dir=mark.parent).close()
    if not mark.exists() or mark.read_text(encoding="utf-8") != digest:
        for kept in folder.rglob("__pycache__/*.nb[ic]"):
            kept.unlink(missing_ok=True)
        part = mark.with_name(f"part-{os.getpid()}-{MARK}")
        part.write_text(digest, encoding="utf-8")
        part.replace(mark)


def _digest(folder: Path) -> str:
    """Fingerprint of all modules below a folder that have compiled functions or speak of them."""
    seen = hashlib.sha256()
    for module in sorted(folder.rglob("*.py")):
        source = module.read_bytes()
        if b"compiled" in source or b"njit" in source:
            seen.update(module.relative_to(folder).as_posix().encode() + b"\0" + source)
    return seen.hexdigest()
