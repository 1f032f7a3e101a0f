"""lib.core.cache: built once, found again, and never half."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lib.core import paths
from lib.core.cache import DamagedCache, cached, digest, written

DESCRIPTION = {"seed": 3, "sizes": [1, 2], "note": "a"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache folder that does not exist yet, for this process and its children."""
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("ICE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def counted(calls, content="whole"):
    """A builder that writes `content` and notes in `calls` what it found in its folder."""

    def build(part):
        calls.append(sorted(path.name for path in part.iterdir()))
        (part / "data").write_text(content)

    return build


def never(part):
    raise AssertionError("built again")


def test_built_once_and_found_again(folder):
    calls = []
    first = cached("thing", DESCRIPTION, counted(calls))
    assert cached("thing", dict(reversed(DESCRIPTION.items())), never) == first
    assert calls == [[]]
    assert first.parent == folder and first.name == f"thing-{digest(DESCRIPTION)}"
    assert (first / "data").read_text() == "whole"
    marker = {"description": DESCRIPTION, "files": {"data": len("whole")}}
    assert json.loads((first / "description.json").read_text()) == marker
    assert not list(folder.glob("*.part"))


def test_another_description_or_kind_is_another_folder():
    found = {
        cached("thing", DESCRIPTION, counted([])),
        cached("thing", DESCRIPTION | {"seed": 4}, counted([])),
        cached("other", DESCRIPTION, counted([])),
    }
    assert len(found) == 3


def test_digest_stands_for_the_values_alone():
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": (1.5, None), "a": 1})
    assert len({digest({"a": value}) for value in (1, 1.5, "1", None, True, [1])}) == 6
    assert len(digest({})) == 16 and set(digest({})) <= set("0123456789abcdef")
    with pytest.raises(TypeError):
        digest({"a": object()})


def test_an_error_leaves_nothing_that_is_taken_for_whole(folder):
    def failing(part):
        (part / "half").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cached("thing", DESCRIPTION, failing)
    assert not (folder / f"thing-{digest(DESCRIPTION)}").exists()
    calls = []
    done = cached("thing", DESCRIPTION, counted(calls))
    assert calls == [["half"]]  # the next build goes on from there
    assert (done / "data").exists()


KILLED = """
import sys, time
from pathlib import Path
from lib.core.cache import cached
def build(part):
    (part / "half").write_text("half")
    Path(sys.argv[1]).touch()
    time.sleep(600)
cached("thing", {"seed": 3}, build)
"""


def test_a_killed_build_is_resumed(tmp_path, folder):
    started = tmp_path / "started"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(started)], cwd=paths.ROOT)
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / f"thing-{digest({'seed': 3})}").exists()
    calls = []
    assert (cached("thing", {"seed": 3}, counted(calls)) / "data").read_text() == "whole"
    assert calls == [["half"]]


KILLED_IN_MID_WRITE = """
import os, signal
from lib.core.cache import cached, written
def kill(part):
    part.write_text("who")
    os.kill(os.getpid(), signal.SIGKILL)
cached("thing", {"seed": 3}, lambda part: written(part / "data", kill))
"""


def test_what_a_killed_write_left_is_cleared(folder):
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_MID_WRITE], cwd=paths.ROOT)
    assert killed.returncode == -signal.SIGKILL
    calls = []
    done = cached("thing", {"seed": 3}, counted(calls))
    ((left,),) = calls
    assert left.startswith("part-") and not (done / left).exists()
    assert left not in (done / "description.json").read_text() and (done / "data").read_text() == "whole"


def cut_short(folder):
    (folder / "data").write_text("who")


def described_otherwise(folder):
    marker = folder / "description.json"
    marker.write_text(marker.read_text().replace('"seed": 3', '"seed": 4'))


def of_an_earlier_version(folder):
    (folder / "description.json").write_text(json.dumps(DESCRIPTION))


DAMAGES = {
    "lacks data": lambda folder: (folder / "data").unlink(),
    "(data has 3 bytes instead of 5)": cut_short,
    "holds something else than its name says": described_otherwise,
    "has no description.json that this version reads": of_an_earlier_version,
    "has no description.json": lambda folder: (folder / "description.json").write_bytes(b"\xff\xfe[1"),
    "no description.json that": lambda folder: (folder / "description.json").unlink(),
}


@pytest.mark.parametrize("fault", DAMAGES)
def test_a_damaged_folder_is_refused_until_it_is_deleted(fault):
    folder = cached("thing", DESCRIPTION, counted([]))
    DAMAGES[fault](folder)
    with pytest.raises(DamagedCache) as caught:
        cached("thing", DESCRIPTION, never)
    assert fault in str(caught.value) and str(caught.value).startswith(f"{folder} ") and "\n" not in str(caught.value)
    assert "delete this folder" in str(caught.value)
    shutil.rmtree(folder)
    assert (cached("thing", DESCRIPTION, counted([])) / "data").read_text() == "whole"


def test_a_file_in_place_of_a_folder_is_refused(folder):
    folder.mkdir()
    (folder / f"thing-{digest(DESCRIPTION)}").write_text("whole")
    with pytest.raises(DamagedCache, match="has no description.json"):
        cached("thing", DESCRIPTION, never)


def test_files_that_others_leave_in_a_folder_do_no_harm():
    folder = cached("thing", DESCRIPTION, counted([]))
    (folder / ".DS_Store").write_text("")
    assert cached("thing", DESCRIPTION, never) == folder


def test_a_file_is_whole_or_not_there(tmp_path):
    file = tmp_path / "history.csv"

    def broken_off(part):
        part.write_text("new, but ha")
        raise OSError("disk full")

    written(file, lambda part: part.write_text("old"))
    with pytest.raises(OSError, match="disk full"):
        written(file, broken_off)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_two_processes_may_write_the_same_file(tmp_path, monkeypatch):
    file, here = tmp_path / "metrics.json", os.getpid()

    def meanwhile(part):
        part.write_text("first")
        monkeypatch.setattr(os, "getpid", lambda: here + 1)
        written(file, lambda other: other.write_text("second"))
        assert file.read_text() == "second"

    written(file, meanwhile)
    assert file.read_text() == "first" and list(tmp_path.iterdir()) == [file]


def ask(start, log, number, answers):
    """Wait for the others, then ask for the same thing; the builder leaves a line in the log and takes its time."""

    def build(part):
        with open(log, "a") as lines:
            lines.write(f"{number}\n")
        time.sleep(0.5)
        (part / "data").write_text(str(number))

    start.wait()
    answers.put((cached("thing", DESCRIPTION, build) / "data").read_text())


def test_processes_that_ask_at_once_build_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    start, answers, log = spawn.Barrier(3), spawn.Queue(), tmp_path / "log"
    asking = [spawn.Process(target=ask, args=(start, log, number, answers)) for number in range(3)]
    for process in asking:
        process.start()
    for process in asking:
        process.join(600)
        assert process.exitcode == 0
    builders = log.read_text().split()
    assert len(builders) == 1
    assert [answers.get(timeout=60) for _ in asking] == builders * 3
