"""Training of networks: once for a description, checkpointed after every epoch, resumed after a kill.

The loop is written out, over Lightning's Fabric, which knows devices and precision: for networks as small as these, the hooks
of a Trainer cost a quarter of the time. What is trained is a LightningModule all the same, so that a script may hand it to a
Trainer, on as many devices as it likes (`book/scale.md`).
"""

from __future__ import annotations

import functools
import hashlib
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

import lib.core.torchvision_guard  # noqa: F401  (before lightning)

import lightning  # isort: skip

from lib.core.cache import DamagedCache, cached, digest, written  # isort: skip
from lib.core.device import set_threads  # isort: skip
from lib.core.shipped import shipped  # isort: skip
from lib.datasets.batches import SeededDataset  # isort: skip

#: What `validation_step` returns the value of for the best epoch to be found.
LOSS = "val_loss"
#: Seconds between two updates of the progress bar.
_REFRESH = 0.5
#: Files of a finished training, and of one that is under way.
WEIGHTS, HISTORY, _CHECKPOINT = "weights.safetensors", "history.csv", "last.ckpt"

for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # which devices there are is said in the run's provenance


class Trained(NamedTuple):
    """A network in its best state, ready to predict, its `history`, a row an epoch with the loss and the seconds it took, and
    the `folder` in which it was found or made: one of ``data/networks`` if it is shipped, else one of the cache.
    """

    model: lightning.LightningModule
    history: pd.DataFrame
    folder: Path = Path()

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for the weights."""
        return hashlib.sha256((self.folder / WEIGHTS).read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Training:
    """What is to be trained, on what, for how long. Its result follows from the description.

    Attributes
    ----------
    kind : first part of the cache folder's name
    description : plain values from which the result follows; data, settings and the seed all belong in it
    make : makes the untrained module. Its `training_step` returns the loss of a batch; its `validation_step` a dictionary of
        values of a batch, "val_loss" among them; its `configure_optimizers` what `one_cycle` returns, or an optimiser
    batches : called once for the batches to learn from, whose `set_epoch` is called before each epoch
    validation : called once for the batches that no epoch trains on
    epochs : how many epochs at most
    patience : stop when the validation loss has not fallen for so many epochs; None never stops early
    begin : gives the untrained module the weights to start from; not called where the network is found
    """

    kind: str
    description: Mapping
    make: Callable[[], lightning.LightningModule]
    batches: Callable[[], SeededDataset]
    validation: Callable[[], Iterable]
    epochs: int
    patience: int | None = None
    begin: Callable[[lightning.LightningModule], None] | None = None

    @property
    def described(self) -> dict:
        """All values that the result follows from, but for the precision of the machine that trains."""
        return {"kind": self.kind, **self.description, "epochs": self.epochs, "patience": self.patience}

    def result(self, device: str = "cpu") -> Trained:
        """The network: shipped with the project (`lib.core.shipped`), found in the cache, or trained now on one device.

        A training that was broken off goes on after its last whole epoch and ends with the same weights. Of all epochs the one
        with the smallest validation loss is kept.

        Parameters
        ----------
        device : "cpu", "cuda" or "cuda:1"
        """
        folder = shipped(self.described) or self._cached(device)
        return Trained(load(self.make(), folder).eval().to(device), pd.read_csv(folder / HISTORY), folder)

    def _cached(self, device: str) -> Path:
        """The folder of the cache in which the network is, trained first where it is not there."""
        whole = self.described | {"precision": precision_of(device)}

        def build(part: Path) -> None:
            if not (part / WEIGHTS).exists():  # else it was broken off when all was learned
                set_threads()  # UMAP and others change how many threads torch computes with
                _seed(whole, 0)
                model = self.make()
                if self.begin:
                    self.begin(model)
                _fit(part, model, self.batches(), self.validation(), whole, device)
            (part / _CHECKPOINT).unlink(missing_ok=True)

        return cached(self.kind, whole, build)


def load(model: lightning.LightningModule, folder: Path) -> lightning.LightningModule:
    """The model with the weights that a training left in a folder.

    Raises
    ------
    DamagedCache
        If they cannot be read, or are those of another network.
    """
    weights = weights_in(folder / WEIGHTS)
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:  # of torch, a line for each weight
        raise DamagedCache(f"{folder} holds weights of another network: delete this folder, and it is trained anew.") from error
    return model


def weights_in(file: Path) -> dict[str, torch.Tensor]:
    """The weights that a file of the safetensors format holds, which are numbers and nothing else.

    Raises
    ------
    DamagedCache
        If the file holds something else, or is cut short.
    """
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise DamagedCache(f"{file} cannot be read: delete the folder {file.parent}, and it is trained anew.") from error


def write_weights(model: torch.nn.Module | dict, file: Path) -> None:
    """Write the weights of a model, or a dictionary of them, in the safetensors format."""
    weights = model.state_dict() if isinstance(model, torch.nn.Module) else model
    written(file, functools.partial(save_file, {name: values.contiguous() for name, values in weights.items()}))


def read_checkpoint(file: Path) -> dict:
    """What torch wrote to a file: tensors and plain values. Nothing in it is run, whoever wrote it.

    Raises
    ------
    DamagedCache
        If the file holds something else, or is cut short.
    """
    try:
        return torch.load(file, weights_only=True, map_location="cpu")  # noqa: TID251 (the one place)
    except Exception as error:  # torch raises anything for such files
        raise DamagedCache(f"{file} cannot be read: delete the folder {file.parent}, and it is trained anew.") from error


def one_cycle(parameters, rate: float, steps: int) -> dict:
    """AdamW whose learning rate rises quickly to `rate` and then falls to zero over so many `steps` in all."""
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=1e-4, fused=True)
    total = max(steps, 3)
    rise = min(0.1, 100 / total) if total >= 20 else 2 / total  # one step of rise or fall would divide by zero
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=total, pct_start=rise, cycle_momentum=False)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def precision_of(device: str) -> str:
    """Fabric's name of the precision to train in: bfloat16 with float32 weights where the device is made for it, else float32.

    That are GPUs, and processors with AMX.
    """
    fast = device.startswith("cuda") or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"


def _fit(
    part: Path, model: lightning.LightningModule, data: SeededDataset, validation: Iterable, whole: Mapping, device: str
) -> None:
    """Train `model` and leave its best weights and its history in the folder `part`."""
    accelerator, _, index = device.partition(":")
    fabric = lightning.Fabric(accelerator=accelerator, devices=[int(index)] if index else 1, precision=whole["precision"])
    optimizer, schedule = _optimizers(model)
    _, optimizer = fabric.setup(model, optimizer)
    checkpoint = _Checkpoint(part / _CHECKPOINT, model, optimizer, schedule)
    history = checkpoint.history
    progress = {"total": whole["epochs"] * len(data), "initial": len(history) * len(data), "mininterval": _REFRESH}
    with closing(tqdm(desc="training", unit="batch", file=sys.stderr, **progress)) as bar:
        for epoch in range(len(history), whole["epochs"]):
            if _stale(history, whole["patience"]):
                break
            _seed(whole, epoch)
            started = time.perf_counter()
            data.set_epoch(epoch)
            losses = _train(fabric, model, data.loader(), optimizer, schedule, bar)
            values = _validate(fabric, model, validation)
            checkpoint.write({"epoch": epoch, "seconds": time.perf_counter() - started, "loss": losses} | values)
            written(part / HISTORY, functools.partial(pd.DataFrame(history).to_csv, index=False))
            bar.set_postfix_str(f"{LOSS} {values[LOSS]:.4f}", refresh=False)
    write_weights(checkpoint.best, part / WEIGHTS)


def _optimizers(model: lightning.LightningModule):
    """A module's optimiser and the schedule of its learning rate, or None."""
    found = model.configure_optimizers()
    return (found["optimizer"], found["lr_scheduler"]["scheduler"]) if isinstance(found, dict) else (found, None)


