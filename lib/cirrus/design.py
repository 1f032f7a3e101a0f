"""Designs of ensembles: which values the varied parameters take in each member."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import qmc


def latin_hypercube(ranges: Mapping[str, tuple[float, float]], n_members: int, seed: int, log: bool = True) -> pd.DataFrame:
    """Design of an ensemble: a row for each member ("m000", ...), a column for each parameter, such as "group:key" of a namelist.

    Every parameter's range is cut into `n_members` equal parts, each of which has one member in it (McKay et al. 1979,
    doi:10.2307/1268522); parts are equal in the logarithm, or (`log` False) in the value.

    Raises
    ------
    ValueError
        If a range is not ascending, or not positive with `log`.
    """
    low, high = np.array(list(ranges.values()), float).T
    for name, first, last in zip(ranges, low, high, strict=True):
        if not first < last or (log and first <= 0):
            raise ValueError(f"{name}: expected an ascending range{' above zero' if log else ''}, got {first:g} to {last:g}.")
    unit = qmc.LatinHypercube(len(ranges), seed=seed).random(n_members)
    values = low * (high / low) ** unit if log else low + (high - low) * unit
    digits = max(3, len(str(n_members - 1)))
    return pd.DataFrame(values, [f"m{member:0{digits}}" for member in range(n_members)], list(ranges))
