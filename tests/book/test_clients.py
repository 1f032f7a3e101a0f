"""papermill, jupytext and nbconvert as their manuals call them: folders keep their names, and `make twins` loses no edit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import execute
import jupytext
import nbformat
import pytest
import twins

from lib.core import paths

NAME = "12-shape-descriptors"
HEAD = (paths.NOTEBOOKS / f"{NAME}.py").read_text(encoding="utf-8").split("# %%")[0]
ROOT = paths.ROOT


def run(program, *arguments, cwd, **variables):
    """A command of this environment, which must succeed."""
    command = [Path(sys.executable).with_name(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """A folder with a notebook that declares parameters and starts a run, and with folders whose names look like numbers."""
    folder = tmp_path_factory.mktemp("beginning")
    notebook = nbformat.read(paths.NOTEBOOKS / f"{NAME}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    begin = f"from lib.notebook.run import start\nrun = start('{NAME}', globals())\nrun.folders('cpi_dir')"
    notebook.cells.append(nbformat.v4.new_code_cell(begin))
    nbformat.write(notebook, folder / "in.ipynb")
    for name in ("2015_1205", "tiles"):
        (folder / name).mkdir()
    return folder


def parameters_seen(folder):
    """The parameters with which a run was begun."""
    return json.loads((folder / "runs" / NAME / "provenance.json").read_text(encoding="utf-8"))["parameters"]


WAYS = {"-p": ("-p", "cpi_dir", "2015_1205", "-p", "seed", "7"), "-y": ("-y", "{cpi_dir: 2015_1205, seed: 7}")}


@pytest.mark.parametrize("way", WAYS)
def test_papermill_hands_over_the_folder_of_that_name(beginning, way, tmp_path):
    arguments = ["in.ipynb", tmp_path / "out.ipynb", *WAYS[way], "--no-progress-bar", "--cwd", beginning]
    run("papermill", *arguments, cwd=beginning, ICE_RUNS=str(tmp_path / "runs"))
    seen = parameters_seen(tmp_path)
    assert seen["cpi_dir"] == "2015_1205" and seen["seed"] == 7


def test_nbconvert_executes_a_notebook_where_it_lies(beginning, tmp_path):
    arguments = ["--to", "notebook", "--execute", "in.ipynb", "--output-dir", tmp_path, "--output", "out"]
    run("jupyter-nbconvert", *arguments, cwd=beginning, ICE_RUNS=str(tmp_path / "runs"))
    declared = {name: entry["default"] for name, entry in execute.declared_parameters(NAME).items()}
    assert {name: repr(value) for name, value in parameters_seen(tmp_path).items()} == {
        name: value.replace('"', "'") for name, value in declared.items()
    }


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A script and its notebook, equal, in a project with the settings of this one."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    script = paths.NOTEBOOKS / "11-x.py"
    script.write_text(HEAD + '# %% tags=["parameters"]\nx: int = 1  # number\n\n# %% [markdown]\n# Words.\n', encoding="utf-8")
    twins.main()
    return script, script.with_suffix(".ipynb")


def edit(file):
    """Give x another value, later than the twin was written."""
    file.write_text(file.read_text(encoding="utf-8").replace("= 1", "= 2"), encoding="utf-8")
    later = file.stat().st_mtime + 10
    os.utime(file, (later, later))


COMMANDS = {
    "--sync the script": (0, ["--sync", "notebooks/11-x.py"]),
    "--sync the notebook": (1, ["--sync", "notebooks/11-x.ipynb"]),
    "--to notebook": (0, ["--to", "notebook", "notebooks/11-x.py"]),
    "--update --to notebook": (0, ["--update", "--to", "notebook", "notebooks/11-x.py"]),
    "--to py:percent": (1, ["--to", "py:percent", "notebooks/11-x.ipynb"]),
    "--set-formats": (1, ["--set-formats", "ipynb,py:percent", "notebooks/11-x.ipynb"]),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_what_jupytext_brings_over_stays(pair, what):
    which, command = COMMANDS[what]
    edit(pair[which])
    run("jupytext", *command, cwd=paths.ROOT)
    twins.main()
    once = [file.read_bytes() for file in pair]
    found = [jupytext.read(file) for file in pair]
    assert [[cell.source for cell in one.cells] for one in found] == [["x: int = 2  # number", "Words."]] * 2
    assert all(one.cells[0].metadata["tags"] == ["parameters"] for one in found)
    twins.main()
    assert [file.read_bytes() for file in pair] == once
