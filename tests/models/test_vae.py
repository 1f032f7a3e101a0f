"""Variational autoencoders."""

import numpy as np
import pytest
import torch

from lib.datasets.batches import stored
from lib.models.inference import as_pictures
from lib.models.vae import Vae, VaeRecipe, decoded, encoded, halvings, translated, vae


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    return tmp_path


def bars(n, size=32, seed=0):
    """Pictures (n, size, size) uint8 of a bright bar each, at a random height, and the height."""
    height = np.random.default_rng(seed).integers(4, size - 8, n)
    pictures = np.zeros((n, size, size), np.uint8)
    for picture, y in zip(pictures, height, strict=True):
        picture[y : y + 5, 6:-6] = 200
    return pictures, height


@pytest.mark.parametrize(("size", "expected"), [(64, (4, 4)), (224, (5, 7)), (48, (3, 6)), (8, (1, 4))])
def test_sides_are_halved_down_to_a_few_pixels(size, expected):
    assert halvings(size) == expected


@pytest.mark.parametrize("size", [3, 7, 66])
def test_sides_that_cannot_be_halved(size):
    with pytest.raises(ValueError, match=f"4 to 7 times a power of two, got {size}"):
        halvings(size)


def test_the_layers_can_be_fewer():
    assert halvings(64, 3) == (3, 8) and halvings(64, 9) == (4, 4)
    model = Vae(VaeRecipe(5, 64, 3, width=4, layers=3), steps=10)
    assert model.encoder[-1].in_features == 16 * 8 * 8
    assert "layers" not in VaeRecipe(5).described() and VaeRecipe(5, layers=3).described()["layers"] == 3


@pytest.mark.parametrize("architecture", ["conv", "resnet"])
@pytest.mark.parametrize(("size", "channels"), [(32, 1), (48, 3)])
def test_shapes(architecture, size, channels):
    model = Vae(VaeRecipe(5, size, channels, architecture, width=4), steps=10).eval()
    mean, log_variance = model.encode(torch.rand(3, channels, size, size))
    assert mean.shape == log_variance.shape == (3, 5)
    assert model.decode(mean).shape == (3, channels, size, size)


def test_the_divergence_is_that_of_gaussians():
    model = Vae(VaeRecipe(2, 32, width=4), steps=10)
    model.encode = lambda pictures: (torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, np.log(4.0)]], dtype=torch.float32))
    _, divergence = model.terms(torch.rand(1, 1, 32, 32))
    assert divergence.item() == pytest.approx(0.5 * (1 + 1 - 1 - 0) + 0.5 * (4 + 4 - 1 - np.log(4)))


def test_the_error_enters_with_its_most_likely_deviation():
    model = Vae(VaeRecipe(2, 32, width=4, beta=0.0), steps=10)
    model.terms = lambda pictures: (torch.tensor(0.04), torch.tensor(3.0))
    loss = model.loss(torch.rand(1, 1, 32, 32)).item()
    sigma = np.linspace(0.05, 1, 2000)
    likelihood = 0.5 * np.log(sigma**2) + 0.04 / (2 * sigma**2)
    assert loss == pytest.approx(likelihood.min() - 0.5, abs=1e-4)


def test_grey_levels_become_shares():
    assert as_pictures(torch.tensor([[[0, 255]]], dtype=torch.uint8)).tolist() == [[[[0.0, 1.0]]]]
    assert as_pictures(torch.full((2, 3, 4, 4), 7.0)).shape == (2, 3, 4, 4)


def test_it_learns_what_varies(cache):
    pictures, height = bars(600)
    held, held_height = bars(100, seed=1)
    recipe = VaeRecipe(2, 32, width=8, epochs=12, rate=4e-3)
    found = vae(recipe, {"bars": 600}, stored(pictures, 50), stored(held, 50).in_order)
    history = found.history
    assert len(history) == 12 and history.val_loss.iloc[-1] < history.val_loss.iloc[0]
    latents = encoded(found.model, stored(held, 50).in_order())
    restored = decoded(found.model, latents)[:, 0]
    rows = (restored * np.arange(32)[:, None]).sum((1, 2)) / restored.sum((1, 2))
    assert np.corrcoef(rows, held_height)[0, 1] > 0.95
    assert np.mean((restored - held / 255) ** 2) < 0.2 * np.var(held / 255)


def test_the_same_seed_gives_the_same_weights(cache, monkeypatch, tmp_path):
    pictures, _ = bars(60)
    recipe, weights = VaeRecipe(2, 32, width=4, epochs=2), []
    for name in ("a", "b"):
        monkeypatch.setattr("lib.core.paths.CACHE", tmp_path / name)
        weights.append(vae(recipe, {}, stored(pictures, 20), stored(pictures, 20).in_order).model.state_dict())
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


def test_an_unknown_architecture():
    with pytest.raises(ValueError, match="expected one of conv, resnet, got 'dense'"):
        Vae(VaeRecipe(2, architecture="dense"), steps=1)


def test_translation_moves_each_periodic_picture_by_its_own_step():
    torch.manual_seed(0)
    pictures = torch.arange(8.0).expand(40, 2, 3, 8)
    moved = translated(pictures)
    assert torch.equal(moved.sort(-1).values, pictures)
    assert torch.equal((moved - moved[..., :1]) % 8, pictures)  # the same order, from another start
    starts = moved[:, 0, 0, 0]
    assert len(starts.unique()) > 4 and torch.equal(moved[..., 0], starts[:, None, None].expand(40, 2, 3))


def test_translation_belongs_to_training(monkeypatch):
    model = Vae(VaeRecipe(2, 32, width=4, translation=True), steps=10)
    monkeypatch.setattr("lib.models.vae.translated", lambda pictures: pytest.fail("translated"))
    model.validation_step(torch.rand(2, 32, 32), 0)
    with pytest.raises(pytest.fail.Exception):
        model.training_step(torch.rand(2, 32, 32), 0)
    assert "translation" not in VaeRecipe(2).described()
