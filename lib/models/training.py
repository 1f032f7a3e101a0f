"""Training of networks by Lightning: once for a description, checkpointed after every epoch, resumed after a kill."""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import cloudpickle
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

import lib.core.torchvision_guard  # noqa: F401  (before lightning)

import lightning  # isort: skip
from lightning.fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port  # isort: skip
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO  # isort: skip
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint  # isort: skip

from lib.core.cache import DamagedCache, cached, digest, written  # isort: skip
from lib.core.device import set_threads  # isort: skip
from lib.core.shipped import shipped  # isort: skip

#: What a module logs in `validation_step` for its best epoch to be found.
LOSS = "val_loss"

for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # which devices there are is said in the run's provenance
warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated")  # for Lightning, not for its users


class Trained(NamedTuple):
    """A network in its best state, ready to predict, its `history`, a row an epoch with the loss and the seconds it took, and
    the `folder` in which it was found or made: one of ``data/networks`` if it is shipped, else one of the cache.
    """

    model: lightning.LightningModule
    history: pd.DataFrame
    folder: Path = Path()


def trained(
    kind: str,
    description: Mapping,
    make: Callable[[], lightning.LightningModule],
    batches: Callable[[int], Iterable],
    validation: Callable[[], Iterable],
    epochs: int,
    device: str = "cpu",
    patience: int | None = None,
    begin: Callable[[lightning.LightningModule], None] | None = None,
    processes: int | None = None,
    precision: str | None = None,
) -> Trained:
    """The network that `description` describes, trained first where it is neither shipped nor in the cache.

    A training that was broken off goes on after its last whole epoch and ends with the same weights. Of all epochs the one
    with the smallest validation loss is kept.

    On several GPUs, processes that share their gradients train together, each with batches of its own: an epoch shows the
    network as many times more pictures. They are begun anew, since a notebook's kernel cannot be split once it holds a GPU, so
    a script that trains must keep its calls below ``if __name__ == "__main__"``.

    Parameters
    ----------
    kind : first part of the cache folder's name
    description : plain values from which the result follows; data, settings and the seed all belong in it
    make : makes the untrained module; its `validation_step` logs "val_loss"
    batches : from the number of a draw to its batches, an iterable with a length. The same number gives the same batches, and
        each epoch, and in it each process, takes a new number
    validation : called once for the batches that no epoch trains on
    epochs : how many epochs at most
    device : "cpu", "cuda" for all GPUs, or "cuda:1" for one of them
    patience : stop when the validation loss has not fallen for so many epochs; None never stops early
    begin : gives the untrained module the weights to start from; not called where the network is found
    processes : how many train together; None is one for each GPU that `device` means, or one
    precision : Lightning's name of the precision to train in; None is that which suits the device
    """
    whole = {**description, "epochs": epochs, "patience": patience, "precision": precision or precision_of(device)}
    processes = processes or (torch.cuda.device_count() if device == "cuda" else 1)
    if processes > 1:
        whole["processes"] = processes

    def build(part: Path) -> None:
        if not (part / "weights.safetensors").exists():  # else it was broken off when all was learned
            learn(part)
        for checkpoint in part.glob("*.ckpt"):
            checkpoint.unlink()

    def learn(part: Path) -> None:
        set_threads()  # UMAP and others change how many threads torch computes with
        _seed(whole, 0)
        model = make()
        if begin:
            begin(model)
        job = (part, model, _Batches(batches, validation()), whole, device)
        if processes > 1:
            arguments = (processes, find_free_network_port(), cloudpickle.dumps(job))
            torch.multiprocessing.spawn(_fit_as_one_of, arguments, processes)
        else:
            _fit(*job)

    folder = shipped({"kind": kind, **whole}) or cached(kind, {"kind": kind, **whole}, build)
    model = make()
    weights = weights_in(folder / "weights.safetensors")
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:  # of torch, a line for each weight
        raise DamagedCache(f"{folder} holds weights of another network: delete this folder, and it is trained anew.") from error
    return Trained(model.eval().to(device), pd.read_csv(folder / "history.csv"), folder)


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


def kept(file: Path) -> dict:
    """What torch kept in a file: tensors and plain values. Nothing in it is run, whoever wrote it.

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
    """Lightning's name of the precision to train in: bfloat16 with float32 weights on a GPU, else float32."""
    return "bf16-mixed" if device.startswith("cuda") else "32-true"


