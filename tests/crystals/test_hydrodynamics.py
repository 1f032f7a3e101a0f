"""lib.crystals.hydrodynamics: limits of the drag law, numbers and arrays."""

import math

import numpy as np
import pytest

from lib.crystals.hydrodynamics import GRAVITY, terminal_velocity

AIR, ETA = 0.45, 1.5e-5


def test_a_small_sphere_falls_as_stokes_says():
    diameter = 5e-6
    mass = 917 * math.pi / 6 * diameter**3
    stokes = mass * GRAVITY / (3 * math.pi * ETA * diameter)
    assert terminal_velocity(mass, diameter, 1.0, AIR, ETA) == pytest.approx(stokes, rel=0.15)


def test_a_millimetre_rosette_falls_at_a_speed_that_clouds_show():
    assert 0.4 < terminal_velocity(2e-8, 1e-3, 0.3, AIR, ETA) < 1.2


def test_less_area_and_more_mass_fall_faster_and_arrays_are_as_numbers():
    mass, area_ratio = np.array([1e-9, 2e-9, 1e-9]), np.array([0.4, 0.4, 0.2])
    speed = terminal_velocity(mass, np.full(3, 4e-4), area_ratio, AIR, ETA)
    assert speed[1] > speed[0] and speed[2] > speed[0]
    assert speed[0] == terminal_velocity(1e-9, 4e-4, 0.4, AIR, ETA)
    thin = terminal_velocity(1e-9, 4e-4, 0.3, AIR, ETA) / terminal_velocity(1e-9, 4e-4, 1.0, AIR, ETA)
    assert 1.35 < thin < 1.83  # A_r = 0.3: between large and small Reynolds numbers
