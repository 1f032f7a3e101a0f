"""Superdroplets of CM1 with the super-droplet method: reading its ASCII output, and gridding it into the common schema.

A superdroplet stands for `multiplicity` real particles. At each output time every processor writes a file
`SD_output_ASCII_TTTTT.peNNNNNN` (time [s] and processor) with a header line and sixteen columns.
"""

from __future__ import annotations

import re
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from lib.cirrus.cm1.netcdf import UnreadableOutput
from lib.cirrus.schema import VARIABLES, ice_fields, mean_mass, with_widths

#: Column -> unit and meaning, in the order of the files.
COLUMNS = {
    "x": ("m", "west-east position"),
    "y": ("m", "south-north position"),
    "z": ("m", "height"),
    "v_z": ("m s-1", "fall speed, positive downward"),
    "radius": ("m", "radius of a droplet"),
    "aerosol_mass": ("g", "mass of aerosol"),
    "radius_eq": ("m", "equatorial radius of an ice particle"),
    "radius_pol": ("m", "polar radius of an ice particle"),
    "density": ("kg m-3", "density of the particle"),
    "deposition_density": ("kg m-3", "density at which vapour is deposited"),
    "multiplicity": ("1", "number of real particles"),
    "status": ("", "phase: ICE or LIQ"),
    "index": ("1", "number within the processor"),
    "rime_mass": ("kg", "mass of rime"),
    "n_monomers": ("1", "number of monomers"),
    "id": ("1", "number of the superdroplet, kept from time to time"),
}
_NAME = re.compile(r"SD_output_ASCII_(\d+(?:\.\d+)?)\.pe(\d+)")
#: Fortran leaves the E out of numbers with an exponent of three digits, and may write D for it.
_EXPONENT = re.compile(r"^([+-]?\d*\.?\d*)[DdEe]?([+-]\d+)$")


def superdroplet_files(folder: Path) -> dict[float, list[Path]]:
    """Output time [s] -> the files of all processors, both in order.

    Raises
    ------
    UnreadableOutput
        If there is none.
    """
    found: dict[float, list[Path]] = {}
    for file in sorted(Path(folder).glob("SD_output_ASCII_*")):
        name = _NAME.fullmatch(file.name)
        if name:
            found.setdefault(float(name[1]), []).append(file)
    if not found:
        raise UnreadableOutput(f"There is no file SD_output_ASCII_TTTTT.peNNNNNN in {folder}.")
    return dict(sorted(found.items()))


def read_superdroplets(folder: Path, times: list[float] | None = None) -> xr.Dataset:
    """Superdroplets at some or all output times as a contiguous ragged array after the CF conventions (section 9.3.3).

    Dimensions time and superdroplet: `row_size` (time) is the number of superdroplets at each time, which follow each other
    along superdroplet; their variables are `COLUMNS`. What left a processor (z <= 0) is dropped, since the next processor
    writes it too. All is read into memory: `superdroplet_fields` takes one time after the other.

    Raises
    ------
    UnreadableOutput
        If there is no file, none for a time, or one is cut short or malformed, which is named.
    """
    return _ragged(_chosen(folder, times))


def _chosen(folder: Path, times: list[float] | None) -> dict[float, list[Path]]:
    files = superdroplet_files(folder)
    times = list(files) if times is None else [float(time) for time in times]
    lacking = [f"{time:g}" for time in times if time not in files]
    if lacking:
        raise UnreadableOutput(f"There are no superdroplets at {', '.join(lacking)} s in {folder}.")
    return {time: files[time] for time in times}


def _ragged(files: dict[float, list[Path]]) -> xr.Dataset:
    tables = [_at_one_time(part) for part in files.values()]
    table = pd.concat(tables, ignore_index=True)
    row_size = [len(part) for part in tables]
    variables = {
        name: (
            "superdroplet",
            table[name].to_numpy("U8" if name == "status" else None),
            ({"units": unit} if unit else {}) | {"long_name": meaning},
        )
        for name, (unit, meaning) in COLUMNS.items()
    }
    counts = ("time", row_size, {"long_name": "superdroplets at each time", "sample_dimension": "superdroplet"})
    time = ("time", list(files), {"long_name": "time since beginning of simulation", "units": "s", "axis": "T"})
    return xr.Dataset({"row_size": counts, **variables}, {"time": time}, {"Conventions": "CF-1.8", "source": "CM1 with SDM"})


def _at_one_time(files: list[Path]) -> pd.DataFrame:
    return pd.concat([_one_file(file) for file in files], ignore_index=True)


def _one_file(file: Path) -> pd.DataFrame:
    """Table of the superdroplets that a processor has, a column for each of `COLUMNS`."""
    try:
        content = file.read_bytes()
        if not content.endswith(b"\n"):
            raise UnreadableOutput(f"{file.name} is cut short: its last line has no end.")
        table = pd.read_csv(file, sep=r"\s+", skiprows=_has_header(content), header=None, dtype={11: str})
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=range(len(COLUMNS)))
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UnreadableOutput(f"{file.name} cannot be read: {str(error).splitlines()[0]}.") from error
    if table.shape[1] != len(COLUMNS):
        raise UnreadableOutput(f"{file.name} has {table.shape[1]} columns, not {len(COLUMNS)}.")
    table.columns = list(COLUMNS)
    status = table.pop("status")
    try:
        numbers = pd.DataFrame({name: _numbers(table[name]) for name in table})
    except ValueError as error:
        raise UnreadableOutput(f"{file.name} holds what is no number: {error}.") from error
    left = numbers["z"] <= 0
    numbers, status = numbers[~left], status[~left]
    if status.isna().any() or numbers.isna().any(axis=None):
        raise UnreadableOutput(f"{file.name} has a line with fewer than {len(COLUMNS)} columns, or with NaN.")
    infinite = next((name for name in numbers if not np.isfinite(numbers[name]).all()), None)
    if infinite:
        raise UnreadableOutput(f"{file.name} has an infinite {infinite}.")
    whole = {name: "int64" for name in ("index", "id") if (numbers[name] % 1 == 0).all()}
    whole |= {name: "float64" for name in numbers if name not in ("index", "id")}
    return numbers.astype(whole).assign(status=status.str.upper())[list(COLUMNS)]


