"""lib.imaging.read.cpi: particles of whatever is in a folder, one after the other, screened and recorded."""

import json
import os
import subprocess
import sys
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_files import BROKEN as UNREADABLE
from test_files import encoded
from test_segmentation import disc, tile

from lib.core.paths import ROOT
from lib.imaging.read.cpi import particles, screen, tabulate, whole_particles
from lib.imaging.read.files import BadImage, open_picture
from lib.imaging.read.palette import COLOURS, grey_levels
from lib.imaging.read.segmentation import cut_share

ROW, COLUMN = np.mgrid[:120, :150]
LEVELS = (ROW * 7 + COLUMN * 3).astype(np.uint8)  # every grey level


def palette_image(index, colours=COLOURS):
    """A palette picture as the probe's software writes it."""
    image = Image.new("P", index.shape[::-1])
    image.putdata(index.ravel().tolist())
    image.putpalette(colours.ravel().tolist())
    return image


def read_tile(path):
    """Grey levels (h, w) of one tile."""
    return grey_levels(*open_picture(path, ("L", "P", "RGB", "RGBA")))


def save(folder, name, image):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


# --- reading ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ramp", [COLOURS, np.linspace([255, 255, 255], [0, 0, 255], 256).astype(np.uint8)], ids=["cpi", "other"])
def test_the_grey_level_is_the_palette_index(tmp_path, ramp):
    path = save(tmp_path, "tile.png", palette_image(LEVELS, ramp))
    with Image.open(path) as image:
        assert image.mode == "P"
        assert not np.array_equal(np.array(image.convert("L")), LEVELS)  # the trap
    assert np.array_equal(read_tile(path), LEVELS)


@pytest.mark.parametrize("name", ["tile.png", "tile.tif", "tile.bmp"])
def test_grey_pictures_are_read_as_they_are(tmp_path, name):
    found = read_tile(save(tmp_path, name, Image.fromarray(LEVELS)))
    assert np.array_equal(found, LEVELS)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_levels_are_found_from_the_colours_of_the_probe(tmp_path, mode):
    assert np.array_equal(read_tile(save(tmp_path, "tile.png", palette_image(LEVELS).convert(mode))), LEVELS)


def test_a_palette_that_lost_its_unused_colours(tmp_path):
    levels = LEVELS // 3 * 3
    used = np.unique(levels)
    packed = np.searchsorted(used, levels).astype(np.uint8)
    assert np.array_equal(read_tile(save(tmp_path, "packed.png", palette_image(packed, COLOURS[used]))), levels)


