"""The rasteriser beside VTK, scikit-image and OpenCV: silhouettes of rosettes, side 224, one view.

VTK draws the mesh off-screen with one plotter. scikit-image and OpenCV fill the convex outline of each bullet and the disc;
the outlines are handed to them and not timed. The error is that of a picture's area, against the exact union of the polygons.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from dataset_speed import black_plotter, usual_pictures
from manifold3d import CrossSection, OpType
from row import Row, cpu_seconds
from scipy.spatial import ConvexHull
from skimage import draw

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid
from lib.imaging.draw.silhouette import SIZE, boxes, cameras, silhouettes

#: Fixed-point digits of OpenCV's coordinates, and corners of the disc whose area counts as exact.
SHIFT, SEGMENTS = 8, 512


def outlines(solid: Solid, orientation: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Convex outlines (k, 2) of the pieces and discs (s, 3) of centre and radius, in pixels from the upper left corner."""
    (centre,), (half,) = boxes(solid, orientation[None])
    pixel = 2 * half / SIZE
    to_picture = cameras((0.0,))[0, :2] * [[1], [-1]] / pixel

    def flat(points: np.ndarray) -> np.ndarray:
        return (points @ orientation.T - centre) @ to_picture.T + SIZE / 2

    pieces = [flat(piece) for piece in solid.pieces]
    discs = np.column_stack([flat(solid.spheres[:, :3]), solid.spheres[:, 3] / pixel])
    return [points[ConvexHull(points).vertices] for points in pieces], discs


def exact_union(polygons: list[np.ndarray], discs: np.ndarray) -> CrossSection:
    """The silhouette as polygons [px]."""
    round_ones = [CrossSection.circle(radius, SEGMENTS).translate((x, y)) for x, y, radius in discs]
    return CrossSection.batch_boolean([*(CrossSection([p]) for p in polygons), *round_ones], OpType.Add)


def by_scikit_image(polygons: list[np.ndarray], discs: np.ndarray, fine: int) -> np.ndarray:
    """Shares covered (SIZE, SIZE) from `fine` x `fine` samples a pixel."""
    mask = np.zeros((fine * SIZE, fine * SIZE), bool)
    for x, y in (polygon.T * fine - 0.5 for polygon in polygons):
        mask[draw.polygon(y, x, mask.shape)] = True
    for x, y, radius in discs * fine:
        mask[draw.disk((y - 0.5, x - 0.5), radius, shape=mask.shape)] = True
    return mask.reshape(SIZE, fine, SIZE, fine).mean(axis=(1, 3)) if fine > 1 else mask


def by_opencv(polygons: list[np.ndarray], discs: np.ndarray, fine: int) -> np.ndarray:
    """As `by_scikit_image`."""
    mask = np.zeros((fine * SIZE, fine * SIZE), np.uint8)
    for polygon in polygons:
        cv2.fillConvexPoly(mask, np.round((polygon * fine - 0.5) * 2**SHIFT).astype(np.int32), 1, shift=SHIFT)
    for x, y, radius in np.round((discs * fine - [0.5, 0.5, 0]) * 2**SHIFT).astype(int).tolist():
        cv2.circle(mask, (x, y), radius, 1, -1, shift=SHIFT)
    return mask.reshape(SIZE, fine, SIZE, fine).mean(axis=(1, 3)) if fine > 1 else mask


def rms_percent(found: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square of the relative errors [%]."""
    return 100 * float(np.sqrt(np.mean((found / exact - 1) ** 2)))


def rows(quick: bool) -> list[Row]:
    """Time and error of area a picture, with each rival."""
    n_crystals, n_orientations = (2, 2) if quick else (10, 24)
    solids = [rosette.solid() for rosette in sample(n_crystals, seed=4)]
    turns = [random_orientations(n_orientations, [4, i]) for i in range(n_crystals)]
    shapes = [outlines(solid, turn) for solid, many in zip(solids, turns, strict=True) for turn in many]
    exact = np.array([exact_union(*shape).area() for shape in shapes])

    def ours() -> np.ndarray:
        return np.concatenate([silhouettes(*pair).coverage for pair in zip(solids, turns, strict=True)]) / 4

    def by_vtk() -> np.ndarray:
        pictures = [usual_pictures(*pair, plotter, (0.0,)) for pair in zip(solids, turns, strict=True)]
        return np.concatenate(pictures) > 0

    def filled(way: Callable, fine: int) -> Callable[[], np.ndarray]:
        return lambda: np.array([way(*shape, fine) for shape in shapes])

    def cost(way: Callable[[], np.ndarray]) -> tuple[float, float]:
        """Milliseconds a picture, and the error of its area [%]."""
        error = rms_percent(way().reshape(len(exact), -1).sum(axis=1), exact)  # what this first call compiles is not timed
        return 1e3 * cpu_seconds(way, repeats=2) / len(exact), error

    plotter = black_plotter()
    rivals = {
        "scikit-image, pixel centres": filled(by_scikit_image, 1),
        "scikit-image, 2 x 2 samples": filled(by_scikit_image, 2),
        "OpenCV, pixels touched": filled(by_opencv, 1),
        "OpenCV, 2 x 2 samples": filled(by_opencv, 2),
    }
    time, error = cost(ours)
    costs = {"VTK, pixels touched": cost(by_vtk)}
    plotter.disable_anti_aliasing()
    costs["VTK, pixel centres"] = cost(by_vtk)
    plotter.close()
    costs |= {name: cost(way) for name, way in rivals.items()}
    return [
        Row(f"silhouette of {SIZE} px", name, time, other, "ms", f"area off by {error:.2f} % against {worse:.2f} %")
        for name, (other, worse) in costs.items()
    ]
