"""The results tables: numbers of runs beside those of the literature."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from _ext import generated

from lib.literature import REPORTED

CONF = """
extensions = ["myst_parser", "generated"]

def setup(app):
    app.add_config_value("executed_runs", "", "env")
"""
OURS = {
    "rf_single_r2_rho_e": 0.90149,
    "rf_single_r2_rho_e_se": 0.0111,
    "rf_single_r2_rho_e_image_split": 0.93249,
    "rf_single_rmse_rho_e": 0.01234,
    "gb_single_r2_rho_e": 0.911,
    "gb_single_r2_rho_e_image_split": 0.9,
    "best_2ds_r2_rho_e": 0.99,
    "linear_2ds_balanced_accuracy": 0.61,
    "cpi_rho_e_p50": 0.1,
}


def cells(text):
    """Rows of a MyST table as lists of cells, without the line below the head, no-break spaces as spaces."""
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| ---")]


def by_learner(text):
    """Rows of a table by model and views, as dictionaries from the head's columns; the second `paper` is dropped."""
    head, *rows = cells(text)
    return {(row[0], row[1]): dict(reversed([*zip(head, row, strict=True)])) for row in rows}


def test_ours_beside_talk_and_paper():
    rows = by_learner(generated.results_table(OURS, generated.SCORES["rho_e"]))
    forest = rows["random forest", "1"]
    assert forest["R², ours"] == "0.901 ± 0.011"
    assert forest["talk"] == REPORTED["rf_single_r2_rho_e"].talk == "0.86 or 0.95"
    assert forest["paper"] == "0.953"
    assert forest["RMSE, ours"] == "12.34"  # in thousandths, and without an error where none was recorded
    assert forest["MAE, ours"] == "not run"


@pytest.mark.parametrize("what", generated.SCORES)
def test_every_reported_model_has_a_row_even_before_it_is_run(what):
    rows = by_learner(generated.results_table({}, generated.SCORES[what]))
    assert len(rows) == 8
    assert all(row[column] == "not run" for row in rows.values() for column in row if column.endswith("ours"))
    assert all(row["paper"] != "–" for row in rows.values())


def test_models_that_nobody_reported_have_a_row_too():
    rows = by_learner(generated.results_table(OURS, generated.SCORES["rho_e"]))
    assert rows["boosting", "1"]["R², ours"] == "0.911" and rows["boosting", "1"]["paper"] == "–"
    assert rows["best network", "2 (90°)"]["R², ours"] == "0.990"
    assert ("`cpi`", "1") not in rows and len(rows) == 8 + 2


def test_only_the_asked_score_makes_a_row():
    rows = by_learner(generated.results_table(OURS, generated.SCORES["n_bullets"]))
    assert set(rows) == {(generated.MODELS[m], generated.VIEWS[v].replace("\N{NO-BREAK SPACE}", " ")) for m, v in [
        ("linear", "single"), ("linear", "2ds"), ("linear", "phips"), ("rf", "single"), ("cnn", "single"),
        ("resnet18", "single"), ("resnet18", "2ds"), ("resnet18", "phips")]}  # fmt: skip
    assert rows["linear", "2 (90°)"]["balanced accuracy, ours"] == "0.610"


def test_rows_are_in_the_order_of_the_page():
    models = [row[0] for row in cells(generated.results_table(OURS, generated.SCORES["rho_e"]))[1:]]
    assert models == ["linear"] * 3 + ["random forest", "boosting", "CNN"] + ["ResNet-18"] * 3 + ["best network"]


def test_leak_is_by_image_minus_by_crystal():
    _, forest, boosting = cells(generated.leak_table(OURS))
    assert forest == ["random forest", "1", "R² of ρₑ", "0.901 ± 0.011", "0.932", "+0.031", "0.953"]
    assert boosting[5] == "−0.011" and boosting[6] == "–"


def test_nothing_to_show_is_said():
    assert not generated.has_both_splits({"rf_single_r2_rho_e": 0.9, "gb_single_r2_rho_e_image_split": 0.9})
    assert generated.has_both_splits(OURS)
    for tabled in generated.OTHER_TABLES.values():
        assert tabled({"rf_single_r2_rho_e": 0.9}).startswith("No run")
    assert generated.runs_table([{"compared": 0, "link": "x"}]).startswith("No notebook")


