"""lib.evaluation.trajectories: distances of known trajectories, and tests that find what is there and nothing else."""

import itertools

import numpy as np
import pytest
from scipy.stats import wasserstein_distance_nd

from lib.evaluation.trajectories import (
    MEASURES,
    energy_distance,
    energy_test,
    p_value,
    paired_distances,
    pairs,
    trajectory_distances,
)

every_measure = pytest.mark.parametrize("measure", MEASURES)


@pytest.fixture
def walks():
    """Random walks (4 members, 6 times, 3 latents)."""
    return np.random.default_rng(0).normal(size=(4, 6, 3)).cumsum(axis=1)


@every_measure
def test_a_distance_is_zero_to_itself_symmetric_and_grows_with_scale(walks, measure):
    found = trajectory_distances(walks, walks, measure)
    assert np.diag(found) == pytest.approx(0, abs=1e-12) and (pairs(found) > 0).all()
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(trajectory_distances(3 * walks, 3 * walks, measure), 3 * found)


@every_measure
def test_parallel_lines_are_as_far_apart_as_they_are(measure):
    line = np.stack([np.linspace(0, 1, 9), np.zeros(9)], axis=1)[None]
    assert trajectory_distances(line, line + [0, 0.7], measure) == pytest.approx(0.7)


def alignments(rows, columns):
    """All ways from the first to the last pair of points that go on by one point of either or of both."""
    for moves in itertools.product([(0, 1), (1, 0), (1, 1)], repeat=rows + columns - 2):
        path = [(0, 0)]
        for down, right in moves:
            if path[-1] == (rows - 1, columns - 1):
                break
            path.append((path[-1][0] + down, path[-1][1] + right))
        if path[-1] == (rows - 1, columns - 1) and all(i < rows and j < columns for i, j in path):
            yield path


def test_warping_and_frechet_find_the_best_of_all_alignments():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(1, 3, 2)), rng.normal(size=(1, 4, 2))
    cost = np.linalg.norm(a[0][:, None] - b[0], axis=-1)
    paths = list(alignments(3, 4))
    longest = min(max(cost[cell] for cell in path) for path in paths)

    def weighted(path):
        steps = [(1, 1), *(np.subtract(after, before) for before, after in itertools.pairwise(path))]
        return sum(sum(step) * cost[cell] for step, cell in zip(steps, path, strict=True)) / 7

    assert trajectory_distances(a, b, "frechet") == pytest.approx(longest)
    assert trajectory_distances(a, b, "warping") == pytest.approx(min(map(weighted, paths)))


def test_wasserstein_is_that_of_scipy(walks):
    found = trajectory_distances(walks[:2], walks[2:], "wasserstein")
    assert found[0, 1] == pytest.approx(wasserstein_distance_nd(walks[0], walks[3]))


def test_a_late_trajectory_is_far_at_equal_times_and_near_when_warped():
    x = np.linspace(0, 1, 21)
    early, late = (np.stack([x**power, x ** (2 * power)], axis=1)[None] for power in (1, 2))
    assert trajectory_distances(early, late, "warping") < 0.3 * trajectory_distances(early, late, "synchronous")


@every_measure
def test_paired_distances_are_the_diagonal(walks, measure):
    others = walks[::-1] + 1
    assert paired_distances(walks, others, measure) == pytest.approx(trajectory_distances(walks, others, measure).diagonal())
    with pytest.raises(ValueError):
        paired_distances(walks, others[1:], measure)


def test_what_cannot_be_compared_is_said(walks):
    with pytest.raises(ValueError, match="expected one of synchronous, warping, frechet, wasserstein, got 'fastest'"):
        trajectory_distances(walks, walks, "fastest")
    with pytest.raises(ValueError, match="3 and 2 dimensions"):
        trajectory_distances(walks, walks[..., :2])
    with pytest.raises(ValueError, match="equally many times, got 6 and 5"):
        trajectory_distances(walks, walks[:, :5], "wasserstein")
    assert trajectory_distances(walks, walks[:, :5], "frechet").shape == (4, 4)


def test_p_values_are_ranks():
    null = np.arange(99)
    assert p_value(1000, null) == 0.01 and p_value(-1, null) == 1.0 and p_value(50, null) == 0.5
    assert p_value(np.array([[1000], [50]]), null).tolist() == [[0.01], [0.5]]


def groups(shift, n=12, seed=0):
    """Distances among two groups of `n` trajectories, the second moved by `shift`, and which are of the first."""
    rng = np.random.default_rng(seed)
    members = rng.normal(size=(2 * n, 5, 2))
    members[n:] += shift
    return trajectory_distances(members, members, "synchronous"), np.arange(2 * n) < n


def test_groups_that_differ_are_told_apart_and_others_are_not():
    apart = energy_test(*groups(1.0))
    assert apart.p == 0.001 and apart.distance > 3 * apart.null.std()
    chance = [energy_test(*groups(0.0, seed=seed), n_shuffles=99).p for seed in range(40)]
    assert np.mean(np.array(chance) < 0.1) < 0.25 and np.mean(chance) == pytest.approx(0.5, abs=0.15)
    assert apart.null.mean() == pytest.approx(0, abs=0.02)


def test_one_stranger_among_many():
    members = np.random.default_rng(2).normal(size=(40, 5, 2))
    members[7] += 3
    matrix = trajectory_distances(members, members)
    assert energy_test(matrix, np.arange(40) == 7).p == pytest.approx(1 / 40, abs=0.02)
    assert energy_test(matrix, np.arange(40) == 8).p > 0.1


def test_the_energy_distance_of_two_points_is_twice_their_distance():
    matrix = np.array([[0.0, 3.0], [3.0, 0.0]])
    assert energy_distance(matrix, np.array([True, False])) == 6.0
    with pytest.raises(ValueError, match="both groups need members, got 2 of 2"):
        energy_test(matrix, [True, True])
