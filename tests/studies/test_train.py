"""lib.studies.train: networks that are shipped are made by their names, and their weights found before any cache."""

import json

import pandas as pd
import pytest
import torch

from lib.core import paths
from lib.core.shipped import provenance_of, shipped
from lib.studies import train


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty folders for what is shipped and what is kept."""
    monkeypatch.delenv("SHIPPED", raising=False)
    monkeypatch.setattr(paths, "NETWORKS", tmp_path / "networks")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


def keys(value):
    """The names in a description, and in what it holds."""
    return {name: keys(part) for name, part in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize("name", ["cirrus-vae-2", "rosette-outlines", "rosette-posterior"])
def test_the_command_ships_a_network_of_the_same_kind_of_description(folders, name, monkeypatch):
    monkeypatch.setenv("PROFILE", "smoke")
    monkeypatch.setenv("SHIPPED", "1")  # is put back afterwards
    monkeypatch.setattr("sys.argv", ["train", name, "--device", "cpu"])
    train.main()
    folder = paths.NETWORKS / name
    assert {file.name for file in folder.iterdir()} == {
        "weights.safetensors",
        "history.csv",
        "description.json",
        "provenance.json",
    }
    whole = train.PLANS[name](False)
    described = json.loads((folder / "description.json").read_text())["description"]
    assert keys(described) == keys(json.loads(json.dumps(whole.training.described)))
    assert set(provenance_of(folder)) == {"commit", "machine", "hours", "epochs", "pictures", "torch"}


def test_weights_of_an_earlier_version_are_adopted_and_found_without_a_training(folders, tmp_path, monkeypatch):
    plan = train.cirrus_vae(2, quick=True)
    model = plan.training.make()
    torch.save(model.state_dict(), tmp_path / "old.pt")
    pd.DataFrame({"epoch": [0, 1], "seconds": [1800.0, 1800.0], "val_loss": [2.0, 1.0]}).to_csv(tmp_path / "old.csv", index=False)
    folder = train.adopt("cirrus-vae-2", tmp_path / "old.pt", tmp_path / "old.csv", "abc", "a machine", quick=True)
    told = provenance_of(folder)
    assert (
        told["commit"] == "abc"
        and told["machine"] == "a machine"
        and told["hours"] == 1
        and told["pictures"] == 2 * plan.pictures
    )
    monkeypatch.setattr(plan.training.batches().__class__, "__iter__", lambda self: pytest.fail("trained again"))
    found = train.cirrus_vae(2, quick=True).training.result()
    assert found.folder == folder and len(found.history) == 2
    assert all(torch.equal(value, found.model.state_dict()[name]) for name, value in model.state_dict().items())
    monkeypatch.setenv("SHIPPED", "0")
    assert shipped(plan.training.described) is None


def test_the_plan_of_the_habits_draws_crystals_of_its_own():
    plan = train.nine_habits_ssl()
    data = plan.training.description["data"]
    assert data["train"]["seed"] != data["validation"]["seed"] and data["train"]["n_each"] == 2000
    assert plan.pictures == 2 * 2000 * 9 and plan.training.make().recipe.width == 96
    assert keys(plan.training.described) == keys(train.nine_habits_ssl(quick=True).training.described)


def test_weights_of_another_network_are_not_adopted(folders, tmp_path):
    torch.save({"layer.weight": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(RuntimeError, match="layer.weight"):
        train.adopt("nine-habits-ssl", tmp_path / "other.pt", tmp_path / "none.csv", "", "", quick=True)


def test_the_machine_and_the_commit_are_told():
    assert "cores" in train.machine() and (train.commit() == "" or len(train.commit().rstrip("+")) >= 40)
