"""lib.core.kernels: functions that call others which have changed are compiled anew."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.core import paths
from lib.core.kernels import keep_kernels

CALLED = "import numba\n\n@numba.njit(cache=True)\ndef called(x):\n    return {} * x\n"
CALLER = "import numba\nfrom called import called\n\n@numba.njit(cache=True)\ndef caller(x):\n    return called(x)\n"


@pytest.fixture
def modules(tmp_path):
    """A folder of two modules, one with a compiled function that calls the other's."""
    (tmp_path / "called.py").write_text(CALLED.format(2))
    (tmp_path / "caller.py").write_text(CALLER)
    return tmp_path


def called_with_3(folder, **variables):
    """What the compiled caller gives in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | variables
    command = [sys.executable, "-c", "from caller import caller; print(caller(3))"]
    return int(subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout)


def kept(folder):
    """Names and times of the files in which numba keeps functions."""
    return {file.name: file.stat().st_mtime_ns for file in folder.rglob("*.nb[ic]")}


def test_a_caller_follows_what_it_calls(modules):
    keep_kernels(modules)
    assert called_with_3(modules) == 6
    (modules / "called.py").write_text(CALLED.format(10))  # of another size: Python may take files of one second for equal
    keep_kernels(modules)
    assert called_with_3(modules) == 30


def test_what_has_not_changed_is_kept(modules):
    keep_kernels(modules)
    called_with_3(modules)
    before = kept(modules)
    (modules / "plain.py").write_text("x = 1\n")
    keep_kernels(modules)
    assert before and kept(modules) == before
    assert not list(modules.rglob("part-*"))


@pytest.fixture
def unwritable(modules, monkeypatch):
    """The folder of modules, in which nothing can be kept, as if it was mounted read-only."""
    (modules / "__pycache__").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    return modules


@pytest.mark.parametrize("has_cache", [True, False])
def test_what_cannot_be_kept_beside_the_modules_is_kept_elsewhere(unwritable, has_cache, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache" if has_cache else tmp_path / "file" / "cache")
    keep_kernels(unwritable)
    kept = Path(os.environ["NUMBA_CACHE_DIR"])
    assert (kept.parent == paths.CACHE) == has_cache
    assert called_with_3(unwritable, NUMBA_CACHE_DIR=str(kept), HOME="/proc/nowhere") == 6 and list(kept.rglob("*.nbi"))


def test_what_is_kept_elsewhere_is_for_these_sources_alone(unwritable, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    for factor in (2, 10):
        (unwritable / "called.py").write_text(CALLED.format(factor))
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        keep_kernels(unwritable)
    assert len(list(paths.CACHE.iterdir())) == 2


def test_a_place_that_the_user_names_is_kept(unwritable, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "mine")
    keep_kernels(unwritable)
    assert os.environ["NUMBA_CACHE_DIR"] == "mine"
