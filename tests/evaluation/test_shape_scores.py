"""lib.evaluation.shape_scores: overlaps and distances by hand, and what they must obey."""

import numpy as np
import pytest
import torch

from lib.datasets.polyhedra import polyhedra
from lib.datasets.polyhedra import surface_points as polyhedra_points
from lib.datasets.voxel_scenes import scenes
from lib.datasets.voxels import FINE, coarse, occupancy
from lib.evaluation.shape_scores import (
    Truth,
    best_threshold,
    chamfer,
    depth_mirrored,
    dispersion_score,
    fscore,
    fscore_at,
    iou,
    paired_bootstrap,
    reconstruction_scores,
    shape_scores,
    surface_distances,
    surface_points,
)


@pytest.fixture(scope="module")
def filled():
    return scenes(14, seed=11).voxels


def box(low, high, side=16):
    """Occupancy of the voxels from `low` to before `high`, the same along each axis."""
    grid = torch.zeros(side, side, side, dtype=torch.bool)
    grid[low:high, low:high, low:high] = True
    return grid


def test_overlap_of_boxes_by_hand():
    assert iou(box(4, 8), box(6, 10)).item() == pytest.approx(8 / (64 + 64 - 8))
    assert iou(box(4, 8), box(8, 12)) == 0
    assert iou(box(4, 8)[None].expand(3, -1, -1, -1), box(4, 8)).tolist() == [1, 1, 1]
    assert iou(box(0, 0), box(0, 0)) == 1 and iou(box(0, 0), box(4, 8)) == 0


def test_a_mirrored_crystal_has_the_same_shadow_and_another_shape(filled):
    mirrored = depth_mirrored(filled)
    assert torch.equal(mirrored.any(1), filled.any(1))
    assert iou(mirrored, filled).max() < 0.5 < iou(depth_mirrored(mirrored), filled).min()


def test_surface_of_a_box_by_hand():
    points = surface_points(box(4, 8).numpy())
    assert points.shape == (6 * 16, 3)
    assert (points.min(), points.max()) == (4 / 16, 8 / 16)
    assert len(surface_points(box(0, 16).numpy())) == 6 * 256  # also at the border of the cube


def test_fscore_of_shifted_boxes():
    first = box(4, 12).numpy()
    assert fscore(first, first) == 1
    shifted = np.roll(first, 1, axis=2)
    assert 0.5 < fscore(first, shifted, 0.02) < fscore(first, shifted, 1.01 / 16) == 1
    assert fscore(first, shifted) == fscore(shifted, first)
    assert fscore(first, box(0, 0).numpy()) == 0
    assert fscore(box(0, 3).numpy(), box(10, 13).numpy()) == 0


def test_scores_of_shapes(filled):
    assert (shape_scores(filled, filled) == 1).all().all()
    mirrored = shape_scores(depth_mirrored(filled), filled)
    assert (mirrored.iou_mirrored == 1).all() and mirrored.iou.max() < 0.5 and mirrored.fscore.max() < 0.8


def test_the_threshold_with_the_largest_overlap_is_found(filled):
    shape = filled[:5]
    noise = torch.rand(shape.shape, generator=torch.Generator().manual_seed(0))
    assert best_threshold(torch.where(shape, 0.62 + 0.1 * noise, 0.58 * noise), shape) == 0.6


# --- surfaces as points -------------------------------------------------------------------------------------------------


def test_distances_of_two_points_and_a_third_by_hand():
    distances = surface_distances(np.array([[0.0, 0, 0], [3.0, 0, 0]]), np.array([[0.0, 4, 0]]))
    assert distances.predicted.tolist() == [4, 5] and distances.true.tolist() == [4]
    assert chamfer(distances) == pytest.approx((4.5 + 4) / 2)
    assert fscore_at(distances, 4) == pytest.approx(2 * 0.5 * 1 / 1.5) and fscore_at(distances, 3.9) == 0


