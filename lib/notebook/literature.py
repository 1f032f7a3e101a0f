"""Numbers of the talk and of the published paper, as rows of the schema in which notebooks record their own."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from lib.notebook import rows as results
from lib.notebook import titles
from lib.notebook.titles import FIELDS

#: Columns of a reported row: those of our own, where it was reported, and what is printed where that is not one number.
COLUMNS = ("score", *results.NUMBERS, *FIELDS, "source", "text")


class Reported(NamedTuple):
    """What was reported for one size: in the talk, if at all, and in the paper."""

    talk: str
    paper: float | None


#: Ko et al. 2025 (arXiv:2507.19759; its evaluation notebook): 105,001 test pictures, split by image.
#: Errors printed there as MAE are square roots of MAE and are given squared here.
_PAPER = {
    # R2 rho_e, R2 a_e, RMSE rho_e, RMSE a_e, MAE rho_e, MAE a_e
    ("linear", "single"): (0.9314, 0.9070, 0.011717, 0.044508, 0.008455, 0.034160),
    ("rf", "single"): (0.9532, 0.9212, 0.009678, 0.040969, 0.006452, 0.030937),
    ("mlp", "single"): (0.9543, 0.9224, 0.009558, 0.040666, 0.006343, 0.030704),
    ("cnn", "single"): (0.9735, 0.9618, 0.007281, 0.028530, 0.004752, 0.021111),
    ("resnet18", "single"): (0.9887, 0.9838, 0.004753, 0.018600, 0.003003, 0.013241),
    ("linear", "2ds"): (0.9537, 0.9482, 0.009628, 0.033221, 0.007012, 0.025389),
    ("linear", "phips"): (0.9508, 0.9424, 0.009922, 0.035028, 0.007242, 0.026938),
    ("resnet18", "2ds"): (0.9960, 0.9941, 0.002840, 0.011189, 0.001777, 0.007871),
    ("resnet18", "phips"): (0.9947, 0.9928, 0.003244, 0.012387, 0.001991, 0.008750),
}
#: A perceptron of four features (area ratio, area, perimeter, circularity), from later commits of the paper's repository; no MAE.
_PAPER_FOUR = {("mlp_four", "single"): (0.9528, 0.9197, 0.00971, 0.04137)}
_SCORES = [(score, quantity) for score in ("r2", "rmse", "mae") for quantity in ("rho_e", "a_e")]
#: Balanced accuracy of the number of bullets, and weighted precision, recall and F1, and how often it is among the first three.
_PAPER_LABELS = {
    ("linear", "single"): (0.4535, 0.4475, 0.4535, 0.4497, 0.9017),
    ("rf", "single"): (0.4604, 0.4503, 0.4604, 0.4530, 0.9049),
    ("mlp", "single"): (0.4688, 0.4612, 0.4688, 0.4635, 0.9088),
    ("cnn", "single"): (0.7639, 0.7689, 0.7640, 0.7643, 0.9970),
    ("resnet18", "single"): (0.9065, 0.9059, 0.9065, 0.9061, 0.9998),
    ("linear", "2ds"): (0.5844, 0.5823, 0.5845, 0.5833, 0.9715),
    ("linear", "phips"): (0.5684, 0.5640, 0.5684, 0.5657, 0.9671),
    ("resnet18", "2ds"): (0.9778, 0.9782, 0.9779, 0.9779, 1.0000),
    ("resnet18", "phips"): (0.9540, 0.9540, 0.9541, 0.9540, 1.0000),
}
_LABEL_SCORES = [(score, "") for score in ("balanced_accuracy", "precision", "recall", "f1", "top3")]

#: Mean absolute error of the number of bullets, from later commits of the paper's repository.
_PAPER_BULLETS = {
    ("linear", "single"): (0.694,),
    ("rf", "single"): (0.690,),
    ("mlp", "single"): (0.676,),
    ("cnn", "single"): (0.247,),
    ("resnet18", "single"): (0.096,),
    ("resnet18", "2ds"): (0.022,),
    ("resnet18", "phips"): (0.046,),
}

#: The talk prints two R2 for each model; which is of which target stands only in its figures.
_TALK = {"rf": (0.86, 0.95), "cnn": (0.88, 0.93)}


def _paper() -> list[dict]:
    """The paper's scores, and the share by which a second view cuts the RMSE of ResNet-18 (its abstract: "40 %" for 2D-S)."""
    found = [
        {"score": score, "quantity": quantity, "value": value, "model": model, "views": views, "source": "paper"}
        for table, scores in (
            (_PAPER, _SCORES),
            (_PAPER_FOUR, _SCORES[:4]),
            (_PAPER_LABELS, _LABEL_SCORES),
            (_PAPER_BULLETS, [("mae_bullets", "")]),
        )
        for (model, views), values in table.items()
        for (score, quantity), value in zip(scores, values, strict=True)
    ]
    for quantity in ("rho_e", "a_e"):
        column = _SCORES.index(("rmse", quantity))
        for views in ("2ds", "phips"):
            cut = 1 - _PAPER["resnet18", views][column] / _PAPER["resnet18", "single"][column]
            found.append({"score": "rmse_cut", "quantity": quantity, "value": cut, "views": views, "source": "paper"})
    return found


