"""Rosettes as voxels in the frame of their picture.

The cube has the picture's side and its centre: x to the right, y up, z towards the eye. So whatever is read from a picture
belongs to the column of voxels behind it, and no orientation of the crystal has to be known. Tatarchenko et al. 2019 advise
this frame, in which a network can't get by with recognising an object and recalling its usual pose.
"""

from __future__ import annotations

import torch

from lib.imaging.draw.rasteriser import Rosettes, corners, frames, hexagons
from lib.imaging.draw.silhouette import cameras

#: Voxels along a side of the cube.
SIDE = 32
#: Distance of a unit hexagon's sides from its centre.
_APOTHEM = 0.75**0.5
#: Numbers held at once; more crystals are filled in parts.
_ROOM = 2**19


def occupancy(rosettes: Rosettes, orientations: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """Which voxels of the picture's cube have their centre inside the crystal, seen from the default view.

    Parameters
    ----------
    orientations : (B, 3, 3) rotation matrices, as in `lib.imaging.draw.rasteriser.coverage`

    Returns
    -------
    (B, side, side, side) bool, axes z (towards the eye), y (up) and x (right), on the device of `rosettes`.
    """
    step = max(1, _ROOM // (side**3 * rosettes.present.shape[1]))
    starts = range(0, len(rosettes), step)
    return torch.cat([_filled(rosettes[i : i + step], orientations[i : i + step], side) for i in starts])


@torch.no_grad()
def _filled(rosettes: Rosettes, orientations: torch.Tensor, side: int) -> torch.Tensor:
    """`occupancy` of as many rosettes as memory has room for."""
    camera = torch.as_tensor(cameras((0.0,))[0], dtype=orientations.dtype, device=orientations.device)
    frame = frames(corners(rosettes) @ orientations.mT[:, None], rosettes)
    points = grid(side, orientations) * (2 * frame.half_diagonal[:, None, None])  # (B, side^3, 3) in the camera's frame
    points = (points @ camera + frame.centre[:, None]) @ orientations  # in the crystal's own frame
    filled = inside(rosettes, points)
    return filled.unflatten(1, (side, side, side))


def grid(side: int, like: torch.Tensor) -> torch.Tensor:
    """Centres (side^3, 3) of the voxels of the unit cube about the origin as x, y, z; x changes fastest, then y."""
    line = (torch.arange(side, dtype=like.dtype, device=like.device) + 0.5) / side - 0.5
    return torch.cartesian_prod(line, line, line).flip(-1)


def inside(rosettes: Rosettes, points: torch.Tensor) -> torch.Tensor:
    """Which of the `points` (B, p, 3) [um] in the rosettes' own frames lie in a bullet or in the centre sphere: (B, p) bool.

    Across its axis a bullet is a hexagon, whose size grows from the tip along the pyramid and stays along the prism.
    """
    along = rosettes.directions @ points.mT - rosettes.tip[..., None]  # (B, n, p), from the tip
    first, second = hexagons(rosettes.directions, rosettes.roll + torch.pi / 6)[..., :2, :].div(_APOTHEM).unbind(-2)
    a, b = first @ points.mT, second @ points.mT
    across = torch.maximum(torch.maximum(a.abs(), b.abs()), (a - b).abs())  # size of the hexagon through the point
    widest, length = rosettes.basal[..., None], (rosettes.pyramid + rosettes.prism)[..., None]
    wide = torch.minimum(along * (widest / rosettes.pyramid[..., None]), widest)
    in_bullet = (across <= wide) & (along <= length)
    in_sphere = points.square().sum(-1) <= rosettes.sphere[:, None] ** 2
    return (in_bullet & rosettes.present[..., None]).any(1) | in_sphere
