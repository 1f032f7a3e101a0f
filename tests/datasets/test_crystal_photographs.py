"""Photographs of crystals: with background, masked and by crystal, from memory or from disk."""

import numpy as np
import pytest

from lib.datasets import crystal_photographs
from lib.datasets.crystal_photographs import silhouettes, synthetic_photographs
from lib.datasets.habit_pictures import SCREENED, HabitPictures


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)


def discs(n, seed=0):
    """Silhouettes (n, 60, 60) of discs of random size."""
    y, x = np.mgrid[:60, :60] - 29.5
    radius = np.random.default_rng(seed).uniform(8, 25, n)
    return (np.hypot(x, y) < radius[:, None, None]).astype(np.uint8)


def test_the_frame_hides_the_size_and_the_size_is_recorded():
    masks = discs(40)
    part = silhouettes(masks, np.zeros(40, int), 32, 8)
    area = (part.plain.read(0, 40) > 127).sum((1, 2))
    assert area.std() < 0.1 * area.mean()
    longest = np.array([1 + max(np.ptp(values) for values in np.nonzero(mask)) for mask in masks])
    assert np.exp(part.log_size) == pytest.approx(10 * longest)


def test_other_pictures_are_described_otherwise(monkeypatch):
    masks = discs(10)
    one, again, other = (silhouettes(drawn, np.zeros(10, int), 32, 8).description for drawn in (masks, masks, masks[::-1]))
    assert one == again != other
    few = HabitPictures(1, 1, 1, 32, SCREENED)
    before = crystal_photographs.described(few)
    monkeypatch.setattr(crystal_photographs, "LAYOUT", -1)
    assert before != crystal_photographs.described(few)


def test_forms_of_the_same_photographs():
    few = HabitPictures(2, 2, 1, 32, SCREENED)
    part = synthetic_photographs(few, 12, scheduler="synchronous")
    plain, masked, by_crystal = part.plain.read(0, 36), part.masked.read(0, 36), part.by_crystal.read(0, 18)
    assert np.median(plain[:, 0, 0]) > 100 and (masked[:, 0, 0] == 0).all() and plain.shape == (36, 32, 32)
    assert by_crystal.shape == (18, 2, 32, 32) and (by_crystal.reshape(36, 32, 32) == masked).all()
    disk = synthetic_photographs(few, 12, scheduler="synchronous", in_memory=False)
    assert (disk.masked.read(3, 20) == masked[3:20]).all() and (disk.label == part.label).all()
