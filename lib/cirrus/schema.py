"""The one schema in which the ice of any simulation is handed on, whatever model or file it comes from.

Dimensions (member, time, z, x). Mixing ratios are per kilogram of dry air; lengths are in metres, times in seconds since
the start of the run. Where cells are known not to be alike, coordinates dz and dx are their widths, by which means weight them.

Many schemes of microphysics share ice out among categories: cloud ice, snow, graupel, hail. q_i is the cloud ice alone, and
n_i, m_i, v_m and rho_i are its properties. q_i_total is the ice of all categories together. Where a scheme has one category
for all ice, as P3 and the kinematic cirrus do, both are equal.

An ensemble is read with a limit below which ice is taken for none, because schemes give size, fall speed and density even to
traces that no instrument could see. Where q_i is below it, q_i and its properties are zero; q_i_total is, where it is itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

DIMENSIONS = ("member", "time", "z", "x")
#: Variable -> unit and long name.
VARIABLES = {
    "q_i": ("kg kg-1", "mass mixing ratio of cloud ice, per mass of dry air"),
    "n_i": ("kg-1", "number mixing ratio of cloud ice, per mass of dry air"),
    "m_i": ("kg", "mean mass of a particle of cloud ice: q_i over n_i"),
    "v_m": ("m s-1", "mass-weighted mean fall speed of cloud ice, positive downward"),
    "rho_i": ("kg m-3", "mass-weighted mean density of particles of cloud ice"),
    "q_i_total": ("kg kg-1", "mass mixing ratio of all ice (cloud ice, snow, graupel and hail), per mass of dry air"),
}
#: Variable -> its name in the table of the CF conventions, where it has one.
_STANDARD_NAMES = {"q_i": "cloud_ice_mixing_ratio"}
#: Ice below this mixing ratio is taken for none [kg kg-1].
Q_MIN = 1e-9
#: Cloud ice below this mixing ratio is too little for its fall speed and density to be looked at [kg kg-1].
Q_SHOWN = 1e-7
_COORDINATES = {
    "member": {"long_name": "member of the ensemble"},
    "time": {"long_name": "time since beginning of simulation", "units": "s", "axis": "T"},
    "z": {"standard_name": "height", "long_name": "height above model bottom", "units": "m", "positive": "up", "axis": "Z"},
    "x": {"long_name": "west-east distance", "units": "m", "axis": "X"},
}


def ice_fields(fields: Mapping, member: Sequence, time_s, z_m, x_m, **attributes: str) -> xr.Dataset:
    """Data set in the common schema, with CF attributes.

    Parameters
    ----------
    fields : name of a variable of `VARIABLES` -> array (member, time, z, x), of NumPy or Dask
    member : name or number of each member
    time_s, z_m, x_m : coordinates [s, m, m]
    attributes : global attributes, such as source and history

    Raises
    ------
    ValueError
        If a name is none of the schema's, or a shape does not fit the coordinates.
    """
    coordinates = {"member": member, "time": time_s, "z": z_m, "x": x_m}
    shape = tuple(len(values) for values in coordinates.values())
    for name, values in fields.items():
        if name not in VARIABLES:
            raise ValueError(f"{name} is no variable of the schema, which has {', '.join(VARIABLES)}.")
        if values.shape != shape:
            raise ValueError(f"{name} has shape {values.shape}, but (member, time, z, x) is {shape}.")
    variables = {name: (DIMENSIONS, fields[name], _attributes(name)) for name in VARIABLES if name in fields}
    named = {name: (name, values, _COORDINATES[name]) for name, values in coordinates.items()}
    return xr.Dataset(variables, named, {"Conventions": "CF-1.8", **attributes})


def _attributes(name: str) -> dict[str, str]:
    unit, long_name = VARIABLES[name]
    standard = {"standard_name": _STANDARD_NAMES[name]} if name in _STANDARD_NAMES else {}
    return {"units": unit, "long_name": long_name, **standard, "cell_methods": "time: point"}


def with_widths(ice: xr.Dataset, dz_m: np.ndarray, dx_m: np.ndarray) -> xr.Dataset:
    """The data set with the heights dz (z) and widths dx (x) of its cells [m] as coordinates."""
    sides = {"dz": ("z", dz_m, "height of the cell"), "dx": ("x", dx_m, "width of the cell")}
    return ice.assign_coords(
        {name: (axis, side, {"units": "m", "long_name": said}) for name, (axis, side, said) in sides.items()}
    )


def mean_mass(q_i: np.ndarray, n_i: np.ndarray) -> np.ndarray:
    """Mean mass of an ice particle [kg] from mixing ratios [kg kg-1, kg-1]; zero without ice, NaN for mass without number."""
    mass = np.divide(q_i, n_i, out=np.full_like(q_i, np.nan), where=n_i > 0)
    return np.where((q_i == 0) & ~np.isnan(n_i), np.zeros_like(mass), mass)


def zero_below(q_i: np.ndarray, q_min: float, *fields: np.ndarray) -> list[np.ndarray]:
    """`q_i` and the other `fields`, all set to zero where q_i is below `q_min` [kg kg-1]; NaN stays NaN."""
    return [np.where((q_i < q_min) & ~np.isnan(field), np.zeros_like(field), field) for field in (q_i, *fields)]


def weighted_means(ice: xr.Dataset, over: str | Sequence[str]) -> xr.Dataset:
    """Means of the variables over some dimensions: mixing ratios of all cells, m_i of all particles, v_m and rho_i by mass (q_i).

    Cells count by their widths dz and dx, and alike where `ice` does not have these. Without ice, the last three are NaN.
    Variables that `ice` does not have are left out; it needs q_i.
    """
    means = {name: _cell_mean(ice, ice[name], over) for name in ("q_i", "n_i", "q_i_total") if name in ice}
    some = means["q_i"].where(means["q_i"] > 0)
    means |= {"m_i": some / means["n_i"].where(means["n_i"] > 0)} if {"n_i", "m_i"} <= set(ice) else {}
    means |= {name: _cell_mean(ice, ice[name] * ice["q_i"], over) / some for name in ("v_m", "rho_i") if name in ice}
    return xr.Dataset({name: values.assign_attrs(ice[name].attrs) for name, values in means.items()})


def _cell_mean(ice: xr.Dataset, values: xr.DataArray, over: str | Sequence[str]) -> xr.DataArray:
    """Mean of values over some dimensions, weighted by the widths of the cells of `ice`."""
    names = [over] if isinstance(over, str) else over
    sides = [ice[f"d{name}"] for name in names if f"d{name}" in ice.coords]
    return values.weighted(math.prod(sides[1:], start=sides[0])).mean(over) if sides else values.mean(over)


def distance_over_spread(one: xr.Dataset, other: xr.Dataset, everyone: xr.Dataset) -> pd.Series:
    """Distance of two sets of averages over the spread of a third, for q_i, n_i, v_m and rho_i.

    The root mean square of the difference, over members and all else, is divided by that of the standard deviation among the
    members of `everyone`. Places where one of them has no ice are left out.
    """
    found = {}
    for name in ("q_i", "n_i", "v_m", "rho_i"):
        spread = everyone[name].std("member", skipna=False)
        difference = (one[name] - other[name].values).where(spread.notnull())
        there = difference.notnull()
        found[name] = float(np.sqrt((difference**2).mean()) / np.sqrt((spread**2).where(there).mean()))
    return pd.Series(found)
