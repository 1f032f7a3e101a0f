"""Bulk microphysics: in each cell, mass, number and volume of all crystals, whose masses follow a gamma distribution.

Two moments with predicted density, in the manner of Morrison & Milbrandt 2015 (doi:10.1175/JAS-D-14-0065.1). Rates are sums
over a few masses that represent the distribution (Gauss-Laguerre quadrature). Mass and number fall at their own mean speeds.
"""

from __future__ import annotations

import numpy as np
from scipy.special import roots_genlaguerre

from lib.cirrus.kinematic.flow import DZ, THETA, VAPOUR, exner, pressure_after
from lib.cirrus.kinematic.ice import C_P, NEW_MASS, R_D, RHO_ICE, axes, compiled, fall_speed, surroundings, viscosity
from lib.cirrus.kinematic.population import exchange, no_classes, nucleated, summed

#: The fields after `THETA` and `VAPOUR`: nuclei used up [kg-1]; mass, number and volume of crystals [kg kg-1, kg-1, m3 kg-1].
USED, MASS, NUMBER, VOLUME = range(2, 6)
#: Mixing ratio [kg kg-1] below which ice returns to the vapour.
TRACE = 1e-13
#: Density [kg m-3] and mass [kg] of a mean crystal stay between these.
_DENSITIES, _MASSES = (50.0, RHO_ICE), (NEW_MASS / 100, 1e-7)


