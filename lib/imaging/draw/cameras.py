"""Where cameras stand that look at one crystal from several sides."""

from __future__ import annotations

import numpy as np
from scipy.integrate import lebedev_rule

#: Numbers of directions of the Lebedev rules of order 3, 5 and 7, opposite ones counted once.
LEBEDEV = (3, 7, 13)


def lebedev_cameras(n: int) -> np.ndarray:
    """Cameras (n, 3, 3) that look along the nodes of a Lebedev rule; n is one of `LEBEDEV`.

    Nodes come in opposite pairs, of which one is kept: seen from behind, a silhouette is its own mirror image. The rules are
    nested: normals of a cube's faces, then its diagonals, then those of its faces (Lebedev 1976,
    doi:10.1016/0041-5553(76)90100-2; for ice crystals Schrom, EGU26-22103). Rows of a camera are as of
    `lib.imaging.draw.silhouette.CAMERA`: picture right, picture up, and towards the eye.
    """
    if n not in LEBEDEV:
        raise ValueError(f"n: expected one of {', '.join(map(str, LEBEDEV))} directions, got {n}")
    nodes = lebedev_rule(7)[0].T.round(12) + 0.0  # no minus zero
    turned = np.array([node[np.flatnonzero(node)[0]] > 0 for node in nodes])
    components = np.count_nonzero(nodes, axis=1)  # of a face's normal 1, of a cube's diagonal 3, of a face's diagonal 2
    heads = np.concatenate([nodes[turned & (components == count)] for count in (1, 3, 2)])
    return np.stack([_looking_along(direction / np.linalg.norm(direction)) for direction in heads[:n]])


def _looking_along(direction: np.ndarray) -> np.ndarray:
    """A camera (3, 3) with its eye in this direction, upright where that is possible."""
    up = np.array([0.0, 0.0, 1.0]) if abs(direction[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction])
