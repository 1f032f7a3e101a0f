"""lib.studies.shape_posterior: what is kept of pictures, and scores against closed forms."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm

from lib.datasets.rosettes import Views, rosette_views
from lib.datasets.voxel_scenes import scenes
from lib.models.reconstruction.rosette_posterior import Samples, Settings, prior
from lib.models.shape_model import Recipe, ShapeModel
from lib.studies import shape_posterior as study
from lib.studies.shape_posterior import Observed

SIZE = 32


@pytest.fixture(scope="module")
def observed():
    data = rosette_views(Views(35, 1, (0.0,), seed=4, size=SIZE, pictures=False), "synchronous")
    model = ShapeModel(Recipe("polar", settings={"width": 8}), SIZE, study.BULLETS).eval()
    return study.observe(data, model.standardise(torch.rand(9, 2) + 0.1), 3, SIZE, seed=1)


def made(n, error=0.1):
    """Crystals whose answers have normal errors of a known size in each of four views."""
    rng = np.random.default_rng(0)
    truth = pd.DataFrame({"rho_e": np.full(n, 0.1), "a_e": np.full(n, 2.0), "n_bullets": rng.integers(4, 11, n)})
    logs = np.log(truth[["rho_e", "a_e"]].to_numpy())[:, None] + rng.normal(size=(n, 4, 2)) * error
    return Observed(truth, np.zeros((n, 4, 1)), np.concatenate([logs, np.full((n, 4, 7), 1 / 7)], axis=2))


def test_every_view_of_every_crystal_is_kept(observed):
    assert observed.answers.shape == (35, 3, 9) and observed.features.shape[:2] == (35, 3)
    assert observed.answers[..., 2:].sum(axis=-1) == pytest.approx(np.ones((35, 3)))
    assert (observed.answers[:, 0] != observed.answers[:, 1]).any()  # views differ
    assert observed.seen.labels.max() == 6
    assert observed.predicted().table.rho_e.to_numpy() == pytest.approx(np.exp(observed.answers[:, 0, 0]))


def test_a_gaussian_knows_its_errors():
    crystals = made(4000)
    density = study.Gaussian.fit(crystals, 4)
    assert np.sqrt(np.diag(density.covariance)) == pytest.approx([0.05, 0.05], rel=0.05)  # of the mean of four
    entropy = np.log(7) + 2 * (0.5 * np.log(2 * np.pi * np.e) + np.log(0.05))
    assert density.log_density(crystals, 4).mean() == pytest.approx(-entropy, abs=0.05)
    table = study.interval_table(density.intervals(crystals, 4, 0.9), study.true_values(crystals), 0.9)
    assert table.coverage.to_numpy(float) == pytest.approx([0.9, 0.9], abs=0.02)
    assert np.log(table.width.to_numpy(float)) == pytest.approx(2 * norm.ppf(0.95) * 0.05, rel=0.05)


def test_calibration_is_told_for_each_quantity_and_for_all():
    rng = np.random.default_rng(1)
    true, drawn = rng.normal(size=(400, 3)), rng.normal(size=(400, 99, 3))
    table = study.calibration_table(drawn, true)
    assert list(table.index) == ["rho_e", "a_e", "n_bullets", "joint"]
    assert (table.p > 0.001).all()
    assert (study.calibration_table(0.4 * drawn, true).p < 0.001).all()


def test_scores_are_those_of_the_sample_with_the_largest_weight():
    shapes = scenes(1, 3)
    crystals = prior(3, np.random.default_rng(2))
    weight = torch.tensor([0.2, 0.7, 0.1], dtype=torch.float64)
    samples = Samples(crystals, weight.log(), torch.zeros(3), torch.tensor([0.1, 0.2, 0.3]), torch.arange(3))
    table = study.sample_table(samples, shapes.voxels[0])
    row = study.sample_scores(table)
    assert row.iou == pytest.approx(table.iou[1])
    assert row.iou_mirrored == pytest.approx(max(table.iou[1], table.iou_mirrored_truth[1]))
    assert row.iou_expected == pytest.approx(table.iou @ table.weight)
    assert row.agreement == pytest.approx(0.2) and row.effective_size == pytest.approx(1 / 0.54)
    nearer = table.iou_mirrored_truth > table.iou
    assert study.mirrored_weight(table) == pytest.approx(table.weight[nearer].sum())


def test_lookalikes_are_one_of_each_mode_the_best_first():
    shapes = scenes(1, 3)
    settings = Settings(n_prior=1000, n_starts=8, n_modes=8, per_mode=2, levels=2)
    found = study.lookalikes(shapes.pictures[0, :1] / 4, (0.0,), settings, 5, seed=0)
    assert len(found.crystals) == 5
    assert (np.diff(found.agreement) <= 0).all() and found.agreement[0] > 0.7
