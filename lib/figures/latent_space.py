"""Figures of latent spaces of two dimensions: what lies where, how points cluster, and where changed pictures go."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

from lib.figures.style import shown_once

#: Labels of the axes of a latent space.
_AXES = {"xlabel": "first latent [1]", "ylabel": "second latent [1]"}
_MARKERS = "o^sDvP*X<>"


@shown_once
def loss_curves(losses: dict[str, np.ndarray]) -> Figure:
    """Loss (epochs,) of each training by the share of its epochs that are over [nat]."""
    figure, axis = plt.subplots(figsize=(5.2, 2.6))
    for style, (name, values) in zip(("-", "--", ":", "-."), losses.items(), strict=False):
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        axis.plot(share, values, style, label=f"{name} ({len(values)} epochs)")
    axis.set(xlabel="share of the training [%]", ylabel="loss of a picture [nat]", xlim=(0, 100), ylim=(0, None))
    axis.legend()
    return figure


@shown_once
def manifolds(drawn: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """What decoders draw on a grid of their two latents, one panel each.

    Each panel has pictures (s, s, h, w) of 0 to 1, the second latent along the first axis and the first along the next, and the
    values (s,) of the first and the second latent.
    """
    figure, axes = plt.subplots(1, len(drawn), figsize=(3.8 * len(drawn), 3.8), squeeze=False)
    for axis, (title, (pictures, *latents)) in zip(axes[0], drawn.items(), strict=True):
        steps, _, height, width = pictures.shape
        mosaic = pictures[::-1].transpose(0, 2, 1, 3).reshape(steps * height, steps * width)
        (left, right), (bottom, top) = (_edges(places) for places in latents)
        axis.imshow(
            mosaic, cmap="gray", vmin=0, vmax=1, extent=(left, right, bottom, top), aspect=(right - left) / (top - bottom),
            interpolation="nearest",
        )  # fmt: skip
        axis.set(title=title, **_AXES)
    return figure


def _edges(places: np.ndarray) -> tuple[float, float]:
    """Outer edges of cells whose middles lie at equally spaced `places` (s >= 2,)."""
    half = (places[1] - places[0]) / 2
    return places[0] - half, places[-1] + half


@shown_once
def groupings(points: np.ndarray, labels: dict[str, np.ndarray], centres: np.ndarray) -> Figure:
    """Points (n, 2) coloured by each of several `labels` (n,), with `centres` (c, 2) of clusters and the borders between them."""
    figure, axes = plt.subplots(1, len(labels), figsize=(3.5 * len(labels), 3.8), squeeze=False)
    names = np.unique(np.concatenate(list(labels.values())))
    for axis, (title, own) in zip(axes[0], labels.items(), strict=True):
        for name, colour, marker in zip(names, sns.color_palette("colorblind", len(names)), _MARKERS, strict=False):
            chosen = own == name
            axis.scatter(*points[chosen].T, s=9, color=colour, marker=marker, label=name, linewidths=0, alpha=0.7)
        axis.plot(*centres.T, "k+", markersize=11, markeredgewidth=2, label="centre of a cluster")
        axis.set(title=title, **_AXES)
        _square(axis)
        _borders(axis, centres)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names) + 1, markerscale=1.5)
    return figure


def _square(axis: Axes) -> None:
    """Make an axis square, with one scale for both latents, around what it shows."""
    limits = np.array([axis.get_xlim(), axis.get_ylim()])
    half = np.ptp(limits, axis=1).max() / 2
    x, y = limits.mean(axis=1)
    axis.set(aspect="equal", xlim=(x - half, x + half), ylim=(y - half, y + half))


def _borders(axis: Axes, centres: np.ndarray) -> None:
    """Draw the lines on which two centres are equally near."""
    x, y = np.meshgrid(*(np.linspace(*limits, 400) for limits in (axis.get_xlim(), axis.get_ylim())))
    nearest = cKDTree(centres).query(np.stack([x, y], axis=-1))[1]
    for number in range(len(centres) - 1):
        axis.contour(x, y, nearest == number, levels=[0.5], colors="0.25", linestyles="--", linewidths=1)


@shown_once
def orbits(panels: dict[str, tuple[np.ndarray, np.ndarray]], what: tuple[str, str]) -> Figure:
    """Where changed copies of some pictures go, a panel for each model.

    Each panel has points (n, 2) of many pictures and copies (k, c, 2) of k of them, drawn as a closed line each. `what` names
    the points and the lines in the legend.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 3.8), squeeze=False)
    for axis, (title, (points, copies)) in zip(axes[0], panels.items(), strict=True):
        axis.scatter(*points.T, s=6, color="0.75", linewidths=0, label=what[0])
        for number, (colour, marker, loop) in enumerate(zip(sns.color_palette("colorblind"), _MARKERS, copies, strict=False)):
            label = what[1] if number == 0 else None
            axis.plot(*np.vstack([loop, loop[:1]]).T, marker=marker, markersize=3, linewidth=1, color=colour, label=label)
        axis.set(title=title, **_AXES)
        _square(axis)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
