"""Silhouettes of many solids in one orientation each, drawn in one call: what training on fresh pictures needs."""

from __future__ import annotations

from collections.abc import Iterable

import numba
import numpy as np

from lib.crystals.solid import Solid
from lib.imaging.draw.silhouette import Silhouettes, cameras, corners_of_pieces, draw_all


class Stack:
    """Many solids, their pieces and spheres one after the other in memory."""

    def __init__(self, solids: Iterable[Solid]):
        points, ends, spheres = [], [], []
        for solid in solids:
            piece_points, piece_ends = corners_of_pieces(solid)
            points.append(piece_points)
            ends.append(piece_ends)
            spheres.append(solid.spheres)
        if not points:
            raise ValueError("expected at least one solid")
        self._lay_out(
            *(np.concatenate(part) for part in (points, ends, spheres)), *(map(len, part) for part in (points, ends, spheres))
        )

    @classmethod
    def of_bullets(cls, corners: np.ndarray, counts: np.ndarray, radii: np.ndarray) -> Stack:
        """Rosettes by the `corners` (N, k, 3) of all bullets, `counts` (n,) of them a crystal, and `radii` (n,) of spheres."""
        stack, n_corners = cls.__new__(cls), corners.shape[1]
        before = np.repeat(np.cumsum(counts) - counts, counts)  # bullets of the crystals before
        ends = n_corners * (np.arange(len(corners)) - before + 1)
        spheres = np.column_stack([np.zeros((len(radii), 3)), radii])
        stack._lay_out(corners.reshape(-1, 3), ends, spheres, n_corners * counts, counts, np.ones_like(counts))
        return stack

    def _lay_out(self, points, ends, spheres, *lengths) -> None:
        """Keep the corners, the ends of pieces and the spheres of all solids, and how many of each (n,) a solid has."""
        self.points, self.ends, self.spheres = points, ends, spheres
        self.starts = np.pad(np.cumsum(np.column_stack([list(own) for own in lengths]), axis=0), ((1, 0), (0, 0))).astype(
            np.int64
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def silhouettes(
        self, rows: np.ndarray, orientations: np.ndarray, angles_deg: tuple[float, ...] = (0.0,), size: int = 128
    ) -> Silhouettes:
        """Pictures of the solids `rows` (B,), each turned by one of `orientations` (B, 3, 3).

        The same pictures as `lib.imaging.draw.silhouette.silhouettes` draws, each fitted to its crystal.

        Returns
        -------
        Silhouettes
            of B crystals and V views
        """
        rows = np.asarray(rows, np.int64)
        if rows.ndim != 1 or not len(rows) or not 0 <= rows.min() <= rows.max() < len(self):
            raise ValueError(f"rows: expected some of 0 to {len(self) - 1}")
        if np.shape(orientations) != (len(rows), 3, 3):
            raise ValueError(f"orientations: expected ({len(rows)}, 3, 3), got {np.shape(orientations)}")
        coverage = np.zeros((len(rows), len(angles_deg), size, size), np.uint8)
        pixel_um, origin = np.empty(len(rows)), np.empty((*coverage.shape[:2], 2))
        turns = np.ascontiguousarray(cameras(angles_deg)[:, :2])
        orientations = np.ascontiguousarray(orientations, float)
        _draw_each(self.points, self.ends, self.spheres, self.starts, rows, orientations, turns, pixel_um, coverage, origin)
        return Silhouettes(coverage, pixel_um, origin)


@numba.njit(cache=True, nogil=True)
def _draw_each(points, ends, spheres, starts, rows, orientations, turns, pixel_um, coverage, origin):
    """Fill `coverage` (B, V, size, size), zero on entry, `pixel_um` (B,) and `origin` (B, V, 2)."""
    for b in range(len(rows)):
        first, last = starts[rows[b]], starts[rows[b] + 1]
        own_points, own_spheres = points[first[0] : last[0]], spheres[first[2] : last[2]]
        orientation = orientations[b : b + 1]
        centre, half_diagonal = _box(own_points, own_spheres, orientation[0])
        pixel_um[b] = 2 * half_diagonal / coverage.shape[2]
        own_ends = ends[first[1] : last[1]]
        origin[b : b + 1] = draw_all(
            own_points, own_ends, own_spheres, orientation, centre, turns, pixel_um[b : b + 1], coverage[b : b + 1]
        )


@numba.njit(cache=True, nogil=True)
def _box(points, spheres, orientation):
    """Centre (1, 3) and half diagonal of the axis-aligned box around a solid turned by `orientation` (3, 3)."""
    centre, square = np.empty((1, 3)), 0.0
    for k in range(3):
        low, high = np.inf, -np.inf
        for i in range(len(points)):
            at = 0.0
            for m in range(3):
                at += orientation[k, m] * points[i, m]
            low, high = min(low, at), max(high, at)
        for i in range(len(spheres)):
            at = 0.0
            for m in range(3):
                at += orientation[k, m] * spheres[i, m]
            low, high = min(low, at - spheres[i, 3]), max(high, at + spheres[i, 3])
        centre[0, k] = (low + high) / 2
        square += (high - low) ** 2
    return centre, np.sqrt(square) / 2
