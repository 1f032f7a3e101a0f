"""lib.imaging.read.files: names in order whatever the folder, and one clear reason for each file that is no picture."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lib.imaging.read import files
from lib.imaging.read.files import BadImage, file_names, open_picture

LEVELS = (np.mgrid[:90, :110][0] * 7 + np.mgrid[:90, :110][1] * 3).astype(np.uint8)


def encoded(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png(width, height, data=b""):
    """A PNG that claims to have `width` x `height` grey pixels, of which it has the compressed `data`."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


GREY = Image.fromarray(LEVELS)
BROKEN = {
    "empty.png": (b"", "cannot identify image file"),
    "text.png": (b"this is no picture", "cannot identify image file"),
    "notes.txt": (b"campaign notes", "cannot identify image file"),
    "page.eps": (encoded(GREY, "EPS"), "cannot identify image file"),
    "half.jpg": (encoded(GREY, "JPEG")[:1500], "unreadable: "),
    "float.tif": (encoded(Image.fromarray(LEVELS.astype(np.float32)), "TIFF"), "mode F: expected a palette, or grey or colours"),
    "nan.tif": (encoded(Image.fromarray(np.full((90, 110), np.nan, np.float32)), "TIFF"), "mode F: expected"),
    "lab.tif": (encoded(GREY.convert("RGB").convert("LAB"), "TIFF"), "mode LAB: expected"),
    "many.tif": (encoded(GREY, "TIFF", save_all=True, append_images=[GREY, GREY]), "3 pictures in one file"),
    "moving.gif": (encoded(GREY, "GIF", save_all=True, append_images=[GREY.rotate(90)]), "2 pictures in one file"),
    "moving.webp": (encoded(GREY, "WEBP", save_all=True, append_images=[GREY.rotate(90)]), "2 pictures in one file"),
    "stereo.jpg": (encoded(GREY, "MPO", save_all=True, append_images=[GREY]), "2 pictures in one file"),
    "huge.png": (encoded(Image.new("L", (5000, 4000))), "5000 x 4000 pixels is no picture of particles"),
    "large.png": (encoded(Image.new("1", (12_000, 9_000))), "12000 x 9000 pixels is no picture of particles"),
    "bomb.png": (encoded(Image.new("1", (20_000, 10_000))), "exceeds limit"),
    "endless.png": (png(2**31 - 1, 2**31 - 1), "exceeds limit"),
    "line.png": (png(2**31 - 1, 1), "exceeds limit"),
    "flat.png": (png(0, 50), "unreadable: |cannot identify|0 x 50 pixels"),
    "promise.png": (png(4000, 4000, zlib.compress(LEVELS.tobytes())[:-20]), "unreadable: "),
    "colours.png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot identify|unreadable: "),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("error")
def test_a_broken_file_is_refused_in_one_line_without_its_path(tmp_path, name):
    content, reason = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadImage, match=reason) as caught:
        open_picture(tmp_path / name)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF", "JPEG", "PPM", "WEBP"])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_truncated_files_are_refused(tmp_path, form, share):
    content = encoded(GREY, form)
    path = tmp_path / "cut.png"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadImage):
        open_picture(path)
    path.write_bytes(content)
    assert open_picture(path)[0].shape[:2] == LEVELS.shape


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(encoded(GREY, ["PNG", "TIFF", "GIF", "BMP", "JPEG", "PPM"][seed % 6]))
    for place in rng.integers(0, min(300, len(content)), 4):
        content[place] = rng.integers(256)
    (tmp_path / "damaged").write_bytes(content)
    try:
        assert open_picture(tmp_path / "damaged")[0].ndim in (2, 3)
    except BadImage as error:
        assert str(error)


def test_a_mode_that_is_not_wanted_is_refused(tmp_path):
    GREY.convert("RGB").save(tmp_path / "colour.png")
    assert open_picture(tmp_path / "colour.png")[0].shape == (90, 110, 3)
    with pytest.raises(BadImage, match="mode RGB"):
        open_picture(tmp_path / "colour.png", ("L", "P"))


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling"])
def test_what_is_no_regular_file_is_refused(tmp_path, kind):
    path = tmp_path / "odd.png"
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "dangling": lambda: path.symlink_to("nothing")}[kind]()
    with pytest.raises(BadImage, match="no regular file|No such file"):
        open_picture(path)


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    for name in ("b.png", "a/z.png", "a/b/c.png", "a.png", "ä ö/ü 1.png", "Z.png", "a/b.png", "a/b d.png", "c/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("batch", [1, 2, 3, 50_000])
def test_names_are_all_files_in_order_whatever_the_batch(tree, monkeypatch, batch):
    monkeypatch.setattr(files, "_NAMES", batch)
    expected = [path.relative_to(tree).as_posix() for path in sorted(tree.rglob("*")) if path.is_file()]
    assert len(expected) == 9 and list(file_names(tree)) == expected


def test_names_don_t_run_in_circles(tree):
    (tree / "a" / "loop").symlink_to(tree)
    assert list(file_names(tree)).count("a/loop") == 1
    assert len(list(file_names(tree))) == 10


def test_a_folder_that_can_t_be_opened_is_named(tree, monkeypatch):
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("/a") and access(path, mode))
    assert "a" in list(file_names(tree)) and not any(name.startswith("a/") for name in file_names(tree))


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*absent"):
        file_names(tmp_path / "absent")
