"""Facts of the machine and the packages that measured numbers belong to."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lib.notebook.provenance import git


def processor() -> str:
    """Name of the processor as the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def version(package: str) -> str:
    """Its installed version, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def facts(packages: tuple[str, ...]) -> str:
    """Two sentences on machine, packages, date and commit."""
    commit = (git("rev-parse", "--short", "HEAD") or "none") + (" with changes" if git("status", "--porcelain") else "")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{processor()}, {psutil.cpu_count(logical=False)} cores, {psutil.cpu_count()} threads, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}; each comparison in a process of its own with "
        f"{os.environ.get('OMP_NUM_THREADS', 'all')} thread. Python {platform.python_version()}, {versions}; "
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}."
    )
