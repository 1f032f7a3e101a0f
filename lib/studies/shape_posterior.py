"""The posterior of density, surface and number of bullets from a few views, and how it is scored. The steps of notebook 16."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy.stats import multivariate_normal, norm
from tqdm.auto import tqdm

from lib.core.seeds import child_seed, generator
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import ROSETTE_MODELS, Rosette
from lib.datasets.fresh_rosettes import Sets
from lib.datasets.rosettes import LABEL, TARGETS, Views, crystals_of, rosette_views, truth
from lib.datasets.voxels import occupancy
from lib.evaluation import calibration
from lib.evaluation.shape_scores import depth_mirrored, iou
from lib.imaging.draw.rasteriser import unstack
from lib.imaging.draw.stack import Stack
from lib.models.posterior import Seen, ShapePosterior, posterior_training, seen
from lib.models.reconstruction.rosette_posterior import Crystals, Samples, Settings, posteriors
from lib.models.shape_model import Predicted, ShapeModel, features, predict
from lib.models.training import Trained, Training
from lib.studies.rosette_network import rosette_training

#: Numbers of bullets that labels stand for.
BULLETS = ROSETTE_MODELS["2025"].bullets
#: What a posterior is drawn of: the last axis of its draws.
QUANTITIES = (*TARGETS, LABEL)
#: Crystals that are drawn at a time.
_BLOCK = 100
#: Added to probabilities before their logarithm is taken.
_LEAST = 1e-4
#: Seed of the crystals that the shipped posterior learns from, which no other data set of the book has, and of its training.
SEED = 816


class Numbers(NamedTuple):
    """How a posterior is trained that is shipped: crystals to learn from and to validate, most views, and how long."""

    learn: int = 24_000
    validation: int = 2_000
    n_views: int = 6
    size: int = 128
    epochs: int = 80
    batch: int = 256
    width: int = 128


#: The same in little, for tests.
QUICK = Numbers(70, 35, 2, 32, 1, 32, 8)


def shape_posterior_training(quick: bool = False) -> Training:
    """The training of the posterior that is shipped, on what the shipped network says of single views.

    Parameters
    ----------
    quick : a small one that learns a little
    """
    numbers = QUICK if quick else Numbers()
    encoder = rosette_training(quick)
    seeds = {part: child_seed(SEED, "rosettes", part) for part in ("crystals", "validation")}
    views = {
        "crystals": Views(numbers.learn, 1, (0.0,), seeds["crystals"], numbers.size, pictures=False),
        "validation": Views(numbers.validation, 1, (0.0,), seeds["validation"], numbers.size, pictures=False),
    }

    def observed(part: str) -> Seen:
        of = views[part]
        return observe(rosette_views(of), encoder.result().model, numbers.n_views, of.size, of.seed).seen

    description = {name: asdict(of) for name, of in views.items()} | {"encoder": encoder.described, "n_views": numbers.n_views}
    n_features = encoder.make().network.n_features + len(TARGETS) + len(BULLETS)
    return posterior_training(
        lambda: observed("crystals"), lambda: observed("validation"), numbers.learn, n_features, BULLETS,
        tuple(range(1, numbers.n_views + 1)), description, epochs=numbers.epochs, batch=numbers.batch, width=numbers.width,
        seed=SEED,
    )  # fmt: skip


class Observed(NamedTuple):
    """Crystals seen from V sides: `truth`, a row each; `features` (n, V, F) of an encoder; its `answers` (n, V, 2 + K) to each
    picture alone, ln `rho_e`, ln `a_e` and the probability of each number of bullets.
    """

    truth: pd.DataFrame
    features: np.ndarray
    answers: np.ndarray

    @property
    def seen(self) -> Seen:
        """As the posterior takes it: the features and the answers of each view, its probabilities as logarithms."""
        logs, probability = np.split(self.answers, [len(TARGETS)], axis=2)
        return seen(np.concatenate([self.features, logs, np.log(probability + _LEAST)], axis=2), self.truth, BULLETS)

    def predicted(self) -> Predicted:
        """The answers to the first view alone, as `lib.evaluation.conformal` takes them."""
        probability = pd.DataFrame(self.answers[:, 0, 2:], self.truth.index, BULLETS)
        table = pd.DataFrame(np.exp(self.answers[:, 0, :2]), self.truth.index, list(TARGETS))
        return Predicted(table.assign(**{LABEL: probability.idxmax(axis=1)}), probability)


def random_views(data: xr.Dataset, n_views: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Pictures (b, n_views, size, size) of the crystals of a data set, some at a time, each in random orientations."""
    crystals = crystals_of(data)
    rng = generator(seed, "posterior", "orientation")
    with tqdm(total=len(crystals), desc=f"{n_views} views", unit="crystal", file=sys.stderr) as bar:
        for start in range(0, len(crystals), _BLOCK):
            stack = Stack(crystal.solid() for crystal in crystals[start : start + _BLOCK])
            rows = np.repeat(np.arange(len(stack)), n_views)
            drawn = stack.silhouettes(rows, random_orientations(len(rows), rng), size=size).coverage
            yield drawn.reshape(len(stack), n_views, size, size)
            bar.update(len(stack))


