"""Reading ensembles of CM1 runs: from folders of output files to the common schema, lazily.

A run is one file for all times (`cm1out.nc`) or one for each (`cm1out_000001.nc`, ...), a 2-D slab or 3-D, whatever its
container, packing, units and order of dimensions. What cannot be read is named by member and file, never passed over.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from lib.cirrus.cm1.file import QUANTITIES, Header, header, ice, other_geometry
from lib.cirrus.cm1.folders import BESIDE, Output, name_parts, outputs, runs
from lib.cirrus.cm1.grid import Axis, Grid
from lib.cirrus.cm1.namelist import namelist_values
from lib.cirrus.cm1.netcdf import UnreadableOutput
from lib.cirrus.schema import Q_MIN, VARIABLES, ice_fields, mean_mass, with_widths, zero_below

_NO_ICE = "has no ice"
#: Most bytes of the files' fields that one task reads.
_TASK_BYTES = 64e6

Members = Mapping[str, PathLike | str | Sequence] | PathLike | str
Range = tuple[float, float] | None


class _Piece(NamedTuple):
    """Consecutive times of one file, or (path None) times for which a member has none."""

    path: Path | None
    names: dict
    grid: Grid | None
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
    was restarted) are read once, as written last. Times of different members that lie within half an output step are one
    time, the earliest of them. Times that a member lacks are NaN, and so are variables that its files lack; variables that no
    file has are left out. A warning tells of members whose times were moved or are fewer, and so does attribute `remarks`.
    Coordinates dz and dx are the widths of the cells [m].

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
    read, report = _probed(members)
    bad = report[report.reason != ""]
    if not read or (len(bad) and not skip_bad):
        raise UnreadableOutput(_sentence(bad, bool(read), members), report)
    first = next(iter(read.values()))[0]
    levels, columns = _slice(first.grid.z.centres, z, "z"), _slice(first.grid.x.centres, x, "x")
    z_m, x_m = first.grid.z.centres[levels], first.grid.x.centres[columns]
    own_times = {member: np.unique(np.concatenate([file.time_s for file in files])) for member, files in read.items()}
    moments = _common_times(own_times)
    time_s = np.unique(list(moments.values()))
    time_s = time_s[_slice(time_s, time, "time")]
    stack = _stack(read, time_s, moments, _Window(levels, columns, len(z_m), len(x_m)), y, q_min)
    has = {quantity for files in read.values() for file in files for quantity in file.names}
    has |= {"m_i"} if "n_i" in has else set()
    fields = {name: stack[:, :, number] for number, name in enumerate(VARIABLES) if name in has}
    attributes = {
        "source": first.source,
        "comment": f"q_i_total is zero where it is below {q_min:g} kg kg-1, the others where q_i is",
    }
    if len(bad):
        attributes["not_read"] = _listed(bad)
    without = {member: dict.fromkeys(name for file in files for name in file.without) for member, files in read.items()}
    if any(without.values()):
        attributes["without"] = "; ".join(f"{member}: {', '.join(names)}" for member, names in without.items() if names)
    remarks = [*_moved(own_times, moments), *_shorter(own_times, moments, time_s), *_no_runs(report)]
    if remarks:
        attributes["remarks"] = "; ".join(remarks)
        warnings.warn(_shortened(remarks) + ".", stacklevel=2)
    ensemble = ice_fields(fields, list(read), time_s, z_m, x_m, **attributes)
    ensemble = with_widths(ensemble, first.grid.z.widths[levels], first.grid.x.widths[columns])
    return ensemble if parameters is None else ensemble.assign_coords(_parameter_coordinates(parameters, list(read)))


def survey(members: Members) -> pd.DataFrame:
    """Table of all output files of an ensemble: member, file, times (their number), lacks, beside, checked, reason, and note.

    `members` is as for `open_ensemble`. Of each file, `lacks` names the variables of the schema that it does not have, and
    the categories of ice for want of which it has no q_i_total, `beside` its snow, graupel and hail, which are in q_i_total and
    not in q_i, `checked` the variable that was looked at for NaN ("" if it has none that would tell), `reason` why it is not
    read although it should, or "", `note` what else should be known: why a file is none with fields of ice, or that it names
    no dimensions. Files that are no output by their names, such as namelists and logs, have no row.
    """
    return _probed(members)[1]


def run_files(members: Members) -> dict[str, list[Path]]:
    """The output files of each member, in the order of their times; an empty list for a run without output.

    A member is a folder with output in it, or in a folder below it (see `lib.cirrus.cm1.folders`).
    """
    return {member: [output.path for output in found if not output.other] for member, (_, found) in _found(members).items()}


def _found(members: Members) -> dict[str, tuple[Path | None, list[Output]]]:
    """The folder of each member (None where its files are given) and all files in it that may be output."""
    if isinstance(members, Mapping):
        return {str(name): _of_member(place) for name, place in members.items()}
    root = Path(members)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    found = runs(root)
    return {root.absolute().name if name == "." else name: (root / name, files) for name, files in found.items()}


def _of_member(place) -> tuple[Path | None, list[Output]]:
    if not isinstance(place, (str, PathLike)):
        return None, [Output(Path(file)) for file in place]
    place = Path(place)
    if not place.is_dir():
        return None, [Output(place)]
    found = runs(place)
    (name, files), *others = found.items() or [(".", outputs(place))]
    return place / name, files + [output for _, more in others for output in more]


def _probed(members: Members) -> tuple[dict[str, list[Header]], pd.DataFrame]:
    """Headers of the files of each member that can be read, and the report of all."""
    read, rows, on = {}, [], None
    for member, (folder, files) in _found(members).items():
        headers, report = _probed_run(folder, files, on)
        rows += [(member, *row) for row in report]
        if headers:
            read[member] = headers
            on = on or headers[0].grid
    return read, pd.DataFrame(rows, columns=["member", *_Row._fields])


class _Row(NamedTuple):
    """What `survey` tells of a file."""

    file: str
    times: int = 0
    lacks: str = ""
    beside: str = ""
    checked: str = ""
    reason: str = ""
    note: str = ""


def _probed_run(folder: Path | None, files: list[Output], on: Grid | None) -> tuple[list[Header], list[_Row]]:
    """Headers of one run's readable files, and a row of the report for each file. A file with NaN condemns the run."""
    headers, rows = {}, []
    for output in files:
        name = output.path.relative_to(folder).as_posix() if folder else output.path.name
        if output.other:
            rows.append(_Row(name, reason=output.other) if output.hides else _Row(name, note=output.other))
            continue
        try:
            found = header(output.path)
            first = next(iter(headers.values()), found)
            if not (_same_grid(found.grid, on or found.grid) and _same(found.grid.y, first.grid.y)):
                raise UnreadableOutput("has another grid than the first file")
        except UnreadableOutput as error:
            rows.append(_Row(name, reason=str(error)))
            continue
        on = on or found.grid
        headers[name] = found
        rows.append(_row(name, found))
    if folder and not any(output.hides for output in files):
        rows = _excused(rows, headers)
    wrong = next((row.file for row in rows if "NaN" in row.reason), None)
    fault = f"belongs to the run that went wrong in {wrong}" if wrong else ""
    if folder and not fault:
        fault = _geometry_fault({folder: None} | {output.path.parent: None for output in files}) or _layout_fault(headers)
    if fault:
        rows = [row._replace(reason=fault) if row.times and not row.reason else row for row in rows]
        headers = {}
    if all(output.other and not output.hides and output.other != BESIDE for output in files):
        rows.append(_Row("", reason="there is no output cm1out.nc or cm1out_000001.nc"))
    return list(headers.values()), rows


