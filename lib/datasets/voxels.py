"""Rosettes as voxels in the frame of their picture.

The cube has the picture's side and its centre: x to the right, y up, z towards the eye. So whatever is read from a picture
belongs to the column of voxels behind it, and no orientation of the crystal has to be known. Tatarchenko et al. 2019 advise
this frame, in which a network can't get by with recognising an object and recalling its usual pose.
"""

from __future__ import annotations

import torch

from lib.datasets.polyhedra import fill_voxels, polyhedra
from lib.imaging.draw.rasteriser import Rosettes

#: Voxels along a side of the cube, and of the fine one that thin bullets need.
SIDE, FINE = 32, 64


def occupancy(rosettes: Rosettes, orientations: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """Which voxels of the picture's cube have their centre inside the crystal, seen from the default view.

    Parameters
    ----------
    orientations : (B, 3, 3) rotation matrices, as in `lib.imaging.draw.rasteriser.coverage`

    Returns
    -------
    (B, side, side, side) bool, axes z (towards the eye), y (up) and x (right), on the device of `rosettes`.
    """
    return torch.from_numpy(fill_voxels(polyhedra(rosettes, orientations), side)).to(rosettes.sphere.device)


def grid(side: int, like: torch.Tensor) -> torch.Tensor:
    """Centres (side^3, 3) of the voxels of the unit cube about the origin as x, y, z; x changes fastest, then y."""
    line = (torch.arange(side, dtype=like.dtype, device=like.device) + 0.5) / side - 0.5
    return torch.cartesian_prod(line, line, line).flip(-1)


def coarse(voxels: torch.Tensor) -> torch.Tensor:
    """Voxels (B, s, s, s) bool at half the resolution: those of whose eight parts at least half are filled.

    >>> coarse(torch.eye(4, dtype=torch.bool).expand(1, 4, 4, 4))[0, 0].tolist()
    [[True, False], [False, True]]
    """
    side = voxels.shape[-1] // 2
    return voxels.reshape(-1, side, 2, side, 2, side, 2).sum((2, 4, 6)) >= 4


def fine(voxels: torch.Tensor) -> torch.Tensor:
    """The same solids (B, s, s, s) at twice the resolution, each voxel as eight."""
    return voxels.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
