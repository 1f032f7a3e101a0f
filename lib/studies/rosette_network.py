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
#: How the network for views and pairs is trained. An epoch shows 400 x 32 crystals from three sides.
RECIPE = Recipe(
    "polar", ANGLES, epochs=42, steps=400, batch=32, rate=3e-3,
    settings={"width": 96, "rings": 64, "angles": 128, "heads": "pairs"},
)  # fmt: skip
#: How the network for outlines is trained: single views, rings that reach just beyond the crystal.
OUTLINES = Recipe(
    "polar", epochs=16, steps=400, batch=96, rate=3e-3, start=RECIPE, outlines=True,
    settings={"width": 96, "rings": 64, "angles": 128, "reach": 1.05, "scale_free": True},
)  # fmt: skip
#: The same in little, for tests.
QUICK = Recipe("polar", ANGLES, epochs=1, steps=2, batch=8, settings={"width": 8, "heads": "pairs"})
QUICK_OUTLINES = replace(OUTLINES, epochs=1, steps=2, batch=8, start=QUICK, settings={"width": 8, "scale_free": True})


def pictures_per_epoch(recipe: Recipe) -> int:
    """How many pictures an epoch shows."""
    return recipe.steps * recipe.batch * len(recipe.angles_deg)


def rosette_sets(quick: bool = False) -> Sets:
    """The crystals that the networks learn from, and others."""
    n_crystals, n_validation, size = (70, 35, 32) if quick else (12_000, 1_500, 128)
    return sets(n_crystals, n_validation, n_validation, ANGLES, size, SEED)


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