def quadrature(shape: float, n_nodes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Masses over the mean mass, and shares of the number, (n_nodes,) each, that stand for a gamma distribution of mass.

    The relative variance of mass is 1 / `shape`; for an infinite one all crystals of a cell are alike.
    """
    if np.isinf(shape):
        return np.ones(1), np.ones(1)
    nodes, weights = roots_genlaguerre(n_nodes, shape - 1)
    return nodes / shape, weights / weights.sum()


@compiled
def bounded(mass, number, volume):
    """Number and volume [kg-1, m3 kg-1] that go with a mixing ratio [kg kg-1] and crystals of possible mass and density."""
    number = min(max(number, mass / _MASSES[1]), mass / _MASSES[0])
    return number, min(max(volume, mass / _DENSITIES[1]), mass / _DENSITIES[0])


@compiled
def bulk_step(time, fields, stream, air, crystals, nodes, shares, fallout):
    """What follows advection in a time step that ends at a `time` [s]: ice falls, nucleates, grows.

    Parameters
    ----------
    fields : (nx, 6, nz + 2), see `lib.cirrus.kinematic.advection.Advection`
    nodes, shares : of `quadrature`
    stream : not used: on the grid, air moves ice by advection
    fallout : (1,), ice that left through the bottom, summed over the columns [kg m-2]
    """
    pressure, classes = pressure_after(air, time), no_classes(len(nodes))
    factor = exner(pressure)
    for i in range(fields.shape[0]):
        column = fields[i, :, 1:-1]
        fallout[0] += _fall(column, pressure, factor, air, crystals, nodes, shares)
        for j in range(column.shape[1]):
            _exchange_in_cell(column[:, j], pressure[j], factor[j], air.dt, crystals, nodes, shares, classes)


@compiled
def _fall(column, pressure, factor, air, crystals, nodes, shares):
    """Let the ice of a column (6, nz) fall for a time step; what leaves it [kg m-2]. Upwind fluxes, which conserve mass."""
    above_mass = above_number = above_volume = 0.0
    for j in range(column.shape[1] - 1, -1, -1):
        mass, number, volume = column[MASS, j], column[NUMBER, j], column[VOLUME, j]
        with_mass = with_number = 0.0
        if mass > TRACE:
            number, volume = bounded(mass, number, volume)
            temperature, weight = column[THETA, j] * factor[j], crystals.falling * air.density[j] * air.dt / DZ
            density, eta = pressure[j] / (R_D * temperature), viscosity(temperature)
            for k in range(len(nodes)):
                a, c = axes(volume / number * nodes[k], crystals.habit.growth_ratio)
                speed = fall_speed(mass / number * nodes[k], a, c, density, eta)
                with_mass += shares[k] * nodes[k] * speed * weight
                with_number += shares[k] * speed * weight
            with_mass, with_number = min(with_mass, air.density[j]), min(with_number, air.density[j])
        column[MASS, j] = mass + (above_mass - with_mass * mass) / air.density[j]
        column[NUMBER, j] = number + (above_number - with_number * number) / air.density[j]
        column[VOLUME, j] = volume + (above_volume - with_mass * volume) / air.density[j]
        above_mass, above_number, above_volume = with_mass * mass, with_number * number, with_mass * volume
    return above_mass * DZ


@compiled
def _load(cell, crystals, nodes, shares, classes):
    """Fill the classes with the crystals of a cell (6,) that stand for its distribution; the mean crystal's volume [m3]."""
    number, volume = bounded(cell[MASS], cell[NUMBER], cell[VOLUME])
    for k in range(len(nodes)):
        classes.number[k], classes.mass[k] = number * shares[k], cell[MASS] / number * nodes[k]
        classes.a[k], classes.c[k] = axes(volume / number * nodes[k], crystals.habit.growth_ratio)
    return volume / number


@compiled
def _exchange_in_cell(cell, pressure, factor, dt, crystals, nodes, shares, classes):
    """Nucleation, growth and sublimation in one cell (6,)."""
    temperature = cell[THETA] * factor
    new = nucleated(temperature, pressure, cell[VAPOUR], cell[USED], crystals)
    if new == 0.0 and cell[MASS] == 0.0:  # neither ice nor any that forms
        cell[NUMBER] = cell[VOLUME] = 0.0
        return
    air = surroundings(temperature, pressure, cell[VAPOUR], crystals.deposition_coefficient)
    deposited = new * NEW_MASS
    cell[USED] += new
    cell[MASS] += new * NEW_MASS
    cell[NUMBER] += new
    cell[VOLUME] += new * NEW_MASS / RHO_ICE
    if cell[MASS] > TRACE:
        volume = _load(cell, crystals, nodes, shares, classes)
        deposited += exchange(classes, len(nodes), crystals, air, dt)
        cell[MASS] = cell[NUMBER] = cell[VOLUME] = 0.0
        for k in range(len(nodes)):
            cell[MASS] += classes.number[k] * classes.mass[k]
            cell[NUMBER] += classes.number[k] if classes.mass[k] > 0.0 else 0.0
            cell[VOLUME] += classes.number[k] * volume * nodes[k] * classes.swelling[k]
    else:
        deposited -= cell[MASS]
        cell[MASS] = cell[NUMBER] = cell[VOLUME] = 0.0
    cell[VAPOUR] -= deposited
    cell[THETA] += air.latent_heat / C_P * deposited / factor


@compiled
def _ice(fields, pressure, crystals, nodes, shares):
    classes, ice = no_classes(len(nodes)), np.zeros((4, len(pressure), len(fields)))
    for i in range(ice.shape[2]):
        for j in range(ice.shape[1]):
            cell = fields[i, :, j + 1]
            if cell[MASS] > TRACE:
                _load(cell, crystals, nodes, shares, classes)
                temperature = cell[THETA] * exner(pressure[j])
                ice[:, j, i] = summed(classes, len(nodes), pressure[j] / (R_D * temperature), viscosity(temperature))
    return ice


class Bulk:
    """The bulk scheme, as `lib.cirrus.kinematic.simulation` uses a scheme.

    Attributes
    ----------
    n_fields : fields that are advected
    step : kernel for each time step
    arguments : what it needs beside what all schemes do
    """

    n_fields, step = 6, staticmethod(bulk_step)

    def __init__(self, case, air, crystals):
        self.crystals, self.arguments = crystals, quadrature(case.shape)

    def ice(self, fields: np.ndarray, pressure: np.ndarray) -> np.ndarray:
        """Mass and number mixing ratio, fall speed and density of ice, (4, nz, nx)."""
        return _ice(fields, pressure, self.crystals, *self.arguments)

    def ice_mass(self, fields: np.ndarray) -> np.ndarray:
        """Mixing ratio of all ice (nx, nz), traces included [kg kg-1]."""
        return fields[:, MASS, 1:-1]


SCHEME = Bulk
