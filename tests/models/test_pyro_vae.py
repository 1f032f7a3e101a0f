"""lib.models.pyro_vae: small pictures, trainings that repeat and stay apart, and the traps of pyroVED."""

import matplotlib.pyplot as plt
import numpy as np
import pyro
import pytest
import torch

from lib.models import pyro_vae
from lib.models.pyro_vae import PyroVae, decode, latents, manifold, pyroved, small_pictures, train

Y, X = np.mgrid[:90, :120]
DISC = (np.hypot(X - 50, Y - 40) <= 25).astype(np.uint8)
BAR = ((abs(X - 60) <= 40) & (abs(Y - 45) <= 4)).astype(np.uint8)
FEW = {"epochs": 3, "batch": 10, "width": 16}


@pytest.fixture(scope="module")
def images():
    """Twenty discs and twenty bars of several sizes, off the middle."""
    rng = np.random.default_rng(3)
    return small_pictures([DISC] * 20 + [BAR] * 20, rng.uniform(0.6, 0.8, 40), rng.integers(-2, 3, (40, 2)))


@pytest.fixture(scope="module")
def plain(images):
    return train(images, epochs=60, batch=10, rate=5e-3, width=32)


def equal(a: PyroVae, b: PyroVae) -> bool:
    """Whether two autoencoders have the same weights, bit for bit."""
    return all(torch.equal(p, q) for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True))


# --- small pictures -----------------------------------------------------------------------------------------------------


def test_a_disc_keeps_its_area_and_lies_in_the_middle():
    (picture,) = small_pictures([DISC], fill=0.8)
    assert picture.shape == (28, 28) and picture.dtype == np.float32 and 0 <= picture.min() < picture.max() == 1
    assert picture.sum() == pytest.approx(DISC.sum() * (0.8 * 28 / 51) ** 2, rel=0.01)  # the disc is 51 pixels wide
    row, column = (np.arange(28) @ picture.sum(axis=axis) / picture.sum() for axis in (1, 0))
    assert row == pytest.approx(13.5, abs=0.1) and column == pytest.approx(13.5, abs=0.1)


def test_pictures_are_moved_to_the_right_and_down_and_holes_are_filled():
    still, moved = small_pictures([BAR, BAR], fill=0.7, moves=np.array([(0, 0), (3, 1)]))
    assert np.array_equal(moved, np.roll(still, (1, 3), axis=(0, 1))) and not np.array_equal(moved, still)
    hollow = np.where(np.hypot(X - 50, Y - 40) <= 8, 0, DISC)
    assert np.array_equal(small_pictures([hollow]), small_pictures([DISC]))


def test_squaring_undoes_a_stretch_along_the_rows():
    ellipse = (np.hypot((X - 60) / 2, Y - 45) <= 20).astype(np.uint8)
    circle = (np.hypot(X - 60, Y - 45) <= 20).astype(np.uint8)
    as_recorded, squared, expected = (
        small_pictures([mask], square=on)[0] for mask, on in [(ellipse, 0), (ellipse, 1), (circle, 0)]
    )
    assert abs(squared - expected).mean() < 0.01 < 0.1 < abs(as_recorded - expected).mean()


def test_particles_must_stay_inside_their_picture():
    with pytest.raises(ValueError, match="would reach 14.2 pixels"):
        small_pictures([DISC], fill=0.8, moves=(0, 3))
    with pytest.raises(ValueError, match="empty mask"):
        small_pictures([DISC, 0 * DISC], square=True)


# --- training -----------------------------------------------------------------------------------------------------------


def test_classes_come_apart_and_are_drawn_again(images, plain):
    content = latents(plain, images)
    assert content.shape == (40, 2) and plain.losses.shape == (60,) and plain.losses[-1] < plain.losses[0] / 3
    between = np.linalg.norm(content[:20].mean(0) - content[20:].mean(0))
    assert between > 2 * max(content[:20].std(), content[20:].std()) / 2**0.5
    again = decode(plain, content)
    assert again.shape == images.shape
    assert abs(again - images).mean() < abs(images.mean(axis=0) - images).mean() / 2


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(images):
    first, second, other = train(images, **FEW), train(images, **FEW), train(images, **FEW, seed=1)
    assert equal(first, second) and np.array_equal(first.losses, second.losses) and first.loss == second.loss
    assert not equal(first, other) and first.loss != other.loss


