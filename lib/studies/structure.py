"""How far apart the schemes of the kinematic cirrus are, beside what parameters and chance do: which pairs to compare."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import xarray as xr

from lib.cirrus.kinematic.simulation import Comparison
from lib.datasets.cirrus_fields import CHANNELS

#: Kind of the members whose parameters vary.
ENSEMBLE = "bulk ensemble"
FINER = "finer"


class Clouds(NamedTuple):
    """All simulations of a comparison as the members of one `ensemble`, without the first time, and the `kind` of each.

    Kinds are `ENSEMBLE`, the names of the schemes (the compared case first), such as "bulk, other seeds", and `FINER`.
    """

    ensemble: xr.Dataset
    kind: np.ndarray

    def rows(self, kind: str) -> np.ndarray:
        """Rows of the members of one kind."""
        return np.flatnonzero(self.kind == kind)


def clouds(simulations: Comparison) -> Clouds:
    """The simulations of a comparison in one ensemble, those in the bulk scheme that its ensemble has too taken once."""
    sets = {ENSEMBLE: simulations.bulk} | simulations.schemes
    sets["bulk"] = sets["bulk"].isel(member=[0])
    for what, schemes in {"seeds": simulations.seeds, "flows": simulations.flows}.items():
        sets |= {f"{scheme}, other {what}": ice for scheme, ice in schemes.items()}
    sets[FINER] = simulations.finer
    parts = [ice[list(CHANNELS)].reset_coords(drop=True).isel(time=slice(1, None)) for ice in sets.values()]
    return Clouds(xr.concat(parts, "member"), np.repeat(list(sets), [ice.sizes["member"] for ice in parts]))


def case_rows(clouds: Clouds, schemes: list[str]) -> np.ndarray:
    """Rows of the compared case in all schemes, with all seeds, in all flows and with more super-particles."""
    others = [clouds.rows(kind) for kind in dict.fromkeys(clouds.kind) if "other" in kind]
    return np.concatenate([[clouds.rows(scheme)[0] for scheme in schemes], *others, clouds.rows(FINER)])


def nearest_pairs(clouds: Clouds, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the members of the ensemble, and of the one with the nearest `parameters` (member, p) for each."""
    rows = clouds.rows(ENSEMBLE)
    gaps = np.linalg.norm(parameters[:, None] - parameters, axis=-1)
    np.fill_diagonal(gaps, np.inf)
    return rows, rows[gaps.argmin(axis=1)]


def compared_pairs(clouds: Clouds, schemes: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows by what they differ in: chance, how many super-particles there are, and the scheme."""
    case = {scheme: clouds.rows(scheme)[:1] for scheme in schemes}
    pairs = {
        kind.replace("other", "two"): (case[kind.split(",")[0]], clouds.rows(kind))
        for kind in dict.fromkeys(clouds.kind)
        if "other" in kind
    }
    pairs["lagrangian, more particles"] = case["lagrangian"], clouds.rows(FINER)
    pairs["bulk and lagrangian, more particles"] = case["bulk"], clouds.rows(FINER)
    return pairs | {f"{one} and {other}": (case[one], case[other]) for one, other in combinations(schemes, 2)}
