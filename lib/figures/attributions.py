"""Figures of attributions: parts of crystals, maps of what pixels matter, their density on the parts, deletion and insertion."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from lib.figures.style import SYMBOLS, shown_once

#: What the answers change by, of each quantity.
CHANGES = {"rho_e": r"$|\Delta \ln \rho_e|$ [1]", "a_e": r"$|\Delta \ln A_e|$ [1]", "n_bullets": r"$|\Delta n|$ [1]"}


@shown_once
def parts(pictures: np.ndarray, regions: np.ndarray, names: Sequence[str]) -> Figure:
    """Silhouettes (k, S, S), and below them which of the regions with these `names` each pixel (k, S, S) shows."""
    colours = [*sns.color_palette("colorblind")[: len(names) - 1], (1, 1, 1)]
    figure, axes = plt.subplots(2, len(pictures), figsize=(1.35 * len(pictures), 3.2), squeeze=False)
    for column, picture, part in zip(axes.T, pictures, regions, strict=True):
        column[0].imshow(picture, cmap="Greys", interpolation="nearest")
        column[1].imshow(part, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(names) - 0.5, interpolation="nearest")
    for axis in axes.flat:
        axis.set_axis_off()
    patches = [Patch(facecolor=colour, edgecolor="0.6", label=name) for name, colour in zip(names, colours, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(names), handlelength=1, columnspacing=1)
    return figure


@shown_once
def maps(pictures: np.ndarray, found: Mapping[str, np.ndarray]) -> Figure:
    """Signed maps (k, S, S) of each name, a row each, on the outlines of the pictures (k, S, S).

    Red raises the answer and blue lowers it, each map on a scale of its own that ends at its 99.5th percentile.
    """
    shape = len(found), len(pictures)
    figure, axes = plt.subplots(*shape, figsize=(1.35 * shape[1] + 0.4, 1.35 * shape[0]), squeeze=False)
    for row, (name, images) in zip(axes, found.items(), strict=True):
        for axis, picture, image in zip(row, pictures, images, strict=True):
            limit = np.quantile(np.abs(image), 0.995) or 1
            axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            axis.contour(picture, [0.5], colors="0.2", linewidths=0.5)
            axis.set(xticks=[], yticks=[])
            sns.despine(ax=axis, left=True, bottom=True)
        row[0].set_ylabel(textwrap.fill(name, 18), fontsize=7)
    return figure


@shown_once
def densities(rows: pd.DataFrame, names: Mapping[str, str], regions: Mapping[str, str]) -> Figure:
    """How much lies in each region beside the mean pixel, with standard errors, a panel for each quantity.

    Parameters
    ----------
    rows : columns quantity, data (the region), model, value and se
    names, regions : code -> name, of the models in the order of the legend and of the regions from left to right
    """
    figure, axes = plt.subplots(1, len(SYMBOLS), figsize=(7.2, 3.0), sharey=True)
    places = np.arange(len(regions))
    for axis, (quantity, symbol) in zip(axes, SYMBOLS.items(), strict=True):
        axis.axhline(1, color="0.5", linestyle=":")
        for i, ((model, name), marker) in enumerate(zip(names.items(), "oDs^v", strict=False)):
            some = rows[(rows.quantity == quantity) & (rows.model == model)].set_index("data").reindex([*regions])
            offset = (i - (len(names) - 1) / 2) * 0.14
            axis.errorbar(places + offset, some.value, yerr=some.se, marker=marker, markersize=4, linestyle="none", label=name)
        axis.set_xticks(places, regions.values(), rotation=60)
        axis.set(title=symbol, yscale="log")
        axis.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
        axis.yaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("times the mean pixel [1]")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(names))
    return figure


@shown_once
def exchange(
    shares: np.ndarray, curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], names: Mapping[str, str]
) -> Figure:
    """Deletion (top) and insertion (bottom): the mean distance from the answer to the whole picture, with standard errors.

    Parameters
    ----------
    shares : (K,) of the pixels that have been exchanged
    curves : quantity -> model -> distances (B, K) in deletion and in insertion
    names : model -> its name, in the order of the legend
    """
    figure, axes = plt.subplots(2, len(CHANGES), figsize=(7.2, 4.6), sharex=True)
    for column, (quantity, label) in zip(axes.T, CHANGES.items(), strict=True):
        for model, name in names.items():
            for axis, distance in zip(column, curves[quantity][model], strict=True):
                mean, error = distance.mean(axis=0), distance.std(axis=0, ddof=1) / len(distance) ** 0.5
                (line,) = axis.plot(100 * shares, mean, label=name)
                axis.fill_between(100 * shares, mean - error, mean + error, color=line.get_color(), alpha=0.2, linewidth=0)
        column[0].set(title=SYMBOLS[quantity], ylabel=label)
        column[1].set(xlabel="pixels exchanged [%]", ylabel=label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure
