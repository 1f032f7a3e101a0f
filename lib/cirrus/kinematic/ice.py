"""Physics of a single ice crystal: saturation, growth by vapour, shape, fall speed. One for all three microphysics.

A crystal is a spheroid of some mass and volume, which holds ice and air. Its habit tells how its axes grow and how densely
vapour is deposited. All functions but the last are compiled and take numbers; what many crystals do together is in
`lib.cirrus.kinematic.population`. SI units.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from lib.crystals.capacitance import spheroid_capacitance
from lib.crystals.hydrodynamics import terminal_velocity

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

#: Density of solid ice [kg m-3].
RHO_ICE = 917.0
#: Gas constants of dry air and of water vapour [J kg-1 K-1], and heat capacity of air [J kg-1 K-1].
R_D, R_V, C_P = 287.04, 461.5, 1004.0
#: Radius [m] and mass [kg] of a crystal that has just been nucleated.
NEW_RADIUS = 2e-6
NEW_MASS = 4 / 3 * math.pi * NEW_RADIUS**3 * RHO_ICE
#: A crystal a thousand times lighter than that is gone: its mass to the power of 2/3 [kg2/3].
_LEAST = (NEW_MASS / 1000) ** (2 / 3)


class GrowthHabit(NamedTuple):
    """How crystals grow.

    Attributes
    ----------
    growth_ratio : growth of the polar over that of the equatorial axis, d ln c / d ln a [1]
    hollowness : supersaturation over ice at which vapour is deposited with 1/e of the density of ice [1]; the larger, the
        more solid
    """

    growth_ratio: float
    hollowness: float


#: Name -> habit. The growth ratios are of the order that Chen & Lamb (1994, doi:10.1175/1520-0469(1994)051<1206:TTBFTP>2.0.CO;2)
#: give for columns and plates.
HABITS = {
    "solid column": GrowthHabit(1.4, 1e9),
    "bullet rosette": GrowthHabit(1.0, 0.3),
    "plate": GrowthHabit(0.6, 1.0),
}


class Surroundings(NamedTuple):
    """The air around crystals.

    Attributes
    ----------
    temperature, pressure : [K, Pa]
    supersaturation : over ice [1]
    saturation : mixing ratio of vapour at saturation over ice [kg kg-1]
    latent_heat : of sublimation [J kg-1]
    diffusivity, conductivity : of vapour and heat [m2 s-1, W m-1 K-1]
    vapour_speed, heat_speed : how fast molecules bring vapour and heat to a surface [m s-1, W m-2 K-1]: the kinetic limits
    vapour_resistance, heat_resistance : what opposes growth where diffusivity and conductivity are 1
    """

    temperature: float
    pressure: float
    supersaturation: float
    saturation: float
    latent_heat: float
    diffusivity: float
    conductivity: float
    vapour_speed: float
    heat_speed: float
    vapour_resistance: float
    heat_resistance: float


@compiled
def saturation_pressure(temperature):
    """Vapour pressure of ice [Pa] at 110 to 273 K; Murphy & Koop 2005, equation 7, doi:10.1256/qj.04.94."""
    return math.exp(9.550426 - 5723.265 / temperature + 3.53068 * math.log(temperature) - 0.00728332 * temperature)


@compiled
def saturation_mixing_ratio(temperature, pressure):
    """Mixing ratio of vapour at saturation over ice [kg kg-1]."""
    vapour = saturation_pressure(temperature)
    return R_D / R_V * vapour / (pressure - vapour)


@compiled
def latent_heat(temperature):
    """Latent heat of sublimation [J kg-1]; Murphy & Koop 2005, equation 5."""
    last = 541.5 * math.exp(-((temperature / 123.75) ** 2))
    return (46782.5 + 35.8925 * temperature - 0.07414 * temperature**2 + last) / 0.01801528


@compiled
def diffusivity(temperature, pressure):
    """Diffusivity of vapour in air [m2 s-1]; Hall & Pruppacher 1976, doi:10.1175/1520-0469(1976)033<1995:TSOIPF>2.0.CO;2."""
    return 2.11e-5 * (temperature / 273.15) ** 1.94 * (101325.0 / pressure)


@compiled
def conductivity(temperature):
    """Thermal conductivity of air [W m-1 K-1]; Pruppacher & Klett 1997, equation 13-18a."""
    return 4.1868e-3 * (5.69 + 0.017 * (temperature - 273.15))


@compiled
def viscosity(temperature):
    """Dynamic viscosity of air [Pa s]; Sutherland's formula with the constants of Rogers & Yau 1989."""
    return 1.72e-5 * (393.0 / (temperature + 120.0)) * (temperature / 273.0) ** 1.5


