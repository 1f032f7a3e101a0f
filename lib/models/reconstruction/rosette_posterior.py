"""All rosettes that cast a given shadow: samples of the posterior of a whole crystal, weighted by their silhouettes' likelihood.

All that `lib.crystals.rosette` draws at random is uniform, so each such number is written as Phi(z), with the distribution
function Phi of z ~ N(0, 1). Where z is normal and the orientation uniform, the crystals are those of the model: **the prior is
exact**, and what is sought is a point of a normal prior and a least-squares likelihood. The sampler has three parts:

1. many crystals from the prior, of which the search starts from those with the most similar pictures (`start`),
2. the method of Levenberg and Marquardt from each (`refine`), coarse first and fine later, and of the best also their mirror
   images in depth: modes of the posterior,
3. annealed importance sampling (Neal 2001, doi:10.1023/A:1008923215028) from the normal density about each mode to the posterior.

A sample's weight follows from its likelihood, its prior and from where it came; it never depends on the true crystal.
"""

from __future__ import annotations

import functools
import itertools
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation
from tqdm.auto import tqdm

from lib.core.cache import cached
from lib.core.device import thread_count
from lib.core.seeds import generator
from lib.crystals.rosette import ROSETTE_MODELS, SPHERICAL_CODES
from lib.datasets.voxel_scenes import ANGLES, Scenes
from lib.datasets.voxel_scenes import SIZE as _SIZE
from lib.imaging.draw.rasteriser import Rosettes, corners
from lib.imaging.draw.silhouette import CAMERA
from lib.imaging.draw.stack import Stack
from lib.models.reconstruction.parametric import rotations, sideways
from lib.models.training import weights_in

_MODEL = ROSETTE_MODELS["2025"]
_MOST = max(_MODEL.bullets)
_BASE = {name: limits for name, limits in _MODEL.ranges.items() if name != "a"}
#: Parts of a row of numbers: how many, and the step of a difference quotient, which moves an edge by about a pixel of 64.
_PARTS = {
    "base": (len(_BASE), 0.2),
    "width": (_MOST, 0.3),
    "length": (_MOST, 0.2),
    "roll": (_MOST, 0.35),
    "lean": (2 * _MOST, 0.1),
}
#: Length of a row, and of the turn (a rotation vector [rad]) that stands before it in a step.
ROW, TURN = sum(count for count, _ in _PARTS.values()), 3
_STEPS = torch.tensor([0.03] * TURN + [step for count, step in _PARTS.values() for _ in range(count)], dtype=torch.float64)
_STEPS[TURN] = 0.07  # of the length of all bullets
#: Precision of a step under the prior: of the turn, which has none, only so much that a matrix can be inverted.
_RIDGE = torch.tensor([1e-3] * TURN + [1.0] * ROW, dtype=torch.float64)
#: Side of the pictures by which crystals of the prior are compared [pixels], and how many are drawn at a time.
_COARSE, _AT_ONCE = 16, 5000
#: Raised whenever the same description would give other samples.
_VERSION = 1


def _padded(values: dict[int, np.ndarray], shape: tuple[int, ...]) -> torch.Tensor:
    """A table by number of bullets."""
    table = np.zeros((_MOST + 1, *shape))
    for n, value in values.items():
        table[n, : len(value)] = value
    return torch.from_numpy(table)


_CODES = _padded(SPHERICAL_CODES, (_MOST, 3))
_CODES[_CODES.square().sum(-1) == 0] = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
_SIDES = sideways(_CODES)
_CAPS = torch.tensor([np.radians(_MODEL.cap_deg(n)) if n in _MODEL.bullets else 0.0 for n in range(_MOST + 1)])


