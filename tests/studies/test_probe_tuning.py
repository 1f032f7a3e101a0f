"""The search for a probe: its distance, the mixture it finds, and that it finds its way and goes on after a break."""

from dataclasses import fields, replace

import numpy as np
import pytest

from lib.crystals.habits import HABITS
from lib.datasets.picture_set import concatenate, stack
from lib.datasets.synthetic_campaigns import Campaign, photograph_crystal
from lib.imaging.probe.photograph import Probe
from lib.studies import probe_tuning
from lib.studies.probe_tuning import (
    PictureDistance,
    campaign_at,
    meanings,
    parameter_changes,
    position_of,
    positions,
    tune,
    values_of,
)

FEW = {name: probe_tuning.SEARCHED[name] for name in ("size_spread", "grain", "shading")}
#: A probe of few effects, which is quick, and one to be found from it.
START = Campaign(Probe().only("grain", "shading", "stretch"))
TRUTH = replace(START, probe=replace(START.probe, grain=0.02, shading=0.05))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and a search of three parameters."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    monkeypatch.setattr(probe_tuning, "SEARCHED", FEW)
    return tmp_path


def taken(campaign, n, seed=0):
    """The pictures of some crystals that can be used."""
    rows = [photograph_crystal(campaign, 32, "all", seed, i) for i in range(n)]
    return stack([row for row in rows if row is not None])


@pytest.fixture(scope="module")
def sets():
    """Pictures of the start, of the truth, and others of the truth."""
    return taken(START, 90), taken(TRUTH, 90, seed=1), taken(TRUTH, 90, seed=2)


def test_places_and_campaigns_belong_together():
    there = Campaign(replace(Probe(), grain=0.02, stretch=0.0), size=1.5)
    found = campaign_at(position_of(values_of(there)), Campaign(Probe().only("grain")))
    assert values_of(found) == pytest.approx(values_of(there)) and found.probe.stretch == 0
    assert positions(replace(there, size=1.0, size_spread=0.3))[["size", "size_spread"]].tolist() == pytest.approx([0.5, 0.5])
    assert (position_of({name: low for name, (low, _) in probe_tuning.SEARCHED.items()}) == 0).all()
    assert position_of({name: high for name, (_, high) in probe_tuning.SEARCHED.items()}) == pytest.approx(1)


def test_every_parameter_has_a_meaning():
    found = meanings()
    assert list(found) == list(probe_tuning.SEARCHED) and all(found.values())
    assert set(found) - {"size", "size_spread"} < {field.name for field in fields(Probe)}
    assert len(set(found.values())) == len(found)
    assert all(("[pixels]" in meaning) == name.endswith("_px") for name, meaning in found.items() if not name.endswith("spread"))


def test_what_changed_most_comes_first():
    table = parameter_changes(START, TRUTH)
    assert set(table.index[:2]) == {"grain", "shading"} and (table.change[2:] == 0).all()
    assert table.after["grain"] == 0.02 and table.before["grain"] == START.probe.grain


def test_pictures_of_one_campaign_are_near(sets):
    start, truth, more = sets
    distance = PictureDistance(truth)
    assert distance(truth) == 0 < distance(more) < 0.1 * distance(start)


def test_the_mixture_is_found(sets):
    _, truth, _ = sets
    number = {"column": 6, "sphere": 3, "agg": 1}
    parts = {habit: truth.select(np.flatnonzero(truth.table.label == habit)) for habit in number}
    real = concatenate([part for habit, part in parts.items() for _ in range(number[habit])])
    true = np.array([number.get(habit, 0) * len(parts[habit]) if habit in parts else 0 for habit in HABITS]) / len(real)
    shares, residual = PictureDistance(real).best_mixture(truth)
    assert shares == pytest.approx(true, abs=0.12) and shares.sum() == pytest.approx(1) and shares.min() >= 0
    assert residual @ residual < 0.1 * PictureDistance(real)(truth)


def test_a_search_finds_the_probe(cache, sets):
    start, truth, _ = sets
    found = tune(truth, START, n_tries=10, n_pictures=27, workers=1)
    history = found.history
    assert history.kind.tolist() == ["start", "size_spread", "grain", "shading", *["step"] * 5, "mixture"]
    distance = PictureDistance(truth)
    assert distance(taken(found.campaign, 90)) < 0.3 * distance(start)
    assert found.campaign.probe.grain == pytest.approx(0.02, rel=0.25)
    assert found.campaign.probe.shading == pytest.approx(0.05, rel=0.25)
    assert sum(found.campaign.shares) == pytest.approx(1)


def test_the_campaign_found_brings_pictures_in_the_best_shares(cache):
    few = list(HABITS).index("sphere")  # most of them are too small to pass
    mixture = np.where(np.arange(len(HABITS)) == few, 0.8, 0.2 / (len(HABITS) - 1))
    start = replace(START, size=1.5)
    real = taken(replace(start, shares=tuple(mixture)), 200, seed=1)
    found = tune(real, start, n_tries=3, n_pictures=60, workers=1)
    last = taken(start, 360, seed=1)
    best, _ = PictureDistance(real).best_mixture(last)
    assert found.history.kind.tolist() == ["start", "step", "mixture"]
    labels = taken(found.campaign, 400, seed=5).table.label
    shares = np.array([(labels == habit).mean() for habit in HABITS])
    assert best[few] > 0.3 and found.campaign.shares[few] > 1.5 * best[few]
    assert shares == pytest.approx(best, abs=0.08)


def test_shares_of_crystals_make_up_for_what_does_not_pass():
    wanted = np.array([0.5, 0.3, 0.2, 0.0])
    found = probe_tuning.shares_of_crystals(wanted, np.array([100, 100, 50, 50]), np.array([20, 80, 50, 0]))
    assert found * [0.2, 0.8, 1, 0] / (found @ [0.2, 0.8, 1, 0]) == pytest.approx(wanted) and found.sum() == pytest.approx(1)


def test_a_search_goes_on_where_it_was_broken_off(cache, sets, monkeypatch):
    _, truth, _ = sets
    whole = tune(truth, START, n_tries=7, n_pictures=9, workers=1)
    photographs = []

    def counted(campaign, *arguments):
        if len(photographs) == 40:
            raise KeyboardInterrupt
        photographs.append(campaign)
        return photograph_crystal(campaign, *arguments)

    monkeypatch.setattr("lib.core.paths.CACHE", cache / "other")
    monkeypatch.setattr(probe_tuning, "photograph_crystal", counted)
    with pytest.raises(KeyboardInterrupt):
        tune(truth, START, n_tries=7, n_pictures=9, workers=1)
    first = len(list((cache / "other").glob("*.part/try-*.npz")))
    monkeypatch.setattr(probe_tuning, "photograph_crystal", photograph_crystal)
    again = tune(truth, START, n_tries=7, n_pictures=9, workers=1)
    assert first == 4 and again.campaign == whole.campaign and again.history.equals(whole.history)
