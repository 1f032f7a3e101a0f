"""Pictures in rows, and frames for scenes that can be turned by hand."""

from __future__ import annotations

import html

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from lib.figures.style import shown_once


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


def scene_frame(url: str, title: str, still: str) -> HTML:
    """A frame in the page in which the scene at `url` can be turned by hand; loaded when it comes into view.

    On paper the picture at `still` stands in its place (the book's style sheet swaps the two); `title` describes both.
    """
    title = html.escape(title)
    return HTML(
        f'<iframe class="scene" src="{html.escape(url)}" title="{title}" loading="lazy" '
        'style="width: 100%; height: 26rem; border: 1px solid #8888; border-radius: 4px"></iframe>'
        f'<img class="still" src="{html.escape(still)}" alt="{title}" style="display: none">'
    )
