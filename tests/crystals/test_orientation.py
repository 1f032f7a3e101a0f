"""lib.crystals.orientation: uniform on SO(3), and the published turns that are not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from lib.crystals.orientation import published_orientations, random_orientations

N = 5000


@pytest.fixture(scope="module", params=[0, 5, [3, 2, 17]], ids=str)
def orientations(request):
    return random_orientations(N, request.param)


def angle_cdf(angle):
    """Distribution of the rotation angle [rad] of uniform rotations: density (1 - cos angle) / pi."""
    return (angle - np.sin(angle)) / np.pi


def angles(rotations):
    return np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1))


@pytest.mark.parametrize("draw", [random_orientations, published_orientations])
def test_rotation_matrices(draw):
    rotations = draw(200, 1)
    assert rotations.shape == (200, 3, 3)
    assert rotations @ rotations.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (200, 1, 1)), abs=1e-12)
    assert np.linalg.det(rotations) == pytest.approx(np.ones(200))


def test_turned_vectors_have_no_preferred_direction(orientations):
    vectors = Rotation.random(20, rng=9).as_matrix()[:, 0]
    mean = (orientations @ vectors.T).mean(axis=0)
    assert np.abs(mean).max() < 4.5 / (3 * N) ** 0.5  # each component has variance 1/3


def test_turned_axes_are_uniform_on_the_sphere(orientations):
    p = [kstest(orientations[:, i, j], "uniform", (-1, 2)).pvalue for i in range(3) for j in range(3)]
    assert min(p) > 0.001, p


def test_turned_axes_have_uniform_azimuth(orientations):
    azimuth = np.arctan2(orientations[:, 1, 2], orientations[:, 0, 2])
    assert kstest(azimuth, "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.001


def test_rotation_angles(orientations):
    assert kstest(angles(orientations), angle_cdf).pvalue > 0.01
    first = orientations[0].T  # a uniform rotation stays uniform after any fixed one
    assert kstest(angles(orientations @ first), angle_cdf).pvalue > 0.01


def test_published_orientations_are_not_uniform():
    turns = published_orientations(N, 0)
    height = turns[:, 2, 2]
    assert kstest(height, "uniform", (-1, 2)).pvalue < 1e-10
    assert kstest(angles(turns), angle_cdf).pvalue < 1e-3
    assert kstest(turns[:, 2, 0], lambda s: np.arcsin(np.clip(s, -1, 1)) / np.pi + 0.5).pvalue > 0.01  # sine of a uniform angle


def test_published_orientations_are_whole_degrees_about_x_y_z():
    turns = published_orientations(500, 0)
    degrees = Rotation.from_matrix(turns[np.abs(turns[:, 2, 0]) < 0.9999]).as_euler("xyz", degrees=True)
    assert degrees == pytest.approx(np.round(degrees), abs=1e-6)
    assert len(np.unique(np.round(degrees))) > 300


@pytest.mark.parametrize("draw", [random_orientations, published_orientations])
def test_the_seed_decides(draw):
    assert np.array_equal(draw(5, 1), draw(5, 1))
    assert np.array_equal(draw(5, [1, 2, 3]), draw(5, [1, 2, 3]))
    assert not np.isclose(draw(5, 1), draw(5, 2)).any(axis=(1, 2)).all()
    assert not np.array_equal(draw(5, [1, 2, 3]), draw(5, [1, 2, 4]))
