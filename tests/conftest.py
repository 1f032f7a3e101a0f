"""What tests share: optional data, the smoke runs of the notebooks, the built book and a browser; and who does what when.

Tests run in several processes, each file in one of them. What is made once for all is made in the one that needs it first.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

os.environ["OMP_NUM_THREADS"] = "1"

import execute

from lib.core.paths import ROOT

SHARED = Path(os.environ.get("ICE_SHARED") or ROOT.parent / "shared")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Files whose tests are divided among the processes, one by one.
DIVIDED = ("test_smoke_runs", "test_reruns", "test_extending")
#: Folders and files in the order of their turns; the pages, which need all smoke runs, have a short file before them.
TURNS = ("test_smoke_runs", "test_notebooks", "test_book", "test_reruns", "test_stores_cluster", "test_extending")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Give each file its process and its turn: what takes long comes first, so that no process is idle at the end."""
    for item in items:
        if item.path.stem not in DIVIDED:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(ROOT))))
    items.sort(key=lambda item: TURNS.index(item.path.stem) if item.path.stem in TURNS else len(TURNS))


def shared(name: str, what: str) -> Path:
    """A folder of `SHARED`; what needs it is skipped where it is not there."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no {what} in {folder} (ICE_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference data that are not part of the project."""
    return shared("data", "reference data")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Folder of inputs from the field that are not part of the project."""
    return shared("cases", "inputs from the field")


@pytest.fixture(scope="session")
def layers():
    """An ensemble (10 members, 6 times, 16 x 16 cells) of flat layers of ice whose height and mass vary."""
    from lib.cirrus.schema import ice_fields  # most tests need no xarray

    rng = np.random.default_rng(0)
    base, mass = rng.integers(4, 10, (2, 10))
    z = np.arange(16)
    q_i = np.zeros((10, 6, 16, 16), np.float32)
    for member, time in np.ndindex(10, 6):
        layer = (z >= base[member] - time // 2) & (z < base[member] + 4)
        q_i[member, time, layer] = 10.0 ** (-mass[member] / 2 - 1)
    n_i, rho_i = (np.where(q_i > 0, value, 0).astype(np.float32) for value in (1e4, 450))
    fields = {"q_i": q_i, "m_i": q_i / 1e4, "n_i": n_i, "rho_i": rho_i}
    return ice_fields(fields, range(10), range(6), z * 50.0, z * 100.0)


@pytest.fixture(scope="session")
def common(tmp_path_factory) -> Path:
    """A folder that all processes of this session of tests share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(place: Path, make) -> None:
    """Call `make` in one of the processes; the others wait for it, and fail as it did."""
    done, failed = place.with_suffix(".done"), place.with_suffix(".failed")
    with FileLock(place.with_suffix(".lock")):
        if failed.exists():
            pytest.fail(f"{place.name} failed in another process: {failed.read_text()}")
        if not done.exists():
            try:
                make()
            except BaseException as error:
                failed.write_text(str(error))
                raise
            done.touch()


@pytest.fixture(scope="session")
def smoke_cache(common) -> Path:
    """Folder in which smoke runs keep what they build, empty at first."""
    return common / "cache"


@pytest.fixture(scope="session")
def smoke_run(smoke_cache, common):
    """Function from a notebook's name to the folder of its smoke run, executed where something changed, in another folder."""
    runs, elsewhere = ROOT / "runs" / "smoke", common / "elsewhere"
    elsewhere.mkdir(exist_ok=True)

    @functools.cache
    def run(name):
        def make():
            with execute.environment({"ICE_CACHE": str(smoke_cache)}):
                execute.execute(name, "smoke", runs, execute.profile_parameters(name, "smoke"), folder=elsewhere)

        once(common / name, make)
        return runs / name

    return run


@pytest.fixture(scope="session")
def smoke_runs(smoke_run) -> Path:
    """Folder with the smoke run of every notebook."""
    for name in sorted(execute.notebooks_in_book(), key=execute.turn):
        folder = smoke_run(name).parent
    return folder


@pytest.fixture(scope="session")
def smoke_metrics(smoke_run):
    """Function from a notebook's name to the numbers that its smoke run recorded."""
    return lambda name: json.loads((smoke_run(name) / "metrics.json").read_text())


@pytest.fixture(scope="session")
def built_book(smoke_runs, common) -> Path:
    """Folder of the book's pages, built from the smoke runs with warnings as errors."""
    output = common / "book"
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "--keep-going", "--path-output", output]

    def make():
        built = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "ICE_RUNS": str(smoke_runs)}, capture_output=True, text=True, check=False
        )
        said = [line for line in built.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
        assert built.returncode == 0, "\n".join(said)

    once(common / "built_book", make)
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
