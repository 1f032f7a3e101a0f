"""Data sets of whole batches for torch's DataLoader: what an epoch holds follows from a seed and the epoch's number alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from lib.core.seeds import generator

#: Pictures in a stretch, which is read at once, and stretches that are mixed at a time.
STRETCH, MIXED = 72, 16


class SeededDataset(IterableDataset):
    """Batches of one epoch, which the same seed and epoch give again: so a training that is resumed sees what it would have seen.

    A subclass has a length, the number of batches in an epoch, and yields them. `set_epoch` is called before each epoch, as of
    torch's distributed samplers; `loader` serves the batches as they are.
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        self.seed, self.epoch = seed, 0

    def __len__(self) -> int:
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next."""
        self.epoch = epoch

    def loader(self) -> DataLoader:
        """torch's loader of the batches, in this process."""
        return DataLoader(self, batch_size=None)


class StoredPictures(SeededDataset):
    """Batches of the pictures that `read` reads, shuffled anew in each epoch.

    Stretches are taken in random order and mixed some at a time, so that a set larger than memory can be learned from. What
    does not fill a batch is left out of that epoch.

    Parameters
    ----------
    read : from the first picture and the one after the last, the pictures (n, ...) between, as uint8 or float32
    length : number of pictures
    batch : pictures in a batch, at most `length`
    seed : another seed gives another order
    """

    def __init__(self, read: Callable[[int, int], np.ndarray], length: int, batch: int, seed: int = 0):
        super().__init__(seed)
        if not 2 <= batch <= length:
            raise ValueError(f"batch: expected 2 to {length}, the number of pictures, got {batch}")
        self.read, self.length, self.batch, self.shuffle = read, length, batch, True

    def in_order(self) -> StoredPictures:
        """The same pictures, all of them and in their order; the last batch is shorter where need be."""
        ordered = copy.copy(self)
        ordered.shuffle = False
        return ordered

    def __len__(self) -> int:
        return self.length // self.batch if self.shuffle else -(-self.length // self.batch)

    def __iter__(self) -> Iterator[torch.Tensor]:
        return self._shuffled() if self.shuffle else self._stretches(range(0, self.length, self.batch), self.batch)

    def _shuffled(self) -> Iterator[torch.Tensor]:
        rng = generator(self.seed, "epoch", self.epoch)
        starts = rng.permutation(np.arange(0, self.length, STRETCH))
        rest = None
        for first in range(0, len(starts), MIXED):
            stretches = list(self._stretches(starts[first : first + MIXED], STRETCH))
            pool = torch.cat(stretches if rest is None else [rest, *stretches])
            *whole, rest = pool[torch.from_numpy(rng.permutation(len(pool)))].split(self.batch)
            if len(rest) == self.batch:
                whole, rest = [*whole, rest], None
            yield from whole

    def _stretches(self, starts, length: int) -> Iterator[torch.Tensor]:
        """The pictures from each start on, so many at a time."""
        for start in starts:
            yield torch.from_numpy(self.read(start, min(start + length, self.length)))


def stored(pictures: np.ndarray, batch: int, seed: int = 0) -> StoredPictures:
    """Batches of pictures (n, ...) that are in memory."""
    return StoredPictures(lambda first, after: pictures[first:after], len(pictures), min(batch, len(pictures)), seed)
