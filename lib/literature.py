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
    "cnn_single": (0.9735, 0.9618, 0.007281, 0.028530, 0.004752, 0.021111),
    "resnet18_single": (0.9887, 0.9838, 0.004753, 0.018600, 0.003003, 0.013241),
    "linear_2ds": (0.9537, 0.9482, 0.009628, 0.033221, 0.007012, 0.025389),
    "linear_phips": (0.9508, 0.9424, 0.009922, 0.035028, 0.007242, 0.026938),
    "resnet18_2ds": (0.9960, 0.9941, 0.002840, 0.011189, 0.001777, 0.007871),
    "resnet18_phips": (0.9947, 0.9928, 0.003244, 0.012387, 0.001991, 0.008750),
}
_PAPER_ACCURACY = {
    "linear_single": 0.4535,
    "rf_single": 0.4604,
    "cnn_single": 0.7639,
    "resnet18_single": 0.9065,
    "linear_2ds": 0.5844,
    "linear_phips": 0.5684,
    "resnet18_2ds": 0.9778,
    "resnet18_phips": 0.9540,
}
_SCORES = ("r2_rho_e", "r2_a_e", "rmse_rho_e", "rmse_a_e", "mae_rho_e", "mae_a_e")

#: The talk prints two R2 for each model; which is of which target stands only in its figures.
_TALK = {
    "rf_single_r2_rho_e": "0.86 or 0.95",
    "rf_single_r2_a_e": "0.86 or 0.95",
    "cnn_single_r2_rho_e": "0.88 or 0.93",
    "cnn_single_r2_a_e": "0.88 or 0.93",
}

REPORTED: dict[str, Reported] = {
    f"{model}_{score}": Reported(_TALK.get(f"{model}_{score}", ""), value)
    for model, values in _PAPER.items()
    for score, value in zip(_SCORES, values, strict=True)
} | {f"{model}_balanced_accuracy": Reported("", value) for model, value in _PAPER_ACCURACY.items()}


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
