"""lib.notebook.titles: the flat name of every kind of row, and a title for every code."""

import json

import pytest

from lib.core.paths import ROOT
from lib.notebook import titles

#: Flat name -> row, one for each way to form a name.
NAMES = {
    "share_filled": {"score": "share_filled"},
    "rf_single_r2_rho_e": {"score": "r2", "model": "rf", "views": "single", "quantity": "rho_e"},
    "rf_single_f1_image_split": {"score": "f1", "model": "rf", "views": "single", "split": "image_split"},
    "polar_3_views_balanced_accuracy": {"score": "balanced_accuracy", "model": "polar", "views": "3_views"},
    "rf_leak_few_r2_rho_e": {"score": "leak_few", "model": "rf", "quantity": "rho_e"},
    "rmse_cut_a_e_2ds": {"score": "rmse_cut", "quantity": "a_e", "views": "2ds"},
    "coverage_80_n_bullets": {"score": "coverage_80", "quantity": "n_bullets"},
    "cpi_rho_e_p50": {"score": "p50", "quantity": "rho_e", "data": "cpi"},
    "cpi_n_used": {"score": "n_used", "data": "cpi"},
    "n_used_2ds": {"score": "n_used", "data": "2ds"},
    "cnn_pictures_per_second": {"score": "pictures_per_second", "model": "cnn", "views": "single"},
    "pictures_per_second_ssl": {"score": "pictures_per_second", "model": "ssl"},
    "iou_r2n2": {"score": "iou", "model": "r2n2", "views": "single"},
    "iou_r2n2_2ds": {"score": "iou", "model": "r2n2", "views": "2ds"},
    "parametric_2ds_agreement": {"score": "agreement", "model": "parametric", "views": "2ds"},
    "kmeans_accuracy_synthetic_train": {"score": "kmeans_accuracy", "model": "vae", "data": "synthetic", "split": "train"},
    "kmeans_accuracy_2ds_invariant": {"score": "kmeans_accuracy", "model": "invariant", "data": "2ds"},
    "kmeans_accuracy_pixels_synthetic": {"score": "kmeans_accuracy", "model": "pixels", "data": "synthetic"},
    "turned_spread_invariant": {"score": "turned_spread", "model": "invariant"},
    "ari_ssl_2ds_inspection": {"score": "ari", "model": "ssl", "data": "2ds", "split": "inspection"},
    "c2st_latents_before": {"score": "c2st", "quantity": "latents", "data": "before"},
    "apart_bins_q_i": {"score": "apart", "data": "bins", "quantity": "q_i"},
    "kinematic_rho_i_by_m_i": {"score": "by_m_i", "quantity": "rho_i", "data": "kinematic"},
    "r2_vae16_q_i_train": {"score": "r2", "model": "vae16", "quantity": "q_i", "split": "train"},
    "r2_bulk_q_i": {"score": "r2", "data": "bulk", "quantity": "q_i"},
    "structure_bins_vae16_moved": {"score": "structure", "data": "bins", "model": "vae16_moved"},
    "p_ni_cap": {"score": "p", "quantity": "ni_cap"},
    "p_bins_vae16": {"score": "p", "data": "bins", "model": "vae16"},
    "null_median_train": {"score": "null_median", "split": "train"},
}


def whole(row):
    """A row with all its fields."""
    return dict.fromkeys(titles.FIELDS, "") | row


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_the_name_of_its_fields(name):
    assert titles.flat_name(whole(NAMES[name])) == name


def test_kept_records_have_the_names_of_their_fields():
    kept = [row for file in (ROOT / "book" / "records").glob("*.json") for row in json.loads(file.read_text())["rows"]]
    assert kept
    for row in kept:
        assert titles.flat_name(whole(row)) == row["name"]


def test_a_score_without_an_entry_is_called_by_its_code():
    assert titles.title("score", "diagonal_m") == "diagonal_m" and titles.title("model", "mine") == "mine"
    assert titles.flat_name(whole({"score": "diagonal_m", "data": "cubes"})) == "diagonal_m_cubes"
    assert [titles.score("diagonal_m").number(value) for value in (1200.0, 0.123456, -2.5)] == ["1,200", "0.1235", "−2.5"]


def test_numbers_are_shown_in_the_unit_of_their_title():
    rmse = titles.SCORES["rmse"]
    assert rmse.head == "RMSE [10⁻³]" and rmse.number(0.01234) == "12.34"
    assert titles.SCORES["r2"].head == "R²" and titles.SCORES["r2"].number(-0.5) == "−0.500"


def test_every_field_has_titles():
    assert set(titles.TITLES) == set(titles.FIELDS)
    assert all(title.strip() for codes in titles.TITLES.values() for title in codes.values())
