"""CONTRIBUTING.md keeps its word: whatever is added is one new file and one line."""

import json
import math
import os
import shutil
import subprocess
import sys

import pytest

from lib.core.paths import NOTEBOOKS, ROOT

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
from lib.datasets.synthetic_campaigns import TARGET_CAMPAIGN, Campaign, campaign_pictures
from lib.datasets.habit_pictures import HabitPictures, habit_pictures
assert list(HABITS)[-1] == "dendrite" and len(HABITS) == 10
data = habit_pictures(HabitPictures(2, size=48), "synchronous")
print(sorted(set(data.habit.values.tolist())))
taken = campaign_pictures(Campaign(), 30, 48, workers=1)
assert "dendrite" in set(taken.table.label)
assert abs(sum(TARGET_CAMPAIGN.mixture.values()) - 1) < 1e-9 and TARGET_CAMPAIGN.mixture["dendrite"] == 0
"""
LINEAR = '''"""A linear model of the pixels."""

from torch import nn

from lib.models.networks.parts import Architecture, Network


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
USE_LINEAR = """
import torch
from lib.models.networks import ARCHITECTURES
network = ARCHITECTURES["linear_pixels"].build(2, 16, 5)
assert network(torch.zeros(3, 2, 16, 16)).shape == (3, 5)
"""
HAZE = '''"""Haze: light from everywhere."""

import numpy as np


def effect(light: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Light (h, w) mixed with `strength` times as much of its mean."""
    return (light + np.float32(strength) * light.mean()) / np.float32(1 + strength)
'''
USE_HAZE = """
import numpy as np
from lib.crystals.rosette import sample
from lib.imaging.probe.photograph import Probe, photograph
solid, probe = sample(1, seed=0)[0].solid(), {"further": (("haze", 0.5),)}
plain, hazy = (
    photograph(solid, np.eye(3), Probe(**more, stretch=0.0, grain=0.0), np.random.default_rng(0)) for more in ({}, probe)
)
assert np.ptp(hazy.grey) < np.ptp(plain.grey)
assert Probe(**probe).only("grain").further == ()
"""
ALIKE = '''"""Bulk microphysics in which all crystals of a cell are alike."""

from dataclasses import replace

import numpy as np

from lib.cirrus.kinematic.bulk import Bulk


class Alike(Bulk):
    """The bulk scheme without a spread of masses."""

    def __init__(self, case, air, crystals):
        super().__init__(replace(case, shape=np.inf), air, crystals)


SCHEME = Alike
'''
USE_ALIKE = """
from lib.cirrus.kinematic.simulation import Case, run_case
states, residual, _ = run_case(Case("alike", nx=2, duration=200.0, every=200.0, first=0.05))
assert states[-1, 0].max() > 1e-7 and residual < 1e-12
"""
#: The lines that every notebook begins with.
HEAD = (NOTEBOOKS / "11-synthetic-rosettes.py").read_text().split("# %%")[0]
DIAGONALS = """# %% [markdown]
# # Diagonals
#
# How long is the diagonal of a cube? On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need cubes and runs.

# %%
import numpy as np

from lib.notebook.run import start

# %% [markdown]
# These parameters can be changed from outside.

# %% tags=["parameters"]
side: float = 1.0  # side of the cube [m]
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("41-diagonals", globals())
run.at_least(side=0)
run

# %% [markdown]
# Pythagoras tells, twice.

# %%
run.record("diagonal_m", np.sqrt(3) * side)
"""
EXTENSIONS = {
    "habit": ("lib/crystals/habits/dendrite.py", DENDRITE, "__init__.py", '    "sphere",\n', '    "dendrite",\n'),
    "effect": ("lib/imaging/probe/effects/haze.py", HAZE, "__init__.py", '    "dust",\n', '    "haze",\n'),
    "network": ("lib/models/networks/linear_pixels.py", LINEAR, "__init__.py", '    "polar",\n', '    "linear_pixels",\n'),
    "scheme": ("lib/cirrus/kinematic/alike.py", ALIKE, "simulation.py", '"bins", "lagrangian"', ', "alike"'),
    "notebook": (
        "notebooks/41-diagonals.py", HEAD + DIAGONALS, "../_toc.yml",
        "          - file: notebooks/34-structure\n", "          - file: notebooks/41-diagonals\n",
    ),
}  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A copy of the project in an empty folder, with what numba has compiled."""
    for name in ("lib", "notebooks", "book"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("_toc.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def extended(copy, what):
    """Add one file to the copy, and one line or one word."""
    file, text, list_in, after, further = EXTENSIONS[what]
    (copy / file).write_text(text)
    listing = (copy / file).parent / list_in
    before = listing.read_text()
    assert before.count(after) == 1
    listing.write_text(before.replace(after, after + further))


def run(copy, *command, **more):
    """What a command prints whose project is the copy, with `more` environment variables."""
    variables = {**more, "PYTHONPATH": str(copy), "ICE_CACHE": str(copy / "cache"), "ICE_RUNS": str(copy / "runs")}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


def test_a_habit_is_one_file_and_one_line(copy):
    extended(copy, "habit")
    assert "dendrite" in run(copy, "-c", USE_DENDRITE)


def test_an_effect_of_the_probe_is_one_file_and_one_line(copy):
    extended(copy, "effect")
    run(copy, "-c", USE_HAZE)


def test_a_scheme_of_microphysics_is_one_file_and_one_word(copy):
    extended(copy, "scheme")
    run(copy, "-c", USE_ALIKE, NUMBA_DISABLE_JIT="1")  # a few steps take less time than their compilation


def test_a_notebook_is_one_file_and_one_line(copy):
    extended(copy, "notebook")
    run(copy, "book/twins.py")
    run(copy, "book/execute.py", "--profile", "smoke", "--only", "41-diagonals")
    metrics = copy / "runs" / "41-diagonals" / "metrics.json"
    assert json.loads(metrics.read_text()) == {"diagonal_m": math.sqrt(3)}
    (copy / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "book" / "test_notebooks.py", copy / "tests")
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_notebooks.py", "-k", "diagonals or place or profiles")


def test_a_network_is_one_file_and_one_line(copy):
    extended(copy, "network")
    run(copy, "-c", USE_LINEAR)


@pytest.mark.long("executes notebook 13 once more; that the network is listed and computes is tested above")
def test_the_notebook_knows_a_further_network(copy):
    extended(copy, "network")
    epochs = '{"cnn": 0, "polar": 1, "linear_pixels": 1}'
    run(copy, "book/execute.py", "--profile", "smoke", "--only", "13-image-networks", "-p", "epochs", epochs)
    metrics = (copy / "runs" / "13-image-networks" / "metrics.json").read_text()
    assert "linear_pixels_single_r2_rho_e" in metrics and "cnn_single" not in metrics
