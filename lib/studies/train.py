"""Trains a network that is shipped with the project, by its name: hours of work, done once. From a command line::

    python -m lib.studies.train nine-habits-ssl

The training goes on where it was broken off. Its weights, history and provenance are moved into ``data/networks/NAME`` when it is
done (`lib.core.shipped`). With ``PROFILE=smoke`` in the environment a small network of the same kind is made.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from sklearn.model_selection import GroupShuffleSplit

from lib.core.cache import DamagedCache, describe
from lib.core.device import available_device
from lib.core.repository import git
from lib.core.shipped import ship
from lib.datasets.cirrus_fields import group_split, split_state
from lib.models import field_autoencoder
from lib.models.training import HISTORY, WEIGHTS, Training, read_checkpoint, write_weights
from lib.studies import latent_fields, rosette_network, scaling, shape_posterior
from lib.studies.representations import NINE_HABITS_SSL, HabitTraining


class Plan(NamedTuple):
    """A `training`, how many `pictures` it sees in an epoch, and the plan of the network that it starts from, or None."""

    training: Training
    pictures: int
    start: Plan | None = None

    def effort(self, history: pd.DataFrame) -> dict[str, float]:
        """Hours, epochs and pictures of a training with this history, and of all that it started from."""
        earlier = self.start.effort(self.start.training.result().history) if self.start else {}
        own = {"hours": float(history.seconds.sum()) / 3600, "epochs": len(history), "pictures": len(history) * self.pictures}
        return {name: value + earlier.get(name, 0) for name, value in own.items()}


def nine_habits_ssl(quick: bool = False) -> Plan:
    """The self-supervised network of the nine habits, see `lib.studies.representations.NINE_HABITS_SSL`.

    Parameters
    ----------
    quick : a small network that learns a little
    """
    habits = NINE_HABITS_SSL
    if quick:
        habits = HabitTraining(6, 2, 4, batch=16, network=replace(habits.network, width=8, epochs=2))
    return Plan(habits.training(), habits.pictures_per_epoch)


def cirrus_vae(latents: int, quick: bool = False) -> Plan:
    """The autoencoder of the cirrus fields of notebook 32 with so many latents.

    It is three times as wide as the one that the notebook trains: on members that no network has seen, width helps more than
    epochs, and fields moved along x, which is periodic, make the task harder than sixteen latents can carry.
    """
    width, epochs, batch = (4, 2, 32) if quick else (48, 160, 32)
    n_members, every = (24, 6) if quick else (80, 1)
    splitter = GroupShuffleSplit(1, test_size=16, train_size=4, random_state=split_state(0))
    fields = latent_fields.sample(n_members, every, group_split(splitter, n_members)).fields
    training = field_autoencoder.autoencoder_training(fields, field_autoencoder.recipe(latents, width, epochs), batch)
    return Plan(training, len(fields.pictures(fields.split.train)))


def rosettes(quick: bool = False) -> Plan:
    """The network of Part 1 for views and pairs, see `lib.studies.rosette_network`."""
    recipe = rosette_network.QUICK if quick else rosette_network.RECIPE
    return Plan(rosette_network.rosette_training(quick), rosette_network.pictures_per_epoch(recipe), _start(quick))


def rosette_outlines(quick: bool = False) -> Plan:
    """The network of Part 1 for outlines in any frame, see `lib.studies.rosette_network`."""
    recipe = rosette_network.QUICK_OUTLINES if quick else rosette_network.OUTLINES
    return Plan(rosette_network.outline_training(quick), rosette_network.pictures_per_epoch(recipe), _start(quick))


def rosette_posterior(quick: bool = False) -> Plan:
    """The density of `rho_e`, `a_e` and the number of bullets given one to six views, see `lib.studies.shape_posterior`.

    An epoch shows each crystal with one to six of its views.
    """
    numbers = shape_posterior.QUICK if quick else shape_posterior.Numbers()
    return Plan(shape_posterior.shape_posterior_training(quick), numbers.learn * (1 + numbers.n_views) // 2)


def _start(quick: bool) -> Plan:
    """The network that both others start from."""
    recipe = rosette_network.QUICK if quick else rosette_network.START
    return Plan(rosette_network.start_training(quick), rosette_network.pictures_per_epoch(recipe))


#: Name of the trials that are shipped as a table of their scores.
SCALING = "scaling"
#: Name of a shipped network -> its plan, from whether a small one is wanted.
PLANS: dict[str, Callable[[bool], Plan]] = {
    "nine-habits-ssl": nine_habits_ssl,
    "rosettes": rosettes,
    "rosette-outlines": rosette_outlines,
    "rosette-posterior": rosette_posterior,
    "cirrus-vae-16": functools.partial(cirrus_vae, 16),
    "cirrus-vae-2": functools.partial(cirrus_vae, 2),
}


def train(name: str, device: str = "cpu", quick: bool = False) -> Path:
    """Train the network of this name, or go on with its training, and ship it; returns its folder in ``data/networks``."""
    plan = PLANS[name](quick)
    found = plan.training.result(device)
    return _shipped(name, plan, found.model, found.history, {"commit": commit(), "machine": machine()})


def ship_scaling(device: str = "cpu", quick: bool = False) -> Path:
    """Make the scores of `lib.studies.scaling`, trial by trial, and ship them; returns their folder in ``data/networks``."""
    folder = scaling.scaling_folder(quick, device)
    scores, trials = scaling.scaling_scores(quick, device), scaling.QUICK if quick else scaling.TRIALS
    effort = {
        "hours": round(float(scores.seconds.sum()) / 3600, 3),
        "epochs": sum(trial.recipe.epochs for trial in trials),
        "pictures": int(scores.pictures.sum()),
    }
    return ship(folder, SCALING, {"commit": commit(), "machine": machine()} | effort | {"torch": torch.__version__})


def adopt(name: str, weights: Path, history: Path, commit: str, machine: str, quick: bool = False) -> Path:
    """Ship weights that an earlier version trained for the network of this name; returns its folder in ``data/networks``.

    Parameters
    ----------
    weights : file of torch with a state_dict that fits the network
    history : table with a row an epoch
    commit, machine : where they come from
    """
    plan = PLANS[name](quick)
    model = plan.training.make()
    model.load_state_dict(read_checkpoint(weights))
    return _shipped(name, plan, model, pd.read_csv(history), {"commit": commit, "machine": machine})


def _shipped(name: str, plan: Plan, model: torch.nn.Module, history: pd.DataFrame, origin: dict[str, str]) -> Path:
    """Put a trained network into ``data/networks``."""
    effort = plan.effort(history)
    effort["hours"] = round(effort["hours"], 3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_weights(model, folder / WEIGHTS)
        history.to_csv(folder / HISTORY, index=False)
        describe(folder, plan.training.described)
        return ship(folder, name, origin | effort | {"torch": torch.__version__})


def commit() -> str:
    """The commit of the project, with a + where files have changed since; empty outside git."""
    return git("describe", "--always", "--abbrev=40", "--dirty=+") or ""


def machine() -> str:
    """The processor and the number of its cores."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text(encoding="utf-8").splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main() -> None:
    """Train a network that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m lib.studies.train", description=(__doc__ or "").split(":", 1)[0] + ".")
    parser.add_argument("name", choices=[*PLANS, SCALING], help="network to train and to ship, or the trials of its scaling")
    parser.add_argument("--device", default="auto", help="torch device: auto, cpu, cuda or cuda:1 (default: auto)")
    parser.add_argument("--weights", type=Path, help="ship these weights of an earlier version instead of training")
    parser.add_argument("--history", type=Path, help="their history")
    parser.add_argument("--commit", default="", help="the commit that trained them")
    parser.add_argument("--machine", default="", help="the machine that trained them")
    options = parser.parse_args()
    quick = os.environ.get("PROFILE") == "smoke"
    os.environ["SHIPPED"] = "0"  # what is shipped already is not what is asked for
    try:
        if options.name == SCALING:
            folder = ship_scaling(available_device(options.device), quick)
        elif options.weights:
            folder = adopt(options.name, options.weights, options.history, options.commit, options.machine, quick)
        else:
            folder = train(options.name, available_device(options.device), quick)
        print("shipped:", folder)
    except (OSError, ValueError, DamagedCache) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
