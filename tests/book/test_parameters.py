"""Wrong parameters end every notebook in one clear line, before any work."""

import ast

import execute
import nbformat
import pytest

from lib.core import paths
from lib.notebook.run import RunError

NAMES = execute.notebooks_in_book()
WRONG = {"int": -1, "float": -1.0, "bool": 7, "list": -1, "tuple": -1, "dict": -1}
WRONG_WORDS = {"scheduler": "express", "device": "abacus"}
CASES = [(name, key) for name in NAMES for key in execute.declared_parameters(name)]


def beginning(name):
    """Code of a notebook up to where the run is started, its parameters taken out, and the values of these."""
    cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    end = next(i for i, cell in enumerate(code) if "run = start(" in cell.source)
    (parameters,) = (cell.source for cell in code[:end] if "parameters" in cell.metadata.get("tags", []))
    others = [cell.source for cell in code[1 : end + 1] if cell.source != parameters]
    return others, {node.target.id: ast.literal_eval(node.value) for node in ast.parse(parameters).body}


def started(name, **changes):
    """Run a notebook up to its start, with other parameters."""
    code, namespace = beginning(name)
    namespace |= {"__name__": "__main__"} | changes
    for cell in code:
        exec(compile(cell, name, "exec"), namespace)
    return namespace["run"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_right(name):
    run = started(name)
    assert run.name == name and not run.metrics


@pytest.mark.parametrize(("name", "key"), CASES)
def test_a_wrong_value_is_refused_by_name(name, key, elsewhere):
    kind = execute.declared_parameters(name)[key]["inferred_type_name"].split("[")[0]
    wrong = WRONG.get(kind, WRONG_WORDS.get(key, str(elsewhere / "nowhere")))
    with pytest.raises(RunError, match=rf"\b{key}\b") as refused:
        started(name, **{key: wrong})
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


@pytest.mark.parametrize(("name", "key"), [(n, k) for n, k in CASES if isinstance(beginning(n)[1][k], dict | list | tuple)])
def test_a_wrong_value_within_is_refused_by_name(name, key):
    default = beginning(name)[1][key]
    wrong = dict.fromkeys(default, -1) if isinstance(default, dict) else type(default)([-1] * len(default))
    with pytest.raises(RunError, match=rf"\b{key}\b"):
        started(name, **{key: wrong})


def test_an_unknown_model_is_refused_with_those_that_there_are():
    with pytest.raises(RunError, match="epochs names transformer; there are cnn, resnet18, polar"):
        started("13-image-networks", epochs={"polar": 1, "transformer": 2})
