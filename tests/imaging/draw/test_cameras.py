"""lib.imaging.draw.cameras: directions that are spread evenly, and cameras that stand upright in them."""

import numpy as np
import pytest
from scipy.integrate import lebedev_rule

from lib.imaging.draw.cameras import lebedev_cameras


@pytest.mark.parametrize("n", [3, 7, 13])
def test_cameras_are_rotations(n):
    cameras = lebedev_cameras(n)
    assert cameras.shape == (n, 3, 3)
    assert cameras @ cameras.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), (n, 3, 3)), abs=1e-12)
    assert np.linalg.det(cameras) == pytest.approx(np.ones(n))


def test_no_two_look_along_the_same_line():
    eyes = lebedev_cameras(13)[:, 2]
    assert np.abs(eyes @ eyes.T - np.eye(13)).max() < 0.83  # 35 degrees between a corner and an edge


@pytest.mark.parametrize(("n", "order"), [(3, 3), (7, 5), (13, 7)])
def test_eyes_are_the_nodes_of_the_rule(n, order):
    eyes, nodes = lebedev_cameras(n)[:, 2], lebedev_rule(order)[0].T
    nearest = (nodes @ np.concatenate([eyes, -eyes]).T).max(axis=1)
    assert len(nodes) == 2 * n
    assert nearest == pytest.approx(np.ones(2 * n))


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="expected one of 3, 7, 13 directions, got 5"):
        lebedev_cameras(5)
