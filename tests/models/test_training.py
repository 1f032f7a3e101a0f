"""lib.models.training: trained once, resumed after a kill with the same weights, stopped early, best epoch kept."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lib.core import cache
from lib.models.training import Training, lightning, one_cycle, precision_of

#: A module that other processes can import too: it learns y = 2 x, with noise from torch's generator in each step.
SOURCE = """
import sys, time
import torch
from lib.datasets.batches import SeededDataset
from lib.models.training import Training, lightning

class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))

    def training_step(self, batch, _):
        return ((self.layer(batch) - 2 * batch) ** 2).mean()

    def validation_step(self, batch, _):
        return {"val_loss": ((self.layer(batch) - 2 * batch) ** 2).mean()}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.02)

def batches(draw, pause=0.0):
    time.sleep(pause)
    generator = torch.Generator().manual_seed(draw)
    return [torch.rand(16, 1, generator=generator) for _ in range(5)]

class Drawn(SeededDataset):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def __len__(self):
        return 5

    def __iter__(self):
        return iter(self.draw(self.epoch))

def run(epochs=6, patience=None, make=Line, draw=batches, **more):
    return Training("line", {"seed": 1, **more}, make, lambda: Drawn(draw), lambda: batches(99), epochs, patience).result()

if __name__ == "__main__":
    run(draw=lambda draw: batches(draw, pause=600 if draw > 2 else 0))  # to be killed in the fourth epoch
"""
space = {"__name__": "line"}
exec(SOURCE, space)
Line, Drawn, batches, run = (space[name] for name in ("Line", "Drawn", "batches", "run"))


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def weights(result):
    return torch.cat([value.flatten() for value in result.model.state_dict().values()])


def test_what_was_trained_is_found_again(empty_cache):
    first = run()
    second = run(draw=lambda draw: pytest.fail("trained again"))
    assert torch.equal(weights(first), weights(second))
    assert list(first.history.epoch) == list(range(6)) and first.history.equals(second.history)
    assert first.history.val_loss.iloc[-1] < first.history.val_loss.iloc[0]
    assert not first.model.training
    (folder,) = (entry for entry in empty_cache.iterdir() if entry.is_dir())
    assert {file.name for file in folder.iterdir()} == {"weights.safetensors", "history.csv", "description.json"}


def test_the_same_description_gives_the_same_weights_and_another_others(empty_cache, monkeypatch, tmp_path):
    first = run(epochs=2)
    torch.rand(7)  # what came before in this process must not matter
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "other")
    assert torch.equal(weights(run(epochs=2)), weights(first))
    assert not torch.equal(weights(run(epochs=2, data="other")), weights(first))


def test_a_failed_training_goes_on_after_its_last_whole_epoch(monkeypatch, tmp_path):
    drawn = []

    def failing(draw):
        drawn.append(draw)
        if draw == 3 and drawn.count(3) == 1:
            raise RuntimeError("lights out")
        return batches(draw)

    with pytest.raises(RuntimeError, match="lights out"):
        run(draw=failing)
    resumed = run(draw=failing)
    assert drawn[:4] == [0, 1, 2, 3] and drawn[-3:] == [3, 4, 5] and min(drawn[4:]) > 1
    assert list(resumed.history.epoch) == list(range(6))
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "other")
    assert torch.equal(weights(run()), weights(resumed))


def test_a_killed_training_ends_with_the_same_weights(empty_cache, tmp_path, monkeypatch):
    script = tmp_path / "line.py"
    script.write_text(SOURCE)
    environment = os.environ | {"ICE_CACHE": str(empty_cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(cache.paths.ROOT)}
    process = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not (histories := list(empty_cache.glob("*.part/history.csv"))) or len(histories[0].read_text().splitlines()) < 4:
        assert process.poll() is None and time.monotonic() < deadline, "it ended before it could be killed"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not list(empty_cache.glob("line-*/weights.safetensors"))
    drawn = []
    resumed = run(draw=lambda draw: drawn.append(draw) or batches(draw))
    assert 0 < len(drawn) < 6 and drawn[-1] == 5
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "other")
    assert torch.equal(weights(run()), weights(resumed))


KILLED_IN_MID_SAVE = """
import os, signal, sys
from pathlib import Path
import line, torch

save, saved = torch.save, []