BROKEN = {name: content for name, (content, _) in UNREADABLE.items()} | {
    "rgb.png": encoded(Image.fromarray(np.dstack([LEVELS // 4 + 80, LEVELS // 4 + 40, LEVELS // 4]))),
    "rgba.png": encoded(Image.fromarray(np.dstack([COLOURS[LEVELS], LEVELS]))),
    "chaos.png": encoded(palette_image(LEVELS, np.random.default_rng(0).permutation(COLOURS) // 2)),
    "deep.png": encoded(Image.fromarray(LEVELS.astype(np.uint16) * 16)),
    "quarter.png": encoded(palette_image(tile(disc(75, 60, 30))))[:2000],
    "most.png": encoded(palette_image(tile(disc(75, 60, 30))))[:-3000],
    "even.png": encoded(Image.new("L", (60, 60), 200)),
    "white.png": encoded(Image.new("1", (60, 60), 1)),
    "tiny.png": encoded(palette_image(LEVELS[:60, :5])),
}
REASONS = {
    "rgb.png": "mode RGB: expected a palette or 8-bit grey, or the colours of the CPI (100 % of the pixels have others)",
    "chaos.png": "a palette that is no grey scale: neither the colours of the CPI nor in order of brightness",
    "even.png": "even: there is no particle",
    "white.png": "even: there is no particle",
    "tiny.png": "expected a grey picture of at least 8 x 8 pixels, got shape (60, 5)",
    "rgba.png": "mode RGBA: there are transparent pixels",
    "deep.png": "grey levels from 0 to 4080: expected 8 or 16 bits from black to white",
    "empty.png": "cannot identify image file",
}


@pytest.fixture
def mixed_folder(tmp_path):
    """A folder with every kind of broken file between good tiles, some with odd names."""
    for name, content in BROKEN.items():
        (tmp_path / name).write_bytes(content)
    for name in ("a b/ä ö.png", "m.png", "z/.hidden.png"):
        save(tmp_path, name, palette_image(tile(disc(75, 60, 30))))
    return tmp_path


def test_broken_files_are_reported_and_the_rest_goes_on(mixed_folder):
    found = list(particles(mixed_folder))
    on_disk = sorted(path for path in mixed_folder.rglob("*") if path.is_file())
    assert [one.file for one in found] == [path.relative_to(mixed_folder).as_posix() for path in on_disk]
    assert [one.file for one in found if not one.reason] == ["a b/ä ö.png", "m.png", "z/.hidden.png"]
    for one in found:
        if one.reason:
            assert one.file in BROKEN and one.grey is one.mask is None and np.isnan([one.length_um, one.cut, one.blur_px]).all()
            assert REASONS.get(one.file, one.reason) == one.reason
            assert str(mixed_folder) not in one.reason and "\n" not in one.reason
        else:
            assert one.grey.shape == one.mask.shape == (120, 150)
            assert one.length_um == pytest.approx(2.3 * 61, abs=5) and one.cut == 0 and 0.5 < one.blur_px < 2


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in ("even.png", "white.png", "tiny.png")])
def test_a_broken_file_raises(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(BadImage):
        read_tile(tmp_path / name)


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*absent"):
        list(particles(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="no folder"):
        whole_particles(tmp_path / "absent")


# --- what names tell ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label", "group", "time"),
    [
        ("2015_1205_170540_226_3.png", "", "2015_1205_170540_226", "2015-12-05T17:05:40.226"),
        ("v3/hand_labeled_noaug/agg/2002_0728_194237_327_115.png", "agg", "2002_0728_194237_327", "2002-07-28T19:42:37.327"),
        ("MPACE/single_imgs_v1.4.0/2004_1010_000102_7_1.png", "", "2004_1010_000102_7", "2004-10-10T00:01:02.007"),
        ("MPACE/sheets/CP20041010_000102_700.png", "", "2004_1010_000102_700", "2004-10-10T00:01:02.700"),
        ("Columns/Columns__CP20151203_152730_260.png", "Columns", "2015_1203_152730_260", "2015-12-03T15:27:30.260"),
        ("2015_1231_235959_1018_4.png", "", "2015_1231_235959_1018", "2016-01-01T00:00:00.018"),
        ("2015_1399_170540_226_3.png", "", "", None),
        ("rimed/rimed_07.png", "rimed", "", None),
    ],
)
def test_class_page_flight_and_time(tmp_path, name, label, group, time):
    save(tmp_path, name, palette_image(tile(disc(75, 60, 30))))
    (found,) = particles(tmp_path)
    assert (found.file, found.label, found.group, found.flight) == (name, label, group, group[:9])
    assert found.time == (datetime.fromisoformat(time) if time else None)


def test_a_tree_of_classes_and_one_of_campaigns_are_read_alike(tmp_path):
    picture = palette_image(tile(disc(75, 60, 30)))
    for name in ("training/agg/2002_0728_194237_327_1.png", "campaigns/ARM/single_imgs_v1.4.0/2000_0313_194237_327_1.png"):
        save(tmp_path, name, picture)
    found = {one.label: one for one in particles(tmp_path)}
    assert set(found) == {"", "agg"} and np.array_equal(found[""].mask, found["agg"].mask)
    assert found[""].flight == "2000_0313" and found["agg"].flight == "2002_0728"


# --- screening ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def flawed_folder(tmp_path):
    pictures = {
        "a_whole.png": tile(disc(75, 60, 30)),
        "b_small.png": tile(disc(75, 60, 20)),
        "c_cut.png": tile(disc(20, 60, 30)),
        "d/whole.png": tile(disc(75, 60, 28)),
        "e_blurred.png": np.clip(205 - 150 / (1 + np.exp((np.hypot(COLUMN - 75, ROW - 60) - 30) / 4)), 0, 255).astype(np.uint8),
    }
    for name, grey in pictures.items():
        save(tmp_path, name, palette_image(grey))
    (tmp_path / "f_broken.png").write_bytes(b"")
    return tmp_path


def test_screening_keeps_whole_particles_and_says_why_not(flawed_folder):
    masks, report = whole_particles(flawed_folder)
    assert report.to_numpy().tolist() == [
        ["a_whole.png", ""],
        ["b_small.png", "small: below 50 pixels"],
        ["c_cut.png", "cut off: on more than 2 % of the frame"],
        ["d/whole.png", ""],
        ["e_blurred.png", "blurred: an edge wider than 15 pixels"],
        ["f_broken.png", "cannot identify image file"],
    ]
    assert [mask.sum() for mask in masks] == pytest.approx([np.pi * 900, np.pi * 784], rel=0.04)
    assert len(whole_particles(flawed_folder, smallest=30)[0]) == 3
    assert len(whole_particles(flawed_folder, most_cut=1)[0]) == 3
    assert len(whole_particles(flawed_folder, most_blur_px=25)[0]) == 3


def test_screening_an_empty_folder(tmp_path):
    masks, report = whole_particles(tmp_path)
    assert masks == [] and report.columns.tolist() == ["file", "reason"] and report.empty


def test_a_table_of_all_files_grows_as_they_are_read(flawed_folder, tmp_path_factory):
    table = tmp_path_factory.mktemp("table") / "report.csv"
    found = tabulate(screen(particles(flawed_folder)), table)
    next(found), next(found)
    assert not table.exists()
    assert pd.read_csv(f"{table}.part")["file"].tolist() == ["a_whole.png", "b_small.png"]
    assert len(list(found)) == 4
    written = pd.read_csv(table, keep_default_na=False)
    columns = ["file", "label", "group", "time", "length_um", "cut", "blur_px", "reason", "pixel_um", "n_particles", "remark"]
    assert written.columns.tolist() == columns
    assert written[["file", "reason"]].equals(whole_particles(flawed_folder)[1])
    assert float(written["length_um"][0]) == pytest.approx(2.3 * 61, abs=5) and written["label"][3] == "d"
    assert os.listdir(table.parent) == ["report.csv"]


def test_names_that_are_no_utf_8_are_recorded(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    save(tmp_path / "in", "x.png", palette_image(tile(disc(75, 60, 30)))).rename(tmp_path / "in" / name)
    (found,) = tabulate(particles(tmp_path / "in"), tmp_path / "report.csv")
    assert found.reason == "" and b"caf\xe9.png" in (tmp_path / "report.csv").read_bytes()


PEAKS = """
import json, resource, sys
from lib.imaging.read.cpi import screen, particles, tabulate

def peak_mb(folder):
    n = sum(1 for _ in tabulate(screen(particles(folder)), folder + ".csv"))
    return n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

print(json.dumps([peak_mb(folder) for folder in sys.argv[1:]]))
"""


def test_ten_times_as_many_tiles_need_no_more_memory(tmp_path):
    first = save(tmp_path, "first.png", palette_image(tile(disc(48, 48, 30, (96, 96)))))
    for folder, n in (("few", 300), ("many", 3000)):
        (tmp_path / folder).mkdir()
        for i in range(n):
            os.link(first, tmp_path / folder / f"2015_1205_170540_226_{i}.png")
    command = [sys.executable, "-c", PEAKS, str(tmp_path / "few"), str(tmp_path / "many")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (few, few_mb), (many, many_mb) = json.loads(run.stdout)
    assert (few, many) == (300, 3000)
    kept_mb = 2700 * 2 * 96 * 96 / 2**20  # pictures and masks, if they were kept
    assert many_mb - few_mb < 6 < kept_mb / 7
    assert len(pd.read_csv(tmp_path / "many.csv")) == 3000


# --- real tiles ---------------------------------------------------------------------------------------------------------


def test_every_labelled_particle_is_read(shared_data):
    found = list(particles(shared_data / "cpi" / "labelled"))
    assert len(found) == 78
    assert [(one.file, one.reason) for one in found if one.reason] == []
    assert {one.label for one in found} == {path.name for path in (shared_data / "cpi" / "labelled").iterdir()}
    assert all(0 < one.mask.mean() < 1 and one.grey.dtype == np.uint8 for one in found)


@pytest.fixture(scope="module")
def real_tiles(shared_data):
    """The particles of all tiles without their pictures, and what is known of them."""
    known = pd.read_csv(shared_data / "images.csv").query("file.str.startswith('cpi/tiles/')")
    found = [one._replace(grey=None) for one in screen(particles(shared_data / "cpi" / "tiles"))]
    return found, known.set_index(known["file"].str.removeprefix("cpi/tiles/")).loc[[one.file for one in found]]


def test_real_tiles_are_read_and_the_cut_ones_left_out(real_tiles):
    found, known = real_tiles
    assert len(found) == 1687
    assert {one.reason.split(":")[0] for one in found} == {"", "small", "cut off", "blurred"}
    kept = np.array([one.reason == "" for one in found])
    assert kept.sum() > 300 and (known["edges_touched"][kept] == 0).mean() > 0.9
    assert kept[known["edges_touched"] >= 2].mean() < 0.05
    for one in found:
        if not one.reason:
            assert cut_share(one.mask) <= 0.02 and max(np.ptp(np.nonzero(one.mask), axis=1)) >= 49


def test_lengths_of_real_tiles_agree_with_the_printed_ones(real_tiles):
    found, known = real_tiles
    whole = (known["edges_touched"] == 0) & (known["printed_length_um"] > 0)
    ratio = (np.array([one.length_um for one in found]) / known["printed_length_um"])[whole]
    assert len(ratio) > 500 and ratio.median() == pytest.approx(1, abs=0.005)
    assert (ratio - 1).abs().median() < 0.01


def test_real_tiles_come_from_many_pages_of_few_flights(real_tiles):
    found, _ = real_tiles
    assert {one.file.rsplit("_", 1)[0] for one in found} == {one.group for one in found}
    assert len({one.group for one in found}) > 300 and len({one.flight for one in found}) < 10
    assert all(one.time.strftime("%Y_%m%d") == one.flight for one in found)


def test_edges_of_real_tiles(real_tiles):
    found, known = real_tiles
    blur_px = np.array([one.blur_px for one in found])[
        (known["edges_touched"] == 0) & (known[["width", "height"]].min(axis=1) > 60)
    ]
    assert 3 < np.nanquantile(blur_px, 0.05) < 5 and 5 < np.nanmedian(blur_px) < 11 and np.isnan(blur_px).mean() < 0.01
