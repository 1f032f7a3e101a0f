"""Sets of pictures: what is measured, what is left out, and how sets are selected and concatenated."""

import numpy as np
import pytest

from lib.datasets.picture_set import (
    PictureSet,
    apply_screening,
    concatenate,
    measure,
    mirror_images,
    stack,
    thumbnails,
)
from lib.imaging.read.cpi import Particle, particle_in


def tile(height=90, width=120, seed=0, centre=(0.5, 0.5), dark=60):
    """A dark ellipse on a bright, noisy ground (h, w) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = ((y - centre[0] * height) / (0.35 * height)) ** 2 + ((x - centre[1] * width) / (0.3 * width)) ** 2 < 1
    return np.clip(np.where(inside, dark, 200) + rng.normal(0, 3, (height, width)), 1, 255).astype(np.uint8)


def find_particle(grey, file="", label=""):
    return particle_in(grey, Particle(file, label))


def some(n, label="column"):
    """A set of `n` ellipses."""
    return stack([measure(find_particle(tile(seed=i), f"{label}{i}", label), 32) for i in range(n)])


def test_a_particle_is_measured_before_it_is_framed():
    row = measure(find_particle(tile(), "name", "habit"), 32)
    assert row.grey.shape == row.mask.shape == (32, 32)
    assert (row.numbers["file"], row.numbers["label"], row.numbers["group"]) == ("name", "habit", "")
    assert row.numbers["length_um"] == pytest.approx(2.3 * 73, rel=0.03) and row.numbers["cut"] == 0
    assert row.numbers["background_mean"] == pytest.approx(200, abs=1) and row.numbers["interior_mean"] == pytest.approx(
        60, abs=1
    )


def test_printed_digits_are_not_seen():
    plain = tile(centre=(0.5, 0.65))
    printed = plain.copy()
    printed[-14:-4, 6:8] = printed[-14:-4, 14:16] = printed[-9:-7, 6:16] = 0
    with_digits, without = (measure(find_particle(picture), 64) for picture in (printed, plain))
    assert (with_digits.mask == without.mask).all() and without.grey.min() > 40
    assert np.abs(with_digits.grey.astype(int) - without.grey).max() < 25  # nothing is left of the black
    assert with_digits.numbers["interior_mean"] == pytest.approx(without.numbers["interior_mean"], abs=0.5)


def test_every_particle_left_out_has_a_reason():
    silhouette = np.where(tile() < 100, 0, 255).astype(np.uint8)
    pictures = (tile(), tile(centre=(0.5, 0.1)), np.full((60, 60), 7, np.uint8), silhouette, tile(60, 50))
    found = [find_particle(grey) for grey in pictures]
    assert [p.reason.split(":")[0] for p in apply_screening(found, "all")] == [
        "", "", "even", "a silhouette without grey levels", "small",
    ]  # fmt: skip
    assert [bool(p.reason) for p in apply_screening(found, "whole")] == [False, True, True, True, True]
    with pytest.raises(ValueError, match="screening: expected one of all, whole, got 'some'"):
        list(apply_screening(found, "some"))


def test_sets_are_concatenated_and_selected():
    both = concatenate([some(3), some(2, "sphere")])
    assert len(both) == 5 and isinstance(both, PictureSet) and both.table.label.tolist() == ["column"] * 3 + ["sphere"] * 2
    last = both.select(both.table.label.to_numpy() == "sphere")
    assert len(last) == 2 and (last.grey == both.grey[3:]).all() and last.table.index.tolist() == [0, 1]


def test_pictures_without_background_are_bright_ice():
    pictures = some(2)
    assert (pictures.masked[pictures.mask == 0] == 0).all() and pictures.masked[pictures.mask == 1].mean() > 180
    small = thumbnails(pictures, 8)
    assert small.shape == (2, 64) and small.mean() == pytest.approx(pictures.masked.mean() / 255, abs=0.01)


def test_mirror_images_are_closed_under_mirroring():
    pictures = np.random.default_rng(0).integers(0, 255, (2, 5, 5), dtype=np.uint8)
    images = mirror_images(pictures)
    assert len(images) == 8 and (images[:2] == pictures).all()
    for turned in (images[:, ::-1], images[:, :, ::-1]):
        assert {picture.tobytes() for picture in turned} == {picture.tobytes() for picture in images}
