"""Workers end with the process that started them, whether they work or wait for work."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from lib.core import paths

#: Both first leave their process number in the folder; then one works on, and the other waits for work.
WORK = """
import os, pathlib, sys, time

FOLDER = pathlib.Path(sys.argv[1])

def work(number):
    (FOLDER / f"{os.getpid()}.pid").touch()
    while len(list(FOLDER.glob("*.pid"))) < 2:
        time.sleep(0.01)
    time.sleep(600 * number)
"""
STORE = """
import dask.array, xarray
from lib.core.stores import build_store

def fill(path, start):
    work(start)

def empty():
    return xarray.Dataset({"x": ("i", dask.array.zeros(2, chunks=1))})

if __name__ == "__main__":
    build_store(FOLDER / "part", 2, 1, empty, fill, "blocks", workers=2)
"""
MAP = """
from lib.datasets.synthetic_campaigns import process_map

if __name__ == "__main__":
    with process_map(2) as map_:
        list(map_(work, [0] * 8 + [1]))  # eight at a time
"""


@pytest.mark.parametrize(("pool", "sign"), [(STORE, signal.SIGTERM), (MAP, signal.SIGKILL)], ids=["store", "map"])
def test_workers_end_with_the_process_that_started_them(pool, sign, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORK + pool)
    owner = subprocess.Popen([sys.executable, script, tmp_path], env=os.environ | {"PYTHONPATH": str(paths.ROOT)})
    while len(found := list(tmp_path.glob("*.pid"))) < 2:
        assert owner.poll() is None
        time.sleep(0.01)
    workers = [psutil.Process(int(file.stem)) for file in found]
    assert all(worker.is_running() for worker in workers) and owner.pid not in [worker.pid for worker in workers]
    owner.send_signal(sign)
    assert owner.wait() == -sign
    left = psutil.wait_procs(workers, timeout=60)[1]
    for worker in left:
        worker.kill()
    assert not left
