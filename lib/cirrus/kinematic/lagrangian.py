"""Lagrangian microphysics: super-particles, each of which stands for many equal crystals and carries their mass and axes.

Particles are ice nuclei first, spread evenly over the air, each with the supersaturation at which it freezes. They drift with the
air, and fall once they are crystals. Vapour and heat stay on the grid. The super-particle idea is that of Shima et al. 2009
(doi:10.1002/qj.441).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lib.cirrus.kinematic.flow import DX, DZ, THETA, VAPOUR, exner, pressure_after
from lib.cirrus.kinematic.ice import C_P, NEW_MASS, NEW_RADIUS, R_D, compiled, fall_speed, surroundings, swollen, viscosity
from lib.cirrus.kinematic.population import exchange, no_classes, summed

#: States of a particle: a nucleus, a crystal, or neither (it fell out, or sublimated away and does not nucleate again).
NUCLEUS, CRYSTAL, GONE = range(3)


class Particles(NamedTuple):
    """Super-particles, (n,) each.

    Attributes
    ----------
    x, z : distance from the western side and from the bottom of the grid [m]
    threshold : supersaturation over ice at which they nucleate [1]
    multiplicity : real particles each stands for, in a slab 1 m deep [m-1]
    state : NUCLEUS, CRYSTAL or GONE
    mass, a, c : of one crystal [kg], and its equatorial and polar semi-axis [m]; 0 before nucleation
    """

    x: np.ndarray
    z: np.ndarray
    threshold: np.ndarray
    multiplicity: np.ndarray
    state: np.ndarray
    mass: np.ndarray
    a: np.ndarray
    c: np.ndarray


def spread_nuclei(density: np.ndarray, nx: int, per_cell: int, crystals, seed: int) -> Particles:
    """Nuclei at random places, `per_cell` in each cell, whose thresholds are evenly spread from the first to the last.

    Parameters
    ----------
    density : of the air (nz,) [kg m-3]
    crystals : of `lib.cirrus.kinematic.population.Crystals`
    """
    rng = np.random.default_rng([seed, 33])
    shape = (nx, len(density), per_cell)
    x = DX * (np.arange(nx)[:, None, None] + rng.random(shape))
    z = DZ * (np.arange(len(density))[:, None] + rng.random(shape))
    share = (rng.permuted(np.broadcast_to(np.arange(per_cell), shape), axis=2) + rng.random(shape)) / per_cell
    multiplicity = np.broadcast_to(crystals.n_inp * DX * DZ * density[:, None] / per_cell, shape)
    n = math.prod(shape)
    return Particles(
        x.ravel(), z.ravel(), crystals.first + (crystals.last - crystals.first) * share.ravel(), multiplicity.flatten(),
        np.full(n, NUCLEUS, np.int8), np.zeros(n), np.zeros(n), np.zeros(n),
    )  # fmt: skip


@compiled
def lagrangian_step(time, fields, stream, air, crystals, particles, fallout):
    """What follows advection in a time step that ends at a `time` [s]: particles move, nucleate, grow.

    Parameters
    ----------
    fields : (nx, 2, nz + 2), see `lib.cirrus.kinematic.advection.Advection`
    stream : stream function of the mass flux in the step (nx + 1, nz + 1) [kg m-1 s-1]
    fallout : (1,), ice that left through the bottom, summed over the columns [kg m-2]
    """
    nx, nz = fields.shape[0], len(air.density)
    pressure = pressure_after(air, time)
    fallout[0] += _move(particles, fields, stream, pressure, air, crystals.falling)
    starts, order = by_cell(particles, nx, nz)
    classes = no_classes(np.max(np.diff(starts)))
    for i in range(nx):
        for j in range(nz):
            inside, air_mass = order[starts[i * nz + j] : starts[i * nz + j + 1]], DX * DZ * air.density[j]
            _exchange_in_cell(fields[i, :, j + 1], pressure[j], air_mass, air.dt, crystals, particles, inside, classes)


@compiled
def velocity(x, z, stream, density):
    """Velocity of the air (u, w) [m s-1] at a place: mass fluxes between opposite faces of a cell, linear, over density (nz,)."""
    nx, nz = stream.shape[0] - 1, stream.shape[1] - 1
    i, j = min(int(x / DX), nx - 1), min(int(z / DZ), nz - 1)
    right, up = x / DX - i, z / DZ - j
    west, east = stream[i, j] - stream[i, j + 1], stream[i + 1, j] - stream[i + 1, j + 1]
    below, above = stream[i + 1, j] - stream[i, j], stream[i + 1, j + 1] - stream[i, j + 1]
    return (west + right * (east - west)) / (DZ * density[j]), (below + up * (above - below)) / (DX * density[j])


@compiled
def periodic(x, width):
    """A place [m] that lies at most one `width` outside, moved into it: x modulo width, for less than a division costs."""
    return x - width if x >= width else (x + width if x < 0.0 else x)


@compiled
def _move(particles, fields, stream, pressure, air, falling):
    """Move all particles for a time step (midpoint method), crystals with their fall speed; what falls out [kg m-2]."""
    width, height, fallen = DX * fields.shape[0], DZ * len(pressure), 0.0
    density, eta = np.zeros(len(pressure)), np.zeros(len(pressure))
    for j in range(len(pressure)):
        temperature = fields[:, THETA, j + 1].mean() * exner(pressure[j])
        density[j], eta[j] = pressure[j] / (R_D * temperature), viscosity(temperature)
    for k in range(len(particles.x)):
        if particles.state[k] == GONE:
            continue
        x, z, fall = particles.x[k], particles.z[k], 0.0
        if particles.state[k] == CRYSTAL:
            level = int(z / DZ)
            fall = falling * fall_speed(particles.mass[k], particles.a[k], particles.c[k], density[level], eta[level])
        u, w = velocity(x, z, stream, air.density)
        middle = min(max(z + (w - fall) * air.dt / 2, 0.0), height)
        u, w = velocity(periodic(x + u * air.dt / 2, width), middle, stream, air.density)
        particles.x[k] = periodic(x + u * air.dt, width)
        particles.z[k] = min(z + (w - fall) * air.dt, height * (1 - 1e-12))
        if particles.z[k] < 0.0:
            fallen += particles.multiplicity[k] * particles.mass[k] / DX
            particles.state[k] = GONE
    return fallen


@compiled
def by_cell(particles, nx, nz):
    """Where the particles of each cell begin (nx nz + 1,) in an order (n,) of those that are not gone; cells go up, then east."""
    cell = np.empty(len(particles.x), np.int64)
    starts = np.zeros(nx * nz + 1, np.int64)
    for k in range(len(cell)):
        cell[k] = min(int(particles.x[k] / DX), nx - 1) * nz + min(int(particles.z[k] / DZ), nz - 1)
        if particles.state[k] != GONE:
            starts[cell[k] + 1] += 1
    starts = np.cumsum(starts)
    following, order = starts.copy(), np.empty(starts[-1], np.int64)
    for k in range(len(cell)):
        if particles.state[k] != GONE:
            order[following[cell[k]]] = k
            following[cell[k]] += 1
    return starts, order


@compiled
def _load(particles, inside, air_mass, classes):
    """Fill the classes with the crystals among the particles `inside` a cell with so much air [kg m-1]; how many there are."""
    n = 0
    for k in inside:
        if particles.state[k] == CRYSTAL:
            classes.number[n], classes.mass[n] = particles.multiplicity[k] / air_mass, particles.mass[k]
            classes.a[n], classes.c[n] = particles.a[k], particles.c[k]
            n += 1
    return n


@compiled
def _exchange_in_cell(cell, pressure, air_mass, dt, crystals, particles, inside, classes):
    """Nucleation, growth and sublimation of the particles `inside` a cell (2,) with so much air [kg m-1]."""
    factor = exner(pressure)
    temperature = cell[THETA] * factor
    air = surroundings(temperature, pressure, cell[VAPOUR], crystals.deposition_coefficient)
    deposited = 0.0
    for k in inside:
        if particles.state[k] == NUCLEUS and air.supersaturation > particles.threshold[k]:
            particles.state[k], particles.mass[k] = CRYSTAL, NEW_MASS
            particles.a[k] = particles.c[k] = NEW_RADIUS
            deposited += particles.multiplicity[k] / air_mass * NEW_MASS
    deposited += exchange(classes, _load(particles, inside, air_mass, classes), crystals, air, dt)
    n = 0
    for k in inside:
        if particles.state[k] == CRYSTAL:
            particles.mass[k] = classes.mass[n]
            particles.a[k], particles.c[k] = swollen(classes.a[n], classes.c[n], classes.swelling[n], crystals.habit)
            particles.state[k] = CRYSTAL if classes.mass[n] > 0.0 else GONE
            n += 1
    cell[VAPOUR] -= deposited
    cell[THETA] += air.latent_heat / C_P * deposited / factor


@compiled
def _ice(fields, pressure, density, particles):
    nx, nz = len(fields), len(pressure)
    starts, order = by_cell(particles, nx, nz)
    classes, ice = no_classes(np.max(np.diff(starts))), np.zeros((4, nz, nx))
    for i in range(nx):
        for j in range(nz):
            n = _load(particles, order[starts[i * nz + j] : starts[i * nz + j + 1]], DX * DZ * density[j], classes)
            temperature = fields[i, THETA, j + 1] * exner(pressure[j])
            ice[:, j, i] = summed(classes, n, pressure[j] / (R_D * temperature), viscosity(temperature))
    return ice


class Lagrangian:
    """The Lagrangian scheme, as `lib.cirrus.kinematic.simulation` uses a scheme; see `lib.cirrus.kinematic.bulk.Bulk`."""

    n_fields, step = 2, staticmethod(lagrangian_step)

    def __init__(self, case, air, crystals):
        self.density, self.particles = air.density, spread_nuclei(air.density, case.nx, case.per_cell, crystals, case.seed)
        self.arguments = (self.particles,)

    def ice(self, fields: np.ndarray, pressure: np.ndarray) -> np.ndarray:
        """Mass and number mixing ratio, fall speed and density of ice, (4, nz, nx)."""
        return _ice(fields, pressure, self.density, self.particles)

    def ice_mass(self, fields: np.ndarray) -> np.ndarray:
        """Mixing ratio of all ice (nx, nz) [kg kg-1]."""
        return self.ice(fields, np.full(len(self.density), 3e4))[0].T


SCHEME = Lagrangian
