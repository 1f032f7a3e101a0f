"""Figures of fields of cirrus and their latent spaces: reconstructions, trajectories, manifolds, distances, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from lib.datasets.cirrus_fields import CHANNELS
from lib.figures.style import shown_once

#: Colour map of each channel.
_COLOURS = dict(zip(CHANNELS, ("viridis", "cividis", "magma"), strict=True))
#: What the colours of each channel span; what autoencoders draw may go beyond.
_LIMITS = {"q_i": (-8, -4), "m_i": (-13, -8), "rho_i": (0, 1)}
#: How channels are called where their logarithm is not meant.
_SHORT = {"q_i": "$q_i$", "m_i": "$m_i$", "rho_i": r"$\rho_i$"}


def _latent(number: int) -> str:
    return f"{('first', 'second', 'third')[number]} latent [1]"


@shown_once
def field_rows(rows: Mapping[str, np.ndarray], titles: Sequence[str], x_km: np.ndarray, z_km: np.ndarray) -> Figure:
    """Fields in rows, each `rows` value (k, 3, z, x) under the others channel by channel, a column for each of `titles` (k,).

    Fields are of the channels as `lib.datasets.cirrus_fields.channels` gives them, at the middles of cells `x_km`, `z_km`.
    """
    n_rows, n_columns = len(CHANNELS) * len(rows), len(titles)
    size = (1.75 * n_columns + 1.4, (0.95 if len(rows) > 1 else 1.3) * n_rows + 0.5)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for channel, (name, label) in enumerate(CHANNELS.items()):
        own = axes[channel * len(rows) : (channel + 1) * len(rows)]
        low, high = _LIMITS[name]
        for line, (title, fields) in zip(own, rows.items(), strict=True):
            for axis, field in zip(line, fields[:, channel], strict=True):
                image = axis.pcolormesh(x_km, z_km, field, cmap=_COLOURS[name], vmin=low, vmax=high, rasterized=True)
            line[0].set_ylabel(f"{title}\nz [km]", fontsize=7)
        figure.colorbar(image, ax=own, aspect=14).set_label(label, fontsize=8 if len(rows) > 1 else 6.5)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("x [km]")
    return figure


@shown_once
def trajectories(latents: np.ndarray, colours: Mapping[str, np.ndarray]) -> Figure:
    """Three latents (member, time, 3) in space and in their three projections, a row for each of `colours` (member, time).

    The members' points are joined in time.
    """
    figure = plt.figure(figsize=(9.2, 2.35 * len(colours)))
    sides = ((0, 1), (0, 2), (1, 2))
    for row, (label, values) in enumerate(colours.items()):
        norm = Normalize(values.min(), values.max())
        space = figure.add_subplot(len(colours), 4, 4 * row + 1, projection="3d")
        points = space.scatter(*latents.reshape(-1, 3).T, c=values.ravel(), s=2, norm=norm, linewidths=0, depthshade=False)
        space.set(xticklabels=[], yticklabels=[], zticklabels=[])
        space.set_xlabel("first", labelpad=-14), space.set_ylabel("second", labelpad=-14), space.set_zlabel("third", labelpad=-14)
        flat = []
        for column, side in enumerate(sides):
            axis = figure.add_subplot(len(colours), 4, 4 * row + 2 + column)
            for member in latents[:, :, side]:
                axis.plot(*member.T, color="0.85", linewidth=0.4, zorder=0)
            axis.scatter(*latents[:, :, side].reshape(-1, 2).T, c=values.ravel(), s=3, norm=norm, linewidths=0)
            axis.set(xlabel=_latent(side[0]), ylabel=_latent(side[1]))
            flat.append(axis)
        figure.colorbar(points, ax=flat, label=label, aspect=14)
    return figure


@shown_once
def manifold(drawn: np.ndarray, first: np.ndarray, second: np.ndarray, latents: np.ndarray, minutes: np.ndarray) -> Figure:
    """What a decoder draws on a grid of two latents, a panel for each channel, and the trajectories that lie in it.

    Parameters
    ----------
    drawn : channels (s, s, 3, z, x), the second latent along the first axis and the first along the next
    first, second : values (s,) of the latents on the grid
    latents : latents (member, time, 2)
    minutes : times (time,) [min]
    """
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 8.0))
    steps, _, _, height, width = drawn.shape
    extent = (*_edges(first), *_edges(second))
    for channel, (axis, (name, label)) in enumerate(zip(axes.flat, CHANNELS.items(), strict=False)):
        mosaic = drawn[::-1, :, channel, ::-1].transpose(0, 2, 1, 3).reshape(steps * height, steps * width)
        low, high = _LIMITS[name]
        image = axis.imshow(
            mosaic, cmap=_COLOURS[name], vmin=low, vmax=high, extent=extent, aspect="auto", interpolation="nearest"
        )  # fmt: skip
        figure.colorbar(image, ax=axis, label=label)
    axis = axes[1, 1]
    for member in latents:
        axis.plot(*member.T, color="0.8", linewidth=0.5, zorder=0)
    points = axis.scatter(*latents.reshape(-1, 2).T, c=np.broadcast_to(minutes, latents.shape[:2]).ravel(), s=4, linewidths=0)
    figure.colorbar(points, ax=axis, label="time [min]")
    axis.set(xlim=extent[:2], ylim=extent[2:])
    for axis in axes.flat:
        axis.set(xlabel=_latent(0), ylabel=_latent(1))
    return figure


def _edges(places: np.ndarray) -> tuple[float, float]:
    """Outer edges of cells whose middles lie at equally spaced `places` (s >= 2,)."""
    half = (places[1] - places[0]) / 2
    return places[0] - half, places[-1] + half


@shown_once
def variance_by_time(minutes: np.ndarray, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Variance over members by time (time,) [min], a panel for each representation and a line for each column."""
    figure, axes = plt.subplots(1, len(tables), figsize=(3.6 * len(tables), 2.8), squeeze=False)
    for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
        for style, name in zip(cycle(("-", "--", "-.", ":")), table, strict=False):
            axis.plot(minutes, table[name], style, label=name.replace("_", " "))
        axis.set(title=title, xlabel="time [min]", ylabel="variance over members [1]", ylim=(0, None))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


