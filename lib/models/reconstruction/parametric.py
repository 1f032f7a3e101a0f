"""Rosettes fitted to silhouettes: the rosette model run backwards, by descent on the soft rasteriser.

What is sought are the numbers that the model draws at random: proportions of the crystal, width, length, lean and roll of each
bullet, and the crystal's orientation. Each is written as a smooth function of an unbounded one, so that no step leaves the
ranges of the model. The crystal's size is not sought, since a picture does not hold it: the half width `a` is 1 um.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, normalize
from tqdm.auto import tqdm

from lib.crystals.rosette import ROSETTE_MODELS, SPHERICAL_CODES, Rosette
from lib.datasets.voxel_scenes import Scenes
from lib.imaging.draw.rasteriser import Rosettes, coverage, hexagons, soft, stack, unstack

_MODEL = ROSETTE_MODELS["2025"]
#: Base parameters that a picture can tell, with their ranges.
_BASE = {name: limits for name, limits in _MODEL.ranges.items() if name != "a"}
#: Pictures drawn at once; more crystals are fitted in parts.
_AT_ONCE = 512
#: Starting values stay this far inside their ranges (as a share), where the bounded functions are not flat yet.
_MARGIN = 0.03


@dataclass(frozen=True)
class Guesses:
    """S rosettes by the numbers of their model, padded to n bullets.

    Fixed: `n_bullets` (S,), `codes` (S, n, 3) the regular directions, `cap` (S, 1, 1) the tangent of the largest lean,
    `present` (S, n), `before` (S, 3, 3) the orientation before `turn`. Free and unbounded: `turn` (S, 3), `base` (S, 4),
    `width`, `length` and `roll` (S, n), `lean` (S, n, 2).
    """

    n_bullets: torch.Tensor
    codes: torch.Tensor
    cap: torch.Tensor
    present: torch.Tensor
    before: torch.Tensor
    turn: torch.Tensor
    base: torch.Tensor
    width: torch.Tensor
    length: torch.Tensor
    roll: torch.Tensor
    lean: torch.Tensor

    def __getitem__(self, rows) -> Guesses:
        """The guesses `rows` (a slice, or a tensor of indices), free values as leaves of a new graph."""
        return Guesses(**{name: values.detach()[rows] for name, values in vars(self).items()})


def guesses(crystals: list[Rosette], orientations: torch.Tensor) -> Guesses:
    """The numbers behind rosettes of the 2025 model, as drawn by `lib.crystals.rosette.sample`, in orientations (S, 3, 3)."""
    batch = stack(crystals, orientations.device, orientations.dtype)
    like = {"dtype": orientations.dtype, "device": orientations.device}
    counts = [crystal.n_bullets for crystal in crystals]
    codes = batch.directions.clone()
    codes[batch.present] = torch.as_tensor(np.concatenate([SPHERICAL_CODES[n] for n in counts]), **like)
    a, c = (torch.tensor([crystal.base[name] for crystal in crystals], **like) for name in ("a", "c"))
    base = torch.tensor([[(crystal.base | {"c_over_a": 0})[name] for name in _BASE] for crystal in crystals], **like)
    base[:, list(_BASE).index("c_over_a")] = c / a
    cap = torch.tensor([_MODEL.cap_deg(n) for n in counts], **like).deg2rad().tan()[:, None, None]
    return Guesses(
        n_bullets=torch.tensor(counts, **like),
        codes=codes,
        cap=cap,
        present=batch.present,
        before=orientations,
        turn=torch.zeros(len(crystals), 3, **like),
        base=_unbounded(base, *_base_limits(base)),
        width=_unbounded(torch.where(batch.present, batch.basal / a[:, None], 1.0), *_MODEL.width),
        length=_unbounded(torch.where(batch.present, batch.prism / (2 * c[:, None]), 1.0), *_MODEL.length),
        roll=batch.roll,
        lean=_lean(codes, batch.directions, cap),
    )


def starts(scenes: Scenes, rows: torch.Tensor) -> Guesses:
    """Guesses at B crystals, each from the K crystals of `scenes` that a row of `rows` (B, K) names."""
    chosen = rows.flatten()
    return guesses([scenes.crystals[i] for i in chosen.tolist()], scenes.orientations[chosen])


def built(found: Guesses) -> tuple[Rosettes, torch.Tensor]:
    """The rosettes that guesses stand for, with a = 1 um, and their orientations (S, 3, 3); differentiable."""
    base = dict(zip(_BASE, _bounded(found.base, *_base_limits(found.base)).unbind(-1), strict=True))
    base = {name: values[:, None] for name, values in base.items()} | {"a": torch.ones_like(found.base[:, :1])}
    base["c"] = base["c_over_a"] * base["a"]
    width, length = _bounded(found.width, *_MODEL.width), _bounded(found.length, *_MODEL.length)
    sphere, basal, prism, pyramid, tip = _MODEL.lengths(base, found.n_bullets[:, None], width, length)
    directions = _leant(found.codes, found.lean, found.cap)
    rosettes = Rosettes(directions, found.roll, basal, prism, pyramid, tip, sphere[:, 0], found.present)
    return rosettes, rotations(found.turn) @ found.before


def rotations(turn: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (..., 3, 3) of the quaternions (1, x, y, z) given by `turn` (..., 3), whose length is tan(angle / 2)."""
    w, x, y, z = normalize(torch.cat([torch.ones_like(turn[..., :1]), turn], -1), dim=-1).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)