def _train(fabric: lightning.Fabric, model, batches: Iterable, optimizer, schedule, bar: tqdm) -> float:
    """One epoch of training; returns the mean loss of its batches."""
    model.train()
    model.on_train_epoch_start()
    losses = []
    for batch in batches:
        with fabric.autocast():
            loss = model.training_step(fabric.to_device(batch), len(losses))
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(loss.detach())
        bar.update()
    return float(torch.stack(losses).mean())


@torch.no_grad()
def _validate(fabric: lightning.Fabric, model: lightning.LightningModule, batches: Iterable) -> dict[str, float]:
    """What `validation_step` returns in single precision, on average over the batches, each as often as it has rows."""
    model.eval()
    sums, total = defaultdict(float), 0
    for batch in batches:
        values = model.validation_step(fabric.to_device(batch), 0)
        if LOSS not in (values or {}):
            raise ValueError(f"{type(model).__name__}.validation_step must return a dictionary with {LOSS}, got {values!r}")
        rows = len(batch[-1] if isinstance(batch, tuple | list) else batch)
        total += rows
        for name, value in values.items():
            sums[name] += rows * float(value)
    return {name: sums[name] / total for name in sorted(sums)}


def _stale(history: list[dict], patience: int | None) -> bool:
    """Whether the validation loss has not fallen for `patience` epochs."""
    losses = [row[LOSS] for row in history]
    return patience is not None and bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


class _Checkpoint:
    """The state of a training after each whole epoch, in one file, which is whole whenever it is there.

    Attributes
    ----------
    history : a row for each epoch so far
    best : weights of the epoch with the smallest validation loss so far
    """

    def __init__(self, file: Path, model: lightning.LightningModule, optimizer, schedule):
        self.file, self.history, self.best = file, [], {}
        self.parts = {"model": model, "optimizer": optimizer} | ({"schedule": schedule} if schedule else {})
        if file.exists():
            state = read_checkpoint(file)
            self.history, self.best = state["history"], state["best"]
            for name, part in self.parts.items():
                part.load_state_dict(state[name])

    def write(self, row: dict) -> None:
        """Note the row of an epoch that has ended, and keep the state."""
        self.history.append(row)
        if row[LOSS] == min(known[LOSS] for known in self.history):
            self.best = {name: value.detach().cpu().clone() for name, value in self.parts["model"].state_dict().items()}
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"history": self.history, "best": self.best}
        written(self.file, functools.partial(torch.save, state))


def _seed(whole: Mapping, epoch: int) -> None:
    """Seed torch for one epoch, so that it does not matter whether the epochs before ran in this process."""
    torch.manual_seed(int(digest({**whole, "epoch": epoch}), 16) % 2**63)
