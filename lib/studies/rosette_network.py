"""The networks of Part 1 that are trained for hours and shipped.

One has an encoder with heads for one view, for 2D-S and for PHIPS pairs. The other is for single pictures whose frame says
nothing about the size of the crystal, as real ones are: it sees filled outlines, in a scale of their own.
"""

from __future__ import annotations

from dataclasses import replace

from lib.datasets.fresh_rosettes import Sets, sets
from lib.imaging.draw.silhouette import VIEW_ANGLES
from lib.models.shape_model import Recipe, shape_training
from lib.models.training import Training

#: The three views, as turns of the crystal [deg]: the first with the second is a 2D-S pair, with the third a PHIPS pair.
ANGLES = tuple(VIEW_ANGLES[name] for name in ("default", "2ds", "phips"))
#: Seed of the crystals, which no other data set of the book has, and of the trainings.
SEED = 815
#: How the network for views and pairs begins. An epoch shows 400 x 32 crystals from three sides.
START = Recipe(
    "polar", ANGLES, epochs=42, steps=400, batch=32, rate=3e-3,
    settings={"width": 96, "rings": 64, "angles": 128, "heads": "pairs"},
)  # fmt: skip
#: How it is trained further. Its locator is good by then (0.3 pixel).
RECIPE = replace(START, epochs=60, rate=2e-3, start=START, frozen=("locator",))
#: How the network for outlines is trained: single views, rings that reach just beyond the crystal.
OUTLINES = Recipe(
    "polar", epochs=16, steps=400, batch=96, rate=3e-3, start=START, outlines=True,
    settings={"width": 96, "rings": 64, "angles": 128, "reach": 1.05, "scale_free": True},
)  # fmt: skip
#: The same in little, for tests.
_SMALL = replace(START, epochs=1, steps=2, batch=8, settings=START.settings | {"width": 8})
QUICK = replace(_SMALL, start=_SMALL, frozen=("locator",))
QUICK_OUTLINES = replace(OUTLINES, epochs=1, steps=2, batch=8, start=_SMALL, settings=OUTLINES.settings | {"width": 8})


def pictures_per_epoch(recipe: Recipe) -> int:
    """How many pictures an epoch shows."""
    return recipe.steps * recipe.batch * len(recipe.angles_deg)


def pictures_seen(recipe: Recipe) -> int:
    """How many pictures a network of this recipe has been shown, those before its start among them."""
    return recipe.epochs * pictures_per_epoch(recipe) + (pictures_seen(recipe.start) if recipe.start else 0)


def rosette_sets(quick: bool = False) -> Sets:
    """The crystals that the networks learn from, and others."""
    n_crystals, n_validation, size = (70, 35, 32) if quick else (12_000, 1_500, 128)
    return sets(n_crystals, n_validation, n_validation, ANGLES, size, SEED)


def start_training(quick: bool = False) -> Training:
    """The training that both networks start from; `quick` as of `rosette_training`."""
    return _training(_SMALL if quick else START, quick)


def rosette_training(quick: bool = False) -> Training:
    """The training of the network for one view and pairs.

    Parameters
    ----------
    quick : a small network that learns a little
    """
    return _training(QUICK if quick else RECIPE, quick)


def outline_training(quick: bool = False) -> Training:
    """The training of the network for outlines in any frame; `quick` as of `rosette_training`."""
    return _training(QUICK_OUTLINES if quick else OUTLINES, quick)


def _training(recipe: Recipe, quick: bool) -> Training:
    parts = rosette_sets(quick)
    return shape_training(recipe, parts.crystals, parts.validation, SEED)
