"""Figures of many cameras about one crystal: where they stand, the hulls they leave, and what each further one tells."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lib.figures.style import shown_once

#: Score and quantity -> label of its axis.
ERRORS = {
    ("rmse", "rho_e"): r"RMSE of $\rho_e$ [1]",
    ("rmse", "a_e"): "RMSE of $A_e$ [1]",
    ("mae_bullets", ""): "mean absolute error of $n$ [1]",
    ("nrmse", "mass"): "normalised RMSE of mass [1]",
}


@shown_once
def directions(views: dict[str, np.ndarray]) -> Figure:
    """Where cameras (V, 3, 3) stand, a map for each name: equal-area hemispheres, numbered in their order.

    A camera on the lower hemisphere is drawn on the opposite point, which sees the mirror image.
    """
    figure, axes = plt.subplots(1, len(views), figsize=(2.6 * len(views), 2.9), subplot_kw={"projection": "polar"}, squeeze=False)
    for axis, (name, cameras) in zip(axes[0], views.items(), strict=True):
        x, y, z = (cameras[:, 2] * np.where(cameras[:, 2, 2:] < 0, -1, 1)).T
        angle, radius = np.arctan2(y, x), np.sqrt(2 * np.clip(1 - z, 0, None))  # Lambert's projection
        axis.scatter(angle, radius, s=110, color="C0")
        for i, place in enumerate(zip(angle, radius, strict=True), start=1):
            axis.annotate(str(i), place, ha="center", va="center", fontsize=7, color="white")
        axis.set(title=name, xticks=[], yticks=[], rlim=(0, 1.55))
    return figure


@shown_once
def errors_by_views(rows: pd.DataFrame, names: dict[str, str]) -> Figure:
    """`ERRORS` over the number of views, with standard errors: lines for cameras at random, open marks for evenly spread ones.

    Parameters
    ----------
    rows : results with the columns score, quantity, model, n_views, placed ("random" or "lebedev"), value and se
    names : model -> its name, in the order of the legend
    """
    figure, axes = plt.subplots(2, 2, figsize=(7.0, 5.2), sharex=True)
    for axis, (key, label) in zip(axes.flat, ERRORS.items(), strict=True):
        some = rows[(rows.score == key[0]) & (rows.quantity == key[1])]
        for (model, name), colour, marker in zip(names.items(), sns.color_palette("colorblind"), "os^vD", strict=False):
            for placed, style in (("random", {"label": name}), ("lebedev", {"linestyle": "none", "markerfacecolor": "white"})):
                line = some[(some.model == model) & (some.placed == placed)]
                axis.errorbar(line.n_views, line.value, yerr=line.se, color=colour, marker=marker, markersize=4, **style)
        axis.set(ylabel=label, xscale="log", yscale="log")
        counts = sorted(rows.n_views.unique())
        axis.set_xticks(counts, [f"{count:.0f}" for count in counts])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(NullLocator())
    for axis in axes[1]:
        axis.set_xlabel("number of views")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(names))
    return figure


@shown_once
def sizes(shares: pd.DataFrame, relations: pd.DataFrame) -> Figure:
    """The largest circle seen over the true diameter, by number of views, and by how much too large a mass is fitted with it.

    Parameters
    ----------
    shares : columns n_views and share, a row for each crystal and number of views
    relations : see `lib.studies.many_cameras.fitted_relations`
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 2.8))
    sns.boxplot(shares, x="n_views", y="share", ax=axes[0], color="C0", fliersize=1, linewidth=0.8)
    axes[0].set(xlabel="number of views", ylabel="circle seen / true diameter [1]")
    seen = relations.drop(index=0)
    places = range(len(seen))
    axes[1].axhline(0, color="0.4", linestyle=":", label="true diameter")
    axes[1].errorbar(
        places, 100 * (seen.ratio - 1), yerr=100 * seen.ratio_se, marker="o", markersize=4, linestyle="none", label="circle seen"
    )
    axes[1].set_xticks(places, [str(count) for count in seen.index])
    axes[1].set(xlabel="number of views", ylabel="fitted mass too large by [%]")
    axes[1].legend()
    return figure
