"""lib.evaluation.shape_scores: overlaps and distances by hand, and what they must obey."""

import numpy as np
import pytest
import torch

from lib.datasets.voxel_scenes import scenes
from lib.evaluation.shape_scores import best_threshold, depth_mirrored, fscore, iou, shape_scores, surface_points


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
