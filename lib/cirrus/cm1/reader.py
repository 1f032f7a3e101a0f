"""Reading ensembles of CM1 runs: from folders of output files to the common schema, lazily.

A run is one file for all times (`cm1out.nc`) or one for each (`cm1out_000001.nc`, ...), a 2-D slab or 3-D, in km or metres.
What cannot be read is named by member and file, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from lib.cirrus.cm1.file import QUANTITIES, Header, UnreadableOutput, header, ice
from lib.cirrus.schema import Q_MIN, VARIABLES, ice_fields, mean_mass, zero_below

_OUTPUT = re.compile(r"cm1out(_\d{6})?\.nc")
_TILE = re.compile(r"cm1out_\d{6}_\d{6}\.nc")
_UNFINISHED = re.compile(r".*\.(failed|running-\w+)")
#: Most bytes of the files' fields that one task reads.
_TASK_BYTES = 64e6

Members = Mapping[str, PathLike | str | Sequence] | PathLike | str
Range = tuple[float, float] | None


class _Piece(NamedTuple):
    """Consecutive times of one file, or (path None) times for which a member has none."""

    path: Path | None
    names: dict
    rows: slice
    start: int
    stop: int


class _Window(NamedTuple):
    """The part of z and x that is read, as slices and their lengths."""

    z: slice
    x: slice
    nz: int
    nx: int


def open_ensemble(
    members: Members,
    *,
    x: Range = None,
    z: Range = None,
    time: Range = None,
    y: float | str = "mean",
    q_min: float = Q_MIN,
    parameters: pd.DataFrame | None = None,
    skip_bad: bool = False,
) -> xr.Dataset:
    """Ice of an ensemble of CM1 runs in the common schema (`lib.cirrus.schema`), as Dask arrays.

    q_i is CM1's category of cloud ice (qi), or the sum of the free categories of P3 and ISHMAEL (qi, qi2; qi1, qi2, qi3), which
    hold all ice. q_i_total is its sum with snow (qs), graupel (qg) and hail (qh, qhl); it counts as lacking where a file lacks a
    category that its scheme has, and attribute `without` names those by member.
    Only headers, coordinates and three rows a file are read now; fields when they are computed. Repeated times (a run that
    was restarted) are read once, as written last. Times that a member lacks are NaN, and so are variables that its files
    lack; variables that no file has are left out.

    Parameters
    ----------
    members : folder whose sub-folders are the runs (or that is one); or name -> folder, file, or files of a run
    x, z, time : first and last of the window [m, m, s], both included; None is all
    y : where a 3-D run is cut [m], the nearest row being taken, or "mean": over y, fall speed and density by mass
    q_min : least ice [kg kg-1]: q_i_total is zero where it is less, all other variables where q_i is
    parameters : table with a row for each member, whose columns become coordinates
    skip_bad : leave out what is not read (attribute `not_read` names it) instead of stopping

    Raises
    ------
    UnreadableOutput
        If something is not read and `skip_bad` is not set, or nothing can be; its `report` is that of `survey`. Also when
        fields are computed, for what only shows then.
    ValueError
        If a window is empty, or `parameters` lacks a member.
    """
    runs, report = _probed(members)
    bad = report[report.reason != ""]
    if not runs or (len(bad) and not skip_bad):
        raise UnreadableOutput(_sentence(bad, bool(runs), members), report)
    first = next(iter(runs.values()))[0]
    levels, columns = _slice(first.z_m, z, "z"), _slice(first.x_m, x, "x")
    z_m, x_m = first.z_m[levels], first.x_m[columns]
    time_s = np.unique(np.concatenate([file.time_s for files in runs.values() for file in files]))
    time_s = time_s[_slice(time_s, time, "time")]
    stack = _stack(runs, time_s, _Window(levels, columns, len(z_m), len(x_m)), y, q_min)
    has = {quantity for files in runs.values() for file in files for quantity in file.names}
    has |= {"m_i"} if "n_i" in has else set()
    fields = {name: stack[:, :, number] for number, name in enumerate(VARIABLES) if name in has}
    attributes = {
        "source": first.source,
        "comment": f"q_i_total is zero where it is below {q_min:g} kg kg-1, the others where q_i is",
    }
    if len(bad):
        attributes["not_read"] = _listed(bad)
    without = {member: dict.fromkeys(name for file in files for name in file.without) for member, files in runs.items()}
    if any(without.values()):
        attributes["without"] = "; ".join(f"{member}: {', '.join(names)}" for member, names in without.items() if names)
    ensemble = ice_fields(fields, list(runs), time_s, z_m, x_m, **attributes)
    return ensemble if parameters is None else ensemble.assign_coords(_parameter_coordinates(parameters, list(runs)))


def survey(members: Members) -> pd.DataFrame:
    """Table of all output files of an ensemble: member, file, times (their number), lacks, beside, checked, and reason.

    `members` is as for `open_ensemble`. Of each file, `lacks` names the variables of the schema that it does not have, and
    the categories of ice for want of which it has no q_i_total, `beside` its snow, graupel and hail, which are in q_i_total and
    not in q_i, `checked` the variable that was looked at for NaN ("" if it has none that would tell), `reason` why it is not
    read, or "".
    """
    return _probed(members)[1]


def run_files(members: Members) -> dict[str, list[Path]]:
    """The output files of each member, in the order of their times; an empty list for a run without output.

    Folders of runs that `lib.cirrus.cm1.launcher` did not finish are no members.
    """
    if isinstance(members, Mapping):
        return {str(name): _files(place) for name, place in members.items()}
    root = Path(members)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    if _files(root):
        return {root.name: _files(root)}
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and not _UNFINISHED.fullmatch(folder.name))
    return {folder.name: _files(folder) for folder in folders if _files(folder) or (folder / "namelist.input").exists()}


def _files(place) -> list[Path]:
    if not isinstance(place, (str, PathLike)):
        return [Path(file) for file in place]
    if not Path(place).is_dir():
        return [Path(place)]
    return sorted(file for file in Path(place).iterdir() if _OUTPUT.fullmatch(file.name) or _TILE.fullmatch(file.name))


def _probed(members: Members) -> tuple[dict[str, list[Header]], pd.DataFrame]:
    """Headers of the files of each member that can be read, and the report of all."""
    runs, rows, grid = {}, [], None
    for member, files in run_files(members).items():
        headers, report = _probed_run(files, grid)
        rows += [(member, *row) for row in report]
        if headers:
            runs[member] = headers
            grid = grid or headers[0]
    return runs, pd.DataFrame(rows, columns=["member", "file", "times", "lacks", "beside", "checked", "reason"])


def _probed_run(files: list[Path], grid: Header | None) -> tuple[list[Header], list[tuple]]:
    """Headers of one run's readable files, and a row of the report for each file. A file with NaN condemns the run."""
    headers, rows = [], []
    fault = _layout_fault(files)
    for file in files:
        try:
            if fault:
                raise UnreadableOutput(fault)
            found = header(file)
            if not (_same_grid(found, grid or found) and _same(found.y_m, (headers or [found])[0].y_m)):
                raise UnreadableOutput("has another grid than the first file")
        except UnreadableOutput as error:
            rows.append((file.name, 0, "", "", "", str(error)))
            continue
        grid = grid or found
        headers.append(found)
        told = {"q_i_total": f"q_i_total ({', '.join(found.without)})"}
        lacks = ", ".join(told.get(quantity, quantity) for quantity in QUANTITIES if quantity not in found.names)
        rows.append((file.name, len(found.time_s), lacks, ", ".join(found.beside), found.checked, ""))
    wrong = next((name for name, *_, reason in rows if "NaN" in reason), None)
    if wrong:
        rows = [(*row[:-1], row[-1] or f"belongs to the run that went wrong in {wrong}") for row in rows]
        headers = []
    return headers, rows or [("", 0, "", "", "", "there is no output cm1out.nc or cm1out_000001.nc")]


