"""What tests share: optional data, the smoke runs of the notebooks, the built book and a browser."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"

import execute

from lib.core.paths import ROOT

SHARED = Path(os.environ.get("ICE_SHARED") or ROOT.parent / "shared")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference data that are not part of the project."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no reference data in {folder} (ICE_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def smoke_cache(tmp_path_factory) -> Path:
    """Folder in which smoke runs keep what they build, empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def smoke_runs(smoke_cache, tmp_path_factory) -> Path:
    """Folder with the smoke run of every notebook, executed in another folder and with an empty cache where something changed."""
    runs, elsewhere = ROOT / "runs" / "smoke", tmp_path_factory.mktemp("elsewhere")
    with execute.environment({"ICE_CACHE": str(smoke_cache)}):
        for name in execute.notebooks_in_book():
            execute.execute(name, "smoke", runs, execute.profile_parameters(name, "smoke"), folder=elsewhere)
    return runs


@pytest.fixture(scope="session")
def smoke_metrics(smoke_runs):
    """Function from a notebook's name to the numbers that its smoke run recorded."""
    return lambda name: json.loads((smoke_runs / name / "metrics.json").read_text())


@pytest.fixture(scope="session")
def built_book(smoke_runs, tmp_path_factory) -> Path:
    """Folder of the book's pages, built from the smoke runs with warnings as errors."""
    output = tmp_path_factory.mktemp("book")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "--keep-going", "--path-output", output]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "ICE_RUNS": str(smoke_runs)}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, "\n".join(line for line in built.stderr.splitlines() if "WARNING" in line or "ERROR" in line)
    return output / "_build" / "html"


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; missing, it is a failure only in continuous integration."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"none of {', '.join(BROWSERS)} is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=found,
            args=[*QUIET, "--disable-gpu", "--enable-unsafe-swiftshader"],  # scenes need WebGL, here without a GPU
        )
