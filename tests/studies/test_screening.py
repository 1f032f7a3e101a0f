"""lib.studies.screening: every file is accounted for, memory stays flat, and what was broken off ends with the same results."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lib.core import paths
from lib.crystals.habits import HABITS
from lib.datasets.crystal_photographs import synthetic_photographs
from lib.models.self_supervision import Contrastive, ContrastiveRecipe
from lib.studies import screening
from lib.studies.representations import GREY_LEVELS, HabitTraining
from lib.studies.screening import COLUMNS, PUBLISHED, reference, screen

SMALL = HabitTraining(4, 2, 2, batch=16, network=ContrastiveRecipe(GREY_LEVELS, width=8, epochs=1))
CHANCES = [f"p_{habit}" for habit in HABITS]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder that the tests of this file share, also with processes of their own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder)
        patch.setenv("ICE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def network(cache):
    """A small network that network for a moment."""
    return reference(SMALL, n_each=4)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(screening, "BLOCK", 16)


def tile(rng, side=140, radius=40):
    """A dark blurred ellipse on a bright background, (side, side) uint8."""
    y, x = np.mgrid[:side, :side] - side / 2
    inside = (y / rng.uniform(0.5 * radius, radius)) ** 2 + (x / radius) ** 2 < 1
    return cv2.GaussianBlur(np.where(inside, 70, 200) + rng.normal(0, 4, (side, side)), (0, 0), 1).astype(np.uint8)


def tiles(folder, n, n_different=20):
    """A folder of n tiles, of which some are the same file under different names."""
    rng = np.random.default_rng(n_different)
    folder.mkdir(parents=True)
    for i in range(n):
        name = folder / f"2015_1205_170501_{i:05}.png"
        if i < n_different:
            cv2.imwrite(str(name), tile(rng))
        else:
            os.link(folder / f"2015_1205_170501_{i % n_different:05}.png", name)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder of 40 good tiles, in a folder of a class too, and all that else may lie there."""
    folder = tmp_path_factory.mktemp("mixed") / "tiles of été"
    tiles(folder, 10)
    whole = tiles(folder / "rimed", 30).joinpath("2015_1205_170501_00000.png").read_bytes()
    (folder / "cut short.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("sorted by hand")
    cv2.imwrite(str(folder / "even.png"), np.full((60, 60), 200, np.uint8))
    cv2.imwrite(str(folder / "small.png"), tile(np.random.default_rng(1), 60, 12))
    (folder / os.fsdecode(b"latin-\xe9.png")).write_bytes(whole)
    return folder


def results(folder):
    """Table and embedding of a screening."""
    return pd.read_csv(folder / "particles.csv"), xr.open_zarr(folder / "embedding.zarr").embedding.to_numpy()


@pytest.fixture(scope="module")
def screened(mixed, network, tmp_path_factory):
    """Results for the mixed folder, read by one process in one large block."""
    return results(screen(mixed, tmp_path_factory.mktemp("results") / "here", network, workers=1))


def test_every_file_is_in_the_table(screened, mixed):
    table, embedding = screened
    assert list(table.columns) == list(COLUMNS) and len(table) == len(embedding) == 46
    names = (str(file.relative_to(mixed)) for file in mixed.rglob("*") if file.is_file())
    assert sorted(table.file) == sorted(name.replace("\udce9", r"\udce9") for name in names)
    reasons = table.set_index("file").reason.dropna()
    assert set(reasons.index) == {"cut short.png", "empty.png", "notes.txt", "even.png", "small.png"}
    assert reasons["notes.txt"] == "cannot identify image file" and reasons["small.png"].startswith("small")
    assert set(table.label.dropna()) == {"rimed"} and table.label.notna().sum() == 30


def test_what_can_be_used_has_all_numbers_and_what_cannot_has_none(screened):
    table, embedding = screened
    good = table.reason.isna()
    assert good.sum() == 41
    assert table.loc[good, ["length_um", *PUBLISHED, "habit", "novelty", *CHANCES]].notna().all(axis=None)
    assert table.loc[~good, [*PUBLISHED, "habit", "novelty", *CHANCES]].isna().all(axis=None)
    assert np.isfinite(embedding[good]).all() and np.isnan(embedding[~good]).all()
    assert table.loc[good, CHANCES].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-3)
    assert (table.loc[good, CHANCES].idxmax(axis=1) == "p_" + table.habit[good]).all()
    assert table.length_um[good].between(180, 190).all()  # 80 pixels of 2.3 um
    assert (table.pixel_um[good] == 2.3).all() and (table.n_particles[good] == 1).all()
    assert (table.remark[good] == "pixels of the CPI assumed").all()