def test_an_empty_surface_is_infinitely_far():
    distances = surface_distances(np.empty((0, 3)), np.zeros((2, 3)))
    assert chamfer(distances) == np.inf and fscore_at(distances, 1) == 0


@pytest.fixture(scope="module")
def solids():
    """Fine voxels of seven crystals, and the truth about them."""
    crystals = scenes(7, seed=11)
    voxels = occupancy(crystals.rosettes, crystals.orientations, FINE)
    points = polyhedra_points(polyhedra(crystals.rosettes, crystals.orientations), 10_000, np.random.default_rng(0))
    return voxels, Truth(coarse(voxels), voxels, points)


def test_the_truth_has_the_best_scores_and_its_mirror_image_only_mirrored_ones(solids):
    voxels, truth = solids
    own, mirrored = reconstruction_scores(voxels, truth), reconstruction_scores(depth_mirrored(voxels), truth)
    assert (own[["iou", "iou_64"]] == 1).all(axis=None) and own.fscore.min() > 0.99 and own.fscore_1.min() > 0.9
    assert own.chamfer.max() < 0.006
    assert mirrored.iou.max() < 0.5 and mirrored.fscore.max() < 0.8 and mirrored.chamfer.min() > 0.01
    for score in ("iou", "iou_64", "fscore", "fscore_1", "chamfer"):
        assert mirrored[f"{score}_mirrored"].to_numpy() == pytest.approx(own[score].to_numpy(), abs=0.03)


def test_points_of_a_surface_stand_for_it_where_they_are_given(solids):
    voxels, truth = solids
    given = reconstruction_scores(voxels, truth, list(truth.points))
    assert (given[["fscore", "fscore_1"]] == 1).all(axis=None) and (given.chamfer == 0).all()
    moved = reconstruction_scores(voxels, truth, [points + (0.5, 0, 0) for points in truth.points])
    assert (moved.iou == 1).all() and (moved.fscore < 0.5).all()


# --- methods compared ---------------------------------------------------------------------------------------------------


def test_paired_differences_of_methods():
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 1, 200)  # crystals differ much more than the methods do
    found = paired_bootstrap(hard + 0.05 + rng.normal(0, 0.05, 200), hard)
    assert found.difference == pytest.approx(0.05, abs=0.012) and found.se == pytest.approx(0.05 / 200**0.5, rel=0.2)
    assert found.p < 0.001
    same = paired_bootstrap(hard + rng.normal(0, 0.05, 200), hard)
    assert same.p > 0.05 and paired_bootstrap(hard, hard).p == 1
    with pytest.raises(ValueError, match="scores: expected as many of both methods"):
        paired_bootstrap(hard, hard[:5])


def test_bootstrap_calls_equal_methods_different_as_often_as_it_says():
    rng = np.random.default_rng(1)
    p = [paired_bootstrap(rng.normal(size=60), rng.normal(size=60), 400).p for _ in range(200)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.07)


def test_dispersion_of_points_on_a_line_by_hand():
    at = np.array([0.0, 1, 2, 10, 11, 12])
    distances = np.abs(at[:, None] - at)
    assert dispersion_score(distances, 2) == pytest.approx(4 / 6)  # medoids at 1 and 11
    assert dispersion_score(distances, 6) == 0
    assert dispersion_score(distances, 1) == pytest.approx(min(distances.sum(1)) / 6)
    assert dispersion_score(np.zeros((3, 3)), 2) == 0
    with pytest.raises(ValueError, match="n_clusters: expected 1 to 6, the number of items, got 7"):
        dispersion_score(distances, 7)


def test_dispersed_items_score_more_than_clustered_ones():
    rng = np.random.default_rng(2)
    clustered = rng.normal(0, 0.1, (90, 2)) + rng.integers(0, 3, 90)[:, None] * 4
    dispersed = rng.uniform(-0.5, 8.5, (90, 2))
    scores = [dispersion_score(np.linalg.norm(some[:, None] - some, axis=-1), 3) for some in (clustered, dispersed)]
    assert scores[0] < 0.2 < 1 < scores[1]
