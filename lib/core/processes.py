"""Worker processes: how they begin, and that they end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.context import BaseContext


def worker_context(module: str) -> BaseContext:
    """How worker processes begin: where the system can, from a server that imports `module` once for all of them."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def end_with_parent() -> None:
    """Have this worker end as soon as the process that started it does, even one that is killed: the initializer of a pool.

    By itself a worker that waits for work waits for ever, since the other workers keep its queue open.
    """
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:  # this is a worker
        parent.join()
        os._exit(1)
