"""lib.imaging.read.sheets: finding the pictures on quick-look pages, built here and real."""

import numpy as np
import pandas as pd
import pytest
from test_cpi import palette_image, read_tile
from test_segmentation import disc, printed, tile

from lib.imaging.read.cpi import particles, screen
from lib.imaging.read.sheets import is_page, rectangles

#: Left, top, width and height of pictures on the page below, in reading order.
PLACES = [(48, 27, 150, 120), (200, 27, 17, 17), (0, 200, 90, 100), (91, 200, 250, 180), (400, 200, 61, 333), (300, 700, 100, 60)]


def picture(number, width, height):
    """A tile with a whole particle and its printed length."""
    radius = min(width, height) / 3
    return printed(tile(disc(width / 2, height / 2, radius, (height, width)), number), "578"[: width // 8])


def page(places=PLACES, header=True, stamps=True):
    """A page (1024, 792) with pictures at `places`, a time below each as the probe prints it, and a line of header."""
    sheet = np.full((1024, 792), 254, np.uint8)
    if header:
        sheet[9:25, 5:200] = printed(np.full((16, 195), 254, np.uint8), "8755785")
        sheet[8:24, 210:226] = 0  # letters on top of each other
    stamp = printed(np.full((9, 49), 254, np.uint8), "5785785")
    for left, top, _, height in places:
        if stamps:
            sheet[top + height + 4 : top + height + 13, left : left + 49] = stamp
            sheet[top + height + 16 : top + height + 25, left : left + 49] = stamp
    for number, (left, top, width, height) in enumerate(places):
        sheet[top : top + height, left : left + width] = picture(number, width, height)
    return sheet


def boxes(found):
    return [(place.left, place.top, place.width, place.height) for place in found]


def test_pictures_are_found_where_they_are_and_cut_out_unchanged():
    sheet = page()
    found, n_left = rectangles(sheet)
    assert boxes(found) == PLACES and n_left == 0 and all(place.whole for place in found)
    for number, place in enumerate(found):
        assert np.array_equal(place.cut(sheet), picture(number, place.width, place.height))
    assert not np.shares_memory(found[0].cut(sheet), sheet)


@pytest.mark.parametrize("seed", range(5))
def test_levels_of_the_page_in_a_picture_make_no_difference(seed):
    sheet, rng = page(), np.random.default_rng(seed)
    for left, top, width, height in PLACES:
        sheet[rng.integers(top + 1, top + height - 1, 3), rng.integers(left + 1, left + width - 1, 3)] = 254
        sheet[top, left + width - 1] = sheet[top + height - 1, left + width // 5] = 254
    sheet[240:260, 150:200] = 254  # a hole
    found, n_left = rectangles(sheet)
    assert boxes(found) == PLACES and n_left == 0 and all(place.whole for place in found)


def test_pictures_that_touch_are_no_rectangle():
    found, _ = rectangles(page([(100, 100, 80, 80), (180, 100, 60, 40), (400, 100, 50, 50)]))
    assert [place.whole for place in found] == [False, True]


def test_what_is_neither_print_nor_picture_is_counted():
    sheet = page()
    sheet[900:904, 100:300] = 80
    assert rectangles(sheet)[1] == 800
    sheet[5, 700:750] = 80  # nor in the header
    assert rectangles(sheet)[1] == 850
    assert rectangles(page([])) == ([], 0)


def test_a_tile_is_no_page():
    assert is_page(page()) and is_page(page(header=False, stamps=False))
    assert not is_page(page()[:, :400]) and not is_page(page()[100:])
    assert not is_page(np.full((600, 600), 253, np.uint8))


def test_a_page_is_cut_into_particles_with_its_time(tmp_path):
    (tmp_path / "sheets").mkdir()
    palette_image(page()).save(tmp_path / "sheets" / "CP20151205_170501_807.png")
    found = list(screen(particles(tmp_path), smallest=30))
    assert [one.file for one in found] == [f"sheets/CP20151205_170501_807.png#{k}" for k in range(len(PLACES))]
    assert [one.reason.split(":")[0] for one in found] == ["", "small", "", "", "", ""]
    assert {(one.label, one.group, one.flight, one.time.isoformat()) for one in found} == {
        ("", "2015_1205_170501_807", "2015_1205", "2015-12-05T17:05:01.807000")
    }
    for one, (_, _, width, height) in zip(found, PLACES, strict=True):
        assert one.grey.shape == one.mask.shape == (height, width)
        assert one.length_um / 2.3 == pytest.approx(2 / 3 * min(width, height), abs=2.5)


def test_every_picture_and_oddity_of_a_page_has_a_row(tmp_path):
    odd = page([(100, 100, 80, 80), (180, 100, 60, 40), (400, 100, 50, 50)])
    odd[200:250, 450:500] = 100
    odd[900:903, 100] = 80
    palette_image(odd).save(tmp_path / "a odd.png")
    palette_image(page([])).save(tmp_path / "b bare.png")
    assert [(one.file, one.reason) for one in particles(tmp_path)] == [
        ("a odd.png#0", "no rectangle: pictures that touch each other"),
        ("a odd.png#1", ""),
        ("a odd.png#2", "even: there is no particle"),
        ("a odd.png", "a page with 3 pixels that are neither print nor in a rectangle"),
        ("b bare.png", "a page without pictures"),
    ]


# --- real pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared_data):
    """Particles of the real pages, and what is known of those tiles that were cut from them by others."""
    known = pd.read_csv(shared_data / "images.csv").query("file.str.startswith('cpi/tiles/')")
    known["page"] = known["file"].str.extract(r"(\d{4}_\d{4}_\d{6}_\d{3})_\d+\.png")
    found = list(screen(particles(shared_data / "cpi" / "sheets")))
    return found, known[known["page"].isin({one.group for one in found})]


def test_real_pages_are_cut_pixel_for_pixel(real, shared_data):
    found, known = real
    assert len(found) == 302 and {one.reason.split(":")[0] for one in found} == {"", "small", "cut off", "blurred"}
    cut = {(one.group, one.grey.shape, one.grey.tobytes()) for one in found}
    tiles = [(page, read_tile(shared_data / file)) for file, page in zip(known["file"], known["page"], strict=True)]
    assert len(tiles) == 43
    assert [grey.shape for page, grey in tiles if (page, grey.shape, grey.tobytes()) not in cut] == []


def test_measured_and_printed_lengths_agree(real, shared_data):
    found, known = real
    printed_um = {
        (page, read_tile(shared_data / file).tobytes()): length
        for _, file, page, length in known.query("edges_touched == 0")[["file", "page", "printed_length_um"]].itertuples()
    }
    pairs = [(one.length_um, printed_um.get((one.group, one.grey.tobytes()), 0)) for one in found]
    ratio = np.array([length / by_probe for length, by_probe in pairs if by_probe > 0])
    assert len(ratio) == 10
    assert np.median(np.abs(ratio - 1)) < 0.01 and np.abs(ratio - 1).max() < 0.03
