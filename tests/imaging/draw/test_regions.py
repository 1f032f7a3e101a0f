"""lib.imaging.draw.regions: parts of a rosette in its picture, against crystals whose parts are known."""

import cv2
import numpy as np
import pytest

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import Rosette, sample
from lib.imaging.draw import regions as drawn
from lib.imaging.draw.silhouette import CAMERA, silhouettes

SIZE = 128
TIP, NOTCH, SIDE, CENTRE, OVERLAP, BULLET, BACKGROUND = range(len(drawn.REGIONS))


def rosette(*directions, length=100.0, basal=12.0):
    """Bullets of equal length in the directions (n, 3) as the camera sees them: right, up, towards the eye."""
    axes = np.array(directions, float)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    ones = np.ones(len(axes))
    lengths = basal * ones, length * ones, 10 * ones, 5 * ones
    return Rosette({}, 10.0, axes @ CAMERA, *lengths, 0 * ones, 0 * ones)


@pytest.fixture(scope="module")
def crystals():
    return list(zip(sample(14, seed=3), random_orientations(14, seed=3), strict=True))


def test_pictures_without_a_bullet_and_bullets_alone_make_up_the_picture(crystals):
    for crystal, turn in crystals:
        whole = silhouettes(crystal.solid(), turn[None], size=SIZE).coverage[0, 0]
        alone, without = drawn.bullets_alone(crystal, turn, SIZE), drawn.bullet_removed(crystal, turn, SIZE)
        assert len(alone) == len(without) == crystal.n_bullets
        for bullet, rest in zip(alone, without, strict=True):
            assert (np.maximum(bullet, rest) <= whole).all()
            assert (bullet.astype(int) + rest >= whole).all()  # each sub-sample is in one of them


def test_every_region_is_on_its_side_of_the_outline(crystals):
    for crystal, turn in crystals:
        covered = silhouettes(crystal.solid(), turn[None], size=SIZE).coverage[0, 0] >= 2
        found = drawn.regions(crystal, turn, SIZE)
        assert not covered[found == BACKGROUND].any()
        assert covered[np.isin(found, (CENTRE, OVERLAP, BULLET))].all()
        several = (drawn.bullets_alone(crystal, turn, SIZE) >= 2).sum(axis=0)
        assert (several[found == OVERLAP] > 1).all() and (several[found == BULLET] <= 1).all()


def test_four_bullets_in_the_plane_of_the_picture_have_four_tips_and_four_notches():
    found = drawn.regions(rosette((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)), np.eye(3), SIZE)
    for region in (TIP, NOTCH):
        assert cv2.connectedComponents((found == region).astype(np.uint8))[0] - 1 == 4
    rows, columns = np.nonzero(found == TIP)
    distance = np.hypot(rows - SIZE / 2 + 0.5, columns - SIZE / 2 + 0.5)
    assert distance.min() > 0.8 * distance.max()
    rows, columns = np.nonzero(found == NOTCH)
    assert np.hypot(rows - SIZE / 2 + 0.5, columns - SIZE / 2 + 0.5).max() < 0.25 * distance.max()
    assert not (found == OVERLAP).any()  # they meet in the centre alone


def test_a_narrow_bullet_behind_another_overlaps_it_and_has_no_tip():
    alone = drawn.regions(rosette((1, 0, 0), (-1, 0.2, 0)), np.eye(3), SIZE)
    behind = drawn.regions(rosette((1, 0, 0), (-1, 0.2, 0), (0.9, 0, 0.5), basal=np.array([12, 12, 6])), np.eye(3), SIZE)
    assert not (alone == OVERLAP).any()
    assert (behind == OVERLAP).sum() > 100
    assert (behind == TIP).sum() == pytest.approx((alone == TIP).sum(), rel=0.1)  # the frame changes with the third bullet


def test_a_basal_end_is_no_longer_than_its_bullet():
    crystal = rosette((1, 0, 0), (0, 0, 1), length=30)
    short, whole = (np.linalg.norm(np.ptp(drawn.basal_ends(crystal, depth), axis=1), axis=1) for depth in (5.0, 1e9))
    assert (short < whole).all()
    along = drawn.basal_ends(crystal, 1e9)[0] @ crystal.directions[0]
    assert np.ptp(along) == pytest.approx(30)
    assert along.max() == pytest.approx(5 + 10 + 30)
