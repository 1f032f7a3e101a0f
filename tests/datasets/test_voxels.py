"""lib.datasets.voxels: against convex hulls and exact volumes."""

import numpy as np
import pytest
import torch

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import targets
from lib.datasets.voxels import coarse, fine, occupancy
from lib.imaging.draw.rasteriser import coverage, stack
from lib.imaging.draw.silhouette import CAMERA, boxes

N = 14


@pytest.fixture(scope="module")
def crystals():
    return sample(N, seed=6)


@pytest.fixture(scope="module")
def orientations():
    return torch.as_tensor(random_orientations(N, seed=5))


@pytest.fixture(scope="module")
def filled(crystals, orientations):
    return occupancy(stack(crystals, dtype=torch.float64), orientations)


# --- filling ------------------------------------------------------------------------------------------------------------


def test_voxels_hold_the_volume(crystals, orientations):
    batch = stack(crystals, dtype=torch.float64)
    volume = occupancy(batch, orientations, 64).sum((1, 2, 3)) * coverage(batch, orientations, size=64).pixel_um ** 3
    assert volume.numpy() == pytest.approx([targets(crystal.solid()).volume for crystal in crystals], rel=0.03)


def test_voxels_lie_behind_the_picture(crystals, orientations, filled):
    """Looked at along z, the filled voxels lie where the picture is covered; rows of a picture count downwards."""
    picture = coverage(stack(crystals, dtype=torch.float64), orientations, size=32).coverage[:, 0]
    shadow = filled.any(1).flip(1)
    assert filled.shape == (N, 32, 32, 32) and filled.dtype == torch.bool
    assert (picture[shadow] > 0).double().mean() > 0.999
    assert shadow[picture == 4].double().mean() > 0.85
    assert (picture[shadow.flip(1)] > 0).double().mean() < 0.8


def test_depth_is_counted_towards_the_eye(crystals, orientations):
    """The centre sphere, which is always filled, lies at the depth that the box of the turned crystal gives it."""
    filled = occupancy(stack(crystals, dtype=torch.float64), orientations, 64)
    offset = []
    for crystal, orientation, grid in zip(crystals, orientations.numpy(), filled, strict=True):
        centre, half_diagonal = boxes(crystal.solid(), orientation[None])
        position = -(CAMERA @ centre[0]) / (2 * half_diagonal[0])
        x, y, z = np.floor((position + 0.5) * 64).astype(int)
        assert crystal.sphere_um > 1.8 * half_diagonal[0] / 64  # so the voxel's centre lies in the sphere
        assert grid[z, y, x]
        offset.append(abs(position[2]) * 64)
    assert max(offset) > 3  # a depth counted the other way would show


def test_parts_are_filled_alike_alone(crystals, orientations, filled):
    alone = occupancy(stack(crystals[3:4], dtype=torch.float64), orientations[3:4])
    assert torch.equal(alone[0], filled[3])


def test_halving_and_doubling_of_the_resolution(filled):
    assert torch.equal(coarse(fine(filled)), filled)
    halved = coarse(filled)
    assert halved.shape == (N, 16, 16, 16)
    assert halved[2, 3, 4, 5] == (filled[2, 6:8, 8:10, 10:12].sum() >= 4)
    assert halved.float().mean().item() == pytest.approx(filled.float().mean().item(), rel=0.1)
