"""Figures of networks, of several views and of trust: one function a figure, which returns it drawn and labelled."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from sklearn.metrics import r2_score

from lib.datasets.rosettes import LABEL, TARGETS
from lib.figures.style import AXES, SYMBOLS, shown_once

#: Score and quantity -> label of their axis, for those that are compared across learners.
SCORE_AXES = {
    ("r2", "rho_e"): r"$R^2$ of $\rho_e$ [1]",
    ("r2", "a_e"): "$R^2$ of $A_e$ [1]",
    ("balanced_accuracy", ""): "balanced accuracy of $n$ [1]",
}
#: Target -> what its intervals or sets are called.
INTERVALS = {"rho_e": r"intervals of $\rho_e$", "a_e": "intervals of $A_e$", LABEL: "sets of $n$"}


@shown_once
def polar_pictures(pictures: np.ndarray, polar: np.ndarray, centres: np.ndarray, reach: float) -> Figure:
    """Pictures (n, S, S) in the upper row, and below each as rings (n, rings, angles) out to `reach` about a centre.

    `centres` (n, 2) are x and y from the middle of the picture [half sides].
    """
    figure, axes = plt.subplots(2, len(pictures), figsize=(1.9 * len(pictures), 3.4), height_ratios=[1.5, 1], squeeze=False)
    for column, picture, rings, (x, y) in zip(axes.T, pictures, polar, centres, strict=True):
        column[0].imshow(picture, cmap="Greys", interpolation="nearest", extent=(-1, 1, 1, -1))
        column[0].plot(x, y, "+", color=sns.color_palette("colorblind")[1], markersize=8)
        column[0].set_axis_off()
        column[1].imshow(rings, cmap="Greys", origin="lower", extent=(0, 360, 0, reach), aspect="auto")
        column[1].set(xlabel="angle [°]", xticks=(0, 180, 360))
    axes[1, 0].set_ylabel("radius [half sides]")
    for axis in axes[1, 1:]:
        axis.set_yticklabels([])
    return figure


@shown_once
def predicted_against_true(truth: pd.DataFrame, predicted: dict[str, pd.DataFrame]) -> Figure:
    """Predicted over true `rho_e` and `a_e`, a column for each model: pictures per cell on a logarithmic scale."""
    figure, axes = plt.subplots(
        len(TARGETS), len(predicted), figsize=(2.3 * len(predicted) + 0.6, 4.6), squeeze=False, sharex="row", sharey="row"
    )
    for row, target in zip(axes, TARGETS, strict=True):
        low, high = truth[target].min(), truth[target].max()
        for axis, (model, values) in zip(row, predicted.items(), strict=True):
            *_, cells = axis.hist2d(
                truth[target], values[target], bins=60, range=[[low, high]] * 2, norm=LogNorm(1, 300), cmap="viridis"
            )
            axis.plot([low, high], [low, high], color="0.3", linewidth=0.8, linestyle="--")
            axis.set_title(f"{model}\n$R^2$ = {r2_score(truth[target], values[target]):.3f}", fontsize=8)
            axis.set_aspect("equal")
        row[0].set_ylabel(f"predicted {SYMBOLS[target]} [1]")
        for axis in row:
            axis.set_xlabel(f"true {SYMBOLS[target]} [1]")
    figure.colorbar(cells, ax=axes, label="pictures in a cell", shrink=0.7)
    return figure


@shown_once
def learning_curves(histories: dict[str, pd.DataFrame], shown: int) -> Figure:
    """Loss on the validation crystals by crystals shown in training, one line a network; `shown` is how many in an epoch."""
    figure, axis = plt.subplots(figsize=(5.6, 3.0))
    for name, history in histories.items():
        axis.plot((history.epoch + 1) * shown / 1000, history.val_loss, "o-", markersize=4, label=name)
    axis.set(
        xlabel="thousand crystals shown, each in a new orientation", ylabel="loss on validation crystals [1]", ylim=(0, None)
    )
    axis.legend()
    return figure


@shown_once
def scores_by_learner(rows: pd.DataFrame) -> Figure:
    """Scores of `SCORE_AXES` with standard errors, a row for each model and a colour for each kind of views.

    Parameters
    ----------
    rows : results with the columns score, quantity, model, views, value and se
    """
    figure, axes = plt.subplots(1, len(SCORE_AXES), figsize=(7.2, 2.8), sharey=True)
    models, kinds = (list(dict.fromkeys(rows[column])) for column in ("model", "views"))
    for axis, (key, label) in zip(axes, SCORE_AXES.items(), strict=True):
        for shift, (kind, colour) in enumerate(zip(kinds, sns.color_palette("colorblind"), strict=False)):
            some = rows[(rows.score == key[0]) & (rows.quantity == key[1]) & (rows.views == kind)]
            heights = np.array([models.index(model) for model in some.model]) + 0.18 * (shift - (len(kinds) - 1) / 2)
            axis.errorbar(some.value, heights, xerr=some.se, fmt="o", markersize=4, color=colour, label=kind)
        axis.set(xlabel=label)
        axis.grid(axis="x", alpha=0.4)
    axes[0].set_yticks(range(len(models)), models)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(kinds))
    return figure


@shown_once
def scores_by_views(rows: pd.DataFrame) -> Figure:
    """Scores of `SCORE_AXES` with standard errors by number of views, a line for each model.

    Parameters
    ----------
    rows : results with the columns score, quantity, model, views (a number), value and se
    """
    figure, axes = plt.subplots(1, len(SCORE_AXES), figsize=(7.2, 2.6))
    for axis, (key, label) in zip(axes, SCORE_AXES.items(), strict=True):
        some = rows[(rows.score == key[0]) & (rows.quantity == key[1])]
        for (model, line), marker in zip(some.groupby("model", sort=False), "os^", strict=False):
            axis.errorbar(line.views, line.value, yerr=line.se, marker=marker, markersize=4, label=model)
        axis.set(xlabel="number of views", ylabel=label, xticks=sorted(some.views.unique()))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=rows.model.nunique())
    return figure


@shown_once
def coverages(tables: dict[float, pd.DataFrame]) -> Figure:
    """Coverage over confidence level, with standard errors: confidence level -> `lib.evaluation.conformal.Conformal.coverage`."""
    whole = 100 * pd.concat(tables, names=["level", "target"])
    figure, axis = plt.subplots(figsize=(5.4, 3.2))
    axis.plot([50, 100], [50, 100], color="0.4", linestyle=":", label="exactly calibrated")
    for (target, name), marker in zip(INTERVALS.items(), "os^", strict=True):
        line = whole.xs(target, level="target")
        axis.errorbar(100 * line.index, line.coverage, yerr=line.se, marker=marker, markersize=4, label=name)
    axis.set(xlabel="confidence level [%]", ylabel="coverage of test crystals [%]", aspect="equal")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@shown_once
def interval_examples(truth: pd.DataFrame, predicted: pd.DataFrame, intervals: pd.DataFrame, shown: int = 40) -> Figure:
    """Intervals of some test crystals in order of their prediction, and the true value of each."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(7.0, 2.8))
    chosen = np.linspace(0, len(truth) - 1, min(shown, len(truth))).astype(int)
    for axis, target in zip(axes, TARGETS, strict=True):
        order = np.argsort(predicted[target].to_numpy())[chosen]
        low, high = (intervals[f"{target}_{end}"].to_numpy()[order] for end in ("low", "high"))
        place = np.arange(len(order))
        axis.vlines(place, low, high, color="C0", alpha=0.6, linewidth=3, label="95 % interval")
        axis.plot(place, truth[target].to_numpy()[order], "k.", markersize=4, label="true value")
        axis.set(yscale="log", xlabel="test crystals, by prediction", ylabel=AXES[target], xticks=[])
    axes[0].legend()
    return figure


@shown_once
def novelty_curves(flagged: pd.DataFrame) -> Figure:
    """Share of pictures flagged as novel by the share of known pictures that one accepts to flag.

    `flagged` has a row for each share accepted, and a column for each kind of pictures.
    """
    levels = flagged.index
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    axis.plot(100 * levels, 100 * levels, color="0.4", linestyle=":", label="known kind, by construction")
    for (name, share), marker in zip(flagged.items(), "os^vD", strict=False):
        axis.plot(100 * levels, 100 * share, marker=marker, markersize=4, label=name)
    axis.set(xscale="log", xlabel="false alarms accepted [%]", ylabel="pictures flagged as novel [%]", ylim=(0, 103))
    axis.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axis.minorticks_off()
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