def test_the_probe_of_the_pictures_is_a_parameter(network, tmp_path):
    folder = tiles(tmp_path / "tiles", 3)
    table, _ = results(screen(folder, tmp_path / "results", network, workers=1, probe="CIP-15"))
    assert (
        (table.pixel_um == 15).all() and table.remark.isna().all() and table.length_um.between(80 * 15 - 30, 80 * 15 + 45).all()
    )
    with pytest.raises(ValueError, match="probe: expected one of CPI, 2D-S"):
        screen(folder, tmp_path / "others", network, probe="CIP")


def test_equal_files_have_equal_numbers(screened):
    table, embedding = screened
    good = table[table.reason.isna() & (table.label == "rimed")].sort_values("file")
    same = good.iloc[[0, 20]]
    assert same.novelty.nunique() == 1 and good.iloc[:20].novelty.nunique() > 15
    assert np.allclose(*embedding[same.index], atol=1e-3)


def test_the_numbers_do_not_depend_on_blocks_and_processes(screened, mixed, network, tmp_path):
    table, embedding = results(screen(mixed, tmp_path / "by two", network, workers=2))
    pd.testing.assert_frame_equal(table, screened[0], rtol=1e-3)
    np.testing.assert_allclose(embedding, screened[1], atol=2e-3)


def test_reference_pictures_are_not_novel_and_noise_is(network):
    pictures = synthetic_photographs(SMALL.pictures("reference", 4, screening.PHOTOGRAPHS), 16)
    _, novelty, chance = network.compare(pictures.masked.read(0, 108))
    assert np.median(novelty) < 0.5 and (chance.argmax(axis=1) == pictures.label).mean() > 0.5
    noise = np.random.default_rng(0).integers(0, 256, (5, 64, 64)).astype(np.uint8)
    assert network.compare(noise)[1].min() > np.quantile(novelty, 0.9)


KILLED = """
import sys, time
from pathlib import Path
from lib.models.self_supervision import Augmentation, ContrastiveRecipe
from lib.studies import screening
from lib.studies.representations import HabitTraining
screening.BLOCK, add = 16, screening._Results.add

def slowly(self, *block):
    add(self, *block)
    time.sleep(0.3)

screening._Results.add = slowly
folder, target = map(Path, sys.argv[1:])
screening.screen(folder, target, screening.reference({training}, n_each=4), workers=1)
"""


def rows_done(part):
    """How many particles of a screening are done, by its own account in the folder `part`."""
    state = part / "state.json"
    return json.loads(state.read_text())["done"]["rows"] if state.exists() else 0


def test_a_killed_screening_goes_on_and_ends_with_the_same_results(network, tmp_path):
    folder, target = tiles(tmp_path / "tiles", 120), tmp_path / "target"
    expected = results(screen(folder, tmp_path / "undisturbed", network, workers=1))
    code = KILLED.replace("{training}", repr(SMALL))
    process = subprocess.Popen([sys.executable, "-c", code, folder, target], cwd=paths.ROOT, stderr=subprocess.DEVNULL)
    part = Path(f"{target}.part")
    deadline = time.monotonic() + 600
    while rows_done(part) < 20:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL and not target.exists()
    n_done = rows_done(part)
    with (part / "particles.csv").open("a") as file:
        file.write("half a li")
    for left in ("part-1-state.json", "embedding.zarr/embedding/0.1.ab.partial"):
        (part / left).write_text("cut sh")
    n_read, results_of = [], screening._results_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screening, "_results_of", lambda block, *rest: n_read.append(len(block.names)) or results_of(block, *rest))
        table, embedding = results(screen(folder, target, network, workers=1))
    assert n_done + sum(n_read) == 120 and 0 < sum(n_read) < 120
    pd.testing.assert_frame_equal(table, expected[0])
    np.testing.assert_array_equal(embedding, expected[1])
    assert sorted(file.name for file in target.iterdir()) == ["embedding.zarr", "particles.csv", "state.json"]
    assert not list(target.rglob("*.partial"))