def _bounded(free: torch.Tensor, low, high) -> torch.Tensor:
    return low + (high - low) * free.sigmoid()


def _unbounded(values: torch.Tensor, low, high) -> torch.Tensor:
    return ((values - low) / (high - low)).clamp(_MARGIN, 1 - _MARGIN).logit()


def _base_limits(like: torch.Tensor) -> torch.Tensor:
    """Lower and upper limits (2, 4) of the base parameters."""
    return torch.tensor(list(_BASE.values()), dtype=like.dtype, device=like.device).T


def sideways(codes: torch.Tensor) -> torch.Tensor:
    """Two unit vectors (..., 2, 3) normal to each direction and to each other."""
    first = hexagons(codes, torch.zeros_like(codes[..., 0]))[..., 0, :]
    return torch.stack([first, torch.linalg.cross(codes, first)], -2)


def _leant(codes: torch.Tensor, lean: torch.Tensor, cap: torch.Tensor) -> torch.Tensor:
    """Directions (S, n, 3) that lean away from `codes` by less than the cap, whatever `lean` (S, n, 2)."""
    step = cap * lean / (1 + lean.square().sum(-1, keepdim=True)).sqrt()
    return normalize(codes + (step[..., None, :] @ sideways(codes))[..., 0, :], dim=-1)


def _lean(codes: torch.Tensor, directions: torch.Tensor, cap: torch.Tensor) -> torch.Tensor:
    """The `lean` (S, n, 2) of directions within the cap."""
    step = (sideways(codes) @ directions[..., None])[..., 0] / (codes * directions).sum(-1, keepdim=True) / cap
    length = step.norm(dim=-1, keepdim=True)
    step = step * (1 - _MARGIN) / length.clamp(min=1 - _MARGIN)
    return step / (1 - step.square().sum(-1, keepdim=True)).sqrt()


@dataclass(frozen=True)
class Stage:
    """One stage of a fit: the `keep` best guesses of each crystal take `steps` on pictures of `size` pixels a side."""

    keep: int
    steps: int
    size: int
    softness: float


#: From many guesses in coarse pictures to few in fine ones.
STAGES = (Stage(24, 8, 16, 0.5), Stage(8, 12, 16, 0.5), Stage(4, 20, 24, 0.4), Stage(1, 50, 32, 0.3))
#: Steps of Adam when a stage begins, in units of the unbounded numbers. At its end they are a tenth.
RATES = {"turn": 0.03, "base": 0.2, "width": 0.2, "length": 0.2, "roll": 0.1, "lean": 0.1}


