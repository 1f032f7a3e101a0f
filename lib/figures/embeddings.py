"""Figures of representations: rows of pictures, maps, scores, neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.style import shown_once

#: Score -> label of its axis, for those that `representation_scores` shows.
SCORES = {
    "ari": "adjusted\nRand index [1]",
    "nmi": "mutual\ninformation [1]",
    "knn10_accuracy": "10-NN\naccuracy [1]",
    "linear_probe": "linear probe\naccuracy [1]",
    "trustworthiness": "trust-\nworthiness [1]",
}


def _show(axis: Axes, picture: np.ndarray) -> None:
    """One picture: grey levels 0 to 255, or shares 0 to 1."""
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255 if picture.dtype == np.uint8 else 1, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    sns.despine(ax=axis, left=True, bottom=True)


def _grid(rows: int, columns: int, side: float = 0.72) -> tuple[Figure, np.ndarray]:
    """Empty axes for `rows` x `columns` pictures, `side` inches each, with room for labels on the left."""
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns + 1.2, side * rows + 0.2), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    return figure, axes


@shown_once
def picture_rows(rows: dict[str, Sequence[np.ndarray]]) -> Figure:
    """Rows of pictures (h, w), each beside its label."""
    figure, axes = _grid(len(rows), max(map(len, rows.values())))
    for line, (label, pictures) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, picture in zip(line, pictures, strict=False):
            axis.set_axis_on()
            _show(axis, picture)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    return figure


@shown_once
def maps(points: dict[str, np.ndarray], labels: np.ndarray, names: Sequence[str], columns: int = 2) -> Figure:
    """Maps (n, 2) side by side, coloured by their labels (n,), which are numbers of `names`."""
    rows = -(-len(points) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.5 * columns, 3.1 * rows), squeeze=False)
    colours = sns.color_palette("colorblind", len(names))
    for axis in axes.flat[len(points) :]:
        axis.set_axis_off()
    for axis, (title, place) in zip(axes.flat, points.items(), strict=False):
        for number, name in enumerate(names):
            chosen = labels == number
            axis.scatter(*place[chosen].T, s=5, color=colours[number], label=name, linewidths=0, alpha=0.8)
        axis.set(title=title, xlabel="first coordinate [1]", ylabel="second coordinate [1]")
    handles, texts = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=5, markerscale=2.5)
    return figure


@shown_once
def representation_scores(table: pd.DataFrame) -> Figure:
    """Scores of representations: `table` has the columns `model` and those of `SCORES`, a row for each model and seed."""
    figure, axes = plt.subplots(1, len(SCORES), figsize=(8.6, 2.6), sharey=True)
    for axis, (score, label) in zip(axes, SCORES.items(), strict=True):
        sns.pointplot(table, x=score, y="model", hue="model", palette="colorblind", errorbar="sd", linestyle="none", ax=axis)
        axis.set(xlabel=label, ylabel="", xlim=(0, 1.05))
        axis.grid(axis="x", color="0.9")
    return figure


@shown_once
def neighbour_rows(pictures: np.ndarray, neighbours: np.ndarray, same: np.ndarray) -> Figure:
    """Pictures (n, S, S), each before its `neighbours` (n, k, S, S), which are framed where not of the `same` habit (n, k)."""
    figure, axes = _grid(len(pictures), 1 + neighbours.shape[1])
    for line, picture, others, alike in zip(axes, pictures, neighbours, same, strict=True):
        _show(line[0], picture)
        for axis, other, is_same in zip(line[1:], others, alike, strict=True):
            _show(axis, other)
            if not is_same:
                for spine in axis.spines.values():
                    spine.set(visible=True, color="#d55e00", linewidth=2)
    axes[0, 0].set_title("picture", fontsize=8)
    axes[0, 1].set_title("nearest", fontsize=8)
    return figure
