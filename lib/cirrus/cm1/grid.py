"""The grid of a file of CM1, and its fields on it: time, z, y, x in ascending order, however the file has them.

What is x, y, z or time is told by the names of dimensions. Cells have the widths of their bounds or faces (xf, yf, zf).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from lib.cirrus.cm1.netcdf import NetCDF, UnreadableOutput
from lib.cirrus.cm1.units import factor_to

#: Beyond this, a value is netCDF's mark for what was never written.
_WRITTEN = 1e30
#: Axis -> the names of its centres and of its faces; heights were called z until release 16, and by other programs all are so.
_AXES = {"x": (("xh", "x"), "xf"), "y": (("yh", "y"), "yf"), "z": (("zh", "z"), "zf")}


class Axis(NamedTuple):
    """An axis in ascending order: name of its dimension ("" for one value without), centres and widths of its cells [m]."""

    dimension: str
    centres: np.ndarray
    widths: np.ndarray
    descends: bool = False

    def stored(self, window: slice) -> slice:
        """Where the file has what is in `window` of the ascending axis."""
        if not self.descends:
            return window
        start, stop, _ = window.indices(len(self.centres))
        return slice(len(self.centres) - stop, len(self.centres) - start)


class Grid(NamedTuple):
    """Dimension of time ("" for one time without) and the axes of a file."""

    time: str
    z: Axis
    y: Axis
    x: Axis

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.z, self.y, self.x

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.time, *(axis.dimension for axis in self.axes)


def written(values: np.ndarray) -> bool:
    """Whether all values are numbers that a model wrote."""
    return bool(np.all(np.abs(values) < _WRITTEN))  # NaN compares false


def grid(file: NetCDF) -> Grid:
    """The grid of a file, without its fields.

    Raises
    ------
    UnreadableOutput
        If there is no time, or an axis is missing, was not written, is not in ascending or descending order, or is no length.
    """
    if "time" not in file or 0 in file.shape("time"):
        raise UnreadableOutput("has no time record")
    if len(file.shape("time")) > 1:
        raise UnreadableOutput(f"has time of {len(file.shape('time'))} dimensions")
    return Grid(_dimension(file, "time"), **{axis: _axis(file, axis, *names) for axis, names in _AXES.items()})


def _dimension(file: NetCDF, name: str) -> str:
    return "".join(file.dimensions(name))


def _axis(file: NetCDF, axis: str, names: tuple[str, ...], faces: str) -> Axis:
    """An axis to the millimetre: the first of `names` that is one."""
    name = next((name for name in names if name in file and len(file.shape(name)) < 2), None)
    if name is None:
        curved = next((name for name in names if name in file), None)
        raise UnreadableOutput(f"has {curved} of {len(file.shape(curved))} dimensions" if curved else f"has no axis {names[0]}")
    centres = _metres(file, name, axis)
    if not (written(centres) and len(centres)):
        raise UnreadableOutput(f"has an axis {name} that was not written")
    steps = np.diff(centres)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise UnreadableOutput(f"has an axis {name} that neither ascends nor descends, or was not written")
    descends = len(centres) > 1 and centres[0] > centres[-1]
    centres = np.sort(centres)
    return Axis(_dimension(file, name), np.round(centres, 3), _widths(file, axis, name, centres, faces), descends)


def _metres(file: NetCDF, name: str, axis: str, unit: str = "") -> np.ndarray:
    """The values of an axis (n,) [m], in whose absence of a unit `unit` or that of the whole file holds."""
    unit = file.units(name) or unit or file.attribute(f"{axis}_units")
    factor = factor_to(unit, "m") if unit else None
    if factor is None:
        raise UnreadableOutput(f"has {name} in {unit or 'no unit'}, not in km or metres")
    return np.ravel(file.read(name)).astype(float) * factor


def _widths(file: NetCDF, axis: str, name: str, centres: np.ndarray, faces: str) -> np.ndarray:
    """Widths of cells by their bounds (CF conventions, section 7.1) or faces, or between the middles of their centres where the
    file has neither that fit.
    """
    bounds = file.bounds(name)
    if bounds and file.shape(bounds) == (len(centres), 2):
        ends = np.sort(np.sort(_metres(file, bounds, axis, file.units(name)).reshape(-1, 2), axis=1), axis=0)
        if np.all((ends[:, 0] < centres) & (centres < ends[:, 1])):
            return ends[:, 1] - ends[:, 0]
    if faces in file and file.shape(faces) == (len(centres) + 1,):
        edges = np.sort(_metres(file, faces, axis))
        if np.all((edges[:-1] < centres) & (centres < edges[1:])):
            return np.diff(edges)
    if len(centres) == 1:
        return np.ones(1)
    middles = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middles[0], 2 * centres[-1] - middles[-1]
    return np.diff([first, *middles, last])


def places(file: NetCDF, name: str, on: Grid) -> tuple[int | None, ...]:
    """Where among the dimensions of a field are time, z, y and x; None for one that it does not have.

    Raises
    ------
    UnreadableOutput
        If it has others, or other lengths than the axes.
    """
    dimensions, shape = file.dimensions(name), file.shape(name)
    if "" in dimensions:
        return _places_by_length(name, shape, on)
    others = [one for one, length in zip(dimensions, shape, strict=True) if one not in on.dimensions and length != 1]
    if others or len(set(dimensions)) < len(dimensions):
        expected = ", ".join(filter(None, on.dimensions))
        raise UnreadableOutput(f"has {name} along {', '.join(dimensions) or 'nothing'}, not {expected}")
    found = tuple(dimensions.index(one) if one and one in dimensions else None for one in on.dimensions)
    for place, axis in zip(found[1:], on.axes, strict=True):
        if (1 if place is None else shape[place]) != len(axis.centres):
            raise UnreadableOutput(f"has {name} on another grid than its axes")
    return found


def _places_by_length(name: str, shape: tuple[int, ...], on: Grid) -> tuple[int | None, ...]:
    """The same in a file that does not name dimensions, which CM1 never writes: its order, or else the only one that fits."""
    own = [role for role, dimension in enumerate(on.dimensions) if dimension]
    if len(shape) != len(own):
        raise UnreadableOutput(f"has {name} of {len(shape)} dimensions, which it does not name")
    lengths = (None, *(len(axis.centres) for axis in on.axes))
    fits = [order for order in itertools.permutations(own) if _fits(order, shape, lengths)]
    if not fits:
        raise UnreadableOutput(f"has {name} on another grid than its axes")
    if tuple(own) not in fits and len(fits) > 1:
        raise UnreadableOutput(f"has {name} of dimensions that it does not name, {' x '.join(map(str, shape))}")
    order = tuple(own) if tuple(own) in fits else fits[0]
    return tuple(order.index(role) if role in order else None for role in range(4))


def _fits(order: tuple[int, ...], shape: tuple[int, ...], lengths: tuple[int | None, ...]) -> bool:
    return all(lengths[role] in (None, length) for role, length in zip(order, shape, strict=True))


def roles(file: NetCDF, name: str, on: Grid) -> list[int | None]:
    """What each dimension of a variable is, on faces of cells too: 0 time, 1 z, 2 y, 3 x, or None."""
    known = {dimension: role for role, dimension in enumerate(on.dimensions) if dimension}
    for axis, (_, faces) in _AXES.items():
        role = on._fields.index(axis)
        known |= {_dimension(file, faces): role} if faces in file and len(file.shape(faces)) == 1 else {}
    dimensions = file.dimensions(name)
    if "" in dimensions:
        own: list[int | None] = [role for role, dimension in enumerate(on.dimensions) if dimension]
        return own if len(dimensions) == len(own) else [None] * len(dimensions)
    return [known.get(dimension) for dimension in dimensions]


def field(file: NetCDF, name: str, on: Grid, time: slice, z: slice, y: slice, x: slice) -> np.ndarray:
    """A part of a field (time, z, y, x), the slices being those of ascending axes."""
    found = places(file, name, on)
    windows = (time, *(axis.stored(window) for axis, window in zip(on.axes, (z, y, x), strict=True)))
    index: list = [0] * len(file.shape(name))
    for place, window in zip(found, windows, strict=True):
        if place is not None:
            index[place] = window
    values = file.read(name, *index)
    kept = sorted(place for place in found if place is not None)
    values = values.transpose([kept.index(place) for place in found if place is not None])
    values = np.expand_dims(values, tuple(role for role, place in enumerate(found) if place is None))
    return values[:, *(slice(None, None, -1 if axis.descends else 1) for axis in on.axes)]
