"""Latent representations: maps of them, scores with and without labels, neighbours, and distances between two sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, confusion_matrix, normalized_mutual_info_score, silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

#: Neighbours asked in the score `knn10_accuracy` and kept by `trustworthiness`.
NEIGHBOURS = 10
#: Principal components that a map is made of at most.
_COMPONENTS = 64
#: Points that a score whose cost grows with their square is computed on at most.
_FEW = 3000

#: Score -> what it says.
SCORES = {
    "ari": "agreement of k-means clusters with the labels, 0 by chance and 1 at best (adjusted Rand index)",
    "nmi": "information that clusters and labels share, 0 to 1 (normalised mutual information)",
    "kmeans_accuracy": "share of points whose cluster, matched one to one with a label, is theirs",
    "knn10_accuracy": "share of points named rightly by a vote of their ten nearest known neighbours",
    "linear_probe": "share of points named rightly by a logistic regression on the representation",
    "silhouette": "how much nearer a point is to its own cluster than to the next, -1 to 1; needs no labels",
    "trustworthiness": "1 less a penalty for neighbours on the map that are none in the representation, by their rank; no labels",
}


class Represented(NamedTuple):
    """Points in a latent space: `train` (n, d) and `test` (m, d), and where each lies on a map, (n, 2) and (m, 2)."""

    train: np.ndarray
    test: np.ndarray
    train_map: np.ndarray
    test_map: np.ndarray


def mapped(train: np.ndarray, test: np.ndarray, seed: int = 0, neighbours: int = 40) -> Represented:
    """Both sets with a UMAP of the first in two dimensions, onto which the second is laid.

    UMAP (McInnes et al. 2018, arXiv:1802.03426) gets the first `_COMPONENTS` principal components of the first set. Latents of
    two dimensions are their own map.
    """
    if train.shape[1] == 2:
        return Represented(train, test, train, test)
    from umap import UMAP  # takes seconds to import

    few = min(neighbours, len(train) - 1)
    components = PCA(min(_COMPONENTS, *train.shape), random_state=seed).fit(train)
    umap = UMAP(n_neighbors=few, min_dist=0.0, random_state=seed, n_jobs=1)
    return Represented(train, test, umap.fit_transform(components.transform(train)), umap.transform(components.transform(test)))


def mapped_together(train: np.ndarray, sets: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """Places (m, 2) of several sets of points (m, d), by name, laid together onto the map of `train` (n, d), see `mapped`."""
    places = mapped(train, np.concatenate(list(sets.values())), seed).test_map
    ends = np.cumsum([len(points) for points in sets.values()])
    return dict(zip(sets, np.split(places, ends[:-1]), strict=True))


def standardised(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Features (n, d) of each set less the mean of the first and over its deviation, so that all variances of it add up to 1."""
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    return [(values - mean) / (deviation * np.sqrt(train.shape[1])) for values in (train, *others)]


def clusters(points: Represented, n_clusters: int, seed: int = 0) -> np.ndarray:
    """Cluster (m,) of each test point: k-means on the map of the training points."""
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed).fit(points.train_map)
    return kmeans.predict(points.test_map.astype(points.train_map.dtype))


def scores(points: Represented, train_labels: np.ndarray, test_labels: np.ndarray, seed: int = 0) -> dict[str, float]:
    """All `SCORES` of the test points.

    Clusters and silhouette are those of the map, since it is what a reader sees; neighbours and the linear probe, which learn
    from the labelled training points, use the representation itself.
    """
    found = clusters(points, len(np.unique(train_labels)), seed)
    few = slice(_FEW)
    return {
        "ari": adjusted_rand_score(test_labels, found),
        "nmi": normalized_mutual_info_score(test_labels, found),
        "kmeans_accuracy": float(np.mean(matched(found, test_labels) == test_labels)),
        "knn10_accuracy": KNeighborsClassifier(NEIGHBOURS).fit(points.train, train_labels).score(points.test, test_labels),
        "linear_probe": linear_probe().fit(points.train, train_labels).score(points.test, test_labels),
        "silhouette": float(silhouette_score(points.test_map[few], found[few])),
        "trustworthiness": trustworthiness(points.test[few], points.test_map[few], n_neighbors=NEIGHBOURS),
    }


