"""The notebooks: how they are written."""

import ast
import re
import statistics

import execute
import nbformat
import pytest
from twins import gist, notebook_of, script_of

from lib.core.paths import NOTEBOOKS, PARAMS

NAMES = sorted(file.stem for file in NOTEBOOKS.glob("*.ipynb"))
ABSOLUTE = re.compile(r"""["'(](/(home|root|work|Users|tmp|data|mnt)/|~/|[A-Z]:\\)""")

every_notebook = pytest.mark.parametrize("name", NAMES)


def cells(name, kind=None):
    """Cells of notebook `name`, all or those of one `kind`."""
    found = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    return [cell for cell in found if kind in (None, cell.cell_type)]


def lines(cell):
    """How many lines of code a cell has, blank ones and comments left out."""
    return sum(1 for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#"))


def parameter_cells(name):
    """The cells tagged as parameters."""
    return [cell for cell in cells(name, "code") if "parameters" in cell.metadata.get("tags", [])]


@every_notebook
def test_twins_are_equal(name):
    script = notebook_of(NOTEBOOKS / f"{name}.py")
    assert gist(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)) == gist(script), "run `make twins`"
    assert script_of(NOTEBOOKS / f"{name}.ipynb") == (NOTEBOOKS / f"{name}.py").read_text(), "run `make twins`"


@every_notebook
def test_no_outputs_in_git(name):
    assert not [cell for cell in cells(name, "code") if cell.outputs or cell.execution_count]


@every_notebook
def test_cells_are_short_and_explained(name):
    code = [lines(cell) for cell in cells(name, "code")]
    assert statistics.median(code) <= 8 and max(code) <= 20
    assert len(cells(name, "markdown")) >= len(code)


@every_notebook
def test_code_fits_the_page(name):
    shown = [cell for cell in cells(name, "code") if "remove-cell" not in cell.metadata.get("tags", [])]
    assert not [line for cell in shown for line in cell.source.splitlines() if len(line) > 100]


@every_notebook
def test_one_title(name):
    titles = [line for cell in cells(name, "markdown") for line in cell.source.splitlines() if line.startswith("# ")]
    assert len(titles) == 1 and cells(name)[0].source.startswith("# ")


@every_notebook
def test_nothing_that_binds_to_a_machine_or_hides_warnings(name):
    source = "\n".join(cell.source for cell in cells(name))
    assert not ABSOLUTE.search(source)
    assert not re.search(r"filterwarnings\(\s*[\"']ignore", source)
    assert not re.search(r"environ.*\bCI\b", source)


@every_notebook
def test_colab_installs_first(name):
    first = cells(name, "code")[0].source
    assert 'if "google.colab" in sys.modules:' in first and "pip install" in first


@every_notebook
def test_the_run_is_started_under_its_name(name):
    starts = [cell.source for cell in cells(name, "code") if "start(" in cell.source]
    assert f'run = start("{name}", globals())' in starts[0]


@every_notebook
def test_parameters_are_declared_so_that_papermill_reads_them(name):
    (cell,) = parameter_cells(name)
    statements = ast.parse(cell.source).body
    assert all(isinstance(statement, ast.AnnAssign) for statement in statements), "name: type = default  # help [unit]"
    declared = execute.declared_parameters(name)
    assert [statement.target.id for statement in statements] == list(declared), "papermill skips a line with a second ="
    assert all(entry["help"] for entry in declared.values())
    assert "seed" in declared


@pytest.mark.parametrize("file", sorted(PARAMS.rglob("*.*")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_profiles_set_only_declared_parameters(file):
    values = execute.profile_parameters(file.stem, file.parent.name)
    assert values and set(values) <= set(execute.declared_parameters(file.stem))


def test_every_notebook_has_its_place():
    assert sorted(execute.notebooks_in_book()) == NAMES == sorted(file.stem for file in NOTEBOOKS.glob("*.py"))
