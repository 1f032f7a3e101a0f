"""lib.imaging.cpi: reading tiles whatever is in the folder, masks, cut-off and fitting."""

import io
import re

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.imaging.cpi import BadImage, cut_off, filled, fitted, particle_mask, read_tile, screened, tiles

ROW, COLUMN = np.mgrid[:120, :150]
LEVELS = (ROW * 7 + COLUMN * 3).astype(np.uint8)  # every grey level


def disc(x, y, radius, shape=(120, 150)):
    row, column = np.mgrid[: shape[0], : shape[1]]
    return (np.hypot(column - x, row - y) <= radius).astype(np.uint8)


def tile(mask, seed=0):
    """A noisy picture of a dark particle on a bright, unevenly lit background."""
    grey = np.where(mask > 0, 55.0, 205.0) + 12 * np.sin(np.arange(mask.shape[1]) / 40)
    return np.clip(grey + np.random.default_rng(seed).normal(0, 9, mask.shape), 0, 255).astype(np.uint8)


def palette_image(index):
    """A palette picture whose colours get darker as the index grows."""
    image = Image.fromarray(index, "L").convert("P")
    image.putdata(index.ravel().tolist())
    image.putpalette([level for i in range(256) for level in (255 - i, 255 - i, 255)])
    return image


def save(folder, name, image):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


# --- reading ------------------------------------------------------------------------------------------------------------


def test_the_grey_level_is_the_palette_index(tmp_path):
    path = save(tmp_path, "tile.png", palette_image(LEVELS))
    with Image.open(path) as image:
        assert image.mode == "P"
        assert not np.array_equal(np.array(image.convert("L")), LEVELS)  # the trap
    assert np.array_equal(read_tile(path), LEVELS)


@pytest.mark.parametrize("name", ["tile.png", "tile.tif", "tile.bmp"])
def test_grey_pictures_are_read_as_they_are(tmp_path, name):
    found = read_tile(save(tmp_path, name, Image.fromarray(LEVELS)))
    assert np.array_equal(found, LEVELS)
    assert found.dtype == np.uint8


def encoded(image, form="PNG"):
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


BROKEN = {
    "empty.png": (b"", "cannot identify image file"),
    "text.png": (b"this is no picture", "cannot identify image file"),
    "notes.txt": (b"campaign notes", "cannot identify image file"),
    "half.png": (encoded(palette_image(tile(disc(75, 60, 30))))[:4000], "unreadable: "),
    "half.jpg": (encoded(Image.fromarray(tile(disc(75, 60, 30))), "JPEG")[:2000], "unreadable: "),
    "rgb.png": (encoded(Image.fromarray(LEVELS).convert("RGB")), "mode RGB: expected a palette or 8-bit grey"),
    "rgba.png": (encoded(Image.fromarray(LEVELS).convert("RGBA")), "mode RGBA: expected"),
    "deep.png": (encoded(Image.fromarray(LEVELS.astype(np.uint16) * 200)), "mode I;16: expected"),
    "binary.png": (encoded(Image.fromarray(LEVELS).convert("1")), "mode 1: expected"),
    "huge.png": (encoded(Image.new("L", (5000, 4000))), "5000 x 4000 pixels is no tile of one particle"),
    "bomb.png": (encoded(Image.new("1", (20_000, 10_000))), "exceeds limit"),
    "even.png": (encoded(Image.new("L", (60, 60), 200)), "even: there is no particle"),
    "tiny.png": (encoded(Image.new("L", (5, 60))), r"at least 8 x 8 pixels, got shape (60, 5)"),
}


@pytest.fixture
def mixed_folder(tmp_path):
    """A folder with every kind of broken file between two good tiles."""
    for name, (content, _) in BROKEN.items():
        (tmp_path / name).write_bytes(content)
    save(tmp_path, "a/good.png", palette_image(tile(disc(75, 60, 30))))
    save(tmp_path, "z/good.png", Image.fromarray(tile(disc(60, 60, 35))))
    return tmp_path


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_broken_files_are_reported_and_the_rest_goes_on(mixed_folder):
    found = list(tiles(mixed_folder))
    assert [path for path, *_ in found] == sorted(path for path in mixed_folder.rglob("*") if path.is_file())
    for path, grey, mask, reason in found:
        if path.name == "good.png":
            assert reason == "" and grey.shape == mask.shape == (120, 150)
        else:
            assert grey is None and mask is None
            assert BROKEN[path.name][1] in reason
            assert str(mixed_folder) not in reason and "\n" not in reason


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in ("even.png", "tiny.png")])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_broken_file_raises(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name][0])
    with pytest.raises(BadImage, match=re.escape(BROKEN[name][1])):
        read_tile(tmp_path / name)


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*absent"):
        list(tiles(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="no folder"):
        screened(tmp_path / "absent")


# --- masks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "y", "radius"), [(75, 60, 30), (60, 50, 12), (100, 70, 45)])
def test_mask_of_a_disc(x, y, radius):
    expected = disc(x, y, radius)
    mask = particle_mask(tile(expected))
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}
    assert (mask & expected).sum() / (mask | expected).sum() > 0.95
    assert mask.sum() == pytest.approx(np.pi * radius**2, rel=0.04)


def test_mask_is_of_the_largest_particle_only():
    mask = particle_mask(tile(disc(50, 60, 30) | disc(120, 60, 15)))
    assert not mask[:, 100:].any()
    assert mask.sum() == pytest.approx(np.pi * 900, rel=0.04)


def test_holes_of_a_mask_are_filled():
    mask = particle_mask(tile(disc(75, 60, 40) - disc(75, 60, 20)))
    assert mask[60, 75]
    assert mask.sum() == pytest.approx(np.pi * 1600, rel=0.04)


