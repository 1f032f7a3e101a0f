"""The data set beside the PyVista route: union, volume and area, two views of each orientation, descriptors.

PyVista does the boolean union of the parts, measures the mesh, and takes one off-screen picture for each view; descriptors are
the same. The published scripts open a new plotter for each orientation. Unions run in a process of their own, since VTK may end
the process; one fails if it gives no mesh, or one more than 1 % off the exact volume or area. CPU time a picture with its share
of everything.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyvista as pv
from row import Row, cpu_seconds
from tqdm import tqdm

from lib.core.seeds import generator
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid, booleans_on_one_thread, bounding_sphere, targets
from lib.datasets.rosettes import Views, build
from lib.figures.mesh import polydata
from lib.imaging.draw.silhouette import CAMERA, SIZE, TURN_AXIS
from lib.imaging.measure.descriptors import describe

ANGLES = (0.0, 90.0)
TALK = 9000 * 24 * len(ANGLES)


def parts(solid: Solid) -> list[pv.PolyData]:
    """Each bullet and the sphere as a closed mesh."""
    bullets = [polydata(Solid((piece,))) for piece in solid.pieces]
    spheres = [pv.Sphere(radius=x[3], center=x[:3], theta_resolution=30, phi_resolution=30) for x in solid.spheres]
    return bullets + spheres


def usual_union(seed: int, n_crystals: int, number: int) -> tuple[float, float, float]:
    """CPU seconds, volume and area of one crystal by VTK's boolean union; NaN where it raises."""
    solid = sample(n_crystals, seed, rows=range(number, number + 1))[0].solid()
    start = time.process_time()
    try:
        mesh = reduce(lambda a, b: a.boolean_union(b).triangulate(), parts(solid))
        volume, area = mesh.volume, mesh.area
        bounding_sphere(mesh.points)
    except Exception:  # whatever VTK makes of it, it is one of the failures that are counted
        volume = area = np.nan
    return time.process_time() - start, volume, area


def usual_unions(seed: int, n_crystals: int) -> np.ndarray:
    """`usual_union` of every crystal (n, 3), in a process that is replaced when it dies or takes longer than 20 s."""
    found = np.full((n_crystals, 3), np.nan)
    pool = None
    for number in tqdm(range(n_crystals), desc="VTK unions", unit="crystal", leave=False):
        pool = pool or ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        try:
            found[number] = pool.submit(usual_union, seed, n_crystals, number).result(timeout=20)
        except (BrokenProcessPool, TimeoutError):
            for process in list((pool._processes or {}).values()):  # the pool itself would wait for its process to end
                process.kill()
            pool = None
    if pool:
        pool.shutdown()
    return found


def black_plotter() -> pv.Plotter:
    """An off-screen plotter for silhouettes."""
    plotter = pv.Plotter(off_screen=True, window_size=[SIZE, SIZE])
    plotter.set_background("black")
    plotter.enable_parallel_projection()
    return plotter


def usual_pictures(solid: Solid, orientations: np.ndarray, plotter: pv.Plotter | None, angles=ANGLES) -> np.ndarray:
    """Pictures (orientation, view, y, x) uint8 of one crystal, white on black, rendered off-screen by VTK.

    With the plotter given, or with a new one for each orientation, as the published scripts have it.
    """
    mesh = polydata(solid)
    pictures = np.empty((len(orientations), len(angles), SIZE, SIZE), np.uint8)
    for views, orientation in zip(pictures, orientations, strict=True):
        scene = plotter or black_plotter()
        turned = mesh.transform(np.block([[orientation, np.zeros((3, 1))], [np.zeros(3), 1]]), inplace=False)
        centre, scale = np.array(turned.center), turned.length / 2
        for picture, angle in zip(views, angles, strict=True):
            scene.clear()
            view = turned.rotate_vector(TURN_AXIS, angle, point=centre, inplace=False)
            scene.add_mesh(view, color="white", lighting=False, render=False)
            scene.camera.position = centre + 10 * scale * CAMERA[2]
            scene.camera.focal_point, scene.camera.up = centre, (0, 0, 1)
            scene.camera.parallel_scale = scale
            scene.reset_camera_clipping_range()
            scene.render()  # a picture of a plotter that was used before shows what was rendered last
            picture[:] = scene.screenshot(return_img=True)[..., 0]
        if scene is not plotter:
            scene.close()
    return pictures


def usual_milliseconds(crystals: list[Solid], n_orientations: int, seed: int, new_plotters: bool) -> tuple[float, float]:
    """CPU milliseconds a picture for drawing it and for its descriptors, the usual way."""
    plotter = None if new_plotters else black_plotter()
    seconds = np.zeros(2)
    for i, solid in enumerate(tqdm(crystals, desc="VTK pictures", unit="crystal", leave=False)):
        start = time.process_time()
        pictures = usual_pictures(
            solid, random_orientations(n_orientations, generator(seed, "rosettes", "orientation", i)), plotter
        )
        middle = time.process_time()
        describe(pictures.reshape(-1, SIZE, SIZE))
        seconds += middle - start, time.process_time() - middle
    if plotter:
        plotter.close()
    return tuple(1e3 * seconds / (len(crystals) * n_orientations * len(ANGLES)))


def our_seconds(n_crystals: int, n_orientations: int, seed: int) -> float:
    """CPU seconds of this process to build and write the whole data set, without import and compilation."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "warm", Views(2, n_orientations, ANGLES, seed), "synchronous")
        return cpu_seconds(lambda: build(Path(folder) / "timed", Views(n_crystals, n_orientations, ANGLES, seed), "synchronous"))


def rows(quick: bool, seed: int = 0) -> list[Row]:
    """Both routes, and how often the usual union fails."""
    n_crystals, n_orientations = (1, 2) if quick else (8, 24)
    per_crystal = n_orientations * len(ANGLES)
    booleans_on_one_thread()  # as in the workers of a build
    crystals = [rosette.solid() for rosette in sample(n_crystals, seed)]
    exact = np.array([targets(solid)[:2] for solid in crystals])
    unions = usual_unions(seed, n_crystals)
    wrong = ~(np.abs(unions[:, 1:] / exact - 1) < 0.01).all(axis=1)
    known = unions[~np.isnan(unions[:, 0]), 0]  # a union that never ended is not counted as time
    union = 1e3 * known.mean() / per_crystal if len(known) else 0.0

    n_ours = 100 * n_crystals  # our own way is timed on more: it would be over too soon
    ours = 1e3 * our_seconds(n_ours, n_orientations, seed) / (n_ours * per_crystal)
    found = []
    for name, new_plotters, n in (
        ("PyVista, one plotter", False, n_crystals),
        ("PyVista, as published", True, max(1, n_crystals // 4)),
    ):
        picture, described = usual_milliseconds(crystals[:n], n_orientations, seed, new_plotters)
        other = union + picture + described
        remark = f"its drawing alone {picture:.1f} ms; the talk's {TALK:,} pictures: {ours * TALK / 1e3:,.0f} s "
        remark += f"against {other * TALK / 1e3:,.0f} s; its union failed for {wrong.sum()} of {n_crystals} crystals"
        found.append(Row(f"data set, a picture of {SIZE} px", name, ours, other, "ms", remark))
    return found
