"""Figures of the book: one function a figure, which returns it drawn and labelled."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Polygon
from sklearn.metrics import r2_score

from lib.datasets.rosettes import LABEL, TARGETS
from lib.imaging.draw.silhouette import CAMERA

#: Name -> symbol and unit, for axis labels.
SYMBOLS = {"rho_e": r"effective density $\rho_e$", "a_e": r"effective surface area $A_e$", LABEL: "number of bullets"}


def set_style() -> None:
    """Set the look of all figures: small, framed on two sides, colours that survive colour blindness."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 130,
            "figure.figsize": (6.4, 4.0),
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "image.cmap": "viridis",
            "legend.frameon": False,
        }
    )


def shown_once(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let a cell show the figure that `draw` returns, and the notebook not show it again as one left open."""

    @functools.wraps(draw)
    def drawn(*arguments, **options):
        figure = draw(*arguments, **options)
        plt.close(figure)
        return figure

    return drawn


@shown_once
def gallery(images: list[np.ndarray], labels: list[str], columns: int, width: float = 1.25) -> Figure:
    """Pictures in rows of `columns`, each under its label; grey ones (h, w) dark on white, coloured ones as they are."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, (width + 0.2) * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, label in zip(axes.flat, images, labels, strict=False):
        axis.imshow(image, cmap="Greys" if image.ndim == 2 else None, interpolation="nearest")
        axis.set_title(label, fontsize=8)
    return figure


def scene(url: str, title: str, still: str) -> HTML:
    """A frame in the page in which the scene at `url` can be turned by hand; loaded when it comes into view.

    On paper the picture at `still` stands in its place (the book's style sheet swaps the two); `title` describes both.
    """
    title = html.escape(title)
    return HTML(
        f'<iframe class="scene" src="{html.escape(url)}" title="{title}" loading="lazy" '
        'style="width: 100%; height: 26rem; border: 1px solid #8888; border-radius: 4px"></iframe>'
        f'<img class="still" src="{html.escape(still)}" alt="{title}" style="display: none">'
    )


@shown_once
def targets(table: pd.DataFrame) -> Figure:
    """Effective density against effective surface area of each crystal, coloured by its number of bullets."""
    marginals = {"common_norm": False, "fill": False, "cut": 0}
    with plt.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.jointplot(
            table, x="rho_e", y="a_e", hue=LABEL, palette="viridis", height=5, s=8, linewidth=0, marginal_kws=marginals
        )
    grid.set_axis_labels(SYMBOLS["rho_e"] + " [1]", SYMBOLS["a_e"] + " [1]")
    grid.ax_joint.set(xlim=(0, None), ylim=(0, None))
    sns.move_legend(grid.ax_joint, "lower right", title=SYMBOLS[LABEL], ncols=2)
    return grid.figure


@shown_once
def orientations(directions: dict[str, np.ndarray]) -> Figure:
    """Shares of the cosine of the angle between the line of sight and unit vectors (n, 3); uniform ones give a flat line."""
    figure, axis = plt.subplots(figsize=(5.0, 2.6))
    for label, vectors in directions.items():
        axis.hist(vectors @ CAMERA[2], bins=np.linspace(-1, 1, 41), density=True, histtype="step", linewidth=1.5, label=label)
    axis.axhline(0.5, color="0.4", linestyle=":", label="uniform on the sphere")
    axis.set(
        xlabel="cosine of the angle between the crystal's x axis and the line of sight [1]", ylabel="density [1]", ylim=(0, None)
    )
    axis.legend()
    return figure


@shown_once
def descriptor_sketch(mask: np.ndarray) -> Figure:
    """One silhouette (h, w), with the shapes that the published descriptors measure drawn over it."""
    contour = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
    points = contour[:, 0]
    middle, (width, height), angle = cv2.fitEllipse(contour)
    extremes = points[[points[:, 0].argmin(), points[:, 0].argmax(), points[:, 1].argmin(), points[:, 1].argmax()]]
    centre, radius = cv2.minEnclosingCircle(contour)
    colours = sns.color_palette("colorblind")
    figure, axis = plt.subplots(figsize=(5.6, 4.0))
    axis.imshow(mask > 0, cmap="Greys", vmax=3)
    axis.add_patch(Polygon(points, fill=False, color="black", linewidth=1, label="contour: area, perimeter"))
    axis.add_patch(Circle(centre, radius, fill=False, color=colours[0], linewidth=1.5, label="minimum enclosing circle"))
    box = cv2.boxPoints(cv2.minAreaRect(contour))
    axis.add_patch(Polygon(box, fill=False, color=colours[1], linewidth=1.5, label="minimum-area rectangle"))
    ellipse = Ellipse(middle, width, height, angle=angle, fill=False, color=colours[2], linewidth=1.5)
    ellipse.set_label("least-squares ellipse")
    axis.add_patch(ellipse)
    axis.plot(*extremes.T, "o", color=colours[3], markersize=5, label="extreme points")
    axis.set(xlabel="x [pixels]", ylabel="y [pixels]")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
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
        row[0].set_ylabel(f"predicted {SYMBOLS[target].split()[-1]} [1]")
        for axis in row:
            axis.set_xlabel(f"true {SYMBOLS[target].split()[-1]} [1]")
    figure.colorbar(cells, ax=axes, label="pictures in a cell", shrink=0.7)
    return figure


@shown_once
def confusion(truth: pd.Series, predicted: dict[str, pd.Series]) -> Figure:
    """Row-normalised confusion matrices of the number of bullets, one for each model."""
    figure, axes = plt.subplots(1, len(predicted), figsize=(2.7 * len(predicted), 3.0), squeeze=False, sharey=True)
    classes = sorted(truth.unique())
    for axis, (model, values) in zip(axes[0], predicted.items(), strict=True):
        share = pd.crosstab(truth.to_numpy(), values.to_numpy(), normalize="index").reindex(index=classes, columns=classes)
        share = share.fillna(0)
        sns.heatmap(
            100 * share, ax=axis, annot=True, fmt=".0f", cmap="Blues", vmin=0, vmax=100, cbar=False, square=True,
            annot_kws={"fontsize": 7},
        )  # fmt: skip
        recall = np.diag(share).mean()
        axis.set_title(f"{model}\nbalanced accuracy {recall:.2f}", fontsize=8)
        axis.set(xlabel="predicted number of bullets", ylabel="")
    axes[0, 0].set_ylabel("true number of bullets (rows sum to 100 %)")
    return figure


@shown_once
def importance(table: pd.DataFrame) -> Figure:
    """Loss of R2 when one descriptor (row) is shuffled, for each target (column); standard deviations in `*_sd` columns."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(6.6, 2.8), sharey=True)
    table = table.sort_values(TARGETS[0])
    for axis, target in zip(axes, TARGETS, strict=True):
        axis.barh(table.index, table[target], xerr=table[f"{target}_sd"], color="C0", error_kw={"linewidth": 1})
        axis.set(xlabel=f"loss of $R^2$, {SYMBOLS[target].split()[-1]} [1]")
    return figure


@shown_once
def leak(table: pd.DataFrame) -> Figure:
    """R2 by number of crystals under both splits, means and standard errors over the draws of `tables.leak`."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(6.6, 2.6))
    for axis, target in zip(axes, TARGETS, strict=True):
        sns.lineplot(
            table, x="crystals", y=target, hue="split", style="split", markers=True, dashes=False, errorbar="se",
            err_style="bars", ax=axis, legend=axis is axes[0],
        )  # fmt: skip
        axis.set(xscale="log", xlabel="crystals in the data set", ylabel=f"$R^2$ of {SYMBOLS[target].split()[-1]} [1]")
        axis.set_xticks(sorted(table.crystals.unique()), sorted(table.crystals.unique()))
        axis.minorticks_off()
    axes[0].legend(title="test split")
    return figure


@shown_once
def real_against_synthetic(synthetic: pd.DataFrame, real: pd.DataFrame, columns: dict[str, str]) -> Figure:
    """Distributions of the descriptors `columns` (name -> axis label) of synthetic and real silhouettes."""
    figure, axes = plt.subplots(1, len(columns), figsize=(2.3 * len(columns), 2.4))
    for axis, (name, label) in zip(axes, columns.items(), strict=True):
        for table, source in ((synthetic, "synthetic"), (real, "CPI")):
            sns.kdeplot(table[name], ax=axis, cut=0, fill=True, alpha=0.3, label=source)
        axis.set(xlabel=label, ylabel="density" if axis is axes[0] else "")
    axes[-1].legend()
    return figure
