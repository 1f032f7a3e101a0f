"""lib.imaging.read.palette: grey levels from colours and palettes."""

import json

import numpy as np
import pytest

from lib.imaging.read.files import BadImage
from lib.imaging.read.palette import (
    COLOURS,
    GREY_SPREAD,
    grey_levels,
    levels_of_colours,
    levels_of_indices,
    levels_of_picture,
)

LEVELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_the_table_is_the_one_of_the_probe(shared_data):
    known = json.loads((shared_data / "cpi" / "stats.json").read_text())["palette"]
    assert np.array_equal(COLOURS, known["rgb"])


def test_the_table_has_256_different_colours_and_a_bent_luminance():
    assert len({tuple(colour) for colour in COLOURS.tolist()}) == 256
    luminance = COLOURS @ np.array([0.299, 0.587, 0.114])
    assert luminance[[52, 128, 180, 205, 240, 255]] == pytest.approx([8, 50, 107, 148, 223, 226], abs=1)


def test_every_colour_of_the_table_is_recognised_and_no_other():
    levels, known = levels_of_colours(COLOURS)
    assert known.all() and np.array_equal(levels, np.arange(256))
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 7, np.uint8)] * 3), axis=-1).reshape(-1, 3)
    _, known = levels_of_colours(every)
    table = {tuple(colour) for colour in COLOURS.tolist()}
    assert known.tolist() == [tuple(colour) in table for colour in every.tolist()]


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_in_these_colours_are_read(channels):
    colours = np.dstack([COLOURS[LEVELS], np.full((16, 16, channels - 3), 255, np.uint8)])
    assert np.array_equal(levels_of_picture(colours), LEVELS)


def test_other_pictures_are_refused():
    colours = COLOURS[LEVELS]
    colours[:4] = 90, 30, 10
    with pytest.raises(BadImage, match=r"mode RGB: expected a palette or 8-bit grey, or the .* \(25 % of the pixels"):
        levels_of_picture(colours)
    with pytest.raises(BadImage, match="mode RGB: .*100 % of the pixels"):
        levels_of_picture(np.tile(np.array([100, 100, 117], np.uint8), (8, 8, 1)))
    transparent = np.dstack([COLOURS[LEVELS], LEVELS])
    with pytest.raises(BadImage, match="mode RGBA: there are transparent pixels"):
        levels_of_picture(transparent)


def test_the_order_of_the_palette_is_no_matter_if_its_colours_are_known():
    order = np.random.default_rng(0).permutation(256)
    shuffled = np.argsort(order).astype(np.uint8)[LEVELS]
    assert np.array_equal(levels_of_indices(shuffled, COLOURS[order]), LEVELS)
    assert levels_of_indices(LEVELS, COLOURS) is LEVELS


@pytest.mark.parametrize("ramp", [np.arange(256), np.arange(255, -1, -1), np.arange(256) // 2 + 3, np.arange(256) * 7 % 256])
def test_greys_of_a_palette_are_their_levels_in_any_order(ramp):
    palette = np.repeat(ramp[:, None], 3, axis=1).astype(np.uint8)
    assert np.array_equal(levels_of_indices(LEVELS, palette), ramp[LEVELS])
    few = np.array([[90] * 3, [10] * 3, [200] * 3], np.uint8)
    assert levels_of_indices(LEVELS % 3, few).max() == 200


@pytest.mark.parametrize("ends", [([255, 255, 255], [0, 0, 255]), ([0, 40, 0], [120, 255, 90])])
def test_256_other_colours_in_order_of_brightness_leave_the_index(ends):
    palette = np.linspace(*ends, 256).astype(np.uint8)
    assert np.array_equal(levels_of_indices(LEVELS, palette), LEVELS)
    with pytest.raises(BadImage, match="a palette that is no grey scale"):  # the levels that 64 of them stand for are unknown
        levels_of_indices(LEVELS // 4, palette[::4])


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_equal_channels_are_grey_up_to_a_little_colour_noise(channels):
    grey = np.dstack([LEVELS] * {2: 1, 3: 3, 4: 3}[channels] + [np.full_like(LEVELS, 255)] * (channels != 3))
    assert np.array_equal(levels_of_picture(grey), LEVELS)
    noise = np.random.default_rng(0).integers(0, GREY_SPREAD + 1, (16, 16, 3))
    tinted = (np.clip(LEVELS, 0, 239)[..., None] + noise).astype(np.uint8)
    assert np.abs(levels_of_picture(tinted) - (tinted @ np.array([0.299, 0.587, 0.114]))).max() <= 0.51
    tinted[3, 3] = 100, 100 + GREY_SPREAD + 1, 100
    with pytest.raises(BadImage, match="mode RGB: expected"):
        levels_of_picture(tinted)


@pytest.mark.parametrize(
    ("factor", "dtype"), [(257, np.uint16), (256, np.uint16), (1, np.uint16), (1, np.int32), (257, np.int32)]
)
def test_grey_of_16_bits(factor, dtype):
    found = grey_levels(LEVELS.astype(dtype) * dtype(factor), None)
    assert found.dtype == np.uint8 and np.array_equal(found, LEVELS)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 4095), (0, 256), (-1, 255), (0, 65536)])
def test_grey_of_an_unknown_scale_is_refused(lowest, highest):
    with pytest.raises(BadImage, match=f"grey levels from {lowest} to {highest}: expected 8 or 16 bits"):
        grey_levels(np.array([[lowest, highest]], np.int32), None)


def test_a_palette_in_no_order_is_refused():
    palette = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    with pytest.raises(BadImage, match="a palette that is no grey scale"):
        levels_of_indices(LEVELS, palette)
    with pytest.raises(BadImage, match="index 255 in a palette of 200 colours"):
        levels_of_indices(LEVELS, COLOURS[:200])
