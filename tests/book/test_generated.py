"""The results page: rows of runs beside those of the literature, and the talk's claims."""

import json
import os
import subprocess
import sys
from pathlib import Path

import claims
import claims_figure
import generated
import missed_tables
import pytest
import score_tables

from lib.notebook import rows, titles
from lib.notebook.literature import SETTINGS

CONF = """
extensions = ["myst_parser", "generated"]

def setup(app):
    app.add_config_value("executed_runs", "", "env")
"""


def result(score, value, run="12-fake", **fields):
    """A row as a run writes it."""
    row = dict.fromkeys(titles.FIELDS, "") | {"score": score, "value": value, "run": run} | fields
    return row | {"name": titles.flat_name(row)}


def results(*records):
    """Rows of runs."""
    return rows.frame(list(records), (*rows.COLUMNS, "run"))


FOREST = {"model": "rf", "views": "single", "quantity": "rho_e"}
OURS = [
    result("r2", 0.90149, se=0.0111, **FOREST),
    result("r2", 0.93249, split="image_split", **FOREST),
    result("rmse", 0.01234, **FOREST),
    result("r2", 0.911, **FOREST | {"model": "gb"}),
    result("r2", 0.9, split="image_split", **FOREST | {"model": "gb"}),
    result("r2", 0.99, model="best", views="2ds", quantity="rho_e"),
    result("balanced_accuracy", 0.61, model="linear", views="2ds"),
    result("p50", 0.1, quantity="rho_e", data="cpi"),
]


def cells(text):
    """Rows of a MyST table as lists of cells, without the line below the head, no-break spaces as spaces."""
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| ---")]


def by_learner(text):
    """Rows of a table by model and views, as dictionaries from the head's columns; the second `paper` is dropped."""
    head, *rows = cells(text)
    return {(row[0], row[1]): dict(reversed([*zip(head, row, strict=True)])) for row in rows}


def test_ours_beside_talk_and_paper():
    lines = by_learner(generated.TABLES["rho_e"](results(*OURS)))
    forest = lines["random forest", "1"]
    assert forest["R², ours"] == "0.901 ± 0.011"
    assert forest["talk"] == "0.86 or 0.95"
    assert forest["paper"] == "0.953"
    assert forest["RMSE [10⁻³], ours"] == "12.34"  # without an error where none was recorded
    assert forest["MAE [10⁻³], ours"] == "not run"


@pytest.mark.parametrize("what", score_tables.SCORES)
def test_every_reported_model_has_a_line_even_before_it_is_run(what):
    lines = by_learner(generated.TABLES[what](results()))
    assert len(lines) == (10 if what in ("rho_e", "a_e") else 9)  # of the four descriptors alone, only the values were reported
    assert all(line[column] == "not run" for line in lines.values() for column in line if column.endswith("ours"))
    assert all(line["paper"] != "–" for line in lines.values())


def test_models_that_nobody_reported_have_a_line_too():
    lines = by_learner(generated.TABLES["rho_e"](results(*OURS, result("r2", 0.5, **FOREST | {"model": "new_network"}))))
    assert lines["gradient boosting", "1"]["R², ours"] == "0.911" and lines["gradient boosting", "1"]["paper"] == "–"
    assert lines["best network", "2 (90°)"]["R², ours"] == "0.990"
    assert lines["new_network", "1"]["R², ours"] == "0.500"
    assert len(lines) == 10 + 3


def test_only_the_asked_score_makes_a_line():
    lines = by_learner(generated.TABLES["n_bullets"](results(*OURS)))
    assert set(lines) == {(titles.MODELS[m], titles.VIEWS[v]) for m, v in [
        ("linear", "single"), ("linear", "2ds"), ("linear", "phips"), ("rf", "single"), ("mlp", "single"),
        ("cnn", "single"), ("resnet18", "single"), ("resnet18", "2ds"), ("resnet18", "phips")]}  # fmt: skip
    assert lines["linear", "2 (90°)"]["balanced accuracy, ours"] == "0.610"


