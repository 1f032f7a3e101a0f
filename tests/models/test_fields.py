"""lib.models.fields: channels, scaling, split, and the ways to a few numbers and back."""

import numpy as np
import pytest

from lib.cirrus.schema import ice_fields
from lib.models.fields import (
    M_FLOOR,
    Q_FLOOR,
    autoencoder,
    by_components,
    by_network,
    channel_r2,
    channels,
    components,
    divided,
    information,
    prepared,
    scaling,
    share_told,
    split,
    split_beside,
)
from lib.models.vae import VaeRecipe


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setattr("lib.core.paths.CACHE", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def clouds():
    """An ensemble (10 members, 6 times) of flat layers whose height and mass vary."""
    rng = np.random.default_rng(0)
    base, mass = rng.integers(4, 10, (2, 10))
    z = np.arange(16)
    q_i = np.zeros((10, 6, 16, 16), np.float32)
    for member, time in np.ndindex(10, 6):
        layer = (z >= base[member] - time // 2) & (z < base[member] + 4)
        q_i[member, time, layer] = 10.0 ** (-mass[member] / 2 - 1)
    n_i = np.where(q_i > 0, 1e4, 0).astype(np.float32)
    fields = {"q_i": q_i, "m_i": q_i / 1e4, "n_i": n_i, "rho_i": np.where(q_i > 0, 450, 0).astype(np.float32)}
    return ice_fields(fields, range(10), range(6), z * 50.0, z * 100.0)


def test_channels_have_floors_where_there_is_no_ice():
    q_i = np.array([[[[0, 0.5 * Q_FLOOR, 2 * Q_FLOOR, 1e-5]]]], np.float32)
    fields = {"q_i": q_i, "m_i": np.array([[[[0, 1e-9, 1e-20, 1e-9]]]]), "rho_i": np.array([[[[0, 90, 450, 900.0]]]])}
    found = channels(ice_fields(fields, [0], [0.0], [0.0], range(4)))
    assert found.shape == (1, 1, 3, 1, 4) and found.dtype == np.float32
    expected = [[np.log10(Q_FLOOR)] * 2 + [np.log10(2 * Q_FLOOR), -5], [np.log10(M_FLOOR)] * 3 + [-9], [0, 0, 0.5, 1]]
    np.testing.assert_allclose(found[0, 0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["q_i", "m_i"])
def test_fields_that_are_not_finite_are_refused_by_name(clouds, name):
    broken = clouds.copy(deep=True)
    broken[name][7, 2, 3, 4] = np.nan
    with pytest.raises(ValueError, match=f"^{name}: member 7 has values that are not finite$"):
        channels(broken)


def test_scaling_standardises_and_restores():
    values = np.random.default_rng(0).normal([[[5.0]], [[-3]], [[0]]], [[[2.0]], [[0.1]], [[1]]], (7, 2, 3, 8, 8))
    scaled = scaling(values)
    standard = scaled.standardised(values)
    assert standard.mean(axis=(0, 1, 3, 4)) == pytest.approx(0, abs=1e-5) and standard.std(axis=(0, 1, 3, 4)) == pytest.approx(1)
    np.testing.assert_allclose(scaled.restored(standard), values, atol=1e-6)


def test_no_member_is_in_two_sets():
    rows = split(80, 8, 16, seed=3)
    assert [len(part) for part in rows] == [56, 8, 16]
    assert sorted(np.concatenate(rows)) == list(range(80))
    assert not np.array_equal(rows.test, split(80, 8, 16, seed=4).test)
    with pytest.raises(ValueError, match="4 and 5 leave too few of 10 members"):
        split(10, 4, 5)


def test_only_the_members_to_learn_from_decide_the_scaling(clouds):
    fields = prepared(clouds, 2, 3)
    learned = fields.standard[fields.split.train]
    assert learned.mean(axis=(0, 1, 3, 4)) == pytest.approx(0, abs=1e-5)
    changed = clouds.copy(deep=True)
    changed["rho_i"][fields.split.test] *= 1.5
    again = prepared(changed, 2, 3)
    assert np.array_equal(again.standard[fields.split.train], learned)
    assert again.description() != fields.description()


def test_components_restore_more_the_more_there_are(clouds):
    fields = prepared(clouds, 2, 3)
    fitted = components(fields, 12)
    scores = []
    for n in (1, 3, 12):
        way = by_components(fitted, n)
        latents = way.encode(fields.standard)
        assert latents.shape == (10, 6, n)
        scores.append(channel_r2(fields.pictures(fields.split.train), way.decode(latents[fields.split.train].reshape(-1, n))))
    assert scores[0].mean() < scores[1].mean() < scores[2].mean() and scores[2].min() > 0.99


def test_r2_is_one_for_the_truth_and_zero_for_the_mean():
    standard = scaling(values := np.random.default_rng(1).normal(size=(5, 3, 8, 8))).standardised(values)
    assert channel_r2(standard, standard).tolist() == [1, 1, 1]
    assert channel_r2(standard, np.zeros_like(standard)).tolist() == [0, 0, 0]


def test_a_channel_tells_what_follows_from_it():
    other, noise = np.random.default_rng(0).normal(size=(2, 50, 40, 40)).astype(np.float32)
    assert share_told(other**2, other) > 0.95 and share_told(noise, other) < 0.01
    assert share_told(other + noise, other) == pytest.approx(0.5, abs=0.02)


def test_an_autoencoder_learns_the_clouds_and_is_found_again(clouds, cache):
    fields = prepared(clouds.isel(time=slice(1, None)), 2, 2)
    recipe = VaeRecipe(4, 16, channels=3, width=8, layers=2, epochs=60, rate=5e-3)
    model, history = autoencoder(fields, recipe, batch=10)
    way = by_network(model)
    latents = way.encode(fields.standard)
    assert latents.shape == (10, 5, 4)
    train = fields.split.train
    restored = way.decode(latents)
    assert restored.shape == fields.standard.shape
    assert channel_r2(fields.standard[train], restored[train]).min() > 0.8
    told = information(model, fields.pictures(train))
    assert told.shape == (4,) and (told >= 0).all() and told.max() > 0.5
    again = autoencoder(fields, recipe, batch=10)
    assert np.array_equal(by_network(again.model).encode(fields.standard), latents) and again.history.equals(history)


def test_members_to_compare_are_never_learned_from():
    rows = split_beside(20, np.array([3, 17]), 4, seed=1)
    assert sorted(np.concatenate(rows)) == list(range(20))
    assert rows.test.tolist() == [3, 17] and len(rows.validation) == 4
    with pytest.raises(ValueError, match="5 and 4 to test leave too few of 10 members"):
        split_beside(10, np.arange(4), 5)
    values = np.random.default_rng(0).normal(5, 2, (20, 2, 3, 8, 8)).astype(np.float32)
    values[rows.test] += 100
    found = divided(values, rows)
    assert found.standard[rows.train].mean() == pytest.approx(0, abs=1e-4) and found.standard[rows.test].min() > 10