def test_nothing_outside_is_touched(images):
    pyro.get_param_store().clear()
    weight = pyro.param("decoder$$$mine", torch.ones(2))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit = train(images, **FEW)
    latents(fit, images)
    assert torch.equal(torch.rand(3), expected)
    assert list(pyro.get_param_store()) == ["decoder$$$mine"] and torch.equal(pyro.param("decoder$$$mine"), weight)
    pyro.get_param_store().clear()


def test_pyroved_own_parameter_store_does_not_train_the_second_of_two_models(images):
    """Why each training has a store of its own: should this fail, pyroVED has mended it."""
    with pyro.get_param_store().scope(), torch.random.fork_rng():
        loader = pyroved.utils.init_dataloader(torch.as_tensor(images), batch_size=10)
        models = [pyroved.models.iVAE((28, 28), seed=seed, device="cpu") for seed in (0, 1)]
        trainers = [pyroved.trainers.SVItrainer(model, device="cpu") for model in models]
        before = [[p.clone() for p in model.parameters()] for model in models]
        for trainer in trainers:
            trainer.step(loader)
        kept = [all(map(torch.equal, model.parameters(), old)) for model, old in zip(models, before, strict=True)]
    assert kept == [False, True]


def test_the_loss_is_found_without_learning(images, plain):
    before = [p.clone() for p in plain.model.parameters()]
    with pyro.get_param_store().scope():
        losses = [pyro_vae._loss(plain.model, torch.as_tensor(images)) for _ in range(3)]
    assert all(map(torch.equal, before, plain.model.parameters()))
    assert plain.loss == pytest.approx(np.mean(losses), rel=0.05) and plain.loss < plain.losses[0]


def test_pictures_stay_on_the_device_of_the_model(images, plain, monkeypatch):
    expected = latents(plain, images)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # with which pyroVED's own encode fails here
    assert np.array_equal(latents(plain, images), expected)


# --- invariance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("invariances", "pose"), [("r", 1), ("t", 2), ("rt", 3), ("rts", 4)])
def test_pose_and_content_are_told_apart(images, invariances, pose):
    fit = train(images[::8], invariances=tuple(invariances), epochs=1, width=4)
    assert fit.model.z_dim == pose + 2
    mean, _ = fit.model.encode(torch.as_tensor(images[:7]))
    content = latents(fit, images[:7])
    assert np.array_equal(content, mean[:, pose:]) and np.array_equal(content, fit.model.split_latent(mean)[-1])
    assert decode(fit, content).shape == (7, 28, 28)


def test_the_decoder_moves_the_picture():
    """Of one disc in many places, the pose tells the place and nothing is left for the content to tell."""
    moves = np.random.default_rng(1).integers(-3, 4, (60, 2))
    images = small_pictures([DISC] * 60, 0.5, moves, size=20)
    fit = train(images, latent_dim=1, invariances=("t",), epochs=60, batch=10, rate=5e-3, width=16)
    pose = fit.model.encode(torch.as_tensor(images))[0][:, :2].numpy()
    told = [abs(np.corrcoef(pose[:, axis], moves[:, 1 - axis])[0, 1]) for axis in (0, 1)]  # rows come first
    assert min(told) > 0.95
    assert latents(fit, images).std() < 0.2 * pose.std()


def test_scale_must_be_named_as_pyroved_tests_for_it(images):
    with pytest.raises(ValueError, match="expected some of r, t, s, got sc"):
        train(images, invariances=("sc",))


# --- the manifold, and what is refused ----------------------------------------------------------------------------------


def test_a_manifold_is_drawn_where_the_pictures_lie_and_not_shown(images, plain, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure was shown"))
    drawn = manifold(plain, images, steps=5)
    low, high = np.percentile(latents(plain, images), [1, 99], axis=0)
    assert drawn.pictures.shape == (5, 5, 28, 28)
    assert drawn.first[[0, -1]] == pytest.approx([low[0], high[0]]) and drawn.second[[0, -1]] == pytest.approx([low[1], high[1]])
    assert np.allclose(drawn.pictures[4, 1], decode(plain, [[drawn.first[1], drawn.second[4]]])[0], atol=1e-6)


def test_wrong_pictures_and_contents_are_refused(images, plain):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        train(255 * images)
    with pytest.raises(ValueError, match="expected shape"):
        latents(plain, images[0])
    with pytest.raises(ValueError, match=r"expected shape \(m, 2\)"):
        decode(plain, np.zeros((3, 4)))


def test_a_training_that_runs_away_says_so(images):
    with pytest.raises(RuntimeError, match="a lower rate"):
        train(images, epochs=40, batch=10, rate=1e6, width=8)
