"""lib.datasets.fresh_rosettes: fresh pictures belong to their crystals, repeat with their number only, and the sets are apart."""

import numpy as np
import pytest
import torch

from lib.crystals.rosette import sample
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import Views, rosette_views, rows, truth

VIEWS = Views(21, 2, (0, 90), seed=5, size=64)


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.core.paths.CACHE", tmp_path_factory.mktemp("cache"))
        yield rosette_views(VIEWS, "synchronous").load()


def source(**changes):
    settings = {"views": VIEWS, "angles_deg": (0.0, 90.0), "batch": 12, "steps": 3, "seed": 1, "scheduler": "synchronous"}
    return fresh_rosettes.FreshPictures(**settings | changes)


def batches(epoch=0, **changes):
    """The batches of an epoch."""
    fresh = source(**changes)
    fresh.set_epoch(epoch)
    return list(fresh.loader())


def test_an_epoch_has_its_batches_and_the_same_again():
    assert len(source()) == len(batches(4)) == 3
    for batch, again in zip(batches(4), batches(4), strict=True):
        assert isinstance(batch, fresh_rosettes.Batch)
        assert batch.pictures.shape == (12, 2, 64, 64) and batch.pictures.dtype == torch.uint8
        assert batch.values.shape == (12, 2) and batch.labels.shape == (12,)
        assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))


@pytest.mark.parametrize(("seed", "epoch", "step"), [(2, 4, 0), (1, 5, 0), (1, 4, 1)])
def test_no_two_batches_are_alike(seed, epoch, step):
    assert not torch.equal(batches(4)[0].pictures, batches(epoch, seed=seed)[step].pictures)


def test_values_and_labels_are_those_of_the_crystal_drawn(data):
    batch = batches(batch=200, steps=1)[0]
    known = np.round(np.column_stack([data.rho_e, data.a_e]), 6)
    bullets = data.n_bullets.to_numpy()
    for values, label, picture in zip(batch.values.numpy(), batch.labels.numpy(), batch.pictures[:, 0].numpy(), strict=True):
        (row,) = np.flatnonzero((np.abs(known - values) < 1e-5).all(axis=1))
        assert label == bullets[row] - 4
        # the box of a crystal is some 3 times its densest silhouette: a gross mismatch of row and picture would show
        assert 0.02 < picture.sum() / 4 / 64**2 < 0.6
    assert set(batch.labels.tolist()) == set(range(7))


def test_dense_crystals_have_large_silhouettes():
    batch = batches(batch=400, steps=1)[0]
    area = batch.pictures.float().mean((1, 2, 3))
    assert np.corrcoef(area.log(), batch.values[:, 0].log())[0, 1] > 0.7


def test_pictures_drawn_by_torch_are_those_of_compiled_code(monkeypatch):
    drawn = next(iter(source())).pictures.int()
    by_torch = source()
    by_torch.drawer = fresh_rosettes._OnGpu(sample(VIEWS.n_crystals, VIEWS.seed), "cpu")
    other = next(iter(by_torch)).pictures.int()
    assert (drawn - other).abs().max() <= 1 and (drawn != other).float().mean() < 1e-3


def test_stored_batches_hold_every_picture_once_with_its_truth(data):
    held = fresh_rosettes.stored_batches(data, (1,), batch=10)
    assert [len(batch.labels) for batch in held] == [10, 10, 10, 10, 2]
    whole = np.concatenate([batch.pictures.numpy() for batch in held])
    assert torch.equal(torch.cat([batch.origins for batch in held]), fresh_rosettes.origins_of(data, (1,)))
    assert np.array_equal(whole[:, 0], data.silhouette.to_numpy()[:, :, 1].reshape(-1, 64, 64))
    expected = truth(data)
    assert np.allclose(np.concatenate([batch.values for batch in held]), expected[["rho_e", "a_e"]])
    assert np.array_equal(np.concatenate([batch.labels for batch in held]) + 4, expected.n_bullets)


def test_truth_has_the_rows_of_the_table(data):
    table = rows(data)
    assert truth(data).loc[table.index].equals(table[["rho_e", "a_e", "n_bullets"]])


def test_the_four_sets_share_no_crystal():
    for seed in (0, 1):
        views = fresh_rosettes.sets(70, 35, 21, (0.0, 90.0), 64, seed)
        assert len({v.seed for v in views}) == 4
        assert [v.n_crystals for v in views] == [70, 35, 70, 21]
        assert [v.n_orientations for v in views] == [1, 2, 1, 2] and not views.crystals.pictures
    shapes = [{round(c.base["a"], 9) for c in sample(v.n_crystals, v.seed)} for v in views]
    assert len(set.union(*shapes)) == sum(map(len, shapes))


def test_bad_sizes_are_told_in_a_sentence():
    with pytest.raises(ValueError, match="batch must be at least 2 and steps at least 1, got 1 and 3"):
        source(batch=1)


def test_outlines_are_what_is_half_covered_without_holes():
    y, x = np.mgrid[:40, :40]
    distance = np.hypot(x - 20, y - 20)
    ring = np.clip(np.round(4 * np.minimum(15.5 - distance, distance - 7.5)), 0, 4).astype(np.uint8)
    found = fresh_rosettes.as_outlines(torch.from_numpy(np.stack([ring, 0 * ring])[:, None]))
    assert found.dtype == torch.uint8 and found.shape == (2, 1, 40, 40)
    assert torch.equal(found[0, 0], torch.from_numpy(4 * ((ring >= 2) | (distance < 12)).astype(np.uint8)))
    assert not found[1].any()


def test_fresh_pictures_come_as_outlines_where_asked_for():
    plain, outlined = (batches(4, outlines=outlines)[0] for outlines in (False, True))
    assert torch.equal(fresh_rosettes.as_outlines(plain.pictures), outlined.pictures)
    assert torch.equal(plain.origins, outlined.origins) and torch.equal(plain.values, outlined.values)
