"""Places for what libraries keep, where their own cannot be written to: a user without a home, a checkout mounted read-only."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from lib.core import paths


def spare_folder(name: str) -> Path:
    """A folder that can be written to: `name` in the cache, or a temporary one until this process ends."""
    kept = paths.CACHE / name
    try:
        kept.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kept).close()
    except OSError:
        kept = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
    return kept


def keep_fonts() -> None:
    """Have matplotlib keep its list of fonts in a spare folder where the user has no home to keep it in."""
    home = Path(os.path.expanduser("~"))
    if not any(os.access(place, os.W_OK) for place in (home / ".config" / "matplotlib", home)):
        os.environ.setdefault("MPLCONFIGDIR", str(spare_folder("fonts")))
