"""One output file of CM1: what is in it, whether it can be trusted, and its ice.

CM1 writes HDF5 (netCDF-4) or classic netCDF, depending on how it was built. Both are opened without a lock, so that a reader
never makes a running CM1 stop. Nothing but headers, coordinates and a few rows is read before fields are asked for. Values are
decoded by xarray (CF conventions, section 8.1), one variable at a time: to open a whole file as a data set costs 20 ms, and an
ensemble has thousands of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import xarray as xr
from scipy.io import netcdf_file

_HDF5, _CLASSIC, _CDF5 = b"\x89HDF\r\n\x1a\n", b"CDF", b"CDF\x05"
#: Attributes that say how numbers are packed in a file.
_PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value")
_METRES = {"km": 1000.0, "m": 1.0, "meters": 1.0, "metres": 1.0, "meter": 1.0}
_SECONDS = ("s", "second", "seconds")
#: Families of names for one quantity, in the order in which they are looked for. More than one name is one ice category each.
_FAMILIES = {
    "q_i": (("qi", "qi1", "qi2", "qi3", "qi4"),),
    "n_i": (("qni",), ("nci",), ("cci",), ("ni", "ni1", "ni2", "ni3", "ni4"), ("out10",)),
    "v_m": (("p3_vmi",), ("out11",)),
    "rho_i": (("p3_rhopo",), ("out12",)),
}
QUANTITIES = (*_FAMILIES, "q_i_total")
#: Unit of a file -> factor to the unit of the schema; the user's variables (out10, ...) have none.
_UNITS = {
    "q_i": {"kg/kg": 1.0, "kg kg-1": 1.0, "g/kg": 1e-3, "g kg-1": 1e-3},
    "n_i": {"#/kg": 1.0, "1/kg": 1.0, "kg-1": 1.0, "#/g": 1e3, "g-1": 1e3},
    "v_m": {"m/s": 1.0, "m s-1": 1.0, "cm/s": 1e-2, "cm s-1": 1e-2},
    "rho_i": {"kg/m3": 1.0, "kg m-3": 1.0, "g/cm3": 1e3, "g cm-3": 1e3},
}
_UNITS["q_i_total"] = _UNITS["q_i"]
_NO_UNIT = ("", "1", "unknown", "nondimensional")
#: Snow, graupel and hail: with cloud ice, all ice.
_PRECIPITATION = ("qs", "qg", "qh", "qhl")
#: CM1's ptype -> its categories of ice (after src/param.F of CM1). P3's `qir` is rime, a part of qi.
_CATEGORIES = {
    **dict.fromkeys(("2", "3", "4", "5", "7", "26", "28"), ("qi", "qs", "qg")),
    **dict.fromkeys(("27", "29"), ("qi", "qs", "qg", "qhl")),
    **dict.fromkeys(("50", "51", "53"), ("qi",)),
    "52": ("qi", "qi2"),
    "55": ("qi1", "qi2", "qi3"),
}
#: Number or fall speed -> the category that it belongs to.
_BELONGS_TO = {"ncs": "qs", "csw": "qs", "vts": "qs", "ncg": "qg", "chw": "qg", "vtg": "qg", "chl": "qhl"}
_BELONGS_TO |= {"ni2": "qi2", "ni3": "qi3"}
#: State of the air, where a run that went wrong shows NaN (its ice is zero and finite then), the best witness first.
_STATE = ("th", "thpert", "qv", "prs", "prspert", "rho", "w", "winterp", "u", "uinterp", "tke")
#: Beyond this, a value is netCDF's mark for what was never written; and no axis is longer than this.
_WRITTEN, _LONGEST = 1e30, 1_000_000


class UnreadableOutput(ValueError):
    """Output that is not read, told in one sentence; `report` is the table of all files looked at, where there is one."""

    def __init__(self, sentence: str, report=None):
        super().__init__(sentence)
        self.report = report


class Header(NamedTuple):
    """What one file holds: times [s], axes [m], the file's names of each quantity, what was looked at for NaN, what wrote it.

    `beside` are its names of snow, graupel and hail, `without` the categories of ice that its scheme has and the file has not.
    """

    path: Path
    time_s: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    z_m: np.ndarray
    names: dict[str, tuple[str, ...]]
    checked: str
    source: str
    beside: tuple[str, ...]
    without: tuple[str, ...]


class _NetCDF:
    """The variables of an open file, by name; arrays that it gives are copies in the machine's byte order.

    `source` is what wrote it, `ptype` its microphysics, as text, "" where it is not told.
    """

    def __init__(self, variables, source, ptype):
        self._variables, self.source, self.ptype = variables, source, ptype
        self._found = {}

    def __contains__(self, name: str) -> bool:
        with _sound(name):
            return name in self._variables

    def forget(self) -> None:
        """Let go of the variables, without which a classic file cannot be closed."""
        self._variables, self._found = {}, {}

    def _variable(self, name: str):
        if name not in self._found:
            self._found[name] = self._variables[name]
        return self._found[name]

    def shape(self, name: str) -> tuple[int, ...]:
        with _sound(name):
            return tuple(self._variable(name).shape)

    def read(self, name: str, *index) -> np.ndarray:
        if len(self.shape(name)) == 1 and self.shape(name)[0] > _LONGEST:
            raise UnreadableOutput(f"is damaged: {name} has {self.shape(name)[0]} values")
        with _sound(name):
            values = np.array(self._variable(name)[index or ...])
            return _decoded(values.astype(values.dtype.newbyteorder("="), copy=False), self._attributes(name))

    def _attributes(self, name: str) -> Mapping:
        variable = self._variable(name)
        return variable.attrs if hasattr(variable, "attrs") else variable._attributes

    def units(self, name: str) -> str:
        with _sound(name):
            return _attribute(self._attributes(name), "units").strip()

    def dimensions(self, name: str) -> tuple[str, ...]:
        """Names of a variable's dimensions, "" where an HDF5 file does not tell one."""
        with _sound(name):
            variable = self._variable(name)
            if not hasattr(variable, "dims"):
                return tuple(variable.dimensions)
            if variable.is_scale:
                return (name,)
            return tuple(scales[0].name.rsplit("/")[-1] if len(scales) else "" for scales in variable.dims)