def observe(data: xr.Dataset, model: ShapeModel, n_views: int, size: int, seed: int) -> Observed:
    """Draw the crystals of a data set from `n_views` random sides, and keep what a network for one view finds in each picture."""
    found, said = [], []
    for pictures in random_views(data, n_views, size, seed):
        flat = pictures.reshape(-1, 1, size, size)
        found.append(features(model, flat).reshape(*pictures.shape[:2], -1))
        answer = predict(model, flat)
        table = np.column_stack([np.log(answer.table[list(TARGETS)]), answer.probability])
        said.append(table.reshape(*pictures.shape[:2], -1))
    first = truth(data.isel(orientation=[0])).droplevel("orientation")
    return Observed(first, np.concatenate(found), np.concatenate(said))


def true_values(observed: Observed) -> np.ndarray:
    """ln `rho_e`, ln `a_e` and the number of bullets (n, 3): what `lib.models.posterior.ShapePosterior.sample` draws."""
    return np.column_stack([np.log(observed.truth[list(TARGETS)]), observed.truth[LABEL]])


class Gaussian(NamedTuple):
    """What a point prediction and its errors say: a normal density of the logarithms, the same for all, and p(n).

    The prediction is the mean of the network's answers over the views; `shift` (2,) and `covariance` (2, 2) are of its errors on
    validation crystals. p(n) is the normalised geometric mean of the answers.
    """

    shift: np.ndarray
    covariance: np.ndarray

    @classmethod
    def fit(cls, validation: Observed, n_views: int) -> Gaussian:
        """The density with the errors of the validation crystals."""
        errors = true_values(validation)[:, :2] - mean_answer(validation, n_views)
        return cls(errors.mean(axis=0), np.cov(errors.T))

    def log_density(self, observed: Observed, n_views: int) -> np.ndarray:
        """ln p(n, ln rho_e, ln a_e) of the truth of each crystal (n,)."""
        true = true_values(observed)
        logs = multivariate_normal(self.shift, self.covariance).logpdf(true[:, :2] - mean_answer(observed, n_views))
        chances = np.log(np.maximum(observed.answers[:, :n_views, 2:], 1e-12)).mean(axis=1)
        chances -= np.logaddexp.reduce(chances, axis=1, keepdims=True)
        return logs + chances[np.arange(len(true)), np.searchsorted(BULLETS, true[:, 2])]

    def intervals(self, observed: Observed, n_views: int, confidence: float) -> np.ndarray:
        """Central intervals of the logarithms: lower and upper ends (2, n, 2)."""
        reach = norm.ppf((1 + confidence) / 2) * np.sqrt(np.diag(self.covariance))
        centre = mean_answer(observed, n_views) + self.shift
        return np.stack([centre - reach, centre + reach])


def mean_answer(observed: Observed, n_views: int) -> np.ndarray:
    """ln `rho_e` and ln `a_e` (n, 2), averaged over the network's answers to the first views."""
    return observed.answers[:, :n_views, :2].mean(axis=1)


@torch.no_grad()
def log_density(model: ShapePosterior, observed: Observed, n_views: int) -> np.ndarray:
    """ln p(n, ln rho_e, ln a_e) of the truth of each crystal (n,) under the posterior from its first views."""
    of_label, of_logs = model.log_parts(observed.seen.views(n_views))
    return (of_label + of_logs).numpy()


def draws(model: ShapePosterior, observed: Observed, n_views: int, n_draws: int, seed: int) -> np.ndarray:
    """Draws (n, n_draws, 3) of the posterior of each crystal from its first views."""
    return model.sample(observed.seen.features[:, :n_views], n_draws, seed)


def calibration_table(drawn: np.ndarray, true: np.ndarray) -> pd.DataFrame:
    """Tests of draws (n, L, 3) against the truth (n, 3): a row for the ranks of each quantity, and one for TARP of all together.

    Returns
    -------
    `statistic` (chi-square; for TARP the Kolmogorov-Smirnov distance) and `p` under calibration
    """
    tests = {
        name: calibration.rank_test(calibration.sbc_ranks(drawn[..., i], true[:, i]), drawn.shape[1])
        for i, name in enumerate(QUANTITIES)
    }
    tests["joint"] = calibration.uniform_test(calibration.tarp_levels(drawn, true))
    return pd.DataFrame(tests, index=calibration.Uniformity._fields).T


