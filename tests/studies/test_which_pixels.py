"""lib.studies.which_pixels: networks whose pixels are known, and crystals without a bullet."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.datasets.rosettes import Views, rosette_views
from lib.imaging.draw.regions import REGIONS
from lib.models.shape_model import Recipe, ShapeModel
from lib.studies import which_pixels as pixels

SIZE = 64


@pytest.fixture(scope="module")
def data():
    return rosette_views(Views(14, 2, (0.0,), seed=6, size=SIZE), "synchronous")


@pytest.fixture(scope="module")
def some(data):
    return pixels.label_pixels(data)


def covered(pictures):
    """An answer that counts what is covered: every pixel matters as much as any other."""
    return pictures.sum((1, 2))[:, None]


def on_tips(some):
    """An answer that rests on the tips alone."""
    return lambda pictures: (pictures * (some.regions[: len(pictures)] == REGIONS.index("tip"))).sum((1, 2))[:, None]


def test_pictures_and_parts_belong_together(data, some):
    stored = data["silhouette"].isel(orientation=0, view=0).to_numpy()
    assert (4 * some.pictures == stored).all()
    inside = np.isin(some.regions, [REGIONS.index(name) for name in ("centre", "overlap", "bullet")])
    assert (some.pictures[inside] >= 0.5).all()


def test_the_mean_picture_is_round_and_grey(data):
    mean = pixels.mean_picture(data)
    assert mean.shape == (SIZE, SIZE)
    assert mean[SIZE // 2, SIZE // 2] > 0.8 and mean[0, 0] == 0
    assert mean.sum() == pytest.approx(data["silhouette"].to_numpy().mean((0, 1, 2)).sum() / 4)


def test_edges_are_at_the_outline(some):
    by_region = {name: pixels.edges(some.pictures)[some.regions == i].mean() for i, name in enumerate(REGIONS)}
    assert min(by_region[name] for name in ("tip", "side")) > 5 * max(by_region[name] for name in ("bullet", "background"))


def test_answers_are_those_of_the_model(some):
    torch.manual_seed(0)
    model = ShapeModel(Recipe("polar", settings={"width": 8}), SIZE, tuple(range(4, 11)))
    answer = pixels.answer_of(model.standardise(torch.rand(9, 2) + 0.1).eval())
    assert answer(some.pictures).shape == (14, 3)
    assert answer(some.pictures[3:5]) == pytest.approx(answer(some.pictures)[3:5], rel=1e-4)


def test_the_effect_is_in_the_part_on_which_the_answer_rests(some):
    found = pixels.region_effects(on_tips(some), some, np.zeros((SIZE, SIZE), np.float32))
    table = pixels.by_region(found[..., 0])
    assert table.value["tip"] > 3
    assert table.value["side"] == table.value["background"] == 0


def test_deletion_by_what_matters_is_better_than_by_edges_and_at_random(some):
    answer, nothing = covered, np.zeros((SIZE, SIZE), np.float32)
    rankings = {"right": some.pictures, "edges": pixels.edges(some.pictures), "random": np.ones_like(some.pictures)}
    curves = {name: pixels.exchange(answer, some.pictures, nothing, ranking) for name, ranking in rankings.items()}
    assert curves["right"].deletion[:, 0] == pytest.approx(np.zeros((14, 1)))
    area = pd.DataFrame(pixels.areas(curves, 0, against="edges")).set_index(["model", "score"])
    deletion, insertion = (area.value.xs(score, level="score") for score in ("deletion", "insertion"))
    assert deletion["right"] > deletion["edges"] > deletion["random"]
    assert insertion["right"] < insertion["edges"] < insertion["random"]
    gain = area.value.xs("deletion_gain", level="score")
    assert gain["right"] == pytest.approx(deletion["right"] - deletion["edges"], rel=1e-4) and "edges" not in gain
    assert area.value["right", "insertion_gain"] > 0 > area.value["random", "insertion_gain"]


def test_bullets_that_are_taken_away_have_the_effect_of_their_pixels(some):
    removal = pixels.remove_bullets(covered, some)
    assert len(removal.crystal) == sum(crystal.n_bullets for crystal in some.crystals)
    assert removal.effect[:, 0] == pytest.approx(removal.differ.sum((1, 2)), rel=1e-4)
    assert (removal.effect > -1e-3).all()
    attributed = pixels.bullet_attribution(removal, np.ones_like(some.pictures))
    assert attributed == pytest.approx(removal.effect[:, 0], rel=1e-4)
    found = pixels.removal_correlation(removal.effect[:, 0], attributed, removal.crystal)
    assert found["value"] == pytest.approx(1) and found["se"] < 0.01


def test_an_attribution_that_says_nothing_has_no_correlation():
    rng = np.random.default_rng(0)
    crystal = np.arange(400) // 4
    found = pixels.removal_correlation(rng.normal(size=400), rng.normal(size=400), crystal)
    assert abs(found["value"]) < 4 * found["se"] and 0.02 < found["se"] < 0.1
