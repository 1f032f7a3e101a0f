"""Scores of latent spaces, neighbours, and distances between sets: on points whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from lib.evaluation import latent_scores
from lib.evaluation.latent_scores import Represented


def blobs(n, centres, spread, seed=0):
    """Points (n * k, d) about `centres` (k, d), and which they are about."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(centres)), n)
    return np.asarray(centres, float)[label] + spread * rng.normal(size=(len(label), np.shape(centres)[1])), label


CORNERS = [(0, 0), (9, 0), (0, 9)]


def plain(train, test):
    """Points in the plane, which are their own map."""
    return latent_scores.mapped(train, test)


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
    points = latent_scores.mapped(train, test)
    assert points.train_map.shape == (120, 2) and points.test_map.shape == (60, 2)
    found = latent_scores.scores(points, known, asked)
    assert found["ari"] > 0.95 and found["trustworthiness"] > 0.7


@pytest.mark.parametrize("kind", [int, str])
def test_clusters_are_matched_one_to_one(kind):
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2]).astype(kind)
    renamed = latent_scores.matched(np.array([5, 5, 7, 7, 7, 3, 3, 3]), labels)
    assert (renamed == labels).mean() == 7 / 8 and renamed.dtype == labels.dtype
    assert adjusted_rand_score(renamed, np.array([5, 5, 7, 7, 7, 3, 3, 3])) == 1


def test_a_cluster_too_many_matches_nothing():
    renamed = latent_scores.matched(np.array([0, 0, 1, 1, 2]), np.array([4, 4, 6, 6, 6]))
    assert renamed.tolist() == [4, 4, 6, 6, -1]


def test_sets_of_several_sizes_lie_on_one_map():
    sets = {"a": np.array([[0.0, 1.0]]), "b": np.array([[2.0, 3.0], [4.0, 5.0]])}
    found = latent_scores.mapped_together(np.zeros((5, 2)), sets)
    assert {name: places.tolist() for name, places in found.items()} == {"a": [[0, 1]], "b": [[2, 3], [4, 5]]}


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
    assert latent_scores.neighbours(known, np.array([[3.2]]), 3).tolist() == [[3, 4, 2]]
    lonely = latent_scores.loneliness(known, np.array([[5.0], [90.0]]), k=2)
    assert lonely == pytest.approx([0.5, 71.5])


def test_standardised_features_have_a_variance_of_one_in_all():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, (900, 4)), rng.normal(8, 3, (900, 4))
    a, b = latent_scores.standardised(train, test)
    assert a.var(axis=0).sum() == pytest.approx(1) and a.mean() == pytest.approx(0, abs=1e-9)
    assert b.mean(axis=0) == pytest.approx(np.full(4, 0.5), abs=0.1)  # three over three, over the root of four


def test_frechet_distance_of_gaussians():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (40000, 3)), rng.normal(0, 1, (40000, 3)) * [1, 2, 1] + [2, 0, 0]
    assert latent_scores.frechet_distance(a, b) == pytest.approx(4 + 1, rel=0.03)  # |shift|^2 + (2 - 1)^2
    assert latent_scores.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_two_small_samples_of_one_population_is_not_zero():
    rng = np.random.default_rng(0)
    n, d = 400, 64
    found = latent_scores.frechet_distance(rng.normal(size=(n, d)), rng.normal(size=(n, d)))
    assert found == pytest.approx(d**2 / (2 * n) + 2 * d / n, rel=0.1)


def test_mmd_is_unbiased_and_sees_a_shift():
    rng = np.random.default_rng(0)
    same = [latent_scores.mmd(rng.normal(size=(60, 4)), rng.normal(size=(60, 4))) for _ in range(40)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(40)
    assert latent_scores.mmd(rng.normal(size=(60, 4)), rng.normal(1, 1, size=(60, 4))) > 10 * np.std(same)


def test_two_samples_of_one_population_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 5)), rng.normal(size=(400, 5))
    found = latent_scores.told_apart(a, b)
    assert found[["linear", "neighbours", "boosting"]].between(0.42, 0.58).all()
    assert latent_scores.told_apart(a, b + 3).highest > 0.95


def test_told_apart_sees_what_a_straight_border_does_not():
    rng = np.random.default_rng(0)
    found = latent_scores.told_apart(rng.normal(size=(400, 3)), 3 * rng.normal(size=(400, 3)))
    assert found.linear < 0.6 < 0.75 < found.boosting


def test_maps_of_two_dimensions_are_their_own():
    points = plain(np.zeros((5, 2)), np.ones((4, 2)))
    assert isinstance(points, Represented) and points.test_map is points.test
