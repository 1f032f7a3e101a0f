"""lib.cirrus.kinematic.ice: the physics of a single crystal against tables, limits, an exact solution and PySDM."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lib.cirrus.kinematic.ice import (
    HABITS,
    NEW_MASS,
    NEW_RADIUS,
    R_D,
    RHO_ICE,
    axes,
    conductivity,
    crystal_growth,
    deposition_density,
    diffusivity,
    fall_speed,
    grown,
    growth_rate,
    latent_heat,
    mean_supersaturation,
    saturation_mixing_ratio,
    saturation_pressure,
    spheroid_volume,
    surroundings,
    swollen,
    viscosity,
)
from lib.cirrus.kinematic.population import Crystals, active_share, exchange, no_classes, summed
from lib.crystals.capacitance import spheroid_capacitance
from lib.crystals.hydrodynamics import GRAVITY

TEMPERATURE, PRESSURE = 228.0, 3e4


def air(supersaturation=0.2, deposition_coefficient=0.1, temperature=TEMPERATURE):
    """Air at 300 hPa with some supersaturation over ice."""
    vapour = (1 + supersaturation) * saturation_mixing_ratio(temperature, PRESSURE)
    return surroundings(temperature, PRESSURE, vapour, deposition_coefficient)


def crystals(habit="bullet rosette", **changes):
    """Properties of crystals."""
    return Crystals(0.1, HABITS[habit], 1e5, 0.15, 0.45, 1.0)._replace(**changes)


@pytest.mark.parametrize(("temperature", "pressure"), [(180, 0.0053975), (210, 0.70202), (240, 27.272), (273.16, 611.657)])
def test_saturation_pressure_is_that_of_the_paper_s_table(temperature, pressure):
    assert saturation_pressure(temperature) == pytest.approx(pressure, rel=2e-5)


def test_properties_of_air_are_those_of_the_handbooks():
    assert latent_heat(273.15) == pytest.approx(2.834e6, rel=1e-3)
    assert diffusivity(273.15, 101325.0) == pytest.approx(2.11e-5)
    assert conductivity(273.15) == pytest.approx(0.0238, rel=0.01)
    assert viscosity(273.15) == pytest.approx(1.72e-5, rel=0.01)
    assert viscosity(228.0) == pytest.approx(1.48e-5, rel=0.01)


@pytest.mark.parametrize("habit", HABITS)
def test_axes_grow_in_the_ratio_of_the_habit(habit):
    ratio = HABITS[habit].growth_ratio
    volumes = 4 / 3 * math.pi * NEW_RADIUS**3 * np.array([1.0, 10.0, 1e4])
    a, c = np.array([axes(volume, ratio) for volume in volumes]).T
    assert a[0] == pytest.approx(NEW_RADIUS) and c[0] == pytest.approx(NEW_RADIUS)
    assert spheroid_volume(a, c) == pytest.approx(volumes)
    assert np.diff(np.log(c)) / np.diff(np.log(a)) == pytest.approx(ratio)


def test_a_crystal_that_shrinks_keeps_its_shape():
    a, c = swollen(1e-4, 3e-4, 0.5, HABITS["plate"])
    assert c / a == pytest.approx(3) and spheroid_volume(a, c) == pytest.approx(0.5 * spheroid_volume(1e-4, 3e-4))


def test_vapour_is_deposited_less_densely_where_there_is_more_of_it():
    densities = [deposition_density(supersaturation, 0.3) for supersaturation in (-0.1, 0.0, 0.1, 0.3, 5.0)]
    assert densities[:2] == [RHO_ICE, RHO_ICE] and densities[-1] == 100
    assert densities[3] == pytest.approx(RHO_ICE / math.e) and densities[2] > densities[3]


def test_large_crystals_grow_by_diffusion_and_small_ones_by_kinetics():
    here = air()
    assert growth_rate(1e-2, here) / growth_rate(2e-2, here) == pytest.approx(0.5, rel=1e-3)
    assert growth_rate(1e-9, here) / growth_rate(2e-9, here) == pytest.approx(0.25, rel=1e-2)
    assert growth_rate(1e-6, air(deposition_coefficient=1.0)) > 3 * growth_rate(1e-6, air(deposition_coefficient=0.01))


def test_small_spheres_fall_after_stokes():
    radius = 1e-6
    density, eta = PRESSURE / (R_D * TEMPERATURE), viscosity(TEMPERATURE)
    stokes = 2 / 9 * radius**2 * GRAVITY * RHO_ICE / eta
    speed = fall_speed(4 / 3 * math.pi * radius**3 * RHO_ICE, radius, radius, density, eta)
    assert speed == pytest.approx(stokes * 24 / (0.35 * 64), rel=0.02)  # the formula has 22.4 for Stokes' 24


def test_fall_speeds_are_those_that_cirrus_shows():
    density, eta = PRESSURE / (R_D * TEMPERATURE), viscosity(TEMPERATURE)

    def speed(length_um, dense):
        radius = length_um / 2e6
        return fall_speed(4 / 3 * math.pi * radius**3 * dense, radius, radius, density, eta)

    assert 0.2 < speed(200, 200) < 0.6 < speed(500, 200) < 1.6
    assert speed(200, 400) > speed(200, 200)


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("supersaturation", [0.05, 0.3])
def test_one_crystal_grows_as_the_differential_equation_says(habit, supersaturation):
    here, nature = air(supersaturation), HABITS[habit]
    dense = deposition_density(supersaturation, nature.hollowness)

    def rates(_, state):
        mass, volume = np.exp(state)
        rate = growth_rate(spheroid_capacitance(*axes(volume, nature.growth_ratio)), here) * supersaturation
        return [rate / mass, rate / dense / volume]

    times = np.arange(600.0, 3601.0, 600.0)
    exact = solve_ivp(rates, (0, 3600), np.log([NEW_MASS, NEW_MASS / RHO_ICE]), t_eval=times, rtol=1e-10, method="LSODA").y
    mass, a, c, found = NEW_MASS, NEW_RADIUS, NEW_RADIUS, []
    for step in range(360):
        mass, swelling = grown(mass, a, c, growth_rate(spheroid_capacitance(a, c), here), supersaturation, nature, here, 10.0)
        a, c = swollen(a, c, swelling, nature)
        if (step + 1) % 60 == 0:
            found.append((mass, spheroid_volume(a, c)))
    assert np.array(found).T == pytest.approx(np.exp(exact), rel=1e-3)


def test_a_crystal_sublimates_away_with_its_own_density():
    here, nature = air(-0.3), HABITS["bullet rosette"]
    mass, radius = 1e-11, (1e-11 / 300 * 3 / 4 / math.pi) ** (1 / 3)
    a = c = radius
    for _ in range(200):
        mass, swelling = grown(mass, a, c, growth_rate(spheroid_capacitance(a, c), here), -0.3, nature, here, 10.0)
        if mass == 0.0:
            break
        a, c = swollen(a, c, swelling, nature)
        assert mass / spheroid_volume(a, c) == pytest.approx(300)
    assert mass == swelling == 0.0


def test_supersaturation_relaxes_to_its_exponential_mean():
    here, uptake, dt = air(0.2), 4e-6, 30.0
    times = dt * uptake * (1 + here.latent_heat**2 * here.saturation / (1004 * 461.5 * TEMPERATURE**2)) / here.saturation
    steps = np.linspace(0, times, 100001)
    assert mean_supersaturation(here, uptake, dt) == pytest.approx(0.2 * np.exp(-steps).mean(), rel=1e-4)
    assert mean_supersaturation(here, 0.0, dt) == here.supersaturation == pytest.approx(0.2)


def test_exchange_gives_the_crystals_what_the_vapour_loses():
    classes = no_classes(3)
    classes.number[:], classes.mass[:] = [1e4, 0.0, 2e4], [1e-12, 1.0, 1e-10]
    for k in range(3):
        classes.a[k], classes.c[k] = axes(classes.mass[k] / 500, 1.0)
    before = (classes.number * classes.mass).sum()
    lost = exchange(classes, 3, crystals(), air(0.2), 10.0)
    assert lost > 0 and (classes.number * classes.mass).sum() - before == pytest.approx(lost, rel=1e-12)
    assert classes.mass[1] == 1.0 and (classes.swelling[[0, 2]] > 1).all()


def test_crowded_crystals_never_take_more_than_the_excess():
    classes = no_classes(1)
    classes.number[:], classes.mass[:] = 1e8, 1e-11
    classes.a[0], classes.c[0] = axes(1e-11 / 500, 1.0)
    here = air(0.2)
    lost = exchange(classes, 1, crystals(), here, 10.0)
    assert 0.5 * 0.2 * here.saturation < lost < 0.2 * here.saturation


def test_nuclei_become_active_between_two_supersaturations():
    assert [active_share(value, crystals()) for value in (-0.1, 0.15, 0.3, 0.45, 2.0)] == pytest.approx([0, 0, 0.5, 1, 1])


def test_sums_are_weighted_by_mass():
    classes, (density, eta) = no_classes(2), (0.45, 1.5e-5)
    classes.number[:], classes.mass[:] = [3e4, 1e4], [1e-11, 1e-9]
    classes.a[:], classes.c[:] = axes(1e-11 / 900, 1.0)[0], axes(1e-11 / 900, 1.0)[1]
    classes.a[1], classes.c[1] = axes(1e-9 / 300, 1.0)
    mass, number, speed, dense = summed(classes, 2, density, eta)
    assert (mass, number) == pytest.approx((3e-7 + 1e-5, 4e4)) and dense == pytest.approx((3e-7 * 900 + 1e-5 * 300) / mass)
    speeds = [fall_speed(classes.mass[k], classes.a[k], classes.c[k], density, eta) for k in range(2)]
    assert speed == pytest.approx(np.dot([3e-7, 1e-5], speeds) / mass)
    assert summed(classes, 0, density, eta) == (0, 0, 0, 0)


def test_growth_curves_show_what_habit_and_kinetics_do():
    minutes = np.arange(0, 31.0, 10)
    rosette, column, slow = (
        crystal_growth(*kind, TEMPERATURE, PRESSURE, 0.2, minutes)
        for kind in (("bullet rosette", 1.0), ("solid column", 1.0), ("bullet rosette", 0.005))
    )
    assert rosette["length"][0] == pytest.approx(2e6 * NEW_RADIUS) and (np.diff(rosette["length"]) > 0).all()
    assert rosette["density"][-1] < 500 < 900 < column["density"][-1]
    assert slow["length"][-1] < rosette["length"][-1] and column["speed"][-1] > 0.1