def test_lines_are_in_the_order_of_the_titles():
    models = [line[0] for line in cells(generated.TABLES["rho_e"](results(*OURS)))[1:]]
    assert models == [
        *["linear"] * 3, "random forest", "gradient boosting", "MLP", "MLP, four descriptors", "CNN",
        *["ResNet-18"] * 3, "best network",
    ]  # fmt: skip


def test_leak_is_by_image_minus_by_crystal_of_one_run():
    later = result("r2", 0.5, run="13-fake", **FOREST)  # has other pictures
    _, forest, boosting = cells(score_tables.leak_table(results(*OURS, later)))
    assert forest == ["random forest", "1", "R² of effective density ρₑ", "0.901 ± 0.011", "0.932", "+0.031", "0.953"]
    assert boosting[5] == "−0.011" and boosting[6] == "–"


@pytest.mark.parametrize("what", ["views", "trust", "pixels", "shapes", "latent", "fields", "distances", "structure", "leak"])
def test_nothing_to_show_is_said(what):
    assert generated.TABLES[what](results(result("r2", 0.9, **FOREST))).startswith("No run")


def test_of_the_same_row_the_last_run_counts():
    again = [result("iou", value, run=run, model="r2n2", views="single") for run, value in (("12-a", 0.1), ("13-b", 0.2))]
    assert cells(score_tables.shapes_table(results(*again)))[1:] == [["3D-R2N2", "1", "0.200"]]


def test_views_are_counted():
    scores = [{"score": "r2", "quantity": "rho_e", "value": 0.9}, {"score": "balanced_accuracy", "value": 0.5}]
    found = [result(model="polar", views=f"{k}_views", **score) for k in (2, 1) for score in scores]
    assert cells(score_tables.views_table(results(*found)))[1:] == [
        ["polar network", "1, one axis", "0.900", "0.500"], ["polar network", "2, one axis", "0.900", "0.500"],
    ]  # fmt: skip


def test_intervals_and_sets_with_what_they_hold():
    found = [
        result("coverage_95", 0.9512, quantity="rho_e"),
        result("width_95", 1.815, quantity="rho_e"),
        result("coverage_80", 0.8, se=0.0123, quantity="n_bullets"),
        result("size_80", 1.5, quantity="n_bullets"),
    ]
    head, density, bullets = cells(score_tables.trust_table(results(*found)))
    assert head[1] == "truth in the 80 % interval or set [%]"
    assert density == ["effective density ρₑ", "–", "95.1", "1.81", "–"]
    assert bullets == ["number of bullets", "80.0 ± 1.2", "–", "–", "1.50"]


def test_representations_have_a_line_for_each_model_and_set_of_pictures():
    found = [
        result("ari", 0.4, model="ssl", data="2ds"),
        result("ari", 0.3, model="ssl", data="2ds", split="inspection"),
        result("ari", 0.1, sd=0.02, model="conv2"),
        result("linear_probe", 0.5, model="conv2"),
    ]
    assert cells(score_tables.latent_table(results(*found)))[1:] == [
        ["nine synthetic habits", "VAE, 2 latents", "0.100 ± 0.020", "0.500"],
        ["2D-S silhouettes", "self-supervised, UMAP", "0.400", "–"],
    ]


def test_cloud_fields_and_distances_have_a_line_for_each_model():
    found = [
        result("r2", 0.9, model="vae16", quantity="q_i"),
        result("r2", 0.8, model="pca16", quantity="q_i"),
        result("r2", 0.1, quantity="q_i", data="bulk"),
        result("spearman", 0.7, model="profiles"),
    ]
    assert cells(generated.TABLES["fields"](results(*found)))[1:] == [["16 latents", "0.900"], ["16 EOFs", "0.800"]]
    assert cells(generated.TABLES["distances"](results(*found)))[1:] == [["profiles", "0.700"]]
    schemes = [result("structure", 2.4, model="profiles", data="bins"), result("seeds", 0.1, model="vae16", data="bulk")]
    assert cells(generated.TABLES["structure"](results(*schemes))) == [
        ["score", "data", "16 latents", "profiles"],
        ["distance of two seeds over the median distance", "bulk", "0.10", "–"],
        ["distance to bulk over the median distance", "bins", "–", "2.40"],
    ]


