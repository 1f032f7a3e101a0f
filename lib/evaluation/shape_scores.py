"""How well reconstructed shapes agree with the true ones: IoU of voxels and F-score of surfaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy.spatial import cKDTree

#: Surface points closer than this count as the same, as a share of the cube's side: two thirds of a voxel of 32.
DISTANCE = 0.02
#: Thresholds tried where probabilities become voxels.
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 19))


def shape_scores(predicted: torch.Tensor, true: torch.Tensor) -> pd.DataFrame:
    """How well occupancies (B, z, y, x) agree, a row each: `iou`, `fscore`, and `iou_mirrored`.

    The last allows what no silhouette can tell: the better of the prediction and its mirror image in depth.
    """
    direct, mirrored = iou(predicted, true), iou(depth_mirrored(predicted), true)
    pairs = zip(predicted.cpu().numpy(), true.cpu().numpy(), strict=True)
    columns = {"iou": direct, "iou_mirrored": torch.maximum(direct, mirrored)}
    columns = {name: values.cpu().numpy() for name, values in columns.items()}
    return pd.DataFrame(columns | {"fscore": [fscore(*pair) for pair in pairs]})


def iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union (...) of occupancies (..., z, y, x): 1 for equal shapes, also for two empty ones."""
    both = (first & second).sum((-3, -2, -1))
    either = (first | second).sum((-3, -2, -1))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def depth_mirrored(filled: torch.Tensor) -> torch.Tensor:
    """Occupancies (..., z, y, x) with front and back exchanged: another solid with the same silhouette."""
    return filled.flip(-3)


def surface_points(filled: np.ndarray) -> np.ndarray:
    """Middles (p, 3) of all faces between a filled and an empty voxel of an occupancy (z, y, x), in units of its side."""
    points = []
    for axis in range(3):
        padding = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        faces = np.argwhere(np.diff(np.pad(filled, padding).astype(np.int8), axis=axis))
        points.append((faces + np.where(np.arange(3) == axis, 0.0, 0.5)) / filled.shape[0])
    return np.concatenate(points)


def fscore(predicted: np.ndarray, true: np.ndarray, distance: float = DISTANCE) -> float:
    """F-score of two surfaces: harmonic mean of precision and recall (Knapitsch et al. 2017, doi:10.1145/3072959.3073599).

    Precision is the share of the predicted surface within `distance` of the true one, recall the reverse
    (Tatarchenko et al. 2019). The surfaces are those of occupancies (z, y, x); an empty prediction has 0.
    """
    surfaces = surface_points(predicted), surface_points(true)
    if not min(map(len, surfaces)):
        return 0.0
    trees = [cKDTree(points) for points in surfaces]
    precision, recall = ((trees[1 - i].query(surfaces[i], distance_upper_bound=distance)[0] <= distance).mean() for i in range(2))
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def best_threshold(probabilities: torch.Tensor, true: torch.Tensor) -> float:
    """Of `THRESHOLDS`, the one above which probabilities (B, z, y, x) give the largest mean IoU; for validation crystals."""
    return max(THRESHOLDS, key=lambda threshold: iou(probabilities > threshold, true).mean().item())
