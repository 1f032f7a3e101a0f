"""Figure of what more training buys."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lib.evaluation.power_law import power_law
from lib.figures.style import shown_once

#: Score -> label of what it lacks to 1.
ERRORS = {
    "r2_rho_e": r"$1 - R^2$ of $\rho_e$ [1]",
    "r2_a_e": "$1 - R^2$ of $A_e$ [1]",
    "balanced_accuracy": "1 - balanced accuracy of $n$ [1]",
}
#: Pictures to which the power laws are drawn.
_REACH = 2e7


@shown_once
def scaling(
    trials: Mapping[str, pd.DataFrame], shipped: Mapping[str, float], published: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Errors over the pictures seen in training, with power laws, in a panel for each of `ERRORS`.

    Parameters
    ----------
    trials : kind of network -> rows with the columns pictures and those of the scores
    shipped : the shipped network's `pictures` and scores
    published : name -> scores, drawn as horizontal lines
    """
    figure, axes = plt.subplots(1, len(ERRORS), figsize=(9.0, 3.9))
    colours = sns.color_palette("colorblind")
    markers = "os^vDPX<>"
    for axis, score in zip(axes, ERRORS, strict=True):
        for (name, some), colour, marker in zip(trials.items(), colours, markers, strict=False):
            seen, error = some.pictures.astype(float), 1 - some[score].astype(float)
            axis.plot(seen, error, marker, color=colour, markersize=4.5, label=name)
            if seen.nunique() > 1:
                reach = np.geomspace(seen.min(), _REACH)
                axis.plot(reach, power_law(seen, error).error(reach), color=colour, linewidth=0.9)
        axis.plot(shipped["pictures"], 1 - shipped[score], "k*", markersize=9, label="shipped network")
        for name, line in zip(published, (":", "--"), strict=False):
            axis.axhline(1 - published[name][score], color="0.4", linewidth=0.9, linestyle=line, label=name)
        axis.set(xscale="log", yscale="log", xlabel="pictures seen in training", ylabel=ERRORS[score])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7.5)
    return figure
