"""Did a run of CM1 succeed? Judged by what it wrote, since nearly every error that CM1 finds itself ends with exit code 0.

A run is good if it says so, if its output has all the times that the namelist asks for, and ice, and if the air's state is
finite at the last of them. Runs that went wrong show NaN there, while their ice is zero and finite.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lib.cirrus.cm1.file import last_state
from lib.cirrus.cm1.namelist import number
from lib.cirrus.cm1.netcdf import UnreadableOutput
from lib.cirrus.cm1.reader import run_files

NAMELIST, STDOUT, STDERR = "namelist.input", "stdout.txt", "stderr.txt"
_SUCCESS = re.compile(r"^\s*Program terminated normally", re.MULTILINE)
#: What CM1 and the Fortran run-time say when they stop, and what it means where that is not plain.
_COMPLAINTS = (
    (r"error opening namelist\.input", ""),
    (r"Cannot match namelist object name.*", ""),
    (r"Bad \w+ number in item.*", "a value of the namelist has the wrong type"),
    (r"Unrecognized value for ptype", ""),
    (r"only output_format = 1,2 are currently supported", "is group param9 in the namelist?"),
    (r"Stopping in P3 init.*", "is the P3 table of the version that this CM1 wants?"),
    (r"error opening input_grid_z file", ""),
    (r"Did not find any lsnudge files", ""),
    (r"zmax of sounding < zmax of grid!?", "the sounding is too short"),
    (r"9009: error opening.*", "is there an input_sounding?"),
    (r"9008: error reading.*", "is input_sounding well formed?"),
    (r"Time step \(dtl\) needs to be smaller", ""),
    (r"Courant number has exceeded [\d.]+", ""),
    (r"STOP 55555", "iconly is 1, so CM1 only set up the initial state"),
    (r"STOP 55556", "rstfrq is 0"),
    (r"Permission denied.*", "did another program have the output open?"),
    (r"Cannot open file.*", "a file that CM1 reads is missing: the table of P3?"),
)


class Verdict(NamedTuple):
    """Whether a run is good, the reason why it is not (or ""), and what is remarkable although it is."""

    good: bool
    reason: str = ""
    remark: str = ""


def verdict(folder: Path, exit_code: int) -> Verdict:
    """Judgement of a run that has ended in `folder`, where its namelist, output, stdout.txt and stderr.txt are."""
    said, complained = _text(folder / STDOUT), _text(folder / STDERR)
    if not _SUCCESS.search(said):
        return Verdict(False, _how_it_ended(said + "\n" + complained, exit_code))
    files = run_files({"": folder})[""]
    if not files:
        return Verdict(False, "there is no output cm1out.nc or cm1out_000001.nc")
    return _of_output(files, expected_times(_text(folder / NAMELIST)))


def expected_times(namelist: str) -> int:
    """Number of output times that a namelist asks for, that of the start included: none is written at an odd end.

    Raises
    ------
    ValueError
        If it lacks timax or tapfrq, or they are no numbers above zero.
    """
    run_time, timax = number(namelist, "param1:run_time", -1.0), number(namelist, "param1:timax")
    end = run_time if run_time > 0 else timax
    interval = number(namelist, "param1:tapfrq")
    if not (end > 0 and interval > 0):
        raise ValueError(f"timax and tapfrq must be above zero, got {end:g} and {interval:g}.")
    return int(end / interval + 1e-6) + 1


def _of_output(files: Sequence[Path], expected: int) -> Verdict:
    n_times, most_ice = 0, 0.0
    for file in files:
        try:
            found, fault, most_ice = last_state(file)
        except UnreadableOutput as error:
            return Verdict(False, f"{file.name} {error}")
        if fault:
            return Verdict(False, f"{file.name} has {fault} at its last time")
        n_times += found
    if n_times < expected:
        return Verdict(False, f"the output has {n_times} times, not {expected}")
    return Verdict(True, remark="" if most_ice > 0 else "there is no ice at the last time")


def _how_it_ended(text: str, exit_code: int) -> str:
    """One sentence on a run that did not say that it succeeded, from its complaint or else its last line."""
    signal = -exit_code if exit_code < 0 else exit_code - 128
    if 0 < signal <= 64:
        return f"killed by signal {signal}"
    for pattern, meaning in _COMPLAINTS:
        if found := re.search(pattern, text):
            return f"CM1 said: {found[0].strip()}" + (f" ({meaning})" if meaning else "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"ended with exit code {exit_code} and no word of success; its last line: {lines[-1] if lines else 'none'}"


def _text(file: Path) -> str:
    return file.read_bytes().decode("latin-1") if file.exists() else ""
