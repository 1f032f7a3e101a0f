"""Campaigns: the mixture of habits, sizes, and pictures that are found again."""

from collections import Counter
from dataclasses import replace

import pytest

from lib.crystals.habits import HABITS
from lib.datasets.synthetic_campaigns import TARGET_CAMPAIGN, Campaign, campaign_pictures, photograph_crystal
from lib.imaging.probe.photograph import Probe

BARE = Campaign(Probe().only())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    return tmp_path


def test_habits_come_in_their_shares():
    assert [BARE.habit(i) for i in range(18)] == [*HABITS, *HABITS]
    shares = (0.5, 0.2, 0.1, 0.0, 0.05, 0.05, 0.0, 0.1, 0.0)
    counts = Counter(Campaign(shares=shares).habit(i) for i in range(1000))
    assert all(abs(counts[habit] - 1000 * share) <= 4 for habit, share in zip(HABITS, shares, strict=True))
    near = Campaign(shares=(0.51, 0.19, *shares[2:]))
    assert sum(near.habit(i) != Campaign(shares=shares).habit(i) for i in range(1000)) < 20


def test_larger_crystals_make_larger_pictures(cache):
    small, large = (campaign_pictures(replace(BARE, size=size), 18, 32, workers=1) for size in (1.0, 1.6))
    common = set(small.table.file) & set(large.table.file)
    lengths = [pictures.table.set_index("file").length_um[sorted(common)] for pictures in (small, large)]
    assert len(common) > 10 and (lengths[1] / lengths[0]).median() == pytest.approx(1.6, rel=0.03)


def test_pictures_are_those_asked_for_and_found_again(cache):
    pictures = campaign_pictures(TARGET_CAMPAIGN, 20, 32, seed=3, workers=1)
    files = {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    again = campaign_pictures(TARGET_CAMPAIGN, 20, 32, seed=3, workers=1)
    assert files == {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    assert len(pictures) == 20 and (pictures.grey == again.grey).all() and pictures.table.equals(again.table)
    assert (pictures.table.group == "").all() and set(pictures.table.label) <= set(HABITS)
    assert (pictures.table.length_um > 2.3 * 49).all()


def test_processes_take_the_same_pictures(cache, tmp_path, monkeypatch):
    one = campaign_pictures(Campaign(), 12, 32, workers=1)
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path / "other")
    two = campaign_pictures(Campaign(), 12, 32, workers=2)
    assert (one.grey == two.grey).all() and one.table.equals(two.table)


def test_whole_particles_are_not_cut(cache):
    pictures = campaign_pictures(Campaign(), 8, 32, "whole", workers=1)
    assert (pictures.table.cut <= 0.02).all() and not (pictures.table.blur_px > 15).any()


def test_effects_leave_the_crystals_as_they_are():
    rows = [photograph_crystal(Campaign(probe), 32, "all", 5, 3) for probe in (Probe().only(), Probe().only("grain"))]
    assert rows[0].numbers["label"] == rows[1].numbers["label"]
    assert (rows[0].mask != rows[1].mask).mean() < 0.02


def test_a_crystal_without_shadow_is_left_out():
    bright = Campaign(replace(Probe(), veil=3.0, veil_spread=0.0, texture=0.0))
    assert photograph_crystal(bright, 32, "all", 0, 0) is None and photograph_crystal(Campaign(), 32, "all", 0, 0) is not None


def test_a_campaign_of_specks_is_refused(cache):
    with pytest.raises(ValueError, match="0 of 40 pictures pass the screening, so 2 would take too long"):
        campaign_pictures(replace(BARE, size=0.01), 2, 32, workers=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0.0}, "expected more than 0 and at least 0, got 0.0, 0.0"),
        ({"size_spread": -0.1}, "got 1.0, -0.1"),
        ({"shares": (0.5, 0.4)}, "shares: expected at most 9 of at least 0 that add up to 1"),
        ({"shares": (0.1,) * 10}, "shares: expected at most 9"),
    ],
)
def test_bad_campaigns(arguments, message):
    with pytest.raises(ValueError, match=message):
        Campaign(**arguments)