@contextmanager
def _sound(name: str) -> Iterator[None]:
    """What fails inside is a damaged file: HDF5 and SciPy raise anything for those."""
    try:
        yield
    except Exception as error:  # whose traceback holds variables, without which alone the file can be closed
        raise UnreadableOutput(f"is damaged: {name} cannot be read") from error.with_traceback(None)


def _attribute(attributes: Mapping, name: str, default: str = "") -> str:
    """An attribute as text; an empty one is the default, and so is an array, which may be too large to be read."""
    if name not in attributes or not _is_one(attributes, name):
        return default
    value = attributes[name]
    value = value.item() if hasattr(value, "item") else value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _is_one(attributes: Mapping, name: str) -> bool:
    """Whether an attribute is one value; of HDF5, only its shape is read."""
    if hasattr(attributes, "get_id"):
        shape = attributes.get_id(name).shape
        return shape is not None and math.prod(shape) == 1
    return np.size(attributes[name]) == 1


def _decoded(values: np.ndarray, attributes: Mapping) -> np.ndarray:
    """Values after the CF conventions: unpacked, and NaN where they were never written."""
    packing = {name: np.ravel(attributes[name])[0] for name in _PACKING if name in attributes and _is_one(attributes, name)}
    if not packing:
        return values
    variable = xr.Variable([f"d{axis}" for axis in range(values.ndim)], values, packing)
    return xr.decode_cf(xr.Dataset({"values": variable}), decode_times=False)["values"].values


def _hdf5(path: Path) -> h5py.File:
    """An HDF5 file opened without a lock, or with one where this process has done so before: HDF5 allows no mixture."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking" not in str(error):
            raise
        return h5py.File(path, "r")


@contextmanager
def opened(path: Path) -> Iterator[_NetCDF]:
    """An output file for reading.

    Raises
    ------
    UnreadableOutput
        If it is missing, empty, no netCDF file, cut short or damaged.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_HDF5))
    except OSError as error:
        raise UnreadableOutput(f"cannot be opened: {error.strerror}") from error
    if not start:
        raise UnreadableOutput("is empty")
    if start.startswith(_CDF5):
        raise UnreadableOutput("is a CDF-5 file, which is not read: nccopy -k nc4 turns it into one that is")
    if start != _HDF5 and not start.startswith(_CLASSIC):
        raise UnreadableOutput("is no netCDF file")
    try:
        file = _hdf5(path) if start == _HDF5 else netcdf_file(path, "r", mmap=True)
    except Exception as error:  # h5py and SciPy raise anything for broken files
        raise UnreadableOutput("is cut short or damaged") from error
    with file:
        with _sound("CM1 version"):
            attributes, variables = (file.attrs, file) if start == _HDF5 else (file._attributes, file.variables)
            contents = _NetCDF(variables, _attribute(attributes, "CM1 version", "CM1"), _attribute(attributes, "ptype"))
        del attributes, variables
        try:
            yield contents
        finally:
            contents.forget()