def test_views_are_counted():
    scores = {"r2_rho_e": 0.9, "r2_a_e": 0.8, "balanced_accuracy": 0.5}
    metrics = {f"polar_{k}_views_{name}": value + k / 100 for k in (2, 1) for name, value in scores.items()}
    assert cells(generated.views_table(metrics))[1:] == [
        ["polar network", "1", "0.910", "0.810", "0.510"], ["polar network", "2", "0.920", "0.820", "0.520"],
    ]  # fmt: skip


def test_promises_and_what_was_kept():
    metrics = {"coverage_95_rho_e": 0.9512, "width_95_rho_e": 1.815, "coverage_80_n_bullets": 0.8, "size_80_n_bullets": 1.5}
    assert cells(generated.trust_table(metrics))[1:] == [["ρₑ", "95 %", "95.1 %", "1.81"], ["n", "80 %", "80.0 %", "1.50"]]


def test_shapes_have_a_row_for_each_way_and_views():
    metrics = {"iou_r2n2": 0.3, "iou_r2n2_se": 0.01, "fscore_r2n2": 0.5, "iou_parametric_2ds": 0.8}
    assert cells(generated.shapes_table(metrics))[1:] == [
        ["3D-R2N2", "1", "0.300 ± 0.010", "–", "0.500"], ["fitted rosette", "2 (90°)", "0.800", "–", "–"],
    ]  # fmt: skip


def test_representations_have_a_row_for_each_rung_and_set_of_pictures():
    metrics = {"ari_conv2": 0.1, "ari_conv2_sd": 0.02, "linear_probe_conv2": 0.5, "ari_ssl_2ds": 0.4}
    assert cells(generated.latent_table(metrics))[1:] == [
        ["nine synthetic habits", "VAE, 2 latents", "0.100 ± 0.020", "–", "–", "0.500"],
        ["2D-S silhouettes", "self-supervised, UMAP", "0.400", "–", "–", "–"],
    ]


# In a small book


PAGE = """# Results

```{results-table} runs
```

```{results-table} rho_e
```

```{results-table} rho_x
```
"""


@pytest.fixture
def book(tmp_path):
    """Function that builds a book of the results page, one notebook page and its run; returns the page and what Sphinx said."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "12-fake.md").write_text("# A notebook\n")
    run = tmp_path / "runs" / "12-fake"
    run.mkdir(parents=True)
    origin = {"profile": "smoke", "device": "cpu", "device_name": "abacus", "commit": "c0ffee1234567", "started": "2026-01-02"}
    (run / "provenance.json").write_text(json.dumps(origin))

    def build(metrics):
        (run / "metrics.json").write_text(json.dumps(metrics))
        command = [sys.executable, "-m", "sphinx", "-b", "pseudoxml", "-q", "-D", f"executed_runs={tmp_path / 'runs'}"]
        path = {**os.environ, "PYTHONPATH": str(Path(generated.__file__).parent)}
        done = subprocess.run([*command, tmp_path, tmp_path / "out"], env=path, capture_output=True, text=True, check=True)
        return (tmp_path / "out" / "index.pseudoxml").read_text().replace("\N{NO-BREAK SPACE}", " "), done.stderr

    return build


def test_ways_have_a_row_each_where_they_are_recorded():
    metrics = {"r2_vae16_q_i": 0.9, "r2_pca16_q_i": 0.8, "spearman_profiles": 0.7}
    assert cells(generated.OTHER_TABLES["fields"](metrics))[1:] == [
        ["16 latents", "0.900", "–", "–"],
        ["16 EOFs", "0.800", "–", "–"],
    ]
    assert cells(generated.OTHER_TABLES["distances"](metrics))[1:] == [["profiles", "0.700", "–", "–", "–", "–"]]
    assert generated.OTHER_TABLES["fields"]({}) == "No run has recorded cloud fields yet."


def test_the_directive_in_a_book(book):
    page, said = book(OURS)
    for expected in ("A notebook", "smoke", "cpu (abacus)", "c0ffee1234", "0.901 ± 0.011", "0.953", "not run"):
        assert expected in page
    assert "0.610" not in page  # the score of another table
    choices = "runs, leak, views, trust, shapes, latent, fields, distances, rho_e, a_e, n_bullets"
    assert f"ERROR: results-table: expected one of {choices}, got 'rho_x'" in said
    page, _ = book(OURS | {"rf_single_r2_rho_e": 0.8})
    assert "0.800 ± 0.011" in page  # made anew, because its run has changed
