"""Batches of stored pictures."""

import numpy as np
import pytest

from lib.datasets.batches import MIXED, STRETCH, StoredPictures, stored

NUMBERS = np.arange(STRETCH * MIXED * 2 + 31)


def flat(batches):
    """All numbers in some batches, one after the other."""
    return np.concatenate([batch.numpy() for batch in batches])


def test_an_epoch_shows_each_picture_at_most_once_in_whole_batches():
    batches = list(stored(NUMBERS, 50).loader())
    shown = flat(batches)
    assert len(batches) == len(stored(NUMBERS, 50)) == len(NUMBERS) // 50
    assert all(len(batch) == 50 for batch in batches)
    assert len(set(shown)) == len(shown) and set(shown) <= set(NUMBERS)


def epoch(source, number):
    """All numbers in the batches of an epoch."""
    source.set_epoch(number)
    return flat(source.loader())


def test_the_same_epoch_gives_the_same_batches_and_another_does_not():
    source = stored(NUMBERS, 64, seed=3)
    assert (epoch(source, 4) == epoch(source, 4)).all()
    assert (epoch(source, 4) != epoch(source, 5)).any() and (epoch(source, 4) != epoch(stored(NUMBERS, 64, seed=4), 4)).any()


def test_an_epoch_is_well_mixed():
    shown = epoch(stored(NUMBERS, 64), 0)
    assert abs(np.corrcoef(np.arange(len(shown)), shown)[0, 1]) < 0.3
    assert np.mean(np.abs(np.diff(shown)) < STRETCH) < 0.2


def test_in_order_are_all():
    assert (flat(stored(NUMBERS, 100).in_order().loader()) == NUMBERS).all()
    assert len(stored(NUMBERS, 100).in_order()) == len(list(stored(NUMBERS, 100).in_order()))


def test_only_some_stretches_are_read_at_a_time():
    asked = []

    def read(first, after):
        asked.append((first, after))
        return np.arange(first, after)

    next(iter(StoredPictures(read, len(NUMBERS), 64)))
    assert len(asked) == MIXED and all(after - first <= STRETCH for first, after in asked)


def test_batches_must_fit():
    with pytest.raises(ValueError, match="expected 2 to 10"):
        StoredPictures(lambda first, after: np.arange(first, after), 10, 11)


@pytest.mark.parametrize(("length", "batch"), [(STRETCH * MIXED, 64), (STRETCH * MIXED, 50), (100, 100), (7, 2)])
def test_batches_are_whole_whatever_the_length(length, batch):
    batches = list(stored(np.arange(length), batch))
    assert [len(own) for own in batches] == [batch] * (length // batch)
    assert len(set(flat(batches))) == length // batch * batch
