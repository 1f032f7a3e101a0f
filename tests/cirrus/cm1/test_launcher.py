"""lib.cirrus.cm1.launcher and cm1_verdict: designs, and ensembles of a stand-in for CM1 that ends in all the ways CM1 does."""

import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import fake_cm1
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from lib.cirrus.cm1 import launcher, namelist
from lib.cirrus.cm1.launcher import RunnerError, ensemble_state, run_ensemble, run_member
from lib.cirrus.cm1.reader import open_ensemble
from lib.cirrus.cm1.sample import sample_ensemble
from lib.cirrus.cm1.verdict import expected_times
from lib.cirrus.design import latin_hypercube
from lib.core import paths

FAKE = [sys.executable, "-S", fake_cm1.__file__]


@pytest.fixture
def setup(tmp_path):
    return fake_cm1.setup(tmp_path / "setup")


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Function that counts how often each member was started."""
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_CM1_LOG", str(log))
    return lambda: Counter(log.read_text().split()) if log.exists() else Counter()


def design(values, key="param8:var1"):
    return pd.DataFrame({key: values}, [f"m{number:03}" for number in range(len(values))])


def edit(setup, **changes):
    """Change values of the set-up's namelist; `param1__timax` stands for param1:timax."""
    file = setup / "namelist.input"
    file.write_text(namelist.with_values(file.read_text(), {key.replace("__", ":"): value for key, value in changes.items()}))


# --- designs ------------------------------------------------------------------------------------------------------------


def test_each_part_of_each_range_has_one_member():
    table = latin_hypercube({"param8:var1": (0.4, 2.0), "param8:var2": (20, 300)}, 40, seed=1)
    for name, (low, high) in {"param8:var1": (0.4, 2.0), "param8:var2": (20, 300)}.items():
        part = np.floor(40 * np.log(table[name] / low) / np.log(high / low)).astype(int)
        assert sorted(part) == list(range(40))
    even = latin_hypercube({"param1:dtl": (-1.0, 3.0)}, 8, seed=1, log=False)
    assert sorted(np.floor(2 * (even["param1:dtl"] + 1)).astype(int)) == list(range(8))


def test_the_design_of_the_sample_ensemble_is_found_again():
    table = latin_hypercube({"param8:var1": (0.4, 2.0), "param8:var2": (20.0, 300.0)}, 100, seed=20240607)
    sample = sample_ensemble()
    drawn = table.loc[[f"m{member:03}" for member in sample.member.values]]
    np.testing.assert_allclose(sample.deposition_factor, drawn["param8:var1"], rtol=1e-4)
    np.testing.assert_allclose(sample.ni_cap, 1000 * drawn["param8:var2"], rtol=1e-4)


def test_a_range_must_ascend_and_be_positive():
    with pytest.raises(ValueError, match="param8:var1: expected an ascending range above zero, got 0 to 2"):
        latin_hypercube({"param8:var1": (0, 2)}, 3, seed=0)
    with pytest.raises(ValueError, match="got 2 to 1"):
        latin_hypercube({"param8:var1": (2, 1)}, 3, seed=0, log=False)


# --- one run: the table of how CM1 ends ---------------------------------------------------------------------------------


def removed(name):
    return lambda setup: (setup / name).unlink()


def replaced(name, old, new):
    return lambda setup: (setup / name).write_text((setup / name).read_text().replace(old, new))


def edited(**changes):
    return lambda setup: edit(setup, **changes)


def killed(filetype, state):
    return edited(param9__output_filetype=filetype, param8__var19=3, param8__var20=state)


