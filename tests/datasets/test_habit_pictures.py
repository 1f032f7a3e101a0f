"""The data set of synthetic habits."""

from dataclasses import replace

import numpy as np
import pytest

from lib.crystals.habits import HABITS
from lib.datasets.habit_pictures import BLOCK, SCREENED, HabitPictures, habit_pictures
from lib.imaging.probe.photograph import Probe

SMALL = HabitPictures(20, seed=3, size=32, probe=SCREENED, habits=("column", "sphere", "bullet"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    return tmp_path


def test_habits_take_turns_and_are_what_they_are_called(cache):
    data = habit_pictures(SMALL, "synchronous")
    assert dict(data.sizes) == {"particle": 60, "y": 32, "x": 32, "habit": 3}
    assert (data.label == np.tile([0, 1, 2], 20)).all() and list(data.habit.to_numpy()) == ["column", "sphere", "bullet"]
    share = data.mask.mean(("y", "x")).to_numpy()
    assert data.found.mean() > 0.9
    assert np.median(share[1::3]) > 1.5 * np.median(share[0::3])  # a disc fills its frame, a column does not
    grey, mask = data.grey.to_numpy(), data.mask.to_numpy()
    assert grey[mask == 1].mean() < grey[mask == 0].mean()


def test_pictures_do_not_depend_on_the_scheduler_or_on_how_many_there_are(cache, monkeypatch, tmp_path):
    one = habit_pictures(SMALL, "synchronous").load()
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path / "other")
    more = habit_pictures(replace(SMALL, n_each=BLOCK // 3 + 5), "processes", workers=2).load()
    for name in ("grey", "mask", "label"):
        assert (one[name].to_numpy() == more[name].to_numpy()[:60]).all()


def test_a_data_set_is_found_again(cache):
    habit_pictures(SMALL, "synchronous")
    before = {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    habit_pictures(SMALL, "synchronous")
    assert before == {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}


def test_all_habits_are_the_default():
    assert HabitPictures(2).habits == tuple(HABITS) and HabitPictures(2).length == 18 and HabitPictures(2).probe == Probe()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_each": 0}, "n_each: expected at least 1, got 0"),
        ({"n_each": 1, "habits": ("snail",)}, "got snail"),
        ({"n_each": 1, "habits": ()}, "got none"),
    ],
)
def test_bad_descriptions(arguments, message):
    with pytest.raises(ValueError, match=message):
        HabitPictures(**arguments)
