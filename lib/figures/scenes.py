"""Reconstructed shapes for people to look at: voxels, meshes in the frame of a picture, and figures about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.figure import Figure
from skimage.measure import marching_cubes

from lib.crystals.rosette import Rosette
from lib.datasets.rosettes import TARGETS
from lib.figures.gallery import gallery
from lib.figures.mesh import export, polydata, pv
from lib.figures.style import SYMBOLS, shown_once
from lib.imaging.draw.silhouette import CAMERA, boxes

#: From where shapes are looked at, in the frame of the picture: from the right and above, so that depth shows.
_EYE = (1.0, 0.7, 1.0)
_ICE, _FIT = "#9ecae1", "#f2a65a"
#: Number of views -> what figures call it.
_VIEWS = {1: "1 view", 2: "2 views"}
#: Distance between shapes in a grid, in half sides of their pictures.
_SPACING = 1.5
#: Room around a grid, since what is nearer looks larger.
_MARGIN = 1.1


def voxel_picture(filled: np.ndarray, size: tuple[int, int] = (400, 400)) -> np.ndarray:
    """A shaded picture (height, width, 3) uint8 of an occupancy (z, y, x), seen obliquely."""
    cubes = pv.ImageData(dimensions=np.array(filled.shape[::-1]) + 1, spacing=np.full(3, 2 / len(filled)), origin=(-1, -1, -1))
    cubes.cell_data["filled"] = filled.ravel().astype(np.uint8)
    scene = _scene(size)
    if filled.any():
        scene.add_mesh(cubes.threshold(0.5, scalars="filled"), color=_ICE, ambient=0.3, show_edges=True, edge_color="#7fa6c4")
    return _screenshot(scene)


def mesh_picture(crystal: Rosette, orientation: np.ndarray, colour: str = _ICE, size: tuple[int, int] = (400, 400)) -> np.ndarray:
    """A shaded picture (height, width, 3) uint8 of a rosette in the frame of its picture, seen obliquely."""
    scene = _scene(size)
    _add(scene, in_picture(crystal, orientation), colour)
    return _screenshot(scene)


def in_picture(crystal: Rosette, orientation: np.ndarray) -> pv.PolyData:
    """The rosette's mesh in the frame of its picture: x right, y up, z to the eye, the picture from -1 to 1."""
    solid = crystal.solid()
    centre, half_diagonal = boxes(solid, orientation[None])
    mesh = polydata(solid)
    mesh.points = (mesh.points @ orientation.T - centre) @ CAMERA.T / half_diagonal
    return mesh


def isosurface(probability: np.ndarray, level: float) -> pv.PolyData:
    """Where probabilities (z, y, x) of voxels cross `level`, by marching cubes (Lorensen and Cline 1987), as seen in the picture.

    Empty where no voxel is above the level.
    """
    padded = np.pad(probability, 1)
    if padded.max() <= level:
        return pv.PolyData()
    corners, triangles, normals, _ = marching_cubes(padded, level)
    mesh = pv.PolyData.from_regular_faces((corners[:, ::-1] - 0.5) / (len(probability) / 2) - 1, triangles)
    mesh.point_data["Normals"] = normals[:, ::-1]
    return mesh


def write_comparison(shapes: dict[str, pv.PolyData], path: Path) -> None:
    """Write a scene with labelled shapes side by side (see `export`), each as seen in its picture; the first is the truth."""
    export(_side_by_side(shapes), path)


def _side_by_side(shapes: dict[str, pv.PolyData]) -> pv.Plotter:
    """The scene of `write_comparison`: labelled shapes in a row, looked at from the front."""
    scene = _scene((900, 400), front=True)
    for i, (label, mesh) in enumerate(shapes.items()):
        shift = np.array([1.6 * (i - (len(shapes) - 1) / 2), 0.0, 0.0])
        if mesh.n_points:
            _add(scene, mesh.translate(shift), _ICE if i == 0 else _FIT)
        text = pv.Text3D(label, depth=0.01, height=0.09)
        scene.add_mesh(text.translate(shift - (0, 0.85, 0) - text.center), color="black")
    scene.reset_camera()
    scene.camera.zoom(1.8)
    return scene


