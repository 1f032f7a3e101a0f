"""Scores of latent spaces, and neighbours: on points whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from lib.evaluation import latent_scores
from lib.evaluation.latent_scores import LatentSpace


def blobs(n, centres, spread, seed=0):
    """Points (n * k, d) about `centres` (k, d), and which they are about."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(centres)), n)
    return np.asarray(centres, float)[label] + spread * rng.normal(size=(len(label), np.shape(centres)[1])), label


CORNERS = [(0, 0), (9, 0), (0, 9)]


def plain(train, test):
    """Points in the plane, which are their own map."""
    return latent_scores.latent_space(train, test)


def test_blobs_far_apart_have_the_best_scores():
    (train, known), (test, asked) = blobs(40, CORNERS, 0.5), blobs(30, CORNERS, 0.5, seed=1)
    found = latent_scores.scores(plain(train, test), known, asked)
    assert set(found) == set(latent_scores.SCORES)
    for score in ("ari", "nmi", "kmeans_accuracy", "knn10_accuracy", "linear_probe", "trustworthiness"):
        assert found[score] == pytest.approx(1), score
    assert found["silhouette"] > 0.8


def test_labels_at_random_score_as_chance():
    rng = np.random.default_rng(2)
    (train, _), (test, _) = blobs(200, CORNERS, 3.0), blobs(200, CORNERS, 3.0, seed=1)
    found = latent_scores.scores(plain(train, test), rng.integers(3, size=600), rng.integers(3, size=600))
    assert abs(found["ari"]) < 0.02 and abs(found["linear_probe"] - 1 / 3) < 0.07 and abs(found["knn10_accuracy"] - 1 / 3) < 0.07


def test_a_map_keeps_neighbours():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 20)) * 6
    (train, known), (test, asked) = blobs(40, centres, 0.5), blobs(20, centres, 0.5, seed=1)
    points = latent_scores.latent_space(train, test)
    assert points.train_map.shape == (120, 2) and points.test_map.shape == (60, 2)
    found = latent_scores.scores(points, known, asked)
    assert found["ari"] > 0.95 and found["trustworthiness"] > 0.7


@pytest.mark.parametrize("kind", [int, str])
def test_clusters_are_matched_one_to_one(kind):
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2]).astype(kind)
    renamed = latent_scores.match_clusters(np.array([5, 5, 7, 7, 7, 3, 3, 3]), labels)
    assert (renamed == labels).mean() == 7 / 8 and renamed.dtype == labels.dtype
    assert adjusted_rand_score(renamed, np.array([5, 5, 7, 7, 7, 3, 3, 3])) == 1


def test_a_cluster_too_many_matches_nothing():
    renamed = latent_scores.match_clusters(np.array([0, 0, 1, 1, 2]), np.array([4, 4, 6, 6, 6]))
    assert renamed.tolist() == [4, 4, 6, 6, -1]


def test_copies_are_spread_less_than_different_things():
    copies = np.array([[[0, 1], [0, -1]], [[7, 3], [7, 3]]], float)  # variances 1 and 0: 1/2 in the mean
    others = np.array([[2, 2], [-2, 2], [2, -2], [-2, -2]], float)  # variance 4 along each axis: 8
    assert latent_scores.spread_of_copies(copies, others) == pytest.approx(1 / 4)


def test_traversals_follow_the_directions_of_largest_variance():
    known = np.random.default_rng(0).normal(size=(5000, 3)) * [1, 5, 2]
    walks = latent_scores.traversals(known, np.array([7.0, 8.0, 9.0]), 2, np.array([-1, 0, 1]))
    assert walks.shape == (2, 3, 3) and (walks[:, 1] == [7, 8, 9]).all()
    assert walks[0, 2] == pytest.approx([7, 13, 9], abs=0.3) and walks[1, 0] == pytest.approx([7, 8, 7], abs=0.3)


def test_neighbours_and_outliers():
    known = np.arange(20.0)[:, None]
    assert latent_scores.nearest_neighbours(known, np.array([[3.2]]), 3).tolist() == [[3, 4, 2]]
    lonely = latent_scores.mean_neighbour_distance(known, np.array([[5.0], [90.0]]), k=2)
    assert lonely == pytest.approx([0.5, 71.5])


def test_standardised_features_have_a_variance_of_one_in_all():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, (900, 4)), rng.normal(8, 3, (900, 4))
    a, b = latent_scores.standardise(train, test)
    assert a.var(axis=0).sum() == pytest.approx(1) and a.mean() == pytest.approx(0, abs=1e-9)
    assert b.mean(axis=0) == pytest.approx(np.full(4, 0.5), abs=0.1)  # three over three, over the root of four


def test_maps_of_two_dimensions_are_their_own():
    points = plain(np.zeros((5, 2)), np.ones((4, 2)))
    assert isinstance(points, LatentSpace) and points.test_map is points.test
