"""Numbers of the talk and of the published paper, by the names under which notebooks record their own."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Reported(NamedTuple):
    """What was reported for one score: in the talk, if at all, and in the paper."""

    talk: str
    paper: float | None


#: Ko et al. 2025 (arXiv:2507.19759; its evaluation notebook): 105,001 test pictures, split by image.
#: Errors printed there as MAE are square roots of MAE and are given squared here.
_PAPER = {
    # R2 rho_e, R2 a_e, RMSE rho_e, RMSE a_e, MAE rho_e, MAE a_e
    "linear_single": (0.9314, 0.9070, 0.011717, 0.044508, 0.008455, 0.034160),
    "rf_single": (0.9532, 0.9212, 0.009678, 0.040969, 0.006452, 0.030937),
    "mlp_single": (0.9543, 0.9224, 0.009558, 0.040666, 0.006343, 0.030704),
    "cnn_single": (0.9735, 0.9618, 0.007281, 0.028530, 0.004752, 0.021111),
    "resnet18_single": (0.9887, 0.9838, 0.004753, 0.018600, 0.003003, 0.013241),
    "linear_2ds": (0.9537, 0.9482, 0.009628, 0.033221, 0.007012, 0.025389),
    "linear_phips": (0.9508, 0.9424, 0.009922, 0.035028, 0.007242, 0.026938),
    "resnet18_2ds": (0.9960, 0.9941, 0.002840, 0.011189, 0.001777, 0.007871),
    "resnet18_phips": (0.9947, 0.9928, 0.003244, 0.012387, 0.001991, 0.008750),
}
#: Balanced accuracy of the number of bullets, and weighted precision, recall and F1, and how often it is among the first three.
_PAPER_LABELS = {
    "linear_single": (0.4535, 0.4475, 0.4535, 0.4497, 0.9017),
    "rf_single": (0.4604, 0.4503, 0.4604, 0.4530, 0.9049),
    "mlp_single": (0.4688, 0.4612, 0.4688, 0.4635, 0.9088),
    "cnn_single": (0.7639, 0.7689, 0.7640, 0.7643, 0.9970),
    "resnet18_single": (0.9065, 0.9059, 0.9065, 0.9061, 0.9998),
    "linear_2ds": (0.5844, 0.5823, 0.5845, 0.5833, 0.9715),
    "linear_phips": (0.5684, 0.5640, 0.5684, 0.5657, 0.9671),
    "resnet18_2ds": (0.9778, 0.9782, 0.9779, 0.9779, 1.0000),
    "resnet18_phips": (0.9540, 0.9540, 0.9541, 0.9540, 1.0000),
}
_LABEL_SCORES = ("balanced_accuracy", "precision", "recall", "f1", "top3")
_SCORES = ("r2_rho_e", "r2_a_e", "rmse_rho_e", "rmse_a_e", "mae_rho_e", "mae_a_e")

#: Share by which a second view cuts the RMSE of ResNet-18 (Ko et al. 2025: "40 %" for the 2D-S pair).
_CUT = {
    f"rmse_cut_{target}_{views}": 1 - _PAPER[f"resnet18_{views}"][column] / _PAPER["resnet18_single"][column]
    for column, target in ((2, "rho_e"), (3, "a_e"))
    for views in ("2ds", "phips")
}

#: The talk prints two R2 for each model; which is of which target stands only in its figures.
_TALK = {
    "rf_single_r2_rho_e": "0.86 or 0.95",
    "rf_single_r2_a_e": "0.86 or 0.95",
    "cnn_single_r2_rho_e": "0.88 or 0.93",
    "cnn_single_r2_a_e": "0.88 or 0.93",
}

REPORTED: dict[str, Reported] = {
    f"{model}_{score}": Reported(_TALK.get(f"{model}_{score}", ""), value)
    for table, scores in ((_PAPER, _SCORES), (_PAPER_LABELS, _LABEL_SCORES))
    for model, values in table.items()
    for score, value in zip(scores, values, strict=True)
} | {name: Reported("", value) for name, value in _CUT.items()}

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


def beside(metrics: dict[str, float]) -> pd.DataFrame:
    """Our `metrics` that were also reported elsewhere, a row each: ours (with its standard error), talk, paper."""
    rows = {
        name: {
            "ours": value,
            "standard error": metrics.get(f"{name}_se"),
            "talk": REPORTED[name].talk,
            "paper": REPORTED[name].paper,
        }
        for name, value in metrics.items()
        if name in REPORTED
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["ours", "standard error", "talk", "paper"])