def _layout_fault(files: list[Path]) -> str:
    """Why the files of a folder do not make one run, or ""."""
    names = [file.name for file in files]
    if any(map(_TILE.fullmatch, names)):
        return "is one processor's part of the domain (output_filetype 3): join the parts first"
    if "cm1out.nc" in names and len(names) > 1:
        return "lies beside output of the other kind (one file, and one file for each time): keep one of them"
    return ""


def _same_grid(one: Header, other: Header) -> bool:
    """Whether two files have the same x and z; in y, runs may differ, since it is cut or averaged over."""
    return _same(one.x_m, other.x_m) and _same(one.z_m, other.z_m)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-6, atol=0.01)


def _listed(bad: pd.DataFrame) -> str:
    return "; ".join(f"{row.member}: {row.file} {row.reason}".replace(":  ", ": ") for row in bad.itertuples())


def _sentence(bad: pd.DataFrame, some: bool, members: Members, most: int = 5) -> str:
    """What is said of files that are not read, the first few of them by name; `some` says whether any can be."""
    if not len(bad):
        return "There are no runs of CM1" + ("." if isinstance(members, Mapping) else f" in {members}.")
    more = f"; and {len(bad) - most} more, see the report" if len(bad) > most else ""
    start = "Not all of the ensemble can be read (skip_bad leaves it out)" if some else "Nothing can be read"
    return f"{start}: {_listed(bad[:most])}{more}."


