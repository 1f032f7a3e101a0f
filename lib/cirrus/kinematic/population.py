"""Crystals of several kinds in one cell: how they nucleate, share the vapour, and what they are in sum.

The three microphysics differ in what their kinds are: points of a distribution, bins, or super-particles. Each fills `Classes`
with them and leaves the rest to this module. All functions are compiled. SI units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lib.cirrus.kinematic.ice import (
    GrowthHabit,
    compiled,
    fall_speed,
    grown,
    growth_rate,
    mean_supersaturation,
    saturation_mixing_ratio,
    spheroid_volume,
)
from lib.crystals.capacitance import spheroid_capacitance


class Crystals(NamedTuple):
    """What all crystals of a simulation have in common.

    Attributes
    ----------
    deposition_coefficient : share of the vapour molecules that stay where they hit a crystal [1]
    habit : how they grow
    n_inp : ice-nucleating particles in the air [kg-1]
    first, last : supersaturations over ice at which the first and the last of them nucleate a crystal [1]
    falling : factor on the fall speed [1]; 0 where nothing is to fall
    """

    deposition_coefficient: float
    habit: GrowthHabit
    n_inp: float
    first: float
    last: float
    falling: float


@compiled
def active_share(supersaturation, crystals):
    """Share of the ice-nucleating particles that are active at a supersaturation over ice [1]: it rises evenly from 0 to 1."""
    return min(1.0, max(0.0, (supersaturation - crystals.first) / (crystals.last - crystals.first)))


@compiled
def nucleated(temperature, pressure, vapour, used, crystals):
    """Crystals that nucleate [kg-1]: active nuclei beyond those `used` up [kg-1]; `vapour` is a mixing ratio [kg kg-1]."""
    supersaturation = vapour / saturation_mixing_ratio(temperature, pressure) - 1.0
    return max(0.0, crystals.n_inp * active_share(supersaturation, crystals) - used)


class Classes(NamedTuple):
    """Room for crystals of several kinds in one cell, (n,) each.

    Attributes
    ----------
    number : how many there are of each kind [kg-1]
    mass, a, c : of one crystal [kg], its equatorial and polar semi-axis [m]
    rate : its growth over supersaturation [kg s-1]
    swelling : its volume after `exchange` over the one before [1]
    """

    number: np.ndarray
    mass: np.ndarray
    a: np.ndarray
    c: np.ndarray
    rate: np.ndarray
    swelling: np.ndarray


@compiled
def no_classes(n):
    """Room for `n` kinds of crystals."""
    return Classes(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


@compiled
def exchange(classes, n, crystals, air, dt):
    """Let the first `n` kinds of crystals grow or sublimate together for `dt` [s]; what the vapour loses [kg kg-1] is returned.

    Mass is changed, `swelling` is set; both are 0 where crystals have sublimated away. Kinds with a number of 0 are left alone.
    """
    number, mass, a, c, rate, swelling = classes
    uptake = 0.0
    for k in range(n):
        if number[k] > 0.0:
            rate[k] = growth_rate(spheroid_capacitance(a[k], c[k]), air)
            uptake += number[k] * rate[k]
    supersaturation, deposited = mean_supersaturation(air, uptake, dt), 0.0
    for k in range(n):
        if number[k] > 0.0:
            before = mass[k]
            mass[k], swelling[k] = grown(before, a[k], c[k], rate[k], supersaturation, crystals.habit, air, dt)
            deposited += number[k] * (mass[k] - before)
    return deposited


@compiled
def summed(classes, n, density, viscosity):
    """Sums over the first `n` kinds of crystals: mass [kg kg-1], number [kg-1], and their mean fall speed and density by mass.

    `density` and `viscosity` are those of the air [kg m-3, Pa s].
    """
    mass = number = fall = dense = 0.0
    for k in range(n):
        if classes.number[k] > 0.0:
            part, a, c = classes.number[k] * classes.mass[k], classes.a[k], classes.c[k]
            number += classes.number[k]
            mass += part
            fall += part * fall_speed(classes.mass[k], a, c, density, viscosity)
            dense += part * classes.mass[k] / spheroid_volume(a, c)
    return (mass, number, fall / mass, dense / mass) if mass > 0.0 else (0.0, 0.0, 0.0, 0.0)
