"""Self-supervised learning."""

import numpy as np
import pytest
import torch

from lib.datasets.batches import stored
from lib.models.self_supervision import Augmentation, Contrastive, ContrastiveRecipe, augmented, contrastive, features, nt_xent

NOTHING = Augmentation(scale=0, shift=0, holes=0)


def ellipses(n, share, size=32, seed=0):
    """Pictures (n, size, size) uint8 of ellipses in random directions, the short axis being `share` of the long."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angle = np.random.default_rng(seed).uniform(0, np.pi, n)[:, None, None]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (220 * (np.hypot(along, across / share) < 0.4 * size)).astype(np.uint8)


def test_the_loss_of_perfect_and_of_useless_vectors():
    n = 16
    perfect = torch.eye(n).repeat(2, 1)
    assert nt_xent(perfect, 0.01).item() == pytest.approx(0, abs=1e-3)
    assert nt_xent(torch.ones(2 * n, 4), 0.5).item() == pytest.approx(np.log(2 * n - 1))


def test_the_loss_looks_for_the_partner():
    vectors = torch.nn.functional.normalize(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    similarity = (vectors @ vectors.T / 0.3).exp()
    expected = 0
    for i in range(8):
        others = [k for k in range(8) if k != i]
        expected -= torch.log(similarity[i, (i + 4) % 8] / similarity[i, others].sum()) / 8
    assert nt_xent(vectors, 0.3).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_loss_is_taken_in_full_precision():
    torch.manual_seed(0)
    model, found = Contrastive(ContrastiveRecipe(NOTHING, width=8), steps=1), []
    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        patch.setattr("lib.models.self_supervision.nt_xent", lambda vectors, _: found.append(vectors @ vectors.T))
        model.loss(torch.from_numpy(ellipses(4, 0.5)))
    assert found[0].dtype == torch.float32


def test_turning_keeps_the_area_and_the_light():
    torch.manual_seed(0)
    pictures = torch.from_numpy(ellipses(20, 0.5))[:, None].float() / 255
    turned = augmented(pictures, NOTHING)
    assert turned.sum((1, 2, 3)) / pictures.sum((1, 2, 3)) == pytest.approx(np.ones(20), abs=0.03)
    assert (turned - pictures).abs().mean() > 0.01


@pytest.mark.parametrize("limits", [{"holes": 1.0}, {"light": 0.5, "noise": 0.1}, {"edges": 1.0}, {"scale": 0.4, "shift": 0.2}])
def test_augmented_pictures_stay_pictures(limits):
    torch.manual_seed(0)
    augmentation = Augmentation(**limits)
    pictures = torch.from_numpy(ellipses(30, 0.5))[:, None].float() / 255
    new = augmented(pictures, augmentation)
    assert new.shape == pictures.shape and 0 <= new.min() and new.max() <= 1
    assert (new[:, :, 0] == 0).float().mean() > 0.95  # the background stays black
    assert (augmented(pictures, augmentation) != new).any()


def test_holes_and_edges_change_their_share():
    torch.manual_seed(0)
    discs = torch.from_numpy(ellipses(400, 1.0))[:, None].float() / 255
    area = augmented(discs, Augmentation(scale=0, shift=0, holes=0.3)).sum((1, 2, 3)) / discs.sum((1, 2, 3))
    assert 0.15 < (area < 0.99).float().mean() < 0.35  # some squares miss the disc
    redrawn = augmented(discs, Augmentation(scale=0, shift=0, holes=0, edges=0.5)).amax((1, 2, 3))
    assert 0.4 < (redrawn > 0.95).float().mean() < 0.6  # redrawn silhouettes are white, the others 220/255


def test_shapes_are_told_apart_without_labels(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    shares = np.repeat([0.25, 0.5, 0.9], 80)
    pictures = np.concatenate([ellipses(80, share, seed=i) for i, share in enumerate((0.25, 0.5, 0.9))])
    order = np.random.default_rng(0).permutation(len(pictures))
    source = stored(pictures[order], 60)
    recipe = ContrastiveRecipe(Augmentation(holes=0), rings=12, angles=32, width=8, epochs=4)
    found = contrastive(recipe, {}, source, source.in_order)
    points = features(found.model, source.in_order())
    nearest = np.argsort(((points[:, None] - points) ** 2).sum(2), axis=1)[:, 1:6]
    assert (shares[order][nearest] == shares[order][:, None]).mean() > 0.95


def test_features_do_not_change_with_a_turn():
    torch.manual_seed(0)
    model = Contrastive(ContrastiveRecipe(width=8), steps=1).eval()
    picture = torch.from_numpy(ellipses(1, 0.4, 64))[:, None].float() / 255
    quarter = torch.rot90(picture, 1, (2, 3))
    other = torch.from_numpy(ellipses(1, 0.8, 64))[:, None].float() / 255
    here, turned, there = (model(x) for x in (picture, quarter, other))
    assert (here - turned).norm() < 0.02 * (here - there).norm()
