"""What is damaged, forged or of an earlier version in the cache is refused in a sentence or made anew; nothing in it is run."""

import io
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.core import cache, paths
from lib.core.cache import DamagedCache
from lib.datasets import habit_pictures, rosettes, synthetic_campaigns
from lib.datasets.batches import SeededDataset
from lib.datasets.habit_pictures import HabitPictures
from lib.datasets.rosettes import Views, rosette_views
from lib.datasets.synthetic_campaigns import Campaign, campaign_pictures
from lib.models.training import Training, lightning, read_checkpoint, weights_in


class Line(lightning.LightningModule):
    """Learns y = 2 x; of `width` numbers, one does."""

    def __init__(self, width: int = 1):
        super().__init__()
        self.layer = torch.nn.Linear(1, width)

    def training_step(self, batch, _):
        return ((self.layer(batch) - 2 * batch) ** 2).mean()

    def validation_step(self, batch, _):
        return {"val_loss": self.training_step(batch, _)}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.3)


class Ones(SeededDataset):
    """Two batches of ones; in the epoch `fail_at` there are none."""

    def __init__(self, fail_at: int | None):
        super().__init__()
        self.fail_at = fail_at

    def __len__(self):
        return 2

    def __iter__(self):
        if self.epoch == self.fail_at:
            raise RuntimeError("lights out")
        return iter([torch.ones(4, 1)] * 2)


def network(width: int = 1, fail_at: int | None = None):
    return Training("line", {"version": 1}, lambda: Line(width), lambda: Ones(fail_at), lambda: [torch.ones(4, 1)], 3).result()


pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
VIEWS = Views(2, 1, (0.0, 90.0), size=16)
#: Kind of thing -> what asks for it.
KEPT = {
    "rosettes": lambda: rosette_views(VIEWS, "synchronous").load(),
    "habits": lambda: habit_pictures.habit_pictures(HabitPictures(2, size=16, habits=("sphere",)), "synchronous").load(),
    "campaign": lambda: campaign_pictures(Campaign(), 2, 16, workers=1),
    "line": network,
}
#: Kind of thing -> where its module keeps the version that is raised when another layout is written.
VERSIONS = {"rosettes": (rosettes, "LAYOUT"), "habits": (habit_pictures, "LAYOUT"), "campaign": (synthetic_campaigns, "VERSION")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A cache with one of each."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder)
        for ask in KEPT.values():
            ask()
    return folder


@pytest.fixture
def own_cache(built, tmp_path, monkeypatch):
    """A copy of it that may be damaged, in a folder with an odd name."""
    folder = tmp_path / "cache ü 雪"
    shutil.copytree(built, folder)
    monkeypatch.setattr(paths, "CACHE", folder)
    return folder


def folder_of(kind: str) -> Path:
    (folder,) = (folder for folder in paths.CACHE.glob(f"{kind}-*") if folder.is_dir())
    return folder


@pytest.mark.parametrize("kind", KEPT)
def test_a_moved_cache_is_found(own_cache, monkeypatch, kind):
    before = sorted(own_cache.iterdir())
    KEPT[kind]()
    assert sorted(own_cache.iterdir()) == before


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("tenths", [0, 1, 5, 9, None])
def test_each_file_that_is_cut_short_or_missing_is_named(own_cache, kind, tenths):
    folder = folder_of(kind)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.stat().st_size]
    assert len(files) > 2
    for file in files:
        content = file.read_bytes()
        file.unlink()
        if tenths is not None:
            file.write_bytes(content[: len(content) * tenths // 10])
        name = re.escape(file.relative_to(folder).as_posix())
        with pytest.raises(
            DamagedCache, match=f"^{re.escape(str(folder))} (lacks|is damaged|has no).*{name}.*: delete this folder"
        ):
            KEPT[kind]()
        file.write_bytes(content)
    KEPT[kind]()


@pytest.mark.parametrize("kind", ["rosettes", "habits"])
def test_a_store_that_is_gone_is_named_and_made_anew_once_the_folder_is_deleted(own_cache, kind):
    folder, before = folder_of(kind), KEPT[kind]()
    shutil.rmtree(folder / "data.zarr")
    with pytest.raises(DamagedCache, match="lacks data.zarr/"):
        KEPT[kind]()
    shutil.rmtree(folder)
    assert KEPT[kind]().equals(before)


@pytest.mark.parametrize("kind", VERSIONS)
def test_what_an_earlier_version_made_is_not_found_again(own_cache, monkeypatch, kind):
    old = folder_of(kind)
    module, name = VERSIONS[kind]
    monkeypatch.setattr(module, name, getattr(module, name) + 1)
    KEPT[kind]()
    assert len([folder for folder in own_cache.glob(f"{kind}-*") if folder.is_dir()]) == 2 and old.exists()


# --- checkpoints --------------------------------------------------------------------------------------------------------


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def forged(file: Path, proof: Path, how: str) -> None:
    """Put a file in place of a checkpoint that would make the file `proof` if anything in it were run."""
    content = {"layer.weight": torch.ones(1, 1), "layer.bias": Malicious(proof)}
    if how == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file)


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_nothing_in_a_forged_checkpoint_is_run(own_cache, tmp_path, how):
    folder, proof = folder_of("line"), tmp_path / "proof"
    forged(folder / "weights.safetensors", proof, how)
    with pytest.raises(DamagedCache, match="weights.safetensors has"):
        network()
    sizes = cache._sizes(folder)
    marker = folder / "description.json"
    marker.write_text(re.sub(r'("weights.safetensors": )\d+', rf"\g<1>{sizes['weights.safetensors']}", marker.read_text()))
    sentence = f"^{re.escape(str(folder))}/weights.safetensors cannot be read: delete the folder"
    with pytest.raises(DamagedCache, match=sentence) as caught:
        network()
    assert "\n" not in str(caught.value) and not proof.exists()
    if how == "torch":
        torch.load(io.BytesIO((folder / "weights.safetensors").read_bytes()), weights_only=False)
        assert proof.exists()  # as it would have been


@pytest.mark.parametrize("how", ["pickle", "torch", "cut short", "empty"])
def test_nothing_in_the_checkpoint_of_a_broken_training_is_run(tmp_path, monkeypatch, how):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    with pytest.raises(RuntimeError, match="lights out"):
        network(fail_at=2)
    (last,) = paths.CACHE.glob("*.part/last.ckpt")
    content, proof = last.read_bytes(), tmp_path / "proof"
    if how in ("pickle", "torch"):
        forged(last, proof, how)
    else:
        last.write_bytes(content[: len(content) // 2] if how == "cut short" else b"")
    with pytest.raises(DamagedCache, match=f"^{re.escape(str(last))} cannot be read: delete the folder .*part, and"):
        network()
    assert not proof.exists()
    last.write_bytes(content)
    assert len(network().history) == 3


def test_weights_of_another_network_are_refused(own_cache):
    with pytest.raises(DamagedCache, match="holds weights of another network: delete this folder") as caught:
        network(width=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", bytes(3000)])
@pytest.mark.parametrize("read", [read_checkpoint, weights_in])
def test_what_is_no_checkpoint_is_refused(tmp_path, content, read):
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(DamagedCache, match="weights cannot be read"):
        read(tmp_path / "weights")


def test_arrays_of_objects_are_not_loaded(own_cache):
    """numpy would unpickle them: it refuses, because nobody here allows it."""
    folder = folder_of("campaign")
    np.savez(folder / "pictures.npz", grey=np.array([Malicious(folder / "proof")]), mask=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        synthetic_campaigns._load(folder)
    assert not (folder / "proof").exists()
