"""lib.imaging.draw.rasteriser: against the compiled rasteriser, and gradients against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import rosette, sample
from lib.imaging.draw import rasteriser
from lib.imaging.draw.rasteriser import corners, coverage, frames, soft, stack
from lib.imaging.draw.silhouette import CAMERA, boxes, silhouettes

N = 21


@pytest.fixture(scope="module")
def crystals():
    return sample(N, seed=7)


@pytest.fixture(scope="module")
def orientations():
    return torch.as_tensor(random_orientations(N, seed=7))


@pytest.fixture(scope="module")
def batch(crystals):
    return stack(crystals, dtype=torch.float64)


def alone(crystals, orientations):
    """Each crystal as a solid, and its orientation (1, 3, 3)."""
    return [(x.solid(), np.asarray(o)[None]) for x, o in zip(crystals, orientations, strict=True)]


def compiled(crystals, orientations, *arguments):
    """Pictures (B, V, size, size) and scales (B,) of the compiled rasteriser, each crystal in its orientation."""
    drawn = [silhouettes(*pair, *arguments) for pair in alone(crystals, orientations)]
    return np.concatenate([one.coverage for one in drawn]), np.concatenate([one.pixel_um for one in drawn])


# --- exact --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [31, 64, 224])
def test_the_same_pictures_sample_for_sample(crystals, batch, orientations, size):
    expected, pixel_um = compiled(crystals, orientations, (0, 90, 120), size)
    drawn = coverage(batch, orientations, (0, 90, 120), size)
    assert drawn.coverage.dtype == torch.uint8 and drawn.coverage.shape == (N, 3, size, size)
    assert np.array_equal(drawn.coverage, expected)
    assert drawn.pixel_um.numpy() == pytest.approx(pixel_um, rel=1e-12)
    origins = [silhouettes(*pair, (0, 90, 120), size).origin_px for pair in alone(crystals, orientations)]
    assert drawn.origin_px.numpy() == pytest.approx(np.concatenate(origins))


def test_single_precision_misses_next_to_no_sample(crystals, orientations):
    expected, pixel_um = compiled(crystals, orientations)
    drawn = coverage(stack(crystals), orientations.float())
    wrong = np.abs(drawn.coverage.numpy().astype(int) - expected)
    assert wrong.max() <= 1 and wrong.sum() < 1e-5 * expected.sum()
    assert drawn.pixel_um.numpy() == pytest.approx(pixel_um, rel=1e-5)


@pytest.mark.parametrize("pixel_um", [0.4, 2.3, 500.0])
def test_a_given_scale(crystals, batch, orientations, pixel_um):
    drawn = coverage(batch, orientations, (0, 90), 40, pixel_um)
    assert np.array_equal(drawn.coverage, compiled(crystals, orientations, (0, 90), 40, pixel_um)[0])
    assert (drawn.pixel_um == pixel_um).all()


def test_regular_rosettes_seen_along_their_axes():
    """Edges seen end on have no direction; samples that lie on an edge may fall to either side."""
    middle = {"a": 20.0, "c": 50.0, "f_r0": 1.0, "f_hp": 1.0, "f_h0": 1.0}
    regular = [rosette(middle, n) for n in (5, 6)]
    along = torch.as_tensor(CAMERA.T)[None].repeat(2, 1, 1)  # turns z to the eye
    drawn = coverage(stack(regular, dtype=torch.float64), along, (0, 90), 65).coverage
    wrong = drawn.numpy().astype(int) - compiled(regular, along, (0, 90), 65)[0]
    assert np.abs(wrong).sum(axis=(1, 2, 3)).max() < 30 < drawn.sum() / 100


def test_a_crystal_is_drawn_alike_alone_and_in_company(crystals, batch, orientations, monkeypatch):
    together = coverage(batch, orientations, (0, 90), 32)
    for i in (0, 6, 20):
        alone = coverage(stack([crystals[i]], dtype=torch.float64), orientations[i : i + 1], (0, 90), 32)
        assert torch.equal(alone.coverage[0], together.coverage[i])
    monkeypatch.setattr(rasteriser, "_ROOM", 1)
    assert torch.equal(coverage(batch, orientations, (0, 90), 32).coverage, together.coverage)


def test_stacked_rosettes_have_the_corners_and_boxes_of_their_solids(crystals, batch, orientations):
    found = corners(batch)
    assert found.shape == (N, 10, 13, 3) and len(batch) == N
    box = frames(found @ orientations.mT[:, None], batch)
    for i, crystal in enumerate(crystals):
        assert batch.present[i].sum() == crystal.n_bullets
        assert found[i, : crystal.n_bullets].numpy() == pytest.approx(np.array(crystal.solid().pieces))
        centre, half_diagonal = boxes(crystal.solid(), orientations[i : i + 1].numpy())
        assert box.centre[i].numpy() == pytest.approx(centre[0])
        assert box.half_diagonal[i].item() == pytest.approx(half_diagonal[0], rel=1e-6)


# --- soft ---------------------------------------------------------------------------------------------------------------


def test_soft_pictures_become_the_exact_ones_as_they_sharpen(batch, orientations):
    exact = coverage(batch, orientations, (0, 90), 64).coverage / 4
    errors = [(soft(batch, orientations, (0, 90), 64, softness=s) - exact).abs().mean().item() for s in (1.0, 0.3, 0.05)]
    assert errors[0] > 2 * errors[1] > 2 * errors[2] and errors[2] < 0.01  # what is left: centres against sub-samples
    sharp = soft(batch, orientations, (0, 90), 64, softness=1e-6)
    decided = (exact == 0) | (exact == 1)
    assert ((sharp > 0.5) == (exact > 0.5))[decided].double().mean() > 0.9999
    assert (sharp.amin(), sharp.amax()) == (0, 1)


def test_the_half_covered_line_of_a_disc_is_its_circle():
    """With bullets that lie inside the centre sphere only the disc shows: a pixel's value tells its distance from the rim."""
    ball = stack(sample(1, seed=0), dtype=torch.float64)
    small = torch.full_like(ball.basal, 1e-3)
    ball = replace(ball, basal=small, prism=small, pyramid=small, tip=small, sphere=torch.full_like(ball.sphere, 10.0))
    picture = soft(ball, torch.eye(3, dtype=torch.float64)[None], (0,), 33, pixel_um=1.0, softness=0.5)[0, 0]
    centre = torch.arange(33) - 16.0
    distance = (centre**2 + centre[:, None] ** 2).sqrt()
    rim = distance > 8
    assert picture[rim].numpy() == pytest.approx(torch.sigmoid((10 - distance[rim]) / 0.5).numpy(), abs=1e-6)


