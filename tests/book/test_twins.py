"""book/twins.py: no edit of a notebook or of its twin is lost."""

import subprocess

import nbformat
import pytest
import twins

from lib.core import paths

HEAD = (paths.NOTEBOOKS / "11-synthetic-rosettes.py").read_text().split("# %%")[0]


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A script and its notebook, equal and committed."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (tmp_path / "pyproject.toml").write_text((paths.ROOT / "pyproject.toml").read_text())
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", notebooks)
    script = notebooks / "11-x.py"
    script.write_text(HEAD + "# %%\nx = 1\n")
    twins.main()
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return script, script.with_suffix(".ipynb")


def git(folder, *arguments):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], cwd=folder, check=True)


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "as it is")


def edit(file, value):
    """Give x another value."""
    file.write_text(file.read_text().replace("x = 1", f"x = {value}"))


def values(pair):
    """The value of x in both."""
    return ["x = 2" in file.read_text() for file in pair]


@pytest.mark.parametrize("which", [0, 1], ids=["script", "notebook"])
@pytest.mark.parametrize("committed", [False, True])
def test_the_edited_one_wins(pair, which, committed):
    edit(pair[which], 2)
    if committed:
        commit(paths.ROOT)
    twins.main()
    assert values(pair) == [True, True]


def test_an_edit_after_an_edit_is_clear_without_a_commit(pair):
    for value in (2, 3):
        pair[0].write_text(f"{HEAD}# %%\nx = {value}\n")
        twins.main()
    assert ["x = 3" in file.read_text() for file in pair] == [True, True]


def test_a_tag_given_in_the_notebook_stays(pair):
    notebook = nbformat.read(pair[1], as_version=4)
    notebook.cells[0].metadata["tags"] = ["remove-cell"]
    nbformat.write(notebook, pair[1])
    twins.main()
    assert all("remove-cell" in file.read_text() for file in pair)


def test_two_edits_stop_it_and_both_stay(pair):
    for file, value in zip(pair, (2, 3), strict=True):
        edit(file, value)
    before = [file.read_text() for file in pair]
    with pytest.raises(SystemExit, match="11-x.py and 11-x.ipynb"):
        twins.main()
    assert [file.read_text() for file in pair] == before


def test_a_missing_one_is_written(pair):
    before = [file.read_text() for file in pair]
    for file in pair:
        file.unlink()
        twins.main()
    assert [file.read_text() for file in pair] == before
