"""The gap between two sets of pictures: feature sets, classifiers, effects and habits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.datasets.picture_set import stack
from lib.datasets.synthetic_campaigns import Campaign, photograph_crystal
from lib.imaging.probe.photograph import EFFECTS, Probe
from lib.models.vae import Vae, VaeRecipe
from lib.studies import synthetic_vs_real


def taken(campaign, n, seed=0):
    """The pictures of some crystals that can be used."""
    rows = [photograph_crystal(campaign, 32, "all", seed, i) for i in range(n)]
    return stack([row for row in rows if row is not None])


def test_effects_lead_from_bare_to_full():
    probe = Probe()
    added, without = synthetic_vs_real.additions(probe), synthetic_vs_real.ablations(probe)
    assert list(added) == ["none", *(f"+ {name}" for name in EFFECTS)] and list(without) == [
        f"without {name}" for name in EFFECTS
    ]
    assert added["none"] == probe.only() and list(added.values())[-1] == probe
    assert without["without rim"].rim == 0 and without["without rim"].grain == probe.grain
    assert list(without.values())[-1] == list(added.values())[-2]


def test_further_effects_are_among_them():
    probe = replace(Probe(), further=(("motion", 2.0), ("dust", 1.0)))
    added, without = synthetic_vs_real.additions(probe), synthetic_vs_real.ablations(probe)
    assert list(added)[3:7] == ["+ defocus", "+ motion", "+ dust", "+ grain"] and list(added.values())[-1] == probe
    assert added["+ motion"].further == (("motion", 2.0),) and not added["+ defocus"].further
    assert without["without motion"] == replace(probe, further=(("dust", 1.0),)) and len(without) == len(EFFECTS) + 2


def test_bare_silhouettes_are_told_from_photographs_with_every_feature_set():
    model = Vae(VaeRecipe(4, 32, width=4), steps=1).eval()
    sets = (taken(campaign, 40) for campaign in (Campaign(Probe().only()), Campaign()))
    bare, full = (synthetic_vs_real.feature_sets(pictures, model) for pictures in sets)
    assert list(bare) == list(synthetic_vs_real.FEATURE_SETS)
    assert all(len(values) == len(bare["pixels"]) for values in bare.values())
    table = synthetic_vs_real.two_sample_accuracies(full, bare)
    assert (
        table.highest["photometry"] > 0.95
        and table.highest["pixels"] > 0.8
        and table.index.tolist() == list(synthetic_vs_real.FEATURE_SETS)
    )
    assert list(synthetic_vs_real.feature_sets(taken(Campaign(), 4), model, ["pixels"])) == ["pixels"]


def test_what_was_changed_gives_pictures_away():
    plain, noisy, more = (
        taken(Campaign(Probe().only("grain") if grain is None else replace(Probe().only("grain"), grain=grain)), 45, seed)
        for grain, seed in ((None, 0), (0.03, 1), (None, 2))
    )
    found, chance = synthetic_vs_real.telltales(plain, noisy), synthetic_vs_real.telltales(plain, more)
    assert (
        found.index[0] in ("background_std", "background_fine_std", "neighbour_std_x", "neighbour_std_y") and found.iloc[0] > 0.9
    )
    assert chance.max() < 0.5 and found.is_monotonic_decreasing and {"length_um", "edge_rise_px"} < set(found.index)


def test_distances_of_two_sets():
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(80, 3)), rng.normal(size=(80, 3)) + [2, 0, 0]
    table = pd.DataFrame({"linear": [0.7, 0.9], "highest": [0.8, 0.9]}, index=["latents", "pixels"])
    found = synthetic_vs_real.gap(table, real, synthetic)
    assert list(found) == ["c2st", "c2st_latents", "c2st_pixels", "frechet", "mmd"]
    assert found["c2st"] == found["c2st_pixels"] == 0.9 and found["c2st_latents"] == 0.8
    assert found["frechet"] == pytest.approx(4, rel=0.3) and found["mmd"] > 0.3


def test_the_nearest_habit_is_found_though_it_is_rare():
    rng = np.random.default_rng(0)
    labels = pd.Series(["column"] * 90 + ["sphere"] * 10)
    synthetic = rng.normal(size=(100, 2)) + np.where(labels == "sphere", 6, 0)[:, None]
    real = rng.normal(size=(30, 2)) + 6
    assert (synthetic_vs_real.nearest_habit(real, synthetic, labels) == "sphere").all()
    table = synthetic_vs_real.habit_distances(real, synthetic, labels)
    assert table.index.tolist() == ["sphere", "column"] and table.nearest.tolist() == [1, 0]
    assert abs(table.mmd["sphere"]) < 0.1 < table.mmd["column"]
