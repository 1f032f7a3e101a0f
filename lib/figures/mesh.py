"""Triangle meshes of solids, for pictures only: the numbers come from `lib.crystals.solid`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np

if sys.platform == "linux" and not os.environ.get("DISPLAY"):  # VTK would look for a screen first, and complain
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import pyvista as pv

from lib.crystals.solid import Solid, union

_ICE = "#c4e0f7"
_EDGE = "#1f3b57"
#: The icons that vtk.js would fetch from its own site.
_ICON = re.compile(r"https://kitware\.github\.io/vtk-js/icon/[^`\"']*")


def polydata(solid: Solid) -> pv.PolyData:
    """The solid's outer surface as a PyVista mesh [um]."""
    mesh = union(solid).to_mesh64()
    return pv.PolyData.from_regular_faces(np.array(mesh.vert_properties[:, :3]), np.array(mesh.tri_verts, dtype=np.int64))


def plotter(solid: Solid, size: tuple[int, int] = (600, 600)) -> pv.Plotter:
    """An off-screen scene of the solid with its sharp edges drawn, seen from the published direction (1, 1, 1)."""
    mesh = polydata(solid)
    scene = pv.Plotter(off_screen=True, window_size=list(size))
    scene.set_background("white")
    scene.add_mesh(mesh, color=_ICE, specular=0.3, specular_power=20, ambient=0.15, smooth_shading=False)
    scene.add_mesh(mesh.extract_feature_edges(25), color=_EDGE, line_width=2)
    scene.enable_parallel_projection()
    scene.camera_position = "iso"
    scene.reset_camera(bounds=mesh.bounds)
    scene.camera.zoom(1.3)
    return scene


def picture(solid: Solid, size: tuple[int, int] = (600, 600)) -> np.ndarray:
    """A shaded picture (height, width, 3) uint8 of the solid."""
    scene = plotter(solid, size)
    image = scene.screenshot(return_img=True)
    scene.close()
    return np.asarray(image)


def write_scene(solid: Solid, path: Path) -> None:
    """Write one self-contained HTML file in which the solid can be turned by hand, and its still picture (see `export`)."""
    export(plotter(solid), path)


def export(scene: pv.Plotter, path: Path) -> None:
    """Write a `scene` as one HTML file that needs no network, and beside it a still picture of the same name, then close it."""
    part = path.with_name(path.stem + ".part.html")
    scene.screenshot(path.with_suffix(".png"))
    scene.trame.export_html(str(part))
    scene.close()
    part.write_text(_ICON.sub("data:,", part.read_text(encoding="utf-8")), encoding="utf-8")
    part.replace(path)
