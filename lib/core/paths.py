"""The folders of the project. This is the one module that knows where things are.

The environment variables ``ICE_RUNS`` and ``ICE_CACHE`` move the two folders that are written to;
both are created only when something is put in them.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = NOTEBOOKS / "params"
NETWORKS = ROOT / "data" / "networks"


def absolute(text: str | os.PathLike) -> Path:
    """The path that a person names: ``~`` is their home, and a relative path starts from where the program was called."""
    return Path(os.path.expanduser(text)).absolute()


RUNS = absolute(os.environ.get("ICE_RUNS") or ROOT / "runs" / "scratch")
CACHE = absolute(os.environ.get("ICE_CACHE") or ROOT / "cache")
