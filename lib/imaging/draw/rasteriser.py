"""Silhouettes of rosettes on any torch device: many at once, exact as counts of sub-samples or soft with gradients.

A bullet is convex, so its projection is a convex polygon, and every side of that polygon is a projected edge of the bullet.
The edges run in ten directions only: three sides of the hexagon, the axis, and six edges of the pyramid. The polygon is
therefore the intersection of ten *slabs*, each between the two lines of one of these directions that touch the bullet.
Neither a convex hull nor a sort is needed, and all bullets of all crystals take the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import normalize, softplus

from lib.crystals.rosette import Rosette
from lib.imaging.draw.silhouette import SAMPLE_X, SIZE, cameras

#: Numbers held at once by an exact drawing; more crystals are drawn in parts.
_ROOM = 2**24


@dataclass(frozen=True)
class Rosettes:
    """B rosettes, padded to a common number n of bullets; lengths in um, axes and angles as in `lib.crystals.rosette`.

    `directions` (B, n, 3) unit vectors; `roll` [rad], `basal`, `prism`, `pyramid` and `tip` (B, n); `sphere` (B,) the radius
    of the centre sphere; `present` (B, n) bool, which bullets count. What stands at the others must be finite.
    """

    directions: torch.Tensor
    roll: torch.Tensor
    basal: torch.Tensor
    prism: torch.Tensor
    pyramid: torch.Tensor
    tip: torch.Tensor
    sphere: torch.Tensor
    present: torch.Tensor

    def __len__(self) -> int:
        return len(self.sphere)

    def __getitem__(self, rows) -> Rosettes:
        """The rosettes `rows` (a slice, or a tensor of indices)."""
        return Rosettes(*(values[rows] for values in vars(self).values()))


def stack(crystals: list[Rosette], device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> Rosettes:
    """Rosettes as one batch on `device`, padded with bullets that are not present.

    >>> from lib.crystals.rosette import sample
    >>> stack(sample(5, seed=0)).directions.shape
    torch.Size([5, 8, 3])
    """
    if not crystals:
        raise ValueError("expected at least one rosette")
    counts = np.array([crystal.n_bullets for crystal in crystals])
    present = np.arange(counts.max()) < counts[:, None]
    directions = np.zeros((*present.shape, 3))
    directions[..., 2] = 1
    directions[present] = np.concatenate([crystal.directions for crystal in crystals])
    lengths = np.ones((5, *present.shape))
    for values, name in zip(lengths, ("roll", "basal_um", "prism_um", "pyramid_um", "tip_um"), strict=True):
        values[present] = np.concatenate([getattr(crystal, name) for crystal in crystals])
    sphere = np.array([crystal.sphere_um for crystal in crystals])
    numbers = (torch.as_tensor(values, dtype=dtype, device=device) for values in (directions, *lengths, sphere))
    return Rosettes(*numbers, torch.as_tensor(present, device=device))


def unstack(rosettes: Rosettes) -> list[Rosette]:
    """The batch as single rosettes with solid bullets, whose base parameters are not known."""
    crystals = []
    for i, present in enumerate(rosettes.present.cpu().numpy()):
        values = {name: getattr(rosettes, name)[i].detach().cpu().double().numpy() for name in vars(rosettes)}
        lengths = [values[name][present] for name in ("basal", "prism", "pyramid", "tip", "roll")]
        hollow = np.zeros(present.sum())
        crystals.append(Rosette({}, float(values["sphere"]), values["directions"][present], *lengths, hollow))
    return crystals


def hexagons(axes: torch.Tensor, roll: torch.Tensor) -> torch.Tensor:
    """Corners (..., 6, 3) of unit hexagons normal to `axes` (..., 3), turned about them by `roll` (...) [rad]."""
    x, y, z = axes.unbind(-1)
    lean = torch.where(z >= 0, 1.0, -1.0)  # Duff et al. 2017, Journal of Computer Graphics Techniques 6(1), 1-8
    a = -1 / (lean + z)
    first = torch.stack([1 + lean * x * x * a, lean * x * y * a, -lean * x], -1)
    second = torch.stack([x * y * a, lean + y * y * a, -y], -1)
    angle = roll[..., None] + torch.arange(6, dtype=axes.dtype, device=axes.device) * (torch.pi / 3)
    return angle.cos()[..., None] * first[..., None, :] + angle.sin()[..., None] * second[..., None, :]


def corners(rosettes: Rosettes) -> torch.Tensor:
    """Corners (B, n, 13, 3) of the bullets [um]: the tip, the pyramid's hexagon, the outer hexagon."""
    hexagon = hexagons(rosettes.directions, rosettes.roll) * rosettes.basal[..., None, None]
    axis = rosettes.directions[..., None, :]
    tip = rosettes.tip[..., None, None]
    inner = tip + rosettes.pyramid[..., None, None]
    outer = inner + rosettes.prism[..., None, None]
    return torch.cat([tip * axis, hexagon + inner * axis, hexagon + outer * axis], -2)


class Frames(NamedTuple):
    """Where the pictures of B rosettes lie: `centre` (B, 3) of the turned crystal's box and `half_diagonal` (B,) [um]."""

    centre: torch.Tensor
    half_diagonal: torch.Tensor