def header(path: Path) -> Header:
    """What the file holds, found without reading its fields but for three rows of one of them.

    Raises
    ------
    UnreadableOutput
        If the file is broken, or has no time record, no ice, no grid in metres or kilometres, or NaN in the air's state.
    """
    with opened(path) as file:
        names = ice_names(file)
        n_times = _n_times(file, names)
        if file.units("time") not in _SECONDS:
            raise UnreadableOutput(f"has its times in {file.units('time') or 'no unit'}, not in seconds")
        time_s = np.round(file.read("time", slice(n_times)).astype(float), 3)
        if not _written(time_s):
            raise UnreadableOutput("has times that were not written")
        x_m, y_m, z_m = _axis_m(file, "xh"), _axis_m(file, "yh"), _axis_m(file, "zh", "z")
        if "zs" in file and np.any(file.read("zs") != 0):
            raise UnreadableOutput("is of a run over terrain (zs is not zero), where zh is no height")
        _refuse_other_dimensions(file, names)
        shape = (len(z_m), len(y_m), len(x_m))
        other = next((name for family in names.values() for name in family if file.shape(name)[1:] != shape), None)
        if other:
            raise UnreadableOutput(f"has {other} on another grid than its axes")
        for quantity, family in names.items():
            for name in family:
                _factor(file, quantity, name)
        fault = _fault(file, n_times - 1)
        if fault:
            raise UnreadableOutput(f"has {fault} at {time_s[-1]:g} s: the run went wrong")
        return Header(path, time_s, x_m, y_m, z_m, names, _witness(file), file.source, _precipitation(file), _without(file))


def ice_names(file: _NetCDF) -> dict[str, tuple[str, ...]]:
    """The names under which a file holds each quantity, more than one where it has several categories of ice.

    Fall speed and density are left out where there are several categories: the file then has them for each one only. All ice
    is left out where a category is lacking.
    """
    names = {}
    for quantity, families in _FAMILIES.items():
        found = (tuple(name for name in family if name in file) for family in families)
        names[quantity] = next(filter(None, found), ())
        if names[quantity][:2] in (("qi", "qi1"), ("ni", "ni1")):  # the total, and beside it the categories
            names[quantity] = names[quantity][:1]
    if len(names["q_i"]) > 1:
        names["v_m"] = names["rho_i"] = ()
    if names["q_i"] and not _without(file):
        names["q_i_total"] = names["q_i"] + _precipitation(file)
    return {quantity: found for quantity, found in names.items() if found}


def _precipitation(file: _NetCDF) -> tuple[str, ...]:
    """The names of a file's snow, graupel and hail."""
    return tuple(name for name in _PRECIPITATION if name in file)


def _without(file: _NetCDF) -> tuple[str, ...]:
    """The categories of ice that a file lacks, though its scheme has them: so says ptype, or else their number or fall speed."""
    own = _CATEGORIES.get(file.ptype.removesuffix(".0"), ())
    own += tuple(category for part, category in _BELONGS_TO.items() if part in file)
    return tuple(dict.fromkeys(category for category in own if category not in file))


def _n_times(file: _NetCDF, names: dict[str, tuple[str, ...]]) -> int:
    """Number of times for which a file holds the time and all of its ice."""
    if "q_i" not in names:
        raise UnreadableOutput("has no ice: none of qi, qi1, qi2, qi3 and qi4")
    needed = [name for family in names.values() for name in family]
    if "time" in file and file.shape("time") == ():
        raise UnreadableOutput("has a single time without a dimension: keep the dimension time when one time is taken out")
    flat = next((name for name in needed if len(file.shape(name)) != 4), None)
    if flat:
        raise UnreadableOutput(f"has {flat} of {len(file.shape(flat))} dimensions, not of time, z, y and x")
    n_times = min(file.shape(name)[0] for name in ["time", *needed]) if "time" in file else 0
    if n_times == 0:
        raise UnreadableOutput("has no time record")
    return n_times


def _axis_m(file: _NetCDF, *names: str) -> np.ndarray:
    """Coordinates [m] to the millimetre of the first of `names` that is an axis."""
    name = next((name for name in names if name in file and len(file.shape(name)) == 1), None)
    if name is None:
        raise UnreadableOutput(f"has no axis {names[0]}")
    if file.units(name) not in _METRES:
        raise UnreadableOutput(f"has {name} in {file.units(name) or 'no unit'}, not in km or metres")
    axis_m = file.read(name).astype(float) * _METRES[file.units(name)]
    if _written(axis_m) and len(axis_m) > 1 and np.all(np.diff(axis_m) < 0):
        raise UnreadableOutput(f"has an axis {name} that descends")
    if not (_written(axis_m) and np.all(np.diff(axis_m) > 0)):
        raise UnreadableOutput(f"has an axis {name} that was not written")
    return np.round(axis_m, 3)


