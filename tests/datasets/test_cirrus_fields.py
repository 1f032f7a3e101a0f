"""lib.datasets.cirrus_fields: channels, scaling, group split, and plain vectors of fields."""

import numpy as np
import pytest
from sklearn.model_selection import GroupShuffleSplit

from lib.cirrus.schema import ice_fields
from lib.datasets.cirrus_fields import (
    M_FLOOR,
    Q_FLOOR,
    Scaling,
    Split,
    cell_values,
    channels,
    cloudy,
    field_set,
    group_split,
    profiles,
    split_state,
)


def splitter(n_validation, n_test, seed=0):
    return GroupShuffleSplit(1, train_size=n_validation, test_size=n_test, random_state=split_state(seed))


def test_channels_have_floors_where_there_is_no_ice():
    q_i = np.array([[[[0, 0.5 * Q_FLOOR, 2 * Q_FLOOR, 1e-5]]]], np.float32)
    fields = {"q_i": q_i, "m_i": np.array([[[[0, 1e-9, 1e-20, 1e-9]]]]), "rho_i": np.array([[[[0, 90, 450, 900.0]]]])}
    values = channels(ice_fields(fields, [0], [0.0], [0.0], range(4)))
    assert values.shape == (1, 1, 3, 1, 4) and values.dtype == np.float32
    expected = [[np.log10(Q_FLOOR)] * 2 + [np.log10(2 * Q_FLOOR), -5], [np.log10(M_FLOOR)] * 3 + [-9], [0, 0, 0.5, 1]]
    np.testing.assert_allclose(values[0, 0, :, 0], expected, rtol=1e-6)
    assert cloudy(values)[0, 0, 0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("name", ["q_i", "m_i"])
def test_fields_that_are_not_finite_are_refused_by_name(layers, name):
    broken = layers.copy(deep=True)
    broken[name][7, 2, 3, 4] = np.nan
    with pytest.raises(ValueError, match=f"^{name}: member 7 has values that are not finite$"):
        channels(broken)


def test_scaling_gives_mean_0_and_deviation_1_and_back():
    values = np.random.default_rng(0).normal([[[5.0]], [[-3]], [[0]]], [[[2.0]], [[0.1]], [[1]]], (7, 2, 3, 8, 8))
    scaling = Scaling.fit(values)
    standard = scaling.transform(values)
    assert standard.mean(axis=(0, 1, 3, 4)) == pytest.approx(0, abs=1e-5) and standard.std(axis=(0, 1, 3, 4)) == pytest.approx(1)
    np.testing.assert_allclose(scaling.inverse_transform(standard), values, atol=1e-6)


def test_no_member_is_in_two_sets():
    split = group_split(splitter(8, 16, seed=3), 80)
    assert [len(rows) for rows in split] == [56, 8, 16]
    assert sorted(np.concatenate(split)) == list(range(80))
    assert all(np.array_equal(rows, np.sort(rows)) for rows in split)
    assert not np.array_equal(split.test, group_split(splitter(8, 16, seed=4), 80).test)
    with pytest.raises(ValueError, match="4 and 5 held out leave too few of 10 members"):
        group_split(splitter(4, 5), 10)


def test_the_members_that_shipped_networks_have_not_seen():
    split = group_split(splitter(4, 16), 80)
    assert split.test.tolist() == [2, 11, 15, 16, 19, 21, 23, 39, 43, 45, 52, 53, 63, 66, 70, 77]
    assert split.validation.tolist() == [14, 35, 54, 64]


def test_only_the_members_for_training_decide_the_scaling(layers):
    split = group_split(splitter(2, 3), 10)
    fields = field_set(layers, split)
    train = fields.standard[split.train]
    assert train.mean(axis=(0, 1, 3, 4)) == pytest.approx(0, abs=1e-5)
    changed = layers.copy(deep=True)
    changed["rho_i"][split.test] *= 1.5
    other = field_set(changed, split)
    assert np.array_equal(other.standard[split.train], train) and not np.array_equal(other.standard, fields.standard)
    assert other.description() != fields.description() == field_set(layers, split).description()
    assert fields.description() != field_set(layers, Split(split.train[1:], split.validation, split.test)).description()
    assert fields.pictures(split.test).shape == (18, 3, 16, 16)


def test_distances_of_vectors_are_root_mean_square_errors():
    one, other = np.random.default_rng(0).normal(size=(2, 4, 3, 8, 8))
    rmse = np.sqrt(np.mean((one - other) ** 2, axis=(1, 2, 3)))
    assert np.linalg.norm(cell_values(one) - cell_values(other), axis=-1) == pytest.approx(rmse)
    means = np.sqrt(np.mean((one.mean(-1) - other.mean(-1)) ** 2, axis=(1, 2)))
    assert np.linalg.norm(profiles(one) - profiles(other), axis=-1) == pytest.approx(means)
    assert profiles(np.roll(one, 3, axis=-1)) == pytest.approx(profiles(one))
