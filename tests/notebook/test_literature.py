"""lib.notebook.literature: the reported numbers agree with each other, and stand beside ours by name."""

import math

import pytest

from lib.notebook import rows as results
from lib.notebook.literature import REPORTED, beside

#: What the paper's evaluation notebook prints as MAE of rho_e and a_e: square roots.
PRINTED = {
    "linear_single": (0.09195, 0.18482),
    "linear_2ds": (0.08374, 0.15934),
    "linear_phips": (0.08510, 0.16413),
    "rf_single": (0.08032, 0.17589),
    "mlp_single": (0.07964, 0.17523),
    "cnn_single": (0.06894, 0.14530),
    "resnet18_single": (0.05480, 0.11507),
    "resnet18_2ds": (0.04216, 0.08872),
    "resnet18_phips": (0.04462, 0.09354),
}


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize(("quantity", "deviation"), [("rho_e", 0.0447), ("a_e", 0.1460)])
def test_reported_scores_agree_with_each_other(name, quantity, deviation):
    r2, rmse, mae = (REPORTED[f"{name}_{score}_{quantity}"].paper for score in ("r2", "rmse", "mae"))
    assert rmse / math.sqrt(1 - r2) == pytest.approx(deviation, rel=0.02)  # all are of the same test set
    assert mae < rmse
    assert math.sqrt(mae) == pytest.approx(PRINTED[name]["rho_e a_e".split().index(quantity)], abs=2e-5)


def test_every_model_has_every_score():
    scores = ("r2_rho_e", "r2_a_e", "rmse_rho_e", "rmse_a_e", "mae_rho_e", "mae_a_e", "balanced_accuracy")
    more = ("precision", "recall", "f1", "top3")
    cuts = {f"rmse_cut_{target}_{views}" for target in ("rho_e", "a_e") for views in ("2ds", "phips")}
    assert set(REPORTED) == {f"{name}_{score}" for name in PRINTED for score in scores + more} | cuts


@pytest.mark.parametrize("name", PRINTED)
def test_scores_of_labels_agree_with_each_other(name):
    precision, recall, f1, top3, balanced = (
        REPORTED[f"{name}_{score}"].paper for score in ("precision", "recall", "f1", "top3", "balanced_accuracy")
    )
    assert balanced == pytest.approx(recall, abs=2e-4)  # classes of equal size
    assert f1 == pytest.approx((precision + recall) / 2, abs=0.005)
    assert recall < top3 <= 1


def test_a_second_view_cuts_the_error_as_the_abstract_says():
    assert [round(REPORTED[f"rmse_cut_{target}_2ds"].paper, 2) for target in ("rho_e", "a_e")] == [0.40, 0.40]


def test_two_views_are_reported_better_than_one():
    for model in ("linear", "resnet18"):
        for score in ("r2_rho_e", "r2_a_e", "balanced_accuracy"):
            one, two = (REPORTED[f"{model}_{views}_{score}"].paper for views in ("single", "2ds"))
            assert one < two < 1


def ours(*records):
    """Rows as a run has them."""
    return results.frame(list(records))


def test_ours_beside_theirs():
    forest = {"score": "r2", "value": 0.9, "se": 0.01, "model": "rf", "views": "single", "quantity": "rho_e"}
    linear = {"score": "r2", "value": 0.8, "model": "linear", "views": "2ds", "quantity": "a_e"}
    table = beside(ours(forest, linear, forest | {"split": "image_split"}, {"score": "share_filled", "value": 0.1}))
    assert table.to_numpy().tolist() == [["0.900 ± 0.010", "0.86 or 0.95", "0.953"], ["0.800", "", "0.948"]]
    assert table.index.tolist() == [
        ("R²", "effective density ρₑ", "random forest", "1"),
        ("R²", "effective surface area Aₑ", "linear", "2 (90°)"),
    ]


def test_nothing_reported_is_an_empty_table():
    table = beside(ours({"score": "our_own_score", "value": 1.0}))
    assert table.empty and table.columns.tolist() == ["ours", "talk", "paper"]
