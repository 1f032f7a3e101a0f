"""book/execute.py and plain papermill: every parameter can be given on the command line, and slips end in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import execute
import executed
import pytest
import yaml
from sphinx.errors import ConfigError

from lib.core.paths import ROOT

#: Notebook, parameter and value as typed -> what the notebook says before any work, which shows the value that it got.
TYPED = [
    ("13-image-networks", "epochs", '{"polar": 1, "transformer": 2}', "epochs names transformer; there are"),
    ("11-synthetic-rosettes", "model", "2024", "got '2024'."),
]


def ended(*command, **variables):
    """A command that must fail: the last line of what it says."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    return done.stderr.strip().splitlines()[-1]


def by_papermill(name, key, value, folder):
    """What plain papermill says at the end."""
    program = Path(sys.executable).with_name("papermill")
    command = [program, f"notebooks/{name}.ipynb", folder / "out.ipynb", "-p", key, value, "--no-progress-bar"]
    return ended(*command, ICE_RUNS=str(folder), ICE_CACHE=str(folder / "cache"))


def by_execute(name, key, value, folder):
    """What book/execute.py says at the end."""
    command = [sys.executable, "book/execute.py", "--runs", folder, "--only", name, "-p", key, value]
    return ended(*command, ICE_CACHE=str(folder / "cache"))


@pytest.mark.parametrize("way", [by_papermill, by_execute])
@pytest.mark.parametrize(("name", "key", "value", "said"), TYPED)
def test_a_value_is_read_as_the_notebook_declares_it(name, key, value, said, way, tmp_path):
    assert said in way(name, key, value, tmp_path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--profile", "papre"), "There is no profile papre; there are smoke, laptop, paper."),
        (("--only", "nope"), f"There is no notebook nope; there are {', '.join(execute.notebooks_in_book())}."),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(arguments, sentence, tmp_path):
    done = subprocess.run(
        [sys.executable, "book/execute.py", "--runs", tmp_path / "runs", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.strip() == sentence
    assert not (tmp_path / "runs").exists()


def test_threads_that_are_none_are_refused_in_one_sentence(tmp_path):
    said = ended(sys.executable, "book/execute.py", "--runs", tmp_path / "runs", OMP_NUM_THREADS="0")
    assert said.startswith("OMP_NUM_THREADS must be a whole number") and not (tmp_path / "runs").exists()


def test_the_pages_know_the_same_profiles(monkeypatch):
    assert executed.PROFILES == execute.PROFILES
    assert {folder.name for folder in (ROOT / "notebooks" / "params").iterdir()} <= set(execute.PROFILES)
    monkeypatch.setenv("PROFILE", "papre")
    with pytest.raises(ConfigError, match="There is no profile papre; there are smoke, laptop, paper."):
        executed.setup(None)


@pytest.mark.parametrize("text", ["2015_1205", "0.10", "007", "true", "None", "~", "it's $5"])
def test_a_folder_keeps_its_name(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = str(tmp_path / "home" if text == "~" else tmp_path / text)
    (tmp_path / "my.yml").write_text("\n".join(yaml.dump({"cpi_dir": text}).splitlines()))
    name = "12-shape-descriptors"
    for given in (({"cpi_dir": text}, None, []), ({}, tmp_path / "my.yml", []), ({}, None, [("cpi_dir", text)])):
        assert execute.given_parameters(name, "laptop", *given) == {"cpi_dir": expected}


def test_image_folders_go_only_to_notebooks_that_declare_them():
    for name in execute.notebooks_in_book():
        given = execute.given_parameters(name, "laptop", {"cpi_dir": "images", "oap_dir": "", "nowhere_dir": "images"}, None, [])
        expected = {"cpi_dir": str(Path("images").absolute())} if "cpi_dir" in execute.declared_parameters(name) else {}
        assert given == expected


def test_later_values_win_and_types_are_those_declared(tmp_path):
    (tmp_path / "my.yml").write_text("n_inp: [3e4, 1e5]\nn_members: 7\nhabit: 2025\n")
    given = execute.given_parameters("31-cirrus-fields", "smoke", {}, tmp_path / "my.yml", [("n_members", "5"), ("cm1_dir", "")])
    assert given["n_inp"] == [3e4, 1e5] and given["n_members"] == 5 and given["habit"] == "2025" and given["cm1_dir"] == ""
    assert given["duration"] == 1800  # of the profile


def test_a_name_that_cannot_be_written_down_is_refused():
    with pytest.raises(execute.BadParameters, match=r"^cpi_dir: the name 'Bl\\udce4tter' is no text in the encoding"):
        execute.given_parameters("12-shape-descriptors", "laptop", {"cpi_dir": os.fsdecode(b"Bl\xe4tter")}, None, [])


def test_parameters_and_runs_may_be_named_from_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["execute.py", "--runs", "~/runs", "-f", "~/my.yml"])
    options = execute.arguments()
    assert (options.runs, options.file) == (tmp_path / "runs", tmp_path / "my.yml")


def test_a_folder_for_runs_that_cannot_be_written_to_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(execute.BadEnvironment, match="/file/runs cannot be written to .*: name another folder in ICE_RUNS.$"):
        execute.make_folder(tmp_path / "file" / "runs")