def _row(name: str, found: Header) -> _Row:
    told = {"q_i_total": f"q_i_total ({', '.join(found.without)})"}
    lacks = ", ".join(told.get(quantity, quantity) for quantity in QUANTITIES if quantity not in found.names)
    return _Row(name, len(found.time_s), lacks, ", ".join(found.beside), found.checked, note=found.note)


def _geometry_fault(folders: Iterable[Path]) -> str:
    """Why the namelist in one of the folders says that the grid has no heights or distances, or ""; a broken one says nothing."""
    for folder in folders:
        try:
            values = namelist_values((folder / "namelist.input").read_bytes().decode("latin-1"))
        except (OSError, ValueError):
            continue
        return other_geometry({address.partition(":")[2]: value for address, value in values.items()})
    return ""


def _layout_fault(headers: Mapping[str, Header]) -> str:
    """Why readable files of a folder do not make one run, or ""."""
    parts = [name_parts(Path(name).name) for name in headers]
    bases = dict.fromkeys(base for base, *_ in parts)
    if len(bases) > 1:
        return f"lies beside output of another name ({', '.join(bases)}): keep one run in a folder"
    if len(parts) > 1 and not all(number for _, number, *_ in parts):
        return "lies beside output of the other kind (one file, and one file for each time): keep one of them"
    whole = [found.time_s.tobytes() for found in headers.values() if len(found.time_s) > 1]
    return "has the same times as another file: keep one run in a folder" if len(set(whole)) < len(whole) else ""


