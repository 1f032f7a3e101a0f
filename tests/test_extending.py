"""CONTRIBUTING.md keeps its word: a further habit or network is one new file and one line."""

import os
import shutil
import subprocess
import sys

import pytest

from lib.paths import ROOT

DENDRITE = '''"""Dendrites: six arms in a plane."""

import numpy as np

from lib.crystals.parts import Habit, prism
from lib.crystals.solid import Solid


def dendrite(rng: np.random.Generator) -> Solid:
    """Six thin prisms from a common middle."""
    arm = prism(rng.uniform(8, 12))[:, [2, 0, 1]] * (1, 1, 0.3)
    arm = arm + (np.ptp(arm[:, 0]) / 2, 0, 0)
    turns = [np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]]) for t in np.arange(6) * np.pi / 3]
    return Solid(tuple(arm @ turn.T for turn in turns))


HABIT = Habit("dendrite", dendrite, (300, 1500), (0, 40))
'''
USE_DENDRITE = """
from lib.crystals.habits import HABITS
from lib.learning.campaign import FOREIGN, Campaign, campaign_pictures
from lib.learning.habit_pictures import HabitPictures, habit_pictures
assert list(HABITS)[-1] == "dendrite" and len(HABITS) == 10
data = habit_pictures(HabitPictures(2, size=48), "synchronous")
print(sorted(set(data.habit.values.tolist())))
taken = campaign_pictures(Campaign(), 30, 48, workers=1)
assert "dendrite" in set(taken.table.label)
assert abs(sum(FOREIGN.mixture.values()) - 1) < 1e-9 and FOREIGN.mixture["dendrite"] == 0
"""
LINEAR = '''"""A linear model of the pixels."""

from torch import nn

from lib.learning.networks.parts import Architecture, Network


class Linear(Network):
    """One layer."""

    def __init__(self, views, size, outputs):
        super().__init__()
        self.head = nn.Linear(views * size**2, outputs)

    def features(self, pictures):
        """All pixels in a row."""
        return pictures.flatten(1)


ARCHITECTURE = Architecture("linear in pixels", Linear, 1e-3)
'''
EXTENSIONS = {
    "habit": ("lib/crystals/habits", "dendrite", DENDRITE, '    "sphere",\n'),
    "network": ("lib/learning/networks", "linear_pixels", LINEAR, '    "polar",\n'),
}


@pytest.fixture
def copy(tmp_path):
    """A copy of the project in an empty folder, with what numba has compiled."""
    for name in ("lib", "notebooks", "book"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    return tmp_path


def extended(copy, what):
    """Add one file to the copy, and one line."""
    folder, name, text, after = EXTENSIONS[what]
    (copy / folder / f"{name}.py").write_text(text)
    listing = copy / folder / "__init__.py"
    before = listing.read_text()
    assert before.count(after) == 1
    listing.write_text(before.replace(after, f'{after}    "{name}",\n'))


def run(copy, *command):
    """What a command prints whose project is the copy."""
    variables = {"PYTHONPATH": str(copy), "ICE_CACHE": str(copy / "cache"), "ICE_RUNS": str(copy / "runs")}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_habit_is_one_file_and_one_line(copy):
    extended(copy, "habit")
    assert "dendrite" in run(copy, "-c", USE_DENDRITE)


def test_a_network_is_one_file_and_one_line_and_the_notebook_knows_it(copy):
    extended(copy, "network")
    epochs = '{"cnn": 0, "polar": 1, "linear_pixels": 1}'
    run(copy, "book/execute.py", "--profile", "smoke", "--only", "13-image-networks", "-p", "epochs", epochs)
    metrics = (copy / "runs" / "smoke" / "13-image-networks" / "metrics.json").read_text()
    assert "linear_pixels_single_r2_rho_e" in metrics and "cnn_single" not in metrics