def _slice(axis: np.ndarray, window: Range, name: str) -> slice:
    """Slice of an ascending axis that lies in the window, its ends included."""
    if window is None:
        return slice(0, len(axis))
    first, last = np.searchsorted(axis, window[0], "left"), np.searchsorted(axis, window[1], "right")
    if first >= last:
        span = f"it goes from {axis[0]:g} to {axis[-1]:g}"
        raise ValueError(f"{name}: nothing lies between {window[0]:g} and {window[1]:g}; {span}.")
    return slice(int(first), int(last))


def _row(y_m: np.ndarray, y: float | str) -> slice:
    """Slice of y that is averaged over: all of it, or the row nearest to a place [m]."""
    if y == "mean":
        return slice(0, len(y_m))
    if isinstance(y, str):
        raise ValueError(f'y must be "mean" or a number in metres, got {y!r}.')
    step = np.max(np.diff(y_m), initial=0.0) or np.inf
    nearest = int(np.argmin(np.abs(y_m - y)))
    if abs(y_m[nearest] - y) > step:
        raise ValueError(f"y: there is no row near {y:g}; it goes from {y_m[0]:g} to {y_m[-1]:g}.")
    return slice(nearest, nearest + 1)


def _stack(runs: dict[str, list[Header]], time_s, window: _Window, y: float | str, q_min: float) -> da.Array:
    """All variables of the schema in one lazy array (member, time, variable, z, x), read together since they lie together."""
    ny = max(len(files[0].y_m) for files in runs.values()) if y == "mean" else 1
    step = max(1, int(_TASK_BYTES // (4 * len(QUANTITIES) * window.nz * ny * window.nx)))
    starts = range(0, len(time_s), step)
    table = np.empty((len(runs), len(starts)), dtype=object)
    for row, (member, files) in enumerate(runs.items()):
        for column, start in enumerate(starts):
            table[row, column] = (member, _pieces(files, time_s[start : start + step], y))
    times = tuple(len(time_s[start : start + step]) for start in starts)
    chunks = ((1,) * len(runs), times, (len(VARIABLES),), (window.nz,), (window.nx,))
    blocks = da.from_array(table, chunks=(1, 1))
    meta = np.empty((0,) * 5, np.float32)
    return da.map_blocks(_block, blocks, window, q_min, chunks=chunks, new_axis=[2, 3, 4], dtype=np.float32, meta=meta)


def _pieces(files: list[Header], time_s: np.ndarray, y: float | str) -> tuple[_Piece, ...]:
    """Where a run has each of the times, neighbours in a file joined; of a time written twice, the later one counts."""
    rows = _row(files[0].y_m, y)
    where = {time: (file, index) for file in files for index, time in enumerate(file.time_s)}
    pieces: list[_Piece] = []
    for time in time_s:
        file, index = where.get(time, (None, 0))
        path = file.path if file else None
        last = pieces[-1] if pieces else None
        if last and last.path == path and (path is None or last.stop == index):
            pieces[-1] = last._replace(stop=last.stop + 1)
        else:
            pieces.append(_Piece(path, file.names if file else {}, rows, index, index + 1))
    return tuple(pieces)


def _block(table: np.ndarray, window: _Window, q_min: float) -> np.ndarray:
    """Some times of one member (1, time, variable, z, x), read from its files."""
    member, pieces = table[0, 0]
    parts = []
    for piece in pieces:
        if piece.path is None:
            parts.append(np.full((len(QUANTITIES), piece.stop - piece.start, window.nz, window.nx), np.nan, np.float32))
            continue
        try:
            parts.append(ice(piece.path, piece.names, slice(piece.start, piece.stop), window.z, piece.rows, window.x))
        except UnreadableOutput as error:
            raise UnreadableOutput(f"{member}: {piece.path.name} {error}.") from error
    q_i, *others, total = np.concatenate(parts, axis=1)
    q_i, n_i, v_m, rho_i = zero_below(q_i, q_min, *others)
    return np.stack([q_i, n_i, mean_mass(q_i, n_i), v_m, rho_i, *zero_below(total, q_min)], axis=1)[None]


def _parameter_coordinates(parameters: pd.DataFrame, members: list[str]) -> dict:
    """Columns of a table as coordinates of the members; of "group:key", the key."""
    table = parameters.set_axis(parameters.index.astype(str))
    lacking = [member for member in members if member not in table.index]
    if lacking:
        raise ValueError(f"parameters has no row for {', '.join(lacking)}.")
    chosen = table.loc[members]
    return {str(name).split(":")[-1]: ("member", chosen[name].to_numpy()) for name in chosen.columns}