def logarithms(ends: pd.DataFrame) -> np.ndarray:
    """The intervals of `lib.evaluation.conformal.Conformal.intervals` as those of the logarithms (2, n, 2)."""
    return np.log([ends[[f"{target}_{end}" for target in TARGETS]].to_numpy() for end in ("low", "high")])


def interval_table(intervals: np.ndarray, true: np.ndarray, confidence: float) -> pd.DataFrame:
    """How good intervals (2, n, 2) of the logarithms are, a row for each of `TARGETS`: `coverage`, median `width` as upper over
    lower end, and mean `interval_score` of the logarithm, each with its standard error `..._se` but for the width.
    """
    rows = {}
    for i, target in enumerate(TARGETS):
        low, high = intervals[..., i]
        inside = (low <= true[:, i]) & (true[:, i] <= high)
        score = calibration.interval_score(true[:, i], low, high, confidence)
        rows[target] = {
            "coverage": inside.mean(), "coverage_se": standard_error(inside), "width": np.exp(np.median(high - low)),
            "interval_score": score.mean(), "interval_score_se": standard_error(score),
        }  # fmt: skip
    return pd.DataFrame(rows).T


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean of values (n,)."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def describe(sets: Sets, encoder: Trained, n_views: int, size: int) -> dict:
    """Plain values from which all `Observed` of these data sets follow."""
    return {"sets": [asdict(views) for views in sets], "encoder": encoder.digest, "n_views": n_views, "size": size}


def _voxels(crystals: Crystals) -> torch.Tensor:
    """Occupancies (S, z, y, x) of crystals."""
    return occupancy(crystals.rosettes(), crystals.orientations)


def sample_table(samples: Samples, true: torch.Tensor) -> pd.DataFrame:
    """Of each sample of a crystal with the true voxels (z, y, x): `iou` with them, `iou_mirrored_truth` with their mirror image
    in depth, `weight`, `n_bullets`, `mode`, and the `agreement` of the silhouettes.
    """
    found = _voxels(samples.crystals)
    return pd.DataFrame(
        {
            "iou": iou(found, true).numpy(),
            "iou_mirrored_truth": iou(found, depth_mirrored(true[None])).numpy(),
            "weight": samples.weight.numpy(),
            "n_bullets": samples.crystals.n_bullets.numpy(),
            "mode": samples.mode.numpy(),
            "agreement": samples.agreement.numpy(),
        }
    )


def sample_scores(table: pd.DataFrame) -> pd.Series:
    """Of a crystal's samples (`sample_table`): `iou` and `iou_mirrored` (the better of both depths) of the one with the largest
    weight and the `agreement` of its silhouettes; `iou_expected` under the weights, and Kish's `effective_size`.
    """
    best = table.loc[table.weight.idxmax()]
    return pd.Series(
        {
            "iou": best.iou,
            "iou_mirrored": max(best.iou, best.iou_mirrored_truth),
            "iou_expected": (table.iou * table.weight).sum(),
            "agreement": best.agreement,
            "effective_size": 1 / table.weight.pow(2).sum(),
        }
    )


def mirrored_weight(table: pd.DataFrame) -> float:
    """The weight of samples (`sample_table`) that are nearer to the mirror image of the truth in depth than to the truth."""
    return float(table.weight[table.iou_mirrored_truth > table.iou].sum())


class Lookalikes(NamedTuple):
    """Different `crystals` with one shadow, each with its orientation (3, 3), and the IoU `agreement` (m,) of the shadows."""

    crystals: list[tuple[Rosette, np.ndarray]]
    agreement: np.ndarray


def lookalikes(pictures: torch.Tensor, angles_deg, settings: Settings, count: int, seed: int) -> Lookalikes:
    """The `count` modes of a crystal's posterior whose silhouettes agree best with its pictures (V, size, size) of 0 to 1."""
    samples = posteriors(pictures[None].float(), angles_deg, settings, seed)[0]
    best = pd.DataFrame({"mode": samples.mode, "agreement": samples.agreement}).groupby("mode").agreement.idxmax()
    rows = torch.from_numpy(best.to_numpy(copy=True))
    rows = rows[samples.agreement[rows].argsort(descending=True)[:count]]
    chosen = samples.crystals[rows]
    orientations = chosen.orientations.numpy()
    return Lookalikes(list(zip(unstack(chosen.rosettes()), orientations, strict=True)), samples.agreement[rows].numpy())
