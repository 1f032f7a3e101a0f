"""The search for a probe: its yardstick, the mixture it finds, and that it finds its way and goes on after a break."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import energy_distance

from lib.crystals.habits import HABITS
from lib.datasets.campaigns import Campaign, photographed
from lib.datasets.particles import joined, picture_set
from lib.imaging.probe.photograph import Probe
from lib.studies import probe_tuning
from lib.studies.probe_tuning import Yardstick, campaign_at, changes, meanings, places, position_of, tuned, values_of

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
    rows = [photographed(campaign, 32, "all", seed, i) for i in range(n)]
    return picture_set([row for row in rows if row is not None])


@pytest.fixture(scope="module")
def sets():
    """Pictures of the start, of the truth, and others of the truth."""
    return taken(START, 90), taken(TRUTH, 90, seed=1), taken(TRUTH, 90, seed=2)


def test_places_and_campaigns_belong_together():
    there = Campaign(replace(Probe(), grain=0.02, stretch=0.0), size=1.5)
    found = campaign_at(position_of(values_of(there)), Campaign(Probe().only("grain")))
    assert values_of(found) == pytest.approx(values_of(there)) and found.probe.stretch == 0
    assert places(replace(there, size=1.0, size_spread=0.3))[["size", "size_spread"]].tolist() == pytest.approx([0.5, 0.5])
    assert (position_of({name: low for name, (low, _) in probe_tuning.SEARCHED.items()}) == 0).all()
    assert position_of({name: high for name, (_, high) in probe_tuning.SEARCHED.items()}) == pytest.approx(1)


def test_every_parameter_has_a_meaning():
    found = meanings()
    assert list(found) == list(probe_tuning.SEARCHED) and all(found.values())
    assert set(found) - {"size", "size_spread"} < {field.name for field in fields(Probe)}
    assert len(set(found.values())) == len(found)
    assert all(("[pixels]" in meaning) == name.endswith("_px") for name, meaning in found.items() if not name.endswith("spread"))


def test_what_changed_most_comes_first():
    table = changes(START, TRUTH)
    assert set(table.index[:2]) == {"grain", "shading"} and (table.moved[2:] == 0).all()
    assert table.after["grain"] == 0.02 and table.before["grain"] == START.probe.grain


def test_the_distance_is_the_energy_distance(sets):
    start, truth, _ = sets
    yardstick = Yardstick(truth)
    near = [np.nan_to_num((yardstick._features(p) - yardstick.middle) / yardstick.span).clip(-1.4, 1.4) for p in (start, truth)]
    along = [values @ yardstick.directions[: values.shape[1]].T for values in near]
    exact = [energy_distance(a, b) ** 2 for a, b in zip(along[0].T, along[1].T, strict=True)]
    yardstick.directions = yardstick.directions[: len(exact)]
    yardstick.real = yardstick.course(truth)
    assert yardstick.distance(start) == pytest.approx(np.mean(exact), rel=0.1)


def test_pictures_of_one_campaign_are_near(sets):
    start, truth, more = sets
    yardstick = Yardstick(truth)
    assert yardstick.distance(truth) == 0 < yardstick.distance(more) < 0.1 * yardstick.distance(start)


def test_the_mixture_is_found(sets):
    _, truth, _ = sets
    number = {"column": 6, "sphere": 3, "agg": 1}
    parts = {habit: truth.chosen(np.flatnonzero(truth.table.label == habit)) for habit in number}
    real = joined([part for habit, part in parts.items() for _ in range(number[habit])])
    true = np.array([number.get(habit, 0) * len(parts[habit]) if habit in parts else 0 for habit in HABITS]) / len(real)
    shares, left = Yardstick(real).best_mixture(truth)
    assert shares == pytest.approx(true, abs=0.12) and shares.sum() == pytest.approx(1) and shares.min() >= 0
    assert left @ left < 0.1 * Yardstick(real).distance(truth)


def test_a_search_finds_the_probe(cache, sets):
    start, truth, _ = sets
    found = tuned(truth, START, n_tries=10, n_pictures=27, workers=1)
    history = found.history
    assert history.kind.tolist() == ["start", "size_spread", "grain", "shading", *["step"] * 5, "mixture"]
    yardstick = Yardstick(truth)
    assert yardstick.distance(taken(found.campaign, 90)) < 0.3 * yardstick.distance(start)
    assert found.campaign.probe.grain == pytest.approx(0.02, rel=0.25)
    assert found.campaign.probe.shading == pytest.approx(0.05, rel=0.25)
    assert sum(found.campaign.shares) == pytest.approx(1)


def test_the_campaign_found_brings_pictures_in_the_best_shares(cache):
    few = list(HABITS).index("sphere")  # most of them are too small to pass
    mixture = np.where(np.arange(len(HABITS)) == few, 0.8, 0.2 / (len(HABITS) - 1))
    start = replace(START, size=1.5)
    real = taken(replace(start, shares=tuple(mixture)), 200, seed=1)
    found = tuned(real, start, n_tries=3, n_pictures=60, workers=1)
    last = taken(start, 360, seed=1)
    best, _ = Yardstick(real).best_mixture(last)
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
    whole = tuned(truth, START, n_tries=7, n_pictures=9, workers=1)
    photographs = []

    def counted(campaign, *arguments):
        if len(photographs) == 40:
            raise KeyboardInterrupt
        photographs.append(campaign)
        return photographed(campaign, *arguments)

    monkeypatch.setattr("lib.core.paths.CACHE", cache / "other")
    monkeypatch.setattr(probe_tuning, "photographed", counted)
    with pytest.raises(KeyboardInterrupt):
        tuned(truth, START, n_tries=7, n_pictures=9, workers=1)
    first = len(list((cache / "other").glob("*.part/try-*.npz")))
    monkeypatch.setattr(probe_tuning, "photographed", photographed)
    again = tuned(truth, START, n_tries=7, n_pictures=9, workers=1)
    assert first == 4 and again.campaign == whole.campaign and again.history.equals(whole.history)
