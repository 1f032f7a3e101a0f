"""The look of the book's figures: style, symbols of quantities, and how a cell shows a figure."""

from __future__ import annotations

import functools
from collections.abc import Callable

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

#: Target -> symbol, as in the text.
SYMBOLS = {"rho_e": r"$\rho_e$", "a_e": "$A_e$", "n_bullets": "$n$"}
#: Target -> label of an axis.
AXES = {"rho_e": r"effective density $\rho_e$ [1]", "a_e": "effective surface area $A_e$ [1]", "n_bullets": "number of bullets"}


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