def linear_probe() -> Pipeline:
    """A classifier that can only draw straight borders: logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, C=0.05))


def matched(found: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The clusters `found` (n,) renamed to labels, one to one, so that as many as possible agree with `labels` (n,).

    Clusters beyond the number of labels keep no label ("" or -1) and count as wrong.
    """
    names, groups = np.unique(labels), np.unique(found)
    counts = confusion_matrix(np.unique(labels, return_inverse=True)[1], np.unique(found, return_inverse=True)[1])
    rows, columns = linear_sum_assignment(-counts[: len(names), : len(groups)])
    renamed = np.full(len(found), "" if names.dtype.kind == "U" else -1, dtype=names.dtype)
    for row, column in zip(rows, columns, strict=True):
        renamed[found == groups[column]] = names[row]
    return renamed


def traversals(known: np.ndarray, point: np.ndarray, n_directions: int, steps: np.ndarray) -> np.ndarray:
    """Walks (n_directions, len(steps), d) from a `point` (d,) along the directions in which the `known` points (n, d) vary most.

    These are their principal components. Each walk goes along one by `steps` of the standard deviation along it, the one
    with the largest first.
    """
    components = PCA(n_directions).fit(known)
    directions = components.components_ * np.sqrt(components.explained_variance_)[:, None]
    return point + np.asarray(steps)[:, None] * directions[:, None]


def neighbours(known: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """Rows (m, k) of the `known` points (n, d) that are nearest to each of `asked` (m, d), nearest first."""
    _, rows = NearestNeighbors(n_neighbors=k).fit(known).kneighbors(asked)
    return rows


def loneliness(known: np.ndarray, asked: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Mean distance (m,) of each of `asked` (m, d) to its k nearest `known` points (n, d): outliers have the largest."""
    return NearestNeighbors(n_neighbors=k).fit(known).kneighbors(asked)[0].mean(axis=1)


def spread_of_copies(copies: np.ndarray, others: np.ndarray) -> np.floating:
    """Spread of the copies (k, c, d) of k things, each about its own mean, over that of different things (n, d) about theirs.

    Both are root mean squares. 0 says that all copies of a thing lie in one place, 1 that they lie as far apart as different
    things.
    """
    return np.sqrt(copies.var(axis=1).sum(axis=-1).mean() / others.var(axis=0).sum())


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance squared between Gaussians fitted to two sets of points (n, d) and (m, d).

    The square of the distance of their means, and tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of their covariances (Dowson & Landau 1982,
    doi:10.1016/0047-259X(82)90077-X; for images Heusel et al. 2017, arXiv:1706.08500). Biased upward: two samples of n points
    of one Gaussian, with d variances of 1, are about d^2 / (2 n) + 2 d / n apart.
    """
    covariance_a, covariance_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(covariance_a @ covariance_b)
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(covariance_a + covariance_b - 2 * np.real(root)))


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Maximum mean discrepancy squared between two sets of points (n, d) and (m, d), unbiased, about 0 for equal populations.

    Two samples of one population may well have a small negative one. The kernel is exp(-distance^2 / median distance^2 of all
    points), a Gaussian whose standard deviation is that median over the root of 2 (Gretton et al. 2012, JMLR 13, 723).
    """
    both = np.concatenate([a, b])
    distances = cdist(both, both, "sqeuclidean")
    kernel = np.exp(-distances / np.median(distances[np.triu_indices(len(both), 1)]))
    n, m = len(a), len(b)
    within_a = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    within_b = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within_a + within_b - 2 * kernel[:n, n:].mean())


def told_apart(a: np.ndarray, b: np.ndarray, seed: int = 0) -> pd.Series:
    """Classifier two-sample test: accuracy with which points (n, d) of one set are told from those (m, d) of another.

    0.5 is chance, for equal sizes, and says that they cannot be told apart. Each point is judged by classifiers that have not
    seen it, in five folds: a linear probe, ten nearest neighbours and boosted trees (Lopez-Paz & Oquab 2017,
    arXiv:1610.06545). The larger set is thinned to the size of the smaller.

    Returns
    -------
    Series of the accuracies "linear", "neighbours" and "boosting", and their largest, "highest"
    """
    rng = np.random.default_rng(seed)
    size = min(len(a), len(b))
    a, b = (values[np.sort(rng.permutation(len(values))[:size])] for values in (a, b))
    points, labels = np.concatenate([a, b]), np.repeat([0, 1], size)
    judges = {
        "linear": linear_probe(),
        "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(NEIGHBOURS)),
        "boosting": HistGradientBoostingClassifier(max_iter=min(size, 100), max_bins=64, random_state=seed),
    }
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    right = {name: (cross_val_predict(judge, points, labels, cv=folds) == labels).mean() for name, judge in judges.items()}
    return pd.Series(right | {"highest": max(right.values())})
