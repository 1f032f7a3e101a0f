"""Running an ensemble of CM1: a Latin hypercube over keys of the namelist, and its members, some at a time.

Each member runs in a folder of its own, under a temporary name until it has ended and was judged by its output; only then is
the folder moved into place. So whatever interrupts the ensemble, what bears a member's plain name is done and good.

On a cluster, hand over a Dask client, whose workers must see the folders. For SLURM or PBS, dask-jobqueue makes one::

    cluster = dask_jobqueue.SLURMCluster(cores=1, memory="4GB", walltime="02:00:00")
    cluster.scale(jobs=20)
    run_ensemble(design, setup, folder, ["/path/to/cm1.exe"], at_once=20, client=cluster.get_client())
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from filelock import FileLock, Timeout

from lib.cirrus.cm1.namelist import number, with_values
from lib.cirrus.cm1.verdict import NAMELIST, STDERR, STDOUT, expected_times, verdict
from lib.core.sentence import Sentence

if TYPE_CHECKING:
    from distributed import Client

_RECORD = "run.json"
_COLUMNS = ("state", "reason", "remark", "seconds")
#: A run is asked whether it has ended, and told to, this often [s].
_POLL_S = 0.05


class RunnerError(Sentence, ValueError):
    """An ensemble that cannot be run, told in one sentence."""


def run_ensemble(
    design: pd.DataFrame,
    setup: Path,
    folder: Path,
    command: Sequence[str],
    *,
    at_once: int = 1,
    client: Client | str | None = None,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run the members of a design that are not done yet, and return the table of all (see `ensemble_state`).

    Parameters
    ----------
    design : of `lib.cirrus.design.latin_hypercube`: index the members, columns "group:key" of the namelist, values for them
    setup : folder with namelist.input and all other files that CM1 reads; each member gets links to those
    folder : where the members' folders go
    command : what is run in a member's folder: ["/path/to/cm1.exe"], or ["mpirun", "-n", "4", "/path/to/cm1.exe"]
    at_once : how many members run at the same time
    client : Dask client, or the address of a scheduler, on whose workers members run; None is this machine
    retry_failed : run those again that failed before; those that failed with another namelist or other input files always are

    Raises
    ------
    RunnerError
        If the set-up, the namelist or `at_once` does not fit, a member in `folder` was run with another set-up, or another
        process is running members in `folder`.
    """
    if at_once < 1:
        raise RunnerError(f"at_once must be at least 1, got {at_once}.")
    setup, folder = Path(setup).absolute(), Path(folder).absolute()
    namelists = _namelists(design, setup)
    digest = _setup_digest(setup)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        _refuse_others(folder, namelists, digest)
        for left in folder.glob("*.running-*"):
            shutil.rmtree(left, ignore_errors=True)
        waiting = [member for member in namelists if not (folder / member).exists()]
        if not retry_failed:
            waiting = [member for member in waiting if not _failed_alike(folder / f"{member}.failed", namelists[member], digest)]
        jobs = [(folder, member, namelists[member], setup, digest, list(command)) for member in waiting]
        _run_all(jobs, at_once, client)
    return ensemble_state(design, folder)


