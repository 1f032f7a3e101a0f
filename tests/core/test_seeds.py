"""lib.core.seeds: random numbers by name."""

import itertools

import numpy as np
import pytest

from lib.core.seeds import child_seed, generator, sequence


def test_a_name_gives_the_same_numbers_everywhere():
    assert generator(3, "rosettes", "orientation", 7).integers(1000, size=4).tolist() == [659, 938, 106, 46]
    assert child_seed(3, "test") == 2023888211


def test_other_names_give_other_numbers():
    names = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("1",), (1,), ("a", 1), (1, "a"), (2**32 + 1,), (1, 1)]
    drawn = [generator(seed, *name).integers(2**63) for seed, name in itertools.product((0, 1), names)]
    assert len(set(drawn)) == len(drawn)


def test_seeds_of_parts_are_32_bits_and_spread_out():
    seeds = np.array([child_seed(0, "crystal", i) for i in range(2000)])
    assert seeds.min() >= 0 and seeds.max() < 2**32 and len(np.unique(seeds)) == 2000
    assert np.histogram(seeds, 4, (0, 2**32))[0].min() > 400


@pytest.mark.parametrize("arguments", [(-1, "a"), (0, "a", -2)])
def test_negative_numbers_are_refused(arguments):
    with pytest.raises(ValueError, match="at least 0, got"):
        sequence(*arguments)
