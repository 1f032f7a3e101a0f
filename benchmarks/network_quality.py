"""The laptop's polar network beside the talk's CNN after equal training time, on crystals that neither met.

Both learn from fresh pictures of the crystals of notebook 13 (side 128, one view) with the notebook's learning rates, drawing
included in the time, as many steps as fit into it. The CNN sees all pixels, or means over 4 x 4 of them as in the notebook.
What is lost is 1 - R2 of effective density and effective surface area, and 1 - balanced accuracy of the number of bullets.
"""

from __future__ import annotations

import time

import torch
from row import Row

from lib.crystals.rosette import ROSETTE_MODELS
from lib.datasets import fresh_rosettes
from lib.datasets.fresh_rosettes import FreshPictures, Sets
from lib.datasets.rosettes import rosette_views, truth
from lib.evaluation.scores import scores
from lib.models.networks import NETWORKS
from lib.models.shape_model import Recipe, ShapeModel, predict

BATCH = 64
#: As in notebook 13.
ANGLES = (0.0, 90.0, 120.0, 30.0, 60.0, 150.0)
RECIPES = {
    "polar": ("polar", 4e-3, {"width": 64}),
    "every pixel": ("cnn", 1e-3, {}),
    "4 x 4 pixels as one": ("cnn", 1e-3, {"pooled": 4}),
}


def taught(recipe: Recipe, crystals, seed: int = 0) -> tuple[ShapeModel, float]:
    """A network after all steps of its recipe, and the CPU seconds that they took."""
    source = FreshPictures(crystals, recipe.angles_deg, recipe.batch, recipe.steps, seed, scheduler="synchronous")
    torch.manual_seed(seed)
    model = ShapeModel(recipe, crystals.size, ROSETTE_MODELS[crystals.model].bullets).standardise(source.values)
    settings = model.configure_optimizers()
    optimizer, schedule = settings["optimizer"], settings["lr_scheduler"]["scheduler"]
    start = time.process_time()
    for batch in source.loader():
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
        schedule.step()
    return model.eval(), time.process_time() - start


def taught_for(seconds: float, way: str, crystals) -> tuple[ShapeModel, int, float]:
    """A network trained for about so many CPU seconds, the pictures that it saw, and the seconds it took in truth."""
    name, rate, settings = RECIPES[way]

    def recipe(steps: int) -> Recipe:
        return Recipe(name, epochs=1, steps=steps, batch=BATCH, rate=rate, settings=settings)

    taught(recipe(3), crystals)
    tried = max(3, round(seconds / 6))
    _, took = taught(recipe(tried), crystals)
    steps = max(2, round(seconds * tried / took))
    model, took = taught(recipe(steps), crystals)
    return model, steps * BATCH, took


def sets(quick: bool) -> Sets:
    """The data sets of notebook 13, or small ones."""
    return fresh_rosettes.sets(
        *((80, 35, 60) if quick else (6000, 500, 1400)), (0.0,) if quick else ANGLES, 32 if quick else 128, 0
    )


def rows(quick: bool) -> list[Row]:
    """What each network loses of the three targets, with either CNN."""
    seconds = 0.5 if quick else 60
    data = sets(quick)
    torch.set_num_threads(1)
    held = rosette_views(data.test, "synchronous")
    shown, true = fresh_rosettes.pictures_of(held, (0,)), truth(held)
    found = {}
    for way in RECIPES:
        model, seen, took = taught_for(seconds, way, data.crystals)
        found[way] = scores(true, predict(model, shown).table.set_index(true.index)), seen, took
    (ours, ours_seen, ours_took), table = found.pop("polar"), []
    for way, (theirs, seen, took) in found.items():
        for score in ("r2_rho_e", "r2_a_e", "balanced_accuracy"):
            what = score.replace("r2_", "R2 of ").replace("_accuracy", " accuracy of n_bullets")
            remark = f"{what} {ours[score]:.3f} against {theirs[score]:.3f}; {ours_took:.0f} and {took:.0f} CPU s, "
            remark += f"{ours_seen:,} and {seen:,} pictures"
            table.append(Row(f"1 - {what}", f"{NETWORKS['cnn']}, {way}", 1 - ours[score], 1 - theirs[score], "", remark))
    return table
