"""lib.imaging.draw.stack: many solids in one call give the pictures that each gives alone."""

import numpy as np
import pytest

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid
from lib.imaging.draw.silhouette import silhouettes
from lib.imaging.draw.stack import Stack

ANGLES = (0.0, 90.0, 120.0)


@pytest.fixture(scope="module")
def solids():
    cube = np.array([(x, y, z) for x in (0, 30) for y in (0, 20) for z in (0, 10)], float)
    spheres = np.array([[0, 0, 0, 5.0], [40, 0, 0, 9.0]])
    return [*(crystal.solid() for crystal in sample(21, seed=4)), Solid((cube,)), Solid((), (), spheres)]


def test_pictures_are_those_of_the_single_solids(solids):
    rows = np.array([3, 22, 0, 21, 3])
    turns = random_orientations(len(rows), seed=1)
    found = Stack(solids).silhouettes(rows, turns, ANGLES, size=48)
    assert found.coverage.shape == (5, 3, 48, 48)
    for i, row in enumerate(rows):
        alone = silhouettes(solids[row], turns[i : i + 1], ANGLES, size=48)
        assert np.array_equal(found.coverage[i], alone.coverage[0])
        assert found.pixel_um[i] == pytest.approx(alone.pixel_um[0])
        assert found.origin_px[i] == pytest.approx(alone.origin_px[0])


def test_bad_requests_are_told_in_a_sentence(solids):
    stack = Stack(solids)
    assert len(stack) == len(solids)
    with pytest.raises(ValueError, match="rows: expected some of 0 to 22"):
        stack.silhouettes(np.array([23]), random_orientations(1, 0))
    with pytest.raises(ValueError, match=r"orientations: expected \(2, 3, 3\)"):
        stack.silhouettes(np.array([0, 1]), random_orientations(1, 0))
    with pytest.raises(ValueError, match="at least one solid"):
        Stack([])


def test_rosettes_may_come_as_the_corners_of_their_bullets():
    crystals = [crystal.solid() for crystal in sample(9, seed=4)]
    corners, counts = np.concatenate([crystal.pieces for crystal in crystals]), [len(crystal.pieces) for crystal in crystals]
    ours = Stack.of_bullets(corners, np.array(counts), np.array([crystal.spheres[0, 3] for crystal in crystals]))
    for name, values in vars(Stack(crystals)).items():
        assert np.array_equal(getattr(ours, name), values) and getattr(ours, name).dtype == values.dtype
