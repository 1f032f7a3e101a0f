"""The device, the threads and the random numbers that everything else computes with."""

from __future__ import annotations

import os
import random
import sys

import dask.system
import numpy as np

#: Environment of a process whose threads, when they have nothing to do, wait without using a core that another may need.
YIELDING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


class BadEnvironment(ValueError):
    """One line: which variable of the environment can't be used, and why."""


def available_device(wanted: str) -> str:
    """The torch device to use: `wanted`, or for ``auto`` the GPU where there is one. Only then is torch imported."""
    if wanted == "cpu":
        return wanted
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda" if gpus else "cpu"
    cuda = ["cuda", *(f"cuda:{number}" for number in range(gpus))] if gpus else []
    if wanted not in cuda:
        raise ValueError(f"device must be one of {', '.join(['auto', 'cpu', *cuda])} on this machine, got {wanted!r}.")
    return wanted


def seed_everything(seed: int) -> None:
    """Seed python, numpy and, where it is imported, torch."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be between 0 and 4294967295, got {seed}.")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (libraries without a generator argument)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def thread_count() -> int:
    """How many threads compute: the first number of ``OMP_NUM_THREADS`` (one for each level of nesting), else one a core granted.

    Raises
    ------
    BadEnvironment
        If ``OMP_NUM_THREADS`` is set to anything but whole numbers from 1 on.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").strip()
    if not wanted:
        return dask.system.CPU_COUNT
    numbers = [number.strip() for number in wanted.split(",")]
    if not all(number.isascii() and number.isdecimal() and int(number) > 0 for number in numbers):
        raise BadEnvironment(
            f"OMP_NUM_THREADS must be a whole number from 1 on, or several with commas between them, got {wanted!r}."
        )
    return int(numbers[0])


def set_threads() -> None:
    """Give torch as many threads as `thread_count` says and OpenCV one, where they are imported."""
    count = thread_count()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
