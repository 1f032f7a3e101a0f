"""The network of Part 1 that is trained for hours and shipped: one encoder, heads for one view, for 2D-S and for PHIPS pairs."""

from __future__ import annotations

from lib.datasets.fresh_rosettes import Sets, sets
from lib.imaging.draw.silhouette import VIEW_ANGLES
from lib.models.shape_model import Recipe, shape_training
from lib.models.training import Training

#: Its three views, as turns of the crystal [deg]: the first with the second is a 2D-S pair, with the third a PHIPS pair.
ANGLES = tuple(VIEW_ANGLES[name] for name in ("default", "2ds", "phips"))
#: Seed of its crystals, which no other data set of the book has, and of its training.
SEED = 815
#: How it is trained. An epoch shows 400 x 32 crystals from three sides.
RECIPE = Recipe(
    "polar", ANGLES, epochs=42, steps=400, batch=32, rate=3e-3,
    settings={"width": 96, "rings": 64, "angles": 128, "heads": "pairs"},
)  # fmt: skip
#: Pictures that an epoch shows.
PICTURES_PER_EPOCH = RECIPE.steps * RECIPE.batch * len(ANGLES)
#: The same in little, for tests.
QUICK = Recipe("polar", ANGLES, epochs=1, steps=2, batch=8, settings={"width": 8, "heads": "pairs"})


def rosette_sets(quick: bool = False) -> Sets:
    """The crystals that the network learns from, and others."""
    n_crystals, n_validation, size = (70, 35, 32) if quick else (12_000, 1_500, 128)
    return sets(n_crystals, n_validation, n_validation, ANGLES, size, SEED)


def rosette_training(quick: bool = False) -> Training:
    """The training of the shipped network.

    Parameters
    ----------
    quick : a small network that learns a little
    """
    parts = rosette_sets(quick)
    return shape_training(QUICK if quick else RECIPE, parts.crystals, parts.validation, SEED)
