"""lib.models.reconstruction.visual_hull: against bodies whose hulls are known, and what every hull must obey."""

import numpy as np
import pytest
import torch

from lib.datasets.voxel_scenes import ANGLES, scenes
from lib.imaging.draw.cameras import lebedev_cameras
from lib.imaging.draw.silhouette import cameras
from lib.models.reconstruction.visual_hull import hull_targets, visual_hull

SIZE, SIDE = 64, 32


@pytest.fixture(scope="module")
def crystals():
    return scenes(6, seed=3)


def disc(radius):
    """Picture (1, 1, SIZE, SIZE) of a disc whose radius is a share of the picture's side."""
    x = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    return torch.from_numpy(4 * (np.hypot(x, x[:, None]) <= radius).astype(np.uint8))[None, None]


def test_one_view_leaves_a_column_along_the_line_of_sight():
    hull = visual_hull(disc(0.3), np.eye(3)[None], SIDE)[0]
    assert (hull == hull[:1]).all()
    assert hull.float().mean() == pytest.approx(np.pi * 0.3**2, rel=0.02)


def test_two_views_of_a_sphere_leave_two_crossed_cylinders():
    views = np.stack([np.eye(3), np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])])
    hull = visual_hull(disc(0.3).expand(1, 2, SIZE, SIZE), views, 64)
    found = hull_targets(hull).iloc[0]
    assert found.volume == pytest.approx(16 / 3 * 0.3**3, rel=0.02)  # Archimedes
    assert found.a_e == pytest.approx(16 * 0.3**2 / (4 * np.pi * found.radius**2), rel=0.05)
    assert found.radius == pytest.approx(2**0.5 * 0.3, rel=0.03)


def test_a_picture_stands_where_its_camera_does():
    picture = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.uint8)
    picture[..., :16, 48:] = 4  # upper right
    hull = visual_hull(picture, np.eye(3)[None], 4)[0].numpy()
    assert hull[:, 3, 3].all() and hull.sum() == 4  # z, y, x: y up


def test_hulls_hold_the_crystal_and_shrink_to_it(crystals):
    views = lebedev_cameras(13)
    pictures = crystals.seen_from(views)
    hulls = [visual_hull(pictures[:, :n], views[:n], SIDE) for n in (1, 3, 7, 13)]
    for more, fewer in zip(hulls[1:], hulls, strict=False):
        assert not (more & ~fewer).any()
        assert more.sum() < fewer.sum()
    missed = (crystals.voxels & ~hulls[-1]).sum() / crystals.voxels.sum()
    assert missed < 0.12  # voxels whose centres lie in pixels that are less than half covered
    volumes = hull_targets(hulls[-1]).volume.to_numpy() / crystals.voxels.float().mean((1, 2, 3)).numpy()
    assert (volumes > 0.95).all() and (volumes < 1.5).all()


def test_the_views_of_a_scene_are_those_of_its_cameras(crystals):
    seen = crystals.seen_from(cameras(ANGLES) @ cameras(ANGLES[:1])[0].T)
    assert (seen == crystals.pictures).float().mean() > 0.999


def test_bullets_are_counted_where_they_stand_apart(crystals):
    views = lebedev_cameras(13)
    counted = hull_targets(visual_hull(crystals.seen_from(views), views, 64)).n_bullets
    assert (np.abs(counted - crystals.truth.n_bullets) <= 1).all()


def test_of_an_empty_hull_nothing_is_told():
    assert hull_targets(torch.zeros(1, 8, 8, 8, dtype=torch.bool)).isna().all(axis=None)


def test_as_many_pictures_as_cameras():
    with pytest.raises(ValueError, match=r"pictures: expected \(B, 2, S, S\), one for each view"):
        visual_hull(disc(0.3), np.stack([np.eye(3)] * 2))
