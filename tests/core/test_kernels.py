"""lib.core.kernels: functions that call others which have changed are compiled anew."""

import os
import subprocess
import sys

import pytest

from lib.core.kernels import forget_changed

CALLED = "import numba\n\n@numba.njit(cache=True)\ndef called(x):\n    return {} * x\n"
CALLER = "import numba\nfrom called import called\n\n@numba.njit(cache=True)\ndef caller(x):\n    return called(x)\n"


@pytest.fixture
def modules(tmp_path):
    """A folder of two modules, one with a compiled function that calls the other's."""
    (tmp_path / "called.py").write_text(CALLED.format(2))
    (tmp_path / "caller.py").write_text(CALLER)
    return tmp_path


def called_with_3(folder):
    """What the compiled caller gives in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", "from caller import caller; print(caller(3))"]
    return int(subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout)


def kept(folder):
    """Names and times of the files in which numba keeps functions."""
    return {file.name: file.stat().st_mtime_ns for file in folder.rglob("*.nb[ic]")}


def test_a_caller_follows_what_it_calls(modules):
    forget_changed(modules)
    assert called_with_3(modules) == 6
    (modules / "called.py").write_text(CALLED.format(10))  # of another size: Python may take files of one second for equal
    forget_changed(modules)
    assert called_with_3(modules) == 30


def test_what_has_not_changed_is_kept(modules):
    forget_changed(modules)
    called_with_3(modules)
    before = kept(modules)
    (modules / "plain.py").write_text("x = 1\n")
    forget_changed(modules)
    assert before and kept(modules) == before
    assert not list(modules.rglob("part-*"))