def test_a_constant_shift_of_the_grey_levels_changes_no_mask():
    grey = tile(disc(75, 60, 30)) // 2
    assert np.array_equal(particle_mask(grey), particle_mask(grey + 60))


@pytest.mark.parametrize("shape", [(7, 60), (60, 7), (60, 60, 3), (0, 0)])
def test_mask_refuses_what_is_no_tile(shape):
    with pytest.raises(BadImage, match="at least 8 x 8 pixels, got shape"):
        particle_mask(np.zeros(shape, np.uint8))


def test_cut_off_counts_the_frame():
    assert cut_off(disc(75, 60, 30)) == 0
    assert cut_off(np.ones((120, 150), np.uint8)) == 1
    half = np.zeros((100, 100), np.uint8)
    half[:, :50] = 1
    assert cut_off(half) == pytest.approx(0.5)
    left = np.zeros((100, 100), np.uint8)
    left[30:60, :40] = 1
    assert cut_off(left) == pytest.approx(30 / 400)


def test_cut_off_has_a_margin():
    mask = np.zeros((100, 100), np.uint8)
    mask[3:-3, 3:-3] = 1
    assert cut_off(mask) == 0
    mask[2:-2, 2:-2] = 1
    assert cut_off(mask) > 0.9


@pytest.mark.parametrize(("size", "fill"), [(224, 0.9), (64, 0.5), (100, 0.8)])
@pytest.mark.parametrize("radius", [10, 40])
def test_fitted_mask_is_centred_and_fills_as_told(size, fill, radius):
    found = fitted(disc(60, 50, radius), size, fill)
    assert found.shape == (size, size) and found.dtype == np.uint8
    row, column = np.nonzero(found)
    assert (row.mean(), column.mean()) == pytest.approx(((size - 1) / 2,) * 2, abs=0.3)
    (_, radius_px) = cv2.minEnclosingCircle(np.column_stack([column, row]))
    assert 2 * radius_px == pytest.approx(fill * size, abs=1.2)


def test_fitted_mask_keeps_shape():
    mask = np.zeros((200, 300), np.uint8)
    mask[40:60, 100:220] = 1
    found = fitted(mask, 224, 0.9)
    row, column = np.nonzero(found)
    assert np.ptp(column) / np.ptp(row) == pytest.approx(119 / 19, rel=0.05)
    assert found.sum() == pytest.approx((np.ptp(column) + 1) * (np.ptp(row) + 1), rel=0.05)


def test_fitting_nothing_is_refused():
    with pytest.raises(BadImage, match="empty mask"):
        fitted(np.zeros((50, 50), np.uint8), 64, 0.9)


# --- screening ----------------------------------------------------------------------------------------------------------


def test_screening_keeps_whole_particles_and_says_why_not(tmp_path):
    pictures = {
        "a_whole.png": disc(75, 60, 30),
        "b_small.png": disc(75, 60, 20),
        "c_cut.png": disc(20, 60, 30),
        "d/whole.png": disc(75, 60, 28),
    }
    for name, mask in pictures.items():
        save(tmp_path, name, palette_image(tile(mask)))
    (tmp_path / "e_broken.png").write_bytes(b"")
    masks, report = screened(tmp_path)
    assert report["file"].tolist() == [*pictures, "e_broken.png"]
    assert report["reason"].tolist() == [
        "",
        "small: below 50 pixels",
        "cut off: on more than 2 % of the frame",
        "",
        "cannot identify image file",
    ]
    assert [mask.sum() for mask in masks] == pytest.approx([np.pi * 900, np.pi * 784], rel=0.04)
    assert len(screened(tmp_path, smallest=30)[0]) == 3
    assert len(screened(tmp_path, most_cut=1)[0]) == 3


def test_screening_an_empty_folder(tmp_path):
    masks, report = screened(tmp_path)
    assert masks == [] and report.columns.tolist() == ["file", "reason"] and report.empty


# --- real tiles ---------------------------------------------------------------------------------------------------------


def test_every_labelled_particle_is_read(shared_data):
    found = list(tiles(shared_data / "cpi" / "labelled"))
    assert len(found) == 78
    assert [(path.name, reason) for path, *_, reason in found if reason] == []
    assert all(0 < mask.mean() < 1 and grey.dtype == np.uint8 for _, grey, mask, _ in found)


def test_real_tiles_are_read_and_the_cut_ones_left_out(shared_data):
    masks, report = screened(shared_data / "cpi" / "tiles")
    assert len(report) == 1687
    assert set(report["reason"].str.split(":").str[0]) == {"", "small", "cut off"}
    known = pd.read_csv(shared_data / "images.csv")
    touched = known.set_index(known["file"].str.removeprefix("cpi/tiles/"))["edges_touched"]
    report["touched"] = touched.reindex(report["file"]).to_numpy()
    kept = report["reason"] == ""
    assert len(masks) == kept.sum() > 300
    assert all(cut_off(mask) <= 0.02 and max(np.ptp(np.nonzero(mask), axis=1)) >= 49 for mask in masks)
    assert (report["touched"][kept] == 0).mean() > 0.9
    assert kept[report["touched"] >= 2].mean() < 0.05


def test_filled_keeps_the_largest_part_without_holes():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:12, 2:12], mask[5:8, 5:8], mask[15:18, 15:18] = 1, 0, 1
    whole = filled(mask)
    assert whole[2:12, 2:12].all() and whole.sum() == 100
    assert filled(np.zeros_like(mask)).sum() == 0
