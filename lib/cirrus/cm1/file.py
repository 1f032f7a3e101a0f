"""One output file of CM1: what is in it, whether it can be trusted, and its ice.

Nothing but headers, coordinates and a few rows is read before fields are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib.cirrus.cm1.grid import Grid, field, grid, places, roles, written
from lib.cirrus.cm1.netcdf import NetCDF, UnreadableOutput, opened
from lib.cirrus.cm1.units import factor_to, is_missing

#: Families of names for one quantity, in the order in which they are looked for. More than one name is one ice category each.
_FAMILIES = {
    "q_i": (("qi", "qi1", "qi2", "qi3", "qi4"),),
    "n_i": (("qni",), ("nci",), ("cci",), ("ni", "ni1", "ni2", "ni3", "ni4"), ("out10",)),
    "v_m": (("p3_vmi",), ("vti",), ("out11",)),
    "rho_i": (("p3_rhopo",), ("out12",)),
}
QUANTITIES = (*_FAMILIES, "q_i_total")
#: Quantity -> its unit, and that of the same per volume of air.
_UNITS = {
    "q_i": ("kg/kg", "kg/m3"),
    "n_i": ("#/kg", "#/m3"),
    "v_m": ("m/s", ""),
    "rho_i": ("kg/m3", ""),
    "q_i_total": ("kg/kg", "kg/m3"),
}
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
#: Times between zero and this, in whatever unit, are none: their bytes are in the wrong order.
_SHORTEST = 1e-6
_TRUE = ("1", "1.0", "t", "true", ".t.", ".true.")


class Header(NamedTuple):
    """What one file holds: times [s], its grid, the file's names of each quantity, what was looked at for NaN, what wrote it.

    `beside` are its names of snow, graupel and hail, `without` the categories of ice that its scheme has and the file has not,
    `note` what else should be known of it.
    """

    path: Path
    time_s: np.ndarray
    grid: Grid
    names: dict[str, tuple[str, ...]]
    checked: str
    source: str
    beside: tuple[str, ...]
    without: tuple[str, ...]
    note: str = ""


def header(path: Path) -> Header:
    """What the file holds, found without reading its fields but for three rows of one of them.

    Raises
    ------
    UnreadableOutput
        If the file is broken, or has no time record, no ice, no grid in units of length, or NaN in the air's state, or is of
        a run over terrain or an axisymmetric one.
    """
    with opened(path) as file:
        names = _named_ice(file)
        on = grid(file)
        n_times = _n_times(file, names, on)
        time_s, note = _times_s(file, n_times)
        _refuse_other_geometry(file, on)
        for quantity, family in names.items():
            for name in family:
                _conversion(file, quantity, name)
                file.refuse_missing_filter(name)
        fault = _fault(file, on, n_times - 1)
        if fault:
            raise UnreadableOutput(f"has {fault} at {time_s[-1]:g} s: the run went wrong")
        unnamed = "" in file.dimensions(names["q_i"][0])
        notes = ", ".join(filter(None, [note, "names no dimensions" if unnamed else ""]))
        source, beside = file.attribute("CM1 version", "CM1"), _precipitation(file)
        return Header(path, time_s, on, names, _witness(file, on), source, beside, _without(file), notes)


def _named_ice(file: NetCDF) -> dict[str, tuple[str, ...]]:
    names = ice_names(file)
    if "q_i" not in names:
        raise UnreadableOutput("has no ice: none of qi, qi1, qi2, qi3 and qi4")
    return names


def ice_names(file: NetCDF) -> dict[str, tuple[str, ...]]:
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


def _precipitation(file: NetCDF) -> tuple[str, ...]:
    """The names of a file's snow, graupel and hail."""
    return tuple(name for name in _PRECIPITATION if name in file)


def _without(file: NetCDF) -> tuple[str, ...]:
    """The categories of ice that a file lacks, though its scheme has them: so says ptype, or else their number or fall speed."""
    own = _CATEGORIES.get(file.attribute("ptype").removesuffix(".0"), ())
    own += tuple(category for part, category in _BELONGS_TO.items() if part in file)
    return tuple(dict.fromkeys(category for category in own if category not in file))


