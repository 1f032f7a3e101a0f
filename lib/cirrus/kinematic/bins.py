"""Bin microphysics: crystals sorted by mass, with number, mass and volume in each bin.

The mean mass of a bin may lie anywhere within it. When crystals outgrow their bin, all of it moves on with its own mean (the
moving centre of Jacobson 1997, doi:10.1016/1352-2310(96)00202-6), so that growth does not smear the spectrum.
"""

from __future__ import annotations

import math

import numpy as np

from lib.cirrus.kinematic.flow import DZ, THETA, VAPOUR, exner, pressure_after
from lib.cirrus.kinematic.ice import (
    C_P,
    NEW_MASS,
    NEW_RADIUS,
    R_D,
    axes,
    compiled,
    fall_speed,
    spheroid_volume,
    surroundings,
    viscosity,
)
from lib.cirrus.kinematic.population import exchange, no_classes, nucleated, summed

#: The fields after `THETA` and `VAPOUR`: nuclei used up [kg-1]; then number, mass and volume of the crystals, one for each bin.
USED, FIRST = range(2, 4)
#: Mass of the lightest and the heaviest crystals that the bins are made for [kg].
LIGHTEST, HEAVIEST = NEW_MASS / 3, 3e-8
#: Mixing ratio [kg kg-1] below which the ice of a bin returns to the vapour.
TRACE = 1e-15


@compiled
def bin_of(mass, n_bins):
    """Number of the bin that crystals of some mass [kg] belong to; the bins are equally wide in the logarithm."""
    return min(n_bins - 1, max(0, int(n_bins * math.log(mass / LIGHTEST) / math.log(HEAVIEST / LIGHTEST))))


@compiled
def bins_step(time, fields, stream, air, crystals, fallout):
    """What follows advection in a time step that ends at a `time` [s]: ice falls, nucleates, grows.

    Parameters
    ----------
    fields : (nx, 3 + 3 n_bins, nz + 2), see `lib.cirrus.kinematic.advection.Advection`
    stream : not used: on the grid, air moves ice by advection
    fallout : (1,), ice that left through the bottom, summed over the columns [kg m-2]
    """
    n_bins = (fields.shape[1] - FIRST) // 3
    pressure, classes = pressure_after(air, time), no_classes(n_bins + 1)
    density, eta = np.zeros(len(pressure)), np.zeros(len(pressure))
    for i in range(fields.shape[0]):
        column = fields[i, :, 1:-1]
        for j in range(column.shape[1]):
            temperature = column[THETA, j] * exner(pressure[j])
            density[j], eta[j] = pressure[j] / (R_D * temperature), viscosity(temperature)
        for k in range(FIRST, FIRST + n_bins):
            fallout[0] += _fall(column, k, n_bins, density, eta, air, crystals)
        for j in range(column.shape[1]):
            _exchange_in_cell(column[:, j], pressure[j], air.dt, crystals, classes)


@compiled
def _fall(column, k, n_bins, density, eta, air, crystals):
    """Let one bin of a column (fields, nz), whose number is field `k`, fall for a time step; what leaves it [kg m-2].

    `density` and viscosity `eta` of the air are (nz,) [kg m-3, Pa s].
    """
    above = (0.0, 0.0, 0.0)
    for j in range(column.shape[1] - 1, -1, -1):
        number, mass, volume = column[k, j], column[k + n_bins, j], column[k + 2 * n_bins, j]
        share = 0.0
        if mass > TRACE:
            a, c = axes(volume / number, crystals.habit.growth_ratio)
            speed = fall_speed(mass / number, a, c, density[j], eta[j])
            share = min(crystals.falling * speed * air.dt / DZ, 1.0) * air.density[j]
        column[k, j] = number + (above[0] - share * number) / air.density[j]
        column[k + n_bins, j] = mass + (above[1] - share * mass) / air.density[j]
        column[k + 2 * n_bins, j] = volume + (above[2] - share * volume) / air.density[j]
        above = (share * number, share * mass, share * volume)
    return above[1] * DZ