@shown_once
def unexplained_variance(eofs: pd.DataFrame, networks: pd.DataFrame) -> Figure:
    """Share of each channel's variance that is lost, by how many numbers stand for a snapshot: EOFs (line), latents (crosses).

    Both tables hold R2, with how many numbers as the index and the channels as columns.
    """
    figure, axes = plt.subplots(1, len(CHANNELS), figsize=(8.6, 2.7), sharey=True)
    for axis, name in zip(axes, CHANNELS, strict=True):
        axis.plot(eofs.index, 1 - eofs[name], "-", label="empirical orthogonal functions")
        axis.plot(networks.index, 1 - networks[name], "X", color="C3", markersize=7, label="latents of autoencoders")
        axis.set(title=_SHORT[name], xscale="log", yscale="log", xlabel="numbers a snapshot [1]")
        axis.grid(which="both", color="0.93")
    axes[0].set_ylabel("$1 - R^2$ on test members [1]")
    axes[0].legend()
    return figure


@shown_once
def information(divergences: np.ndarray) -> Figure:
    """Information (L,) that each latent holds on average [nat], the largest first."""
    figure, axis = plt.subplots(figsize=(5.0, 2.4))
    axis.bar(np.arange(1, len(divergences) + 1), np.sort(divergences)[::-1])
    axis.set(xlabel="latent, by rank [1]", ylabel="information [nat]")
    return figure


@shown_once
def scatter_panels(panels: Mapping[str, tuple[np.ndarray, np.ndarray]], xlabel: str, ylabel: str) -> Figure:
    """Values of pairs of simulations against each other, x and y (p,) of each panel by its title, both from 0."""
    figure, axes = plt.subplots(1, len(panels), figsize=(2.6 * len(panels), 2.6), squeeze=False)
    for axis, (title, (x, y)) in zip(axes[0], panels.items(), strict=True):
        axis.scatter(x, y, s=6, linewidths=0, alpha=0.6)
        axis.set(title=title, xlabel=xlabel, xlim=(0, None), ylim=(0, None))
    axes[0, 0].set_ylabel(ylabel)
    return figure


