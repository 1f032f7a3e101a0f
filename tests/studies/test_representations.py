"""The ladder of representations."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.datasets.habit_pictures import SCREENED, HabitPictures
from lib.imaging.read.oap import LabelledSilhouettes
from lib.models.self_supervision import Changes
from lib.models.training import Trained
from lib.studies import representations

EPOCHS, WIDTH = dict.fromkeys(representations.RUNGS, 2), {rung: 8 for rung in representations.RUNGS}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)


def bars_and_discs(n, seed=0):
    """Silhouettes (n, 60, 60) of bars and discs of random size, as a labelled set; a tenth is for inspection."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:60, :60] - 29.5
    radius, angle, bar = rng.uniform(8, 25, n), rng.uniform(0, np.pi, n), rng.random(n) < 0.5
    masks = np.zeros((n, 60, 60), np.uint8)
    for i in range(n):
        along, across = x * np.cos(angle[i]) + y * np.sin(angle[i]), y * np.cos(angle[i]) - x * np.sin(angle[i])
        masks[i] = np.hypot(along, across / (0.2 if bar[i] else 1)) < radius[i]
    labels = np.where(bar, "bar", np.where(np.arange(n) % 20 == 3, "unidentified", "water_droplet"))
    splits = np.where(np.arange(n) % 10 == 0, "inspection", "train")
    files = np.array([f"{i}.png" for i in range(n)])
    return LabelledSilhouettes(masks, labels, splits, files, pd.DataFrame({"file": files, "reason": ""}))


def test_silhouettes_are_split_without_overlap():
    labelled = bars_and_discs(200)
    real = representations.split_silhouettes(labelled, 32, 16)
    known = labelled.labels != "unidentified"
    apart = known & (labelled.splits == "inspection")
    sizes = [len(part.label) for part in real.sets]
    assert real.names == ["bar", "water droplet"] and len(real.inspection.label) == apart.sum()
    assert sum(sizes) == (known & ~apart).sum() and sizes[2] == sum(sizes) // 5
    assert len({part.description["name"] for part in (*real.sets, real.inspection)}) == 4
    found = real.descriptors
    assert len(found.train) == sizes[0] and len(found.test) == sizes[2] and np.isfinite(found.train).all()


def test_the_frame_hides_the_size_and_the_size_is_kept():
    labelled = bars_and_discs(40)
    part = representations.silhouettes(labelled.masks, np.zeros(40, int), 32, 8)
    area = (part.plain.read(0, 40) > 127).sum((1, 2))
    discs = labelled.labels != "bar"
    assert area[discs].std() < 0.1 * area[discs].mean()
    longest = np.array([1 + max(np.ptp(values) for values in np.nonzero(mask)) for mask in labelled.masks])
    assert np.exp(part.log_size) == pytest.approx(10 * longest)


def test_other_pictures_are_described_otherwise(monkeypatch):
    masks = bars_and_discs(10).masks
    one, again, other = (
        representations.silhouettes(drawn, np.zeros(10, int), 32, 8).description for drawn in (masks, masks, masks[::-1])
    )
    assert one == again != other
    few = HabitPictures(1, 1, 1, 32, SCREENED)
    before = representations.synthetic(few, 2, scheduler="synchronous").description
    monkeypatch.setattr(representations, "LAYOUT", -1)
    assert before != representations.synthetic(few, 2, scheduler="synchronous").description


@pytest.mark.parametrize("rung", list(representations.RUNGS))
def test_every_rung_tells_bars_from_discs(rung):
    real = representations.split_silhouettes(bars_and_discs(400), 32, 40)
    climb = representations.Climb(EPOCHS | {"ssl": 3}, WIDTH, 32, latents=6, changes=Changes(edges=0.5))
    found = representations.climbed(rung, climb, real.sets)
    assert found.points.test_map.shape == (len(real.sets.test.label), 2)
    assert found.points.test.shape[1] == {"conv2": 2, "ssl": 33}.get(rung, 6)  # with the size beside
    assert found.scores["linear_probe"] > 0.9


def test_rungs_see_the_pictures_that_they_are_to_see():
    part = representations.synthetic(HabitPictures(4, 1, 1, 32, SCREENED), 12, scheduler="synchronous")
    plain, cut = (part.of(rung).read(0, 36) for rung in ("conv2", "ssl"))
    assert plain.shape == cut.shape == (36, 32, 32)
    assert np.median(plain[:, 0, 0]) > 100 and (cut[:, 0, 0] == 0).all()
    disk = representations.synthetic(HabitPictures(4, 1, 1, 32, SCREENED), 12, scheduler="synchronous", keep=False)
    assert (disk.cut.read(3, 20) == cut[3:20]).all() and (disk.label == part.label).all()


def test_rungs_are_climbed_with_each_seed(monkeypatch):
    monkeypatch.setattr(representations, "climbed", lambda rung, climb, sets, seed, device: (rung, seed, device))
    found = representations.climbs(None, None, 2, 7, "cuda", ["conv2", "ssl"])
    expected = {("conv2", 0): 7, ("ssl", 0): 7, ("conv2", 1): 8, ("ssl", 1): 8}
    assert found == {(rung, k): (rung, seed, "cuda") for (rung, k), seed in expected.items()} and list(found) == list(expected)
    assert list(representations.climbs(None, None, 1)) == [(rung, 0) for rung in representations.RUNGS]


def test_the_effort_counts_pictures_each_time_they_come():
    pictures = np.zeros((12, 8, 8), np.uint8)  # of four crystals, each photographed three times
    alone, together = representations.stored(pictures, 4), representations.stored(pictures.reshape(4, 3, 8, 8), 4)
    train = representations.Pictures(alone, alone, together, np.zeros(12, int), {})
    training = Trained(torch.nn.Linear(3, 2), pd.DataFrame({"seconds": [1.0, 2.0, 1.0]}))
    assert representations.effort("conv2", training, train) == {
        "weights": 8, "epochs": 3, "pictures_seen": 36, "seconds": 4.0, "pictures_per_second": 9.0,
    }  # fmt: skip
    assert representations.effort("ssl", training, train)["pictures_seen"] == 3 * 2 * 4  # two photographs of each crystal


def test_a_table_has_a_row_for_each_rung_and_seed():
    rungs = {(name, k): representations.Rung(None, None, {"ari": k / 2}) for k in range(2) for name in ("conv2", "ssl")}
    found = representations.score_table(rungs)
    assert found.rung.tolist() == 2 * ["VAE, 2 latents", "self-supervised, UMAP"] and found.ari.tolist() == [0, 0, 0.5, 0.5]


def test_scores_are_named_with_mean_and_spread():
    rungs = {("conv2", k): representations.Rung(None, None, {"ari": value}) for k, value in enumerate((0.1, 0.3))}
    assert representations.named({("conv2", 0): rungs["conv2", 0]}, "_2ds") == {"ari_conv2_2ds": 0.1}
    assert representations.named(rungs) == pytest.approx({"ari_conv2": 0.2, "ari_conv2_sd": 0.2 / 2**0.5})
