"""How much longer a training takes beside another busy process: threads that wait quietly, as `make book` has them, or that spin.

The polar network takes a few steps in a process of its own with a thread a core, alone and beside a process that is always busy.
Wall time, as factor over the time alone with the same kind of threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import torch
from network_speed import BATCH, OUTPUTS
from row import Row

from lib.core.device import YIELDING
from lib.models.networks import network


def seconds(steps: int, threads: dict[str, str], busy: bool) -> float:
    """Wall seconds of so many training steps in a process with the environment `threads`, perhaps beside a busy one."""
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    unset = {name: value for name, value in os.environ.items() if name not in {*YIELDING, "OMP_NUM_THREADS"}}
    try:
        command = [sys.executable, __file__, str(steps)]
        return float(subprocess.run(command, env=unset | threads, capture_output=True, text=True, check=True).stdout)
    finally:
        if neighbour:
            neighbour.kill()
            neighbour.wait()


def train(steps: int) -> float:
    """Wall seconds of so many steps of the polar network in this process, after two to warm up."""
    torch.set_num_threads(os.cpu_count() or 1)
    model, pictures = network("polar", 1, 128, OUTPUTS), torch.rand(BATCH, 1, 128, 128)
    for step in range(steps + 2):
        if step == 2:
            start = time.perf_counter()
        model(pictures).square().mean().backward()
        model.zero_grad()
    return time.perf_counter() - start


def rows(quick: bool) -> list[Row]:
    """The slowdown with quiet threads beside that with threads that spin."""
    steps = 3 if quick else 60
    slowdown = []
    for threads in (YIELDING, {"OMP_WAIT_POLICY": "ACTIVE", "KMP_BLOCKTIME": "infinite"}):
        alone, beside = (seconds(steps, threads, busy) for busy in (False, True))
        slowdown.append(beside / alone)
    return [
        Row("training beside a busy process", "threads that spin", *slowdown, "times as long", f"{steps} steps, a thread a core")
    ]


if __name__ == "__main__":
    print(train(int(sys.argv[1])))
