"""One netCDF file, whatever its container: its variables by name, decoded after the CF conventions.

CM1 writes HDF5 (netCDF-4) or one of the classic formats, depending on how it was built. A reader must never make a running CM1
stop, which it does where another program holds a lock on its output. HDF5 obeys HDF5_USE_FILE_LOCKING more than what a program
asks for, but a file that Python has opened it cannot lock. Values are decoded by xarray (CF conventions, sections 2.5.1 and 8.1),
one variable at a time: to open a whole file as a data set takes five times as long, and an ensemble has thousands of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from lib.cirrus.cm1.classic import read_classic
from lib.core.sentence import Sentence

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CLASSIC = {b"CDF\x01": "CDF-1", b"CDF\x02": "CDF-2", b"CDF\x05": "CDF-5"}
#: What other files begin with that are taken for output.
_OTHERS = {b"\x1f\x8b": "is compressed by gzip: unpack it first", b"BZh": "is compressed by bzip2: unpack it first"}
_OTHERS |= {b"\xfd7zXZ": "is compressed by xz: unpack it first", b"(\xb5/\xfd": "is compressed by zstd: unpack it first"}
_OTHERS |= {b"PK\x03\x04": "is a zip archive: unpack it first", b"GRIB": "is a GRIB file"}
_OTHERS |= {b"\x0e\x03\x13\x01": "is an HDF4 file", b"version https://git-lfs": "is a pointer of Git LFS: run git lfs pull"}
#: Attributes that say how numbers are packed, and which values were never written.
_PACKING, _MISSING = ("scale_factor", "add_offset"), ("_FillValue", "missing_value")
#: Attributes that say which values are valid, and how many numbers each has.
_VALID = {"valid_range": 2, "valid_min": 1, "valid_max": 1}
#: No attribute that is looked at has more values, and no axis is longer.
_MOST_VALUES, _LONGEST = 100, 1_000_000
#: What CM1 writes for an undefined value.
_UNDEFINED = -999999.9
#: How netCDF-4 marks a dimension without a variable, and a variable that has the name of another dimension.
_NO_VARIABLE, _OTHER_DIMENSION = b"This is a netCDF dimension but not a netCDF variable", "_nc4_non_coord_"


class UnreadableOutput(Sentence, ValueError):
    """Output that is not read, told in one sentence; `report` is the table of all files looked at, where there is one."""

    def __init__(self, sentence: str, report=None):
        super().__init__(sentence)
        self.report = report


@contextmanager
def sound(name: str) -> Iterator[None]:
    """What fails inside is a damaged file: HDF5 and a broken header raise anything."""
    try:
        yield
    except UnreadableOutput:
        raise
    except Exception as error:  # whose traceback holds what would keep the file open
        raise UnreadableOutput(f"is damaged: {name} cannot be read") from error.with_traceback(None)


class _HDF5Variable:
    """A data set of an HDF5 file, as a variable of netCDF-4."""

    def __init__(self, name: str, data: h5py.Dataset):
        self._name, self._data = name, data
        self.shape, self.attributes = tuple(data.shape), data.attrs

    def __getitem__(self, index) -> np.ndarray:
        return self._data[index]

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions, "" where the file tells none. An axis alone gives its dimension its name.

        They are read from the attributes that hold them, since HDF5's own functions for dimension scales end the process where
        one of those is damaged.
        """
        if _text(self.attributes, "CLASS") == "DIMENSION_SCALE":
            return (self._name,)
        known = self.shape and _size(self.attributes, "DIMENSION_LIST") == len(self.shape)
        scales = self.attributes["DIMENSION_LIST"] if known else ()
        names = tuple(self._named(scales[place]) if len(scales) else "" for place in range(len(self.shape)))
        return (self._name,) if names == ("",) else names

    def _named(self, scales: np.ndarray) -> str:
        """Name of the first of the scales of a dimension, to which there are references."""
        path = h5py.h5r.get_name(scales[0], self._data.id) if len(scales) else None
        return path.decode(errors="replace").rsplit("/")[-1] if path else ""

    @cached_property
    def missing_filters(self) -> str:
        """The filters by which values are packed and that are not installed, or ""."""
        pipeline = self._data.id.get_create_plist()
        filters = [pipeline.get_filter(number) for number in range(pipeline.get_nfilters())]
        missing = [(code, name) for code, _, _, name in filters if not h5py.h5z.filter_avail(code)]
        return ", ".join(f"{_plain(name.decode(errors='replace')) or 'number'} ({code})" for code, name in missing)


