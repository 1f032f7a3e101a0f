"""Particles brought to one size."""

import cv2
import numpy as np
import pytest

from lib.imaging.read.frame import framed, masked


def disc(side, x, y, radius):
    """Mask (side, side) of a disc."""
    rows, columns = np.mgrid[:side, :side]
    return (np.hypot(columns - x, rows - y) <= radius).astype(np.uint8)


@pytest.mark.parametrize("radius", [9, 25, 70])
@pytest.mark.parametrize("fill", [0.5, 0.8])
def test_a_disc_fills_its_share_wherever_it_lay(radius, fill):
    mask = disc(200, 80, 110, radius)
    _, inside = framed(255 - 200 * mask, mask, 64, fill)
    (x, y), found = cv2.minEnclosingCircle(cv2.findNonZero(inside))
    assert abs(x - 31.5) <= 0.6 and abs(y - 31.5) <= 0.6
    assert abs(2 * found + 1 - fill * 64) <= 1.5
    scale = fill * 64 / (2 * radius + 1)
    assert inside.sum() == pytest.approx(mask.sum() * scale**2, rel=0.03)


def test_grey_levels_are_kept_and_the_outside_is_background():
    mask = disc(40, 20, 20, 19)  # the frame reaches beyond the picture
    grey, inside = framed(np.where(mask, 60, 210).astype(np.uint8), mask, 64)
    assert grey[32, 32] == 60 and grey[0, 0] == 210 and grey[inside == 0].min() > 60


def test_shrinking_averages():
    mask = np.ones((300, 300), np.uint8)
    stripes = np.tile([0, 200], (300, 150)).astype(np.uint8)
    grey, inside = framed(stripes, mask, 32)
    middle = grey[12:20, 12:20]
    assert inside[12:20, 12:20].all() and abs(middle.astype(float) - 100).max() < 12


def test_masked_pictures_are_bright_on_black():
    grey, mask = np.array([[10, 200]], np.uint8), np.array([[1, 0]], np.uint8)
    assert masked(grey, mask).tolist() == [[245, 0]]


@pytest.mark.parametrize(
    ("mask", "message"), [(np.zeros((9, 9), np.uint8), "empty mask"), (np.ones((9, 8), np.uint8), "one shape")]
)
def test_bad_input(mask, message):
    with pytest.raises(ValueError, match=message):
        framed(np.zeros((9, 9), np.uint8), mask, 32)