def test_what_is_worse_than_reported_by_more_than_its_error_is_missed():
    linear = {"model": "linear", "views": "single", "quantity": "rho_e"}
    found = [
        result("r2", 0.9, se=0.01, **linear),
        result("rmse", 0.0118, se=0.001, **linear),
        result("r2", 0.92, **FOREST),
    ]
    lines = [dict(zip(cells(missed_tables.missed_table(results(*found)))[0], line, strict=True))
             for line in cells(missed_tables.missed_table(results(*found)))[1:]]  # fmt: skip
    by = {(line["model"], line["views"], line["beside"]): line for line in lines}
    assert by["linear", "1", "paper"]["R² of effective density ρₑ"] == "−0.031"
    assert by["linear", "1", "paper"]["RMSE of effective density ρₑ [10⁻³]"] == "reached"
    assert by["linear", "1", "paper"]["balanced accuracy"] == "not run"
    assert by["random forest", "1", "talk"]["R² of effective density ρₑ"] == "−0.030 (0.95)"
    assert by["CNN", "1", "talk"]["R² of effective density ρₑ"] == "not run"
    assert by["CNN", "1", "talk"]["balanced accuracy"] == "–"
    assert by["best of each", "2 (90°)", "paper"]["balanced accuracy"] == "not run"


def test_a_second_view_saves_a_share():
    found = results(result("rmse_cut", 0.358, quantity="a_e", views="2ds"))
    assert cells(missed_tables.second_view_table(found))[1:3] == [
        ["2 (90°)", "effective density ρₑ", "not run", "40"],
        ["2 (90°)", "effective surface area Aₑ", "36", "40"],
    ]


def test_every_setting_has_a_row_beside_ours():
    ours = {"n_crystals": 6000, "size": 64, "epochs": {"cnn": 2, "resnet18": 0}, "steps": 10, "batch": 64}
    rows = cells(missed_tables.scale_table({"13-image-networks": ours}))
    assert len(rows) == 1 + len(SETTINGS)
    assert rows[1][1:] == ["6,000", "9,000", "70,000"] and rows[2][1] == "CNN 1,280" and rows[4][1] == "CNN 2"
    assert rows[-1][1] == "not run"


# The claims


def verdicts(*records):
    """Claim -> verdict."""
    return {said: verdict for said, _, verdict, _ in claims.table(results(*records), {}, {})}


def of_model(model, value, views="single", se=0.01):
    """The main scores of one model, all with one value."""
    return [result(s, value, se=se, model=model, views=views, quantity=q) for s, q in score_tables.MAIN]


@pytest.mark.parametrize(
    ("forest", "verdict"), [(0.9, claims.REPRODUCED), (0.82, claims.NOT_REPRODUCED), (0.7, claims.NOT_REPRODUCED)]
)
def test_better_means_by_two_standard_errors(forest, verdict):
    (said, *_) = [claim.said for claim in claims.CLAIMS if "random forest" in claim.said]
    assert verdicts(*of_model("linear", 0.8), *of_model("rf", forest))[said] == verdict


def test_a_claim_that_holds_in_part_is_refined():
    mixed = [*of_model("linear", 0.8), *of_model("rf", 0.9)[:2], *of_model("rf", 0.8)[2:]]
    assert list(verdicts(*mixed).values())[0] == claims.REFINED


def test_networks_are_judged_by_the_cnn_and_else_by_the_best():
    said = claims.CLAIMS[1].said
    low = of_model("rf", 0.8)
    assert verdicts(*low, *of_model("cnn", 0.9), *of_model("best", 0.9))[said] == claims.REPRODUCED
    assert verdicts(*low, *of_model("cnn", 0.7), *of_model("best", 0.9))[said] == claims.REFINED
    assert verdicts(*low, *of_model("cnn", 0.7), *of_model("best", 0.8))[said] == claims.NOT_REPRODUCED