SOUNDING, NAMELIST = "input_sounding", "namelist.input"
ENDINGS = {  # what was done -> (how, exit code, whether CM1 claims success, whether it is good, reason)
    "good run": (lambda setup: None, 0, True, True, ""),
    "good run, a file for each time": (edited(param9__output_filetype=2), 0, True, True, ""),
    "end that is no output time": (edited(param1__timax=1000.0), 0, True, True, ""),
    "no namelist": (None, 0, False, False, "error opening namelist.input"),
    "unknown key": (replaced(NAMELIST, "dtl ", "dtx "), 2, False, False, "Cannot match namelist object name dtx"),
    "text for a number": (replaced(NAMELIST, "100.0,", "wide,"), 2, False, False, "Cannot match namelist object name"),
    "no such ptype": (edited(param2__ptype=99), 0, False, False, "Unrecognized value for ptype"),
    "no group param9": (replaced(NAMELIST, "&param9", "&ignored"), 0, False, False, "only output_format = 1,2"),
    "no key ptype": (replaced(NAMELIST, " ptype     =  50,\n", ""), 0, True, False, "cm1out.nc has no ice"),
    "no P3 table": (removed(fake_cm1.TABLE), 2, False, False, "Cannot open file"),
    "other P3 table": (replaced(fake_cm1.TABLE, "5.4", "6.0"), 0, False, False, "Stopping in P3 init"),
    "no sounding": (removed(SOUNDING), 0, False, False, "9009: error opening"),
    "malformed sounding": (replaced(SOUNDING, "315.0", "warm"), 0, False, False, "9008: error reading"),
    "short sounding": (replaced(SOUNDING, "16000.0", "12000.0"), 0, False, False, "zmax of sounding < zmax of grid!"),
    "no grid": (removed("input_grid_z"), 0, False, False, "9011: error opening input_grid_z file".removeprefix("9011: ")),
    "no nudging": (removed("lsnudge_0001.dat"), 0, False, False, "Did not find any lsnudge files"),
    "long time step": (edited(param1__dtl=60.0), 0, False, False, "Time step (dtl) needs to be smaller"),
    "wind of 300 m/s": (replaced(SOUNDING, "4.0 0.0", "300.0 0.0"), 0, False, False, "Courant number has exceeded 1.5"),
    "NaN in the sounding": (replaced(SOUNDING, "315.0", "NaN"), 0, True, False, "NaN or unwritten values in th"),
    "iconly": (edited(param2__iconly=1), 3, False, False, "STOP 55555 (iconly is 1"),
    "rstfrq": (edited(param1__rstfrq=0.0), 4, False, False, "STOP 55556 (rstfrq is 0)"),
    "killed, one file": (killed(1, 0), -9, False, False, "killed by signal 9"),
    "killed, last file good": (killed(2, 0), -9, False, False, "killed by signal 9"),
    "killed, no time record": (killed(2, 1), -9, False, False, "killed by signal 9"),
    "killed, last file cut": (killed(2, 2), -9, False, False, "killed by signal 9"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_is_judged_by_its_output_and_not_by_its_exit_code(ending, setup, tmp_path):
    change, code, claims, good, reason = ENDINGS[ending]
    command = FAKE
    if change:
        change(setup)
    else:  # the runner always writes a namelist: take it away before the program starts
        command = ["sh", "-c", f"rm namelist.input; exec {' '.join(FAKE)}"]
    text = (setup / NAMELIST).read_text()
    assert run_member(tmp_path, "m000", text, setup, "digest", command) is good
    place = tmp_path / ("m000" if good else "m000.failed")
    record = json.loads((place / "run.json").read_text())
    assert record["exit_code"] == code
    assert ("Program terminated normally" in (place / "stdout.txt").read_text()) is claims
    assert (record["state"], record["good"]) == (("done", True) if good else ("failed", False))
    assert reason in record["reason"] and bool(record["reason"]) is not good
    assert not list(tmp_path.glob("*.running-*"))


def test_a_reader_with_a_lock_makes_cm1_stop_and_that_is_seen(setup, tmp_path):
    edit(setup, param8__var18=0.2)
    runner = threading.Thread(target=run_member, args=(tmp_path, "m000", (setup / NAMELIST).read_text(), setup, "", FAKE))
    runner.start()
    while not (found := list(tmp_path.glob("*.running-*/cm1out.nc"))):
        time.sleep(0.005)
    with found[0].open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        runner.join()
    record = json.loads((tmp_path / "m000.failed" / "run.json").read_text())
    assert record["exit_code"] == 0 and "Permission denied" in record["reason"]
    assert (tmp_path / "m000.failed" / "cm1out.nc").stat().st_size == 0


def test_a_run_with_a_shell_around_it_that_was_killed(setup, tmp_path):
    run_member(tmp_path, "m000", fake_cm1.NAMELIST, setup, "", ["sh", "-c", "exit 137"])
    assert json.loads((tmp_path / "m000.failed" / "run.json").read_text())["reason"] == "killed by signal 9"


def test_without_any_known_word_the_last_line_is_told(setup, tmp_path):
    run_member(tmp_path, "m000", fake_cm1.NAMELIST, setup, "", ["sh", "-c", "echo starting; echo no licence; exit 7"])
    reason = json.loads((tmp_path / "m000.failed" / "run.json").read_text())["reason"]
    assert reason == "ended with exit code 7 and no word of success; its last line: no licence"


def test_a_claim_of_success_without_all_the_output_is_not_believed(setup, tmp_path):
    claim = "cat > run.sh <<'end'\n" + " ".join(FAKE) + "\nend\nsh run.sh; rm cm1out_000003.nc"
    edit(setup, param9__output_filetype=2)
    run_member(tmp_path, "m000", (setup / NAMELIST).read_text(), setup, "", ["sh", "-c", claim])
    assert json.loads((tmp_path / "m000.failed" / "run.json").read_text())["reason"] == "the output has 4 times, not 5"
    run_member(tmp_path, "m001", fake_cm1.NAMELIST, setup, "", ["echo", " Program terminated normally"])
    assert "there is no output" in json.loads((tmp_path / "m001.failed" / "run.json").read_text())["reason"]


def test_a_run_without_ice_is_good_but_remarked_on(setup, tmp_path):
    edit(setup, param8__var1=0.0)
    assert run_member(tmp_path, "m000", (setup / NAMELIST).read_text(), setup, "", FAKE)
    assert json.loads((tmp_path / "m000" / "run.json").read_text())["remark"] == "there is no ice at the last time"


def test_a_machine_that_does_not_see_the_folder_is_named(tmp_path, setup):
    with pytest.raises(RunnerError, match=f"{platform.node()} does not see {tmp_path / 'elsewhere'}: name a folder that all"):
        run_member(tmp_path / "elsewhere", "m000", fake_cm1.NAMELIST, setup, "", FAKE)


@pytest.mark.parametrize("timax, tapfrq, times", [(7200.0, 300.0, 25), (7200.0, 500.0, 15), (0.3, 0.1, 4)])
def test_the_number_of_output_times_follows_from_the_namelist(timax, tapfrq, times):
    text = namelist.with_values(fake_cm1.NAMELIST, {"param1:timax": timax, "param1:tapfrq": tapfrq})
    assert expected_times(text) == times
    assert expected_times(namelist.with_values(text, {"param1:run_time": 2 * tapfrq})) == 3


# --- ensembles ----------------------------------------------------------------------------------------------------------


def test_an_ensemble_runs_and_is_read_with_its_parameters(setup, tmp_path, started):
    members = design([0.5, 1.0, 2.0])
    table = run_ensemble(members, setup, tmp_path / "runs", FAKE, at_once=2)
    assert table.state.tolist() == ["done"] * 3 and table["param8:var1"].tolist() == [0.5, 1.0, 2.0]
    assert started() == {"m000": 1, "m001": 1, "m002": 1}
    ensemble = open_ensemble(tmp_path / "runs", parameters=members)
    assert ensemble.member.values.tolist() == ["m000", "m001", "m002"]
    mean = ensemble.q_i.isel(time=-1).mean(("z", "x")).compute()
    np.testing.assert_allclose(mean / mean[1], ensemble["var1"], rtol=1e-6)


def test_only_the_named_keys_of_the_namelist_differ(setup, tmp_path):
    run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE)
    text = (tmp_path / "runs" / "m000" / NAMELIST).read_text()
    assert text == fake_cm1.NAMELIST.replace("var1      =   1.0,", "var1      =   0.5,")


def test_what_is_done_is_not_run_again_and_what_failed_is_listed(setup, tmp_path, started):
    members = design([0.0, 3.0, 0.0], "param8:var19")
    for _ in range(2):
        table = run_ensemble(members, setup, tmp_path / "runs", FAKE)
        assert table.state.tolist() == ["done", "failed", "done"]
        assert table.reason.tolist() == ["", "killed by signal 9", ""]
        assert started() == {"m000": 1, "m001": 1, "m002": 1}
    table = run_ensemble(members, setup, tmp_path / "runs", FAKE, retry_failed=True)
    assert table.state.tolist() == ["done", "failed", "done"]
    assert started() == {"m000": 1, "m001": 2, "m002": 1}
    assert open_ensemble(tmp_path / "runs").member.values.tolist() == ["m000", "m002"]


def test_what_failed_is_run_again_once_its_setup_is_another(setup, tmp_path, started):
    members = design([0.5])
    sounding = (setup / SOUNDING).read_text()
    (setup / SOUNDING).write_text(sounding.replace("315.0", "warm"))
    for _ in range(2):
        assert run_ensemble(members, setup, tmp_path / "runs", FAKE).state.tolist() == ["failed"]
    assert started() == {"m000": 1}
    (setup / SOUNDING).write_text(sounding)
    assert run_ensemble(members, setup, tmp_path / "runs", FAKE).state.tolist() == ["done"]
    assert started() == {"m000": 2} and not (tmp_path / "runs" / "m000.failed").exists()


def test_what_failed_is_run_again_with_another_namelist(setup, tmp_path, started):
    assert run_ensemble(design([3.0], "param8:var19"), setup, tmp_path / "runs", FAKE).state.tolist() == ["failed"]
    assert run_ensemble(design([0.0], "param8:var19"), setup, tmp_path / "runs", FAKE).state.tolist() == ["done"]
    assert started() == {"m000": 2}


def test_more_members_can_be_added(setup, tmp_path, started):
    run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE)
    assert ensemble_state(design([0.5, 1.0]), tmp_path / "runs").state.tolist() == ["done", "waiting"]
    assert run_ensemble(design([0.5, 1.0]), setup, tmp_path / "runs", FAKE).state.tolist() == ["done", "done"]
    assert started() == {"m000": 1, "m001": 1}


