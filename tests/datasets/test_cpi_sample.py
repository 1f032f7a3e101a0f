"""A random sample of real pictures, a report of every file, and the pages that they come from."""

import os

import cv2
import numpy as np
import pandas as pd
import pytest

from lib.datasets.cpi_sample import pages, reasons, sample_pictures
from lib.datasets.picture_set import PictureSet
from lib.studies.probe_tuning import fingerprint


def write_tiles(folder, pages, each):
    """Write `each` tiles of each of `pages` pages, an empty file and a text; return how many tiles."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:80, :90]
    for page in range(pages):
        for number in range(each):
            inside = ((y - 40) / rng.uniform(15, 30)) ** 2 + ((x - 45) / rng.uniform(27, 35)) ** 2 < 1
            grey = np.clip(np.where(inside, 60, 200) + rng.normal(0, 4, inside.shape), 1, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"2015_1205_17{page:02}01_807_{number}.png"), grey)
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("no picture")
    return pages * each


def test_every_file_is_in_the_report(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    n = write_tiles(tiles, 12, 4)
    pictures = sample_pictures(tiles, 1000, 32, tmp_path / "report.csv")
    report = pd.read_csv(tmp_path / "report.csv", keep_default_na=False)
    assert len(pictures) == n == (report.reason == "").sum() and len(report) == n + 2
    assert set(report.file[report.reason != ""]) == {"empty.png", "notes.txt"}
    assert pictures.table.group.nunique() == 12 and pictures.table.length_um.between(110, 180).all()


def test_a_draw_is_random_and_the_same_for_the_same_seed(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    write_tiles(tiles, 15, 4)
    files = [sample_pictures(tiles, 45, 32, tmp_path / "report.csv", seed=seed).table.file for seed in (0, 0, 1)]
    assert len(files[0]) == len(set(files[0])) == 45
    assert (files[0] == files[1]).all() and set(files[0]) != set(files[2])
    assert files[0].str.slice(12, 14).astype(int).max() > 9  # not the first ones


def test_too_few_pictures(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    write_tiles(tiles, 2, 3)
    with pytest.raises(ValueError, match="6 pictures can be used, at least 40 are needed"):
        sample_pictures(tiles, 100, 32, tmp_path / "report.csv")


def numbered(groups):
    """A set whose pictures come from pages called `groups`."""
    n = len(groups)
    table = pd.DataFrame({"file": [str(i) for i in range(n)], "group": groups, "label": ""})
    return PictureSet(np.zeros((n, 4, 4), np.uint8), np.zeros((n, 4, 4), np.uint8), table)


def test_pictures_of_no_page_are_pages():
    assert pages(numbered(["17 o'clock", "17 o'clock", "", ""])).tolist() == ["17 o'clock", "17 o'clock", "2", "3"]


def test_real_tiles(shared_data, tmp_path):
    some = tmp_path / "some"
    some.mkdir()
    for file in sorted((shared_data / "cpi" / "tiles").glob("*.png"))[::20]:
        (some / file.name).symlink_to(file)
    pictures = sample_pictures(some, 1000, 64, tmp_path / "report.csv")
    assert len(pictures) > 0.95 * len(list(some.iterdir()))
    ink = (pictures.grey[:, -16:, :30] == 0).mean(axis=(1, 2))
    assert (ink < 0.02).mean() > 0.95  # printed digits are black and would be in the lower left corner
    assert pictures.table.length_um.median() == pytest.approx(480, rel=0.25)


@pytest.mark.parametrize("name", ["Blätter.png", os.fsdecode("Blätter.png".encode("latin-1"))])
def test_names_of_any_encoding_are_read_and_told(tmp_path, name):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    n = write_tiles(tiles, 11, 4)
    (tiles / name).touch()
    (tiles / "2015_1205_170001_807_0.png").rename(tiles / f"of {name}")
    pictures = sample_pictures(tiles, 1000, 32, tmp_path / "report.csv")
    told = reasons(tmp_path / "report.csv")
    assert (told == "can be used").sum() == n == len(pictures.table) and len(told) == n + 3
    assert fingerprint(pictures) == fingerprint(pictures)
