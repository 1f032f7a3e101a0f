"""lib.imaging.read.segmentation: masks, the printed digits, lengths, cut-off and the width of the edge."""

import cv2
import numpy as np
import pytest

from lib.imaging.read.files import BadImage
from lib.imaging.read.segmentation import (
    cut_share,
    edge_width_px,
    fill_contour,
    fill_holes,
    length_px,
    outline,
    particle_mask,
    particle_outline,
    without_print,
)

#: Digits as the probe prints them.
DIGITS = {
    "8": (" ##### ", "##  ## ", "##   # ", " ##### ", " ##### ", "##   ##", "##   ##", "##  ## ", " ##### "),
    "7": ("#######", "###### ", "    ## ", "    ## ", "   ##  ", "   ##  ", "  ##   ", "  ##   ", "  ##   "),
    "5": ("###### ", "###### ", "#      ", "#####  ", "## ### ", "    ## ", "    ## ", "## ### ", "#####  "),
}


def disc(x, y, radius, shape=(120, 150)):
    row, column = np.mgrid[: shape[0], : shape[1]]
    return (np.hypot(column - x, row - y) <= radius).astype(np.uint8)


def tile(mask, seed=0, particle=55.0):
    """A noisy picture of a dark particle on a bright, unevenly lit background."""
    grey = np.where(mask > 0, particle, 205.0) + 12 * np.sin(np.arange(mask.shape[1]) / 40)
    return np.clip(grey + np.random.default_rng(seed).normal(0, 9, mask.shape), 0, 255).astype(np.uint8)


def printed(grey, text):
    """A picture with digits of level 0 in the lower left corner."""
    grey = grey.copy()
    for i, digit in enumerate(text):
        strokes = np.array([[pixel == "#" for pixel in line] for line in DIGITS[digit]])
        grey[-9:, 7 * i : 7 * i + 7][strokes] = 0
    return grey


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize(("x", "y", "radius"), [(75, 60, 30), (60, 50, 12), (100, 70, 45)])
def test_mask_of_a_disc(x, y, radius):
    expected = disc(x, y, radius)
    mask = particle_mask(tile(expected))
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}
    assert overlap(mask, expected) > 0.95
    assert mask.sum() == pytest.approx(np.pi * radius**2, rel=0.04)


def test_mask_is_of_the_largest_particle_only():
    mask = particle_mask(tile(disc(50, 60, 30) | disc(120, 60, 15)))
    assert not mask[:, 100:].any()
    assert mask.sum() == pytest.approx(np.pi * 900, rel=0.04)


def test_holes_of_a_mask_are_filled():
    mask = particle_mask(tile(disc(75, 60, 40) - disc(75, 60, 20)))
    assert mask[60, 75]
    assert mask.sum() == pytest.approx(np.pi * 1600, rel=0.04)


def test_a_constant_shift_of_the_grey_levels_changes_no_mask():
    grey = tile(disc(75, 60, 30)) // 2 + 1
    assert np.array_equal(particle_mask(grey), particle_mask(grey + 60))


@pytest.mark.parametrize("shape", [(7, 60), (60, 7), (60, 60, 3), (0, 0)])
def test_mask_refuses_what_is_no_tile(shape):
    with pytest.raises(BadImage, match="at least 8 x 8 pixels, got shape"):
        particle_mask(np.zeros(shape, np.uint8))


def test_mask_refuses_an_even_tile():
    with pytest.raises(BadImage, match="even: there is no particle"):
        particle_mask(np.full((60, 60), 200, np.uint8))


# --- printed digits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["8", "57", "875", "5878"])
def test_digits_don_t_become_the_particle(text):
    expected = disc(40, 22, 11, (56, 70))
    pale = np.random.default_rng(0).normal(np.where(expected > 0, 170.0, 205.0), 4).astype(np.uint8)
    assert overlap(particle_mask(printed(pale, text)), expected) > 0.9


