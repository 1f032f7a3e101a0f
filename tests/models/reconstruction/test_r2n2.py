"""lib.models.reconstruction: scenes, recognition, the network of voxels, and the parametric fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.core import paths
from lib.crystals.rosette import SPHERICAL_CODES
from lib.datasets.voxel_scenes import ANGLES, SIZE, Scenes, rosette_targets, scenes
from lib.datasets.voxels import occupancy
from lib.evaluation.shape_scores import iou
from lib.imaging.draw.rasteriser import coverage
from lib.models.reconstruction import parametric, recognition
from lib.models.reconstruction.parametric import Stage, agreement, built, fit, guesses
from lib.models.reconstruction.r2n2 import R2N2, SceneBatches, Settings, probabilities, trained_r2n2, voxel_loss

N = 14


@pytest.fixture(scope="module")
def unseen():
    return scenes(N, seed=12)


@pytest.fixture(scope="module")
def bank():
    return scenes(70, seed=12)


# --- scenes -------------------------------------------------------------------------------------------------------------


def test_scenes_are_the_same_for_the_same_seed_only(unseen):
    assert len(unseen) == N
    assert unseen.pictures.shape == (N, 2, SIZE, SIZE) and unseen.voxels.shape == (N, 32, 32, 32)
    again, other = scenes(N, seed=12), scenes(N, seed=13)
    assert torch.equal(again.pictures, unseen.pictures) and torch.equal(again.voxels, unseen.voxels)
    assert iou(other.voxels, unseen.voxels).max() < 0.6
    assert unseen.truth.n_bullets.tolist() == [4, 5, 6, 7, 8, 9, 10] * 2


# --- recognition --------------------------------------------------------------------------------------------------------


def test_known_crystals_are_recognised(bank):
    some = torch.tensor([3, 0, 41])
    assert recognition.nearest(bank.pictures[some], bank.pictures)[:, 0].tolist() == some.tolist()
    assert recognition.best_matches(bank.voxels[some], bank.voxels, step=16).tolist() == some.tolist()


def test_no_training_shape_is_better_than_the_oracles(unseen, bank):
    chosen = iou(bank.voxels[recognition.best_matches(unseen.voxels, bank.voxels)], unseen.voxels)
    for shape in bank.voxels:
        assert (iou(shape.expand_as(unseen.voxels), unseen.voxels) <= chosen).all()


def test_clusters_answer_with_means_of_training_shapes(bank):
    clusters = recognition.Clusters(bank.voxels, bank.pictures, n_clusters=5, seed=0)
    answer = clusters.mean_shapes(bank.pictures)
    assert answer.shape == bank.voxels.shape and len(clusters.means) <= 5
    assert 0 <= answer.min() < answer.max() <= 1
    overall = bank.voxels.float().mean(0)
    errors = [(guess - bank.voxels.float()).square().mean() for guess in (answer, overall)]
    assert errors[0] < errors[1]


# --- network ------------------------------------------------------------------------------------------------------------


def test_the_network_maps_any_number_of_views_to_voxels():
    torch.manual_seed(0)
    network = R2N2(channels=8).eval()
    pictures = torch.rand(3, 2, SIZE, SIZE)
    for views in (1, 2):
        assert network(pictures[:, :views]).shape == (3, 32, 32, 32)
    assert torch.allclose(probabilities(network, 4 * pictures, step=2), network(pictures).sigmoid(), atol=1e-5)
    assert not torch.allclose(network(pictures), network(pictures[:, [0, 0]]), atol=1e-5)


def test_grids_of_the_second_view_are_turned_into_the_frame_of_the_first():
    """A grid that holds each place's depth in the second view: in the first, it grows along the second's line of sight."""
    network = R2N2(channels=8)
    line = (torch.arange(4) + 0.5) / 2 - 1
    depth = line[:, None, None].expand(1, 1, 4, 4, 4)
    turned = network._in_first_frame(depth, 1)[0, 0, 1:3, 1:3, 1:3]
    z, y, x = torch.meshgrid(line[1:3], line[1:3], line[1:3], indexing="ij")
    expected = network.turns[1, 2, 0] * x + network.turns[1, 2, 1] * y + network.turns[1, 2, 2] * z
    assert torch.allclose(turned, expected, atol=1e-5)
    assert network.turns[1, 2, 2].abs() < 1e-6  # a right angle
    assert network._in_first_frame(depth, 0) is depth


def test_the_loss_by_hand():
    filled = torch.zeros(1, 2, 2, 2)
    filled[0, 0] = 1
    assert voxel_loss(torch.where(filled > 0, 50.0, -50.0), filled) == pytest.approx(0, abs=1e-6)
    assert voxel_loss(torch.where(filled > 0, -50.0, 50.0), filled) == pytest.approx(1 + 50, abs=1e-4)
    assert voxel_loss(torch.zeros(1, 2, 2, 2), filled).item() == pytest.approx(1 - 2 * 2 / (4 + 4) + np.log(2))


def test_a_network_that_calls_everything_empty_can_recover():
    filled = torch.zeros(1, 32, 32, 32)
    filled[0, 12:20, 12:20, 12:20] = 1
    bias = torch.full((1,), -30.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(voxel_loss(bias.expand_as(filled), filled), bias)
    assert gradient.item() == pytest.approx(-filled.mean().item(), rel=0.01)


def test_batches_take_one_and_two_views_by_turns(bank):
    few = Scenes(bank.description, bank.crystals[:5], bank.orientations[:5])
    batches = SceneBatches(few, 3)
    shapes = [(tuple(pictures.shape), len(voxels)) for pictures, voxels in batches]
    assert shapes == [((3, 1, SIZE, SIZE), 3), ((2, 2, SIZE, SIZE), 2)] and len(batches) == 2
    assert [len(pictures) for pictures, _ in batches] == [3, 2]  # again


def test_a_trained_network_beats_an_untrained_one_and_is_found_again(bank, unseen, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    settings = Settings(channels=16, epochs=3)
    network, history, _ = trained_r2n2(bank, unseen, settings)
    assert len(history) == 3 and history.val_loss.iloc[-1] < history.val_loss.iloc[0] < 1.5
    again = trained_r2n2(bank, unseen, settings)[0]
    assert torch.equal(network.decoder[0].weight, again.decoder[0].weight)
    with pytest.raises(ValueError, match="train: expected at least two batches of 64 crystals, got 70 crystals"):
        trained_r2n2(bank, unseen, replace(settings, batch=64))


# --- parametric fit -----------------------------------------------------------------------------------------------------


def test_rosettes_are_their_numbers(unseen):
    """Numbers of the model and back: the same shapes, but for values that touched their limits."""
    rosettes, orientations = built(guesses(unseen.crystals, unseen.orientations))
    again = occupancy(rosettes, orientations)
    assert iou(again, unseen.voxels).median() > 0.98
    assert rosette_targets(rosettes).rho_e.to_numpy() == pytest.approx(unseen.truth.rho_e.to_numpy(), rel=0.03)


def test_no_numbers_leave_the_model(unseen):
    found = guesses(unseen.crystals, unseen.orientations)
    noise = torch.Generator().manual_seed(0)
    wild = {name: 20 * torch.randn(getattr(found, name).shape, generator=noise) for name in parametric.RATES}
    rosettes, orientations = built(replace(found, **wild))
    assert torch.allclose(orientations @ orientations.mT, torch.eye(3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(orientations), torch.ones(N), atol=1e-5)
    assert rosettes.basal.min() >= 0.8 - 1e-6 and rosettes.basal.max() <= 1.2 + 1e-6
    for i, n in enumerate(unseen.truth.n_bullets):
        lean = np.degrees(np.arccos((rosettes.directions[i, :n].numpy() * SPHERICAL_CODES[n]).sum(1).clip(-1, 1)))
        assert lean.max() <= parametric._MODEL.cap_deg(n) + 0.1
        assert rosettes.present[i].sum() == n


def nearby(some, spread):
    """Guesses near the true numbers of scenes, off by normal numbers."""
    found, noise = guesses(some.crystals, some.orientations), torch.Generator().manual_seed(1)
    moved = {
        name: getattr(found, name) + spread * torch.randn(getattr(found, name).shape, generator=noise)
        for name in parametric.RATES
    }
    return replace(found, **moved)


def test_a_fit_from_nearby_finds_the_crystal(unseen):
    wanted = unseen.pictures / 4
    start = nearby(unseen, 0.15)
    before = agreement(wanted, *built(start), ANGLES)
    found = fit(wanted, start, ANGLES, (Stage(1, 40, 24, 0.4),))
    assert (found.agreement > before).double().mean() > 0.9 and found.agreement.mean() > before.mean() + 0.15
    shapes = [iou(occupancy(*some), unseen.voxels).mean() for some in (built(start), (found.rosettes, found.orientations))]
    assert shapes[1] > shapes[0] + 0.15


def test_of_several_starts_the_best_silhouette_wins(unseen, bank):
    """Among starts from strangers and from the crystal itself, the last is taken, in whatever parts the work is done."""
    rows = torch.randint(70, (N, 3), generator=torch.Generator().manual_seed(0))
    strangers = [bank.crystals[i] for i in rows.flatten()]
    own = [crystal for i, true in enumerate(unseen.crystals) for crystal in (*strangers[3 * i : 3 * i + 3], true)]
    turns = torch.cat([bank.orientations[rows], unseen.orientations[:, None]], 1).flatten(0, 1)
    wanted = coverage(unseen.rosettes, unseen.orientations, size=SIZE).coverage / 4
    found = fit(wanted, guesses(own, turns), (0.0,), (Stage(2, 0, 16, 0.5),))
    assert found.agreement.min() > 0.9
    assert rosette_targets(found.rosettes).n_bullets.tolist() == unseen.truth.n_bullets.tolist()
    crystal, orientation = found.single(3)
    assert crystal.n_bullets == 7 and orientation == pytest.approx(unseen.orientations[3].numpy(), abs=1e-6)


def test_a_fit_does_not_depend_on_company(unseen, bank, monkeypatch):
    stages = (Stage(2, 3, 16, 0.5), Stage(1, 3, 16, 0.5))
    rows = recognition.nearest(unseen.pictures[:4], bank.pictures, 2)
    start, wanted = parametric.starts(bank, rows), unseen.pictures[:4] / 4
    together = fit(wanted, start, ANGLES, stages)
    monkeypatch.setattr(parametric, "_AT_ONCE", 2)
    alone = fit(wanted, start, ANGLES, stages)
    assert torch.allclose(together.agreement, alone.agreement, atol=0.02)


def test_starts_must_come_in_equal_numbers(unseen):
    start = guesses(unseen.crystals[:3], unseen.orientations[:3])
    with pytest.raises(ValueError, match="starts: expected a multiple of 2 pictures, got 3"):
        fit(unseen.pictures[:2] / 4, start, ANGLES)
