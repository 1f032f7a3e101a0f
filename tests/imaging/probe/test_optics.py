"""lib.imaging.probe.optics: blurs have their width and keep the light, noises their power law and scale."""

import numpy as np
import pytest
from noise_spectrum import FREQUENCIES, PATCH, noise_power
from scipy.ndimage import gaussian_filter

from lib.imaging.probe.optics import blur, blur_by_place, enlarge, power_law_noise, smooth_noise

WHERE = np.arange(240) - 120.0


@pytest.mark.parametrize("blur_px", [0.7, 1.5, 2.9, 3.0, 4.4, 8.0, 13.0, 25.0])
def test_a_blurred_disc_is_convolved_with_the_gaussian(blur_px):
    disc = (np.hypot(WHERE, WHERE[:, None] - 9.3) < 37).astype(np.float32)
    exact = gaussian_filter(disc.astype(float), blur_px, truncate=5)
    np.testing.assert_allclose(blur(disc, blur_px), exact, atol=0.03)
    assert blur(disc, blur_px).sum() == pytest.approx(disc.sum(), rel=2e-3)


def test_no_blur_and_an_even_picture_change_nothing():
    picture = np.random.default_rng(0).random((33, 47), np.float32)
    np.testing.assert_array_equal(blur(picture, 0.0), picture)
    np.testing.assert_allclose(blur(np.full((33, 47), 0.3, np.float32), 9.0), 0.3, rtol=1e-5)


def test_blur_differs_from_place_to_place():
    edge = np.repeat((WHERE > 0).astype(np.float32)[None], 240, axis=0)
    rows = np.linspace(1.0, 8.0, 60, dtype=np.float32)[:, None].repeat(60, axis=1)
    mixed = blur_by_place(edge, rows)
    assert mixed.shape == edge.shape
    steep = np.abs(np.diff(mixed, axis=1)).max(1)
    assert steep[4] == pytest.approx(1 / np.sqrt(2 * np.pi), rel=0.1)
    assert steep[-4] == pytest.approx(1 / (8 * np.sqrt(2 * np.pi)), rel=0.1)
    assert (np.diff(steep[::20]) < 0).all()
    assert 0 <= mixed.min() < mixed.max() <= 1 + 1e-6
    np.testing.assert_array_equal(blur_by_place(edge, np.full((60, 60), 3.0, np.float32)), blur(edge, 3.0))


def test_a_slope_stays_a_slope_when_enlarged():
    fine = enlarge(np.arange(10, dtype=np.float32)[None].repeat(5, 0), (20, 40))
    np.testing.assert_allclose(np.diff(fine[3, 4:-4]), 0.25, rtol=1e-5)


@pytest.mark.parametrize("slope", [1.5, 3.0])
def test_noise_has_its_power_law_above_the_white_floor(slope):
    everywhere = np.ones((240, 240), bool)
    noises = (power_law_noise((240, 240), slope, np.random.default_rng(i)) for i in range(8))
    power = np.mean([noise_power(noise, everywhere).mean(0) for noise in noises], axis=0)
    assert power[-4:].mean() == pytest.approx(1, rel=0.1)  # white noise of one pixel
    rise = np.log(power[1] / power[9]) / np.log(FREQUENCIES[9] / FREQUENCIES[1])
    assert rise == pytest.approx(slope, rel=0.3)


def test_noise_is_as_wide_as_asked_and_comes_from_the_generator():
    for make in (lambda seed: power_law_noise((51, 30), 2.0, np.random.default_rng(seed)),
                 lambda seed: smooth_noise((51, 30), 9.0, np.random.default_rng(seed))):  # fmt: skip
        assert make(0).shape == (51, 30) and make(0).dtype == np.float32
        np.testing.assert_array_equal(make(0), make(0))
        assert np.abs(make(0) - make(1)).max() > 0.1


def test_smooth_noise_has_unit_spread_and_changes_over_its_scale():
    spreads, steps = [], []
    for scale in (3.0, 12.0, 30.0):
        noises = np.array([smooth_noise((PATCH * 4, PATCH * 4), scale, np.random.default_rng(i)) for i in range(20)])
        spreads.append(noises.std())
        steps.append(np.diff(noises, axis=2).std() * scale)
    assert spreads == pytest.approx([1, 1, 1], rel=0.2)
    assert max(steps) < 1.5 * min(steps)
