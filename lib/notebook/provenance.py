"""Where a number comes from: commit, seed, profile, device, packages, machine and time of a run."""

import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime

from lib.core.repository import git

DISTRIBUTION = "ice-crystals-ml"


def provenance(notebook: str, parameters: dict, device: str) -> dict:
    """Everything needed to tell, and to repeat, the run of `notebook` that begins now."""
    return {
        "notebook": notebook,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": os.environ.get("ICE_PROFILE", "scratch"),
        "commit": git("rev-parse", "HEAD"),
        "dirty": bool(git("status", "--porcelain")),
        "seed": parameters.get("seed", 0),
        "device": device,
        "device_name": device_name(device),
        "parameters": parameters,
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "packages": package_versions(),
    }


def device_name(device: str) -> str:
    """Name of the GPU, or of the processor's architecture."""
    if device == "cpu":
        return platform.processor() or platform.machine()
    import torch

    return torch.cuda.get_device_name(device)


def package_versions() -> dict:
    """Installed version of each package that the project depends on directly."""
    required = importlib.metadata.requires(DISTRIBUTION) or []
    names = sorted({re.match(r"[\w.-]+", line)[0] for line in required if "extra ==" not in line})
    return {name: importlib.metadata.version(name) for name in names}