def test_no_more_run_at_once_than_allowed(setup, tmp_path, monkeypatch):
    running, most = set(), []

    def watched(folder, member, *rest, stop=None):
        running.add(member)
        most.append(len(running))
        time.sleep(0.1)
        running.discard(member)

    monkeypatch.setattr(launcher, "run_member", watched)
    run_ensemble(design([1.0] * 9), setup, tmp_path / "runs", FAKE, at_once=3)
    assert max(most) == 3 and len(most) == 9


def test_members_run_on_the_workers_of_a_dask_cluster(setup, tmp_path):
    with (
        LocalCluster(1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        table = run_ensemble(design([0.5, 1.0, 0.7]), setup, tmp_path / "runs", FAKE, at_once=2, client=client)
        assert table.state.tolist() == ["done"] * 3
        again = run_ensemble(design([0.5, 1.0, 0.7, 0.9]), setup, tmp_path / "runs", FAKE, client=cluster.scheduler_address)
        assert again.state.tolist() == ["done"] * 4


def test_a_runner_that_is_killed_leaves_nothing_that_is_taken_for_done(setup, tmp_path, started):
    edit(setup, param8__var18=0.1)
    runs = tmp_path / "runs"
    code = (
        "import sys, pandas as pd; from pathlib import Path; from lib.cirrus.cm1.launcher import run_ensemble;"
        "design = pd.DataFrame({'param8:var1': [0.5, 1.0, 2.0]}, ['m000', 'm001', 'm002']);"
        "run_ensemble(design, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])"
    )
    runner = subprocess.Popen([sys.executable, "-c", code, setup, runs, *FAKE], cwd=paths.ROOT)
    while not list(runs.glob("m001.running-*/cm1out.nc")):
        assert runner.poll() is None
        time.sleep(0.01)
    os.kill(runner.pid, signal.SIGSTOP)  # it sees no more of what its members do
    with pytest.raises(RunnerError, match="Another process is running members in"):
        run_ensemble(design([0.5, 1.0, 2.0]), setup, runs, FAKE)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert ensemble_state(design([0.5, 1.0, 2.0]), runs).state.tolist() == ["done", "waiting", "waiting"]
    assert open_ensemble(runs).member.values.tolist() == ["m000"]
    assert run_ensemble(design([0.5, 1.0, 2.0]), setup, runs, FAKE).state.tolist() == ["done"] * 3
    assert started() == {"m000": 1, "m001": 2, "m002": 1}
    assert not [place for place in runs.glob("*.running-*") if (place / "cm1out.nc").exists()]


def test_an_interrupt_ends_the_programs_that_run(setup, tmp_path, monkeypatch):
    edit(setup, param8__var18=5.0)
    pids = []

    def interrupted(pending, return_when):
        while not (logged := list((tmp_path / "runs").glob("*.running-*/pid"))) or not logged[0].read_text().strip():
            time.sleep(0.01)
        pids.append(int(logged[0].read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "wait", interrupted)
    command = ["sh", "-c", f"echo $$ > pid; exec {' '.join(FAKE)}"]
    with pytest.raises(KeyboardInterrupt):
        run_ensemble(design([1.0, 1.0]), setup, tmp_path / "runs", command)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert ensemble_state(design([1.0, 1.0]), tmp_path / "runs").state.tolist() == ["waiting", "waiting"]


# --- what is refused ----------------------------------------------------------------------------------------------------


def test_members_of_another_ensemble_are_not_taken_for_done(setup, tmp_path):
    run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE)
    with pytest.raises(RunnerError, match="m000 in .*runs was run with another namelist: choose another folder"):
        run_ensemble(design([0.6]), setup, tmp_path / "runs", FAKE)
    (setup / SOUNDING).write_text(fake_cm1.SOUNDING.replace("8.0", "9.0"))
    with pytest.raises(RunnerError, match="was run with other input files"):
        run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE)


def test_output_that_lies_in_the_setup_is_not_linked(setup, tmp_path):
    (setup / "cm1out.nc").write_bytes(b"precious")
    assert run_ensemble(design([1.0]), setup, tmp_path / "runs", FAKE).state.tolist() == ["done"]
    assert (setup / "cm1out.nc").read_bytes() == b"precious"
    assert (tmp_path / "runs" / "m000" / SOUNDING).resolve() == (setup / SOUNDING).resolve()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (removed(NAMELIST), "There is no namelist.input in"),
        (edited(param9__output_format=1), "CM1 would not write netCDF: set param9:output_format to 2"),
        (replaced(NAMELIST, "timax ", "timex "), "The namelist has no param1:timax"),
        (edited(param1__tapfrq=0.0), "timax and tapfrq must be above zero"),
        (replaced(NAMELIST, "var1 ", "var7 "), "The namelist has no param8:var1"),
    ],
)
def test_a_setup_that_cannot_work_is_refused_before_anything_runs(change, sentence, setup, tmp_path, started):
    change(setup)
    with pytest.raises(RunnerError, match=sentence):
        run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE)
    assert not started()


def test_at_least_one_member_runs_at_once(setup, tmp_path):
    with pytest.raises(RunnerError, match="at_once must be at least 1, got 0"):
        run_ensemble(design([0.5]), setup, tmp_path / "runs", FAKE, at_once=0)


def test_a_program_that_is_not_there(setup, tmp_path):
    with pytest.raises(RunnerError, match="no-such-cm1.exe cannot be run: No such file"):
        run_ensemble(design([0.5]), setup, tmp_path / "runs", [str(Path("/no-such-cm1.exe"))])