def _refuse_other_dimensions(file: _NetCDF, names: dict[str, tuple[str, ...]]) -> None:
    """Stop if the file names its dimensions and a field has them in another order than time, z, y, x."""
    axes = ("time", "zh" if "zh" in file and len(file.shape("zh")) == 1 else "z", "yh", "xh")
    expected = tuple(file.dimensions(axis)[0] for axis in axes)
    for name in (name for family in names.values() for name in family):
        found = file.dimensions(name)
        if sorted(found) == sorted(expected) and found != expected:
            raise UnreadableOutput(f"has {name} along {', '.join(found)}, not {', '.join(expected)}")


def _factor(file: _NetCDF, quantity: str, name: str) -> float:
    """What values of a file are multiplied by to be in the unit of the schema."""
    unit = file.units(name)
    if unit in _NO_UNIT:
        return 1.0
    if unit not in _UNITS[quantity]:
        raise UnreadableOutput(f"has {name} in {unit}, not in {', '.join(_UNITS[quantity])}")
    return _UNITS[quantity][unit]


def _written(values: np.ndarray) -> bool:
    return bool(np.all(np.abs(values) < _WRITTEN))  # NaN compares false


def _witness(file: _NetCDF) -> str:
    """The variable that would show that the run went wrong, or "" if there is none."""
    return next((name for name in _STATE if name in file and len(file.shape(name)) == 4), "")


def _fault(file: _NetCDF, time: int, levels: int | None = 3) -> str:
    """What is wrong with the air's state at one time, or "": looked for at some `levels`, or (None) everywhere."""
    name = _witness(file)
    if not name:
        return ""
    _, nz, ny, _ = file.shape(name)
    if levels is None:
        sound = _written(file.read(name, time))
    else:
        rows = np.linspace(0, nz - 1, levels).astype(int)
        sound = all(_written(file.read(name, time, int(row), ny // 2)) for row in rows)
    return "" if sound else f"NaN or unwritten values in {name}"


def last_state(path: Path) -> tuple[int, str, float]:
    """Number of times in a file, what is wrong with the air at the last of them (or ""), and the most ice there [kg kg-1].

    Unlike `header` it reads the whole of the last time. Raises the same errors.
    """
    with opened(path) as file:
        names = ice_names(file)
        n_times = _n_times(file, names)
        fault = _fault(file, n_times - 1, levels=None)
        every = names.get("q_i_total", names["q_i"])
        most = (_factor(file, "q_i", name) * float(file.read(name, n_times - 1).max()) for name in every)
        return n_times, fault, max(most)


def ice(path: Path, names: dict[str, tuple[str, ...]], time: slice, z: slice, y: slice, x: slice) -> np.ndarray:
    """Ice of a part of one file, float32 (5, time, z, x): the `QUANTITIES`, NaN for what the file does not have.

    Categories of ice are summed. Over y, mixing ratios are averaged, fall speed and density weighted by mass.

    Raises
    ------
    UnreadableOutput
        If a value is NaN or was never written.
    """
    with opened(path) as file:
        values = {}
        for quantity, family in names.items():
            for name in (name for name in family if name not in values):
                part = file.read(name, time, z, y, x)
                if not _written(part):
                    raise UnreadableOutput(f"has NaN or unwritten values in {name}")
                values[name] = _factor(file, quantity, name) * part
    found = {
        quantity: np.sum([values[name] for name in family], axis=0) if len(family) > 1 else values[family[0]]
        for quantity, family in names.items()
    }
    mass = found["q_i"]
    mixing = [quantity for quantity in ("q_i", "n_i", "q_i_total") if quantity in found]
    means = {quantity: found[quantity].mean(axis=2, dtype=float) for quantity in mixing}
    means |= {quantity: _weighted(found[quantity], mass) for quantity in ("v_m", "rho_i") if quantity in found}
    missing = np.full_like(means["q_i"], np.nan)
    return np.stack([means.get(quantity, missing) for quantity in QUANTITIES]).astype(np.float32)


def _weighted(values: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Mean over y (axis 2) weighted by mass, zero where there is none."""
    total = mass.sum(axis=2, dtype=float)
    return np.divide((values * mass).sum(axis=2, dtype=float), total, out=np.zeros_like(total), where=total > 0)
