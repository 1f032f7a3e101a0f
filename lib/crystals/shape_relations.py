"""How mass, projected area and capacitance of rosettes follow from their size: a few power laws, fitted to exact solids.

The largest dimension D is the diameter of the minimum bounding sphere, and rho_e the share of that sphere that is ice (see
`lib.crystals.solid.Targets`). All laws tend to the sphere's as rho_e goes to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.crystals.capacitance import area_ratio, capacitance
from lib.crystals.rosette import Rosette
from lib.crystals.solid import targets

#: The number of bullets for which the laws have no factor.
USUAL_BULLETS = 6


class PowerLaw(NamedTuple):
    """y = scale x^exponent (n / 6)^bullets for n bullets; `scatter` is the standard deviation of ln y about it."""

    scale: float
    exponent: float
    bullets: float
    scatter: float

    def __call__(self, x, n_bullets=USUAL_BULLETS):
        """y at `x` > 0, numbers or arrays."""
        return self.scale * x**self.exponent * (n_bullets / USUAL_BULLETS) ** self.bullets


class ShapeRelations(NamedTuple):
    """Three power laws of a family of crystals.

    Attributes
    ----------
    density : rho_e [1] of the largest dimension [um]
    area : projected area over that of the bounding sphere [1], of rho_e
    capacitance : capacitance over that of the bounding sphere [1], of rho_e
    """

    density: PowerLaw
    area: PowerLaw
    capacitance: PowerLaw


#: The laws of the 2025 model, fitted to 420 of its rosettes with 20,000 walks and lines each, 82 to 916 um; the tests fit others.
#: Mass goes with the power 2.09 of size.
ROSETTES = ShapeRelations(
    density=PowerLaw(9.193, -0.909, 0.761, 0.451),
    area=PowerLaw(1.0, 0.421, 0.311, 0.035),
    capacitance=PowerLaw(1.0, 0.170, 0.131, 0.028),
)


def measure_shapes(crystals: Sequence[Rosette], n_walks: int = 20_000, seed: int = 0) -> pd.DataFrame:
    """A row for each crystal: n_bullets, diameter_um of its bounding sphere, and rho_e, area and capacitance over the sphere's.

    Volume and sphere are exact; area and capacitance are means over `n_walks` lines and walks, to about 1 % with 20,000.
    """
    rows = []
    for number, crystal in enumerate(crystals):
        solid = crystal.solid()
        exact = targets(solid)
        lines, walks = area_ratio(solid, n_walks, [seed, number]), capacitance(solid, n_walks, [seed, number])
        rows.append((crystal.n_bullets, 2 * exact.radius, exact.rho_e, lines.value, walks.value / exact.radius))
    return pd.DataFrame(rows, columns=["n_bullets", "diameter_um", "rho_e", "area", "capacitance"])


def fit_relations(shapes: pd.DataFrame) -> ShapeRelations:
    """Least squares of the logarithms of `measure_shapes`; area and capacitance through the sphere (1 at rho_e = 1).

    Raises
    ------
    ValueError
        If there are fewer than four crystals, or all have the same size or number of bullets.
    """
    if len(shapes) < 4 or shapes.n_bullets.nunique() < 2 or shapes.diameter_um.nunique() < 2:
        raise ValueError("expected four or more crystals of different sizes and numbers of bullets")
    return ShapeRelations(
        _power_law(shapes.diameter_um, shapes.rho_e, shapes.n_bullets, through_one=False),
        _power_law(shapes.rho_e, shapes.area, shapes.n_bullets, through_one=True),
        _power_law(shapes.rho_e, shapes.capacitance, shapes.n_bullets, through_one=True),
    )


def _power_law(x, y, n_bullets, through_one: bool) -> PowerLaw:
    terms = np.column_stack([np.full(len(x), 0.0 if through_one else 1.0), np.log(x), np.log(n_bullets / USUAL_BULLETS)])
    (constant, exponent, bullets), *_ = np.linalg.lstsq(terms, np.log(y), rcond=None)
    rest = np.log(y) - terms @ [constant, exponent, bullets]
    return PowerLaw(float(np.exp(constant)), float(exponent), float(bullets), float(rest.std(ddof=2 if through_one else 3)))