def _n_times(file: NetCDF, names: dict[str, tuple[str, ...]], on: Grid) -> int:
    """Number of times for which a file holds the time and all of its ice."""
    lengths = [*file.shape("time")]
    for name in (name for family in names.values() for name in family):
        place = places(file, name, on)[0]
        if place is None and on.time and lengths[0] > 1:
            raise UnreadableOutput(f"has {name} without the dimension {on.time}")
        lengths += [] if place is None else [file.shape(name)[place]]
    n_times = min(lengths, default=1)
    if n_times == 0:
        raise UnreadableOutput("has no time record")
    return n_times


def _times_s(file: NetCDF, n_times: int) -> tuple[np.ndarray, str]:
    """The first times [s] to the millisecond, and what is to be noted of them.

    They count from the start of the run or, in a file with a date, from that. Times whose bytes are in the wrong order, as some
    programs write them into classic files, are tiny; they are turned if that makes times that ascend.
    """
    factor = factor_to(file.units("time"), "s") if file.units("time") else None
    if factor is None:
        raise UnreadableOutput(f"has its times in {file.units('time') or 'no unit'}, not in seconds")
    stored = np.ravel(file.read("time"))[:n_times]
    if not written(stored):
        raise UnreadableOutput("has times that were not written")
    note, tiny = "", (stored != 0) & (np.abs(stored) < _SHORTEST)
    if tiny.any():
        note, turned = "has the bytes of its times in the wrong order", stored.byteswap()
        if not (written(turned) and np.all(np.diff(turned) > 0) and np.abs(turned[tiny]).min() > _SHORTEST):
            raise UnreadableOutput(f"is a {file.container} file with a time of {stored[tiny][0]:.2g} {file.units('time')}")
        stored = turned
    return np.round(stored.astype(float) * factor, 3), note


def other_geometry(settings: Mapping[str, str]) -> str:
    """Why the settings of a run, its attributes or those of its namelist, make zh no height or xh a radius, or ""."""
    if settings.get("axisymm", "").lower() in _TRUE:
        return "is of an axisymmetric run (axisymm is 1), where xh is a radius"
    return "is of a run over terrain, where zh is no height" if settings.get("terrain_flag", "").lower() in _TRUE else ""


def _refuse_other_geometry(file: NetCDF, on: Grid) -> None:
    """Stop where zh is no height, or xh a radius."""
    told = other_geometry({name: file.attribute(name) for name in ("axisymm", "terrain_flag")})
    if "zs" in file and np.any(file.read("zs") != 0):
        told = "is of a run over terrain (zs is not zero), where zh is no height"
    if told or _is_uneven(file, on):
        raise UnreadableOutput(told or "is of a run over terrain (heights vary along a level), where zh is no height")


def _is_uneven(file: NetCDF, on: Grid) -> bool:
    """Whether the file has heights for each column (zhval; zh until release 16), and they vary along the lowest level."""
    for name in (name for name in ("zhval", "zh") if name in file and len(file.shape(name)) > 1):
        lowest = file.read(name, *(0 if role in (0, 1) else slice(None) for role in roles(file, name, on)))
        if np.ptp(lowest) > 0:
            return True
    return False


def _conversion(file: NetCDF, quantity: str, name: str) -> tuple[float, bool]:
    """What values are multiplied by to be in the unit of the schema, and whether they are then divided by the air's density."""
    unit, (own, per_volume) = file.units(name), _UNITS[quantity]
    if is_missing(unit) or unit == "1":
        return 1.0, False
    factor = factor_to(unit, own)
    if factor is not None:
        return factor, False
    factor = factor_to(unit, per_volume) if per_volume else None
    if factor is None:
        raise UnreadableOutput(f"has {name} in {unit}, not in {own}")
    if "rho" not in file:
        raise UnreadableOutput(f"has {name} in {unit}, not in {own}, and no density of air (rho) to convert it")
    _conversion(file, "rho_i", "rho")
    return factor, True


