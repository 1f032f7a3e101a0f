"""Maps of many pictures that can be moved and zoomed and show a point's picture under the pointer, without network."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from bokeh.embed import file_html
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure
from bokeh.resources import INLINE
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from lib.figures.style import shown_once

#: What shows under the pointer: the picture enlarged with sharp pixels, and the label.
_TOOLTIP = '<div><img src="@picture" width="96" height="96" style="image-rendering:pixelated"><br>@label</div>'


def write_hover_map(points: np.ndarray, labels: Sequence[str], pictures: np.ndarray, path: Path, axes: tuple[str, str]) -> None:
    """Write a scatter of `points` as one self-contained HTML file, whose points show their picture on hover, and its `still`.

    Parameters
    ----------
    points : (n, 2)
    labels : (n,) what each point is; each label gets a colour, and a click on its name in the legend hides it
    pictures : (n, S, S) uint8
    path : file to write; the still picture for print gets its name with ``.png`` at the end
    axes : labels of the horizontal and the vertical axis
    """
    if not len(points) == len(labels) == len(pictures):
        raise ValueError(f"{len(points)} points, {len(labels)} labels and {len(pictures)} pictures: expected as many of each")
    plot = figure(
        sizing_mode="stretch_both", x_axis_label=axes[0], y_axis_label=axes[1],
        tools="pan,wheel_zoom,box_zoom,reset", active_scroll="wheel_zoom",
    )  # fmt: skip
    names, colours = np.asarray(labels), sns.color_palette("colorblind").as_hex()
    for number, label in enumerate(dict.fromkeys(names.tolist())):
        rows = np.flatnonzero(names == label)
        source = ColumnDataSource({
            "x": points[rows, 0].astype(float), "y": points[rows, 1].astype(float), "label": names[rows].tolist(),
            "picture": [data_address(pictures[row]) for row in rows],
        })  # fmt: skip
        style = {"size": 6, "color": colours[number % len(colours)], "alpha": 0.75, "line_color": None}
        plot.scatter("x", "y", source=source, legend_label=label, **style)
    plot.add_tools(HoverTool(tooltips=_TOOLTIP))
    plot.legend.click_policy = "hide"
    plot.legend.update(ncols=2, location="left", label_text_font_size="8pt", spacing=0, padding=2, border_line_color=None)
    plot.add_layout(plot.legend[0], "below")
    plot.toolbar.logo = None
    still(points, names, pictures, axes).savefig(path.with_suffix(".png"), dpi=150)
    part = path.with_name(path.name + ".part")
    part.write_text(file_html(plot, INLINE, "Map of pictures"), encoding="utf-8")
    part.replace(path)


@shown_once
def still(points: np.ndarray, labels: np.ndarray, pictures: np.ndarray, axes: tuple[str, str]) -> Figure:
    """The same scatter on paper: for each label, the picture nearest to the middle of its points stands there."""
    drawn, axis = plt.subplots(figsize=(7.0, 4.8))
    for label, colour in zip(dict.fromkeys(labels.tolist()), itertools.cycle(sns.color_palette("colorblind")), strict=False):
        rows = np.flatnonzero(labels == label)
        axis.scatter(*points[rows].T, s=8, color=colour, alpha=0.75, linewidths=0, label=label)
        middle = rows[np.linalg.norm(points[rows] - np.median(points[rows], axis=0), axis=1).argmin()]
        small = OffsetImage(np.dstack([pictures[middle]] * 3), zoom=36 / len(pictures[middle]))
        axis.add_artist(AnnotationBbox(small, points[middle], bboxprops={"edgecolor": colour}, pad=0.1))
    axis.set(xlabel=axes[0], ylabel=axes[1])
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    return drawn


def data_address(picture: np.ndarray) -> str:
    """A picture (h, w) uint8 as a PNG in an address that needs no file."""
    written, png = cv2.imencode(".png", picture)
    if not written:
        raise ValueError(f"expected a picture (h, w) of uint8, got {picture.dtype} of shape {picture.shape}")
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()
