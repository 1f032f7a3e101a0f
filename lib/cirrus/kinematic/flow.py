"""The air of the kinematic cirrus: its profile, the flow prescribed in it, and advection.

A slab of air, periodic in x, closed at top and bottom. The grid rises with the mean air, so that uplift shows as a fall of
pressure. In it, generating cells overturn and the wind shears. The flow conserves mass exactly.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import NamedTuple

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from PyMPDATA import Options, ScalarField, Solver, Stepper, VectorField
from PyMPDATA.boundary_conditions import Constant, Periodic
from PyMPDATA.impl.meta import META_HALO_VALID

from lib.cirrus.kinematic.ice import C_P, GRAVITY, R_D, compiled, saturation_mixing_ratio

#: The first fields that are advected in every scheme: potential temperature [K] and vapour [kg kg-1].
THETA, VAPOUR = range(2)
#: Width and height of a cell [m], and height of the lowest level's bottom [m].
DX, DZ, BOTTOM = 100.0, 50.0, 7000.0
#: Height [m] -> temperature [K], and height [m] -> saturation ratio over ice, linear between; as in the sample ensemble.
_TEMPERATURE = ((7000, 8500, 9600, 9750, 10200), (243.6, 234.2, 224.2, 223.2, 221.9))
_HUMIDITY = ((7000, 7300, 7900, 8500, 9600, 10400), (0.70, 0.75, 0.95, 1.15, 1.15, 0.35))
#: Pressure at the bottom [Pa].
_PRESSURE = 41000.0
#: Bottom and top of the generating cells [m], number of waves in them, and their shortest and longest period of change [s].
_CELLS, _WAVES, _PERIODS = (8200.0, 10000.0), (2, 3, 4, 5, 7), (1200.0, 3600.0)
#: By what share of its strength a wave pulses [1].
_PULSE = 0.5


class Air(NamedTuple):
    """The air at the start.

    Attributes
    ----------
    pressure, density, theta, vapour : profiles (nz,) [Pa, kg m-3, K (potential temperature), kg kg-1]
    dt, uplift : time step [s] and speed of the uplift [m s-1]
    """

    pressure: np.ndarray
    density: np.ndarray
    theta: np.ndarray
    vapour: np.ndarray
    dt: float
    uplift: float


class Flow(NamedTuple):
    """Stream function of the mass flux: waves in x times a profile, whose amplitudes change in time.

    Attributes
    ----------
    sine, cosine : of each wave at the corners, (n_waves, nx + 1)
    profile : of the generating cells at the corners, (nz + 1,)
    shear : stream function of the sheared wind, (nz + 1,) [kg m-1 s-1]
    amplitude : of each wave, (n_waves,) [kg m-1 s-1]
    drift, pulse, phase : angular speeds of each wave's place and strength, and their start (n_waves, 2) [s-1, s-1, 1]
    """

    sine: np.ndarray
    cosine: np.ndarray
    profile: np.ndarray
    shear: np.ndarray
    amplitude: np.ndarray
    drift: np.ndarray
    pulse: np.ndarray
    phase: np.ndarray


def heights(nz: int) -> np.ndarray:
    """Heights (nz,) of the middle of each level above sea level at the start [m]."""
    return BOTTOM + DZ * (np.arange(nz) + 0.5)


def standing_air(nz: int, dt: float, uplift: float) -> Air:
    """Air in hydrostatic balance, with a layer that is supersaturated over ice between 8.0 and 9.8 km."""
    z_m = heights(nz)
    temperature = np.interp(z_m, *_TEMPERATURE)
    inverse = GRAVITY / (R_D * temperature)
    pressure = _PRESSURE * np.exp(-DZ * (np.cumsum(inverse) - 0.5 * inverse))
    ratio = np.interp(z_m, *_HUMIDITY)
    vapour = ratio * np.array([saturation_mixing_ratio(*pair) for pair in zip(temperature, pressure, strict=True)])
    return Air(pressure, pressure / (R_D * temperature), temperature / exner(pressure), vapour, dt, uplift)


@compiled
def exner(pressure):
    """Temperature over potential temperature [1], from pressure [Pa]."""
    return (pressure / 1e5) ** (R_D / C_P)


@compiled
def pressure_after(air, time):
    """Pressure (nz,) [Pa] after the grid has risen for some time [s]."""
    return air.pressure - air.density * GRAVITY * air.uplift * time


@compiled
def set_flow(flow, time, dt, stream, faces):
    """Prescribe the flow of the time step `dt` [s] that begins at a time [s]: the Courant numbers on all faces.

    The stream function of the mass flux at the corners [kg m-1 s-1] is left in `stream` (nx + 1, nz + 1).
    """
    _set_stream(flow, time + dt / 2, stream)
    _set_courant(stream, dt, faces)


def cellular_flow(air: Air, nx: int, updraught: float, shear: float, seed: int) -> Flow:
    """Generating cells with a root mean square `updraught` [m s-1] where they are strongest, in wind of a constant `shear` [s-1].

    Wave lengths are fixed; how the waves lie, drift and pulse is drawn at random.
    """
    rng = np.random.default_rng([seed, 31])
    corners = BOTTOM + DZ * np.arange(len(air.density) + 1)
    low, high = _CELLS
    profile = np.sin(np.pi * np.clip((corners - low) / (high - low), 0, 1)) ** 2
    density = np.interp(corners, heights(len(air.density)), air.density)
    wind = shear * (corners - (low + high) / 2)
    number = 2 * np.pi * np.array(_WAVES) / (DX * nx)
    angle = number[:, None] * DX * np.arange(nx + 1)
    period = rng.uniform(*_PERIODS, size=len(_WAVES))
    strongest = np.interp((low + high) / 2, corners, density)
    return Flow(
        np.sin(angle), np.cos(angle), profile,
        -np.concatenate([[0], np.cumsum(DZ * (density * wind)[1:] / 2 + DZ * (density * wind)[:-1] / 2)]),
        updraught * strongest * math.sqrt(2 / len(_WAVES)) / number,
        rng.uniform(-1, 1, len(_WAVES)) * 2 * np.pi / _PERIODS[1], 2 * np.pi / period,
        rng.uniform(0, 2 * np.pi, (len(_WAVES), 2)),
    )  # fmt: skip


def fits_cells(nz: int) -> bool:
    """Whether the top of so many levels is no place where air overturns: no flow that conserves mass could end there."""
    low, high = _CELLS
    return not low < BOTTOM + DZ * nz < high


def largest_courant(air: Air, nx: int, updraught: float, shear: float) -> float:
    """Most cells [1], across and up together, that a flow of `cellular_flow` moves air by in a time step: an upper bound."""
    flow = cellular_flow(air, nx, updraught, shear, 0)
    strongest = (1 + _PULSE) * flow.amplitude
    across = np.abs(np.diff(flow.shear)) + strongest.sum() * np.abs(np.diff(flow.profile))
    up = strongest @ np.abs(np.diff(flow.sine)).max(axis=1) * np.maximum(flow.profile[1:], flow.profile[:-1])
    return float(np.max((across + up) / air.density) * air.dt / (DX * DZ))


@compiled
def _set_stream(flow, time, stream):
    stream[:] = flow.shear
    for wave in range(len(flow.amplitude)):
        place = flow.phase[wave, 0] + flow.drift[wave] * time
        strength = flow.amplitude[wave] * (1.0 + _PULSE * math.sin(flow.phase[wave, 1] + flow.pulse[wave] * time))
        along, across = strength * math.cos(place), strength * math.sin(place)
        for i in range(stream.shape[0]):
            value = along * flow.sine[wave, i] + across * flow.cosine[wave, i]
            for j in range(stream.shape[1]):
                stream[i, j] += value * flow.profile[j]


class Faces(NamedTuple):
    """Courant numbers times density [kg m-3] on the faces of all stacked fields.

    Attributes
    ----------
    across : of the faces between columns, (nx + 1, n_fields, nz + 2)
    up : of the bottom of each cell, (nx, n_fields, nz + 2); 0 at the bottom of the lowest and the top of the highest
    state : what PyMPDATA notes of them
    """

    across: np.ndarray
    up: np.ndarray
    state: np.ndarray


@compiled
def _set_courant(stream, dt, faces):
    nx, nz = stream.shape[0] - 1, stream.shape[1] - 1
    for field in range(faces.up.shape[1]):
        for j in range(nz):
            for i in range(nx + 1):
                faces.across[i, field, j + 1] = -(stream[i, j + 1] - stream[i, j]) * dt / (DX * DZ)
            for i in range(nx):
                faces.up[i, field, j + 1] = (stream[i + 1, j] - stream[i, j]) * dt / (DX * DZ)
    faces.state[META_HALO_VALID] = 0  # what PyMPDATA keeps beyond the periodic sides is old now


@compiled
def pad(fields):
    """Continue each field evenly into the row below and the row above it; `fields` (nx, n_fields, nz + 2)."""
    fields[:, :, 0] = fields[:, :, 1]
    fields[:, :, -1] = fields[:, :, -2]


class _AsWritten(Options):
    """Options of PyMPDATA that leave compilers no freedom to reorder arithmetic.

    With it, the last digits of a run depend on what else is compiled in the same process, and so on what is in numba's cache.
    """

    @property
    def jit_flags(self):
        """What PyMPDATA tells numba."""
        flags = super().jit_flags
        return type(flags)(flags | {"fastmath": False})


class Advection:
    """Advection of several fields by PyMPDATA (Bartman et al. 2022, doi:10.21105/joss.03896): MPDATA with one corrective step.

    All fields are stacked into one tall column with rows of still air between them, so that one call moves them all.

    Attributes
    ----------
    padded : the fields with a row below and one above each, (nx, n_fields, nz + 2)
    faces : Courant numbers times density on the faces, which `set_flow` fills
    """

    def __init__(self, air: Air, nx: int, n_fields: int):
        rows, options = len(air.density) + 2, _AsWritten(n_iters=2)
        walls = {"halo": options.n_halo, "boundary_conditions": (Periodic(), Constant(0.0))}
        height = n_fields * rows
        density = np.tile(np.pad(air.density, 1, mode="edge"), (nx, n_fields))
        still = VectorField((np.zeros((nx + 1, height)), np.zeros((nx, height + 1))), **walls)
        self._solver = Solver(
            Stepper(options=options, n_dims=2, non_unit_g_factor=True, n_threads=1),
            ScalarField(np.zeros((nx, height)), **walls), still, ScalarField(density, **walls),
        )  # fmt: skip
        across, up = (self._solver.advector.get_component(axis) for axis in range(2))
        self.padded = _split(self._solver.advectee.get(), n_fields)
        self.faces = Faces(_split(across, n_fields), _split(up[:, :-1], n_fields), self._solver.advector.meta)

    def run(self, n_steps: int, hook) -> None:
        """So many steps; `hook` (of `after_each_step`) is called after each."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
            self._solver.advance(n_steps, post_step=hook)


def _split(stacked: np.ndarray, n_fields: int) -> np.ndarray:
    """View (n, n_fields, rows) of stacked fields (n, n_fields * rows)."""
    rows = stacked.shape[1] // n_fields
    return np.lib.stride_tricks.as_strided(
        stacked, (len(stacked), n_fields, rows), (stacked.strides[0], rows * stacked.strides[1], stacked.strides[1])
    )


def after_each_step(kernel, *arguments):
    """A PyMPDATA hook that calls the compiled ``kernel(step, *arguments)`` after each step; steps are counted from 1."""
    return _hook_class(kernel, numba.typeof(arguments))(arguments)


@functools.cache
def _hook_class(kernel, types):
    """The class of hooks that call a kernel with arguments of some types; PyMPDATA compiles for each class anew."""

    @numba.experimental.jitclass([("arguments", types), ("step", numba.int64)])
    class Hook:
        def __init__(self, arguments):
            self.arguments = arguments
            self.step = 0

        def call(self, traversals_data, psi, step, index):
            self.step += 1
            kernel(self.step, *self.arguments)

    return Hook