def test_what_would_mix_two_screenings_is_refused(network, mixed, tmp_path):
    folder, target = tiles(tmp_path / "tiles", 40), tmp_path / "target"
    results_of = screening._results_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            screening, "_results_of", lambda block, *rest: 1 / 0 if "00016" in block.names[0] else results_of(block, *rest)
        )
        with pytest.raises(ZeroDivisionError):
            screen(folder, target, network, workers=1)
    with pytest.raises(ValueError, match=r"target.part holds the beginning of another screening: name another folder"):
        screen(mixed, target, network, workers=1)
    (folder / "0.png").touch()
    with pytest.raises(ValueError, match=r"tiles has changed since .*target.part was begun"):
        screen(folder, target, network, workers=1)
    (folder / "0.png").unlink()
    other = replace(network, model=Contrastive(network.model.recipe, 1).eval())
    with pytest.raises(ValueError, match=r"target.part holds the beginning of another screening"):
        screen(folder, target, other, workers=1)
    screen(folder, target, network, workers=1)
    with pytest.raises(FileExistsError, match="target exists already"):
        screen(folder, target, network, workers=1)


def test_results_among_the_files_are_refused(network, mixed, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(mixed)
    for target in (mixed, mixed / "results", link / "results"):
        with pytest.raises(ValueError, match=r"is inside .*tiles of été.*name a folder outside it"):
            screen(mixed, target, network, workers=1)


def test_make_screen_without_a_folder_is_refused():
    done = subprocess.run(["make", "-s", "-o", ".venv/.installed", "screen"], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode and done.stdout.startswith("CPI_DIR is empty: name the folder of pictures")


def test_an_empty_folder(network, tmp_path):
    (tmp_path / "none").mkdir()
    table, embedding = results(screen(tmp_path / "none", tmp_path / "target", network, workers=1))
    assert len(table) == len(embedding) == 0


MEMORY = """
import resource, sys
from pathlib import Path
from lib.models.self_supervision import Augmentation, ContrastiveRecipe
from lib.studies import screening
from lib.studies.representations import HabitTraining
network = screening.reference({training}, n_each=4)
for folder in sys.argv[1:]:
    screening.screen(Path(folder), Path(folder + " screened"), network, workers=1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_number_of_files(network, tmp_path):
    folders = [tiles(tmp_path / str(n), n) for n in (300, 1000)]
    code = MEMORY.replace("{training}", repr(SMALL))
    done = subprocess.run([sys.executable, "-c", code, *folders], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    assert many - few < 13  # MiB; a tile here has 140 x 140 pixels, grey and mask, so 700 more of them would take 26 MiB


def test_the_command_line(network, mixed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(screening, "reference", lambda **_: network)
    monkeypatch.setattr(sys, "argv", ["screening", str(mixed), str(tmp_path / "target"), "--workers", "1", "--screening", "all"])
    screening.main()
    assert capsys.readouterr().out.strip() == f"results: {tmp_path / 'target'}"
    for folder, sentence in ((mixed, "target exists already"), (tmp_path / "nowhere", "no folder .*nowhere")):
        monkeypatch.setattr(sys, "argv", ["screening", str(folder), str(tmp_path / "target")])
        with pytest.raises(SystemExit, match=sentence):
            screening.main()


def test_real_tiles(shared_data, network, tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for file in sorted((shared_data / "cpi").rglob("*.png"))[::12]:
        (folder / file.name).symlink_to(file)
    table, embedding = results(screen(folder, tmp_path / "target", network, "all", workers=1))
    good = table.reason.isna()
    assert len(table) >= len(list(folder.iterdir())) and good.mean() > 0.5
    assert np.isfinite(embedding[good]).all() and table.novelty[good].gt(0).all()