def _converted(file: NetCDF, quantity: str, name: str, on: Grid, *window: slice) -> np.ndarray:
    """A part of a field (time, z, y, x) in the unit of the schema."""
    values = field(file, name, on, *window)
    if not written(values):
        raise UnreadableOutput(f"has NaN or unwritten values in {name}")
    factor, per_volume = _conversion(file, quantity, name)
    values = factor * values
    return values / _converted(file, "rho_i", "rho", on, *window) if per_volume else values


def _witness(file: NetCDF, on: Grid) -> str:
    """The variable that would show that the run went wrong, or "" if there is none."""
    needed = {0, 1, 3} if on.time else {1, 3}
    return next((name for name in _STATE if name in file and needed <= set(roles(file, name, on))), "")


def _fault(file: NetCDF, on: Grid, time: int, levels: int | None = 3) -> str:
    """What is wrong with the air's state at one time, or "": looked for at some `levels`, or (None) everywhere."""
    name = _witness(file, on)
    if not name:
        return ""
    shape, own = file.shape(name), roles(file, name, on)
    index = {0: min(time, shape[own.index(0)] - 1) if 0 in own else 0}
    rows = [index]
    if levels is not None:
        index[2] = shape[own.index(2)] // 2 if 2 in own else 0
        rows = [index | {1: int(row)} for row in np.linspace(0, shape[own.index(1)] - 1, levels)]
    sound = all(written(file.read(name, *(row.get(role, slice(None)) for role in own))) for row in rows)
    return "" if sound else f"NaN or unwritten values in {name}"


def last_state(path: Path) -> tuple[int, str, float]:
    """Number of times in a file, what is wrong with the air at the last of them (or ""), and the most ice there [kg kg-1].

    Unlike `header` it reads the whole of the last time. Raises the same errors.
    """
    with opened(path) as file:
        names, on = _named_ice(file), grid(file)
        n_times = _n_times(file, names, on)
        fault = _fault(file, on, n_times - 1, levels=None)
        every = names.get("q_i_total", names["q_i"])
        last = (slice(n_times - 1, n_times), *[slice(None)] * 3)
        most = (_conversion(file, "q_i", name)[0] * float(field(file, name, on, *last).max()) for name in every)
        return n_times, fault, max(most)


def ice(path: Path, names: dict[str, tuple[str, ...]], on: Grid, time: slice, z: slice, y: slice, x: slice) -> np.ndarray:
    """Ice of a part of one file, float32 (5, time, z, x): the `QUANTITIES`, NaN for what the file does not have.

    Categories of ice are summed. Over y, cells count by their widths: mixing ratios are averaged, fall speed and density
    weighted by mass as well.

    Raises
    ------
    UnreadableOutput
        If a value is NaN or was never written.
    """
    quantity_of = {name: quantity for quantity, family in names.items() for name in family}
    with opened(path) as file:
        values = {name: _converted(file, quantity, name, on, time, z, y, x) for name, quantity in quantity_of.items()}
    found = {
        quantity: np.sum([values[name] for name in family], axis=0) if len(family) > 1 else values[family[0]]
        for quantity, family in names.items()
    }
    width = on.y.widths[y, None]
    mass = found["q_i"] * width
    mixing = [quantity for quantity in ("q_i", "n_i", "q_i_total") if quantity in found]
    means = {quantity: (found[quantity] * width).sum(axis=2, dtype=float) / width.sum() for quantity in mixing}
    means |= {quantity: _weighted(found[quantity], mass) for quantity in ("v_m", "rho_i") if quantity in found}
    missing = np.full_like(means["q_i"], np.nan)
    return np.stack([means.get(quantity, missing) for quantity in QUANTITIES]).astype(np.float32)


def _weighted(values: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Mean over y (axis 2) weighted by mass, zero where there is none."""
    total = mass.sum(axis=2, dtype=float)
    return np.divide((values * mass).sum(axis=2, dtype=float), total, out=np.zeros_like(total), where=total > 0)
