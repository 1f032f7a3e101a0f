"""lib.cirrus.kinematic.ice against PySDM's deposition of vapour on spheres, where PySDM is installed (pip install PySDM)."""

import math

import numpy as np
import pytest

from lib.cirrus.kinematic.ice import R_D, GrowthHabit, saturation_mixing_ratio, surroundings, swollen
from lib.cirrus.kinematic.population import Crystals, exchange, no_classes

pytest.importorskip("PySDM", reason="PySDM is not installed: pip install PySDM")

from PySDM import Formulae, Particulator
from PySDM.backends import CPU
from PySDM.dynamics import VapourDepositionOnIce
from PySDM.environments import Box

TEMPERATURE, PRESSURE, SUPERSATURATION, DENSITY = 228.0, 3e4, 0.2, 916.8
NUMBER, DT, STEPS = 5e4, 2.0, 1800


class Surrounded(Box):
    """A box whose air the crystals change."""

    def get_predicted(self, name):
        """What the air will be after the step."""
        return self[f"next {name}"]

    def step(self, particulator):
        """One time step, after which the predicted air is the air."""
        names = ("water_vapour_mixing_ratio", "thd", "rhod")
        for name in names:
            self[f"next {name}"] = self[name].to_ndarray()[0]
        particulator.advance(1)
        for name in names:
            self[name] = self[f"next {name}"].to_ndarray()[0]


def grown_by_pysdm(radius, coefficient):
    """Masses [kg] and vapour [kg kg-1] in the course of time."""
    formulae = Formulae(
        particle_shape_and_density="MixedPhaseSpheres", diffusion_coordinate="WaterMassLogarithm",
        saturation_vapour_pressure="MurphyKoop2005", latent_heat_sublimation="MurphyKoop2005", drop_growth="Mason1971",
        diffusion_ice_capacity="Spherical", diffusion_thermics="LoweEtAl2019", diffusion_ice_kinetics="Standard",
        constants={"MAC_ice": coefficient, "HAC_ice": 1.0, "C_cunn": 0.0},
    )  # fmt: skip
    vapour = (1 + SUPERSATURATION) * saturation_mixing_ratio(TEMPERATURE, PRESSURE)
    partial = PRESSURE * vapour / (vapour + formulae.constants.eps)
    density = (PRESSURE - partial) / (formulae.constants.Rd * TEMPERATURE)
    environment = Surrounded(dt=DT, dv=1.0, backend=CPU(formulae, n_dims=0))
    environment["rhod"], environment["water_vapour_mixing_ratio"] = density, vapour
    environment["thd"] = TEMPERATURE * (1e5 / (density * formulae.constants.Rd * TEMPERATURE)) ** (
        formulae.constants.Rd / formulae.constants.c_pd
    )
    for name in ("T", "p", "air density", "air dynamic viscosity"):
        environment[name] = {"T": TEMPERATURE, "p": PRESSURE, "air density": density, "air dynamic viscosity": 1.5e-5}[name]
    mass = 4 / 3 * math.pi * radius**3 * DENSITY
    particulator = Particulator(
        1, environment=environment, dynamics=(VapourDepositionOnIce(),),
        attributes={"multiplicity": np.array([round(NUMBER * density)]), "signed water mass": np.array([-mass])},
    )  # fmt: skip
    environment = particulator.environment
    masses, vapours = [], []
    for _ in range(STEPS):
        environment.step(particulator)
        masses.append(-particulator.attributes["signed water mass"].to_ndarray()[0])
        vapours.append(environment["water_vapour_mixing_ratio"].to_ndarray()[0])
    return np.array(masses), np.array(vapours)


def grown_here(radius, coefficient):
    """The same by this package."""
    solid = Crystals(coefficient, GrowthHabit(1.0, 1e12), 0.0, 0.1, 0.2, 1.0)
    temperature, vapour = TEMPERATURE, (1 + SUPERSATURATION) * saturation_mixing_ratio(TEMPERATURE, PRESSURE)
    classes = no_classes(1)
    classes.number[:], classes.mass[:] = NUMBER, 4 / 3 * math.pi * radius**3 * DENSITY
    classes.a[:] = classes.c[:] = radius
    masses, vapours = [], []
    for _ in range(STEPS):
        air = surroundings(temperature, PRESSURE, vapour, coefficient)
        lost = exchange(classes, 1, solid, air, DT)
        classes.a[0], classes.c[0] = swollen(classes.a[0], classes.c[0], classes.swelling[0], solid.habit)
        vapour, temperature = vapour - lost, temperature + air.latent_heat / 1004.0 * lost
        masses.append(classes.mass[0])
        vapours.append(vapour)
    return np.array(masses), np.array(vapours)


@pytest.mark.parametrize("coefficient", [0.01, 1.0])
def test_spheres_grow_as_in_pysdm(coefficient):
    """Both have the same diffusivity; conductivity, gas constants and the step are not quite the same."""
    radius = 20e-6
    theirs, ours = grown_by_pysdm(radius, coefficient), grown_here(radius, coefficient)
    assert ours[0][-1] > 5 * ours[0][0] and R_D == pytest.approx(287, rel=1e-3)
    assert ours[0] == pytest.approx(theirs[0], rel=0.02)
    assert ours[1] == pytest.approx(theirs[1], rel=0.004)