def test_digits_would_become_the_particle():
    expected = disc(40, 22, 11, (56, 70))
    pale = printed(np.where(expected > 0, 170, 205).astype(np.uint8), "5878")
    _, dark = cv2.threshold(cv2.GaussianBlur(pale, (0, 0), 1.0), 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    assert overlap(fill_holes(dark), expected) == 0
    assert overlap(particle_mask(pale), expected) > 0.9


def test_digits_don_t_lengthen_a_particle_that_they_touch():
    expected = disc(35, 80, 34)
    grey = printed(tile(expected), "8758")
    assert length_px(particle_outline(grey)) == pytest.approx(69, abs=1.5)
    assert overlap(particle_mask(grey), expected) > 0.95


def test_only_ink_is_taken_away():
    grey = tile(disc(75, 60, 30))
    clean = without_print(printed(grey, "875"))
    changed = printed(grey, "875") != clean
    assert changed[-9:, :21].any() and not changed[:-9].any() and not changed[:, 21:].any()
    assert np.abs(clean[-9:, :21].astype(int) - grey[-9:, :21]).max() < 60
    assert without_print(grey) is grey or (grey == 0).any()


# --- length -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_length_of_a_bar_in_any_direction_to_a_pixel(seed):
    rng = np.random.default_rng(seed)
    length, width, angle = rng.uniform(30, 180), rng.uniform(6, 25), rng.uniform(0, np.pi)
    x, y = np.meshgrid(np.arange(220) - rng.uniform(105, 115), np.arange(210) - rng.uniform(100, 110))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    bar = ((np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)).astype(np.uint8)
    assert length_px(outline(bar)) == pytest.approx(np.hypot(length, width), abs=1.2)
    assert length_px(particle_outline(tile(bar, seed))) == pytest.approx(np.hypot(length, width), abs=2.5)


@pytest.mark.parametrize("radius", [3, 10.4, 25, 51.7])
def test_length_of_a_disc_to_a_pixel(radius):
    assert length_px(outline(disc(75.3, 60.1, radius, (130, 150)))) == pytest.approx(2 * radius, abs=1)


def test_length_of_single_pixels_and_straight_lines():
    assert length_px(np.array([[[4, 7]]], np.int32)) == 1
    assert length_px(np.array([[[4, 7]], [[13, 7]]], np.int32)) == 10


# --- cut-off ------------------------------------------------------------------------------------------------------------


def test_the_cut_share_counts_the_frame():
    assert cut_share(disc(75, 60, 30)) == 0
    assert cut_share(np.ones((120, 150), np.uint8)) == 1
    half = np.zeros((100, 100), np.uint8)
    half[:, :50] = 1
    assert cut_share(half) == pytest.approx(0.5)
    left = np.zeros((100, 100), np.uint8)
    left[30:60, :40] = 1
    assert cut_share(left) == pytest.approx(30 / 400)


def test_the_cut_share_has_a_margin():
    mask = np.zeros((100, 100), np.uint8)
    mask[3:-3, 3:-3] = 1
    assert cut_share(mask) == 0
    mask[2:-2, 2:-2] = 1
    assert cut_share(mask) > 0.9


# --- blur ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("radius", [25, 60])
def test_rise_of_a_blurred_edge(sigma, radius):
    sharp = np.where(disc(100.4, 90.2, radius, (180, 200)) > 0, 50.0, 205.0)
    noise = np.random.default_rng(0).normal(0, 4, sharp.shape)
    grey = np.clip(cv2.GaussianBlur(sharp, (0, 0), sigma) + noise, 0, 255).astype(np.uint8)
    assert edge_width_px(grey, particle_outline(grey)) == pytest.approx(2.563 * sigma, abs=0.5)


@pytest.mark.parametrize("factor", [0.5, 0.8])
def test_rise_doesn_t_depend_on_contrast(factor):
    grey = cv2.GaussianBlur(tile(disc(75, 60, 30)), (0, 0), 3.0)
    pale = (255 - factor * (255.0 - grey)).astype(np.uint8)
    contour = particle_outline(grey)
    assert edge_width_px(pale, contour) == pytest.approx(edge_width_px(grey, contour), abs=0.3)


def test_rise_of_a_thin_bar():
    bar = np.zeros((120, 150), np.uint8)
    bar[55:65, 30:120] = 1
    grey = cv2.GaussianBlur(np.where(bar > 0, 50.0, 205.0), (0, 0), 2.0).astype(np.uint8)
    assert edge_width_px(grey, particle_outline(grey)) == pytest.approx(5.1, abs=0.5)


def test_no_rise_where_there_is_no_edge():
    grey = tile(np.ones((60, 60), np.uint8))
    assert np.isnan(edge_width_px(grey, outline(np.ones((60, 60), np.uint8))))
    assert np.isnan(edge_width_px(np.full((60, 60), 90, np.uint8), outline(disc(30, 30, 12, (60, 60)))))
    assert np.isnan(edge_width_px(grey, np.array([[[30, 30]]], np.int32)))


# --- parts  --------------------------------------------------------------------------------------------------


def test_filling_keeps_the_largest_part_without_holes():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:12, 2:12], mask[5:8, 5:8], mask[15:18, 15:18] = 1, 0, 1
    whole = fill_holes(mask)
    assert whole[2:12, 2:12].all() and whole.sum() == 100
    assert fill_holes(np.zeros_like(mask)).sum() == 0
    assert fill_contour(outline(mask), mask.shape).sum() == 100
