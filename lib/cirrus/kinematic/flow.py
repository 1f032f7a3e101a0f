"""The air of the kinematic cirrus: its profile, and the flow prescribed in it.

A slab of air, periodic in x, closed at top and bottom. The grid rises with the mean air, so that uplift shows as a fall of
pressure. In it, generating cells overturn and the wind shears. The flow conserves mass exactly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lib.cirrus.kinematic.ice import C_P, R_D, compiled, saturation_mixing_ratio
from lib.crystals.hydrodynamics import GRAVITY

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
    """Prescribe the flow of the time step `dt` [s] that begins at a time [s].

    Set are the stream function of the mass flux at the corners in `stream` (nx + 1, nz + 1) [kg m-1 s-1], and the Courant numbers
    times density on all `faces` (of `lib.cirrus.kinematic.advection`) [kg m-3].
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


@compiled
def _set_courant(stream, dt, faces):
    nx, nz = stream.shape[0] - 1, stream.shape[1] - 1
    for field in range(faces.up.shape[1]):
        for j in range(nz):
            for i in range(nx + 1):
                faces.across[i, field, j + 1] = -(stream[i, j + 1] - stream[i, j]) * dt / (DX * DZ)
            for i in range(nx):
                faces.up[i, field, j + 1] = (stream[i + 1, j] - stream[i, j]) * dt / (DX * DZ)
