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
RUNS = Path(os.environ.get("ICE_RUNS") or ROOT / "runs" / "scratch").absolute()
NETWORKS = ROOT / "data" / "networks"
CACHE = Path(os.environ.get("ICE_CACHE") or ROOT / "cache").absolute()
