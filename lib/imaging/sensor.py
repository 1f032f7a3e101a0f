"""The sensors of the probes whose pictures are read and made."""

from __future__ import annotations

#: Side of a native pixel of the Cloud Particle Imager, and of a pixel of the 2D-S [um].
CPI_PIXEL_UM, OAP_PIXEL_UM = 2.3, 10.0
