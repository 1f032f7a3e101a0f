"""The visual hull: all that no silhouette rules out. It learns nothing and knows where the cameras stand.

A point of space is in the hull where it lies inside the silhouette of every view (Laurentini 1994, doi:10.1109/34.273735). So the
hull contains the crystal, and each further view can only take from it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from skimage.measure import label, marching_cubes, mesh_surface_area

from lib.crystals.solid import bounding_sphere, effective
from lib.datasets.voxels import grid

#: Of its four sub-samples so many must be covered for a pixel to count as inside.
_INSIDE = 2
#: Standard deviation of the blur before the surface of voxels is measured [voxels]: steps of whole voxels are rough.
_BLUR = 0.6
#: Bullets are counted beyond this share of the bounding radius, where they no longer touch each other.
_BEYOND = 0.6


def visual_hull(pictures: torch.Tensor, views: np.ndarray, side: int = 32) -> torch.Tensor:
    """Hulls (B, side, side, side) bool of crystals, as z, y, x in the frame in which the cameras are given.

    The cube is as wide as the pictures and stands about their common centre.

    Parameters
    ----------
    pictures : (B, V, S, S) uint8 of 0..4
    views : (V, 3, 3) cameras: rows are picture right, picture up, and towards the eye
    """
    if pictures.ndim != 4 or pictures.shape[1] != len(views):
        raise ValueError(f"pictures: expected (B, {len(views)}, S, S), one for each view, got {tuple(pictures.shape)}")
    size = pictures.shape[-1]
    points = grid(side, torch.empty(0, dtype=torch.float64, device=pictures.device))
    hull = torch.ones(len(pictures), side**3, dtype=torch.bool, device=pictures.device)
    for view, camera in enumerate(torch.as_tensor(np.asarray(views), device=pictures.device)):
        right, up = camera[:2].double() @ points.T
        column, row = ((place + 0.5).mul(size).floor().long() for place in (right, -up))
        in_frame = (column >= 0) & (column < size) & (row >= 0) & (row < size)
        pixel = (row * size + column).where(in_frame, 0)
        hull &= (pictures[:, view].flatten(1)[:, pixel] >= _INSIDE) & in_frame
    return hull.unflatten(1, (side, side, side))


def hull_targets(hulls: torch.Tensor) -> pd.DataFrame:
    """What hulls (B, z, y, x) imply, a row each, in units of the cube's side: `volume`, `radius` of the bounding sphere, `rho_e`,
    `a_e` and `n_bullets`, the number of separate pieces far from the centre. NaN where a hull is empty.
    """
    return pd.DataFrame(
        [_targets(hull) for hull in hulls.cpu().numpy()], columns=["volume", "radius", "rho_e", "a_e", "n_bullets"]
    )


def _targets(hull: np.ndarray) -> tuple[float, ...]:
    """The row of one hull."""
    side = len(hull)
    filled = np.argwhere(hull)
    if not len(filled):
        return (np.nan,) * 5
    centre, radius = bounding_sphere(filled[ConvexHull(filled, qhull_options="QJ").vertices])
    surface = marching_cubes(gaussian_filter(np.pad(hull, 3).astype(np.float32), _BLUR), 0.5)
    found = effective(len(filled), mesh_surface_area(*surface[:2]), radius + 0.5)  # voxels reach half their side farther
    far = hull.copy()
    far[tuple(filled[np.linalg.norm(filled - centre, axis=1) < _BEYOND * radius].T)] = False
    return found.volume / side**3, found.radius / side, found.rho_e, found.a_e, int(label(far, connectivity=3).max())
