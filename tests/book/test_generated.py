"""The results tables: numbers of runs beside those of the literature."""

import json
import os
import subprocess
import sys
from pathlib import Path

import generated
import missed_tables
import pytest
import score_tables

from lib.notebook.literature import REPORTED, SETTINGS

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
    rows = by_learner(score_tables.results_table(OURS, score_tables.SCORES["rho_e"]))
    forest = rows["random forest", "1"]
    assert forest["R², ours"] == "0.901 ± 0.011"
    assert forest["talk"] == REPORTED["rf_single_r2_rho_e"].talk == "0.86 or 0.95"
    assert forest["paper"] == "0.953"
    assert forest["RMSE, ours"] == "12.34"  # in thousandths, and without an error where none was recorded
    assert forest["MAE, ours"] == "not run"


@pytest.mark.parametrize("what", score_tables.SCORES)
def test_every_reported_model_has_a_row_even_before_it_is_run(what):
    rows = by_learner(score_tables.results_table({}, score_tables.SCORES[what]))
    assert len(rows) == 9
    assert all(row[column] == "not run" for row in rows.values() for column in row if column.endswith("ours"))
    assert all(row["paper"] != "–" for row in rows.values())


def test_models_that_nobody_reported_have_a_row_too():
    rows = by_learner(score_tables.results_table(OURS, score_tables.SCORES["rho_e"]))
    assert rows["boosting", "1"]["R², ours"] == "0.911" and rows["boosting", "1"]["paper"] == "–"
    assert rows["best network", "2 (90°)"]["R², ours"] == "0.990"
    assert ("`cpi`", "1") not in rows and len(rows) == 9 + 2


def test_only_the_asked_score_makes_a_row():
    rows = by_learner(score_tables.results_table(OURS, score_tables.SCORES["n_bullets"]))
    assert set(rows) == {(score_tables.MODELS[m], score_tables.VIEWS[v].replace("\N{NO-BREAK SPACE}", " ")) for m, v in [
        ("linear", "single"), ("linear", "2ds"), ("linear", "phips"), ("rf", "single"), ("mlp", "single"),
        ("cnn", "single"), ("resnet18", "single"), ("resnet18", "2ds"), ("resnet18", "phips")]}  # fmt: skip
    assert rows["linear", "2 (90°)"]["balanced accuracy, ours"] == "0.610"


def test_rows_are_in_the_order_of_the_page():
    models = [row[0] for row in cells(score_tables.results_table(OURS, score_tables.SCORES["rho_e"]))[1:]]
    assert models == ["linear"] * 3 + ["random forest", "boosting", "MLP", "CNN"] + ["ResNet-18"] * 3 + ["best network"]


def test_leak_is_by_image_minus_by_crystal():
    _, forest, boosting = cells(score_tables.leak_table(OURS))
    assert forest == ["random forest", "1", "R² of ρₑ", "0.901 ± 0.011", "0.932", "+0.031", "0.953"]
    assert boosting[5] == "−0.011" and boosting[6] == "–"


def test_nothing_to_show_is_said():
    assert not score_tables.has_both_splits({"rf_single_r2_rho_e": 0.9, "gb_single_r2_rho_e_image_split": 0.9})
    assert score_tables.has_both_splits(OURS)
    for name in ("views", "trust", "shapes", "latent", "fields", "distances"):
        assert generated.OTHER_TABLES[name]({"rf_single_r2_rho_e": 0.9}).startswith("No run")
    assert generated.runs_table([{"link": "x"}]).startswith("No notebook")


def test_views_are_counted():
    scores = {"r2_rho_e": 0.9, "r2_a_e": 0.8, "balanced_accuracy": 0.5}
    metrics = {f"polar_{k}_views_{name}": value + k / 100 for k in (2, 1) for name, value in scores.items()}
    assert cells(score_tables.views_table(metrics))[1:] == [
        ["polar network", "1", "0.910", "0.810", "0.510"], ["polar network", "2", "0.920", "0.820", "0.520"],
    ]  # fmt: skip


def test_promises_and_what_was_kept():
    metrics = {"coverage_95_rho_e": 0.9512, "width_95_rho_e": 1.815, "coverage_80_n_bullets": 0.8, "size_80_n_bullets": 1.5}
    metrics["coverage_80_n_bullets_se"] = 0.0123
    assert cells(score_tables.trust_table(metrics))[1:] == [
        ["ρₑ", "95 %", "95.1 %", "1.81"],
        ["n", "80 %", "80.0 ± 1.2 %", "1.50"],
    ]


def test_shapes_have_a_row_for_each_way_and_views():
    metrics = {"iou_r2n2": 0.3, "iou_r2n2_se": 0.01, "fscore_r2n2": 0.5, "iou_parametric_2ds": 0.8}
    assert cells(score_tables.shapes_table(metrics))[1:] == [
        ["3D-R2N2", "1", "0.300 ± 0.010", "–", "0.500"], ["fitted rosette", "2 (90°)", "0.800", "–", "–"],
    ]  # fmt: skip


def test_representations_have_a_row_for_each_rung_and_set_of_pictures():
    metrics = {"ari_conv2": 0.1, "ari_conv2_sd": 0.02, "linear_probe_conv2": 0.5, "ari_ssl_2ds": 0.4}
    assert cells(score_tables.latent_table(metrics))[1:] == [
        ["nine synthetic habits", "VAE, 2 latents", "0.100 ± 0.020", "–", "–", "0.500"],
        ["2D-S silhouettes", "self-supervised, UMAP", "0.400", "–", "–", "–"],
    ]


# What was not reached