@shown_once
def distance_over_null(null: np.ndarray, gaps: np.ndarray, distances: np.ndarray) -> Figure:
    """Quartiles of the distances (p,) of pairs by the distance of their parameters `gaps` (p,), over those of the `null` (k,)."""
    figure, axis = plt.subplots(figsize=(5.6, 3.0))
    low, high = np.percentile(null, [5, 95])
    axis.axhspan(low, high, color="0.88", label="nearest neighbours, 5 % to 95 %")
    edges = np.linspace(0, gaps.max(), 9)
    groups = np.digitize(gaps, edges[1:-1])
    for group in np.unique(groups):
        quarter, half, three = np.percentile(distances[groups == group], [25, 50, 75])
        middle = edges[group : group + 2].mean()
        axis.errorbar(middle, half, [[half - quarter], [three - half]], fmt="o", color="C0", capsize=3)
    axis.set(xlabel="parameter distance [1]", ylabel="latent distance [1]", xlim=(0, None), ylim=(0, None))
    axis.legend(loc="upper left")
    return figure


@shown_once
def parameter_estimates(truth: np.ndarray, estimates: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Parameters (m, p) estimated from trajectories against the true ones, a panel for each of `names` (p,)."""
    figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3.1), squeeze=False)
    for k, (axis, name) in enumerate(zip(axes[0], names, strict=True)):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        for number, (marker, (way, values)) in enumerate(zip(cycle("ox+^s"), estimates.items(), strict=False)):
            axis.plot(
                truth[:, k], values[:, k], marker, color=f"C{number}", markersize=5, fillstyle="none", linestyle="", label=way
            )
        axis.set(title=name.replace("_", " "), xlabel="true, 0 to 1 [1]", ylabel="estimate, 0 to 1 [1]", aspect="equal")
    axes[0, 0].legend(fontsize=7)
    return figure


@shown_once
def r2_by_time(minutes: np.ndarray, scores: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """R2 (time, p) of parameters that are estimated from a single time, a panel for each of `names` (p,)."""
    figure, axes = plt.subplots(1, len(names), figsize=(3.6 * len(names), 2.6), squeeze=False, sharey=True)
    for k, (axis, name) in enumerate(zip(axes[0], names, strict=True)):
        for style, (way, values) in zip(cycle(("-", "--", "-.", ":")), scores.items(), strict=False):
            axis.plot(minutes, values[:, k], style, label=way)
        axis.set(title=name.replace("_", " "), xlabel="time [min]", ylim=(0, 1.02))
    axes[0, 0].set_ylabel("$R^2$ on test members [1]")
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@shown_once
def scheme_trajectories(
    ensemble: np.ndarray, schemes: Mapping[str, np.ndarray], beside: Mapping[str, np.ndarray], minutes: np.ndarray
) -> Figure:
    """Trajectories (time, 2) of simulations over those (member, time, 2) of an ensemble, in grey; a dot at every half hour.

    Those of `schemes` are coloured, those `beside` them dotted, dashed and so on.
    """
    figure, axis = plt.subplots(figsize=(6.2, 3.8))
    for number, member in enumerate(ensemble):
        axis.plot(*member.T, color="0.85", linewidth=0.6, zorder=0, label="bulk ensemble" if number == 0 else None)
    halves = np.flatnonzero(minutes % 30 == 0)
    looks = [(f"C{number}", "-") for number in range(len(schemes))]
    looks += list(zip(["0.2"] * len(beside), cycle((":", "--", "-.", (0, (6, 2, 1, 2, 1, 2)))), strict=False))
    for (colour, style), (name, points) in zip(looks, (schemes | beside).items(), strict=True):
        axis.plot(*points.T, linestyle=style, color=colour, linewidth=1.4, label=name)
        axis.plot(*points[halves].T, "o", color=colour, markersize=3)
    axis.set(xlabel="first component of the latents [1]", ylabel="second component of the latents [1]")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@shown_once
def distance_ratios(table: pd.DataFrame) -> Figure:
    """Distances of kinds of pairs (rows) over the median distance within an ensemble, by several ways to measure (columns)."""
    figure, axis = plt.subplots(figsize=(6.4, 0.36 * len(table) + 1.2))
    places = np.arange(len(table))[::-1]
    for number, (marker, (way, values)) in enumerate(zip(cycle("osD^v"), table.items(), strict=False)):
        axis.plot(values, places, marker, color=f"C{number}", markersize=5, label=way)
    axis.axvline(1, color="0.5", linewidth=1, linestyle=":")
    axis.set(xscale="log", yticks=places, yticklabels=table.index, xlabel="distance over median within the ensemble [1]")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.grid(axis="y", color="0.92")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