@pytest.mark.parametrize(("bins", "verdict"), [(0.5, claims.REPRODUCED), (0.15, claims.REFINED)])
def test_structure_is_larger_than_chance(bins, verdict):
    found = [("structure", "bins", bins), ("structure", "lagrangian", 0.9), ("seeds", "bulk", 0.1), ("flows", "bulk", 0.2)]
    records = [result(score, value, data=data, model="vae16_moved") for score, data, value in found]
    assert verdicts(*records)[claims.CLAIMS[-1].said] == verdict


def test_what_was_not_run_has_no_verdict_and_the_figure_is_drawn_all_the_same(tmp_path):
    assert {tuple(line[1:]) for line in claims.table(results(), {}, {})} == {("not run", "–", "–")}
    claims_figure.draw(results(*OURS), {}, tmp_path / "claims.svg")
    assert "<svg" in (tmp_path / "claims.svg").read_text()


def test_a_claim_leads_to_the_notebook_of_its_numbers():
    found = results(*of_model("linear", 0.8), *of_model("rf", 0.9))
    assert claims.table(found, {}, {"12-fake": "the link"})[0][3] == "the link"


# In a small book


RECORD = {
    "notebook": "12-fake", "profile": "laptop", "device": "cpu", "date": "2026-01-02", "commit": None, "inputs": "three tiles",
    "rows": [
        {"score": "share_inside", "value": 0.2021, "data": "cpi", "name": "cpi_share_inside"},
        {"score": "ari", "value": 0.25, "sd": 0.012, "model": "ssl", "name": "ari_ssl"},
        {"score": "pictures_per_second", "value": 526.8, "name": "pictures_per_second"},
    ],
}  # fmt: skip
PAGE = """# Results

```{claims-table}
```

```{claims-figure}
```

```{results-table} rho_e
```

```{records-table}
```

```{results-table} rho_x
```

It was {kept}`12-fake-cpi::cpi_share_inside:.2f` when recorded, not {kept}`12-fake-cpi::no_share:.2f`.

Others have {reported}`resnet18_single_r2_rho_e:.3f` from {reported}`pictures:,d` pictures, not {reported}`no_share:.2f`.
"""


@pytest.fixture
def book(tmp_path):
    """Function that builds a book of the results page, one notebook page and its run; returns the page and what Sphinx said."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "12-fake.md").write_text("# A notebook\n")
    (tmp_path / "book" / "records").mkdir(parents=True)
    (tmp_path / "book" / "records" / "12-fake-cpi.json").write_text(json.dumps(RECORD))
    run = tmp_path / "runs" / "12-fake"
    run.mkdir(parents=True)

    def build(*records):
        results(*records).drop(columns="run").to_csv(run / "metrics.csv", index=False)
        command = [sys.executable, "-m", "sphinx", "-b", "pseudoxml", "-q", "-D", f"executed_runs={tmp_path / 'runs'}"]
        path = {**os.environ, "PYTHONPATH": str(Path(generated.__file__).parent)}
        done = subprocess.run([*command, tmp_path, tmp_path / "out"], env=path, capture_output=True, text=True, check=True)
        return (tmp_path / "out" / "index.pseudoxml").read_text().replace("\N{NO-BREAK SPACE}", " "), done.stderr

    return build


def test_the_directives_in_a_book(book):
    page, said = book(*OURS)
    for expected in (
        "0.901 ± 0.011",
        "0.953",
        "not run",
        "A random forest",
        "claims.svg",
        "The numbers behind",
    ):
        assert expected in page
    for expected in ("three tiles", "CPI tiles", "20.2", "adjusted Rand index", "0.250 ± 0.012", "training speed"):
        assert expected in page  # of the record
    assert "0.610" not in page  # the score of another table
    choices = ", ".join(["scale", *generated.TABLES])
    assert f"ERROR: results-table: expected one of {choices}, got 'rho_x'" in said
    assert " ".join(page.split("It was")[1].split()[:4]) == "<strong> 0.20 when recorded,"
    assert "there is no 12-fake-cpi::no_share:.2f" in said
    assert " ".join(page.split("Others have")[1].split()[:4]) == "0.989 from 489,999 pictures,"
    assert "reported: there is no no_share:.2f" in said
    page, _ = book(result("r2", 0.8, se=0.0111, **FOREST))
    assert "0.800 ± 0.011" in page  # made anew, because its run has changed
