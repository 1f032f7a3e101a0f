"""Random numbers by name: whatever draws has a generator of its own, found by the seed of a run and a few words.

Two uses of one seed that have different names share no random number, so nobody has to keep a list of which offsets are taken.
Our own code takes a `generator`. What wants a whole number takes a `child_seed`: the description of a data set, or a splitter
of scikit-learn, ``GroupShuffleSplit(random_state=child_seed(seed, "split"))``. A name may not change once a shipped network was
trained with it: its test crystals or members would be drawn anew, and some of them could be those that it learned from.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def sequence(seed: int, *names: str | int) -> np.random.SeedSequence:
    """The seed sequence of a use of `seed`, named by words and numbers from 0 on.

    The same arguments give the same sequence on every machine. The order of the names counts, and 1 is not "1".

    Raises
    ------
    ValueError
        If a number is negative.
    """
    if seed < 0 or any(not isinstance(name, str) and name < 0 for name in names):
        raise ValueError(f"seed: expected it and all numbers to be at least 0, got {seed} and {', '.join(map(str, names))}")
    key = hashlib.sha256(json.dumps([name if isinstance(name, str) else int(name) for name in names]).encode()).digest()
    return np.random.SeedSequence(seed, spawn_key=np.frombuffer(key[:16], "<u4").tolist())


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator of random numbers for this use of `seed` alone.

    >>> bool(generator(0, "rosettes", "orientation", 7).random() == generator(0, "rosettes", "orientation", 8).random())
    False
    """
    return np.random.default_rng(sequence(seed, *names))


def child_seed(seed: int, *names: str | int) -> int:
    """A seed of 32 bits for this use of `seed`, for what takes a whole number: a data set's description, a library."""
    return int(sequence(seed, *names).generate_state(1)[0])
