"""book/execute.py and plain papermill: every parameter can be given on the command line, and slips end in one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import execute
import executed
import pytest
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


def test_the_pages_know_the_same_profiles(monkeypatch):
    assert executed.PROFILES == execute.PROFILES
    assert {folder.name for folder in (ROOT / "notebooks" / "params").iterdir()} <= set(execute.PROFILES)
    monkeypatch.setenv("PROFILE", "papre")
    with pytest.raises(ConfigError, match="There is no profile papre; there are smoke, laptop, paper."):
        executed.setup(None)


@pytest.mark.parametrize("text", ["abc", "0, 90", "{polar: 1}", "[[" * 300, "'"])
def test_text_that_is_no_value_stays_text(text):
    assert execute.literal(text) == (text if text != "0, 90" else (0, 90))


def test_values_are_read():
    assert execute.literal('{"polar": 12}') == {"polar": 12} and execute.literal("3") == 3
    assert json.loads(json.dumps(execute.literal("[0, 90]"))) == [0, 90]
