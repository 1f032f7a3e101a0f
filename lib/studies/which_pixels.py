"""Which pixels matter: what attributions say of crystals whose parts are known in every pixel. The steps of notebook 18."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.stats import spearmanr
from skimage.filters import sobel

from lib.core.seeds import generator
from lib.crystals.rosette import Rosette
from lib.datasets.fresh_rosettes import pictures_of
from lib.datasets.rosettes import crystals_of
from lib.evaluation import attribution_scores as scores
from lib.imaging.draw.regions import REGIONS, bullet_removed, regions
from lib.models.attribution import Answers
from lib.models.shape_model import ShapeModel, shares

#: Shares of the pixels that have been exchanged on the way from a picture to one that says nothing.
SHARES = np.array([0, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3])
#: Pixels of a region that are exchanged at a time, as a share of the picture, and how often they are drawn.
DOSE, DRAWS = 1 / 512, 4


class LabelledCrystals(NamedTuple):
    """`crystals` with their `rotation` (B, 3, 3), `pictures` (B, S, S) of shares covered, and `regions` (B, S, S), see
    `lib.imaging.draw.regions.REGIONS`.
    """

    crystals: list[Rosette]
    rotation: np.ndarray
    pictures: np.ndarray
    regions: np.ndarray


def label_pixels(data: xr.Dataset) -> LabelledCrystals:
    """The crystals of a data set in their first orientation and first view, with what each pixel shows."""
    crystals, rotation = crystals_of(data), data["rotation"].isel(orientation=0).to_numpy()
    pictures = pictures_of(data.isel(orientation=[0]))[:, 0]
    parts = [regions(*seen, pictures.shape[-1]) for seen in zip(crystals, rotation, strict=True)]
    return LabelledCrystals(crystals, rotation, shares(torch.from_numpy(pictures)).numpy(), np.stack(parts))


def mean_picture(data: xr.Dataset) -> np.ndarray:
    """The mean (S, S) of all pictures of a data set in the first view, as shares covered: it says nothing of a single crystal."""
    return shares(torch.from_numpy(pictures_of(data))).mean((0, 1)).numpy()


def answer_of(model: ShapeModel) -> scores.Answer:
    """The `Answers` of a model to pictures (B, S, S) of shares, as a function of arrays."""
    answers = Answers(model)

    @torch.inference_mode()
    def answer(pictures: np.ndarray) -> np.ndarray:
        whole = torch.from_numpy(np.ascontiguousarray(pictures, np.float32))[:, None]
        return torch.cat([answers(part.to(model.device)) for part in whole.split(500)]).cpu().numpy()

    return answer


def edges(pictures: np.ndarray) -> np.ndarray:
    """Steepness (B, S, S) of pictures (B, S, S) by Sobel's filter: what an edge detector finds in them."""
    return np.stack([sobel(picture) for picture in pictures])


def by_region(values: np.ndarray) -> pd.DataFrame:
    """Mean over pictures of values (B, R), and its standard error, a row for each of the `REGIONS`."""
    table = pd.DataFrame(values[:, : len(REGIONS)], columns=list(REGIONS))
    return pd.DataFrame({"value": table.mean(), "se": table.sem()})


def region_effects(answer: scores.Answer, some: LabelledCrystals, others: np.ndarray, seed: int = 0) -> np.ndarray:
    """What some pixels of a region change when they take the values of `others` (S, S), over what as many from anywhere change on
    average: (B, R, A). See `lib.evaluation.attribution_scores.region_effect`.
    """
    k = max(4, round(DOSE * others.size))
    whole = np.broadcast_to(others, some.pictures.shape)
    rng = generator(seed, "which pixels", "effects")
    found = scores.region_effect(answer, some.pictures, whole, some.regions, len(REGIONS), k, DRAWS, rng)
    return found[:, :-1] / found[:, -1:].mean(axis=0)


class Curves(NamedTuple):
    """How far answers are from those to whole pictures (B, K, A), as pixels go (`deletion`) and as they come (`insertion`)."""

    deletion: np.ndarray
    insertion: np.ndarray


def exchange(answer: scores.Answer, pictures: np.ndarray, others: np.ndarray, importance: np.ndarray, seed: int = 0) -> Curves:
    """Deletion and insertion of pixels, the most important first, over `SHARES` of the pixels.

    Parameters
    ----------
    others : (S, S), what stands where a picture is deleted
    importance : (B, S, S)
    """
    order = scores.most_important_first(importance, generator(seed, "which pixels", "order"))
    before, whole = answer(pictures)[:, None], np.broadcast_to(others, pictures.shape)
    pairs = ((pictures, whole), (whole, pictures))
    return Curves(*(np.abs(scores.exchange_curve(answer, *pair, order, SHARES) - before) for pair in pairs))


def areas(curves: Mapping[str, Curves], place: int, against: str) -> Iterator[dict]:
    """The area under the curves of each ranking for the answer at a `place`, as rows with model, score, value and se.

    `deletion_gain` and `insertion_gain` are the differences to the ranking `against` on the same pictures, positive where the
    ranking is the better one.
    """
    for kind, sign in (("deletion", 1), ("insertion", -1)):
        found = {name: scores.area_under(getattr(of, kind)[..., place], SHARES) for name, of in curves.items()}
        for name, area in found.items():
            yield {"model": name, "score": kind, **_mean(area)}
            if name != against:
                yield {"model": name, "score": f"{kind}_gain", **_mean(sign * (area - found[against]))}


def _mean(values: np.ndarray) -> dict[str, float]:
    """The mean of values (B,) and its standard error."""
    return {"value": float(values.mean()), "se": float(values.std(ddof=1) / len(values) ** 0.5)}


class Removal(NamedTuple):
    """What each bullet of each crystal does, a row a bullet.

    Attributes
    ----------
    crystal : (n,) place of its crystal
    effect : (n, A) the answers to the crystal less those to the crystal without the bullet
    differ : (n, S, S) the picture of the crystal less that without the bullet, as shares covered
    """

    crystal: np.ndarray
    effect: np.ndarray
    differ: np.ndarray


def remove_bullets(answer: scores.Answer, some: LabelledCrystals) -> Removal:
    """Each bullet taken away from each crystal, which stays where it is in the picture otherwise."""
    size = some.pictures.shape[-1]
    without = [bullet_removed(*seen, size) / np.float32(4) for seen in zip(some.crystals, some.rotation, strict=True)]
    crystal = np.repeat(np.arange(len(without)), [len(each) for each in without])
    rest = np.concatenate(without)
    return Removal(crystal, answer(some.pictures)[crystal] - answer(rest), some.pictures[crystal] - rest)


def removal_correlation(effect: np.ndarray, attributed: np.ndarray, crystal: np.ndarray, draws: int = 100, seed: int = 0) -> dict:
    """Spearman's rank correlation of what bullets do (n,) with what is attributed to them (n,), and its standard error by
    bootstrap over the crystals: `value` and `se`.
    """
    rows = [np.flatnonzero(crystal == i) for i in range(crystal.max() + 1)]
    rng = generator(seed, "which pixels", "removal")
    drawn = [np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]) for _ in range(draws)]

    def rho(some) -> float:
        return float(spearmanr(effect[some], attributed[some]).statistic)

    return {"value": rho(slice(None)), "se": float(np.std([rho(some) for some in drawn], ddof=1))}


def bullet_attribution(removal: Removal, maps: np.ndarray) -> np.ndarray:
    """Sum (n,) of a map (B, S, S) of each crystal over the pixels that are lost with each bullet."""
    return (maps[removal.crystal] * removal.differ).sum((1, 2))
