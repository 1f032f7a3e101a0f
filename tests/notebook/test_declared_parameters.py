"""lib.notebook.parameters: what is declared decides how a value is read, whichever command hands it over."""

import base64
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from click.testing import CliRunner
from papermill.cli import papermill

from lib.notebook.parameters import RunError, as_declared, injected_names, read, read_file, refuse_misfit, refuse_unknown

#: Declared parameters of a notebook and their types.
DECLARED = {
    "cpi_dir": "str",
    "model": "str",
    "n_crystals": "int",
    "hollow": "float",
    "in_memory": "bool",
    "n_inp": "list[float]",
    "angles": "list[float]",
    "epochs": "dict[str, int]",
    "width": "dict",
}
#: Names of folders that Python, papermill or YAML take for something else.
FOLDERS = (
    "2015_1205", "20151205", "0.10", "1e5", "1e400", "007", "+5", "1_0.5", "0x10", "0o17", "017", "12:30:00", "2015-12-05",
    "true", "True", "None", "null", "no", "nan", "inf", "-inf", "1.", ".5", "[1]", "1,2", "{}", "2015 1205", "a#b",
    "a: b", "Blätter",
)  # fmt: skip


@pytest.fixture
def injected(tmp_path, monkeypatch):
    """Function from arguments of papermill's command to the values of the cell that it injects."""
    monkeypatch.chdir(tmp_path)
    cell = nbformat.v4.new_code_cell("seed: int = 0  # seed", metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), "in.ipynb")

    def values(*arguments):
        command = ["in.ipynb", "out.ipynb", "--prepare-only", "--no-progress-bar", *arguments]
        done = CliRunner().invoke(papermill, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        source = nbformat.read("out.ipynb", as_version=4).cells[1].source
        found = {}
        exec(source, found)
        return {name: found[name] for name in injected_names([source])}

    return values


def ways(name, text):
    """The arguments of papermill that hand over a `text` as it stands: typed, typed raw, and as YAML in three forms."""
    line = f"{name}: {text}"
    Path("parameters.yml").write_text(line, encoding="utf-8")
    encoded = base64.b64encode(line.encode()).decode()
    return {
        "-p": ("-p", name, text),
        "-r": ("-r", name, text),
        "-y": ("-y", line),
        "-f": ("-f", "parameters.yml"),
        "-b": ("-b", encoded),
    }


@pytest.mark.parametrize("way", ["-p", "-r", "-y", "-f", "-b"])
@pytest.mark.parametrize("text", [text for text in FOLDERS if not re.search(r"[\[{#]|: ", text)])
def test_a_folder_keeps_its_name_whatever_papermill_takes_it_for(injected, tmp_path, text, way):
    (tmp_path / text).mkdir()
    (value,) = injected(*ways("cpi_dir", text)[way]).values()
    assert as_declared("cpi_dir", value, "str") == text


def test_where_a_name_is_lost_and_two_folders_may_be_meant_the_raw_flag_is_named(injected, tmp_path):
    for text in ("2015_1205", "20151205"):
        (tmp_path / text).mkdir()
    said = (
        "^cpi_dir: 20151205 may be each of the folders 20151205, 2015_1205; papermill keeps the text with -r cpi_dir 20151205.$"
    )
    with pytest.raises(RunError, match=said):
        as_declared("cpi_dir", injected("-p", "cpi_dir", "2015_1205")["cpi_dir"], "str")
    assert as_declared("cpi_dir", injected("-r", "cpi_dir", "2015_1205")["cpi_dir"], "str") == "2015_1205"


def test_where_there_is_no_such_folder_the_value_is_told(injected):
    assert as_declared("cpi_dir", injected("-p", "cpi_dir", "2015_1205")["cpi_dir"], "str") == "20151205"
    with pytest.raises(RunError, match=r"^cpi_dir must be str, got None \(NoneType\)\.$"):
        refuse_misfit("cpi_dir", as_declared("cpi_dir", injected("-p", "cpi_dir", "None")["cpi_dir"], "str"), "str")


def test_text_that_names_no_folder_is_the_number_as_python_writes_it(injected, tmp_path):
    (tmp_path / "02025").mkdir()
    assert as_declared("model", injected("-p", "model", "2025")["model"], "str") == "2025"


def test_home_is_found_in_the_name_of_a_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert as_declared("cpi_dir", "~/tiles", "str") == "/somewhere/tiles" and as_declared("model", "~/x", "str") == "~/x"


@pytest.mark.parametrize("text", FOLDERS)
def test_a_typed_text_stays_text_where_text_is_declared(text):
    assert read(text, "str") == text


@pytest.mark.parametrize("text", [text for text in FOLDERS if text not in ("[1]", "{}", "a#b", "a: b")])
def test_a_file_keeps_text_where_text_is_declared(text):
    declared = {"cpi_dir": {"inferred_type_name": "str"}}
    assert read_file(f"cpi_dir: {text}\nseed: 3  # three\n", declared) == {"cpi_dir": text, "seed": 3}
    assert read_file(f"cpi_dir: '{text}'", declared) == {"cpi_dir": text}
    assert read_file("cpi_dir:", declared) == {"cpi_dir": ""}


@pytest.mark.parametrize("text", ["abc", "{polar: 1}", "[[" * 300, "'"])
def test_text_that_spells_no_value_stays_text(text):
    assert read(text, "dict[str, int]") == text


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n_crystals", "3", 3),
        ("n_crystals", "007", 7),
        ("n_crystals", "1_000", 1000),
        ("hollow", "1e-3", 0.001),
        ("hollow", "3e4", 3e4),
        ("in_memory", "true", True),
        ("in_memory", "False", False),
        ("n_inp", "[3e4, 5e5]", [3e4, 5e5]),
        ("angles", "[0, 90]", [0, 90]),
        ("epochs", '{"polar": 12}', {"polar": 12}),
        ("width", '{"ssl": 8}', {"ssl": 8}),
    ],
)
def test_every_way_gives_the_same_value(injected, name, text, value):
    found = [read(text, DECLARED[name]), read_file(f"{name}: {text}", {})[name]]
    found += [injected(*arguments)[name] for way, arguments in ways(name, text).items() if way != "-r"]
    for one in found:
        one = as_declared(name, one, DECLARED[name])
        refuse_misfit(name, one, DECLARED[name])
        assert one == value and isinstance(one, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", {"polar": "12"}, "epochs['polar'] must be int, got '12' (str)."),
        ("epochs", {"polar": 1.5}, "epochs['polar'] must be int, got 1.5 (float)."),
        ("epochs", {"polar": True}, "epochs['polar'] must be int, got True (bool)."),
        ("epochs", {"polar": None}, "epochs['polar'] must be int, got None (NoneType)."),
        ("epochs", {3: 1}, "each name in epochs must be str, got 3 (int)."),
        ("epochs", [12], "epochs must be dict[str, int], got [12] (list)."),
        ("angles", [0, "90"], "angles[1] must be float, got '90' (str)."),
        ("angles", [0, [90]], "angles[1] must be float, got [90] (list)."),
        ("angles", [False, 90], "angles[0] must be float, got False (bool)."),
        ("n_inp", [3e4, float("inf")], "n_inp[1] must be finite, got inf."),
        ("n_inp", [float("nan"), 1.0], "n_inp[0] must be finite, got nan."),
        ("width", {"ssl": float("-inf")}, "width['ssl'] must be finite, got -inf."),
        ("hollow", float("nan"), "hollow must be finite, got nan."),
        ("hollow", True, "hollow must be float, got True (bool)."),
        ("n_crystals", 10.0, "n_crystals must be int, got 10.0 (float)."),
        ("n_crystals", None, "n_crystals must be int, got None (NoneType)."),
        ("in_memory", "null", "in_memory must be bool, got 'null' (str)."),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(name, value, said):
    with pytest.raises(RunError) as refused:
        refuse_misfit(name, as_declared(name, value, DECLARED[name]), DECLARED[name])
    assert str(refused.value) == said


def test_yaml_numbers_with_an_exponent_are_numbers_within_lists():
    assert as_declared("n_inp", yaml.safe_load("[3e4, 1.5E3, -.5e-3, 5]"), "list[float]") == [3e4, 1500.0, -0.0005, 5]


def test_an_unknown_name_is_told_with_the_nearest(injected):
    with pytest.raises(RunError, match="^12-x has no parameter cpi_dri; did you mean cpi_dir.$"):
        refuse_unknown(list(injected("-p", "cpi_dri", "tiles")), DECLARED, "12-x")
