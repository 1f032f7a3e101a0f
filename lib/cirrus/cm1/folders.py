"""Which files of a folder are output of CM1, and which runs they belong to.

CM1 names its output `cm1out.nc` (all times), or `cm1out_000001.nc` and so on, with four digits before release 16; users rename
it. So a file is taken for output by the end of its name, however it begins, or else by its first bytes, unless it is one of the
other kinds that CM1 writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lib.cirrus.cm1.netcdf import begins_as_netcdf

_NETCDF = r"\.(?:nc|nc3|nc4|cdf|netcdf|h5|hdf5|hdf|he5)"
_OUTPUT = re.compile(rf"(?P<stem>.+){_NETCDF}", re.IGNORECASE)
_PACKED = re.compile(rf".+{_NETCDF}\.(?:gz|bz2|xz|zst|z|lz4|zip|7z|tar)", re.IGNORECASE)
_COPY = re.compile(rf"(.+{_NETCDF})(?:~|\.\w+)", re.IGNORECASE)
_ARCHIVE = re.compile(r".+\.(?:tar|tgz|zip|7z|tar\.\w+)", re.IGNORECASE)
_STORE = re.compile(r".+\.zarr", re.IGNORECASE)
_GRADS = re.compile(r".+\.ctl", re.IGNORECASE)
_TILE = re.compile(r".+_\d{6}_\d{6}(?:_i)?", re.IGNORECASE)
_STEM = re.compile(r"(?P<base>.+?)(?:_(?P<number>\d+))?(?P<kind>_[si])?", re.IGNORECASE)
#: Kinds of output that hold no fields of ice -> how CM1 names them.
_OTHER_KINDS = {
    "statistics": re.compile(r"(?:.+_)?stats(?:_.+)?"),
    "diagnostics": re.compile(r"(?:.+_)?diag(?:_.+)?"),
    "azimuthal averages": re.compile(r"(?:.+_)?azimavg(?:_.+)?"),
    "parcels": re.compile(r"(?:.+_)?pdata(?:_.+)?"),
    "output of some points": re.compile(r"(?:.+_)?hifrq(?:_.+)?"),
    "a restart": re.compile(r"(?:cm1rst|.+_rst)(?:_.+)?"),
}
#: What is said of output that lies below a run's own, and beside the folders of runs.
BELOW, BESIDE = "lies in a folder below the run's other output", "lies beside the folders of the runs"
_UNFINISHED = re.compile(r".*\.(failed|running-\w+)")
#: Folders below the one that is given in which runs are looked for.
_DEPTH = 3


class Output(NamedTuple):
    """A file of a run. `other` is why it is none with fields of ice, or ""; `hides` whether it may be one nevertheless."""

    path: Path
    other: str = ""
    hides: bool = False


def outputs(folder: Path) -> list[Output]:
    """Files of a folder that are output of CM1 or may hold it, in the order of their numbers; its namelists and logs are not."""
    found = [output for path in sorted(folder.iterdir(), key=_in_order) if (output := _output(path))]
    fields = [output for output in found if not output.other]
    interpolated = [output for output in fields if name_parts(output.path.name)[2] == "_i"]
    if interpolated and len(interpolated) < len(fields):
        told = {output.path: output._replace(other="is interpolated from the run's other output") for output in interpolated}
        found = [told.get(output.path, output) for output in found]
    return found


def _output(path: Path) -> Output | None:
    """What a file is by its name, or None if it is nothing of a model's output."""
    name = path.name
    if name.startswith("."):
        return None
    if _STORE.fullmatch(name):
        return Output(path, "is a Zarr store, which is not read", hides=True)
    if _PACKED.fullmatch(name):
        kind = _other_kind(name_parts(Path(name).stem)[3])
        return Output(path, kind or "is compressed: unpack it first", hides=not (kind or path.with_suffix("").exists()))
    if _GRADS.fullmatch(name):
        kind = _other_kind(path.stem)
        said = kind or "is output for GrADS (output_format 1), which is not read"
        return Output(path, said, hides=not (kind or path.with_suffix(".nc").exists()))
    if _ARCHIVE.fullmatch(name):
        return Output(path, "is an archive: unpack it first")
    if not _OUTPUT.fullmatch(name):
        copied = _COPY.fullmatch(name)
        if copied and path.with_name(copied[1]).exists():
            return Output(path, f"is a copy of {copied[1]} by its name")
        return Output(path) if path.is_file() and begins_as_netcdf(path) else None
    stem = name_parts(name)[3]
    if _TILE.fullmatch(stem):
        return Output(path, "is one processor's part of the domain (output_filetype 3): join the parts first", hides=True)
    return Output(path, _other_kind(stem))


def _other_kind(stem: str) -> str:
    kind = next((kind for kind, name in _OTHER_KINDS.items() if name.fullmatch(stem.lower())), "")
    return f"holds {kind}, no fields" if kind else ""


def name_parts(name: str) -> tuple[str, str, str, str]:
    """Of a file's name: how it begins, the number of its output (or ""), "_s" or "_i" if it ends so, and all these together."""
    found = _OUTPUT.fullmatch(name)
    stem = found["stem"] if found else name
    parts = _STEM.fullmatch(stem)
    return parts["base"].lower(), parts["number"] or "", (parts["kind"] or "").lower(), stem


def _in_order(path: Path) -> list:
    """A key by which names are sorted as a reader would: the numbers in them by their values."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def runs(folder: Path) -> dict[str, list[Output]]:
    """Runs in a folder: path from there ("." for the folder itself) -> their files.

    A folder with output is one run. In one without, runs are looked for in the folders below it; a folder in which there is one
    run alone is that run. Folders of runs that `lib.cirrus.cm1.launcher` did not finish are none. A folder that links lead to
    as well, or that leads to itself, is entered once.
    """
    return {name.as_posix(): files for name, files in _runs(folder, _DEPTH, {folder.resolve()})}


def _runs(folder: Path, depth: int, entered: set[Path]) -> Iterator[tuple[Path, list[Output]]]:
    own, below = outputs(folder), {}
    if depth:
        folders = [place for place in sorted(folder.iterdir(), key=_in_order) if _may_hold_runs(place)]
        for place in sorted(folders, key=Path.is_symlink):  # a run goes under its own name rather than a link's
            if place.resolve() not in entered:
                entered.add(place.resolve())
                below[place.name] = dict(_runs(place, depth - 1, entered))
        below = {place.name: below[place.name] for place in folders if place.name in below}
    lower = [output for found in below.values() for files in found.values() for output in files]
    hidden = any(not output.other or output.hides for output in own)
    if hidden and (not lower or any(name_parts(output.path.name)[0] == "cm1out" for output in own)):
        yield Path(), own + [output._replace(other=BELOW, hides=False) for output in lower]
        return
    for name, found in below.items():
        for inner, files in found.items():
            yield (Path(name) / inner if len(found) > 1 else Path(name)), files
    if lower and own:
        yield Path(), [output._replace(other=BESIDE, hides=False) for output in own]
    elif own or (not lower and (folder / "namelist.input").exists()):
        yield Path(), own


def _may_hold_runs(place: Path) -> bool:
    name = place.name
    passed = name.startswith(".") or any(kind.fullmatch(name) for kind in (_STORE, _OUTPUT, _UNFINISHED))
    return not passed and place.is_dir()
