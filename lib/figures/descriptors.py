"""Figures of the data set and of shape descriptors: targets, orientations, what descriptors measure and what they are worth."""

from __future__ import annotations

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Polygon

from lib.datasets.rosettes import LABEL, TARGETS
from lib.figures.style import AXES, SYMBOLS, shown_once
from lib.imaging.draw.silhouette import CAMERA


@shown_once
def targets(table: pd.DataFrame) -> Figure:
    """Effective density against effective surface area of each crystal, coloured by its number of bullets."""
    marginals = {"common_norm": False, "fill": False, "cut": 0}
    with plt.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.jointplot(
            table, x="rho_e", y="a_e", hue=LABEL, palette="viridis", height=5, s=8, linewidth=0, marginal_kws=marginals
        )
    grid.set_axis_labels(AXES["rho_e"], AXES["a_e"])
    grid.ax_joint.set(xlim=(0, None), ylim=(0, None))
    sns.move_legend(grid.ax_joint, "lower right", title=AXES[LABEL], ncols=2)
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
def importances(table: pd.DataFrame) -> Figure:
    """Loss of R2 when one descriptor (row) is shuffled, for each target (column); standard deviations in `*_sd` columns."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(6.6, 2.8), sharey=True)
    table = table.sort_values(TARGETS[0])
    for axis, target in zip(axes, TARGETS, strict=True):
        axis.barh(table.index, table[target], xerr=table[f"{target}_sd"], color="C0", error_kw={"linewidth": 1})
        axis.set(xlabel=f"loss of $R^2$, {SYMBOLS[target]} [1]")
    return figure


@shown_once
def leakage(table: pd.DataFrame) -> Figure:
    """R2 by number of crystals under both splits, means and standard errors over the draws of `lib.evaluation.scores.leakage`."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(6.6, 2.6))
    for axis, target in zip(axes, TARGETS, strict=True):
        sns.lineplot(
            table, x="crystals", y=target, hue="split", style="split", markers=True, dashes=False, errorbar="se",
            err_style="bars", ax=axis, legend=axis is axes[0],
        )  # fmt: skip
        axis.set(xscale="log", xlabel="crystals in the data set", ylabel=f"$R^2$ of {SYMBOLS[target]} [1]")
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