@compiled
def surroundings(temperature, pressure, vapour, deposition_coefficient):
    """The air around crystals.

    Parameters
    ----------
    temperature, pressure : [K, Pa]
    vapour : mixing ratio [kg kg-1]
    deposition_coefficient : share of the vapour molecules that stay where they hit the surface [1]
    """
    at_ice, heat = saturation_pressure(temperature), latent_heat(temperature)
    saturation = R_D / R_V * at_ice / (pressure - at_ice)
    return Surroundings(
        temperature, pressure,
        vapour / saturation - 1.0, saturation, heat,
        diffusivity(temperature, pressure), conductivity(temperature),
        deposition_coefficient * math.sqrt(R_V * temperature / (2 * math.pi)),
        C_P * pressure / math.sqrt(2 * math.pi * R_D * temperature),
        R_V * temperature / at_ice,
        heat / temperature * (heat / (R_V * temperature) - 1.0),
    )  # fmt: skip


@compiled
def deposition_density(supersaturation, hollowness):
    """Density with which vapour is deposited [kg m-3]: that of ice, less the hollower crystals grow in more vapour.

    An exponential decrease, as Chen & Lamb 1994 found it; here in supersaturation, and never below 100 kg m-3.
    """
    return max(100.0, RHO_ICE * math.exp(-max(supersaturation, 0.0) / hollowness))


@compiled
def spheroid_volume(a, c):
    """Volume [m3] of a spheroid with equatorial semi-axis `a` and polar semi-axis `c` [m]."""
    return 4 / 3 * math.pi * a * a * c


@compiled
def reshaped(a, c, ratio, growth_ratio):
    """Semi-axes [m] of a spheroid whose volume has become `ratio` times as large, while d ln c = growth_ratio d ln a.

    Chen & Lamb 1994, equation 6: the logarithm of the volume grows by (2 + growth_ratio) d ln a.
    """
    if growth_ratio == 1.0:  # much the fastest, and rosettes need nothing else
        wider = np.cbrt(ratio)
        return a * wider, c * wider
    wider = ratio ** (1.0 / (2.0 + growth_ratio))
    return a * wider, c * wider**growth_ratio


@compiled
def axes(volume, growth_ratio):
    """Semi-axes [m] of a crystal of some volume [m3] that began as a sphere of `NEW_RADIUS`."""
    return reshaped(NEW_RADIUS, NEW_RADIUS, volume / (NEW_MASS / RHO_ICE), growth_ratio)


@compiled
def growth_rate(size, air):
    """Growth of a crystal over the supersaturation [kg s-1], for a capacitance `size` [m].

    Pruppacher & Klett 1997, equation 13-76, with diffusivity and conductivity reduced by the kinetics at the surface as in
    their equations 13-14 and 13-20 (without the vapour jump length). No ventilation. All of the accommodation coefficient for
    heat is 1.
    """
    diffusion = air.diffusivity / (1.0 + air.diffusivity / (size * air.vapour_speed))
    conduction = air.conductivity / (1.0 + air.conductivity / (size * air.heat_speed))
    return 4 * math.pi * size / (air.vapour_resistance / diffusion + air.heat_resistance / conduction)


@compiled
def fall_speed(mass, a, c, density, viscosity):
    """Fall speed [m s-1], downward, of a spheroid with semi-axes `a` and `c` [m] that falls with its broad side down.

    `density` and `viscosity` are those of the air [kg m-3, Pa s]; see `lib.crystals.hydrodynamics.terminal_velocity`.
    """
    return terminal_velocity(mass, 2 * max(a, c), min(1.0, a / c), density, viscosity)


