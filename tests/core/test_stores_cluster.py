"""lib.core.stores on a Dask cluster: workers and clients that are killed in mid-build change nothing in what is built."""

import functools
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import dask.array
import distributed
import pytest
import xarray as xr
import zarr

from lib.cirrus.kinematic.simulation import Case, ensemble
from lib.core import paths
from lib.core.cache import cached
from lib.core.stores import WorkerElsewhere, build_store
from lib.datasets.rosettes import BLOCK, Views, rosette_views

N_BLOCKS = 6
VIEWS = Views(n_crystals=N_BLOCKS * BLOCK, n_orientations=1, angles_deg=(0,), seed=5, size=16)
CASES = [replace(Case(nx=6, nz=12, duration=120.0, every=40.0), n_inp=1e4 * (1 + k)) for k in range(6)]
BUILDS = {
    "data set": lambda address: rosette_views(VIEWS, address),
    "ensemble": lambda address: ensemble(CASES, address),
}


@pytest.fixture(scope="module")
def cluster():
    """Two workers in processes of their own. They interpret what else each would compile for half a minute."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings, env={"NUMBA_DISABLE_JIT": "1"}, silence_logs="ERROR") as cluster:
        yield cluster


def built(kind, folder, address):
    """What a build leaves in an empty cache `folder`, as file -> hash. The seconds that members took are left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder)
        BUILDS[kind](address)
    assert not list(folder.glob("*.part"))
    files = (file for file in folder.rglob("*") if file.is_file() and "cpu_seconds" not in file.parts)
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def undisturbed(cluster, tmp_path_factory):
    """Function from a kind of build to what it leaves where nobody is killed."""
    return functools.cache(lambda kind: built(kind, tmp_path_factory.mktemp("undisturbed"), cluster.scheduler_address))


def blocks_done(folder):
    """How many blocks of the build in `folder` are done."""
    return len(list(folder.glob("*.part/done/*")))


def wait_for(condition, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def worker_pids(cluster):
    """Process numbers of both workers, once both are at work."""
    nannies = cluster.workers.values()
    wait_for(lambda: {nanny.worker_address for nanny in nannies} == set(cluster.scheduler_info["workers"]))
    return [nanny.pid for nanny in nannies]


@pytest.mark.parametrize(("kind", "n_killed"), [("data set", 2), ("ensemble", 1)])
def test_workers_killed_in_mid_build(cluster, undisturbed, tmp_path, kind, n_killed):
    expected, pids, killed_after = undisturbed(kind), worker_pids(cluster), []

    def kill():
        wait_for(lambda: blocks_done(tmp_path))
        killed_after.append(blocks_done(tmp_path))
        for pid in pids[:n_killed]:
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = built(kind, tmp_path, cluster.scheduler_address)
    killer.join()
    assert 1 <= killed_after[0] < N_BLOCKS
    assert set(pids) - set(worker_pids(cluster)) == set(pids[:n_killed])
    assert found == expected


BUILD = f"from lib.datasets.rosettes import Views, rosette_views; rosette_views({VIEWS!r}, {{address!r}})"


def test_a_build_whose_client_is_killed_goes_on_where_it_was(cluster, undisturbed, tmp_path):
    expected, address, folder = undisturbed("data set"), cluster.scheduler_address, tmp_path
    environment = os.environ | {"ICE_CACHE": str(folder)}
    client = subprocess.Popen(
        [sys.executable, "-c", BUILD.format(address=address)], cwd=paths.ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: blocks_done(folder) or client.poll() is not None)
    client.kill()
    assert client.wait() == -signal.SIGKILL, "built before it could be killed"
    (store,) = folder.glob("*.part/data.zarr")
    done = {int(marker.name) // BLOCK for marker in store.parent.glob("done/*")}
    before = {k: (store / f"volume/{k}").stat().st_mtime_ns for k in done}
    assert built("data set", folder, address) == expected
    (volume,) = folder.glob("*/data.zarr/volume")
    assert done and before == {k: (volume / str(k)).stat().st_mtime_ns for k in done}


def _fill_killed_in_mid_write(tried, path, start):
    """Is killed at the first try when a chunk is written but not yet in its place; lists at the next what that left."""
    if not tried.exists():
        tried.touch()
        pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    else:
        tried.write_text("\n".join(file.name for file in pathlib.Path(path).rglob("*.partial")))
    zarr.open_group(path, mode="r+")["x"][start : start + 1] = 7


def test_what_a_worker_killed_in_mid_write_left_is_cleared(cluster, tmp_path, monkeypatch):
    def build(part):
        build_store(part, 1, 1, lambda: empty, fill, "blocks", cluster.scheduler_address)

    worker_pids(cluster)
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    fill = functools.partial(_fill_killed_in_mid_write, tmp_path / "tried")
    empty = xr.Dataset({"x": ("i", dask.array.zeros(1, chunks=1))})
    folder = cached("killed", {}, build)
    assert (tmp_path / "tried").read_text().endswith(".partial")
    assert not list(folder.rglob("*.partial")) and "partial" not in (folder / "description.json").read_text()
    assert xr.open_zarr(folder / "data.zarr").x.values.tolist() == [7]


def _fill_at_the_second_try(tried, path, start):
    """Fails once, as a file system that is away for a moment."""
    if not os.path.exists(tried):
        open(tried, "w").close()
        raise OSError("stale file handle")
    zarr.open_group(path, mode="r+")["x"][start : start + 1] = 7


def test_a_block_that_fails_is_tried_again(cluster, tmp_path):
    fill = functools.partial(_fill_at_the_second_try, str(tmp_path / "tried"))
    empty = xr.Dataset({"x": ("i", dask.array.zeros(2, chunks=1))})
    build_store(tmp_path / "part", 2, 1, lambda: empty, fill, "blocks", cluster.scheduler_address)
    assert xr.open_zarr(tmp_path / "part" / "data.zarr").x.values.tolist() == [7, 7]


def test_where_no_scheduler_is(tmp_path):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(ValueError, match="scheduler: no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
    ):
        built("data set", tmp_path, "tcp://127.0.0.1:1")


def test_a_worker_that_sees_another_disk_is_named(cluster, tmp_path, monkeypatch):
    touch = pathlib.Path.touch  # what is made here alone is, for the workers, on another disk
    monkeypatch.setattr(pathlib.Path, "touch", lambda path, **how: None if path.parent == tmp_path else touch(path, **how))
    fill = functools.partial(_fill_at_the_second_try, str(tmp_path / "tried"))
    empty = xr.Dataset({"x": ("i", dask.array.zeros(2, chunks=1))})
    with pytest.raises(WorkerElsewhere) as told:
        build_store(tmp_path, 2, 1, lambda: empty, fill, "blocks", cluster.scheduler_address)
    said = rf"the Dask worker tcp://127.0.0.1:\d+ on \S+ does not see {tmp_path}: name a folder .* in ICE_CACHE\."
    assert re.fullmatch(said, str(told.value)) and not (tmp_path / "tried").exists()
    assert told.value._render_traceback_() == [f"WorkerElsewhere: {told.value}"]
