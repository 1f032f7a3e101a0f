"""Plain papermill from the root: the same numbers again, whatever was broken off before and whoever runs beside."""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import execute
import psutil
import pytest
from click.testing import CliRunner
from papermill import cli

from lib.core.paths import NOTEBOOKS, ROOT

#: One notebook of parts 2 and 3, those that take the least time; that of part 1 is run again below.
OF_PARTS_2_AND_3 = ("21-spheres-and-rosettes", "32-latent-fields")


def papermill(name, folder, cache=None, parameters=(), **options):
    """A fresh process that executes the smoke profile of a notebook into `folder`, its cache in there if no other is named."""
    folder.mkdir(exist_ok=True)
    command = [Path(sys.executable).with_name("papermill"), f"notebooks/{name}.ipynb", folder / "out.ipynb"]
    command += ["-f", f"notebooks/params/smoke/{name}.yml", *parameters, "--no-progress-bar", "--log-level", "ERROR"]
    variables = {"ICE_RUNS": folder, "ICE_CACHE": cache or folder / "cache", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def numbers(name, folder, process):
    """What a run recorded that does not depend on the clock."""
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors[-2000:]
    return timeless(json.loads((folder / name / "metrics.json").read_text()))


def timeless(metrics):
    """Recorded numbers without those that tell the speed of the machine."""
    return {key: value for key, value in metrics.items() if "second" not in key}


@pytest.mark.parametrize("name", OF_PARTS_2_AND_3)
def test_the_same_seed_gives_the_same_numbers_in_a_fresh_process(name, smoke_metrics, tmp_path):
    assert numbers(name, tmp_path, papermill(name, tmp_path)) == timeless(smoke_metrics(name))


def test_two_runs_at_once_share_the_cache(smoke_metrics, tmp_path):
    name, cache = "12-shape-descriptors", tmp_path / "cache"
    folders = [tmp_path / "one", tmp_path / "two"]
    both = [papermill(name, folder, cache) for folder in folders]
    for folder, process in zip(folders, both, strict=True):
        assert numbers(name, folder, process) == timeless(smoke_metrics(name))
    kept = [entry.name for entry in cache.iterdir() if entry.is_dir()]
    assert len(kept) == 2 and not any(name.endswith(".part") for name in kept)  # the data set, and that of the test of leaks


def signal_all(processes, sign):
    """Send a signal to each process that is still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(sign)


def break_off(run, sign, cache, pattern):
    """Send a signal to papermill and its kernel (a session of its own) while the cache holds a file that matches `pattern`."""
    while True:
        while not list(cache.glob(pattern)):
            assert run.poll() is None, run.communicate()
            time.sleep(0.02)
        papermill = psutil.Process(run.pid)
        processes = [papermill, *papermill.children(recursive=True)]
        signal_all(processes, signal.SIGSTOP)
        if list(cache.glob(pattern)):  # still in mid-build, now that all stand still
            break
        signal_all(processes, signal.SIGCONT)
    signal_all(processes, sign)
    signal_all(processes, signal.SIGCONT)
    run.communicate(timeout=900)
    psutil.wait_procs(processes[1:], timeout=900)


def test_a_run_that_was_killed_goes_on_to_the_same_numbers(smoke_metrics, tmp_path):
    name = "13-image-networks"
    broken = papermill(name, tmp_path)
    break_off(broken, signal.SIGKILL, tmp_path / "cache", "*.part/last.ckpt")
    assert broken.returncode != 0
    assert numbers(name, tmp_path, papermill(name, tmp_path)) == timeless(smoke_metrics(name))


def no_room():
    """Nothing larger can be written, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))


def test_after_a_full_disk_and_an_interrupt_the_numbers_are_the_same(smoke_metrics, tmp_path):
    name = "12-shape-descriptors"
    broken = papermill(name, tmp_path, preexec_fn=no_room)
    _, errors = broken.communicate(timeout=900)
    assert broken.returncode != 0 and "File too large" in errors
    assert not [entry for entry in (tmp_path / "cache").iterdir() if entry.is_dir() and entry.suffix != ".part"]
    shutil.rmtree(tmp_path / "cache")  # where blocks may be done already
    broken = papermill(name, tmp_path)
    break_off(broken, signal.SIGINT, tmp_path / "cache", "*.part/done/*")
    assert broken.returncode != 0
    assert numbers(name, tmp_path, papermill(name, tmp_path)) == timeless(smoke_metrics(name))


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (("-p", "n_crystals", "-3"), "RunError: n_crystals must be at least 14, got -3."),
        (("-p", "n_crystal", "30"), "RunError: 12-shape-descriptors has no parameter n_crystal; did you mean n_crystals."),
    ],
)
def test_a_wrong_parameter_ends_in_one_line_before_any_work(parameters, line, tmp_path):
    refused = papermill("12-shape-descriptors", tmp_path, parameters=parameters)
    _, errors = refused.communicate(timeout=900)
    assert refused.returncode != 0 and errors.strip().splitlines()[-1] == line
    assert not (tmp_path / "cache").exists() and "An Exception was encountered" in (tmp_path / "out.ipynb").read_text()


@pytest.mark.parametrize("name", execute.notebooks_in_book())
def test_help_lists_every_parameter_with_its_meaning(name):
    shown = CliRunner().invoke(cli.papermill, ["--help-notebook", str(NOTEBOOKS / f"{name}.ipynb")], catch_exceptions=False)
    flat = " ".join(shown.output.split())
    for key, entry in execute.declared_parameters(name).items():
        assert f"{key}: {entry['inferred_type_name']} (default" in flat and " ".join(entry["help"].split()) in flat