def _fit_as_one_of(rank: int, processes: int, port: int, job: bytes) -> None:
    """`_fit` in the process number `rank` of several that train together."""
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(max(1, torch.get_num_threads() // processes))
    _fit(*cloudpickle.loads(job), LightningEnvironment())


def _fit(
    part: Path, model: lightning.LightningModule, data: _Batches, whole: Mapping, device: str,
    together: LightningEnvironment | None = None,
) -> None:  # fmt: skip
    """Train `model` and leave its best weights as `weights.safetensors` and its `history.csv` in the folder `part`."""
    best = ModelCheckpoint(part, "best", monitor=LOSS, save_last=True, save_on_train_epoch_end=True, enable_version_counter=False)
    stops = [EarlyStopping(LOSS, patience=whole["patience"], check_on_train_epoch_end=True)] if whole["patience"] else []
    accelerator, _, index = device.partition(":")
    trainer = lightning.Trainer(
        accelerator=accelerator,
        devices=[int(index)] if index else whole.get("processes", 1),
        strategy="ddp_find_unused_parameters_true" if together else "auto",
        plugins=[_WholeCheckpoints(), *([together] if together else [])],
        precision=whole["precision"],
        max_epochs=whole["epochs"],
        callbacks=[_Epochs(part, whole), *stops, best],
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=part,
    )
    last = part / "last.ckpt"
    if last.exists():
        kept(last)
    trainer.fit(model, datamodule=data, ckpt_path=last if last.exists() else None, weights_only=True)
    if trainer.is_global_zero:
        weights = kept(Path(best.best_model_path))["state_dict"]
        plain = {name: values.contiguous() for name, values in weights.items()}
        written(part / "weights.safetensors", functools.partial(save_file, plain))


def _seed(whole: Mapping, epoch: int, rank: int = 0) -> None:
    """Seed torch for one epoch, so that it does not matter whether the epochs before ran in this process."""
    torch.manual_seed((int(digest({**whole, "epoch": epoch}), 16) + rank) % 2**63)


class _Batches(lightning.LightningDataModule):
    """The batches of each epoch, drawn when it begins."""

    def __init__(self, batches: Callable[[int], Iterable], validation: Iterable):
        super().__init__()
        self.batches, self.validation = batches, validation

    def train_dataloader(self) -> Iterable:
        return _Source(self.batches(self.trainer.current_epoch * self.trainer.world_size + self.trainer.global_rank))

    def val_dataloader(self) -> Iterable:
        return _Source(self.validation)


class _Source:
    """One source of batches; Lightning would take a list of batches for a list of sources."""

    def __init__(self, batches: Iterable):
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


class _WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints so that they are whole whenever they are there; Lightning's own way copies them from another disk."""

    def save_checkpoint(self, checkpoint, path, storage_options=None):
        written(Path(path), functools.partial(torch.save, checkpoint))


class _Epochs(Callback):
    """Seeds each epoch, shows a progress bar and writes the history."""

    def __init__(self, part: Path, whole: Mapping):
        self.file, self.whole, self.bar = part / "history.csv", whole, None

    def on_train_epoch_start(self, trainer, module):
        _seed(self.whole, trainer.current_epoch, trainer.global_rank)
        self.started = time.perf_counter()
        if self.bar is None and trainer.is_global_zero:
            steps = trainer.num_training_batches
            done, total = trainer.current_epoch * steps, self.whole["epochs"] * steps
            self.bar = tqdm(total=total, initial=done, desc="training", unit="batch", file=sys.stderr)

    def on_train_batch_end(self, trainer, module, *_):
        if self.bar is not None:
            self.bar.update()

    def on_train_epoch_end(self, trainer, module):
        if not trainer.is_global_zero:
            return
        row = {"epoch": trainer.current_epoch, "seconds": time.perf_counter() - self.started}
        row |= {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}
        known = pd.read_csv(self.file) if self.file.exists() else pd.DataFrame(columns=["epoch"])
        history = pd.concat([known[known.epoch < row["epoch"]], pd.DataFrame([row])])
        written(self.file, functools.partial(history.to_csv, index=False))
        self.bar.set_postfix_str(f"{LOSS} {row[LOSS]:.4f}")

    def on_train_end(self, trainer, module):
        if self.bar is not None:
            self.bar.close()
