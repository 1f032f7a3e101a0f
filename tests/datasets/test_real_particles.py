"""Real pictures: a random draw of them, a report of every file, and halves of whole pages."""

import cv2
import numpy as np
import pandas as pd
import pytest

from lib.datasets.particles import PictureSet
from lib.datasets.real_particles import halves, real_pictures


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
    pictures = real_pictures(tiles, 1000, 32, tmp_path / "report.csv")
    report = pd.read_csv(tmp_path / "report.csv", keep_default_na=False)
    assert len(pictures) == n == (report.reason == "").sum() and len(report) == n + 2
    assert set(report.file[report.reason != ""]) == {"empty.png", "notes.txt"}
    assert pictures.table.group.nunique() == 12 and pictures.table.length_um.between(110, 180).all()


def test_a_draw_is_random_and_the_same_for_the_same_seed(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    write_tiles(tiles, 15, 4)
    files = [real_pictures(tiles, 45, 32, tmp_path / "report.csv", seed=seed).table.file for seed in (0, 0, 1)]
    assert len(files[0]) == len(set(files[0])) == 45
    assert (files[0] == files[1]).all() and set(files[0]) != set(files[2])
    assert files[0].str.slice(12, 14).astype(int).max() > 9  # not the first ones


def test_too_few_pictures(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    write_tiles(tiles, 2, 3)
    with pytest.raises(ValueError, match="6 pictures can be used, at least 40 are needed"):
        real_pictures(tiles, 100, 32, tmp_path / "report.csv")


def numbered(groups):
    """A set whose pictures come from pages called `groups`."""
    n = len(groups)
    table = pd.DataFrame({"file": [str(i) for i in range(n)], "group": groups, "label": ""})
    return PictureSet(np.zeros((n, 4, 4), np.uint8), np.zeros((n, 4, 4), np.uint8), table)


def test_halves_are_whole_pages():
    rng = np.random.default_rng(1)
    pictures = numbered([f"page {page}" for page in rng.integers(0, 60, 400)])
    first, second = halves(pictures)
    assert not set(first.table.group) & set(second.table.group)
    assert set(first.table.file) | set(second.table.file) == set(pictures.table.file) and len(first) + len(second) == 400
    assert abs(len(first) - len(second)) <= 30
    again, other = halves(pictures), halves(pictures, seed=1)
    assert (again[0].table.file == first.table.file).all() and set(other[0].table.file) != set(first.table.file)


@pytest.mark.parametrize("seed", range(5))
def test_no_half_is_empty_though_one_page_has_most(seed):
    first, second = halves(numbered(["large"] * 60 + ["small"] * 10 + ["other"] * 10), seed)
    assert min(len(first), len(second)) >= 10


def test_one_page_has_no_halves():
    with pytest.raises(ValueError, match="all 50 pictures are of one page, 17 o'clock: halves need two pages at least"):
        halves(numbered(["17 o'clock"] * 50))


def test_pictures_of_no_page_are_pages():
    first, second = halves(numbered([""] * 101))
    assert {len(first), len(second)} == {50, 51}


def test_real_tiles(shared_data, tmp_path):
    some = tmp_path / "some"
    some.mkdir()
    for file in sorted((shared_data / "cpi" / "tiles").glob("*.png"))[::20]:
        (some / file.name).symlink_to(file)
    pictures = real_pictures(some, 1000, 64, tmp_path / "report.csv")
    assert len(pictures) > 0.95 * len(list(some.iterdir()))
    ink = (pictures.grey[:, -16:, :30] == 0).mean(axis=(1, 2))
    assert (ink < 0.02).mean() > 0.95  # printed digits are black and would be in the lower left corner
    assert pictures.table.length_um.median() == pytest.approx(480, rel=0.25)
