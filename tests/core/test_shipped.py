"""lib.core.shipped: what is shipped is found by its description before the cache, unless SHIPPED is 0."""

import json

import pytest

from lib.core import paths
from lib.core.cache import DamagedCache, cached
from lib.core.shipped import descriptions, provenance_of, ship, shipped

DESCRIPTION = {"what": "numbers", "sizes": (1, 2), "seed": 0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A shipped folder."""
    monkeypatch.delenv("SHIPPED", raising=False)
    monkeypatch.setattr(paths, "NETWORKS", tmp_path / "networks")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    made = cached("numbers", DESCRIPTION, lambda part: (part / "numbers.txt").write_text("1 2 3"))
    return ship(made, "few-numbers", {"hours": 2.5})


def test_what_is_shipped_is_found_by_its_description(folder):
    assert shipped(DESCRIPTION) == folder == paths.NETWORKS / "few-numbers"
    assert (folder / "numbers.txt").read_text() == "1 2 3" and provenance_of(folder) == {"hours": 2.5}
    assert shipped({**DESCRIPTION, "seed": 1}) is None


def test_nothing_is_found_where_the_environment_says_so(folder, monkeypatch):
    monkeypatch.setenv("SHIPPED", "0")
    assert shipped(DESCRIPTION) is None


def test_shipping_again_replaces_what_was_there(folder):
    other = cached("numbers", {**DESCRIPTION, "seed": 1}, lambda part: (part / "others.txt").write_text("4"))
    assert ship(other, "few-numbers", {}) == folder
    assert sorted(file.name for file in folder.iterdir()) == ["description.json", "others.txt", "provenance.json"]
    assert shipped(DESCRIPTION) is None and shipped({**DESCRIPTION, "seed": 1}) == folder


def test_a_damaged_folder_is_named(folder):
    (folder / "numbers.txt").write_text("1")
    with pytest.raises(
        DamagedCache, match=r"few-numbers is damaged \(numbers.txt has 1 bytes instead of 5\): restore it with git"
    ):
        shipped(DESCRIPTION)


def test_folders_that_are_no_such_thing_are_passed_over(folder):
    (paths.NETWORKS / "empty").mkdir()
    (paths.NETWORKS / "broken").mkdir()
    (paths.NETWORKS / "broken" / "description.json").write_text(json.dumps([1]))
    assert shipped(DESCRIPTION) == folder


def test_descriptions_are_those_of_one_kind(folder, monkeypatch):
    made = cached("vae", {"kind": "vae", "seed": 3}, lambda part: (part / "weights.txt").write_text("1"))
    ship(made, "a-vae", {})
    assert descriptions("vae") == [{"kind": "vae", "seed": 3}] and descriptions("resnet") == []
    monkeypatch.setenv("SHIPPED", "0")
    assert descriptions("vae") == []
