"""Figure of what more training buys."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lib.figures.style import shown_once
from lib.studies.scaling import JUDGED, Trial, power_law

#: Labels of the errors' axes.
_LABELS = {
    "r2_rho_e": r"$1 - R^2$ of $\rho_e$ [1]",
    "r2_a_e": "$1 - R^2$ of $A_e$ [1]",
    "balanced_accuracy": "1 - balanced accuracy of $n$ [1]",
}
#: Pictures to which the power laws are drawn.
_REACH = 2e7


def series(trials: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The trials in lines of a figure: those of each width, those without a centre, and each that differs in something else."""
    usual = Trial(0)
    plain = (trials.rings == usual.rings) & (trials["size"] == usual.size) & (trials.angles == usual.angles)
    lines = {f"width {width}": some for width, some in trials[plain & trials.locate].groupby("width")}
    lines["width 64, about the middle"] = trials[plain & ~trials.locate]
    for _, trial in trials[~plain].iterrows():
        other = f"{trial['size']} pixels" if trial["size"] != usual.size else f"{trial.rings} rings, {trial.angles} angles"
        lines[f"width {trial.width}, {other}"] = trial.to_frame().T
    return {name: some for name, some in lines.items() if len(some)}


@shown_once
def scaling(trials: pd.DataFrame, shipped: Mapping[str, float], published: Mapping[str, Mapping[str, float]]) -> Figure:
    """Errors over the pictures seen in training, with power laws, in a panel for each of `lib.studies.scaling.JUDGED`.

    Parameters
    ----------
    trials : `lib.studies.scaling.scaling_scores`
    shipped : the shipped network's `pictures` and scores
    published : name -> scores, drawn as horizontal lines
    """
    figure, axes = plt.subplots(1, len(JUDGED), figsize=(9.0, 3.9))
    lines = series(trials)
    colours = sns.color_palette("colorblind")
    markers = "os^vDPX<>"
    for axis, score in zip(axes, JUDGED, strict=True):
        for (name, some), colour, marker in zip(lines.items(), colours, markers, strict=False):
            seen, error = some.pictures.astype(float), 1 - some[score].astype(float)
            axis.plot(seen, error, marker, color=colour, markersize=4.5, label=name)
            if seen.nunique() > 1:
                reach = np.geomspace(seen.min(), _REACH)
                axis.plot(reach, power_law(seen, error).error(reach), color=colour, linewidth=0.9)
        axis.plot(shipped["pictures"], 1 - shipped[score], "k*", markersize=9, label="shipped network")
        for name, line in zip(published, (":", "--"), strict=False):
            axis.axhline(1 - published[name][score], color="0.4", linewidth=0.9, linestyle=line, label=name)
        axis.set(xscale="log", yscale="log", xlabel="pictures seen in training", ylabel=_LABELS[score])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7.5)
    return figure
