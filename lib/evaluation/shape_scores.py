"""How well reconstructed shapes agree with the true ones: IoU of voxels, F-score and Chamfer distance of surfaces.

And what is asked of methods that are compared by them: whether two are distinguishable on the same crystals, and whether the
training set pushes a network to recognise shapes rather than to reconstruct them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.spatial import cKDTree

from lib.core.seeds import generator
from lib.datasets.voxels import coarse, fine

#: Surface points closer than this count as the same, as a share of the cube's side: two thirds of a voxel of 32.
DISTANCE = 0.02
#: The same where surfaces are compared closely: two thirds of a voxel of 64.
FINE_DISTANCE = 0.01
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
    """`fscore_at` of the surfaces of two occupancies (z, y, x); an empty one has 0."""
    return fscore_at(surface_distances(surface_points(predicted), surface_points(true)), distance)


class SurfaceDistances(NamedTuple):
    """From each point of the `predicted` surface (p,) to the nearest of the true one, and from each of the `true` (t,) back."""

    predicted: np.ndarray
    true: np.ndarray


def surface_distances(predicted: np.ndarray, true: np.ndarray) -> SurfaceDistances:
    """Distances between two surfaces given by points (p, 3) and (t, 3), in their unit; infinite where one has none."""
    if not min(len(predicted), len(true)):
        return SurfaceDistances(np.full(len(predicted), np.inf), np.full(len(true), np.inf))
    return SurfaceDistances(cKDTree(true).query(predicted)[0], cKDTree(predicted).query(true)[0])


def fscore_at(distances: SurfaceDistances, distance: float = DISTANCE) -> float:
    """F-score of two surfaces: harmonic mean of precision and recall (Knapitsch et al. 2017, doi:10.1145/3072959.3073599).

    Precision is the share of the predicted surface within `distance` of the true one, recall the reverse
    (Tatarchenko et al. 2019); 0 where a surface has no points.
    """
    if not min(map(len, distances)):
        return 0.0
    precision, recall = ((found <= distance).mean() for found in distances)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def chamfer(distances: SurfaceDistances) -> float:
    """Chamfer distance: the mean of both mean distances; Fan et al. 2017, doi:10.1109/CVPR.2017.264, square them."""
    return float(np.mean([found.mean() if len(found) else np.inf for found in distances]))


class Truth(NamedTuple):
    """What B reconstructions are compared with: voxels (B, s, s, s) of side 32 and 64, and points (B, p, 3) of the surface.

    Points are x, y, z in the cube of `lib.datasets.voxels`, from -1/2 to 1/2.
    """

    voxels: torch.Tensor
    fine_voxels: torch.Tensor
    points: np.ndarray


def reconstruction_scores(fine_voxels: torch.Tensor, truth: Truth, points: list[np.ndarray] | None = None) -> pd.DataFrame:
    """How well B reconstructions agree with the truth, a row each.

    `iou` and `iou_64` at sides 32 and 64, `fscore` at 2 % and `fscore_1` at 1 % of the cube's side, `chamfer` as a share of it.
    Each also as `*_mirrored`: the better one of the reconstruction and its mirror image in depth, which has the same silhouette.

    Parameters
    ----------
    fine_voxels : (B, 64, 64, 64) bool
    points : (p, 3) on each reconstructed surface, x, y, z as of `Truth`; None takes four on each face of the voxels. Where
        they lie farther apart than half a distance at which an F-score is asked for, it is too low.
    """
    half = coarse(fine_voxels)
    columns = {"iou": iou(half, truth.voxels), "iou_64": iou(fine_voxels, truth.fine_voxels)}
    columns["iou_mirrored"] = iou(depth_mirrored(half), truth.voxels).maximum(columns["iou"])
    columns["iou_64_mirrored"] = iou(depth_mirrored(fine_voxels), truth.fine_voxels).maximum(columns["iou_64"])
    overlaps = pd.DataFrame({name: values.cpu().numpy() for name, values in columns.items()})
    if points is None:
        points = [surface_points(fine(voxels[None])[0].numpy())[:, ::-1] - 0.5 for voxels in fine_voxels.cpu()]
    surfaces = [_surface_scores(*pair) for pair in zip(points, truth.points, strict=True)]
    return overlaps.join(pd.DataFrame(surfaces))


def _surface_scores(points: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """The scores of one surface."""
    both = [surface_distances(points * (1, 1, sign), true) for sign in (1, -1)]
    row = {}
    for name, distance in (("fscore", DISTANCE), ("fscore_1", FINE_DISTANCE)):
        direct, mirrored = (fscore_at(distances, distance) for distances in both)
        row |= {name: direct, f"{name}_mirrored": max(direct, mirrored)}
    direct, mirrored = map(chamfer, both)
    return row | {"chamfer": direct, "chamfer_mirrored": min(direct, mirrored)}


class PairedDifference(NamedTuple):
    """The mean `difference` of two methods on the same crystals, its standard error `se`, and `p`, two-sided."""

    difference: float
    se: float
    p: float


def paired_bootstrap(first: np.ndarray, second: np.ndarray, draws: int = 10_000, seed: int = 0) -> PairedDifference:
    """Whether two methods are distinguishable: their scores (n,) on the same crystals, which are drawn anew (Efron 1979).

    `p` is twice the share of draws whose mean difference lies on the other side of zero, at least 1 / (draws + 1).
    """
    if np.shape(first) != np.shape(second) or not len(first):
        raise ValueError(f"scores: expected as many of both methods, got {np.shape(first)} and {np.shape(second)}")
    differences = np.asarray(first, float) - np.asarray(second, float)
    drawn = generator(seed, "paired bootstrap").integers(len(differences), size=(draws, len(differences)))
    means = differences[drawn].mean(1)
    rarer = min((means <= 0).sum(), (means >= 0).sum())
    return PairedDifference(float(differences.mean()), float(means.std(ddof=1)), min(1.0, 2 * (rarer + 1) / (draws + 1)))


def dispersion_score(distances: np.ndarray, n_clusters: int, seed: int = 0, rounds: int = 50) -> float:
    """Mean distance of n items to the medoid of their cluster, after K-medoids (Zhou et al. 2021, arXiv:2111.15158).

    Networks tend to recognise where training pictures are dispersed and training shapes are not. Distances of pictures and of
    shapes have no common unit: divide them by their mean before the scores are compared.

    Parameters
    ----------
    distances : (n, n) between all items
    """
    if not 1 <= n_clusters <= len(distances):
        raise ValueError(f"n_clusters: expected 1 to {len(distances)}, the number of items, got {n_clusters}")
    rng = generator(seed, "medoids")
    medoids = [int(rng.integers(len(distances)))]
    while len(medoids) < n_clusters:  # k-means++ (Arthur and Vassilvitskii 2007): likelier the farther from all so far
        weight = distances[:, medoids].min(1) ** 2
        free = np.ones(len(distances)) if not weight.any() else weight
        free[medoids] = 0
        medoids.append(int(rng.choice(len(distances), p=free / free.sum())))
    for _ in range(rounds):
        labels = distances[:, medoids].argmin(1)
        members = [np.flatnonzero(labels == k) for k in range(n_clusters)]
        moved = [
            int(own[distances[np.ix_(own, own)].sum(1).argmin()]) if len(own) else m
            for own, m in zip(members, medoids, strict=True)
        ]
        if moved == medoids:
            break
        medoids = moved
    return float(distances[:, medoids].min(1).mean())


def best_threshold(probabilities: torch.Tensor, true: torch.Tensor) -> float:
    """Of `THRESHOLDS`, the one above which probabilities (B, z, y, x) give the largest mean IoU; for validation crystals."""
    return max(THRESHOLDS, key=lambda threshold: iou(probabilities > threshold, true).mean().item())
