"""lib.notebook.run: what a notebook's first line refuses, sets and writes."""

import json
import random

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from IPython.core.interactiveshell import InteractiveShell

from lib.core import paths
from lib.notebook import rows, run
from lib.notebook.run import RunError

PARAMETERS = """\
n_crystals: int = 100  # how many crystals
noise: float = 0.5  # noise [1]
cpi_dir: str = ""  # folder of images
hollow: bool = False  # hollow bullets
epochs: dict = {"polar": 2}  # epochs of each network
angles: list = [0, 90]  # views [deg]
sizes: tuple = (1, 2)  # sizes [um]
device: str = "auto"  # auto, cpu or cuda
seed: int = 3  # seed
"""


@pytest.fixture
def namespace(tmp_path, monkeypatch):
    """Variables of a notebook ``01-example`` with `PARAMETERS`; what it glues is in ``glued``."""
    cell = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), tmp_path / "01-example.ipynb")
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    variables = {"glued": {}}
    monkeypatch.setattr(run, "glue", lambda name, value, display: variables["glued"].update({name: value}))
    exec(PARAMETERS, variables)
    return variables


def start(namespace, injected=""):
    """Start the example as papermill would after it injected a cell."""
    exec(injected, namespace)
    namespace["In"] = ["", PARAMETERS, f"# Parameters\n{injected}\n"]
    return run.start("01-example", namespace)


def test_a_mistyped_parameter_is_refused_with_the_nearest_name(namespace):
    with pytest.raises(RunError, match="01-example has no parameter sead; did you mean seed"):
        start(namespace, "sead = 3")


def test_the_last_injected_cell_counts(namespace):
    namespace["In"] = ["", "# Parameters\nsead = 3\n", "# Parameters\nseed = 3\n"]
    assert run.start("01-example", namespace).parameters["seed"] == 3


@pytest.mark.parametrize(
    "injected", ["n_crystals = 'ten'", "n_crystals = 10.0", "n_crystals = True", "noise = '0.001'", "hollow = 1"]
)
def test_a_value_of_the_wrong_type_is_refused(namespace, injected):
    with pytest.raises(RunError, match=f"{injected.split()[0]} must be"):
        start(namespace, injected)


def test_an_int_passes_for_a_float(namespace):
    assert start(namespace, "noise = 1").parameters["noise"] == 1


@pytest.mark.parametrize(
    ("injected", "value"),
    [
        ("epochs = '{\"polar\": 12}'", {"polar": 12}),
        ("angles = '[0, 90, 120]'", [0, 90, 120]),
        ("sizes = '(3, 4)'", (3, 4)),
        ("cpi_dir = 2023", "2023"),
        ("cpi_dir = 0.5", "0.5"),
    ],
)
def test_a_value_as_papermill_reads_it_becomes_what_is_declared(namespace, injected, value):
    name = injected.split()[0]
    started = start(namespace, injected)
    assert started.parameters[name] == namespace[name] == value and type(namespace[name]) is type(value)
    assert json.loads(started.file("provenance.json").read_text())["parameters"][name] == json.loads(json.dumps(value))


@pytest.mark.parametrize("injected", ["epochs = '{polar: 12}'", "angles = 'all'", "sizes = '(1, 2'", "angles = '{\"a\": 1}'"])
def test_text_that_spells_no_such_value_is_refused_in_one_line(namespace, injected):
    with pytest.raises(RunError, match=f"^{injected.split()[0]} must be (dict|list|tuple).*got .*\\.$"):
        start(namespace, injected)


