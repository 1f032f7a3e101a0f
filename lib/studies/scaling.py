"""What more pictures, wider layers, finer rings and finer pixels buy: trainings of the polar network side by side.

Each trial is one training for a single view, scored on crystals that no trial learns from. All learn from the same crystals.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

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


#: Three lengths of training by width, and the same without looking for the centre.
TRIALS = (
    *(Trial(units, width) for width in (32, 64, 128) for units in (3, 6, 12)),
    *(Trial(units, locate=False) for units in (3, 6, 12)),
)
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


def kinds(trials: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of `scaling_scores` by kind: each width, no looking for the centre, and each that differs in something else."""
    usual = Trial(0)
    plain = (trials.rings == usual.rings) & (trials["size"] == usual.size) & (trials.angles == usual.angles)
    found = {f"width {width}": some for width, some in trials[plain & trials.locate].groupby("width")}
    found[f"width {usual.width}, about the middle"] = trials[plain & ~trials.locate]
    for _, trial in trials[~plain].iterrows():
        other = f"{trial['size']} pixels" if trial["size"] != usual.size else f"{trial.rings} rings, {trial.angles} angles"
        found[f"width {trial.width}, {other}"] = trial.to_frame().T
    return {name: some for name, some in found.items() if len(some)}
