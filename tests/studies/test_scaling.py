"""lib.studies.scaling: trials have the length they say, each is of one kind, the table is made once."""

from dataclasses import asdict

import pandas as pd
import pytest

from lib.studies import scaling
from lib.studies.scaling import BATCH, QUICK, TRIALS, UNIT, Trial


@pytest.mark.parametrize("trial", [*TRIALS, *QUICK, Trial(24)])
def test_a_trial_is_as_long_as_it_says(trial):
    recipe = trial.recipe
    assert recipe.epochs * recipe.steps * BATCH == trial.units * UNIT
    assert recipe.settings["width"] == trial.width and recipe.settings["locate"] == trial.locate


def test_trials_differ():
    assert len(set(TRIALS)) == len(TRIALS)
    assert {trial.locate for trial in TRIALS} == {True, False}


def test_every_trial_is_of_one_kind():
    trials = [*TRIALS, Trial(12, size=224), Trial(12, rings=64, angles=128)]
    found = scaling.kinds(pd.DataFrame(map(asdict, trials)))
    assert {name: len(some) for name, some in found.items()} == {
        **{f"width {width}": 3 for width in (32, 64, 128)},
        "width 64, about the middle": 3,
        "width 64, 224 pixels": 1,
        "width 64, 64 rings, 128 angles": 1,
    }


def test_scores_have_a_row_a_trial_and_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    found = scaling.scaling_scores(quick=True, scheduler="synchronous")
    assert found.units.tolist() == [trial.units for trial in QUICK]
    assert found.pictures.tolist() == [trial.units * UNIT for trial in QUICK]
    assert found[["r2_rho_e", "r2_a_e", "balanced_accuracy"]].lt(1).all(axis=None) and (found.seconds > 0).all()
    monkeypatch.setattr(scaling, "shape_model", lambda *_: pytest.fail("trained again"))
    assert scaling.scaling_scores(quick=True).equals(found)