def ensemble_state(design: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Table of the members: the design's columns, state ("done", "failed" or "waiting"), reason, remark and seconds.

    Raises
    ------
    RunnerError
        If the record of a member is missing or broken.
    """
    rows = []
    for member in design.index:
        done, failed = Path(folder) / str(member), Path(folder) / f"{member}.failed"
        place = next((place for place in (done, failed) if place.exists()), None)
        record = _record(place) if place else {"state": "waiting", "reason": "", "remark": ""}
        rows.append([record.get(name) for name in _COLUMNS])
    return design.join(pd.DataFrame(rows, design.index, list(_COLUMNS)))


def _record(place: Path) -> dict:
    """What `run_member` wrote about the run in a folder."""
    try:
        record = json.loads((place / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or not {"state", "setup"} <= set(record):
        raise RunnerError(f"{place / _RECORD} is missing or broken: remove {place}, and the member is run again.")
    return record


def _namelists(design: pd.DataFrame, setup: Path) -> dict[str, str]:
    """Text of the namelist of each member."""
    file = setup / NAMELIST
    if not file.is_file():
        raise RunnerError(f"There is no {NAMELIST} in {setup}.")
    text = file.read_bytes().decode("latin-1")
    try:
        expected_times(text)
        if number(text, "param9:output_format", 1) != 2:
            raise ValueError("CM1 would not write netCDF: set param9:output_format to 2.")
        rows = zip(design.index, design.to_dict("records"), strict=True)
        return {str(member): with_values(text, row) for member, row in rows}
    except ValueError as error:
        raise RunnerError(f"{file}: {error}") from error


def _inputs(setup: Path) -> list[Path]:
    """All that CM1 reads but the namelist; what an earlier run wrote here is not among it."""
    written = ("cm1out", "cm1rst", NAMELIST, STDOUT, STDERR)
    return sorted(file for file in setup.iterdir() if file.is_file() and not file.name.startswith(written))


def _setup_digest(setup: Path) -> str:
    """Sixteen digits that stand for the names and contents of all input files but the namelist."""
    digest = hashlib.sha256()
    for file in _inputs(setup):
        with file.open("rb") as stream:
            digest.update(f"{file.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise RunnerError(f"Another process is running members in {folder}.") from None


def _refuse_others(folder: Path, namelists: Mapping[str, str], digest: str) -> None:
    """Stop if a member in the folder was run with another namelist or other input files."""
    for member, namelist in namelists.items():
        place = folder / member
        if not place.exists():
            continue
        what = _other(place, namelist, digest)
        if what:
            raise RunnerError(f"{member} in {folder} was run with {what}: choose another folder, or remove it.")


def _failed_alike(place: Path, namelist: str, digest: str) -> bool:
    """Whether a member failed, in the folder `place`, with the same namelist and input files as now."""
    return place.exists() and not _other(place, namelist, digest)


def _other(place: Path, namelist: str, digest: str) -> str:
    """What a member in the folder `place` was run with that is not as now, or ""."""
    record, file = _record(place), place / NAMELIST
    if not file.is_file() or file.read_bytes().decode("latin-1") != namelist:
        return "another namelist"
    return "other input files" if record["setup"] != digest else ""


def _run_all(jobs: list[tuple], at_once: int, client: Client | str | None) -> None:
    """Run all jobs, at most `at_once` at the same time; interrupted, running members are ended and left unfinished."""
    stop = threading.Event()
    with _executor(at_once, client) as executor:
        pending = set()
        try:
            for job in jobs:
                if len(pending) == at_once:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                pending.add(executor.submit(run_member, *job, **({} if client else {"stop": stop})))
            for future in pending:
                future.result()
        except BaseException:
            stop.set()
            for future in pending:
                future.cancel()
            raise


@contextmanager
def _executor(at_once: int, client: Client | str | None) -> Iterator[Executor]:
    if client is None:
        with ThreadPoolExecutor(at_once) as executor:
            yield executor
    elif isinstance(client, str):
        from distributed import Client

        with Client(client) as connected, connected.get_executor() as executor:
            yield executor
    else:
        with client.get_executor() as executor:
            yield executor


def run_member(
    folder: Path, member: str, namelist: str, setup: Path, digest: str, command: list[str], stop: threading.Event | None = None
) -> bool:
    """Run one member and move its folder to its name, or to "NAME.failed"; True if it is good.

    A file run.json in it holds the state, reason, remark, exit code, wall time [s], command and digest of the input files.
    """
    attempt = folder / f"{member}.running-{uuid.uuid4().hex[:8]}"
    try:
        attempt.mkdir()
    except FileNotFoundError as error:
        raise RunnerError(f"{platform.node()} does not see {folder}: name a folder that all machines share.") from error
    (attempt / NAMELIST).write_bytes(namelist.encode("latin-1"))
    for file in _inputs(setup):
        (attempt / file.name).symlink_to(file)
    began = time.monotonic()
    code = _exit_code(command, attempt, stop or threading.Event())
    judged = verdict(attempt, code)
    record = {"state": "done" if judged.good else "failed", **judged._asdict(), "exit_code": code, "command": command}
    record |= {"seconds": round(time.monotonic() - began, 2), "setup": digest}
    (attempt / _RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if not (folder / member).exists():  # else Dask ran it twice
        shutil.rmtree(folder / f"{member}.failed", ignore_errors=True)
        attempt.rename(folder / (member if judged.good else f"{member}.failed"))
    return judged.good


def _exit_code(command: list[str], folder: Path, stop: threading.Event) -> int:
    """Exit code of a command run in a folder (minus the signal that killed it); ended with its children on `stop`."""
    with (folder / STDOUT).open("wb") as out, (folder / STDERR).open("wb") as err:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            raise RunnerError(f"{command[0]} cannot be run: {error.strerror}.") from error
        while process.poll() is None:
            if stop.wait(_POLL_S):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise InterruptedError(f"The run in {folder.name} was ended.")
        return process.returncode
