"""Figures of real and synthetic pictures: maps by origin, two-sample accuracies, and the search."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from lib.figures.style import shown_once

#: Label of an axis of accuracies, and the accuracies shown.
_ACCURACY, _LIMITS = "two-sample accuracy [1]", (0.45, 1.02)
_MARKERS = "osD^v"


def _mark_chance(axis: Axes) -> None:
    """Mark the accuracy of chance."""
    axis.axvline(0.5, color="0.4", linestyle=":", linewidth=1)
    axis.grid(axis="x", color="0.9")


@shown_once
def origin_maps(real: np.ndarray, synthetic: dict[str, np.ndarray], name: str) -> Figure:
    """Maps (n, 2) of real pictures, called `name`, under those (m, 2) of each synthetic set, side by side."""
    figure, axes = plt.subplots(1, len(synthetic), figsize=(3.3 * len(synthetic), 3.2), squeeze=False, sharex=True, sharey=True)
    colours, everything = sns.color_palette("colorblind"), np.concatenate([real, *synthetic.values()])
    low, high = np.percentile(everything, [0.5, 99.5], axis=0)  # single points may lie far out
    limits = np.stack([low - 0.08 * (high - low), high + 0.08 * (high - low)], axis=1)
    for axis, (title, points) in zip(axes[0], synthetic.items(), strict=True):
        axis.scatter(*real.T, s=7, color=colours[0], linewidths=0, alpha=0.6, label=name)
        axis.scatter(*points.T, s=7, color=colours[3], marker="^", linewidths=0, alpha=0.6, label="synthetic")
        axis.set(title=title, xlabel="first coordinate [1]", xlim=limits[0], ylim=limits[1])
    axes[0, 0].set_ylabel("second coordinate [1]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, markerscale=2.5)
    return figure


@shown_once
def effects(additions: pd.DataFrame, ablations: pd.DataFrame) -> Figure:
    """Two-sample accuracies as effects are added, and without one at a time: a row a probe, a column a feature set."""
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 2.9), sharex=True)
    for axis, table, title in zip(axes, (additions, ablations), ("one effect more", "one effect less"), strict=True):
        for marker, (name, values) in zip(_MARKERS, table.items(), strict=False):
            axis.plot(values, np.arange(len(table)), marker, label=name, alpha=0.85)
        axis.set(title=title, xlabel=_ACCURACY, xlim=_LIMITS, yticks=np.arange(len(table)), yticklabels=table.index)
        axis.invert_yaxis()
        _mark_chance(axis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(additions.columns))
    return figure


@shown_once
def search(history: pd.DataFrame, real_distance: float) -> Figure:
    """Distance from the real pictures in each try of a search, and `real_distance`, that of other real pictures."""
    figure, axis = plt.subplots(figsize=(6.0, 2.9))
    stages = np.select([history.kind.isin(["start", "step", "mixture"])], [history.kind], "one parameter changed")
    labels = {
        "start": "start",
        "one parameter changed": "one parameter changed",
        "step": "step of the model",
        "mixture": "other crystals",
    }
    colours = sns.color_palette("colorblind")
    for (stage, label), marker, colour in zip(labels.items(), _MARKERS, colours, strict=False):
        rows = history[stages == stage]
        axis.plot(rows["try"], rows.distance, marker, color=colour, markersize=5, label=label, alpha=0.85)
    axis.axhline(real_distance, color="0.4", linestyle=":", linewidth=1, label="other half of the real ones")
    axis.set(xlabel="try", ylabel="energy distance [1]", yscale="log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@shown_once
def parameter_positions(before: pd.Series, after: pd.Series, truth: pd.Series | None = None, n: int = 14) -> Figure:
    """The `n` parameters that changed most, as places in their ranges from 0 to 1, with the `truth` where it is known."""
    names = (after - before).abs().sort_values(ascending=False).index[:n]
    figure, axis = plt.subplots(figsize=(5.6, 0.24 * len(names) + 0.9))
    colours, rows = sns.color_palette("colorblind"), np.arange(len(names))
    axis.hlines(rows, before[names], after[names], color="0.6", linewidth=1.5)
    axis.plot(before[names], rows, "o", color=colours[0], label="before")
    axis.plot(after[names], rows, "D", color=colours[3], label="after")
    if truth is not None:
        axis.plot(truth[names], rows, "|", color="black", markersize=12, markeredgewidth=2, label="truth")
    axis.set(xlabel="place in the range of the search [1]", yticks=rows, yticklabels=names, xlim=(-0.03, 1.03))
    axis.invert_yaxis()
    axis.grid(axis="x", color="0.9")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@shown_once
def accuracies(table: pd.DataFrame, halves: pd.Series) -> Figure:
    """Highest accuracy of each synthetic set (columns) on each feature set (rows), and of two halves of the real ones."""
    figure, axis = plt.subplots(figsize=(6.2, 3.0))
    rows, colours = np.arange(len(table)), sns.color_palette("colorblind")
    beside = np.linspace(-0.24, 0.24, len(table.columns))  # equal accuracies would hide each other
    for marker, colour, shift, (name, values) in zip(_MARKERS, colours, beside, table.items(), strict=False):
        axis.plot(values, rows + shift, marker, color=colour, markersize=6, label=name)
    axis.plot(halves[table.index], rows, "|", color="black", markersize=22, markeredgewidth=2, label="two real halves")
    axis.set(xlabel=_ACCURACY, xlim=_LIMITS, yticks=rows, yticklabels=table.index, ylim=(len(table) - 0.5, -0.5))
    legend = axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    legend.legend_handles[-1].set_markersize(10)
    _mark_chance(axis)
    return figure
