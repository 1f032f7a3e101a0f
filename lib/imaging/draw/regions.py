"""Which part of a rosette each pixel of its silhouette shows: basal ends, sides, the places where bullets cross, the centre."""

from __future__ import annotations

import cv2
import numpy as np

from lib.crystals.rosette import Rosette, hexagons
from lib.crystals.solid import Solid
from lib.imaging.draw.silhouette import CAMERA, boxes, corners_of_pieces, draw_all

#: What a pixel may show, in the order of their numbers in `regions`. The first three lie at the outline.
REGIONS = ("tip", "notch", "side", "centre", "overlap", "bullet", "background")
#: What is nearer to the outline than this share of the picture's side lies at the outline.
REACH = 1 / 64


def parts_alone(whole: Solid, parts: list[Solid], orientation: np.ndarray, size: int) -> np.ndarray:
    """Silhouettes (k, size, size) uint8 of 0 to 4 of some solids, each alone in the picture that is fitted to a `whole`.

    Parameters
    ----------
    orientation : (3, 3) rotation before the view, which is that of `lib.imaging.draw.silhouette.CAMERA`
    """
    centre, half_diagonal = boxes(whole, orientation[None])
    coverage = np.zeros((len(parts), 1, 1, size, size), np.uint8)
    for picture, part in zip(coverage, parts, strict=True):
        points, ends = corners_of_pieces(part)
        draw_all(points, ends, part.spheres, orientation[None], centre, CAMERA[None], 2 * half_diagonal / size, picture)
    return coverage[:, 0, 0]


def bullets_alone(crystal: Rosette, orientation: np.ndarray, size: int) -> np.ndarray:
    """Each bullet (n, size, size) uint8 of 0 to 4 alone, at its place in the crystal's picture; see `parts_alone`."""
    solid = crystal.solid()
    return parts_alone(solid, [Solid((piece,)) for piece in solid.pieces], orientation, size)


def bullet_removed(crystal: Rosette, orientation: np.ndarray, size: int) -> np.ndarray:
    """The crystal's picture without each of its bullets in turn (n, size, size) uint8 of 0 to 4; see `parts_alone`."""
    solid = crystal.solid()
    others = [Solid(solid.pieces[:i] + solid.pieces[i + 1 :], spheres=solid.spheres) for i in range(len(solid.pieces))]
    return parts_alone(solid, others, orientation, size)


def regions(crystal: Rosette, orientation: np.ndarray, size: int) -> np.ndarray:
    """What each pixel shows (size, size) uint8, a place in `REGIONS`; arguments as of `bullets_alone`.

    At the outline, on either side of it, are *tips*, basal ends that show; *notches*, where the outline passes from one bullet to
    another; and *sides*, the rest. Inside are the *centre*, as far out as the pyramids reach; *overlaps* of two bullets or more;
    and single *bullets*. Covered is a pixel of whose four sub-samples at least two are.
    """
    solid, reach = crystal.solid(), REACH * size
    depth_um = 2 * REACH * 2 * boxes(solid, orientation[None])[1][0]
    sphere = np.array([[0, 0, 0, (crystal.tip_um + crystal.pyramid_um).max()]])
    others = [*(Solid((end,)) for end in basal_ends(crystal, depth_um)), Solid((), spheres=sphere), solid]
    *ends, centre, covered = parts_alone(solid, others, orientation, size) >= 2
    bullets = bullets_alone(crystal, orientation, size) >= 2
    to_outline = np.where(covered, _distance_to(~covered), _distance_to(covered))
    outline = to_outline <= reach + 0.5  # the outline runs between pixels
    rim = covered & (to_outline < 1.5)
    tip = _distance_to(rim & np.any(ends, axis=0)) <= reach
    notch = np.sum([_distance_to(rim & bullet) <= reach for bullet in bullets], axis=0) > 1
    shown = [outline & tip, outline & notch, outline, covered & centre, bullets.sum(axis=0) > 1, covered]
    return np.select(shown, np.arange(len(shown)), len(shown)).astype(np.uint8)


def basal_ends(crystal: Rosette, depth_um: float) -> np.ndarray:
    """Corners (n, 12, 3) of the outermost `depth_um` of each bullet's prism [um], or of all of it where it is shorter."""
    axis = crystal.directions[:, None, :]
    hexagon = hexagons(crystal.directions, crystal.roll) * crystal.basal_um[:, None, None]
    outer = crystal.tip_um + crystal.pyramid_um + crystal.prism_um
    inner = outer - np.minimum(depth_um, crystal.prism_um)
    return np.concatenate([hexagon + end[:, None, None] * axis for end in (inner, outer)], axis=1)


def _distance_to(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel from the nearest one of a mask (S, S) [pixels]; very large where there is none."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