@compiled
def mean_supersaturation(air, uptake, dt):
    """Mean supersaturation over ice [1] of a time step `dt` [s] in which crystals take up vapour.

    It relaxes exponentially as vapour is used up and the air is warmed, while crystals keep their size; `uptake` is the sum of
    their growth over supersaturation [s-1], per mass of air.
    """
    feedback = 1.0 + air.latent_heat**2 * air.saturation / (C_P * R_V * air.temperature**2)
    times = dt * uptake * feedback / air.saturation
    return air.supersaturation * (-math.expm1(-times) / times if times > 1e-12 else 1.0)


@compiled
def grown(mass, a, c, rate, supersaturation, habit, air, dt):
    """Mass [kg] after `dt` [s] at a constant supersaturation, and volume over the volume before; zeros if all sublimates.

    The power 2/3 of the mass grows almost evenly: the midpoint method is used on it. Vapour is deposited with the density and the
    growth ratio of the habit; ice leaves with the crystal's own density and, within the step, shape. Only who follows the axes
    (super-particles) keeps the shape from step to step; in bulk and bins it follows from the volume (`axes`).

    Parameters
    ----------
    mass, a, c : of the crystal [kg], its equatorial and polar semi-axis [m]
    rate : growth over supersaturation at the start [kg s-1]
    supersaturation : mean over the step [1]
    """
    volume = spheroid_volume(a, c)
    dense = deposition_density(supersaturation, habit.hollowness) if supersaturation > 0.0 else mass / volume
    root = np.cbrt(mass)
    half = root * root + dt / 3 * rate * supersaturation / root
    if half <= 0.0:
        return 0.0, 0.0
    root_half = math.sqrt(half)
    a, c = swollen(a, c, 1.0 + (half * root_half - mass) / (dense * volume), habit)
    power = root * root + dt * 2 / 3 * growth_rate(spheroid_capacitance(a, c), air) * supersaturation / root_half
    if power <= _LEAST:
        return 0.0, 0.0
    new = power * math.sqrt(power)
    return new, 1.0 + (new - mass) / (dense * volume)


@compiled
def swollen(a, c, swelling, habit):
    """Semi-axes [m] after the volume has become `swelling` times as large: a crystal that shrinks keeps its shape."""
    return reshaped(a, c, swelling, habit.growth_ratio if swelling > 1.0 else 1.0)


def crystal_growth(
    habit: str, deposition_coefficient: float, temperature: float, pressure: float, supersaturation: float, minutes: np.ndarray
) -> dict[str, np.ndarray]:
    """How one new crystal grows where nothing changes: "length" [um], "density" [kg m-3] and "speed" [m s-1] at some `minutes`.

    Parameters
    ----------
    habit : of `HABITS`
    deposition_coefficient : share of the vapour molecules that stay where they hit the crystal [1]
    temperature, pressure, supersaturation : of the air [K, Pa], over ice [1]
    minutes : ascending times since nucleation [min]
    """
    vapour = (1 + supersaturation) * saturation_mixing_ratio(temperature, pressure)
    air, dt = surroundings(temperature, pressure, vapour, deposition_coefficient), 1.0
    mass, a, c, time, found = NEW_MASS, NEW_RADIUS, NEW_RADIUS, 0.0, []
    for minute in minutes:
        while time < 60 * minute - dt / 2:
            rate = growth_rate(spheroid_capacitance(a, c), air)
            mass, swelling = grown(mass, a, c, rate, supersaturation, HABITS[habit], air, dt)
            a, c = swollen(a, c, swelling, HABITS[habit])
            time += dt
        speed = fall_speed(mass, a, c, pressure / (R_D * temperature), viscosity(temperature))
        found.append((2e6 * max(a, c), mass / spheroid_volume(a, c), speed))
    return dict(zip(("length", "density", "speed"), np.array(found).T, strict=True))
