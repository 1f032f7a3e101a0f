"""netCDF's classic formats: CDF-1, CDF-2 (64-bit offset) and CDF-5 (64-bit data), after their published specification.

SciPy's reader knows no CDF-5, and the netCDF library reads zeros for what a file was cut off. Here that is an error.
Specification: https://docs.unidata.ucar.edu/nug/current/file_format_specifications.html
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

_TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12


class Variable(NamedTuple):
    """A variable: names of its dimensions, its attributes, and its values, which stay in the file until they are asked for."""

    dimensions: tuple[str, ...]
    attributes: dict
    values: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def __getitem__(self, index) -> np.ndarray:
        return self.values[index]


class _Declared(NamedTuple):
    """What a header says of a variable: names and lengths of its dimensions, and where its values begin."""

    name: str
    dimensions: tuple[tuple[str, int], ...]
    attributes: dict
    dtype: np.dtype
    begin: int

    @property
    def is_record(self) -> bool:
        return bool(self.dimensions) and self.dimensions[0][1] == 0

    @property
    def nbytes(self) -> int:
        """Bytes of all values, or of one record of them."""
        return math.prod(length for _, length in self.dimensions[self.is_record :]) * self.dtype.itemsize


class _Header:
    """The header of a file, read from its beginning on."""

    def __init__(self, content: np.ndarray):
        self._content, self._at = content, 4
        self._count_bytes = 8 if content[3] == 5 else 4
        self._offset_bytes = 4 if content[3] == 1 else 8
        self.n_records = self._count()
        if self.n_records == 2 ** (8 * self._count_bytes) - 1:
            raise ValueError("the number of records was not written")
        dimensions = [(self._text(), self._count()) for _ in self._items(_DIMENSION)]
        self.attributes = self._attributes()
        self.variables = [self._declared(dimensions) for _ in self._items(_VARIABLE)]

    def _take(self, n: int) -> bytes:
        if n > len(self._content) - self._at:
            raise ValueError("the header is cut short")
        self._at += n
        return self._content[self._at - n : self._at].tobytes()

    def _number(self, n_bytes: int) -> int:
        return int.from_bytes(self._take(n_bytes), "big")

    def _count(self) -> int:
        return self._number(self._count_bytes)

    def _padded(self, n: int) -> bytes:
        return self._take(n + -n % 4)[:n]

    def _text(self) -> str:
        return self._padded(self._count()).decode(errors="replace")

    def _items(self, tag: int) -> range:
        found, count = self._number(4), self._count()
        if found != tag and (found or count):
            raise ValueError(f"a list begins with {found}, not {tag}")
        return range(count)

    def _attributes(self) -> dict:
        return {self._text(): self._values() for _ in self._items(_ATTRIBUTE)}

    def _values(self) -> np.ndarray | str:
        dtype, count = np.dtype(_TYPES[self._number(4)]), self._count()
        raw = self._padded(count * dtype.itemsize)
        return raw.decode(errors="replace").rstrip("\0") if dtype.kind == "S" else np.frombuffer(raw, dtype)

    def _declared(self, dimensions: list[tuple[str, int]]) -> _Declared:
        name = self._text()
        own = tuple(dimensions[self._count()] for _ in range(self._count()))
        attributes, dtype = self._attributes(), np.dtype(_TYPES[self._number(4)])
        self._count()  # the size, which follows from the dimensions and does not fit where it is large
        return _Declared(name, own, attributes, dtype, self._number(self._offset_bytes))


def read_classic(path: Path) -> tuple[dict[str, Variable], dict]:
    """Variables of a file by name, and its global attributes (texts, or arrays of numbers).

    Raises
    ------
    Exception
        Of any kind, if the file is cut short or malformed.
    """
    content = np.memmap(path, np.uint8, "r")
    header = _Header(content)
    records = [variable.nbytes for variable in header.variables if variable.is_record]
    record_bytes = records[0] if len(records) == 1 else sum(size + -size % 4 for size in records)
    variables = {}
    for declared in header.variables:
        names, lengths = zip(*declared.dimensions, strict=True) if declared.dimensions else ((), ())
        if declared.is_record:
            lengths = (header.n_records, *lengths[1:])
        strides = np.cumprod([declared.dtype.itemsize, *lengths[:0:-1]])[::-1].tolist() if lengths else []
        if declared.is_record:
            strides[0] = record_bytes
        nothing = declared.is_record and not header.n_records
        values = (
            np.empty(lengths, declared.dtype)
            if nothing
            else np.ndarray(lengths, declared.dtype, content, declared.begin, strides)
        )
        variables[declared.name] = Variable(names, declared.attributes, values)
    return variables, header.attributes
