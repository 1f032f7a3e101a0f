"""Zarr stores that are built block by block, by local processes or a Dask cluster, and go on where they were broken off."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import dask
import numcodecs
import xarray as xr
from tqdm.auto import tqdm
from tqdm.dask import TqdmCallback

from lib.core.processes import end_with_parent, worker_context
from lib.core.sentence import Sentence

#: Dask's schedulers on this machine.
SCHEDULERS = ("processes", "threads", "synchronous")
#: How often a cluster runs a block again that failed, since a file system may be away for a moment.
RETRIES = 2


class WorkerElsewhere(Sentence, RuntimeError):
    """A worker of a cluster does not see the folder that is being filled."""


class NoScheduler(Sentence, ValueError):
    """There is no scheduler of this name, or none that answers."""


def build_store(
    part: Path,
    length: int,
    block: int,
    template: Callable[[], xr.Dataset],
    fill: Callable[[str, int], None],
    label: str,
    scheduler: str = "processes",
    workers: int | None = None,
) -> None:
    """Fill the folder `part` with data.zarr, block by block; blocks that an earlier try finished are left alone.

    Parameters
    ----------
    length, block : how many things there are, and how many `fill` writes at a time
    template : makes the whole data set without its values (lazy zeros, chunks that no two blocks share)
    fill : from the path of the store and the first thing of a block, computes and writes the block; must be picklable
    label : what the progress bar calls the things
    scheduler : "threads", "processes", "synchronous", or the address of a Dask scheduler ("tcp://host:port") whose
        workers see the folder
    workers : number of local threads or processes; None is one a core

    Raises
    ------
    NoScheduler
        If there is no such scheduler.
    WorkerElsewhere
        If a worker of the cluster does not see the folder.
    """
    refuse_unknown_scheduler(scheduler)
    part.mkdir(parents=True, exist_ok=True)
    store, done, seen = part / "data.zarr", part / "done", part / f"part-{os.getpid()}-{uuid4().hex}"
    if not done.exists():
        empty = template()
        encoding = {name: {"compressors": [numcodecs.LZ4()], "_FillValue": None} for name in empty.data_vars}
        empty.to_zarr(store, mode="w", compute=False, encoding=encoding, zarr_format=2, consolidated=True)
        done.mkdir()
    starts = [start for start in range(0, length, block) if not (done / str(start)).exists()]
    tasks = [dask.delayed(_fill_and_mark)(fill, str(store), start, str(done / str(start)), str(seen)) for start in starts]
    seen.touch()
    if ":" in scheduler:
        _compute_on_cluster(tasks, scheduler, label)
    else:
        context = worker_context(fill.func.__module__ if isinstance(fill, functools.partial) else fill.__module__)
        processes = {"multiprocessing.context": context.get_start_method(), "multiprocessing.initializer": end_with_parent}
        one_by_one = {"chunksize": 1}  # Dask would give six blocks to one process while another has none
        with TqdmCallback(desc=label, unit="block"), dask.config.set(processes | one_by_one):
            dask.compute(*tasks, scheduler=scheduler if len(tasks) > 1 else "synchronous", num_workers=workers)
    seen.unlink()
    for marker in done.iterdir():
        marker.unlink()
    done.rmdir()


def refuse_unknown_scheduler(scheduler: str) -> None:
    """Raise `NoScheduler` unless `scheduler` is one of `SCHEDULERS` or looks like an address."""
    if scheduler not in SCHEDULERS and ":" not in scheduler:
        raise NoScheduler(f"scheduler: expected one of {', '.join(SCHEDULERS)} or an address host:port, got {scheduler!r}")


def _fill_and_mark(fill: Callable[[str, int], None], store: str, start: int, marker: str, seen: str) -> None:
    """Fill one block and leave its marker; a cluster that lost a worker asks again for what it had done.

    Where there is no file `seen`, which whoever asks has just made, this is another disk.
    """
    if not Path(seen).exists():
        what = f"the Dask worker {_worker_name()} does not see {Path(seen).parent}"
        raise WorkerElsewhere(f"{what}: name a folder that all machines share in ICE_CACHE.")
    if not Path(marker).exists():
        fill(store, start)
        Path(marker).touch()


def _worker_name() -> str:
    """Address of the Dask worker that runs this, and its machine."""
    from distributed import get_worker

    return f"{get_worker().address} on {platform.node()}"


def _compute_on_cluster(tasks: list, address: str, label: str) -> None:
    """Run the tasks on the Dask cluster at `address`, with a progress bar; tasks that fail or lose their worker are run again."""
    from distributed import Client, as_completed

    with _connected(Client, address) as client:
        futures = as_completed(client.compute(tasks, retries=RETRIES))
        for future in tqdm(futures, total=len(tasks), desc=label, unit="block"):
            future.result()


def _connected(client: type, address: str):
    """A client of the scheduler at `address`."""
    try:
        return client(address)
    except (OSError, ValueError) as error:
        raise NoScheduler(f"scheduler: no Dask scheduler answers at {address!r}") from error