@dataclass(frozen=True)
class Crystals:
    """S rosettes with a = 1 um: `n_bullets` (S,), `numbers` (S, ROW) that are normal under the prior, `orientations` (S, 3, 3).

    Numbers of bullets that a crystal does not have change nothing and are normal all the same, so all crystals have as many.
    """

    n_bullets: torch.Tensor
    numbers: torch.Tensor
    orientations: torch.Tensor

    def __len__(self) -> int:
        return len(self.n_bullets)

    def __getitem__(self, rows) -> Crystals:
        """The crystals `rows` (a slice, or a tensor of indices)."""
        return Crystals(*(values[rows] for values in vars(self).values()))

    @property
    def present(self) -> torch.Tensor:
        """Which bullets count (S, 10) bool."""
        return torch.arange(_MOST) < self.n_bullets[:, None]

    def rosettes(self) -> Rosettes:
        """The rosettes as one batch."""
        parts = dict(zip(_PARTS, self.numbers.split([count for count, _ in _PARTS.values()], 1), strict=True))
        low, high = torch.tensor(list(_BASE.values()), dtype=torch.float64).T
        base = dict(zip(_BASE, (low + (high - low) * torch.special.ndtr(parts["base"])).T[..., None], strict=True))
        base |= {"a": torch.ones_like(base["c_over_a"]), "c": base["c_over_a"]}
        width, length = (
            limits[0] + (limits[1] - limits[0]) * torch.special.ndtr(parts[name])
            for name, limits in (("width", _MODEL.width), ("length", _MODEL.length))
        )
        sphere, basal, prism, pyramid, tip = _MODEL.lengths(base, self.n_bullets[:, None], width, length)
        roll = torch.special.ndtr(parts["roll"]) * (math.pi / 3)
        directions = _on_caps(parts["lean"].unflatten(1, (_MOST, 2)), self.n_bullets)
        return Rosettes(directions, roll, basal, prism, pyramid, tip, sphere[:, 0], self.present)

    def pictures(self, angles_deg: Sequence[float], size: int = _SIZE, drawn: int = _SIZE) -> torch.Tensor:
        """Exact silhouettes (S, V, size, size) from 0 to 1, drawn with `drawn` pixels a side and averaged over blocks."""
        batch = self.rosettes()
        own = batch.present.numpy()
        points = corners(Rosettes(*(v.float() if v.is_floating_point() else v for v in vars(batch).values()))).numpy()[own]
        stack = Stack.of_bullets(points.astype(float), own.sum(axis=1), batch.sphere.numpy())
        coverage = stack.silhouettes(np.arange(len(self)), self.orientations.numpy(), tuple(angles_deg), drawn).coverage
        return torch.from_numpy(_block_sums(coverage, drawn // size)).float().mul_(size**2 / (4 * drawn**2))

    def move(self, step: torch.Tensor) -> Crystals:
        """The crystals after steps (S, TURN + ROW): turned, and their numbers shifted."""
        turn = rotations(
            torch.tan(step[:, :TURN].norm(dim=1, keepdim=True) / 2) * torch.nn.functional.normalize(step[:, :TURN], dim=1)
        )
        return Crystals(self.n_bullets, self.numbers + step[:, TURN:], turn @ self.orientations)

    @property
    def log_prior(self) -> torch.Tensor:
        """Logarithm of the prior density of the numbers and the turn (S,), the same for all numbers of bullets."""
        density = -0.5 * self.numbers.square().sum(1) - 0.5 * ROW * math.log(2 * math.pi)
        return density - math.log(8 * math.pi**2 * len(_MODEL.bullets))


def concatenate(parts: Sequence[Crystals]) -> Crystals:
    """Crystals one after another."""
    return Crystals(*(torch.cat(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))


def _block_sums(counts: np.ndarray, factor: int) -> np.ndarray:
    """Counts (..., s, s) uint8 added up over blocks; in bytes, since what is moved in memory decides the time that steps take."""
    parts = [counts[..., i::factor, j::factor] for i in range(factor) for j in range(factor)]
    return functools.reduce(np.add, parts)


def block_means(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """Pictures (..., s, s) averaged over blocks to (..., size, size)."""
    return torch.nn.functional.avg_pool2d(pictures, pictures.shape[-1] // size)


def _on_caps(lean: torch.Tensor, n_bullets: torch.Tensor) -> torch.Tensor:
    """Directions (S, 10, 3) at `lean` (S, 10, 2) on the caps about the regular ones: uniform by area where `lean` is normal."""
    codes = _CODES[n_bullets]
    radius = lean.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    cosine = 1 + torch.expm1(-radius.square() / 2) * (1 - _CAPS[n_bullets].cos())[:, None, None]
    across = ((lean / radius)[..., None, :] @ _SIDES[n_bullets])[..., 0, :]
    return cosine * codes + (1 - cosine.square()).clamp(min=0).sqrt() * across


def _leans(directions: torch.Tensor, n_bullets: torch.Tensor) -> torch.Tensor:
    """The `lean` (S, 10, 2) of directions on the caps."""
    codes = _CODES[n_bullets]
    share = (1 - (codes * directions).sum(-1)) / (1 - _CAPS[n_bullets].cos())[:, None]
    across = torch.nn.functional.normalize((_SIDES[n_bullets] @ directions[..., None])[..., 0], dim=-1)
    return across * (-2 * torch.log1p(-share.clamp(0, 1 - 1e-6))).sqrt()[..., None]


def prior(count: int, rng: np.random.Generator) -> Crystals:
    """Random crystals of the model in random orientations."""
    numbers = torch.from_numpy(rng.normal(size=(count, ROW)))
    bullets = torch.from_numpy(rng.integers(_MODEL.bullets[0], _MODEL.bullets[-1] + 1, count))
    return Crystals(bullets, numbers, torch.from_numpy(Rotation.random(count, rng=rng).as_matrix()))


def _reflections() -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    """For each number of bullets a reflection (3, 3) that leaves the regular directions as a whole, and which goes where."""
    found = {}
    for n, code in SPHERICAL_CODES.items():
        for first, second in itertools.combinations(code, 2):
            normal = (first - second) / np.linalg.norm(first - second)
            reflection = np.eye(3) - 2 * np.outer(normal, normal)
            distance = np.linalg.norm((code @ reflection)[:, None] - code, axis=-1)
            if distance.min(axis=1).max() < 1e-6:
                order = np.concatenate([distance.argmin(axis=1), np.arange(n, _MOST)])
                found[n] = torch.from_numpy(reflection), torch.from_numpy(order)
                break
    return found


_REFLECTIONS = _reflections()


def mirror_in_depth(crystals: Crystals) -> Crystals:
    """The crystals as a mirror behind them shows them: all depths exchanged, silhouettes the same up to their frame.

    The mirror image of a crystal of the model is one of the model, whose bullets have other places among the regular directions.
    """
    eye = torch.from_numpy(CAMERA[2])
    mirror = torch.eye(3, dtype=torch.float64) - 2 * torch.outer(eye, eye)
    counts = [count for count, _ in _PARTS.values()]
    rows = []
    for row, n in enumerate(crystals.n_bullets.tolist()):
        one = crystals[row : row + 1]
        reflection, order = _REFLECTIONS[n]
        base, width, length, roll, lean = one.numbers.split(counts, 1)
        places = order.argsort()  # bullet `i` of the mirror image is what was at places[i]
        directions = (_on_caps(lean.unflatten(1, (_MOST, 2)), one.n_bullets) @ reflection)[:, places]
        lean = _leans(directions, one.n_bullets).flatten(1)
        numbers = torch.cat([base, width[:, places], length[:, places], -roll[:, places], lean], 1)
        rows.append(Crystals(one.n_bullets, numbers, mirror @ one.orientations @ reflection))
    return concatenate(rows)


@dataclass(frozen=True)
class Stage:
    """The `keep` best of the crystals take as many steps as there are `tolerances`, on pictures of `size` pixels a side.

    A tolerance is the standard deviation of the coverage of a pixel that the likelihood allows in that step.
    """

    keep: int
    size: int
    tolerances: tuple[float, ...]


@dataclass(frozen=True)
class Settings:
    """How hard the sampler works.

    Attributes
    ----------
    n_prior : crystals from the prior whose pictures are compared
    n_starts : crystals that are refined
    n_modes : modes that are left of them
    tolerance : standard deviation of the coverage of a pixel that the likelihood allows
    per_mode : samples from each mode
    levels : densities between that of a mode and the posterior
    """

    n_prior: int = 50_000
    n_starts: int = 64
    n_modes: int = 6
    tolerance: float = 0.1
    per_mode: int = 12
    levels: int = 40

    @property
    def coarse(self) -> tuple[Stage, ...]:
        """From many crystals to fewer, in pictures of half the size."""
        good = max(3 * self.n_starts // 8, self.n_modes)
        return Stage(self.n_starts, 32, (1.0, 0.7, 0.5, 0.4, 0.3, 0.3)), Stage(good, 32, (0.3,) * 4 + (0.2,) * 4)

    @property
    def n_mirrored(self) -> int:
        """Crystals whose mirror images are refined as well if there is one view."""
        return max(3 * self.n_starts // 16, self.n_modes)

    @property
    def fine(self) -> tuple[Stage, ...]:
        """From fewer to modes, in pictures as they are."""
        steps = (2 * self.tolerance,) * 4 + (self.tolerance,) * 6
        return Stage(2 * self.n_mirrored, _SIZE, steps), Stage(self.n_modes, _SIZE, (self.tolerance,) * 12)


class Refinement(NamedTuple):
    """Crystals after some steps, and the squared difference `energy` (S,) of their pictures from the given ones [pixels]."""

    crystals: Crystals
    energy: torch.Tensor


def _effective_numbers(crystals: Crystals) -> torch.Tensor:
    """Which of the TURN + ROW numbers of a step change anything (S, D) bool."""
    always = torch.ones(len(crystals), TURN + _PARTS["base"][0], dtype=torch.bool)
    return torch.cat([always, *[crystals.present] * 3, crystals.present.repeat_interleave(2, 1)], 1)


def _jacobian(crystals: Crystals, drawn: torch.Tensor, angles_deg, size: int, sign: int = 1) -> torch.Tensor:
    """Change of the pictures (S, D, pixels) with each number, by difference quotients; zero where a number changes nothing.

    Steps move an edge by about half a pixel, forward or backward as `sign` says.
    """
    row, column = _effective_numbers(crystals).nonzero(as_tuple=True)
    length = _STEPS[column] * (sign * _SIZE / (2 * size))
    steps = torch.zeros(len(row), TURN + ROW, dtype=torch.float64)
    steps[torch.arange(len(row)), column] = length
    jacobian = torch.zeros(len(crystals), TURN + ROW, drawn.shape[1])
    changed = crystals[row].move(steps).pictures(angles_deg, size).flatten(1)
    jacobian[row, column] = changed.sub_(drawn[row]).div_(length[:, None].float())
    return jacobian


def refine(crystals: Crystals, wanted: torch.Tensor, angles_deg, stage: Stage) -> Refinement:
    """The crystals after the steps of a stage: Levenberg (1944) and Marquardt (1963), with the prior as a ridge.

    Parameters
    ----------
    wanted : pictures (V, size, size) from 0 to 1
    """
    goal = block_means(wanted, stage.size).flatten()
    drawn = crystals.pictures(angles_deg, stage.size).flatten(1)
    energy = (drawn - goal).square().sum(1).double()
    damping = torch.full((len(crystals),), 0.1, dtype=torch.float64)
    moved = torch.ones(len(crystals), dtype=torch.bool)
    normal = torch.zeros(len(crystals), TURN + ROW, TURN + ROW, dtype=torch.float64)
    slope = torch.zeros(len(crystals), TURN + ROW, dtype=torch.float64)
    for sign, tolerance in zip(itertools.cycle((1, -1)), stage.tolerances, strict=False):  # so errors of quotients take turns
        if moved.any():
            jacobian = _jacobian(crystals[moved], drawn[moved], angles_deg, stage.size, sign)
            normal[moved] = (jacobian @ jacobian.mT).double()
            slope[moved] = (jacobian @ (drawn[moved] - goal)[..., None])[..., 0].double()
        gradient = slope / tolerance**2
        gradient[:, TURN:] += crystals.numbers
        matrix = normal / tolerance**2
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        diagonal.mul_(1 + 0.3 * damping[:, None]).add_(_RIDGE + 0.3 * damping[:, None])
        step = -torch.linalg.solve(matrix, gradient)
        step /= torch.maximum(step[:, :TURN].abs().amax(1) / 0.3, step[:, TURN:].abs().amax(1)).clamp(min=1)[:, None]
        new = crystals.move(step)
        seen = new.pictures(angles_deg, stage.size).flatten(1)
        after = (seen - goal).square().sum(1).double()
        moved = after / (2 * tolerance**2) - new.log_prior < energy / (2 * tolerance**2) - crystals.log_prior
        crystals = _where(moved, new, crystals)
        drawn, energy = torch.where(moved[:, None], seen, drawn), torch.where(moved, after, energy)
        damping = torch.where(moved, (damping * 0.3).clamp(min=1e-3), (damping * 4).clamp(max=1e4))
    return Refinement(crystals, energy)


def precision(crystals: Crystals, angles_deg, tolerance: float) -> torch.Tensor:
    """The second derivative (S, D, D) of minus the logarithm of the posterior with a step, as Gauss and Newton approximate it."""
    jacobian = _jacobian(crystals, crystals.pictures(angles_deg).flatten(1), angles_deg, _SIZE)
    return (jacobian @ jacobian.mT).double() / tolerance**2 + torch.diag(_RIDGE)


def _where(rows: torch.Tensor, first: Crystals, second: Crystals) -> Crystals:
    """The crystals of `first` in these rows (S,), and of `second` in the others."""
    pairs = zip(vars(first).values(), vars(second).values(), strict=True)
    return Crystals(*(torch.where(rows.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in pairs))


@dataclass(frozen=True)
class Samples:
    """Samples of the posterior of one crystal, and how each is weighted.

    Attributes
    ----------
    crystals : S of them
    log_weight : (S,) logarithm of the weights, which add up to one
    energy : (S,) squared difference of their silhouettes from the given ones, in pixels
    agreement : (S,) intersection over union of these silhouettes, over all views
    mode : (S,) the mode about which each was drawn
    """

    crystals: Crystals
    log_weight: torch.Tensor
    energy: torch.Tensor
    agreement: torch.Tensor
    mode: torch.Tensor

    @property
    def weight(self) -> torch.Tensor:
        """The weights (S,)."""
        return self.log_weight.exp()

    @property
    def effective_size(self) -> float:
        """So many equally weighted samples tell as much (Kish 1965): one over the sum of the squared weights."""
        return float(1 / self.weight.square().sum())

    @property
    def best(self) -> int:
        """The sample with the largest weight."""
        return int(self.log_weight.argmax())


def anneal(
    modes: Crystals, wanted: torch.Tensor, angles_deg, tolerance: float, per_mode: int, levels: int, rng: np.random.Generator
) -> Samples:
    """Samples by annealed importance sampling, as many from each mode.

    They start from the normal density of each mode and move by the method of Metropolis under densities between it and the
    posterior, q^(1 - b) p^b, while b goes from 0 to 1. A sample's weight is the product of the steps of p / q on its way.
    """
    mode = torch.arange(len(modes)).repeat_interleave(per_mode)
    centre = modes[mode]
    factor = torch.linalg.cholesky(precision(modes, angles_deg, tolerance))
    scale = torch.linalg.inv(factor).mT[mode]  # its product with normal numbers has the inverse of the precision as covariance
    log_norm = factor.diagonal(dim1=1, dim2=2).log().sum(1)[mode] - 0.5 * (TURN + ROW) * math.log(2 * math.pi)
    goal = wanted.flatten()

    def noise() -> torch.Tensor:
        return (scale @ torch.from_numpy(rng.normal(size=(len(mode), TURN + ROW, 1))))[..., 0]

    def of(step: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Energy, and logarithms of the densities of the posterior, up to a constant, and of the mode."""
        crystals = centre.move(step)
        energy = (crystals.pictures(angles_deg).flatten(1) - goal).square().sum(1).double()
        near = log_norm - 0.5 * (factor.mT[mode] @ step[..., None])[..., 0].square().sum(1)
        return energy, crystals.log_prior - energy / (2 * tolerance**2), near

    step = noise()
    energy, log_posterior, near = of(step)
    log_weight = torch.zeros(len(mode), dtype=torch.float64)
    for before, share in itertools.pairwise(np.linspace(0, 1, levels + 1) ** 2):
        log_weight += (share - before) * (log_posterior - near)
        new_step = step + 0.3 * noise()
        new_energy, new_posterior, new_near = of(new_step)
        gain = share * (new_posterior - log_posterior) + (1 - share) * (new_near - near)
        accepted = torch.from_numpy(np.log(rng.random(len(mode)))) < gain
        step = torch.where(accepted[:, None], new_step, step)
        energy, log_posterior, near = (
            torch.where(accepted, *pair) for pair in ((new_energy, energy), (new_posterior, log_posterior), (new_near, near))
        )
    crystals = centre.move(step)
    drawn = crystals.pictures(angles_deg)
    axes = (1, 2, 3)
    agreement = torch.minimum(drawn, wanted).sum(axes) / torch.maximum(drawn, wanted).sum(axes)
    return Samples(crystals, log_weight.log_softmax(0), energy, agreement, mode)


def find_modes(wanted: torch.Tensor, starts: Crystals, angles_deg, settings: Settings) -> Crystals:
    """Modes of the posterior of a crystal, found from `starts`, the most similar first; with one view also their mirror images.

    Parameters
    ----------
    wanted : its pictures (V, 64, 64) from 0 to 1
    """
    best = starts
    for stage in settings.coarse:
        best = _best(refine(best[: stage.keep], wanted, angles_deg, stage))
    best = best[: settings.n_mirrored]
    if len(wanted) == 1:
        best = concatenate([best, mirror_in_depth(best)])
    first, last = settings.fine
    best = _best(refine(best, wanted, angles_deg, first))
    return _best(refine(best[: last.keep], wanted, angles_deg, last))


def _best(found: Refinement) -> Crystals:
    """The crystals, those with the most similar pictures first."""
    return found.crystals[found.energy.argsort()]


def posteriors(pictures: torch.Tensor, angles_deg: Sequence[float], settings: Settings, seed: int) -> list[Samples]:
    """Samples of the posterior of each of B crystals, given its pictures.

    Parameters
    ----------
    pictures : (B, V, 64, 64) from 0 to 1
    angles_deg : of the V views [deg]
    """
    bank = prior(settings.n_prior, generator(seed, "rosette posterior", "prior"))
    coarse = torch.cat([bank[i : i + _AT_ONCE].pictures(angles_deg, _COARSE).flatten(1) for i in range(0, len(bank), _AT_ONCE)])

    def one(row: int) -> Samples:
        wanted = pictures[row]
        distance = (coarse - block_means(wanted, _COARSE).flatten()).square().sum(1)
        starts = bank[distance.topk(settings.n_starts, largest=False).indices]
        found = find_modes(wanted, starts, angles_deg, settings)
        rng = generator(seed, "rosette posterior", "crystal", row)
        return anneal(found, wanted, angles_deg, settings.tolerance, settings.per_mode, settings.levels, rng)

    with ThreadPoolExecutor(thread_count()) as pool:
        progress = {"total": len(pictures), "desc": "posteriors", "unit": "crystal", "file": sys.stderr}
        return list(tqdm(pool.map(one, range(len(pictures))), **progress))


def scene_posteriors(scenes: Scenes, n_views: int, settings: Settings, seed: int = 0) -> list[Samples]:
    """The `posteriors` of the crystals of `scenes` given their first one or two pictures, or found where drawn before."""
    angles = ANGLES[:n_views]
    description = {
        "scenes": scenes.description,
        "angles": angles,
        "settings": asdict(settings),
        "seed": seed,
        "version": _VERSION,
    }

    def build(folder: Path) -> None:
        found = posteriors(scenes.pictures[:, :n_views].cpu().float() / 4, angles, settings, seed)
        parts = [vars(one.crystals) | {name: values for name, values in vars(one).items() if name != "crystals"} for one in found]
        stacked = {name: torch.stack([part[name] for part in parts]).contiguous() for name in parts[0]}
        save_file(stacked, folder / "samples.safetensors")

    stored = weights_in(cached("rosette-posteriors", description, build) / "samples.safetensors")
    crystals = {name: stored.pop(name) for name in Crystals.__dataclass_fields__}
    return [
        Samples(Crystals(**{name: values[i] for name, values in crystals.items()}), **{name: v[i] for name, v in stored.items()})
        for i in range(len(scenes))
    ]