def frames(turned: torch.Tensor, rosettes: Rosettes) -> Frames:
    """The axis-aligned boxes around rosettes with the turned corners (B, n, 13, 3) and their centre spheres."""
    points = torch.where(rosettes.present[..., None, None], turned, 0.0).flatten(1, 2)
    sphere = rosettes.sphere[:, None]
    low, high = torch.minimum(points.amin(1), -sphere), torch.maximum(points.amax(1), sphere)
    return Frames((low + high) / 2, (high - low).norm(dim=1) / 2)


class _Projected(NamedTuple):
    """In pixels from a picture's upper left corner: corners (B, V, n, 13, 2), disc centre (B, V, 2) and radius (B,)."""

    corners: torch.Tensor
    disc: torch.Tensor
    radius: torch.Tensor
    pixel_um: torch.Tensor


def _project(rosettes: Rosettes, orientations: torch.Tensor, angles_deg, size: int, pixel_um: float | None) -> _Projected:
    """The rosettes as they lie in the pictures of the views; arguments as in `coverage`."""
    if orientations.shape != (len(rosettes), 3, 3):
        raise ValueError(f"orientations: expected ({len(rosettes)}, 3, 3), one a rosette, got {tuple(orientations.shape)}")
    turned = corners(rosettes) @ orientations.mT[:, None]
    centre, half_diagonal = frames(turned, rosettes)
    pixel = 2 * half_diagonal / size if pixel_um is None else torch.full_like(half_diagonal, pixel_um)
    to_picture = torch.as_tensor(cameras(angles_deg)[:, :2] * [[1], [-1]], dtype=turned.dtype, device=turned.device)
    to_pixels = to_picture / pixel[:, None, None, None]  # (B, V, 2, 3)
    flat = (turned - centre[:, None, None]).flatten(1, 2)[:, None] @ to_pixels.mT + size / 2
    disc = size / 2 - (to_pixels @ centre[:, None, :, None])[..., 0]
    return _Projected(flat.unflatten(2, turned.shape[1:3]), disc, rosettes.sphere / pixel, pixel)


