"""Particles brought to one size."""

import cv2
import numpy as np
import pytest

from lib.imaging.read.files import BadImage
from lib.imaging.read.frame import frame, frame_outline, frame_silhouette, without_background


def disc(side, x, y, radius):
    """Mask (side, side) of a disc."""
    rows, columns = np.mgrid[:side, :side]
    return (np.hypot(columns - x, rows - y) <= radius).astype(np.uint8)


@pytest.mark.parametrize("radius", [9, 25, 70])
@pytest.mark.parametrize("fill", [0.5, 0.8])
def test_a_disc_fills_its_share_wherever_it_lay(radius, fill):
    mask = disc(200, 80, 110, radius)
    _, inside = frame(255 - 200 * mask, mask, 64, fill)
    (x, y), found = cv2.minEnclosingCircle(cv2.findNonZero(inside))
    assert abs(x - 31.5) <= 0.6 and abs(y - 31.5) <= 0.6
    assert abs(2 * found + 1 - fill * 64) <= 1.5
    scale = fill * 64 / (2 * radius + 1)
    assert inside.sum() == pytest.approx(mask.sum() * scale**2, rel=0.03)


def test_grey_levels_are_kept_and_the_outside_is_background():
    mask = disc(40, 20, 20, 19)  # the frame reaches beyond the picture
    grey, inside = frame(np.where(mask, 60, 210).astype(np.uint8), mask, 64)
    assert grey[32, 32] == 60 and grey[0, 0] == 210 and grey[inside == 0].min() > 60


def test_shrinking_averages():
    mask = np.ones((300, 300), np.uint8)
    stripes = np.tile([0, 200], (300, 150)).astype(np.uint8)
    grey, inside = frame(stripes, mask, 32)
    middle = grey[12:20, 12:20]
    assert inside[12:20, 12:20].all() and abs(middle.astype(float) - 100).max() < 12


def test_masked_pictures_are_bright_on_black():
    grey, mask = np.array([[10, 200]], np.uint8), np.array([[1, 0]], np.uint8)
    assert without_background(grey, mask).tolist() == [[245, 0]]


@pytest.mark.parametrize(
    ("mask", "message"), [(np.zeros((9, 9), np.uint8), "empty mask"), (np.ones((9, 8), np.uint8), "one shape")]
)
def test_bad_input(mask, message):
    with pytest.raises(ValueError, match=message):
        frame(np.zeros((9, 9), np.uint8), mask, 32)


def test_a_framed_silhouette_tells_shares():
    mask = disc(200, 80, 110, 60)
    shares = frame_silhouette(mask, 32)
    assert shares.dtype == np.float32 and (shares.min(), shares.max()) == (0, 1)
    assert shares.sum() == pytest.approx(mask.sum() * (0.8 * 32 / 121) ** 2, rel=0.02)


@pytest.mark.parametrize(("size", "fill"), [(224, 0.9), (64, 0.5), (100, 0.8)])
@pytest.mark.parametrize("radius", [10, 40])
def test_a_framed_outline_is_centred_and_fills_as_told(size, fill, radius):
    found = frame_outline(disc(120, 60, 50, radius), size, fill)
    assert found.shape == (size, size) and found.dtype == np.float32
    row, column = np.nonzero(found >= 0.5)
    assert (row.mean(), column.mean()) == pytest.approx(((size - 1) / 2,) * 2, abs=0.3)
    (_, radius_px) = cv2.minEnclosingCircle(np.column_stack([column, row]))
    assert 2 * radius_px == pytest.approx(fill * size, abs=1.2)


def test_a_framed_outline_keeps_shape():
    mask = np.zeros((200, 300), np.uint8)
    mask[40:60, 100:220] = 1
    found = frame_outline(mask, 224, 0.9) >= 0.5
    row, column = np.nonzero(found)
    assert np.ptp(column) / np.ptp(row) == pytest.approx(119 / 19, rel=0.05)
    assert found.sum() == pytest.approx((np.ptp(column) + 1) * (np.ptp(row) + 1), rel=0.05)


def test_a_framed_outline_tells_shares_of_pixels():
    found = frame_outline(disc(80, 40, 40, 20), 128, 0.8)
    assert found.min() == 0 and found.max() == 1 and ((found > 0.2) & (found < 0.8)).sum() > 100
    assert found.sum() == pytest.approx((found >= 0.5).sum(), rel=0.01)


def test_framing_nothing_is_refused():
    with pytest.raises(BadImage, match="empty mask"):
        frame_outline(np.zeros((50, 50), np.uint8), 64, 0.9)