@dataclass(frozen=True)
class Fits:
    """The best fit to each of B crystals: `rosettes` (a = 1 um), `orientations` (B, 3, 3), `agreement` (B,) 0..1."""

    rosettes: Rosettes
    orientations: torch.Tensor
    agreement: torch.Tensor

    def single(self, row: int) -> tuple[Rosette, np.ndarray]:
        """The rosette fitted to one crystal, and its orientation (3, 3)."""
        return unstack(self.rosettes[row : row + 1])[0], self.orientations[row].cpu().numpy()


def fit(
    pictures: torch.Tensor,
    starts: Guesses,
    angles_deg: tuple[float, ...] = (0.0,),
    stages: tuple[Stage, ...] = STAGES,
) -> Fits:
    """The rosettes whose silhouettes agree best with given ones, each found from several starts.

    Only the pictures decide, also between numbers of bullets: a start keeps its own, and the best of all starts is taken.

    Parameters
    ----------
    pictures : (B, V, size, size) coverage from 0 to 1
    starts : B * K guesses, the K of the first crystal first
    """
    n_starts, rest = divmod(len(starts.turn), len(pictures))
    if rest or not n_starts:
        raise ValueError(f"starts: expected a multiple of {len(pictures)} pictures, got {len(starts.turn)}")
    step = max(1, _AT_ONCE // n_starts)
    found = []
    for i in tqdm(range(0, len(pictures), step), desc="fits", unit="batch", file=sys.stderr):
        some, seen = starts[n_starts * i : n_starts * (i + step)], pictures[i : i + step]
        for stage in stages:
            some = refined(seen, _best(seen, some, angles_deg, stage.keep), angles_deg, stage)
        found.append(_best(seen, some, angles_deg, 1))
    rosettes, orientations = built(_joined(found))
    return Fits(rosettes, orientations, agreement(pictures, rosettes, orientations, angles_deg))


def _joined(parts: list[Guesses]) -> Guesses:
    """Guesses one after another."""
    return Guesses(*(torch.cat(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))


def refined(pictures: torch.Tensor, starts: Guesses, angles_deg, stage: Stage) -> Guesses:
    """Guesses after `stage`: mean square difference of the pictures, relative to the crystal's area, made small by Adam."""
    wanted = adaptive_avg_pool2d(pictures, stage.size).repeat_interleave(len(starts.turn) // len(pictures), 0)
    weight = 1 / wanted.sum((1, 2, 3))
    groups = [{"params": [getattr(starts, name).requires_grad_()], "lr": rate} for name, rate in RATES.items()]
    optimiser = torch.optim.Adam(groups, betas=(0.8, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: 0.55 + 0.45 * math.cos(math.pi * step / max(stage.steps, 1))
    )
    for _ in range(stage.steps):
        drawn = soft(*built(starts), angles_deg, stage.size, softness=stage.softness)
        optimiser.zero_grad()
        ((drawn - wanted).square().sum((1, 2, 3)) * weight).sum().backward()
        optimiser.step()
        schedule.step()
    return starts[:]


def agreement(pictures: torch.Tensor, rosettes: Rosettes, orientations: torch.Tensor, angles_deg) -> torch.Tensor:
    """Intersection over union (S,) of the rosettes' exact silhouettes and `pictures` (B, V, size, size), over all views."""
    drawn = coverage(rosettes, orientations, angles_deg, pictures.shape[-1]).coverage / 4
    wanted = pictures.repeat_interleave(len(drawn) // len(pictures), 0)
    return torch.minimum(drawn, wanted).sum((1, 2, 3)) / torch.maximum(drawn, wanted).sum((1, 2, 3))


@torch.no_grad()
def _best(pictures: torch.Tensor, starts: Guesses, angles_deg, keep: int) -> Guesses:
    """Of each crystal's guesses, the `keep` whose silhouettes agree best."""
    scores = agreement(pictures, *built(starts), angles_deg).unflatten(0, (len(pictures), -1))
    rows = (
        scores.topk(min(keep, scores.shape[1]), 1).indices
        + scores.shape[1] * torch.arange(len(scores), device=scores.device)[:, None]
    )
    return starts[rows.flatten()]