def _excused(rows: list[_Row], headers: Mapping[str, Header]) -> list[_Row]:
    """Rows in which files that are no part of a run are noted, and are no reason to stop.

    Such are a file without ice beside others that have it, and files of several names, none of them CM1's, of which none can
    be read: their folder is no run.
    """
    if headers:
        return [row._replace(reason="", note=row.reason) if row.reason.startswith(_NO_ICE) else row for row in rows]
    bases = {name_parts(Path(row.file).name)[0] for row in rows if row.reason and not row.reason.startswith(_NO_ICE)}
    if len(bases) < 2 or "cm1out" in bases:
        return rows
    return [row._replace(reason="", note=row.reason) if row.reason else row for row in rows]


def _same_grid(one: Grid, other: Grid) -> bool:
    """Whether two files have the same x and z; in y, runs may differ, since it is cut or averaged over."""
    return _same(one.x, other.x) and _same(one.z, other.z)


def _same(one: Axis, other: Axis) -> bool:
    return one.centres.shape == other.centres.shape and np.allclose(one.centres, other.centres, rtol=1e-6, atol=0.01)


def _common_times(own_times: Mapping[str, np.ndarray]) -> dict[float, float]:
    """Time of a member -> the time of all that it is taken for: the earliest within half an output step [s].

    The step is that of the member whose times usually follow each other soonest. No two times of one member become the same.
    """
    half = min((float(np.median(np.diff(times))) for times in own_times.values() if len(times) > 1), default=0.0) / 2
    having: dict[float, set[str]] = {}
    for member, times in own_times.items():
        for time in times.tolist():
            having.setdefault(time, set()).add(member)
    common, start, inside = {}, -np.inf, set()
    for time in sorted(having):
        if time - start >= half or inside & having[time]:
            start, inside = time, set()
        inside |= having[time]
        common[time] = start
    return common


def _moved(own_times: Mapping[str, np.ndarray], moments: Mapping[float, float]) -> list[str]:
    """What is said of members whose times are taken for others."""
    shifts = {member: max(time - moments[time] for time in times.tolist()) for member, times in own_times.items()}
    return [f"{member} has times up to {shift:.3g} s later than those given" for member, shift in shifts.items() if shift > 0]


def _shorter(own_times: Mapping[str, np.ndarray], moments: Mapping[float, float], time_s: np.ndarray) -> list[str]:
    """What is said of members that lack some of the times."""
    found = []
    for member, times in own_times.items():
        has = np.intersect1d([moments[time] for time in times.tolist()], time_s)
        if len(has) < len(time_s):
            span = f", from {has[0]:g} to {has[-1]:g} s" if len(has) else ""
            found.append(f"{member} has {len(has)} of the {len(time_s)} times{span}")
    return found