def write_grid(shapes: Sequence[pv.PolyData], path: Path, columns: int = 7) -> None:
    """Write a scene with shapes in rows of so many `columns` (see `export`), looked at from the front; the first is blue."""
    columns = min(columns, len(shapes))
    rows = -(-len(shapes) // columns)
    scene = _scene((960, 600), front=True)
    for i, mesh in enumerate(shapes):
        row, column = divmod(i, columns)
        shift = _SPACING * np.array([column - (columns - 1) / 2, (rows - 1) / 2 - row, 0.0])
        _add(scene, mesh.translate(shift), _ICE if i == 0 else _FIT)
    width, height = scene.window_size
    seen = _MARGIN * _SPACING / 2 * max(rows, columns * height / width)  # half the height that is seen
    scene.camera.parallel_scale = seen
    scene.camera.position = (0, 0, seen / np.tan(np.radians(scene.camera.view_angle / 2)))  # in a browser, which has perspective
    scene.renderer.reset_camera_clipping_range()
    export(scene, path)


def _scene(size: tuple[int, int], front: bool = False) -> pv.Plotter:
    """An empty off-screen scene that holds the cube of a picture."""
    scene = pv.Plotter(off_screen=True, window_size=list(size))
    scene.set_background("white")
    scene.enable_parallel_projection()
    scene.camera_position = [(0, 0, 1) if front else _EYE, (0, 0, 0), (0, 1, 0)]
    scene.camera.parallel_scale = 0.9
    return scene


def _add(scene: pv.Plotter, mesh: pv.PolyData, colour: str) -> None:
    """Add a crystal with its sharp edges, or a smooth surface, which comes with normals."""
    smooth = "Normals" in mesh.point_data
    scene.add_mesh(mesh, color=colour, specular=0.3, specular_power=20, ambient=0.15, smooth_shading=smooth)
    if not smooth:
        scene.add_mesh(mesh.extract_feature_edges(25), color="#1f3b57", line_width=2)


def _screenshot(scene: pv.Plotter) -> np.ndarray:
    """The scene as a picture (height, width, 3) uint8."""
    scene.renderer.reset_camera_clipping_range()
    image = scene.screenshot(return_img=True)
    scene.close()
    return np.asarray(image)


def reconstructions(
    pictures: torch.Tensor, true: torch.Tensor, shapes: dict[str, tuple[torch.Tensor, Sequence[float]]]
) -> Figure:
    """A row for each picture (n, size, size): the picture, the true voxels, and each reconstruction of them with its IoU.

    Parameters
    ----------
    true : occupancies (at least n, z, y, x)
    shapes : label -> occupancies and their IoU with the true ones
    """
    images, labels = [], []
    for i, picture in enumerate(pictures.cpu().numpy()):
        voxels = [true[i], *(filled[i] for filled, _ in shapes.values())]
        images += [picture, *(voxel_picture(filled.cpu().numpy()) for filled in voxels)]
        labels += ["picture", "truth", *(f"{label}\nIoU {iou[i]:.2f}" for label, (_, iou) in shapes.items())]
    return gallery(images, labels, columns=2 + len(shapes), width=1.2)


@shown_once
def scores(table: pd.DataFrame) -> Figure:
    """Mean `iou` and `fscore` of each `method` from one to three `views`, with standard errors over the crystals."""
    numbers = {1: "one", 2: "two", 3: "three"}
    table = table.assign(views=table.views.map(numbers))
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), sharey=True)
    for axis, (name, label) in zip(axes, (("iou", "IoU of voxels [1]"), ("fscore", "F-score of surfaces [1]")), strict=True):
        sns.barplot(
            table, x=name, y="method", hue="views", hue_order=numbers.values(), palette="colorblind", errorbar="se", ax=axis,
            legend=axis is axes[1], err_kws={"linewidth": 1},
        )  # fmt: skip
        axis.set(xlabel=label, ylabel="")
    return figure


@shown_once
def agreement(table: pd.DataFrame) -> Figure:
    """IoU of the shape over that of the silhouettes (`agreement`) for each fitted crystal, by number of `views`."""
    table = table.assign(views=table.views.map(_VIEWS))
    figure, axis = plt.subplots(figsize=(4.6, 3.4))
    sns.scatterplot(table, x="agreement", y="iou", hue="views", style="views", ax=axis)
    axis.set(xlabel="IoU of the silhouettes, fitted and given [1]", ylabel="IoU of the voxels, fitted and true [1]", ylim=(0, 1))
    axis.legend(title="fitted to")
    return figure


@shown_once
def fitted_against_true(truth: pd.DataFrame, fitted: dict[str, pd.DataFrame]) -> Figure:
    """`rho_e` and `a_e` of fitted rosettes over the true ones; colours and markers tell the views fitted to."""
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.4))
    for axis, target in zip(axes, TARGETS, strict=True):
        low, high = truth[target].min(), truth[target].max()
        axis.plot([low, high], [low, high], color="0.3", linewidth=0.8, linestyle="--")
        for (label, values), marker in zip(fitted.items(), "ox", strict=False):
            axis.plot(truth[target], values[target], marker, markersize=4, label=label)
        symbol = SYMBOLS[target]
        axis.set(xlabel=f"true {symbol} [1]", ylabel=f"{symbol} of the fitted rosette [1]")
    axes[0].legend(title="fitted to")
    return figure
