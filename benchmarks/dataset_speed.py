"""Speed of the data set: this project's way beside the usual one, on the same crystals in one run.

The usual way is PyVista throughout: boolean union of the parts, volume and area of the mesh, one off-screen picture for
each view with a plotter that is used again, and the same descriptors. Unions run in a process of their own, since VTK may
end the process. Times are CPU seconds of one process. Run by `make bench`; writes `RESULTS.md` beside this file.

    python benchmarks/dataset_speed.py [crystals] [orientations]
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyvista as pv
from tqdm import tqdm

from lib.crystals.mesh import polydata
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid, booleans_on_one_thread, bounding_sphere, targets
from lib.imaging.descriptors import describe
from lib.imaging.silhouette import CAMERA, SIZE, TURN_AXIS
from lib.learning.dataset import Views, build

ANGLES = (0.0, 90.0)
TALK = 9000 * 24 * len(ANGLES)
RESULTS = Path(__file__).with_name("RESULTS.md")


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
    for number in tqdm(range(n_crystals), desc="VTK unions", unit="crystal"):
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


def usual_pictures(solid: Solid, orientations: np.ndarray, plotter: pv.Plotter | None) -> np.ndarray:
    """Masks (orientation, view, y, x) uint8 of one crystal, rendered off-screen by VTK.

    With the plotter given, or with a new one for each orientation, as the published scripts have it.
    """
    mesh = polydata(solid)
    masks = np.empty((len(orientations), len(ANGLES), SIZE, SIZE), np.uint8)
    for masks_of, orientation in zip(masks, orientations, strict=True):
        scene = plotter or black_plotter()
        turned = mesh.transform(np.block([[orientation, np.zeros((3, 1))], [np.zeros(3), 1]]), inplace=False)
        centre, scale = np.array(turned.center), turned.length / 2
        for mask, angle in zip(masks_of, ANGLES, strict=True):
            scene.clear()
            view = turned.rotate_vector(TURN_AXIS, angle, point=centre, inplace=False)
            scene.add_mesh(view, color="white", lighting=False)
            scene.camera.position = centre + 10 * scale * CAMERA[2]
            scene.camera.focal_point, scene.camera.up = centre, (0, 0, 1)
            scene.camera.parallel_scale = scale
            scene.reset_camera_clipping_range()
            mask[:] = scene.screenshot(return_img=True)[..., 0] > 0
        if scene is not plotter:
            scene.close()
    return masks


def usual_seconds(crystals: list[Solid], n_orientations: int, seed: int, new_plotters: bool) -> np.ndarray:
    """CPU seconds for the pictures and for the descriptors of all crystals the usual way."""
    plotter = None if new_plotters else black_plotter()
    seconds = np.zeros(2)
    for i, solid in enumerate(tqdm(crystals, desc="VTK pictures", unit="crystal")):
        start = time.process_time()
        masks = usual_pictures(solid, random_orientations(n_orientations, [seed, 2, i]), plotter)
        middle = time.process_time()
        describe(masks.reshape(-1, SIZE, SIZE))
        seconds += middle - start, time.process_time() - middle
    if plotter:
        plotter.close()
    return seconds


def our_seconds(n_crystals: int, n_orientations: int, seed: int) -> float:
    """CPU seconds of this process to build and write the whole data set, without import and compilation."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "warm", Views(2, n_orientations, ANGLES, seed), "synchronous")
        start = time.process_time()
        build(Path(folder) / "timed", Views(n_crystals, n_orientations, ANGLES, seed), "synchronous")
        return time.process_time() - start


def report(n_crystals: int, n_orientations: int, seed: int = 0) -> str:
    """The comparison as a Markdown table."""
    booleans_on_one_thread()  # as in the workers of a build
    crystals = [rosette.solid() for rosette in sample(n_crystals, seed)]
    exact = np.array([targets(solid)[:2] for solid in crystals])
    unions = usual_unions(seed, n_crystals)
    wrong = ~(np.abs(unions[:, 1:] / exact - 1) < 0.01).all(axis=1)
    union = 1e3 * np.nanmean(unions[:, 0]) / (n_orientations * len(ANGLES))

    n_ours = 100 * n_crystals  # our own way is timed on more: it would be over too soon
    ours = 1e3 * our_seconds(n_ours, n_orientations, seed) / (n_ours * n_orientations * len(ANGLES))
    lines = [
        "# Results of `make bench`",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyVista {pv.__version__}; "
        f"{n_crystals} crystals (this project: {n_ours}) in {n_orientations} orientations of two views. CPU time of one "
        f"process, per picture with its share of everything; the talk has {TALK:,} pictures.",
        "",
        "| way | union and targets [ms] | picture [ms] | descriptors [ms] | whole [ms] | the talk [CPU s] | ratio |",
        "|---|---|---|---|---|---|---|",
        f"| this project | | | | {ours:.3f} | {ours / 1e3 * TALK:,.0f} | 1 |",
    ]
    for name, new_plotters, n in (
        ("PyVista, one plotter", False, n_crystals),
        ("PyVista, as published", True, max(1, n_crystals // 4)),
    ):
        picture, described = (
            1e3 * usual_seconds(crystals[:n], n_orientations, seed, new_plotters) / (n * n_orientations * len(ANGLES))
        )
        whole = union + picture + described
        times = f"{union:.2f} | {picture:.2f} | {described:.3f} | {whole:.2f} | {whole / 1e3 * TALK:,.0f}"
        lines.append(f"| {name} | {times} | **{whole / ours:.0f}** |")
    lines += [
        "",
        "VTK's boolean union of the same solids raised an error, ended the process, took over 20 s, or missed volume or area "
        f"by more than 1 % for {wrong.sum()} of {n_crystals} crystals; the exact union (manifold3d) for none. The published "
        "scripts open a new plotter for each orientation.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = report(*map(int, sys.argv[1:3] or (10, 24)))
    RESULTS.write_text(text)
    print(text)
