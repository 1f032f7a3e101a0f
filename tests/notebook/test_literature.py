"""lib.notebook.literature: the reported numbers agree with each other, and stand beside ours by name."""

import math

import pytest

from lib.notebook import rows as results
from lib.notebook.literature import ROWS, TEST_SET, beside, numbers

#: What the paper's evaluation notebook prints as MAE of rho_e and a_e: square roots.
PRINTED = {
    ("linear", "single"): (0.09195, 0.18482),
    ("linear", "2ds"): (0.08374, 0.15934),
    ("linear", "phips"): (0.08510, 0.16413),
    ("rf", "single"): (0.08032, 0.17589),
    ("mlp", "single"): (0.07964, 0.17523),
    ("cnn", "single"): (0.06894, 0.14530),
    ("resnet18", "single"): (0.05480, 0.11507),
    ("resnet18", "2ds"): (0.04216, 0.08872),
    ("resnet18", "phips"): (0.04462, 0.09354),
}
#: Every reported score of a model, each with the quantity that it is of.
SCORES = [(score, quantity) for score in ("r2", "rmse", "mae") for quantity in ("rho_e", "a_e")]
SCORES += [(score, "") for score in ("balanced_accuracy", "precision", "recall", "f1", "top3")]


def paper(score, quantity="", **fields):
    """The paper's number."""
    (found,) = results.select(ROWS[ROWS.source == "paper"], score=score, quantity=quantity, **fields).value
    return found


@pytest.mark.parametrize("learner", PRINTED)
@pytest.mark.parametrize("quantity", ["rho_e", "a_e"])
def test_reported_scores_agree_with_each_other(learner, quantity):
    model, views = learner
    deviation = TEST_SET[f"deviation_{quantity}"]
    r2, rmse, mae = (paper(score, quantity, model=model, views=views) for score in ("r2", "rmse", "mae"))
    assert rmse / math.sqrt(1 - r2) == pytest.approx(deviation, rel=0.02)  # all are of the same test set
    assert mae < rmse
    assert math.sqrt(mae) == pytest.approx(PRINTED[learner][("rho_e", "a_e").index(quantity)], abs=2e-5)


#: Reported by later commits of the paper's repository.
LATER = {("mae_bullets", "", *learner) for learner in PRINTED if learner not in (("linear", "2ds"), ("linear", "phips"))}
LATER |= {(score, quantity, "mlp_four", "single") for score in ("r2", "rmse") for quantity in ("rho_e", "a_e")}


def test_every_model_has_every_score():
    cuts = {("rmse_cut", quantity, "", views) for quantity in ("rho_e", "a_e") for views in ("2ds", "phips")}
    scores = {(*score, *learner) for learner in PRINTED for score in SCORES}
    found = ROWS[ROWS.source == "paper"][["score", "quantity", "model", "views"]].itertuples(index=False, name=None)
    assert set(found) == scores | cuts | LATER


def test_errors_of_the_number_of_bullets_fall_with_accuracy():
    single = [model for model, views in PRINTED if views == "single"]
    errors = [paper("mae_bullets", model=model, views="single") for model in single]
    accuracies = [paper("balanced_accuracy", model=model, views="single") for model in single]
    assert sorted(errors, reverse=True) == [error for _, error in sorted(zip(accuracies, errors, strict=True))]
    assert all(1 - accuracy < 1.7 * error for accuracy, error in zip(accuracies, errors, strict=True))  # off by one at least


def test_four_features_do_nearly_as_well_as_eight():
    for quantity in ("rho_e", "a_e"):
        deviation = TEST_SET[f"deviation_{quantity}"]
        four, eight = (paper("r2", quantity, model=model, views="single") for model in ("mlp_four", "mlp"))
        assert eight - 0.004 < four < eight
        assert paper("rmse", quantity, model="mlp_four", views="single") == pytest.approx(deviation * (1 - four) ** 0.5, rel=0.02)


@pytest.mark.parametrize("learner", PRINTED)
def test_scores_of_labels_agree_with_each_other(learner):
    model, views = learner
    scores = ("precision", "recall", "f1", "top3", "balanced_accuracy")
    precision, recall, f1, top3, balanced = (paper(score, model=model, views=views) for score in scores)
    assert balanced == pytest.approx(recall, abs=2e-4)  # classes of equal size
    assert f1 == pytest.approx((precision + recall) / 2, abs=0.005)
    assert recall < top3 <= 1


def test_a_second_view_cuts_the_error_as_the_abstract_says():
    assert [round(paper("rmse_cut", quantity, views="2ds"), 2) for quantity in ("rho_e", "a_e")] == [0.40, 0.40]


def test_two_views_are_reported_better_than_one():
    for model in ("linear", "resnet18"):
        for score in (("r2", "rho_e"), ("r2", "a_e"), ("balanced_accuracy", "")):
            one, two = (paper(*score, model=model, views=views) for views in ("single", "2ds"))
            assert one < two < 1


def test_the_talk_prints_two_numbers_for_each_model_and_target():
    talk = ROWS[ROWS.source == "talk"]
    assert len(talk) == 8 and set(talk.text) == {"0.86 or 0.95", "0.88 or 0.93"}
    assert results.select(talk, model="rf", quantity="a_e").value.tolist() == [0.86, 0.95]


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


def test_every_number_of_the_paper_has_a_name():
    found = numbers()
    paper_rows = ROWS[ROWS.source == "paper"]
    assert found["resnet18_single_r2_rho_e"] == 0.9887 and found["rmse_cut_a_e_2ds"] > 0.39
    assert len(paper_rows) == sum(name.split("_")[0] in ("linear", "rf", "mlp", "cnn", "resnet18", "rmse") for name in found)
    assert found["epochs"] == 50 and found["largest_rho_e"] == 0.2712
    assert not {"latents", "members"} & set(found)  # the talk's
