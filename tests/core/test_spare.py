"""lib.core.spare: a checkout that is mounted read-only, and a user without a home."""

import os
import shutil
import subprocess
import sys

import pytest

from lib.core import cache, paths
from lib.core.cache import UnwritableCache, cached

#: What is imported, and what is shown of it.
CODE = """
import lib, matplotlib, numba
import lib.cirrus.kinematic.ice, lib.crystals.solid, lib.imaging.draw.facets
print(matplotlib.get_cachedir(), numba.config.CACHE_DIR, sep="\\n")
"""


@pytest.fixture
def read_only(tmp_path):
    """A copy of `lib` in which nothing can be written, for root neither."""
    shutil.copytree(paths.ROOT / "lib", tmp_path / "project" / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [tmp_path / "project" / "lib", *(tmp_path / "project" / "lib").rglob("*/")]:
        (folder / "__pycache__").write_text("no folder")
    (tmp_path / "project" / "cache").write_text("no folder")
    return tmp_path / "project"


def test_lib_is_imported_where_nothing_can_be_written(read_only, tmp_path):
    left_out = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "ICE_CACHE")
    variables = {name: value for name, value in os.environ.items() if name not in left_out}
    variables |= {"HOME": "/proc/nowhere", "PYTHONPATH": str(read_only), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=read_only, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert all(line.startswith(str(tmp_path)) for line in done.stdout.split())
    assert [entry.name for entry in tmp_path.iterdir()] == ["project"]  # what was temporary is gone


def test_a_cache_that_cannot_be_written_to_is_told_in_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(paths, "CACHE", tmp_path / "file" / "cache")
    with pytest.raises(UnwritableCache) as told:
        cached("thing", {"seed": 3}, lambda part: None)
    assert str(told.value) == f"{paths.CACHE} cannot be written to (Not a directory): name another folder in ICE_CACHE."


def test_what_is_in_a_cache_that_cannot_be_written_to_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    made = cached("thing", {"seed": 3}, lambda part: (part / "data").touch())

    def refused(_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(cache, "FileLock", refused)
    assert cached("thing", {"seed": 3}, lambda part: None) == made
    with pytest.raises(UnwritableCache, match="Read-only file system"):
        cached("thing", {"seed": 4}, lambda part: None)


@pytest.mark.parametrize("variable", ["ICE_CACHE", "ICE_RUNS"])
def test_home_is_found_in_the_names_of_folders(variable):
    code = "from lib.core import paths; print(paths.CACHE, paths.RUNS)"
    variables = os.environ | {"HOME": "/somewhere", variable: "~/it's $5"}
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, env=variables, capture_output=True, text=True, check=True)
    assert "/somewhere/it's $5" in done.stdout and "~" not in done.stdout
