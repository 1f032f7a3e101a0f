"""How fast ice falls: the terminal velocity of a crystal of any shape from its mass, size and projected area. SI units."""

from __future__ import annotations

import math

import numba
import numpy as np

#: Acceleration of gravity [m s-2].
GRAVITY = 9.81
#: Constants of the drag: the boundary layer's, and the drag of the inviscid flow [1].
_DELTA_0, _C_0 = 8.0, 0.35


@numba.njit(cache=True, nogil=True, error_model="numpy")
def terminal_velocity(mass, diameter, area_ratio, density, viscosity):
    """Fall speed [m s-1], downward, of ice particles; numbers or arrays.

    Heymsfield & Westbrook 2010, equations 5 to 8, doi:10.1175/2010JAS3379.1.

    Parameters
    ----------
    mass, diameter : mass and maximum dimension [kg, m]
    area_ratio : projected area over that of the circle of this diameter [1]
    density, viscosity : of the air [kg m-3, Pa s]
    """
    best = density * 8.0 * mass * GRAVITY / (viscosity**2 * math.pi * np.sqrt(area_ratio))
    reynolds = 16.0 * (np.sqrt(1.0 + 4.0 * np.sqrt(best) / (_DELTA_0**2 * math.sqrt(_C_0))) - 1.0) ** 2
    return viscosity * reynolds / (density * diameter)
