"""lib.datasets.rosettes: what is in the store, the same bytes however it is built, and going on after a kill."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import xarray as xr

from lib.core import paths
from lib.core.cache import digest
from lib.crystals.rosette import sample
from lib.crystals.solid import targets
from lib.datasets.rosettes import BLOCK, CHUNK, LAYOUT, VARIABLES, Views, crystals_of, rosette_views, rows
from lib.imaging.draw.silhouette import silhouettes
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, describe

VIEWS = Views(n_crystals=70, n_orientations=2, angles_deg=(0, 90), seed=3, size=40)  # three blocks, the last one not full
SLOW = Views(n_crystals=8 * BLOCK, n_orientations=4, angles_deg=(0,), seed=4, size=120)  # slow enough to be killed in mid-build


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def built_apart(folder, views, *arguments):
    """The data set built in a cache of its own, and its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder)
        return rosette_views(views, *arguments), folder_of(folder, views)


def folder_of(cache, views):
    return cache / f"rosettes-{digest(asdict(views) | {'layout': LAYOUT})}"


def hashes(folder):
    """Hash of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """`VIEWS` built without any parallelism, and its folder."""
    return built_apart(tmp_path_factory.mktemp("plain"), VIEWS, "synchronous")


@pytest.fixture(scope="module")
def data(built):
    return built[0].load()


# --- what is in it ------------------------------------------------------------------------------------------------------


def test_shapes_and_types(built):
    found = {name: (variable.dims, variable.dtype.name) for name, variable in built[0].data_vars.items()}
    assert found == {
        "silhouette": (("crystal", "orientation", "view", "y", "x"), "uint8"),
        "descriptors": (("crystal", "orientation", "view", "descriptor"), "float32"),
        "pixel_um": (("crystal", "orientation"), "float64"),
        "origin_px": (("crystal", "orientation", "view", "xy"), "float32"),
        "rotation": (("crystal", "orientation", "row", "column"), "float64"),
        "n_bullets": (("crystal",), "int8"),
        "base": (("crystal", "parameter"), "float64"),
        "bullets": (("crystal", "bullet", "measure"), "float64"),
        **{name: (("crystal",), "float64") for name in ("sphere", "volume", "area", "radius", "rho_e", "a_e")},
    }
    sizes = {"crystal": 70, "orientation": 2, "view": 2, "y": 40, "x": 40, "descriptor": 8, "parameter": 5, "row": 3, "column": 3}
    sizes |= {"bullet": 10, "measure": 9, "xy": 2}
    assert dict(built[0].sizes) == sizes


def test_units_names_and_description_are_in_the_store(built):
    data = xr.open_zarr(built[1] / "data.zarr")
    for name in data.data_vars:
        unit, meaning = VARIABLES[name]
        assert data[name].attrs == {"units": unit.format("um"), "long_name": meaning}
    assert data["angle_deg"].attrs["units"] == "degree" and data["volume"].attrs["units"] == "um^3"
    assert data["angle_deg"].values.tolist() == [0, 90]
    assert data["descriptor"].values.tolist() == list(PUBLISHED)
    assert data["definition"].values.tolist() == list(PUBLISHED.values())
    assert data["parameter"].values.tolist() == list(sample(1, 0)[0].base)
    described = {"n_crystals": 70, "n_orientations": 2, "angles_deg": [0, 90], "seed": 3, "size": 40, "model": "2025"}
    assert {name: data.attrs[name] for name in described} == described


def test_opened_lazily_in_equal_chunks_of_whole_blocks(built):
    assert built[0].chunksizes["crystal"][0] == BLOCK and BLOCK % CHUNK == 0


def test_values_are_those_of_the_modules_below(data):
    for i, crystal in enumerate(sample(70, seed=3)):
        one = data.isel(crystal=i)
        solid = crystal.solid()
        drawn = silhouettes(solid, one["rotation"].values, (0, 90), 40)
        assert np.array_equal(drawn.coverage, one["silhouette"].values)
        assert np.array_equal(drawn.pixel_um, one["pixel_um"].values)
        assert np.allclose(drawn.origin_px, one["origin_px"].values)
        expected = describe(drawn.coverage.reshape(-1, 40, 40)).values.reshape(2, 2, 8)
        assert np.array_equal(expected.astype(np.float32), one["descriptors"].values, equal_nan=True)
        for name, value in targets(solid)._asdict().items():
            assert one[name] == pytest.approx(value, rel=1e-9)
        assert one["n_bullets"] == crystal.n_bullets
        assert one["base"].values.tolist() == list(crystal.base.values())


def test_the_crystals_are_in_the_store(data):
    for crystal, again in zip(sample(70, seed=3), crystals_of(data), strict=True):
        assert crystal.base == again.base and crystal.sphere_um == again.sphere_um
        for name in ("directions", "basal_um", "prism_um", "pyramid_um", "tip_um", "roll", "hollow"):
            assert np.array_equal(getattr(crystal, name), getattr(again, name))


def test_orientations_are_rotations_and_all_differ(data):
    turns = data["rotation"].values.reshape(-1, 3, 3)
    assert turns @ turns.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (140, 1, 1)), abs=1e-12)
    assert len(np.unique(turns.round(6), axis=0)) == 140
    assert np.abs(turns.mean(axis=0)).max() < 0.25


def test_another_seed_is_another_data_set(data, cache):
    other = rosette_views(replace(VIEWS, n_crystals=8, seed=4), "synchronous")
    same = rosette_views(replace(VIEWS, n_crystals=8, seed=3), "synchronous")
    assert not np.isin(other["rho_e"], data["rho_e"]).any()
    assert not np.isclose(other["rotation"], same["rotation"]).all(axis=(2, 3)).any()


def test_without_pictures(data, cache):
    bare = rosette_views(replace(VIEWS, pictures=False), "synchronous")
    assert "silhouette" not in bare
    for name in bare.data_vars:
        np.testing.assert_array_equal(bare[name], data[name])
    assert sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) < 300_000


def test_extended_descriptors_follow_the_published_ones(data):
    more = rosette_views(replace(VIEWS, n_crystals=70, extended=True, pictures=False), "synchronous")
    assert more["descriptor"].values.tolist() == [*PUBLISHED, *EXTENDED]
    np.testing.assert_array_equal(more["descriptors"][..., :8], data["descriptors"])
    pictures = data["silhouette"].values[:4].reshape(-1, 40, 40)
    expected = describe(pictures, extended=True).values.astype(np.float32)
    np.testing.assert_array_equal(more["descriptors"][:4].values.reshape(expected.shape), expected)


def test_a_fixed_scale_shows_size_and_cuts_off(cache):
    fixed = rosette_views(replace(VIEWS, n_crystals=14, pixel_um=6.0), "synchronous").load()
    assert (fixed["pixel_um"] == 6).all()
    whole = fixed["silhouette"].sum(("y", "x")).mean(("orientation", "view"))
    assert np.corrcoef(whole[fixed["radius"] < 100], fixed["radius"][fixed["radius"] < 100] ** 2)[0, 1] > 0.5
    cut = np.isnan(fixed["descriptors"]).any("descriptor")
    edge = [fixed["silhouette"].isel({axis: side}).any("x" if axis == "y" else "y") for axis in "xy" for side in (0, -1)]
    assert 0 < cut.sum() < cut.size
    assert np.array_equal(cut, np.logical_or.reduce(edge))
    assert len(rows(fixed)) == (~cut.isel(view=0)).sum()


@pytest.mark.parametrize("changes", [{"model": "2023"}, {"hollow": 0.6}])
def test_other_crystals(changes, data):
    views = replace(VIEWS, n_crystals=16, **changes)
    found = rosette_views(views, "synchronous")
    expected = [targets(crystal.solid()).rho_e for crystal in sample(16, 3, **changes)]
    assert found["rho_e"].values.tolist() == pytest.approx(expected, rel=1e-9)
    assert found.attrs[next(iter(changes))] == next(iter(changes.values()))


# --- the same bytes -----------------------------------------------------------------------------------------------------


def test_the_bytes_are_those_of_another_build_without_parallelism(built, tmp_path):
    assert hashes(built_apart(tmp_path, VIEWS, "synchronous")[1]) == hashes(built[1])
    assert len(hashes(built[1])) > 40


@pytest.mark.parametrize(
    ("scheduler", "workers"), [("threads", 1), ("threads", 2), ("threads", None), ("processes", 1), ("processes", 2)]
)
def test_the_bytes_do_not_depend_on_scheduler_and_workers(built, cache, scheduler, workers):
    rosette_views(VIEWS, scheduler, workers)
    assert hashes(folder_of(cache, VIEWS)) == hashes(built[1])


def test_a_cluster_builds_the_same_bytes(built, cache):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        rosette_views(VIEWS, cluster.scheduler_address)
    assert hashes(folder_of(cache, VIEWS)) == hashes(built[1])


def test_what_is_built_is_found(built, cache):
    views = replace(VIEWS, n_crystals=4)
    rosette_views(views, "synchronous")
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    rosette_views(replace(views, angles_deg=[0.0, 90]), "threads")  # the same description in other words
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


# --- broken off ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow_hashes(tmp_path_factory):
    """Hashes of `SLOW` built without interruption."""
    return hashes(built_apart(tmp_path_factory.mktemp("slow"), SLOW, "threads", 2)[1])


BUILD = "from lib.datasets.rosettes import Views, rosette_views; rosette_views({views!r}, {scheduler!r}, 2)"


def block_of(path):
    """Number of the block that a chunk file belongs to, or None for metadata and coordinates."""
    if not path.name[0].isdigit() or path.parent.name in ("angle_deg", "definition", "descriptor", "measure", "parameter"):
        return None
    crystals = CHUNK if path.parent.name == "silhouette" else BLOCK
    return int(path.name.split(".")[0]) * crystals // BLOCK


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_a_killed_build_goes_on_where_it_was(cache, slow_hashes, scheduler):
    folder = folder_of(cache, SLOW)
    part = folder.with_name(folder.name + ".part")
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD.format(views=SLOW, scheduler=scheduler)],
        cwd=paths.ROOT,
        env=os.environ | {"ICE_CACHE": str(cache)},
        stderr=subprocess.DEVNULL,
    )
    while not (part / "done").is_dir() or not any((part / "done").iterdir()):
        assert process.poll() is None, "built before it could be killed"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {int(marker.name) // BLOCK for marker in (part / "done").iterdir()}
    assert 1 <= len(done) < 8
    assert not folder.exists()  # not taken for whole

    before = {path.relative_to(part): path.stat().st_mtime_ns for path in part.rglob("*") if path.is_file()}
    rosette_views(SLOW, scheduler, 2)
    after = {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    written = {path for path, modified in after.items() if before.get(path) != modified}
    assert {block_of(path) for path in written} - {None} == set(range(8)) - done
    assert {block_of(path) for path in after.keys() - written} - {None} == done
    assert not (folder / "done").exists() and not part.exists()
    assert hashes(folder) == slow_hashes


def test_a_build_that_fails_is_not_taken_for_whole(cache):
    views = replace(VIEWS, n_crystals=8, hollow=2.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="hollow: expected a fraction"):
            rosette_views(views, "synchronous")
    assert not folder_of(cache, views).exists()


# --- tables -------------------------------------------------------------------------------------------------------------


def test_rows_of_one_view(data):
    table = rows(data)
    assert table.columns.tolist() == [*PUBLISHED, "rho_e", "a_e", "n_bullets"]
    assert table.index.names == ["crystal", "orientation"] and len(table) == 140
    for crystal, orientation in [(0, 0), (7, 1), (69, 1)]:
        row, one = table.loc[(crystal, orientation)], data.isel(crystal=crystal)
        np.testing.assert_array_equal(row[list(PUBLISHED)], one["descriptors"][orientation, 0].values.astype(float))
        assert (row["rho_e"], row["a_e"], row["n_bullets"]) == (one["rho_e"], one["a_e"], one["n_bullets"])


def test_rows_of_two_views(data):
    table = rows(data, views=(0, 1))
    assert table.columns.tolist() == [*PUBLISHED, *(f"{name}_2" for name in PUBLISHED), "rho_e", "a_e", "n_bullets"]
    np.testing.assert_array_equal(table.iloc[:, :8], data["descriptors"][:, :, 0].values.reshape(140, 8))
    np.testing.assert_array_equal(table.iloc[:, 8:16], data["descriptors"][:, :, 1].values.reshape(140, 8))
    assert rows(data, views=(1,))["aspect_ratio"].equals(table["aspect_ratio_2"].rename("aspect_ratio"))


def test_rows_of_some_descriptors(data):
    assert rows(data, descriptors=("circularity", "area_ratio")).columns[:2].tolist() == ["circularity", "area_ratio"]


def test_pairs_of_which_one_picture_is_missing_are_left_out(data):
    holed = data.copy(deep=True)
    holed["descriptors"][3, 1, 1] = np.nan
    assert len(rows(holed)) == 140
    pairs = rows(holed, views=(0, 1))
    assert len(pairs) == 139 and (3, 1) not in pairs.index and (3, 0) in pairs.index


# --- bad arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_crystals": 0}, "n_crystals: expected at least 1, got 0"),
        ({"n_orientations": -1}, "n_orientations: expected at least 1, got -1"),
        ({"size": 0}, "size: expected at least"),
        ({"angles_deg": ()}, "angles_deg: expected at least one view"),
        ({"model": "2024"}, "model: expected one of 2025, 2023, got '2024'"),
    ],
)
def test_bad_views_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Views(**{"n_crystals": 5, "n_orientations": 2} | arguments)


def test_an_unknown_scheduler(cache):
    for views in (VIEWS, replace(VIEWS, n_crystals=2)):
        with pytest.raises(ValueError, match="scheduler: expected one of processes, .* got 'proceses'"):
            rosette_views(views, "proceses")
