"""book/dependencies.py: a notebook is executed again where something changed that its run depends on, and only there."""

import json
import os
import platform

import dependencies
import execute
import nbformat
import pytest

from lib.core import paths

MODULES = {
    "__init__.py": "",
    "core/__init__.py": "",
    "core/registry.py": "",
    "used.py": "def f():\n    from lib.deep import below\n",
    "unused.py": "",
    "deep/__init__.py": "",
    "deep/below.py": "import lib.kinds",
    "kinds/__init__.py": "from lib.core.registry import members",
    "kinds/one.py": "",
}
CELL = "import sys\nif True:\n    !pip install lib\nfrom lib.used import f"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project with the notebook 11."""
    for name, text in MODULES.items():
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).write_text(text)
    for folder in ("notebooks", "data", "tiles"):
        (tmp_path / folder).mkdir()
    write_notebook(tmp_path, CELL)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def write_notebook(project, source):
    """Write the notebook with one cell."""
    cell = nbformat.v4.new_code_cell(source, id="one")
    (project / "notebooks" / "11.ipynb").write_text(json.dumps(nbformat.v4.new_notebook(cells=[cell])))


def digest(project, **parameters):
    """Fingerprint of the notebook as things are now."""
    dependencies.shipped.cache_clear()
    return dependencies.digest("11", {"seed": 1, "cpi_dir": str(project / "tiles"), **parameters})


def test_modules_are_found_however_deep(project):
    found = {file.relative_to(project / "lib").as_posix() for file in dependencies.modules_behind([CELL])}
    assert found == set(MODULES) - {"unused.py"}


@pytest.mark.parametrize("name", ["used.py", "deep/below.py", "kinds/one.py", "__init__.py"])
def test_a_change_of_a_module_behind_it_counts(project, name):
    before = digest(project)
    (project / "lib" / name).write_text(MODULES[name] + "\nx = 1\n")
    assert digest(project) != before


def test_a_change_of_another_module_does_not(project):
    before = digest(project)
    (project / "lib" / "unused.py").write_text("x = 1\n")
    assert digest(project) == before


def test_cells_parameters_and_packages_count(project, monkeypatch):
    before = digest(project)
    assert digest(project) == before != digest(project, seed=2)
    monkeypatch.setattr(dependencies, "package_versions", lambda: {"numpy": "1"})
    newer = digest(project)
    assert newer != before
    write_notebook(project, CELL + "\nf()")
    assert digest(project) not in (before, newer)


@pytest.mark.parametrize("folder", ["data", "tiles"])
def test_a_file_more_or_another_content_counts(project, folder):
    before = digest(project)
    (project / folder / "a.png").write_text("a")
    with_one = digest(project)
    (project / folder / "a.png").write_text("bb")
    assert len({before, with_one, digest(project)}) == 3
    (project / folder / "b.png").write_text("b")
    with_two = digest(project)
    (project / folder / "a.png").unlink()
    assert len({before, with_one, with_two, digest(project)}) == 4


def copy_over(project):
    """Copy other bytes of the same length over a file, with their older time, as ``cp -p`` and rsync do."""
    before = (project / "tiles/a.png").stat()
    (project / "tiles/a.png").write_text("b")
    os.utime(project / "tiles/a.png", ns=(before.st_atime_ns, before.st_mtime_ns))


def change_where_a_link_leads(project):
    (project / "elsewhere/deeper/b.png").write_text("c")


CHANGES = {
    "a file is deleted": lambda project: (project / "tiles/a.png").unlink(),
    "a file is renamed": lambda project: (project / "tiles/a.png").rename(project / "tiles/b.png"),
    "a file is added below": lambda project: (project / "tiles/2015/b.png").write_text("b"),
    "other bytes with the same length and time": copy_over,
    "a file changes to which a linked folder leads": change_where_a_link_leads,
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_in_a_folder_counts(project, what):
    for folder in ("tiles/2015", "elsewhere/deeper"):
        (project / folder).mkdir(parents=True)
    (project / "tiles/a.png").write_text("a")
    (project / "tiles/linked").symlink_to(project / "elsewhere")
    (project / "elsewhere/back").symlink_to(project / "tiles")
    (project / "tiles/dangling.png").symlink_to(project / "nowhere")
    before = digest(project)
    assert digest(project) == before
    CHANGES[what](project)
    assert digest(project) != before


def test_a_relative_folder_is_one_of_the_project_wherever_it_is_called(project, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    before = digest(project, cpi_dir="tiles")
    (project / "tiles/a.png").write_text("a")
    assert digest(project, cpi_dir="tiles") != before


def test_another_python_counts(project, monkeypatch):
    before = digest(project)
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert digest(project) != before


def test_a_folder_whose_files_changed_is_not_up_to_date(project, monkeypatch):
    """As with 2 tiles, 10 more and 1 less, between two calls of ``make book CPI_DIR=...``."""
    job = execute.Job("11", "laptop", project / "runs", {"cpi_dir": str(project / "tiles")})
    for number in range(2):
        (project / f"tiles/{number}.png").write_text("a")
    dependencies.shipped.cache_clear()
    notebook = nbformat.v4.new_notebook(metadata={"digest": dependencies.digest("11", job.parameters)})
    job.runs.mkdir()
    nbformat.write(notebook, job.runs / "11.ipynb")
    assert execute.current(job)
    for number in range(2, 12):
        (project / f"tiles/{number}.png").write_text("a")
    (project / "tiles/0.png").unlink()
    assert not execute.current(job)
