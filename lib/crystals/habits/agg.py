"""Aggregates of several crystals."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lib.crystals.parts import Habit, random_bullet, random_column, random_directions, random_plate, random_rosette
from lib.crystals.solid import Solid


def aggregate(rng: np.random.Generator) -> Solid:
    """Four to eight crystals of at most two kinds, each grown into that one before it which sticks out most on a random side.

    Kinds: columns and bullets of c/a 1.5 to 4, plates, rosettes of 4 to 6 bullets; within an aggregate their sizes have a
    log-normal spread of 0.2. Um and McFarquhar model aggregates of rosettes (2007, doi:10.1175/JAM2501.1) and of
    plates (2009, doi:10.1002/qj.378).
    """
    kinds = [_MONOMERS[kind](rng) for kind in rng.integers(len(_MONOMERS), size=2)]
    n = rng.integers(4, 9)
    turns, sizes, sides = Rotation.random(n, rng=rng).as_matrix(), np.exp(rng.normal(0, 0.2, n)), random_directions(n, rng)
    pieces, spheres = [], []
    for turn, size, side in zip(turns, sizes, sides, strict=True):
        monomer = kinds[rng.integers(2)]
        guest = [size * piece @ turn.T for piece in monomer.pieces]
        shift = _tip(pieces, side, rng) - _tip(guest, -side, rng) if pieces else np.zeros(3)
        pieces += [piece + shift for piece in guest]
        spheres.append(size * np.column_stack([monomer.spheres[:, :3] @ turn.T, monomer.spheres[:, 3]]) + [*shift, 0])
    return Solid(tuple(pieces), (), np.vstack(spheres))


_MONOMERS = (
    lambda rng: Solid((random_column((1.5, 4), rng),)),
    lambda rng: Solid((random_bullet((1.5, 4), rng),)),
    lambda rng: Solid((2 * random_plate(rng),)),
    lambda rng: random_rosette((4, 6), (1.5, 3), rng),
)


def _tip(pieces: list[np.ndarray], direction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A point (3,) inside that piece which reaches farthest in a direction, 10 to 70 % of the way from there to its middle."""
    ends = np.cumsum([len(piece) for piece in pieces])
    points = np.vstack(pieces)
    farthest = np.argmax(points @ direction)
    piece = pieces[np.searchsorted(ends, farthest, side="right")]
    return points[farthest] + rng.uniform(0.1, 0.7) * (piece.mean(axis=0) - points[farthest])


HABIT = Habit("aggregate", aggregate, (300, 2000))