def _has_header(content: bytes) -> int:
    """1 if the first line names the columns, 0 if it is a superdroplet's already."""
    words = content[: content.index(b"\n")].split()
    return 0 if len(words) == len(COLUMNS) and words[11].upper() in (b"ICE", b"LIQ") else 1


def _numbers(column: pd.Series) -> pd.Series:
    """Numbers of a column, those in Fortran's peculiar forms too; whole ones stay whole, since floats end at 2^53."""
    if pd.api.types.is_integer_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    return column.astype(str).str.replace(_EXPONENT, r"\1E\2", regex=True).astype(float)


def particle_mass_kg(droplets: xr.Dataset) -> xr.DataArray:
    """Mass of one ice particle [kg]: a spheroid with the two radii, times the particle's density."""
    return 4 / 3 * np.pi * droplets["radius_eq"] ** 2 * droplets["radius_pol"] * droplets["density"]


def gridded(droplets: xr.Dataset, z_edges_m: np.ndarray, x_edges_m: np.ndarray, y_m: tuple[float, float], air_density) -> dict:
    """Ice of superdroplets on a grid: name of a variable of the schema -> array (z, x).

    Sums over the multiplicity of ice particles in each cell, whose dry air weighs density times dx dy dz; fall speed and
    density are weighted by mass. What lies outside the grid is not counted. There are no categories: all ice is in q_i, and
    q_i_total is the same.

    Parameters
    ----------
    droplets : variables as of `read_superdroplets`, of one time
    z_edges_m, x_edges_m : edges of the cells, ascending [m]
    y_m : southern and northern edge of the slab [m]
    air_density : density of dry air [kg m-3], one number or an array that fits (z, x)

    Raises
    ------
    ValueError
        If `droplets` has more times than one.
    """
    if droplets.sizes["time"] != 1:
        raise ValueError(f"Superdroplets are gridded at one time, not at {droplets.sizes['time']}.")
    shape = (len(z_edges_m) - 1, len(x_edges_m) - 1)
    row = np.searchsorted(z_edges_m, droplets["z"].values, "right") - 1
    column = np.searchsorted(x_edges_m, droplets["x"].values, "right") - 1
    y = droplets["y"].values
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1]) & (y >= y_m[0]) & (y < y_m[1])
    inside &= droplets["status"].values == "ICE"
    chosen = droplets.isel(superdroplet=inside)
    cell = row[inside] * shape[1] + column[inside]
    number = chosen["multiplicity"].values
    mass = number * particle_mass_kg(chosen).values
    weights = (mass, number, mass * chosen["v_z"].values, mass * chosen["density"].values)
    total, count, moved, packed = (np.bincount(cell, weight, np.prod(shape)).reshape(shape) for weight in weights)
    volume = np.outer(np.diff(z_edges_m), np.diff(x_edges_m)) * (y_m[1] - y_m[0])
    q_i, n_i = (sums / (np.broadcast_to(air_density, shape) * volume) for sums in (total, count))
    v_m, rho_i = (np.divide(sums, total, out=np.zeros(shape), where=total > 0) for sums in (moved, packed))
    return {"q_i": q_i, "n_i": n_i, "m_i": mean_mass(q_i, n_i), "v_m": v_m, "rho_i": rho_i, "q_i_total": q_i}


def superdroplet_fields(
    folder: Path,
    z_edges_m: np.ndarray,
    x_edges_m: np.ndarray,
    y_m: tuple[float, float],
    air_density,
    times: list[float] | None = None,
    member: str | None = None,
) -> xr.Dataset:
    """Ice of a run with superdroplets in the common schema, with one member; each time is read when it is computed.

    `member` is the folder's name where it is not given; for the other parameters see `gridded` and `read_superdroplets`.

    Raises
    ------
    UnreadableOutput
        If there are no files, or none for a time.
    """
    z_edges_m, x_edges_m = np.asarray(z_edges_m, float), np.asarray(x_edges_m, float)
    files = _chosen(folder, times)
    shape = (len(VARIABLES), len(z_edges_m) - 1, len(x_edges_m) - 1)
    read = dask.delayed(_fields_at)
    grid = (z_edges_m, x_edges_m, y_m, air_density)
    parts = [da.from_delayed(read({time: files[time]}, *grid), shape, np.float32) for time in files]
    stack = da.stack(parts)
    fields = {name: stack[None, :, number] for number, name in enumerate(VARIABLES)}
    middle = [(edges[1:] + edges[:-1]) / 2 for edges in (z_edges_m, x_edges_m)]
    member = member or Path(folder).name
    ice = ice_fields(fields, [member], list(files), *middle, source="CM1 with the super-droplet method")
    return with_widths(ice, np.diff(z_edges_m), np.diff(x_edges_m))


def _fields_at(files: dict[float, list[Path]], *grid) -> np.ndarray:
    fields = gridded(_ragged(files), *grid)
    return np.stack([fields[name] for name in VARIABLES]).astype(np.float32)
