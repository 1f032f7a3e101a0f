"""The sample ensemble that comes with the project: cirrus by CM1 in 80 settings of its ice microphysics.

Output of NCAR's Cloud Model 1 (release 21.1, P3 microphysics): 2-D slabs of 6.4 km, 100 m x 50 m, two hours of an
ice-supersaturated layer that cools. Two parameters of P3 are varied, drawn log-uniformly by a Latin hypercube of 100 points:
`deposition_factor` multiplies the inverse time scale of ice's vapour exchange, `ni_cap` limits the number of crystals that
deposition nucleation makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import xarray as xr

from lib.cirrus.cm1.netcdf import UnreadableOutput, opened
from lib.cirrus.schema import Q_MIN, ice_fields, mean_mass
from lib.core import paths

FILE = paths.ROOT / "data" / "cm1-cirrus-ensemble.nc"
_NAMES = {"q_i": "qi", "n_i": "ni", "v_m": "vmi", "rho_i": "rhoi"}
#: The varied parameters -> unit and meaning.
PARAMETERS = {
    "deposition_factor": ("1", "factor on the inverse vapour-relaxation time of ice"),
    "ni_cap": ("m-3", "upper limit on the number of crystals from deposition nucleation"),
}


def sample_ensemble(file: Path = FILE) -> xr.Dataset:
    """The sample ensemble in the common schema: 80 members, 25 times, 64 x 64, as Dask arrays of one member each.

    Coordinates of the members are the two `PARAMETERS`. There is no ice at the first time. The fields of the
    file have two significant digits: they differ from the model's output by 5 % at most. `m_i` is a quotient of two of them, and
    differs by up to 8 %.

    Raises
    ------
    UnreadableOutput
        If the file is missing or broken, or is another one; also when fields are computed, for what only shows then.
    """
    with _named(file), opened(file) as contents:
        member, time_s, z_m, x_m = (_finite(contents, name) for name in ("member", "time", "z", "x"))
        parameters = {name: _finite(contents, name) for name in PARAMETERS}
        shape = (len(member), len(time_s), len(z_m), len(x_m))
        for name in _NAMES.values():
            if contents.shape(name) != shape:
                raise UnreadableOutput(f"has {name} of shape {contents.shape(name)}, not {shape}")
    fields = {name: _stored(file, stored, shape) for name, stored in _NAMES.items()}
    fields["q_i_total"] = fields["q_i"]  # P3 has one category for all ice
    fields["m_i"] = da.map_blocks(mean_mass, fields["q_i"], fields["n_i"], dtype=np.float32)
    ensemble = ice_fields(
        fields,
        member,
        time_s,
        np.round(z_m, 3),
        np.round(x_m, 3),
        title="CM1 cirrus ensemble, two parameters of P3 varied",
        source="NCAR CM1 release 21.1, P3 microphysics with two of its numbers read from the namelist",
        comment=f"zero where q_i < {Q_MIN:g} kg kg-1; q_i, n_i, v_m and rho_i have two significant digits",
    )
    coordinates = {
        name: ("member", parameters[name], {"units": unit, "long_name": meaning}) for name, (unit, meaning) in PARAMETERS.items()
    }
    return ensemble.assign_coords(coordinates)


def _stored(file: Path, name: str, shape: tuple[int, ...]) -> da.Array:
    read = dask.delayed(_member)
    members = [da.from_delayed(read(file, name, index), shape[1:], np.float32) for index in range(shape[0])]
    return da.stack(members)


def _member(file: Path, name: str, index: int) -> np.ndarray:
    with _named(file), opened(file) as contents:
        return _finite(contents, name, index)


def _finite(contents, name: str, *index) -> np.ndarray:
    values = contents.read(name, *index)
    if not np.isfinite(values).all():
        raise UnreadableOutput(f"has NaN in {name}")
    return values


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What cannot be read inside is told with the name of the file."""
    try:
        yield
    except UnreadableOutput as error:
        raise UnreadableOutput(f"{file} {error}.") from error
