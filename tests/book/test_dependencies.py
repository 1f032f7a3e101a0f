"""book/dependencies.py: a notebook is executed again where something changed that its run depends on, and only there."""

import json

import dependencies
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