@pytest.mark.parametrize("device", ["cuda:2", "cuda:x", "cuda:-1", "cuda2", "gpu"])
def test_a_gpu_that_is_not_there_is_refused(namespace, device, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [run.available_device(known) for known in ("auto", "cpu", "cuda", "cuda:1")] == ["cuda", "cpu", "cuda", "cuda:1"]
    with pytest.raises(RunError, match=f"device must be one of auto, cpu, cuda, cuda:0, cuda:1 on this machine, got '{device}'"):
        start(namespace, f"device = {device!r}")


def test_threads_that_are_none_are_refused(namespace, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    with pytest.raises(RunError, match="^OMP_NUM_THREADS must be a whole number from 1 on.*, got '0'.$"):
        start(namespace)


@pytest.mark.parametrize("injected", ["seed = -1", "device = 'gpu'"])
def test_a_value_out_of_range_is_refused(namespace, injected):
    with pytest.raises(RunError, match=f"{injected.split()[0]} must be"):
        start(namespace, injected)


def test_an_error_is_one_line_in_a_notebook(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from lib.notebook.run import RunError\nraise RunError('n_crystals must be at least 1, got -3.')")
    assert capsys.readouterr().out.strip() == "RunError: n_crystals must be at least 1, got -3."


def test_require_tells_its_sentence(namespace):
    started = start(namespace)
    started.require(True, "never told")
    with pytest.raises(RunError, match="at least 1, got -3"):
        started.require(False, "n_crystals must be at least 1, got -3.")


def test_limits_are_told_with_the_value(namespace):
    started = start(namespace, "n_crystals = 20")
    started.at_least(n_crystals=20)
    started.at_most(n_crystals=20)
    with pytest.raises(RunError, match="n_crystals must be at least 21, got 20."):
        started.at_least(n_crystals=21)
    with pytest.raises(RunError, match="n_crystals must be at most 19, got 20."):
        started.at_most(n_crystals=19)


def test_the_seed_makes_random_numbers_repeat(namespace):
    def numbers():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    import torch

    start(namespace, "seed = 5")
    first = numbers()
    start(namespace, "seed = 5")
    assert numbers() == first
    start(namespace, "seed = 6")
    assert not set(numbers()) & set(first)


def test_the_device_is_resolved_in_the_notebook(namespace):
    assert namespace["device"] == "auto"
    assert start(namespace).device == namespace["device"] in ("cpu", "cuda")


def test_record_writes_a_row_and_glues_plain_numbers(namespace):
    started = start(namespace)
    started.record("r2", np.float32(0.5), se=0.25, model="rf", views="single", quantity="rho_e")
    started.record("n_used", np.int64(3), data="2ds")
    flat = {"rf_single_r2_rho_e": 0.5, "rf_single_r2_rho_e_se": 0.25, "n_used_2ds": 3}
    assert json.loads(started.file("metrics.json").read_text()) == started.metrics == namespace["glued"] == flat
    assert [type(value) for value in namespace["glued"].values()] == [float, float, int]
    kept = rows.read(started.file("metrics.csv"))
    pd.testing.assert_frame_equal(kept, started.rows)
    assert kept.loc[0, ["score", "value", "se", "model", "views", "quantity", "data", "split", "name"]].tolist() == [
        "r2", 0.5, 0.25, "rf", "single", "rho_e", "", "", "rf_single_r2_rho_e"
    ]  # fmt: skip


def test_record_table_takes_fields_from_rows_and_columns(namespace):
    started = start(namespace)
    values = pd.DataFrame({"rf": {"r2_rho_e": 0.5, "f1": 0.4}, "gb": {"r2_rho_e": 0.6, "f1": 0.3}})
    started.record_table(values, values / 10, columns="model", views="2ds")
    started.record_table({"conv2": 0.25}, rows="model", score="ari", deviations={"conv2": 0.125})
    assert list(started.metrics.items())[:4] == [
        ("rf_2ds_r2_rho_e", 0.5), ("rf_2ds_r2_rho_e_se", 0.05), ("rf_2ds_f1", 0.4), ("rf_2ds_f1_se", 0.04)
    ]  # fmt: skip
    assert len(started.metrics) == 10 and started.metrics["ari_conv2"] == 0.25 and started.metrics["ari_conv2_sd"] == 0.125


def test_a_table_has_titles_and_errors_in_the_same_cell(namespace):
    started = start(namespace)
    for model, value in (("rf", 0.5), ("gb", 0.25)):
        started.record("rmse", value / 1000, se=1e-4, model=model, views="2ds", quantity="rho_e")
    started.record("rmse", 0.5, model="rf", views="single", quantity="rho_e")
    table = started.table("model", ["score", "quantity"], views="2ds")
    assert table.columns.tolist() == [("RMSE [10⁻³]", "effective density ρₑ")]
    assert table.iloc[:, 0].to_dict() == {"random forest": "0.50 ± 0.10", "gradient boosting": "0.25 ± 0.10"}
    with pytest.raises(ValueError, match="two values for rf_single_rmse_rho_e: select fewer rows"):
        started.table("model")


@pytest.mark.parametrize("value", [float("nan"), np.inf, "0.5", None, True, np.ones(1) > 0])
def test_record_refuses_what_is_no_finite_number(namespace, value):
    started = start(namespace)
    with pytest.raises(RunError, match="ari_conv2 must be a finite number"):
        started.record("ari", value, model="conv2")
    assert not started.file("metrics.json").exists()


def test_record_refuses_an_unknown_field(namespace):
    with pytest.raises(RunError, match="a result has no field target; it has model, views, quantity, data, split"):
        start(namespace).record_table({"r2": 0.5}, target="rho_e")


def test_record_refuses_a_second_value(namespace):
    started = start(namespace)
    started.record("ari", 0.5, model="ssl")
    namespace["glued"].clear()
    started.record("ari", 0.5, model="ssl")
    assert not namespace["glued"]  # the page would warn of a name that is glued twice
    with pytest.raises(RunError, match="ari_ssl is already recorded as 0.5"):
        started.record("ari", 0.6, model="ssl")


def test_numbers_of_an_earlier_run_are_dropped(namespace):
    start(namespace).record("share_filled", 0.5)
    assert not start(namespace).file("metrics.json").exists()


def test_files_that_another_run_is_writing_are_left_alone(namespace):
    first = start(namespace)
    first.keep(crystals=pd.DataFrame({"a": [1]}))
    first.file("part-1-crystals.csv").write_text("a\n")
    assert sorted(file.name for file in start(namespace).folder.glob("*.csv")) == ["part-1-crystals.csv"]


def test_provenance_tells_where_a_run_comes_from(namespace, monkeypatch):
    monkeypatch.setenv("ICE_PROFILE", "smoke")
    kept = json.loads(start(namespace, "seed = 7").file("provenance.json").read_text())
    assert (kept["notebook"], kept["profile"], kept["seed"], kept["parameters"]["noise"]) == ("01-example", "smoke", 7, 0.5)
    assert kept["packages"]["numpy"] == np.__version__
    assert {"commit", "dirty", "device", "platform", "python", "cpu_count", "started"} <= set(kept)


def test_as_text_a_run_is_its_parameters(namespace):
    shown = repr(start(namespace, "seed = 7"))
    assert shown.startswith("Run('01-example', ") and "seed=7" in shown and str(paths.RUNS) not in shown


def test_the_run_shows_its_parameters(namespace):
    shown = start(namespace, "cpi_dir = '<b>'")._repr_html_()
    assert "how many crystals" in shown and "&lt;b&gt;" in shown and "<b>" not in shown


def test_url_leads_from_the_notebooks_to_the_run(namespace):
    started = start(namespace)
    assert (paths.NOTEBOOKS / started.url("scene.html")).resolve() == started.file("scene.html").resolve()


def test_tables_are_kept_as_files(namespace):
    started = start(namespace)
    table = pd.DataFrame({"rho_e": [0.25, 1 / 3]}, index=pd.Index([4, 5], name="n_bullets"))
    started.keep(crystals=table)
    started.keep(crystals=table)
    found = pd.read_csv(started.file("crystals.csv"), index_col="n_bullets")
    pd.testing.assert_frame_equal(found, table, rtol=1e-5)
    assert sorted(file.name for file in started.folder.iterdir()) == ["crystals.csv", "provenance.json"]
    assert [file.name for file in start(namespace).folder.iterdir()] == ["provenance.json"]  # no table of an earlier run


@pytest.mark.parametrize("file", sorted(paths.NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_papermill_reads_the_same_parameters(file):
    inspected = papermill.inspect_notebook(file)
    expected = {key: {name: entry[name] for name in ("inferred_type_name", "help")} for key, entry in inspected.items()}
    assert run.declared_parameters(file) == expected
