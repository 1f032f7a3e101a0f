"""The descriptors, by calls of OpenCV, beside scikit-image's regionprops: silhouettes of rosettes, side 224.

Masks are as published, any touched pixel being crystal. regionprops is asked for the quantities next to ours: first those that
cost it little, then those of the convex hull too. Errors are against the exact outline of the projected crystal: its area
without holes for regionprops, with them for us, who ignore them by definition.
"""

from __future__ import annotations

import numpy as np
from rasteriser_speed import exact_union, outlines, rms_percent
from row import Row, cpu_seconds
from skimage.measure import regionprops_table

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.imaging.draw.silhouette import silhouettes
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, describe

CHEAP = ("area", "perimeter", "bbox", "axis_major_length", "axis_minor_length")
HULL = (*CHEAP, "area_convex", "feret_diameter_max")
AREA, PERIMETER = (list(PUBLISHED).index(name) for name in ("contour_area", "contour_perimeter"))


def exact_measures(polygons: list[np.ndarray]) -> tuple[float, float, float]:
    """Area, area within the outer border, and length of that border, of a silhouette with its holes [px]."""
    signed = [float(np.sum(p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)) / 2) for p in polygons]
    outer = polygons[int(np.argmax(signed))]
    return sum(signed), max(signed), float(np.linalg.norm(outer - np.roll(outer, 1, axis=0), axis=1).sum())


def rows(quick: bool) -> list[Row]:
    """Time a picture and errors of area and perimeter."""
    n_crystals, n_orientations = (2, 2) if quick else (10, 24)
    solids = [rosette.solid() for rosette in sample(n_crystals, seed=4)]
    turns = [random_orientations(n_orientations, [4, i]) for i in range(n_crystals)]
    coverage = [silhouettes(*pair).coverage[:, 0] for pair in zip(solids, turns, strict=True)]
    masks = (np.concatenate(coverage) > 0).view(np.uint8)
    shapes = (outlines(solid, turn) for solid, many in zip(solids, turns, strict=True) for turn in many)
    area, enclosed, perimeter = np.array([exact_measures(exact_union(*shape).to_polygons()) for shape in shapes]).T

    def by_regionprops(names: tuple[str, ...]) -> np.ndarray:
        tables = [regionprops_table(mask, properties=names) for mask in masks]
        return np.array([[table["area"][0], table["perimeter"][0]] for table in tables])

    def milliseconds(work) -> float:
        return 1e3 * cpu_seconds(work, repeats=2) / len(masks)

    ours, theirs = describe(masks).values, by_regionprops(CHEAP)
    describe(masks[:2], extended=True)  # compiles
    remark = (
        f"area off by {rms_percent(ours[:, AREA], enclosed):.1f} % against {rms_percent(theirs[:, 0], area):.1f} %, "
        f"perimeter by {rms_percent(ours[:, PERIMETER], perimeter):.1f} % against {rms_percent(theirs[:, 1], perimeter):.1f} %"
    )
    eight, all_of_them = milliseconds(lambda: describe(masks)), milliseconds(lambda: describe(masks, extended=True))
    cheap, hull = (milliseconds(lambda names=names: by_regionprops(names)) for names in (CHEAP, HULL))
    named, many = f"{len(PUBLISHED)} descriptors", f"{len(PUBLISHED) + len(EXTENDED)} descriptors"
    return [
        Row(named, "regionprops: area, perimeter, box, ellipse", eight, cheap, "ms", remark),
        Row(named, "regionprops: hull and Feret too", eight, hull, "ms", "it has no smallest rectangle or circle"),
        Row(many, "regionprops: hull and Feret too", all_of_them, hull, "ms", "with hull, Feret, Fourier, thickness and rings"),
    ]
