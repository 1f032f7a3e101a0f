"""A kinematic cirrus: one prescribed flow, one physics of crystals, three ways to keep account of them.

Air that is supersaturated over ice rises slowly while cells overturn in it. Ice nucleates, grows by vapour, falls and sublimates.
Bulk, bin and Lagrangian microphysics differ in how they represent the crystals and, with it, in how these move: on the grid, bulk
and bins are also smeared (by MPDATA and by first-order fluxes of falling ice), particles are not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dask.array as da
import numpy as np
import xarray as xr

from lib.cirrus.design import latin_hypercube
from lib.cirrus.kinematic.advection import Advection, compile_for, pad
from lib.cirrus.kinematic.flow import (
    DX,
    DZ,
    THETA,
    VAPOUR,
    cellular_flow,
    fits_cells,
    heights,
    largest_courant,
    pressure_after,
    set_flow,
    standing_air,
)
from lib.cirrus.kinematic.ice import HABITS
from lib.cirrus.kinematic.population import Crystals
from lib.cirrus.schema import Q_MIN, VARIABLES, ice_fields, mean_mass, zero_below
from lib.core.cache import cached
from lib.core.registry import members
from lib.core.stores import build_store

#: Raised whenever the same case would give other fields.
VERSION = 3
#: Kinds of microphysics, each a class `SCHEME` in the module of its name (see `lib.cirrus.kinematic.bulk.Bulk`). A further one
#: is such a module and its name here.
SCHEMES = members("lib.cirrus.kinematic", ("bulk", "bins", "lagrangian"), "SCHEME")


@dataclass(frozen=True)
class Case:
    """One simulation.

    Attributes
    ----------
    scheme : of microphysics: bulk, bins or lagrangian
    n_inp : ice-nucleating particles [kg-1]
    deposition_coefficient : share of the vapour molecules that stay where they hit a crystal [1]
    habit : of `lib.cirrus.kinematic.ice.HABITS`
    first, last : supersaturations over ice between which the nuclei become active [1]
    uplift, updraught, shear : of all air [m s-1], of the cells (root mean square) [m s-1], of the wind [s-1]
    noise : largest random change of the potential temperature at the start [K]
    flow_seed, seed : of the flow, and of what is random in it: the noise and the particles' places
    duration, every, dt : simulated time, time between outputs, and time step [s]
    nx, nz : cells in a row and in a column
    shape, n_bins, per_cell : of the bulk scheme's distribution of mass, of the bins, and of the super-particles
    sedimentation : whether crystals fall
    """

    scheme: str = "bulk"
    n_inp: float = 1e5
    deposition_coefficient: float = 0.1
    habit: str = "bullet rosette"
    first: float = 0.15
    last: float = 0.45
    uplift: float = 0.03
    updraught: float = 0.4
    shear: float = 1.5e-3
    noise: float = 0.25
    flow_seed: int = 0
    seed: int = 0
    duration: float = 7200.0
    every: float = 300.0
    dt: float = 10.0
    nx: int = 64
    nz: int = 64
    shape: float = 2.0
    n_bins: int = 40
    per_cell: int = 64
    sedimentation: bool = True

    def __post_init__(self):
        for name, choices in (("scheme", SCHEMES), ("habit", HABITS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name in ("n_inp", "deposition_coefficient", "dt", "every", "duration", "shape", "nx", "nz", "n_bins", "per_cell"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")
        for name, unit in (("every", self.dt), ("duration", self.every)):
            if abs(getattr(self, name) / unit - round(getattr(self, name) / unit)) > 1e-9:
                raise ValueError(f"{name}: expected a multiple of {unit:g} s, got {getattr(self, name):g}")
        if not self.first < self.last:
            raise ValueError(f"first, last: expected ascending supersaturations, got {self.first:g} and {self.last:g}")
        if self.updraught and not fits_cells(self.nz):
            raise ValueError(f"nz: {self.nz} levels end amid the generating cells: expected 60 or more, or at most 24")
        courant = largest_courant(standing_air(self.nz, self.dt, self.uplift), self.nx, self.updraught, self.shear)
        if courant > 1:
            raise ValueError(f"dt: air moves up to {courant:.1f} cells in {self.dt:g} s, more than the one that advection bears")

    @property
    def times_s(self) -> np.ndarray:
        """Times of output [s]."""
        return self.every * np.arange(round(self.duration / self.every) + 1)


class Simulation:
    """A case as it runs.

    Attributes
    ----------
    time_s : simulated time [s]
    fields : what is advected, (nx, n_fields, nz + 2); the first two are potential temperature [K] and vapour [kg kg-1]
    cpu_seconds : what the time steps have cost, compilation apart [s]
    """

    def __init__(self, case: Case):
        self.case, self.time_s, self.cpu_seconds = case, 0.0, 0.0
        self.air = standing_air(case.nz, case.dt, case.uplift)
        crystals = Crystals(
            case.deposition_coefficient, HABITS[case.habit], case.n_inp, case.first, case.last, float(case.sedimentation)
        )
        self.scheme = SCHEMES[case.scheme](case, self.air, crystals)
        self._advection, self._fallout = Advection(self.air.density, case.nx, self.scheme.n_fields), np.zeros(1)
        self.fields = self._advection.padded
        noise = np.random.default_rng([case.seed, 32]).uniform(-case.noise, case.noise, (case.nx, case.nz))
        self.fields[:, THETA, 1:-1] = self.air.theta + noise
        self.fields[:, VAPOUR, 1:-1] = self.air.vapour
        self._flow = cellular_flow(self.air, case.nx, case.updraught, case.shear, case.flow_seed)
        self._stream, self._n_steps = np.zeros((case.nx + 1, case.nz + 1)), 0
        self._arguments = (self.fields, self._stream, self.air, crystals, *self.scheme.arguments, self._fallout)
        compile_for(self.scheme.step, 0.0, *self._arguments)
        self._prepare_advection()

    def _prepare_advection(self) -> None:
        """Set what the advection of the next step needs: the rows between the fields, and the flow."""
        pad(self.fields)
        set_flow(self._flow, self.time_s, self.case.dt, self._stream, self._advection.faces)

    def run(self, n_steps: int) -> None:
        """Go on for so many time steps."""
        begin = time.thread_time()
        for _ in range(n_steps):
            self._advection.step()
            self._n_steps += 1
            self.time_s = self._n_steps * self.case.dt
            self.scheme.step(self.time_s, *self._arguments)
            self._prepare_advection()
        self.cpu_seconds += time.thread_time() - begin

    def ice(self) -> np.ndarray:
        """The variables of `lib.cirrus.schema` now, (6, nz, nx); there is one category, so that q_i is all ice."""
        q_i, n_i, v_m, rho_i = self.scheme.ice(self.fields, pressure_after(self.air, self.time_s))
        q_i, n_i, v_m, rho_i = zero_below(q_i, Q_MIN, n_i, v_m, rho_i)
        return np.stack([q_i, n_i, mean_mass(q_i, n_i), v_m, rho_i, q_i])

    def water(self) -> float:
        """All water, that in ice and what fell out included, summed over the columns [kg m-2]."""
        air_mass = self.air.density * DZ
        return float(((self.fields[:, VAPOUR, 1:-1] + self.scheme.ice_mass(self.fields)) * air_mass).sum() + self._fallout[0])


def run_case(case: Case) -> tuple[np.ndarray, float, float]:
    """Ice at all times of output (n_times, 6, nz, nx), largest relative change of all water, and seconds of computing."""
    simulation, steps = Simulation(case), round(case.every / case.dt)
    states, water, changed = [simulation.ice()], simulation.water(), 0.0
    for _ in case.times_s[1:]:
        simulation.run(steps)
        states.append(simulation.ice())
        changed = max(changed, abs(simulation.water() / water - 1))
    return np.stack(states), changed, simulation.cpu_seconds


def ensemble(cases: Sequence[Case], scheduler: str = "synchronous", workers: int | None = None) -> xr.Dataset:
    """Simulations of several cases in the common schema, run with Dask if they are not in the cache.

    Coordinates of the members are all settings in which cases differ, `water_residual` (largest relative change of all
    water) and `cpu_seconds`.

    Parameters
    ----------
    cases : on the same grid, with the same times of output
    scheduler, workers : as in `lib.core.stores.build_store`; a machine's first ensemble compiles for about half a minute

    Raises
    ------
    ValueError
        If there is no case, or grids or times differ.
    """
    cases = list(cases)
    if len({(case.nx, case.nz, case.duration, case.every) for case in cases}) != 1:
        raise ValueError("An ensemble needs cases on the same grid and with the same times of output, at least one.")
    description = {"cases": [asdict(case) for case in cases], "version": VERSION}

    def build(part: Path) -> None:
        Simulation(cases[0])  # compiles what the workers then find on disk
        fill = partial(_fill, cases)
        build_store(part, len(cases), 1, partial(_empty, cases), fill, "members of the ensemble", scheduler, workers)

    data = xr.open_zarr(cached("cirrus", description, build) / "data.zarr", chunks={"member": 1})
    differ = [field.name for field in fields(Case) if len({getattr(case, field.name) for case in cases}) > 1]
    settings = {name: ("member", [getattr(case, name) for case in cases]) for name in differ}
    return data.assign_coords(settings).set_coords(["water_residual", "cpu_seconds"])


def hypercube_cases(case: Case, ranges: Mapping[str, Sequence[float]], n_members: int, seed: int = 0) -> list[Case]:
    """Cases as `case` whose settings are drawn from `ranges` (name -> least and largest) by a Latin hypercube, in logarithms."""
    return [replace(case, **row) for row in latin_hypercube(ranges, n_members, seed).to_dict("records")]


def central_case(case: Case, ranges: Mapping[str, Sequence[float]]) -> Case:
    """A case as `case` whose settings are in the middle of `ranges` (name -> least and largest), in logarithms."""
    return replace(case, **{name: math.sqrt(low * high) for name, (low, high) in ranges.items()})


class Comparison(NamedTuple):
    """Simulations that tell what a scheme does beside what parameters and chance do.

    Attributes
    ----------
    bulk : an ensemble in the bulk scheme
    schemes : scheme -> the same cases in each, the first of which is the given one
    seeds, flows : scheme -> that first case with other seeds in the same flow, and in other flows
    finer : that first case with four times as many super-particles
    """

    bulk: xr.Dataset
    schemes: dict[str, xr.Dataset]
    seeds: dict[str, xr.Dataset]
    flows: dict[str, xr.Dataset]
    finer: xr.Dataset


def comparison(
    case: Case, ranges: Mapping[str, Sequence[float]], n_members: int, n_cases: int, seed: int = 0, scheduler: str = "synchronous"
) -> Comparison:
    """Simulations of `case` and others by which the schemes can be compared, loaded into memory.

    Parameters
    ----------
    ranges : settings that vary in the ensemble, as for `hypercube_cases`
    n_members, n_cases : members of the bulk ensemble; cases in all schemes, the given one and the first of these members
    seed : of the ensemble's parameters
    """
    members, some = hypercube_cases(case, ranges, n_members, seed), ("bulk", "lagrangian")
    shared = [case, *members[: n_cases - 1]]
    seeds = [replace(case, seed=case.seed + k) for k in range(1, n_cases)]
    flows = [replace(case, flow_seed=case.flow_seed + k) for k in range(1, n_cases)]
    parts = {("schemes", scheme): [replace(one, scheme=scheme) for one in shared] for scheme in reversed(SCHEMES)}
    parts |= {("seeds", scheme): [replace(one, scheme=scheme) for one in seeds] for scheme in some}
    parts |= {("flows", scheme): [replace(one, scheme=scheme) for one in flows] for scheme in some}
    parts["finer", ""] = [replace(case, scheme="lagrangian", per_cell=4 * case.per_cell)]
    parts["bulk", ""] = [replace(one, scheme="bulk") for one in members]
    every = list(dict.fromkeys(one for cases in parts.values() for one in cases))
    data = ensemble(every, scheduler).load(scheduler="synchronous")
    rows = {name: [every.index(one) for one in cases] for name, cases in parts.items()}
    found = {name: data.isel(member=row).assign_coords(member=np.arange(len(row))) for name, row in rows.items()}
    return Comparison(
        found["bulk", ""], {scheme: found["schemes", scheme] for scheme in SCHEMES},
        *({scheme: found[what, scheme] for scheme in some} for what in ("seeds", "flows")), found["finer", ""],
    )  # fmt: skip


def stream_function(case: Case, time_s: float) -> np.ndarray:
    """Stream function of the mass flux at the corners (nx + 1, nz + 1) [kg m-1 s-1], a moment after some time [s]."""
    air, stream = standing_air(case.nz, case.dt, case.uplift), np.zeros((case.nx + 1, case.nz + 1))
    flow = cellular_flow(air, case.nx, case.updraught, case.shear, case.flow_seed)
    set_flow(flow, time_s, case.dt, stream, Advection(air.density, case.nx, 1).faces)
    return stream


def _empty(cases: list[Case]) -> xr.Dataset:
    """The data set of an ensemble without its values."""
    first, n = cases[0], len(cases)
    shape = (n, len(first.times_s), first.nz, first.nx)
    values = {name: da.zeros(shape, np.float32, chunks=(1, *shape[1:])) for name in VARIABLES}
    place = (np.arange(n), first.times_s, heights(first.nz), DX * (np.arange(first.nx) + 0.5))
    data = ice_fields(values, *place, source="kinematic cirrus", comment=f"zero where q_i < {Q_MIN:g} kg kg-1")
    each = da.zeros(n, np.float64, chunks=1)
    return data.assign(
        water_residual=("member", each, {"units": "1", "long_name": "largest relative change of all water"}),
        cpu_seconds=("member", each, {"units": "s", "long_name": "time of computing without compilation"}),
    )


def _fill(cases: list[Case], store: str, member: int) -> None:
    """Simulate one member and write it to the store."""
    states, residual, seconds = run_case(cases[member])
    values = {name: (("member", "time", "z", "x"), states[None, :, k].astype(np.float32)) for k, name in enumerate(VARIABLES)}
    values |= {"water_residual": ("member", [residual]), "cpu_seconds": ("member", [seconds])}
    xr.Dataset(values).to_zarr(store, region={"member": slice(member, member + 1)})
