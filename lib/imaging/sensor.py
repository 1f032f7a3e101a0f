"""The sensors of the probes whose pictures are read and made."""

from __future__ import annotations

import math

#: Side of a native pixel of the Cloud Particle Imager, and of a pixel of the 2D-S [um].
CPI_PIXEL_UM, OAP_PIXEL_UM = 2.3, 10.0
#: Name of a probe -> side of its pixels [um]. The Cloud Imaging Probe (CIP) is built with two sizes.
PIXEL_UM = {"CPI": CPI_PIXEL_UM, "2D-S": OAP_PIXEL_UM, "CIP-15": 15.0, "CIP-25": 25.0}


def pixel_size_um(probe: str | float) -> float:
    """Side of the pixels [um] of a probe that is named as in `PIXEL_UM`, or whose pixels are given instead.

    Raises
    ------
    ValueError
        If it is neither a name of a probe nor a size of more than 0.
    """
    if probe in PIXEL_UM:
        return PIXEL_UM[str(probe)]
    try:
        size = float(probe)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise ValueError(f"probe: expected one of {', '.join(PIXEL_UM)} or the side of its pixels [um], got {probe!r}")
    return size
