"""Figures of posteriors: how sharp they are, whether they are calibrated, and into which modes they split."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lib.evaluation.calibration import expected_coverage
from lib.figures.style import AXES, SYMBOLS, shown_once


@shown_once
def log_scores(rows: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Mean log density of the truth by number of views, with standard errors; columns `n_views`, `model`, `value` and `se`."""
    figure, axis = plt.subplots(figsize=(4.6, 3.0))
    for (model, name), marker in zip(names.items(), "osD", strict=False):
        line = rows[rows.model == model].sort_values("n_views")
        axis.errorbar(line.n_views, line.value, yerr=line.se, marker=marker, markersize=4, label=name)
    views = sorted(rows.n_views.unique())
    axis.set(xlabel="number of views", ylabel="log score of the truth [nats]", xticks=views)
    axis.legend()
    return figure


@shown_once
def joint_densities(draws: dict[str, np.ndarray], true: np.ndarray) -> Figure:
    """Draws (m, L, 3) of ln rho_e, ln a_e and n of m crystals, a column each, and a colour for each number of views.

    Parameters
    ----------
    true : (m, 3) the truth, marked by a cross
    """
    figure, axes = plt.subplots(2, len(true), figsize=(2.4 * len(true), 4.4), squeeze=False)
    for i, (above, below) in enumerate(axes.T):
        for k, (label, drawn) in enumerate(draws.items()):
            rho_e, a_e, bullets = drawn[i].T
            above.plot(np.exp(rho_e), np.exp(a_e), ".", markersize=2, alpha=0.4, color=f"C{k}", label=label)
            numbers, counts = np.unique(bullets, return_counts=True)
            below.bar(numbers + 0.27 * (k - (len(draws) - 1) / 2), counts / len(bullets), 0.25, color=f"C{k}")
        above.plot(*np.exp(true[i, :2]), "k+", markersize=11, markeredgewidth=1.6)
        below.axvline(true[i, 2], color="k", linewidth=0.8, linestyle=":")
        above.set_xlabel(f"{SYMBOLS['rho_e']} [1]")
        below.set(xlabel=AXES["n_bullets"], xticks=range(4, 11), ylim=(0, 1))
    axes[0, 0].set_ylabel(f"{SYMBOLS['a_e']} [1]")
    axes[1, 0].set_ylabel("probability [1]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(draws), markerscale=5)
    return figure


@shown_once
def calibration(ranks: dict[str, np.ndarray], levels: dict[str, np.ndarray], n_draws: int, bins: int = 20) -> Figure:
    """Histograms of the ranks of the truth, one for each quantity, and coverage over credibility by TARP, a line for each label.

    The grey band holds 95 % of the counts of a calibrated posterior.
    """
    figure, axes = plt.subplots(1, len(ranks) + 1, figsize=(2.3 * (len(ranks) + 1), 2.5))
    for axis, (name, own) in zip(axes[:-1], ranks.items(), strict=True):
        expected = len(own) / bins
        reach = 1.96 * (expected * (1 - 1 / bins)) ** 0.5
        axis.axhspan(expected - reach, expected + reach, color="0.85")
        axis.hist((own + 0.5) / (n_draws + 1), np.linspace(0, 1, bins + 1), color="C0")
        axis.set(xlabel=f"rank of {SYMBOLS[name]} [1]", ylabel="crystals")
    credibility = np.linspace(0, 1, 101)
    axes[-1].plot([0, 1], [0, 1], color="0.4", linestyle=":")
    for label, own in levels.items():
        axes[-1].plot(credibility, expected_coverage(own, credibility), label=label)
    axes[-1].set(xlabel="credibility [1]", ylabel="coverage [1]")
    axes[-1].legend(title="TARP")
    return figure


@shown_once
def modes(tables: list[pd.DataFrame]) -> Figure:
    """Samples of crystals, a panel each: IoU with the truth and with its mirror image in depth; the area of a dot is the weight.

    Parameters
    ----------
    tables : columns `iou`, `iou_mirrored_truth`, `weight` and `n_bullets`
    """
    figure, axes = plt.subplots(1, len(tables), figsize=(2.4 * len(tables), 2.7), sharex=True, sharey=True, squeeze=False)
    palette = dict(zip(range(4, 11), sns.color_palette("viridis", 7), strict=True))
    for axis, table in zip(axes[0], tables, strict=True):
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, linestyle=":")
        for n, own in table.groupby("n_bullets"):
            axis.scatter(own.iou, own.iou_mirrored_truth, s=4 + 300 * own.weight, color=palette[n], alpha=0.6, label=f"{n:.0f}")
        axis.set(xlabel="IoU with the truth [1]", xlim=(0, 1), ylim=(0, 1))
        axis.legend(title="bullets", fontsize=7)
    axes[0, 0].set_ylabel("IoU with its mirror image [1]")
    return figure