def _no_runs(report: pd.DataFrame) -> list[str]:
    """What is said of folders with output of which nothing is read, and which are no runs."""
    read = report[report.note != BESIDE].groupby("member", sort=False).agg({"times": "sum", "reason": "max", "note": "max"})
    return [
        f"{row.Index} holds no run (see its files in the survey)" for row in read.itertuples() if not (row.times or row.reason)
    ]


def _shortened(remarks: list[str], most: int = 5) -> str:
    return "; ".join(remarks[:most]) + (f"; and {len(remarks) - most} more remarks" if len(remarks) > most else "")


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


def _row_of(axis: Axis, y: float | str) -> slice:
    """Slice of y that is averaged over: all of it, or the row nearest to a place [m]."""
    y_m = axis.centres
    if y == "mean":
        return slice(0, len(y_m))
    if isinstance(y, str):
        raise ValueError(f'y must be "mean" or a number in metres, got {y!r}.')
    step = np.max(np.diff(y_m), initial=0.0) or np.inf
    nearest = int(np.argmin(np.abs(y_m - y)))
    if abs(y_m[nearest] - y) > step:
        raise ValueError(f"y: there is no row near {y:g}; it goes from {y_m[0]:g} to {y_m[-1]:g}.")
    return slice(nearest, nearest + 1)


def _stack(
    read: dict[str, list[Header]], time_s, moments: Mapping[float, float], window: _Window, y: float | str, q_min: float
) -> da.Array:
    """All variables of the schema in one lazy array (member, time, variable, z, x), read together since they lie together."""
    ny = max(len(files[0].grid.y.centres) for files in read.values()) if y == "mean" else 1
    step = max(1, int(_TASK_BYTES // (4 * len(QUANTITIES) * window.nz * ny * window.nx)))
    starts = range(0, len(time_s), step)
    table = np.empty((len(read), len(starts)), dtype=object)
    for row, (member, files) in enumerate(read.items()):
        for column, start in enumerate(starts):
            table[row, column] = (member, _pieces(files, time_s[start : start + step], moments, y))
    times = tuple(len(time_s[start : start + step]) for start in starts)
    chunks = ((1,) * len(read), times, (len(VARIABLES),), (window.nz,), (window.nx,))
    blocks = da.from_array(table, chunks=(1, 1))
    meta = np.empty((0,) * 5, np.float32)
    return da.map_blocks(_block, blocks, window, q_min, chunks=chunks, new_axis=[2, 3, 4], dtype=np.float32, meta=meta)


def _pieces(files: list[Header], time_s: np.ndarray, moments: Mapping[float, float], y: float | str) -> tuple[_Piece, ...]:
    """Where a run has each of the times, neighbours in a file joined; of a time written twice, the later one counts."""
    rows = _row_of(files[0].grid.y, y)
    where = {moments[time]: (file, index) for file in files for index, time in enumerate(file.time_s.tolist())}
    pieces: list[_Piece] = []
    for time in time_s.tolist():
        file, index = where.get(time, (None, 0))
        path = file.path if file else None
        last = pieces[-1] if pieces else None
        if last and last.path == path and (path is None or last.stop == index):
            pieces[-1] = last._replace(stop=last.stop + 1)
        else:
            pieces.append(_Piece(path, file.names if file else {}, file.grid if file else None, rows, index, index + 1))
    return tuple(pieces)


def _block(table: np.ndarray, window: _Window, q_min: float) -> np.ndarray:
    """Some times of one member (1, time, variable, z, x), read from its files."""
    member, pieces = table[0, 0]
    parts = []
    for piece in pieces:
        if piece.path is None or piece.grid is None:
            parts.append(np.full((len(QUANTITIES), piece.stop - piece.start, window.nz, window.nx), np.nan, np.float32))
            continue
        try:
            parts.append(ice(piece.path, piece.names, piece.grid, slice(piece.start, piece.stop), window.z, piece.rows, window.x))
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
