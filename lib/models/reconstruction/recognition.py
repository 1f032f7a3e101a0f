"""Shapes by recognition alone: clusters, retrieval by picture, and the oracle that retrieves by shape.

The baselines of Tatarchenko et al. 2019 (doi:10.1109/CVPR.2019.00352): none of them reconstructs a shape, each recalls one.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torch.nn.functional import avg_pool2d, avg_pool3d

from lib.models.forest import ForestClassifier


def coverages(pictures: torch.Tensor, factor: int = 2) -> torch.Tensor:
    """Pictures (B, V, size, size) of 0..4 as rows (B, f) to be compared: coverage of blocks of `factor` pixels."""
    return avg_pool2d(pictures.float() / 4, factor).flatten(1)


def nearest(pictures: torch.Tensor, bank: torch.Tensor, k: int = 1) -> torch.Tensor:
    """Rows (B, k) of the k pictures of `bank` (T, V, size, size) that are nearest to each of `pictures`, nearest first."""
    return torch.cdist(coverages(pictures), coverages(bank)).topk(k, 1, largest=False).indices


def best_matches(voxels: torch.Tensor, bank: torch.Tensor, step: int = 1024) -> torch.Tensor:
    """Row (B,) of the shape in `bank` (T, z, y, x) with the largest IoU to each of `voxels`, which an oracle would know."""
    first = voxels.flatten(1).float()
    overlaps = []
    for part in bank.split(step):
        second = part.flatten(1).float()
        both = first @ second.T
        overlaps.append(both / (first.sum(1)[:, None] + second.sum(1) - both))
    return torch.cat(overlaps, 1).argmax(1)


class Clusters:
    """Mean shapes of clusters of training shapes, and a classifier that predicts a picture's cluster.

    Parameters
    ----------
    voxels, pictures : of the training crystals, (T, z, y, x) bool and (T, V, size, size) of 0..4
    """

    def __init__(self, voxels: torch.Tensor, pictures: torch.Tensor, n_clusters: int, seed: int):
        coarse = avg_pool3d(voxels.float()[:, None], 4).flatten(1).sqrt().cpu().numpy()
        labels = MiniBatchKMeans(n_clusters, random_state=seed, n_init=1, batch_size=2048).fit_predict(coarse)
        clusters, labels = np.unique(labels, return_inverse=True)
        self.means = torch.stack(
            [voxels[torch.as_tensor(labels == i, device=voxels.device)].float().mean(0) for i in range(len(clusters))]
        )
        self.classifier = ForestClassifier(200, min_samples_leaf=2, random_state=seed, n_jobs=-1)
        self.classifier.fit(coverages(pictures, 4).cpu().numpy(), labels)

    def mean_shapes(self, pictures: torch.Tensor) -> torch.Tensor:
        """Mean shape (B, z, y, x) of 0..1 of the cluster that is predicted for each picture."""
        labels = self.classifier.predict(coverages(pictures, 4).cpu().numpy())
        return self.means[torch.as_tensor(labels, device=self.means.device)]
