"""Batches of pictures from arrays in memory or stores on disk, shuffled anew in each epoch and read a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

#: Pictures in a stretch, which is read at once, and stretches that are mixed at a time.
STRETCH, MIXED = 72, 16


class Stored:
    """Batches of the pictures that `read` reads; called with the number of a draw, those of one epoch.

    Stretches are taken in random order and mixed some at a time, so that a set larger than memory can be learned from. The
    same number of a draw gives the same batches. What does not fill a batch is left out of that epoch.

    Parameters
    ----------
    read : from the first picture and the one after the last, the pictures (n, ...) between, as uint8 or float32
    length : number of pictures
    batch : pictures in a batch, at most `length`
    seed : another seed gives another order
    """

    def __init__(self, read: Callable[[int, int], np.ndarray], length: int, batch: int, seed: int = 0):
        if not 2 <= batch <= length:
            raise ValueError(f"batch: expected 2 to {length}, the number of pictures, got {batch}")
        self.read, self.length, self.batch, self.seed = read, length, batch, seed

    def __call__(self, draw: int) -> _Epoch:
        return _Epoch(self, draw)

    def in_order(self) -> _InOrder:
        """All pictures in their order, the last batch shorter where need be."""
        return _InOrder(self)


class _Epoch:
    """The shuffled batches of one epoch."""

    def __init__(self, source: Stored, draw: int):
        self.source, self.draw = source, draw

    def __len__(self) -> int:
        return self.source.length // self.source.batch

    def __iter__(self) -> Iterator[torch.Tensor]:
        source = self.source
        rng = np.random.default_rng([source.seed, self.draw])
        starts = rng.permutation(np.arange(0, source.length, STRETCH))
        left = None
        for first in range(0, len(starts), MIXED):
            stretches = [source.read(start, min(start + STRETCH, source.length)) for start in starts[first : first + MIXED]]
            pool = np.concatenate(stretches if left is None else [left, *stretches])
            pool = pool[rng.permutation(len(pool))]
            whole = len(pool) // source.batch
            for k in range(whole):
                yield torch.from_numpy(pool[k * source.batch : (k + 1) * source.batch])
            left = pool[whole * source.batch :]


class _InOrder:
    """All pictures in their order, in batches."""

    def __init__(self, source: Stored):
        self.source = source

    def __len__(self) -> int:
        return -(-self.source.length // self.source.batch)

    def __iter__(self) -> Iterator[torch.Tensor]:
        for start in range(0, self.source.length, self.source.batch):
            yield torch.from_numpy(self.source.read(start, min(start + self.source.batch, self.source.length)))


def stored(pictures: np.ndarray, batch: int, seed: int = 0) -> Stored:
    """Batches of pictures (n, ...) that are in memory."""
    return Stored(lambda first, after: pictures[first:after], len(pictures), min(batch, len(pictures)), seed)
