"""book/twins.py: no edit of a notebook or of its twin is lost."""

import json
import os
import shutil
import subprocess
import sys

import jupytext
import nbformat
import pytest
import twins

from lib.core import paths

ROOT = paths.ROOT
HEAD = (paths.NOTEBOOKS / "11-synthetic-rosettes.py").read_text().split("# %%")[0]
CELLS = "# %% [markdown]\n# Words.\n\n# %%\nx = 1\n\n# %%\ny = 1\n\n# %%\nz = 1\n"


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A script and its notebook, equal and committed."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (tmp_path / "pyproject.toml").write_text((paths.ROOT / "pyproject.toml").read_text())
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", notebooks)
    script = notebooks / "11-x.py"
    script.write_text(HEAD + CELLS)
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
        pair[0].write_text(HEAD + CELLS.replace("x = 1", f"x = {value}"))
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


def cells_of(notebook):
    """The notebook as JSON, its cells with one string each."""
    found = json.loads(notebook.read_text())
    for cell in found["cells"]:
        cell["source"] = "".join(cell["source"])
    return found


def as_colab_writes(notebook):
    """Edit a cell as Colab does: no ids of cells but in the metadata, outputs, a kernel by another name, another indent."""
    found = cells_of(notebook)
    for cell in found["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        cell["source"] = cell["source"].replace("x = 1", "x = 2")
        if cell["cell_type"] == "code":
            cell |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["1"]}], "execution_count": 3}
    found |= {"nbformat_minor": 0}
    found["metadata"] |= {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.write_text(json.dumps(found, indent=2))


def as_vscode_writes(notebook):
    """Edit a cell, which keeps its id, and add one with an id as VS Code makes them."""
    found = cells_of(notebook)
    found["cells"][1]["source"] = "x = 2"
    new = {
        "cell_type": "code",
        "id": "d1f0a3b2",
        "metadata": {"vscode": {"languageId": "python"}},
        "outputs": [],
        "source": "w = 1",
    }
    found["cells"].insert(2, new | {"execution_count": None})
    notebook.write_text(json.dumps(found, indent=1))


def with_a_cell_less(notebook):
    found = cells_of(notebook)
    found["cells"][2:3] = []
    found["cells"][1]["source"] = "x = 2"
    notebook.write_text(json.dumps(found, indent=1))


def reorder(notebook):
    found = cells_of(notebook)
    found["cells"][1:3] = found["cells"][2:0:-1]
    notebook.write_text(json.dumps(found, indent=1))


def delete(notebook):
    found = cells_of(notebook)
    found["cells"][2:3] = []
    notebook.write_text(json.dumps(found, indent=1))


EDITS = [as_colab_writes, as_vscode_writes, with_a_cell_less, reorder, delete]


def sources(file):
    """The sources of the cells."""
    return [cell.source for cell in (nbformat.read(file, as_version=4) if file.suffix == ".ipynb" else jupytext.read(file)).cells]


@pytest.mark.parametrize("note", [True, False], ids=["here", "in a clone"])
@pytest.mark.parametrize("times", ["equal", "script newer", "notebook newer"])
@pytest.mark.parametrize("change", EDITS)
def test_a_notebook_edited_elsewhere_wins_whatever_the_times(pair, change, times, note):
    change(pair[1])
    wanted = sources(pair[1])
    assert wanted != sources(pair[0])
    for file, newer in zip(pair, ("script newer", "notebook newer"), strict=True):
        os.utime(file, (10, 10 + (times == newer)))
    if not note:
        (pair[1].parent / twins.NOTE).unlink()
    twins.main()
    assert sources(pair[0]) == sources(pair[1]) == wanted
    assert all("id" in cell for cell in cells_of(pair[1])["cells"])


@pytest.mark.parametrize("note", [True, False], ids=["here", "in a clone"])
@pytest.mark.parametrize("text", ["x = 1\n\n# %%\nw = 1", "", "y = 1", "x = 2"])
def test_a_script_edited_elsewhere_wins(pair, text, note):
    pair[0].write_text(pair[0].read_text().replace("x = 1", text))
    wanted = sources(pair[0])
    if not note:
        (pair[1].parent / twins.NOTE).unlink()
    commit(paths.ROOT)
    twins.main()
    assert sources(pair[0]) == sources(pair[1]) == wanted


def test_an_edit_that_is_undone_stays_undone(pair):
    before = pair[0].read_text()
    edit(pair[0], 2)
    twins.main()
    pair[0].write_text(before)
    twins.main()
    assert values(pair) == [False, False]


@pytest.mark.parametrize("note", [True, False], ids=["here", "in a clone"])
@pytest.mark.parametrize("change", EDITS)
def test_an_edit_of_each_stops_it_and_both_stay(pair, change, note):
    change(pair[1])
    pair[0].write_text(pair[0].read_text().replace("z = 1", "z = 2"))
    if not note:
        (pair[1].parent / twins.NOTE).unlink()
    before = [file.read_text() for file in pair]
    with pytest.raises(SystemExit, match="11-x.py and 11-x.ipynb"):
        twins.main()
    assert [file.read_text() for file in pair] == before


@pytest.mark.parametrize("which", [0, 1], ids=["script", "notebook"])
def test_without_a_past_the_ids_of_cells_tell(pair, which):
    shutil.rmtree(paths.ROOT / ".git")
    (pair[1].parent / twins.NOTE).unlink()
    edit(pair[which], 2)
    twins.main()
    assert values(pair) == [True, True]


@pytest.mark.parametrize("change", [as_colab_writes, with_a_cell_less, reorder, delete])
def test_without_a_past_what_is_not_certain_stops_it(pair, change):
    shutil.rmtree(paths.ROOT / ".git")
    (pair[1].parent / twins.NOTE).unlink()
    change(pair[1])
    before = [file.read_text() for file in pair]
    with pytest.raises(SystemExit, match="not certain"):
        twins.main()
    assert [file.read_text() for file in pair] == before


@pytest.mark.parametrize("which", [0, 1], ids=["script", "notebook"])
def test_what_git_could_not_merge_stops_it(pair, which):
    pair[which].write_text(pair[which].read_text() + "\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> other\n")
    with pytest.raises(SystemExit, match="11-x.py and 11-x.ipynb"):
        twins.main()


def test_nothing_changes_where_the_locale_knows_no_umlauts(pair):
    pair[0].write_text(pair[0].read_text().replace("Words", "Bergerons Eisblöcke, ρₑ"), encoding="utf-8")
    twins.main()
    before = [file.read_bytes() for file in pair]
    code = "import sys, pathlib, twins; from lib.core import paths; paths.ROOT = pathlib.Path(sys.argv[1]); "
    code += "paths.NOTEBOOKS = paths.ROOT / 'notebooks'; twins.main()"
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    variables = os.environ | locale | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "book")))}
    subprocess.run([sys.executable, "-c", code, str(paths.ROOT)], env=variables, check=True)
    assert [file.read_bytes() for file in pair] == before