def cut_short(checkpoint, file):
    saved.append(file)
    if len(saved) < 4:
        return save(checkpoint, file)
    Path(file).write_bytes(b"PK")
    os.kill(os.getpid(), signal.SIGKILL)

torch.save = cut_short
line.run()
"""


def test_a_training_that_was_killed_as_it_saved_ends_with_the_same_weights(empty_cache, tmp_path, monkeypatch):
    (tmp_path / "line.py").write_text(SOURCE)
    python_path = f"{cache.paths.ROOT}{os.pathsep}{tmp_path}"
    environment = os.environ | {"ICE_CACHE": str(empty_cache), "PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_MID_SAVE], env=environment, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL and list(empty_cache.glob("*.part/part-*"))
    resumed = run()
    assert sorted(file.name for file in empty_cache.glob("line-*/*")) == [
        "description.json",
        "history.csv",
        "weights.safetensors",
    ]
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "other")
    assert torch.equal(weights(run()), weights(resumed))


def test_a_training_that_was_broken_off_as_it_cleared_up_is_whole(empty_cache, tmp_path, monkeypatch):
    unlink = Path.unlink

    def broken(path, **options):
        if path.name == "last.ckpt":
            raise RuntimeError("lights out")
        unlink(path, **options)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="lights out"):
        patch.setattr(Path, "unlink", broken)
        run()
    assert len(list(empty_cache.glob("*.part/*.ckpt"))) == 1
    resumed = run(draw=lambda draw: pytest.fail("trained again"))
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path / "other")
    assert torch.equal(weights(run()), weights(resumed))


class Worsening(Line):
    """Its validation loss falls for three epochs and then rises."""

    def validation_step(self, batch, _):
        self.epochs = getattr(self, "epochs", 0) + 1
        return {"val_loss": torch.tensor(abs((self.epochs - 1) // 5 - 2.0))}


def test_it_stops_early_and_keeps_the_best_epoch():
    stopped = run(epochs=20, patience=3, make=Worsening)
    assert list(stopped.history.epoch) == [0, 1, 2, 3, 4, 5]
    best = run(epochs=3, make=Worsening)
    assert best.history.val_loss.min() == stopped.history.val_loss.min() == 0
    assert not torch.equal(weights(stopped), weights(best))  # the description, and with it the seed, is another


def test_a_module_that_logs_no_validation_loss_is_refused():
    class Silent(Line):
        def validation_step(self, batch, _):
            pass

    with pytest.raises(Exception, match="val_loss"):
        run(make=Silent)


def test_lightning_is_the_real_one():
    assert issubclass(Line, lightning.LightningModule) and callable(Training)


@pytest.mark.parametrize("steps", [*range(1, 25), 400, 5000])
def test_the_learning_rate_rises_and_falls_to_nothing_however_few_steps_there_are(steps):
    made = one_cycle([torch.nn.Parameter(torch.zeros(1))], 1e-3, steps)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert all(0 < rate <= 1.0001e-3 for rate in rates)
    if steps > 2:
        assert max(rates) == pytest.approx(1e-3, rel=0.1) and rates[-1] < 1e-6


def test_the_best_precision_of_the_device(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert [precision_of(device) for device in ("cpu", "cuda", "cuda:1")] == ["32-true", "bf16-mixed", "bf16-mixed"]
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert precision_of("cpu") == "bf16-mixed"


def test_weights_and_validation_stay_in_single_precision(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    types = set()

    class Noting(Line):
        def training_step(self, batch, _):
            types.add(("training", self.layer(batch).dtype))
            return super().training_step(batch, _)

        def validation_step(self, batch, _):
            types.add(("validation", self.layer(batch).dtype))
            return super().validation_step(batch, _)

    found = run(epochs=1, make=Noting)
    assert types == {("training", torch.bfloat16), ("validation", torch.float32)}
    assert {value.dtype for value in found.model.state_dict().values()} == {torch.float32}


def test_another_optimiser_needs_no_schedule_and_a_network_may_start_from_another():
    def begin(model):
        torch.nn.init.zeros_(model.layer[2].weight)

    training = Training("line", {"seed": 2}, Line, lambda: Drawn(batches), lambda: batches(99), 1, begin=begin)
    assert training.described == {"kind": "line", "seed": 2, "epochs": 1, "patience": None}
    assert training.result().model.layer[2].weight.abs().max() < 0.2
