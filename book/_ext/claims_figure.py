"""The numbers behind the talk's claims in one figure: ours with their errors, the talk's and the paper's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from claims import CHANNELS, REAL_PICTURES, error
from matplotlib import rc_context
from matplotlib.figure import Figure
from score_tables import MAIN, row_of

from lib.notebook import literature, titles
from lib.notebook.rows import select

#: Colour-blind safe: ours, the talk's, the paper's.
OURS, TALK, PAPER = "#0072b2", "#d55e00", "#555555"
ALT = (
    "Twelve small dot plots: scores of shape from pictures by model, with marks for our numbers, the talk's and the paper's, "
    "and below them ours of reconstruction, clusters, habits, synthetic pictures, cloud fields and distances of simulations."
)
CAPTION = (
    "The numbers behind the claims: ours with two standard errors (points), the two that the talk prints for a model "
    "(diamonds), and the paper's (squares; its ResNet-18 on the lines of our best network). Only the upper row was reported "
    "elsewhere; the talk gives no numbers for the rest. The dotted line is chance, or the median distance in the last panel."
)
HEADS = {("r2", "rho_e"): "R² of ρₑ", ("r2", "a_e"): "R² of Aₑ", ("balanced_accuracy", ""): "balanced accuracy of n"}
#: Line of the upper panels -> our model, the paper's, and the views.
LEARNERS = {
    "linear": ("linear", "linear", "single"),
    "random forest": ("rf", "rf", "single"),
    "CNN": ("cnn", "cnn", "single"),
    "best network": ("best", "resnet18", "single"),
    "best, 2D-S pair": ("best", "resnet18", "2ds"),
    "best, PHIPS pair": ("best", "resnet18", "phips"),
}


class Panel(NamedTuple):
    """A dot plot: its title, line -> our row or None, marks (line, value, colour, marker), and chance if any."""

    title: str
    lines: dict
    marks: Sequence = ()
    chance: float | None = None


def draw(rows, kept, file):
    """Draw the figure into `file` (SVG), from the rows of all runs and those of kept records by their name."""
    panels = [*shape_panels(rows), *other_panels(rows, kept)]
    style = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "claims"}
    with rc_context(style):
        figure = Figure(figsize=(9.2, 8.4), layout="constrained")
        for axis, panel in zip(figure.subplots(4, 3).flat, panels, strict=True):
            plot(axis, panel)
        looks = {"this book": (OURS, "o", OURS), "talk": (TALK, "D", "none"), "paper": (PAPER, "s", "none")}
        for name, (colour, marker, fill) in looks.items():
            figure.axes[0].plot([], [], marker, color=colour, markerfacecolor=fill, markersize=5, label=name)
        figure.legend(loc="outside upper center", ncols=len(looks), frameon=False)
        figure.savefig(file, metadata={"Date": None})


def plot(axis, panel):
    """One panel: a line for each number, the first on top."""
    names = list(panel.lines)
    for height, row in enumerate(panel.lines.values()):
        if row is not None:
            axis.errorbar(row.value, height, xerr=2 * error(row), fmt="o", color=OURS, markersize=5, zorder=3)
    for name, value, colour, marker in panel.marks:
        axis.plot(value, names.index(name), marker, color=colour, markersize=5, markerfacecolor="none", zorder=2)
    if panel.chance is not None:
        axis.axvline(panel.chance, color="0.6", linestyle=":", zorder=0)
    if all(row is None for row in panel.lines.values()):
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color="0.5")
        axis.set_xticks([])
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_title(panel.title, fontsize=8.5, loc="right")
    axis.grid(axis="x", alpha=0.3)


def shape_panels(rows):
    """Three panels of shape from pictures, with the talk's and the paper's numbers."""
    for score, quantity in MAIN:
        lines = {name: row_of(rows, score, quantity, model=ours, views=views) for name, (ours, _, views) in LEARNERS.items()}
        marks = [
            (name, row.value, *({"talk": (TALK, "D"), "paper": (PAPER, "s")}[row.source]))
            for name, (_, theirs, views) in LEARNERS.items()
            for row in select(literature.ROWS, score=score, quantity=quantity, model=theirs, views=views).itertuples()
        ]
        yield Panel(HEADS[score, quantity], lines, marks, 1 / 7 if score == "balanced_accuracy" else None)


def other_panels(rows, kept):
    """The panels of claims for which nobody else gives numbers."""
    yield Panel(
        "IoU of reconstructed shapes", by_model(rows, "iou", ("r2n2", "clustering", "retrieval", "oracle"), views="single")
    )
    kinds = by_model(rows, "kmeans_accuracy", ("vae", "invariant", "pixels", "descriptors"), data="synthetic")
    yield Panel("spheres and rosettes: accuracy of k-means", kinds, chance=0.5)
    habits = ("conv2", "conv128_umap", "resnet128_umap", "ssl")
    yield Panel("nine habits: adjusted Rand index", by_model(rows, "ari", habits), chance=0)
    yield Panel("nine habits: linear probe", by_model(rows, "linear_probe", habits), chance=1 / 9)
    real = rows if row_of(rows, "error", data="real") is not None else kept.get(REAL_PICTURES, rows)
    probes = {titles.DATA[code]: code for code in ("before", "default", "after", "halves")}
    tests = {name: row_of(real, "c2st", data=code) for name, code in probes.items()}
    yield Panel("real from synthetic: two-sample test", tests, chance=0.5)
    channels = {
        titles.MODELS[model]: mean([row_of(rows, "r2", q, model=model) for q in CHANNELS])
        for model in ("vae16", "pca16", "vae2", "pca2")
    }
    yield Panel("cloud fields: R², mean of three channels", channels)
    ways = ("vae16", "vae16_moved", "pca16", "profiles", "fields")
    yield Panel("distances: rank correlation with parameters", by_model(rows, "spearman", ways))
    yield Panel("parameters read back: R²", by_model(rows, "r2_parameters", ("vae16", "vae16_moved", "pca16", "profiles")))
    pairs = {"another seed": ("seeds", "bulk"), "another flow": ("flows", "bulk")}
    pairs |= {"bins": ("structure", "bins"), "super-particles": ("structure", "lagrangian")}
    schemes = {name: row_of(rows, score, data=data, model="vae16_moved") for name, (score, data) in pairs.items()}
    yield Panel("distance to bulk / spread of its ensemble", schemes, chance=1)


def by_model(rows, score, models, **fields):
    """Title of each model -> its row."""
    return {titles.MODELS[model]: row_of(rows, score, model=model, **fields) for model in models}


def mean(found):
    """The mean of some rows as a row without error, or None if one is lacking."""
    if any(row is None for row in found):
        return None
    return pd.Series({"value": np.mean([row.value for row in found]), "se": np.nan, "sd": np.nan})
