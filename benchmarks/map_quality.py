"""UMAP, which lays out this book's maps, beside openTSNE: the same features of pictures of the nine habits, three seeds.

Features are those of the shipped self-supervised network of notebook 22, as their first 64 principal components. The map is made
of the pictures to learn from, and test pictures are laid onto it. UMAP has the book's settings
(`lib.evaluation.latent_scores.LatentMap`), openTSNE its own. Scores are those of the test pictures on the map, given as what is
missing to 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from row import Row
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier

from lib.datasets.crystal_photographs import synthetic_photographs
from lib.evaluation import latent_scores
from lib.models.self_supervision import features
from lib.studies.representations import NINE_HABITS_SSL

RIVAL = "openTSNE"
SCORES = {"trustworthiness": "trustworthiness", "ari": "ARI of k-means on the map", "knn10": "10-NN accuracy on the map"}


def features_of_habits(quick: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d) by the shipped network and labels (n,) of the pictures to learn from, and of the test pictures."""
    sizes = {"train": (12, 3), "test": (12, 1)} if quick else {"train": (111, 3), "test": (120, 1)}  # as many as the book maps
    train, test = (
        synthetic_photographs(NINE_HABITS_SSL.pictures(part, *size), 128, scheduler="synchronous") for part, size in sizes.items()
    )
    model = NINE_HABITS_SSL.training().result().model
    found = latent_scores.standardise(*(features(model, part.masked.in_order()) for part in (train, test)))
    return found[0], train.label, found[1], test.label


def by_opentsne(train: np.ndarray, test: np.ndarray, seed: int) -> latent_scores.LatentSpace:
    """Both sets with an openTSNE map of the first, onto which the second is laid."""
    from openTSNE import TSNE

    few = min(30, (len(train) - 1) // 3)
    components = PCA(min(64, *train.shape), random_state=seed).fit(train)
    placed = TSNE(perplexity=few, random_state=seed, n_jobs=1).fit(components.transform(train))
    return latent_scores.LatentSpace(train, test, np.asarray(placed), np.asarray(placed.transform(components.transform(test))))


def scored(points: latent_scores.LatentSpace, labels: np.ndarray, test_labels: np.ndarray, seed: int) -> dict[str, float]:
    """The `SCORES` of test points on a map."""
    found = latent_scores.clusters(points, len(np.unique(labels)), seed)
    voters = KNeighborsClassifier(latent_scores.NEIGHBOURS).fit(points.train_map, labels)
    return {
        "trustworthiness": trustworthiness(points.test, points.test_map, n_neighbors=latent_scores.NEIGHBOURS),
        "ari": adjusted_rand_score(test_labels, found),
        "knn10": voters.score(points.test_map, test_labels),
    }


def tried(way: Callable, train, labels, test, test_labels, seeds: int) -> dict[str, np.ndarray]:
    """CPU seconds and scores of a way, a value a seed; compilation is in the first of the seconds, which stand one ahead."""
    seconds, found = [], []
    for seed in (0, *range(seeds)):
        start = time.process_time()
        points = way(train, test, seed)
        seconds.append(time.process_time() - start)
        found.append(scored(points, labels, test_labels, seed))
    return {"seconds": np.array(seconds)} | {name: np.array([one[name] for one in found[1:]]) for name in SCORES}


def rows(quick: bool) -> list[Row]:
    """Times and scores of both maps; one row that says so where openTSNE is not installed."""
    if find_spec("openTSNE") is None:
        return [Row("map of nine habits", RIVAL, np.nan, np.nan, "", "openTSNE is not installed: pip install -e .[bench]")]
    train, labels, test, test_labels = features_of_habits(quick)
    ours, theirs = (
        tried(way, train, labels, test, test_labels, 1 if quick else 3) for way in (latent_scores.latent_space, by_opentsne)
    )
    size = f"map of {len(train):,} and {len(test):,} pictures"

    def times(chosen: Callable) -> tuple[float, float]:
        return float(chosen(ours["seconds"])), float(chosen(theirs["seconds"]))

    return [
        Row(size, RIVAL, *times(lambda s: s[1:].mean()), "CPU s", "after compilation; " + spread(ours, theirs, "seconds", ".1f")),
        Row(size + ", first in a process", RIVAL, *times(lambda s: s[0]), "CPU s", "with compilation"),
        *(
            Row(f"1 - {meaning}", RIVAL, 1 - ours[name].mean(), 1 - theirs[name].mean(), "", spread(ours, theirs, name, ".3f"))
            for name, meaning in SCORES.items()
        ),
    ]


def spread(ours: dict, theirs: dict, name: str, form: str) -> str:
    """Lowest and highest value over the seeds of both."""
    each = [side[name][-len(side["ari"]) :] for side in (ours, theirs)]
    return " against ".join(f"{values.min():{form}} to {values.max():{form}}" for values in each)
