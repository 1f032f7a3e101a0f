"""Confusion matrices."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from lib.figures.style import shown_once


@shown_once
def confusion(
    truth: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    axes: tuple[str, str] = ("predicted", "true"),
    counts: bool = False,
    side: float = 2.7,
) -> Figure:
    """Confusion matrices of labels (n,), one for each of `predicted` (n,): per cent of the row, with `counts` how many, too.

    The balanced accuracy in each title is the mean of the diagonal.

    Parameters
    ----------
    axes : what the columns and what the rows are
    side : of a matrix [inch]
    """
    classes, total = np.unique(truth, return_counts=True)
    size = (side * len(predicted) + 0.4, side + 0.3)
    figure, panels = plt.subplots(1, len(predicted), figsize=size, squeeze=False, sharey=True)
    for axis, (title, labels) in zip(panels[0], predicted.items(), strict=True):
        number = confusion_matrix(truth, labels, labels=classes)
        share = number / total[:, None]
        cells = [f"{100 * s:.1f} %\n({n})" if counts else f"{100 * s:.0f}" for s, n in zip(share.flat, number.flat, strict=True)]
        sns.heatmap(
            100 * share, annot=np.reshape(cells, share.shape), fmt="", cmap="Blues", vmin=0, vmax=100, cbar=False, square=True,
            ax=axis, xticklabels=classes, yticklabels=classes, annot_kws={"fontsize": 7},
        )  # fmt: skip
        axis.set_title(f"{title}\nbalanced accuracy {np.diag(share).mean():.2f}", fontsize=8)
        axis.set_xlabel(axes[0])
        axis.tick_params(axis="y", rotation=0)
        if max(len(str(name)) for name in classes) > 6:
            plt.setp(axis.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    panels[0, 0].set_ylabel(f"{axes[1]} (rows sum to 100 %)")
    return figure