def test_bullets_that_are_not_present_leave_no_trace(batch, orientations):
    few = batch[:1]
    moved = replace(few, prism=torch.where(few.present, few.prism, 500.0), tip=torch.where(few.present, few.tip, 90.0))
    for draw in (soft, lambda *given: coverage(*given).coverage):
        assert torch.equal(draw(few, orientations[:1], (0, 90), 32), draw(moved, orientations[:1], (0, 90), 32))


@pytest.mark.parametrize("name", ["directions", "roll", "basal", "prism", "pyramid", "tip", "sphere"])
@pytest.mark.parametrize("pixel_um", [None, 6.0])
def test_gradients_are_those_of_finite_differences(batch, orientations, name, pixel_um):
    few, turns = batch[3:5], orientations[3:5]
    weight = torch.rand(2, 2, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def agreement(values):
        return (soft(replace(few, **{name: values}), turns, (0, 90), 24, pixel_um, softness=0.7) * weight).sum()

    values = getattr(few, name).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(agreement(values), values)
    step = 1e-6 * torch.randn(values.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        change = agreement(values + step) - agreement(values - step)
    assert abs(change.item()) > 1e-9
    assert 2 * (gradient * step).sum().item() == pytest.approx(change.item(), rel=1e-3)


def test_a_shape_is_found_again_by_descent(batch, orientations):
    target = soft(batch[:1], orientations[:1], (0, 90), 32)
    values = (batch.prism[:1] * 0.7).requires_grad_()
    optimiser = torch.optim.Adam([values], lr=2.0)
    losses = []
    for _ in range(40):
        loss = (soft(replace(batch[:1], prism=values), orientations[:1], (0, 90), 32) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]


# --- arguments ----------------------------------------------------------------------------------------------------------


def test_bad_arguments_are_refused(batch, orientations):
    with pytest.raises(ValueError, match=r"orientations: expected \(21, 3, 3\), one a rosette, got \(1, 3, 3\)"):
        soft(batch, orientations[:1])
    with pytest.raises(ValueError, match="softness must be positive, got 0"):
        soft(batch, orientations, softness=0)
    with pytest.raises(ValueError, match="expected at least one rosette"):
        stack([])


def test_a_batch_can_be_cut_by_rows(batch):
    part = batch[torch.tensor([2, 0])]
    assert len(part) == 2
    assert torch.equal(part.sphere, batch.sphere[[2, 0]])