def _talk() -> list[dict]:
    """The talk's scores, both numbers for each target."""
    return [
        {"score": "r2", "quantity": quantity, "value": value, "model": model, "views": "single", "source": "talk"}
        | {"text": " or ".join(map(str, values))}
        for model, values in _TALK.items()
        for quantity in ("rho_e", "a_e")
        for value in values
    ]


#: Every number that was reported, a row each. A number of which the talk does not say what it belongs to stands wherever it may.
ROWS = results.frame([*_talk(), *_paper()], COLUMNS)

#: How large data, pictures and trainings were in the talk and in the paper.
SETTINGS: dict[str, Reported] = {
    "crystals": Reported("9,000", 70_000),
    "pictures": Reported("216,000 pairs", 489_999),
    "side": Reported("", 224),
    "epochs": Reported("", 50),
    "two_kinds": Reported("100", None),
    "habits": Reported("about 100,000", None),
    "habit_side": Reported("224", None),
    "latents": Reported("128", None),
    "each_origin": Reported("1,700", None),
    "members": Reported("100", None),
}
#: Of the paper's test pictures: standard deviation, least and largest value of each target.
TEST_SET = {
    "deviation_rho_e": 0.0447, "least_rho_e": 0.0088, "largest_rho_e": 0.2712,
    "deviation_a_e": 0.1460, "least_a_e": 0.111, "largest_a_e": 0.941,
}  # fmt: skip


def numbers() -> dict[str, float]:
    """Every number of the paper by name: its scores under their flat names, its `SETTINGS`, and those of its `TEST_SET`."""
    scores = {titles.flat_name(row): row["value"] for row in ROWS[ROWS.source == "paper"].to_dict("records")}
    return scores | {name: setting.paper for name, setting in SETTINGS.items() if setting.paper is not None} | TEST_SET


def beside(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of our `rows` that were also reported elsewhere, a row each, to look at: ours (with its standard error), talk, paper.

    The index is the title of the score, the quantity, the model and the views.
    """
    own = ["score", *FIELDS]
    shown = ROWS.assign(shown=[row.text or titles.score(row.score).number(row.value) for row in ROWS.itertuples()])
    theirs = shown.drop_duplicates([*own, "source"]).pivot(index=own, columns="source", values="shown")
    both = rows.join(theirs.reindex(columns=["talk", "paper"]), on=own, how="inner").fillna({"talk": "", "paper": ""})
    table = pd.DataFrame({"ours": [results.text(row) for row in both.itertuples()], "talk": both.talk, "paper": both.paper})
    names = {field: [titles.title(field, code) for code in both[field]] for field in ("score", "quantity", "model", "views")}
    return table.set_index(pd.MultiIndex.from_arrays(list(names.values()), names=["score", "of", "model", "views"]))
