"""lib.imaging.measure.photometry: known pictures give their known numbers, real tiles those of the published statistics."""

import json

import numpy as np
import pandas as pd
import pytest
from noise_spectrum import FREQUENCIES, PATCH, noise_power, spectral_slope
from scipy.special import ndtr

from lib.imaging.measure.photometry import DISTANCES, edge_profile, edge_rise, photometry, regions, rim_overshoot
from lib.imaging.read.files import BadImage, open_picture
from lib.imaging.read.palette import grey_levels

SIDE = 260
RADIUS = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
OUT = RADIUS - 60.0  # distance from the edge of a disc


def picture(level, noise=0.0, seed=0):
    """An 8-bit picture of these grey levels, with white noise."""
    noisy = level + noise * np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def disc(blur=2.0, dark=50.0, bright=200.0):
    return dark + (bright - dark) * ndtr(OUT / blur)


# --- known pictures -----------------------------------------------------------------------------------------------------


def test_levels_of_background_and_interior():
    found = photometry(picture(disc(), noise=6.0))
    assert found["background_mean"] == pytest.approx(200, abs=0.3)
    assert found["interior_mean"] == pytest.approx(50, abs=1)
    for name in ("background_std", "background_fine_std", "interior_std", "neighbour_std_x", "neighbour_std_y"):
        assert found[name] == pytest.approx(6, rel=0.1), name
    assert found["background_slow_std"] < 1
    assert found["bright_share"] == 0


def test_slow_and_fine_noise_are_told_apart():
    slow = 10 * np.sin(np.arange(SIDE) / 12)
    found = photometry(picture(disc() + slow, noise=3.0))
    assert found["background_slow_std"] == pytest.approx(10 / 2**0.5, rel=0.2)
    assert found["background_fine_std"] == pytest.approx(3, rel=0.2)
    across, along = (picture(disc() + 5 * (np.arange(SIDE).reshape(shape) % 2)) for shape in ((1, -1), (-1, 1)))
    assert photometry(across)["neighbour_std_x"] == pytest.approx(5 / 2**0.5, rel=0.05)
    assert photometry(along)["neighbour_std_y"] == pytest.approx(5 / 2**0.5, rel=0.05)
    assert photometry(across)["neighbour_std_y"] < 0.5


def test_a_window_in_the_particle_is_its_bright_share():
    level = disc()
    level[110:150, 110:150] = 220
    assert photometry(picture(level))["bright_share"] == pytest.approx(40**2 / (np.pi * 56**2), rel=0.05)


@pytest.mark.parametrize("blur", [1.0, 1.5, 2.2])
def test_the_rise_of_a_blurred_edge(blur):
    assert photometry(picture(disc(blur), noise=2.0))["edge_rise_px"] == pytest.approx(2.563 * blur, rel=0.12)


def test_the_rise_grows_with_blur_and_is_found_too_short_for_much():
    rises = [photometry(picture(disc(blur), noise=2.0))["edge_rise_px"] for blur in (2.0, 4.0, 8.0, 16.0)]
    assert rises == sorted(rises)
    assert 10 < rises[-1] < 13


def test_the_profile_is_that_of_the_edge():
    grey = picture(disc(2.0))
    profile = edge_profile(grey, regions(grey))
    inside, outside = DISTANCES <= -8, DISTANCES >= 10
    np.testing.assert_allclose(profile[inside], -1, atol=0.02)
    np.testing.assert_allclose(profile[outside], 0, atol=0.02)
    assert profile[DISTANCES == 0] + profile[DISTANCES == 1] == pytest.approx(-1, abs=0.03)  # the edge lies between
    assert (np.diff(profile[(DISTANCES > -6) & (DISTANCES < 8)]) > 0).all()


def test_a_rim_is_measured_over_the_contrast():
    rim = 15 * np.exp(-0.5 * ((OUT - 6) / 1.5) ** 2)
    assert photometry(picture(disc() + rim))["rim"] == pytest.approx(0.1, rel=0.1)
    assert photometry(picture(disc()))["rim"] == pytest.approx(0, abs=0.005)