def _slabs(flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Unit normals (..., 10, 2) of the slabs whose intersection is a bullet's projection, and their limits (..., 10).

    `flat` (..., 13, 2) are the projected corners. A slab touches the bullet whatever its direction, so an edge that is seen
    end on may take any.
    """
    tip, inner, outer = flat[..., :1, :], flat[..., 1:7, :], flat[..., 7:, :]
    edges = torch.cat([inner[..., 1:4, :] - inner[..., :3, :], outer[..., :1, :] - inner[..., :1, :], inner - tip], -2)
    normals = normalize(torch.stack([-edges[..., 1], edges[..., 0]], -1) + 1e-9, dim=-1)
    reach = flat @ normals.mT
    return normals, reach.amin(-2), reach.amax(-2)


class Covered(NamedTuple):
    """The fields of `lib.imaging.draw.silhouette.Silhouettes` as tensors, for B crystals in one orientation each."""

    coverage: torch.Tensor
    pixel_um: torch.Tensor
    origin_px: torch.Tensor


def coverage(
    rosettes: Rosettes,
    orientations: torch.Tensor,
    angles_deg: tuple[float, ...] = (0.0,),
    size: int = SIZE,
    pixel_um: float | None = None,
) -> Covered:
    """Exact pictures of many rosettes, each in one orientation: how many of each pixel's four sub-samples are covered.

    The same pictures as `lib.imaging.draw.silhouette.silhouettes` draws of the solids, sample for sample up to rounding, on the
    device of `rosettes`.

    Parameters
    ----------
    orientations : (B, 3, 3) rotation matrices
    angles_deg, size, pixel_um : as in `lib.imaging.draw.silhouette.silhouettes`

    Returns
    -------
    Covered
        `coverage` (B, V, size, size) uint8 of 0..4, `pixel_um` (B,) and `origin_px` (B, V, 2).
    """
    room = len(angles_deg) * 4 * size * max(size, 10 * rosettes.present.shape[1])
    step = max(1, _ROOM // room)
    parts = []
    for start in range(0, len(rosettes), step):
        rows = slice(start, start + step)
        parts.append(_coverage(rosettes[rows], orientations[rows], angles_deg, size, pixel_um))
    return Covered(*(torch.cat(values) for values in zip(*parts, strict=True)))


@torch.no_grad()
def _coverage(rosettes, orientations, angles_deg, size, pixel_um):
    """`coverage` of as many rosettes as memory has room for."""
    projected = _project(rosettes, orientations, angles_deg, size, pixel_um)
    y = (torch.arange(4 * size, device=projected.corners.device, dtype=projected.corners.dtype) + 0.5) / 4
    left, right = _polygon_sides(projected.corners, y)
    absent = ~rosettes.present[:, None, :, None]
    disc_left, disc_right = _disc_sides(projected.disc, projected.radius[:, None], y)
    left = torch.cat([left.masked_fill(absent, torch.inf), disc_left[:, :, None]], 2)
    right = torch.cat([right.masked_fill(absent, -torch.inf), disc_right[:, :, None]], 2)
    return _sample_counts(left, right, size), projected.pixel_um, projected.disc


def _polygon_sides(flat: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the lines at heights `y` (h,) enter and leave the projected bullets (..., 13, 2); outside, left > right.

    Returns
    -------
    Two tensors (..., h) [pixels]
    """
    normals, low, high = _slabs(flat)
    along, across = normals[..., :1], normals[..., 1:] * y
    ends = torch.stack([low[..., None] - across, high[..., None] - across]) / along
    enter, leave = ends.amin(0), ends.amax(0)  # infinite for a slab along the line, NaN on its very border
    return enter.nan_to_num(-torch.inf, torch.inf, -torch.inf).amax(-2), leave.nan_to_num(torch.inf, torch.inf, -torch.inf).amin(
        -2
    )


def _disc_sides(centre: torch.Tensor, radius: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As `_polygon_sides`, for discs with centres (..., 2) and radii (...) [pixels]."""
    x, square = centre[..., :1], radius[..., None] ** 2 - (y - centre[..., 1:]) ** 2
    half = square.clamp(min=0).sqrt().masked_fill(square < 0, -torch.inf)
    return x - half, x + half


def _sample_counts(left: torch.Tensor, right: torch.Tensor, size: int) -> torch.Tensor:
    """Covered sub-samples of each pixel (B, V, size, size) uint8, from the sides (B, V, pieces, 4 * size) of all pieces.

    Along a row of samples, a piece adds one where it begins and takes one away after it has ended; the running sum is
    how many pieces lie over a sample.
    """
    offset = torch.as_tensor(np.tile(SAMPLE_X, size), dtype=left.dtype, device=left.device)
    first = (left - offset).ceil().clamp(0, size).long()
    after = torch.maximum((right - offset).floor().clamp(-1, size - 1).long() + 1, first)
    change = torch.zeros((*left.shape[:2], 4 * size, size + 1), dtype=torch.int8, device=left.device)
    one = torch.ones((), dtype=torch.int8, device=left.device).expand_as(first.mT)
    change.scatter_add_(-1, first.mT, one).scatter_add_(-1, after.mT, -one)
    covered = change[..., :-1].cumsum(-1, dtype=torch.int8) > 0
    return covered.unflatten(2, (size, 4)).sum(3, dtype=torch.uint8)


def soft(
    rosettes: Rosettes,
    orientations: torch.Tensor,
    angles_deg: tuple[float, ...] = (0.0,),
    size: int = 32,
    pixel_um: float | None = None,
    softness: float = 0.5,
) -> torch.Tensor:
    """Pictures (B, V, size, size) from 0 to 1 that change smoothly with every length and direction of the rosettes.

    A pixel whose centre lies at the signed distance d [pixels] inside a piece is covered by it to 1 / (1 + exp(-d / s)), and
    pieces cover a pixel together as if by independent chances, as in the soft rasteriser of Liu et al. 2019
    (doi:10.1109/ICCV.2019.00780). For a bullet, d is the distance to the nearest of the lines along its outline.

    Parameters
    ----------
    orientations, angles_deg, pixel_um : as in `coverage`
    softness : s, the scale of the transition from outside to inside [pixels]
    """
    if not softness > 0:
        raise ValueError(f"softness must be positive, got {softness}")
    projected = _project(rosettes, orientations, angles_deg, size, pixel_um)
    centres = torch.arange(size, device=projected.corners.device, dtype=projected.corners.dtype) + 0.5
    pixels = torch.cartesian_prod(centres, centres).flip(-1)  # (size * size, 2) of x and y, row by row
    inside = _depth(projected.corners, pixels)
    in_disc = projected.radius[:, None, None] - (pixels - projected.disc[..., None, :]).norm(dim=-1)
    uncovered = softplus(inside / softness) * rosettes.present[:, None, :, None]  # minus the logarithm of the chance
    return -torch.expm1(-uncovered.sum(2) - softplus(in_disc / softness)).unflatten(-1, (size, size))


def _depth(flat: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Signed distances (..., p) of `pixels` (p, 2) to the nearest side of the projected bullets (..., 13, 2), positive inside.

    The nearest side is looked up without gradients, so that only it takes part in the backward pass.
    """
    normals, low, high = _slabs(flat)
    sides = torch.cat([normals, (low + high)[..., None] / -2, (high - low)[..., None] / 2], -1)  # (..., 10, 4)
    with torch.no_grad():
        places = torch.cat([pixels.T, torch.ones_like(pixels[:, 0])[None]])
        depths = (sides[..., 3:] - (sides[..., :3] @ places).abs_()).unbind(-2)
        depth, nearest = depths[0], 0
        for k, other in enumerate(depths[1:], start=1):  # a running minimum is several times as fast as argmin
            nearest = torch.where(other < depth, k, nearest)
            depth = torch.minimum(depth, other)
    x, y, shift, half = sides.gather(-2, nearest[..., None].expand(*nearest.shape, 4)).unbind(-1)
    return half - (x * pixels[:, 0] + y * pixels[:, 1] + shift).abs()