@compiled
def _load(cell, crystals, classes):
    """Fill the classes with the crystals in the bins of a cell (fields,), but for traces, whose mixing ratio is returned."""
    n_bins, traces = (len(cell) - FIRST) // 3, 0.0
    for k in range(n_bins):
        number, mass = cell[FIRST + k], cell[FIRST + n_bins + k]
        classes.number[k] = number if mass > TRACE else 0.0
        if mass > TRACE:
            classes.mass[k] = mass / number
            classes.a[k], classes.c[k] = axes(cell[FIRST + 2 * n_bins + k] / number, crystals.habit.growth_ratio)
        else:
            traces += mass
    return traces


@compiled
def _exchange_in_cell(cell, pressure, dt, crystals, classes):
    """Nucleation, growth and sublimation in one cell (fields,); the last of the classes are the new crystals."""
    n_bins = len(classes.number) - 1
    factor = exner(pressure)
    temperature = cell[THETA] * factor
    new = nucleated(temperature, pressure, cell[VAPOUR], cell[USED], crystals)
    if new == 0.0 and not np.any(cell[FIRST + n_bins : FIRST + 2 * n_bins]):  # neither ice nor any that forms
        cell[FIRST:] = 0.0
        return
    air = surroundings(temperature, pressure, cell[VAPOUR], crystals.deposition_coefficient)
    cell[USED] += new
    deposited = new * NEW_MASS
    classes.number[n_bins], classes.mass[n_bins] = new, NEW_MASS
    classes.a[n_bins] = classes.c[n_bins] = NEW_RADIUS
    deposited -= _load(cell, crystals, classes)
    deposited += exchange(classes, n_bins + 1, crystals, air, dt)
    _sort(cell, classes)
    cell[VAPOUR] -= deposited
    cell[THETA] += air.latent_heat / C_P * deposited / factor


@compiled
def _sort(cell, classes):
    """Put all classes of crystals into the bins of a cell, which are emptied before."""
    n_bins = len(classes.number) - 1
    cell[FIRST:] = 0.0
    for k in range(n_bins + 1):
        number, mass = classes.number[k], classes.mass[k]
        if number > 0.0 and mass > 0.0:
            at = FIRST + bin_of(mass, n_bins)
            cell[at] += number
            cell[at + n_bins] += number * mass
            cell[at + 2 * n_bins] += number * spheroid_volume(classes.a[k], classes.c[k]) * classes.swelling[k]


@compiled
def _ice(fields, pressure, crystals):
    n_bins = (fields.shape[1] - FIRST) // 3
    classes, ice = no_classes(n_bins), np.zeros((4, len(pressure), len(fields)))
    for i in range(ice.shape[2]):
        for j in range(ice.shape[1]):
            cell = fields[i, :, j + 1]
            _load(cell, crystals, classes)
            temperature = cell[THETA] * exner(pressure[j])
            ice[:, j, i] = summed(classes, n_bins, pressure[j] / (R_D * temperature), viscosity(temperature))
    return ice


class Bins:
    """The bin scheme, as `lib.cirrus.kinematic.simulation` uses a scheme; see `lib.cirrus.kinematic.bulk.Bulk`."""

    step, arguments = staticmethod(bins_step), ()

    def __init__(self, case, air, crystals):
        self.crystals, self.n_bins = crystals, case.n_bins
        self.n_fields = FIRST + 3 * case.n_bins

    def ice(self, fields: np.ndarray, pressure: np.ndarray) -> np.ndarray:
        """Mass and number mixing ratio, fall speed and density of ice, (4, nz, nx)."""
        return _ice(fields, pressure, self.crystals)

    def ice_mass(self, fields: np.ndarray) -> np.ndarray:
        """Mixing ratio of all ice (nx, nz), traces included [kg kg-1]."""
        return fields[:, FIRST + self.n_bins : FIRST + 2 * self.n_bins, 1:-1].sum(1)


SCHEME = Bins