def test_power_is_that_of_white_noise_and_of_a_power_law():
    white = picture(np.full((SIDE, SIDE), 150.0), noise=8.0)
    power = noise_power(white, np.ones((SIDE, SIDE), bool))
    assert power.shape == ((SIDE - PATCH) // 24 * ((SIDE - PATCH) // 24) + 2 * ((SIDE - PATCH) // 24) + 1, len(FREQUENCIES))
    np.testing.assert_allclose(power.mean(0), 64, rtol=0.15)
    assert spectral_slope(power.mean(0)) == pytest.approx(0, abs=0.05)
    assert spectral_slope(FREQUENCIES**-2.5) == pytest.approx(-2.5)


def test_power_is_measured_in_the_background_only():
    grey = picture(disc(), noise=5.0)
    background = regions(grey).background
    power = noise_power(grey, background)
    assert 0 < len(power) < 30
    np.testing.assert_allclose(power.mean(0), 25, rtol=0.4)
    assert noise_power(grey[:40], background[:40]).shape == (0, len(FREQUENCIES))


def test_printed_digits_do_not_count():
    grey = np.maximum(picture(disc(), noise=4.0), 1)
    printed = grey.copy()
    printed[-9:, 2:4] = printed[-9:, 9:11] = printed[-5:-3, 4:9] = printed[-9:, 16:18] = 0  # "H1", nine pixels high
    plain, found = photometry(grey), photometry(printed)
    for name in plain:
        assert found[name] == pytest.approx(plain[name], rel=0.03, abs=0.01), name


def test_the_given_mask_is_the_particle():
    grey = picture(disc())
    wider = (OUT < 5).astype(np.uint8)
    assert photometry(grey, (OUT < 0).astype(np.uint8))["interior_mean"] == pytest.approx(
        photometry(grey)["interior_mean"], abs=0.5
    )
    assert photometry(grey, wider)["interior_mean"] > photometry(grey)["interior_mean"] + 5


def test_what_can_not_be_measured_is_nan():
    small = picture(disc())[100:160, 100:220]
    found = photometry(small, np.ones(small.shape, np.uint8))
    assert np.isnan([found["background_mean"], found["neighbour_std_x"], found["edge_rise_px"], found["rim"]]).all()
    with pytest.raises(BadImage, match="even"):
        photometry(np.full((40, 40), 9, np.uint8))
    assert np.isnan(edge_rise(np.full(len(DISTANCES), np.nan)))
    assert np.isnan(rim_overshoot(np.full(len(DISTANCES), np.nan)))


# --- real tiles ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared_data):
    """Published statistics, and the numbers, edge profiles and noise powers of 338 of the tiles that they are of."""
    published = json.loads((shared_data / "cpi" / "stats.json").read_text())["cpi_native_und_sheets_all"]
    table = pd.read_csv(shared_data / "images.csv").query("file.str.startswith('cpi/tiles/')")[::5]
    tiles = [grey_levels(*open_picture(shared_data / file)) for file in table.file]
    places = [regions(grey) for grey in tiles]
    numbers = pd.DataFrame([photometry(grey) for grey in tiles])
    numbers["whole"] = table.edges_touched.to_numpy() == 0
    profiles = np.array([edge_profile(grey, place) for grey, place in zip(tiles, places, strict=True)])
    power = np.concatenate([noise_power(grey, place.background) for grey, place in zip(tiles, places, strict=True)])
    return published, numbers, profiles, power


@pytest.mark.parametrize(
    ("name", "published_name", "tolerance"),
    [
        ("background_mean", "background_mean", 0.03),
        ("background_std", "background_std_total", 0.2),
        ("background_fine_std", "background_noise_std_highpass_sigma4", 0.15),
        ("background_slow_std", "background_lowfreq_std_sigma4", 0.2),
        ("neighbour_std_x", "pixel_to_pixel_std_x", 0.1),
        ("neighbour_std_y", "pixel_to_pixel_std_y", 0.1),
        ("interior_mean", "particle_interior_mean", 0.1),
        ("interior_std", "particle_interior_std", 0.1),
        ("edge_rise_px", "edge_rise_10_90_px_complete", 0.2),
    ],
)
def test_medians_of_real_tiles_are_the_published_ones(real, name, published_name, tolerance):
    published, numbers, _, _ = real
    found = numbers[name][numbers.whole] if name == "edge_rise_px" else numbers[name]
    assert found.median() == pytest.approx(published[published_name]["p50"], rel=tolerance)


def test_edge_and_noise_of_real_tiles_are_the_published_ones(real):
    published, numbers, profiles, power = real
    sharp = numbers.whole & (numbers.edge_rise_px <= 6)
    profile = published["median_edge_profile_sharp"]["gray_minus_bg_over_contrast"]
    np.testing.assert_allclose(np.nanmedian(profiles[sharp], axis=0), profile, atol=0.07)
    spectrum = published["background_noise_power"]
    ratio = power.mean(0) / spectrum["radial_power"]
    assert 0.6 < ratio.min() < ratio.max() < 1.7
    assert spectral_slope(power.mean(0)) == pytest.approx(spectrum["loglog_slope_0p04_to_0p4"], abs=0.2)
    np.testing.assert_allclose(FREQUENCIES, spectrum["freq_cyc_per_px"], atol=1e-4)
