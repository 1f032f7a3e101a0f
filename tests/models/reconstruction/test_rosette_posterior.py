"""lib.models.reconstruction.rosette_posterior: the prior is that of the model, steps reach the picture, weights are as said."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from lib.core.seeds import generator
from lib.crystals.rosette import ROSETTE_MODELS
from lib.datasets.voxel_scenes import ANGLES, scenes
from lib.datasets.voxels import occupancy
from lib.evaluation.shape_scores import iou
from lib.imaging.draw.rasteriser import coverage
from lib.imaging.draw.silhouette import CAMERA
from lib.models.reconstruction import rosette_posterior as posterior
from lib.models.reconstruction.rosette_posterior import Settings, Stage

SETTINGS = Settings(n_prior=1500, n_starts=12, n_modes=4, per_mode=6, levels=4)


@pytest.fixture(scope="module")
def crystals():
    return posterior.prior(700, np.random.default_rng(0))


def voxels(some):
    return occupancy(some.rosettes(), some.orientations)


def test_the_prior_is_the_model(crystals):
    model, found = ROSETTE_MODELS["2025"], crystals.rosettes()
    assert set(crystals.n_bullets.tolist()) == set(model.bullets)
    for values, limits in ((found.basal, model.width), (found.prism[:, :1] / 2, None)):
        values = values[:, :1].numpy().ravel()
        if limits:
            assert kstest((values - limits[0]) / (limits[1] - limits[0]), "uniform").pvalue > 0.001
        assert values.min() > 0.8
    cap = torch.tensor([np.radians(model.cap_deg(int(n))) for n in crystals.n_bullets])
    code = torch.stack([torch.from_numpy(model.directions(int(n))[0]) for n in crystals.n_bullets])
    share = (1 - (code * found.directions[:, 0]).sum(1)) / (1 - cap.cos())  # of the cap's area nearer to its middle
    assert kstest(share.numpy(), "uniform").pvalue > 0.001


def test_pictures_are_exact(crystals):
    some = crystals[:20]
    exact = coverage(some.rosettes(), some.orientations, ANGLES, 64).coverage / 4
    assert (some.pictures(ANGLES) - exact).abs().mean() < 1e-4
    assert torch.allclose(some.pictures(ANGLES, 32).mean((-1, -2)), exact.mean((-1, -2)), atol=1e-3)


@pytest.mark.parametrize("n", ROSETTE_MODELS["2025"].bullets)
def test_mirror_images_are_of_the_model_and_all_depths_exchanged(crystals, n):
    some = crystals[crystals.n_bullets == n][:8]
    mirrored = posterior.mirror_in_depth(some)

    def tips(of):
        """Ends of the bullets as seen in the picture: right, up, to the eye."""
        rosettes = of.rosettes()
        ends = rosettes.directions * (rosettes.tip + rosettes.pyramid + rosettes.prism)[..., None]
        return (ends @ of.orientations.mT @ torch.from_numpy(CAMERA).T)[:, :n]

    distance = torch.cdist(tips(mirrored), tips(some) * torch.tensor([1.0, 1.0, -1.0]))
    assert distance.amin(2).max() < 1e-6
    assert torch.linalg.det(mirrored.orientations).numpy() == pytest.approx(np.ones(len(some)))


def test_steps_lead_from_nearby_to_the_picture(crystals):
    true = crystals[crystals.n_bullets == 5][:1]
    near = true.move(0.1 * torch.from_numpy(np.random.default_rng(1).normal(size=(1, posterior.TURN + posterior.ROW))))
    wanted = true.pictures(ANGLES)[0]
    before = float((near.pictures(ANGLES)[0] - wanted).square().sum())
    found = posterior.refine(near, wanted, ANGLES, Stage(1, 64, (0.1,) * 10))
    assert float(found.energy[0]) < 0.05 * before
    assert float(iou(voxels(found.crystals), voxels(true))[0]) > float(iou(voxels(near), voxels(true))[0])
    assert torch.linalg.eigvalsh(posterior.precision(found.crystals, ANGLES, 0.1)[0]).min() > 0


def test_samples_of_two_views_are_near_the_truth_and_their_weights_add_up():
    some = scenes(4, 5)
    found = posterior.posteriors(some.pictures.float() / 4, ANGLES, SETTINGS, seed=0)
    best = torch.cat([voxels(one.crystals[one.best : one.best + 1]) for one in found])
    drawn = posterior.prior(4, generator(0, "any"))
    assert iou(best, some.voxels).mean() > 2 * iou(voxels(drawn), some.voxels).mean()
    for one in found:
        assert len(one.crystals) == 4 * 6
        assert float(one.weight.sum()) == pytest.approx(1)
        assert 1 <= one.effective_size <= 24
        assert one.best == int(one.weight.argmax())
        assert one.agreement[one.best] > 0.6


def test_one_view_has_modes_and_their_mirror_images_and_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    some = scenes(2, 6)
    first = posterior.scene_posteriors(some, 1, SETTINGS)
    again = posterior.scene_posteriors(some, 1, SETTINGS)
    assert len(list(tmp_path.glob("rosette-posteriors-*/samples.safetensors"))) == 1
    for one, other in zip(first, again, strict=True):
        assert set(one.mode.tolist()) == set(range(4))
        assert torch.equal(one.log_weight, other.log_weight)
        assert torch.equal(one.crystals.orientations, other.crystals.orientations)
