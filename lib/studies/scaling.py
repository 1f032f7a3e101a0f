"""What more pictures, wider layers, finer rings and finer pixels buy: trainings of the polar network side by side.

Each trial is one training for a single view, scored on crystals that no trial learns from. All learn from the same crystals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.core.cache import cached
from lib.core.shipped import shipped
from lib.datasets.fresh_rosettes import Sets, pictures_of, sets
from lib.datasets.rosettes import rosette_views, truth
from lib.evaluation.scores import scores
from lib.models.shape_model import VERSION, Recipe, predict, shape_model
from lib.studies.rosette_network import SEED

#: Pictures in a batch, and in the unit in which the length of a training is counted.
BATCH, UNIT = 64, 100 * 64
#: File of the folder that is kept.
SCORES = "scores.csv"
#: What a trial is judged by: its error is what each of these scores lacks to 1.
JUDGED = ("r2_rho_e", "r2_a_e", "balanced_accuracy")


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes
    ----------
    units : length of the training [6,400 pictures]
    width, rings, angles, locate : of the network, see `lib.models.networks.polar.Polar`
    size : side of the pictures [pixels]
    """

    units: int
    width: int = 64
    rings: int = 48
    angles: int = 96
    size: int = 128
    locate: bool = True

    @property
    def recipe(self) -> Recipe:
        """How its network is trained; it is validated eight times, or after each unit."""
        epochs = min(self.units, 8)
        settings = {name: getattr(self, name) for name in ("width", "rings", "angles", "locate")}
        return Recipe("polar", epochs=epochs, steps=self.units * UNIT // BATCH // epochs, batch=BATCH, settings=settings)


#: Lengths [units] by width, then trials that differ from width 64 in one thing each.
TRIALS = (
    *(Trial(units, width) for width, most in ((32, 12), (64, 24), (128, 12)) for units in (3, 6, 12, 24) if units <= most),
    *(Trial(units, locate=False) for units in (3, 6, 12, 24)),
    *(Trial(12, rings=rings, angles=angles) for rings, angles in ((32, 64), (64, 128))),
    *(Trial(12, size=size) for size in (64, 224)),
)  # fmt: skip
#: The same in little, for tests.
QUICK = tuple(Trial(units, width, rings=8, angles=16, size=32) for width in (4, 8) for units in (1, 2))


def trial_sets(size: int, quick: bool = False) -> Sets:
    """The crystals of all trials, in pictures of so many pixels."""
    n_crystals, n_held = (70, 35) if quick else (12_000, 1_500)
    return sets(n_crystals, n_held, n_held, (0.0,), size, SEED)


def scaling_scores(quick: bool = False, device: str = "cpu", scheduler: str = "processes") -> pd.DataFrame:
    """Scores of all trials on test crystals.

    Returns
    -------
    A row a trial with its fields, the `pictures` it saw, `seconds` of training, and the scores of `lib.evaluation.scores.scores`
    """
    return pd.read_csv(scaling_folder(quick, device, scheduler) / SCORES)


def scaling_folder(quick: bool = False, device: str = "cpu", scheduler: str = "processes") -> Path:
    """The folder of the trials' scores: shipped with the project, found in the cache, or made now."""
    described = description(quick)
    return shipped(described) or cached("scaling", described, lambda part: _build(part, quick, device, scheduler))


def description(quick: bool = False) -> dict:
    """All values that the scores follow from."""
    trials = [asdict(trial) for trial in (QUICK if quick else TRIALS)]
    return {"kind": "scaling", "trials": trials, "crystals": asdict(trial_sets(128, quick).crystals), "version": VERSION}


def _build(part: Path, quick: bool, device: str, scheduler: str) -> None:
    rows = [_scored(trial, quick, device, scheduler) for trial in (QUICK if quick else TRIALS)]
    pd.DataFrame(rows).to_csv(part / SCORES, index=False)


def _scored(trial: Trial, quick: bool, device: str, scheduler: str) -> dict:
    """A row of `scaling_scores`."""
    parts, recipe = trial_sets(trial.size, quick), trial.recipe
    found = shape_model(recipe, parts.crystals, parts.validation, SEED, device, scheduler)
    test = rosette_views(parts.test, scheduler)
    seen = recipe.epochs * recipe.steps * recipe.batch
    effort = {"pictures": seen, "seconds": found.history.seconds.sum()}
    return asdict(trial) | effort | dict(scores(truth(test), predict(found.model, pictures_of(test)).table))


class PowerLaw(NamedTuple):
    """error = `one` * pictures ** -`exponent`, where `one` is the error that a single picture would leave."""

    one: float
    exponent: float

    def error(self, pictures: np.ndarray) -> np.ndarray:
        """The error that so many pictures leave."""
        return self.one * np.asarray(pictures, float) ** -self.exponent

    def pictures(self, error: float) -> float:
        """How many pictures leave this error."""
        return float((self.one / error) ** (1 / self.exponent))

    @property
    def doubling(self) -> float:
        """The share of the error that remains when twice as many pictures are seen."""
        return 2**-self.exponent


def power_law(pictures: Iterable[float], errors: Iterable[float]) -> PowerLaw:
    """The power law nearest to some errors, by least squares of their logarithms.

    Raises
    ------
    ValueError
        If there are fewer than two numbers of pictures, or an error is not positive.
    """
    pictures, errors = np.asarray(list(pictures), float), np.asarray(list(errors), float)
    if len(np.unique(pictures)) < 2 or not (errors > 0).all():
        raise ValueError(f"expected positive errors of two or more numbers of pictures, got {errors} of {pictures}")
    slope, level = np.polyfit(np.log(pictures), np.log(errors), 1)
    return PowerLaw(float(np.exp(level)), float(-slope))