MISSED = {
    "rf_single_r2_rho_e": 0.942, "rf_single_r2_rho_e_se": 0.01,
    "rf_single_rmse_rho_e": 0.011, "rf_single_rmse_rho_e_se": 0.001, "rf_single_mae_rho_e": 0.001,
    "polar_2ds_r2_rho_e": 0.98, "best_2ds_r2_rho_e": 0.98, "polar_2ds_r2_a_e": 0.97, "best_2ds_r2_a_e": 0.97,
    "polar_2ds_balanced_accuracy": 0.99, "best_2ds_balanced_accuracy": 0.99, "cnn_2ds_r2_a_e": 0.9,
}  # fmt: skip


def missed():
    """Rows of the table by model, views and what stands beside."""
    head, *rows = cells(missed_tables.missed_table(MISSED))
    return {tuple(row[:3]): dict(zip(head, row, strict=True)) for row in rows}


def test_a_miss_is_what_lies_beyond_its_error():
    forest = missed()["random forest", "1", "paper"]
    assert forest["R² ρₑ"] == "−0.011"  # 0.9532 is 0.0112 better, more than 0.01
    assert forest["RMSE ρₑ"] == "+1.32" and forest["MAE ρₑ"] == "reached"  # errors are better when smaller
    assert forest["R² Aₑ"] == "–"  # not recorded, though others of this model are
    assert set(missed()["MLP", "1", "paper"].values()) >= {"not run"}


def test_the_best_network_stands_beside_the_best_of_the_paper():
    best = missed()["best of each", "2 (90°)", "paper"]
    assert best["R² ρₑ"] == "−0.016" and best["accuracy"] == "reached"
    assert missed_tables.chosen(MISSED, "2ds") == "polar"
    assert missed()["best of each", "1", "paper"]["R² ρₑ"] == "not run"


def test_both_values_of_the_talk_are_compared():
    forest = missed()["random forest", "1", "talk"]
    assert forest["R² ρₑ"] == "reached" and forest["R² Aₑ"] == "not run" and forest["accuracy"] == "–"
    assert cells(missed_tables.missed_table(MISSED | {"rf_single_r2_a_e": 0.8}))[-2][4] == "−0.060 (0.86), −0.150 (0.95)"


def test_every_setting_has_a_row_beside_ours():
    ours = {"n_crystals": 6000, "size": 64, "epochs": {"cnn": 2, "resnet18": 0}, "steps": 10, "batch": 64}
    rows = cells(missed_tables.scale_table({"13-image-networks": ours}))
    assert len(rows) == 1 + len(SETTINGS)
    assert rows[1][1:] == ["6,000", "9,000", "70,000"] and rows[2][1] == "CNN 1,280" and rows[4][1] == "CNN 2"
    assert rows[-1][1] == "not run"


def test_what_a_second_view_adds():
    rows = cells(missed_tables.second_view_table({"rmse_cut_rho_e_2ds": 0.256}))
    assert rows[1] == ["2 (90°)", "ρₑ", "26 %", "40 %"] and rows[2][2] == "not run"


def test_other_scores_of_labels_stand_beside_the_papers():
    ours = {"rf_single_precision": 0.4412, "rf_single_precision_se": 0.011, "rf_single_top3": 0.9}
    rows = by_learner(score_tables.results_table(ours, score_tables.SCORES["labels"]))
    forest = rows["random forest", "1"]
    assert forest["precision, ours"] == "0.441 ± 0.011" and forest["paper"] == "0.450"
    assert rows["ResNet-18", "1"]["F1, ours"] == "not run"
    assert (
        by_learner(score_tables.results_table(ours, score_tables.SCORES["n_bullets"]))["random forest", "1"]["top 3, ours"]
        == "0.900"
    )


def test_errors_of_records_stand_beside_their_numbers():
    assert generated.with_errors({"ari": 0.25, "ari_sd": 0.012, "n": 32400, "x_sd": 1.0}) == {
        "ari": "0.25 ± 0.012",
        "n": "32,400",
        "x_sd": "1",
    }


# In a small book


PAGE = """# Results

```{results-table} runs
```

```{results-table} rho_e
```

```{results-table} rho_x
```

It was {kept}`12-fake-cpi::share:.2f` when recorded, not {kept}`12-fake-cpi::no_share:.2f`.
"""


@pytest.fixture
def book(tmp_path):
    """Function that builds a book of the results page, one notebook page and its run; returns the page and what Sphinx said."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "12-fake.md").write_text("# A notebook\n")
    (tmp_path / "book" / "records").mkdir(parents=True)
    (tmp_path / "book" / "records" / "12-fake-cpi.json").write_text(json.dumps({"metrics": {"share": 0.2021}}))
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
    assert cells(generated.OTHER_TABLES["distances"](metrics))[1:] == [["profiles", "0.700", "–", "–", "–", "–", "–"]]
    assert generated.OTHER_TABLES["fields"]({}) == "No run has recorded cloud fields yet."


def test_the_directive_in_a_book(book):
    page, said = book(OURS)
    for expected in ("A notebook", "smoke", "cpu (abacus)", "c0ffee1234", "0.901 ± 0.011", "0.953", "not run"):
        assert expected in page
    assert "0.610" not in page  # the score of another table
    choices = ", ".join(["runs", "scale", "leak", *generated.OTHER_TABLES, *score_tables.SCORES])
    assert f"ERROR: results-table: expected one of {choices}, got 'rho_x'" in said
    assert " ".join(page.split("It was")[1].split()[:4]) == "<strong> 0.20 when recorded,"
    assert "there is no 12-fake-cpi::no_share:.2f" in said
    page, _ = book(OURS | {"rf_single_r2_rho_e": 0.8})
    assert "0.800 ± 0.011" in page  # made anew, because its run has changed
