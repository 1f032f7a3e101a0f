"""Scores of a latent space: its map, its clusters, scores with and without labels, and neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, confusion_matrix, normalized_mutual_info_score, silhouette_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

#: Neighbours that vote in `knn10_accuracy` and that `trustworthiness` compares.
NEIGHBOURS = 10
#: Principal components that a map is made of at most, and points: up to 4,095, UMAP finds neighbours exactly, without a method
#: that takes long to compile.
_COMPONENTS, _MAPPED = 64, 3000
#: Points that a score whose cost grows with their square is computed on at most.
_FEW = 3000

#: Score -> what it says.
SCORES = {
    "ari": "agreement of k-means clusters with the labels, 0 by chance and 1 at best (adjusted Rand index)",
    "nmi": "information that clusters and labels share, 0 to 1 (normalised mutual information)",
    "kmeans_accuracy": "share of points whose cluster, matched one to one with a label, is theirs",
    "knn10_accuracy": "share of points named rightly by a vote of their ten nearest training points",
    "linear_probe": "share of points named rightly by a logistic regression on the representation",
    "silhouette": "how much nearer a point is to its own cluster than to the next, -1 to 1; needs no labels",
    "trustworthiness": "1 less a penalty for neighbours on the map that are none in the representation, by their rank; no labels",
}


class LatentSpace(NamedTuple):
    """Points in a latent space: `train` (n, d) and `test` (m, d), and where a sample of the former (k, 2)
    and the latter (m, 2) lie on a map."""

    train: np.ndarray
    test: np.ndarray
    train_map: np.ndarray
    test_map: np.ndarray


class LatentMap:
    """A map of points `train` (n, d) in two dimensions, onto which others are laid.

    UMAP (McInnes et al. 2018, arXiv:1802.03426) gets the first `_COMPONENTS` principal components of a random sample of at most
    `_MAPPED` of them. Points of two dimensions are their own map.

    Attributes
    ----------
    places : where the sample lies on the map (k, 2)
    """

    def __init__(self, train: np.ndarray, seed: int = 0, neighbours: int = 40):
        if train.shape[1] == 2:
            self.transform, self.places = np.asarray, train
            return
        from umap import UMAP  # takes seconds to import

        if len(train) > _MAPPED:
            train = train[np.sort(np.random.default_rng(seed).permutation(len(train))[:_MAPPED])]
        components = PCA(min(_COMPONENTS, *train.shape), random_state=seed).fit(train)
        umap = UMAP(n_neighbors=min(neighbours, len(train) - 1), min_dist=0.0, random_state=seed, n_jobs=1)
        self.places = umap.fit_transform(components.transform(train))
        self.transform = lambda points: umap.transform(components.transform(points))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Where points (m, d) lie on the map (m, 2)."""
        return self.transform(points)


def latent_space(train: np.ndarray, test: np.ndarray, seed: int = 0) -> LatentSpace:
    """Both sets with a map of the first, onto which the second is laid."""
    latent_map = LatentMap(train, seed)
    return LatentSpace(train, test, latent_map.places, latent_map(test))


def standardise(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Features (n, d) of each set less the mean of the first and over its deviation, so that all variances of it add up to 1."""
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    return [(values - mean) / (deviation * np.sqrt(train.shape[1])) for values in (train, *others)]


def clusters(points: LatentSpace, n_clusters: int, seed: int = 0) -> np.ndarray:
    """Cluster (m,) of each test point: k-means on the map of training points."""
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed).fit(points.train_map)
    return kmeans.predict(points.test_map.astype(points.train_map.dtype))


def scores(points: LatentSpace, train_labels: np.ndarray, test_labels: np.ndarray, seed: int = 0) -> dict[str, float]:
    """All `SCORES` of the test points.

    Clusters and silhouette are those of the map, since it is what a reader sees; neighbours and the linear probe, which learn
    from the labelled training points, use the representation itself.
    """
    found = clusters(points, len(np.unique(train_labels)), seed)
    few = slice(_FEW)
    return {
        "ari": adjusted_rand_score(test_labels, found),
        "nmi": normalized_mutual_info_score(test_labels, found),
        "kmeans_accuracy": float(np.mean(match_clusters(found, test_labels) == test_labels)),
        "knn10_accuracy": KNeighborsClassifier(NEIGHBOURS).fit(points.train, train_labels).score(points.test, test_labels),
        "linear_probe": linear_probe().fit(points.train, train_labels).score(points.test, test_labels),
        "silhouette": float(silhouette_score(points.test_map[few], found[few])),
        "trustworthiness": trustworthiness(points.test[few], points.test_map[few], n_neighbors=NEIGHBOURS),
    }


def linear_probe() -> Pipeline:
    """A classifier that can only draw straight borders: logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, C=0.05))


def match_clusters(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The clusters (n,) renamed to labels, one to one, so that as many as possible agree with `labels` (n,).

    Clusters beyond the number of labels keep no label ("" or -1) and count as wrong.
    """
    names, groups = np.unique(labels), np.unique(clusters)
    counts = confusion_matrix(np.unique(labels, return_inverse=True)[1], np.unique(clusters, return_inverse=True)[1])
    rows, columns = linear_sum_assignment(-counts[: len(names), : len(groups)])
    renamed = np.full(len(clusters), "" if names.dtype.kind == "U" else -1, dtype=names.dtype)
    for row, column in zip(rows, columns, strict=True):
        renamed[clusters == groups[column]] = names[row]
    return renamed


def traversals(train: np.ndarray, point: np.ndarray, n_directions: int, steps: np.ndarray) -> np.ndarray:
    """Walks (n_directions, len(steps), d) from a `point` (d,) along the directions in which the points `train` (n, d) vary most.

    These are their principal components. Each walk goes along one by `steps` of the standard deviation along it, the one
    with the largest first.
    """
    components = PCA(n_directions).fit(train)
    directions = components.components_ * np.sqrt(components.explained_variance_)[:, None]
    return point + np.asarray(steps)[:, None] * directions[:, None]


def nearest_neighbours(train: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
    """Rows (m, k) of the points `train` (n, d) that are nearest to each of `test` (m, d), nearest first."""
    _, rows = NearestNeighbors(n_neighbors=k).fit(train).kneighbors(test)
    return rows


def mean_neighbour_distance(train: np.ndarray, test: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Mean distance (m,) of each point of `test` (m, d) to its k nearest of `train` (n, d): outliers have the largest.

    It is an absolute distance. A local outlier factor (Breunig et al. 2000, doi:10.1145/335191.335388) divides by the distances
    usual nearby, so that a crystal of a rare, widely spread habit would count for less.
    """
    return NearestNeighbors(n_neighbors=k).fit(train).kneighbors(test)[0].mean(axis=1)


def spread_of_copies(copies: np.ndarray, others: np.ndarray) -> np.floating:
    """Spread of the copies (k, c, d) of k things, each about its own mean, over that of different things (n, d) about theirs.

    Both are root mean squares. 0 says that all copies of a thing lie in one place, 1 that they lie as far apart as different
    things.
    """
    return np.sqrt(copies.var(axis=1).sum(axis=-1).mean() / others.var(axis=0).sum())