class _HDF5Variables(Mapping):
    """The variables of an HDF5 file; each is looked for when it is asked for."""

    def __init__(self, file: h5py.File):
        self._file, self._names = file, frozenset(file)

    def __getitem__(self, name: str) -> _HDF5Variable:
        stored = _OTHER_DIMENSION + name if _OTHER_DIMENSION + name in self._names else name
        if stored not in self._names:
            raise KeyError(name)
        try:
            found = self._file[stored]
        except KeyError as error:  # which h5py raises for what is there and damaged, too
            raise OSError(f"{name} cannot be opened") from error
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            raise KeyError(name)
        if _text(found.attrs, "NAME").encode().startswith(_NO_VARIABLE):
            raise KeyError(name)
        return _HDF5Variable(name, found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class NetCDF:
    """The variables of an open file, by name; arrays that it gives are copies in the machine's byte order.

    `container` is the format of the file: CDF-1, CDF-2, CDF-5 or netCDF-4.
    """

    def __init__(self, variables: Mapping, attributes: Mapping, container: str):
        self._variables, self._attributes, self.container = variables, attributes, container
        self._found = {}

    def __contains__(self, name: str) -> bool:
        with sound(name):
            try:
                self._variable(name)
            except KeyError:
                return False
            return True

    def _variable(self, name: str):
        if name not in self._found:
            self._found[name] = self._variables[name]
        return self._found[name]

    def shape(self, name: str) -> tuple[int, ...]:
        with sound(name):
            return self._variable(name).shape

    def dimensions(self, name: str) -> tuple[str, ...]:
        """Names of a variable's dimensions, "" where an HDF5 file does not tell one."""
        with sound(name):
            return tuple(map(_plain, self._variable(name).dimensions))

    def units(self, name: str) -> str:
        with sound(name):
            return _plain(_text(self._variable(name).attributes, "units").strip())

    def bounds(self, name: str) -> str:
        """Name of the variable with the bounds of the cells of an axis (CF conventions, section 7.1), "" if there is none."""
        with sound(name):
            bounds = _text(self._variable(name).attributes, "bounds")
        return bounds if bounds and bounds in self else ""

    def attribute(self, name: str, default: str = "") -> str:
        """A global attribute as text."""
        with sound(name):
            return _text(self._attributes, name, default)

    def refuse_missing_filter(self, name: str) -> None:
        """Stop if a variable is packed by a filter that is not installed, which else shows only when it is read."""
        with sound(name):
            filters = getattr(self._variable(name), "missing_filters", "")
        if filters:
            raise UnreadableOutput(f"has {name} packed by {filters}, a filter of HDF5 that is not installed")

    def read(self, name: str, *index) -> np.ndarray:
        """Values of a variable, unpacked, NaN where they were never written or are outside their valid range.

        Raises
        ------
        UnreadableOutput
            If they are no numbers, cannot be read, or are packed by a filter that is not installed.
        """
        if len(self.shape(name)) == 1 and self.shape(name)[0] > _LONGEST:
            raise UnreadableOutput(f"is damaged: {name} has {self.shape(name)[0]} values")
        self.refuse_missing_filter(name)
        with sound(name):
            values = np.array(self._variable(name)[index or ...])
            if values.dtype.kind not in "iuf":
                raise UnreadableOutput(f"has {name} of type {values.dtype}, no numbers")
            values = values.astype(values.dtype.newbyteorder("="), copy=False)
            return _decoded(name, values, self._variable(name).attributes, self._undefined())

    def _undefined(self) -> list[float]:
        """Marks of CM1 for undefined values, which only a global attribute tells, if anything does."""
        return [_UNDEFINED, *_numbers(self._attributes, "missing_value")]


def _text(attributes: Mapping, name: str, default: str = "") -> str:
    """An attribute as text; the default, if it is empty or an array, which may be too large to be read."""
    if _size(attributes, name) != 1:
        return default
    value = attributes[name]
    value = value.item() if hasattr(value, "item") else value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _plain(text: str) -> str:
    """The beginning of a text of a file as it may stand in a sentence."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:60])


def _size(attributes: Mapping, name: str) -> int:
    """Number of values of an attribute, 0 if there is none; of HDF5, only its shape is read."""
    if name not in attributes:
        return 0
    if hasattr(attributes, "get_id"):
        shape = attributes.get_id(name).shape
        return 0 if shape is None else math.prod(shape)
    return int(np.size(attributes[name]))


def _numbers(attributes: Mapping, name: str) -> list[float]:
    """The numbers of an attribute, none if it is text or has too many."""
    if not 0 < _size(attributes, name) <= _MOST_VALUES:
        return []
    values = np.ravel(attributes[name])
    return values.tolist() if values.dtype.kind in "iuf" else []


def _decoded(name: str, values: np.ndarray, attributes: Mapping, undefined: list[float]) -> np.ndarray:
    """Values after the CF conventions: unpacked, and NaN where they were never written, are `undefined` or not valid."""
    packing = {}
    for attribute in (attribute for attribute in _PACKING if attribute in attributes):
        packing[attribute] = _numbers(attributes, attribute)
        if len(packing[attribute]) != 1 or not math.isfinite(packing[attribute][0]):
            raise UnreadableOutput(f"has {name} with a {attribute} that is no number")
    packing = {attribute: found[0] for attribute, found in packing.items()}
    if _text(attributes, "_Unsigned"):
        packing["_Unsigned"] = _text(attributes, "_Unsigned")
    marks = [*undefined, *(number for attribute in _MISSING for number in _numbers(attributes, attribute))]
    lost = np.isin(values, [mark for number in marks for mark in _as_type(number, values.dtype)])
    stored = values
    if packing:
        variable = xr.Variable([f"d{axis}" for axis in range(values.ndim)], values, packing)
        values = xr.decode_cf(xr.Dataset({"values": variable}), decode_times=False)["values"].values
    for attribute in (attribute for attribute in _VALID if attribute in attributes):
        lost = lost | _outside(attribute, attributes, stored, values)
    return np.where(lost, np.nan, values).astype(np.result_type(values, np.float16)) if np.any(lost) else values


def _outside(attribute: str, attributes: Mapping, stored: np.ndarray, unpacked: np.ndarray) -> np.ndarray:
    """Which values are beyond the limits that one of the attributes `_VALID` gives.

    Limits are those of the stored values, as CF has it, unless whole numbers are stored and the limits are none: then they are of
    the unpacked values (NUG, appendix A). Limits of whole numbers without a sign may be stored as ones with a sign.
    """
    limits = _numbers(attributes, attribute)
    if len(limits) != _VALID[attribute]:
        return np.zeros(stored.shape, bool)
    values = stored if np.asarray(attributes[attribute]).dtype.kind in "iu" or stored.dtype.kind == "f" else unpacked
    if _text(attributes, "_Unsigned").lower() == "true" and values.dtype.kind == "i":
        values = values.view(f"u{values.itemsize}")
        limits = [limit % 256**values.itemsize for limit in limits]
    if values.dtype.kind == "f":
        limits = [values.dtype.type(limit) for limit in limits]
    below = (values < limits[0]) & (attribute != "valid_max")
    above = (values > limits[-1]) & (attribute != "valid_min")
    return below | above


def _as_type(number: float, dtype: np.dtype) -> list:
    """A number as values of a type may hold it: in single precision, too, and not at all among whole numbers if it is none."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return [dtype.type(number), dtype.type(np.float32(number))]
    limits = np.iinfo(dtype)
    return [dtype.type(number)] if float(number).is_integer() and limits.min <= number <= limits.max else []


@contextmanager
def opened(path: Path) -> Iterator[NetCDF]:
    """A file for reading.

    Raises
    ------
    UnreadableOutput
        If it is missing, empty, no netCDF file, cut short or damaged.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(path.open("rb"))
            start = stream.read(len(_HDF5) * 4)
        except OSError as error:
            raise UnreadableOutput(f"cannot be opened: {error.strerror}") from error
        container = "netCDF-4" if start.startswith(_HDF5) else _CLASSIC.get(start[:4], "")
        if not container:
            raise UnreadableOutput(_what(start))
        try:
            if container == "netCDF-4":
                file = stack.enter_context(h5py.File(stream, "r"))
                variables, attributes = _HDF5Variables(file), file.attrs
            else:
                variables, attributes = read_classic(path)
        except Exception as error:  # h5py and a broken header raise anything
            raise UnreadableOutput("is cut short or damaged") from error.with_traceback(None)
        yield NetCDF(variables, attributes, container)


def begins_as_netcdf(path: Path) -> bool:
    """Whether a file that can be read is a netCDF file by its first bytes."""
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_HDF5))
    except OSError:
        return False
    return start == _HDF5 or start[:4] in _CLASSIC


def _what(start: bytes) -> str:
    """What a file is that is no netCDF file, by its first bytes."""
    if not start:
        return "is empty"
    return next((said for begin, said in _OTHERS.items() if start.startswith(begin)), "is no netCDF file")
