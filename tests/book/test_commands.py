"""The Makefile: what is typed arrives as it is typed, and an environment is neither begun in vain nor destroyed."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import python_fits

from lib.core.paths import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")

#: A program that lists its arguments in a file, a line for each call, and fails where the environment says so.
RECORDER = """#!{python}
import json, os, sys
with open("calls", "a", encoding="utf-8") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit("no network" if os.environ.get("FAILING") in sys.argv else 0)
"""
#: A Python that says that it is another one.
PRETENDER = """#!/bin/sh
script=$1
exec {python} -c "
import platform, runpy, sys, sysconfig
{pretence}
runpy.run_path('$script', run_name='__main__')"
"""
PRETENCES = {
    "too new": "sys.version_info = (3, 15, 0); platform.python_version = lambda: '3.15.0'",
    "too old": "sys.version_info = (3, 9, 2); platform.python_version = lambda: '3.9.2'",
    "PyPy": "platform.python_implementation = lambda: 'PyPy'",
    "free-threaded": "sysconfig.get_config_var = {'Py_GIL_DISABLED': 1}.get",
    "musl": "platform.libc_ver = lambda: ('', ''); sys.platform = 'linux'",
    "a machine without wheels": "platform.machine = lambda: 'riscv64'",
}
NAMES = [
    "it's $5",
    'two "words"',
    "$HOME/x",
    "${HOME}",
    "$$",
    "~/tiles",
    "a;b&c|d",
    "back\\slash",
    "`pwd`",
    "-x",
    "a#b",
    "Blätter",
]


@pytest.fixture
def project(tmp_path):
    """A project of which only the commands are there, with an environment whose Python lists its arguments."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "book/python_fits.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name in ("python", "jupyter-book"):
        program(tmp_path / ".venv/bin" / name, RECORDER)
    (tmp_path / ".venv/.installed").touch()
    return tmp_path


def program(file, text, **words):
    """An executable file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.format(python=sys.executable, **words))
    file.chmod(0o755)
    return file


def make(project, *arguments, **variables):
    """What a command of the Makefile comes to."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))} | variables
    return subprocess.run(["make", *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False)


def calls(project):
    """Arguments of each call of the environment's programs."""
    return [json.loads(line) for line in (project / "calls").read_text().splitlines()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_folder_arrives_as_it_is_typed(project, name, way):
    given = {"CPI_DIR": name, "OUT": name} if way == "environment" else {}
    typed = [] if given else [f"CPI_DIR={name}", f"OUT={name}"]
    for target in ("book", "rerun", "screen"):
        done = make(project, target, *typed, **given)
        assert done.returncode == 0, done.stderr
    book, _, rerun, screen = calls(project)
    assert f"--cpi-dir={name}" in book and f"--cpi-dir={name}" in rerun and "--oap-dir=" in book
    assert screen == ["-m", "lib.studies.screening", "--", name, name]


@pytest.mark.parametrize(
    ("arguments", "arrive"),
    [
        ("-p cm1_dir 0.10", ["-p", "cm1_dir", "0.10"]),
        ("-p cpi_dir 'it is $5'", ["-p", "cpi_dir", "it is $5"]),
        ("""-p epochs '{"polar": 12}'""", ["-p", "epochs", '{"polar": 12}']),
    ],
)
def test_further_arguments_are_taken_apart_by_the_shell_alone(project, arguments, arrive):
    assert make(project, "rerun", f"ARGS={arguments}").returncode == 0
    assert calls(project)[0][-len(arrive) :] == arrive


@pytest.mark.parametrize("what", PRETENCES)
def test_another_python_is_refused_in_one_sentence_before_anything_is_made(project, what, tmp_path):
    shutil.rmtree(project / ".venv")
    python = program(tmp_path / "python3", PRETENDER, pretence=PRETENCES[what])
    done = make(project, "book", f"PYTHON={python}")
    said = done.stderr.splitlines()[0]
    assert (
        done.returncode and "CPython 3.11 to 3.14 on 64-bit Linux with glibc" in said and said.endswith("make PYTHON=python3.12")
    )
    assert not (project / ".venv").exists()


def test_a_python_that_is_not_there_is_named(project):
    shutil.rmtree(project / ".venv")
    done = make(project, "book", "PYTHON=python3.99")
    assert done.stderr.splitlines()[0] == "There is no python3.99 here: name another, make PYTHON=python3.12"
    assert not (project / ".venv").exists()


def test_this_python_fits():
    python_fits.main()


def installs(project, **variables):
    """Run an installation in the environment of the project, that was there before and where somebody left a file."""
    (project / ".venv/mine").touch()
    done = make(project, "install", f"PYTHON={sys.executable}", **variables)
    return done.returncode == 0, (project / ".venv/mine").exists(), (project / ".venv/.installed").exists()


def test_an_environment_that_works_is_completed_and_never_destroyed(project):
    (project / ".venv/.installed").unlink()
    assert installs(project, FAILING="--editable") == (False, True, False)
    assert installs(project) == (True, True, True)
    assert [call[2] for call in calls(project) if call[:2] == ["-m", "pip"]].count("install") == 4
    python = program(project / "python3", PRETENDER, pretence=PRETENCES["too new"])
    os.utime(project / "pyproject.toml", (2**32, 2**32))
    assert make(project, "install", f"PYTHON={python}").returncode and (project / ".venv/mine").exists()


@pytest.mark.parametrize("fault", ["broken off", "without its Python"])
def test_an_environment_that_cannot_be_completed_is_begun_afresh(project, fault):
    (project / ".venv/.installed").unlink()
    if fault == "broken off":
        (project / ".venv/.begun").touch()
    else:
        (project / ".venv/bin/python").unlink()
    venv = program(project / "python3", '#!/bin/sh\n[ "$1" != -m ] || {{ echo "$@" >calls; exit 1; }}\n')
    assert make(project, "install", f"PYTHON={venv}").returncode
    assert (project / "calls").read_text().split() == ["-m", "venv", "--clear", ".venv"]
