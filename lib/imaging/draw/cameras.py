"""Where cameras stand that look at one crystal from several sides."""

from __future__ import annotations

import numpy as np
from scipy.integrate import lebedev_rule

#: Order of a Lebedev rule -> its number of directions. Its nodes come in opposite pairs, and of each pair one is kept: seen from
#: behind, a silhouette is its own mirror image.
LEBEDEV = {3: 3, 5: 7, 7: 13}


def lebedev_cameras(n: int) -> np.ndarray:
    """Cameras (n, 3, 3) that look along the nodes of a Lebedev rule, one of each opposite pair: n is 3, 7 or 13.

    The rules are nested: the faces of a cube, then its corners, then its edges (Lebedev 1976,
    doi:10.1016/0041-5553(76)90100-2; for ice crystals Schrom, EGU26-22103). Rows of a camera are as of
    `lib.imaging.draw.silhouette.CAMERA`: picture right, picture up, and towards the eye.
    """
    orders = {count: order for order, count in LEBEDEV.items()}
    if n not in orders:
        raise ValueError(f"n: expected one of {', '.join(map(str, orders))} directions, got {n}")
    nodes = lebedev_rule(orders[n])[0].T
    heads = nodes[[_leading(node) > 0 for node in nodes]]
    return np.stack([_looking_along(direction) for direction in heads])


def _leading(direction: np.ndarray) -> float:
    """The first component that is not zero: its sign tells a direction from the opposite one."""
    return direction[np.flatnonzero(np.abs(direction) > 1e-9)[0]]


def _looking_along(direction: np.ndarray) -> np.ndarray:
    """A camera (3, 3) with its eye in this direction, upright where that is possible."""
    up = np.array([0.0, 0.0, 1.0]) if abs(direction[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction])
