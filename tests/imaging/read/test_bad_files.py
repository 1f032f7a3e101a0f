"""Every reader of the project with files that are cut short, empty, of another kind, hostile, missing or oddly named.

Whatever the file, a reader gives what is in it or one sentence that names it: a ValueError or an OSError.
"""

import gzip
import io
import json
import os
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import execute
import h5py
import numpy as np
import pandas as pd
import pytest
from output_files import classic
from PIL import Image
from record import record
from scipy.io import netcdf_file

from lib.cirrus.cm1.launcher import ensemble_state, run_ensemble
from lib.cirrus.cm1.reader import open_ensemble
from lib.cirrus.cm1.sample import PARAMETERS, sample_ensemble
from lib.cirrus.cm1.superdroplets import COLUMNS, read_superdroplets
from lib.imaging.read.cpi import particles, particles_of
from lib.imaging.read.files import BadImage
from lib.imaging.read.oap import labelled_silhouettes
from lib.imaging.read.palette import COLOURS
from lib.notebook import rows


class Reader(NamedTuple):
    """How a good file is written, where, how it is read, and whether any loss shows: a shorter text may be a text, too."""

    write: Callable[[Path], None]
    name: str
    read: Callable[[Path], object]
    any_loss_shows: bool = True


# --- good files ---------------------------------------------------------------------------------------------------------


def disc() -> np.ndarray:
    """A dark disc on bright ground, with noise (60, 70) uint8."""
    y, x = np.mgrid[:60, :70]
    noise = np.random.default_rng(0).integers(0, 40, y.shape)
    return np.where((y - 30) ** 2 + (x - 35) ** 2 < 400, 60 + noise, 200 + noise).astype(np.uint8)


def write_tile(path: Path) -> None:
    image = Image.fromarray(disc())
    image.putpalette(COLOURS.ravel().tolist())
    image.save(path, "PNG")


def write_silhouette(path: Path) -> None:
    Image.fromarray(disc() % 2 * (disc() < 128) > 0).save(path, "PNG")


def write_16_bit_tile(path: Path) -> None:
    Image.fromarray(disc().astype(np.uint16) * 257).save(path, "TIFF")


def write_colour_tile(path: Path) -> None:
    Image.fromarray(disc()).convert("RGB").save(path, "WEBP", lossless=True)


def write_page(path: Path) -> None:
    page = np.full((520, 510), 250, np.uint8)
    page[100:160, 100:170] = page[300:360, 200:270] = disc()
    Image.fromarray(page).save(path, "JPEG", quality=90)


def tile_read(path: Path) -> np.ndarray:
    """Grey levels of a tile, or of the first picture on a page, through the particles in it."""
    found = list(particles_of(path.parent, path.name))
    for particle in found:
        if particle.reason:
            raise BadImage(f"{particle.file}: {particle.reason}")
    return found[0].grey


def silhouette_read(path: Path) -> np.ndarray:
    """A silhouette, through a labelled set of which it is the only file."""
    found = labelled_silhouettes(path.parent.parent)
    if not len(found.report):
        raise FileNotFoundError(path)
    if found.report.reason[0]:
        raise BadImage(": ".join(found.report.iloc[0]))
    return found.masks[0]


def ice(shape: tuple[int, ...], names: tuple[str, ...]) -> dict:
    rng = np.random.default_rng(1)
    return {name: rng.uniform(1, 2, shape).astype("f4") for name in names}


def cm1_output() -> dict:
    """Variable -> dimensions, unit and values of three times on a slab of 4 x 5 cells."""
    found = {name: ((name,), "m", 100.0 * np.arange(size) + 50) for name, size in (("xh", 5), ("yh", 1), ("zh", 4))}
    found["time"] = (("time",), "seconds", 300.0 * np.arange(3))
    values = ice((3, 4, 1, 5), ("th", "qi", "qni", "p3_vmi", "p3_rhopo"))
    return found | {name: (("time", "zh", "yh", "xh"), "1", field) for name, field in values.items()}


def write_hdf5(path: Path, variables: dict) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["CM1 version"] = np.bytes_("21.1")
        for name, (_, unit, values) in variables.items():
            chunked = {"chunks": values.shape, "compression": "gzip"} if values.ndim == 4 else {}
            file.create_dataset(name, data=values, **chunked).attrs["units"] = np.bytes_(unit)


def write_classic(path: Path, variables: dict) -> None:
    with netcdf_file(path, "w") as file:
        for name, size in (("time", None), ("zh", 4), ("yh", 1), ("xh", 5)):
            file.createDimension(name, size)
        for name, (dimensions, unit, values) in variables.items():
            stored = file.createVariable(name, "f4", dimensions)
            stored[:], stored.units = values, unit


def write_cdf5(path: Path, variables: dict) -> None:
    stored = {name: (dimensions, np.float32(values), {"units": unit}) for name, (dimensions, unit, values) in variables.items()}
    path.write_bytes(classic(5, {"time": 3, "zh": 4, "yh": 1, "xh": 5}, stored, {"CM1 version": "cm1r21.1"}))


def sample() -> dict:
    """Variable -> dimensions, unit and values of two members like those of the sample ensemble."""
    axes = {"member": 2, "time": 3, "z": 4, "x": 5} | dict.fromkeys(PARAMETERS, 2)
    found = {name: ((name,), "1", 1.0 + np.arange(size)) for name, size in axes.items()}
    return found | {name: ((), "1", field) for name, field in ice((2, 3, 4, 5), ("qi", "ni", "vmi", "rhoi")).items()}


NAMELIST = " &param1\n timax = 1200.0,\n tapfrq = 300.0,\n /\n &param8\n var1 = 1.0,\n /\n &param9\n output_format = 2,\n /"
DESIGN = pd.DataFrame({"param8:var1": [0.5]}, index=["m000"])


def namelist_read(path: Path) -> pd.DataFrame:
    """The namelist of a set-up, through an ensemble of which no member is to be run."""
    return run_ensemble(DESIGN.iloc[:0], path.parent, path.parent / "members", ["true"])


def write_superdroplets(path: Path) -> None:
    row = "  ".join(["1.5E+01"] * 11 + ["ICE"] + ["7"] * 4)
    path.write_text(" ".join(COLUMNS) + "\n" + (row + "\n") * 3)


RECORD = {"state": "done", "reason": "", "remark": "", "seconds": 3.2, "setup": "0123456789abcdef"}
ORIGIN = {"notebook": "12-a", "profile": "laptop", "device": "cpu", "started": "2026-01-01T00:00:00", "commit": None}


def write_metrics(path: Path) -> None:
    found = {"score": "n_used", "value": 3, "data": "cpi", "name": "cpi_n_used"}
    rows.frame([found, {"score": "r2", "value": 0.95, "name": "r2"}]).to_csv(path, index=False)
    path.with_name("provenance.json").write_text(json.dumps(ORIGIN))


READERS = {
    "tile": Reader(write_tile, "tile.png", tile_read),
    "tile of 16 bits": Reader(write_16_bit_tile, "tile.tif", tile_read),
    "tile with three channels": Reader(write_colour_tile, "tile.webp", tile_read),
    "page": Reader(write_page, "CP20151205_170501_807.jpg", tile_read),
    "silhouette": Reader(write_silhouette, "column/silhouette.png", silhouette_read),
    "CM1, HDF5": Reader(lambda path: write_hdf5(path, cm1_output()), "cm1out.nc", lambda path: open_ensemble(path.parent).load()),
    "CM1, classic": Reader(
        lambda path: write_classic(path, cm1_output()), "cm1out.nc", lambda path: open_ensemble(path.parent).load()
    ),
    "CM1, CDF-5": Reader(
        lambda path: write_cdf5(path, cm1_output()), "cm1out.nc", lambda path: open_ensemble(path.parent).load()
    ),
    "sample": Reader(lambda path: write_hdf5(path, sample()), "ensemble.nc", lambda path: sample_ensemble(path).load()),
    "namelist": Reader(lambda path: path.write_text(NAMELIST), "namelist.input", namelist_read),
    "superdroplets": Reader(
        write_superdroplets, "SD_output_ASCII_00300.pe000000", lambda path: read_superdroplets(path.parent), any_loss_shows=False
    ),
    "record of a member": Reader(
        lambda path: path.write_text(json.dumps(RECORD)), "m000/run.json", lambda path: ensemble_state(DESIGN, path.parent.parent)
    ),
    "parameters": Reader(
        lambda path: path.write_text("seed: 3\nmodels: [a, b]\n"), "p.yml", execute.parameters_in, any_loss_shows=False
    ),
    "metrics": Reader(write_metrics, "metrics.csv", lambda path: record(path.parent, "all", "tiles"), any_loss_shows=False),
}


@pytest.fixture(params=READERS)
def reader(request) -> Reader:
    return READERS[request.param]


@pytest.fixture
def file(reader, tmp_path) -> Path:
    """A good file."""
    path = tmp_path / "a folder" / reader.name
    path.parent.mkdir(parents=True)
    reader.write(path)
    return path


def sentence_of(reader: Reader, path: Path) -> str:
    """What the reader says of a bad file, checked to be one sentence with its name, or "" if it reads the file."""
    try:
        reader.read(path)
    except (ValueError, OSError) as error:
        said = str(error)
        assert path.name in said or (not path.exists() and str(path.parent) in said), said
        assert 10 < len(said) < 100 + 2 * len(str(path)) + 200 and "\n" not in said, said
        assert not isinstance(error, UnicodeError | json.JSONDecodeError)  # which name no file
        return said
    return ""


# --- the corpus ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenths", range(10))
def test_a_file_that_is_cut_short(reader, file, tenths):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * tenths // 10])
    assert sentence_of(reader, file) or not reader.any_loss_shows
    file.write_bytes(content)
    assert sentence_of(reader, file) == ""


def encoded(picture: np.ndarray, form: str, **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form, **options)
    return stream.getvalue()


def other_kinds() -> dict[str, bytes]:
    archive = io.BytesIO()
    with h5py.File(archive, "w") as stored:
        stored["qi"] = np.zeros(3)
    np.savez(packed := io.BytesIO(), grey=disc())
    text = "This is a note, and it is none of the files that a program reads.\n" * 3
    return {
        "text": text.encode(),
        "text in Latin-1": "Größe: 3 µm²\n".encode("latin-1") * 3,
        "PNG": encoded(disc(), "PNG"),
        "HDF5": archive.getvalue(),
        "npz": packed.getvalue(),
        "zeros": bytes(5000),
        "gzip": gzip.compress(text.encode()),
        "zip": b"PK\x03\x04" + bytes(50),
        "GRIB": b"GRIB" + bytes(100) + b"7777",
        "HDF4": b"\x0e\x03\x13\x01" + bytes(100),
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
        "CDF-5 of nothing": b"CDF\x05" + bytes(44),
        "a list": b"[1, 2, 3]",
        "a number": b"3",
        "pages of a TIFF": encoded(disc(), "TIFF", save_all=True, append_images=[Image.fromarray(disc())]),
        "moving GIF": encoded(disc(), "GIF", save_all=True, append_images=[Image.fromarray(disc().T)]),
        "floats with NaN": encoded(np.where(disc() < 99, np.nan, disc()).astype(np.float32), "TIFF"),
        "12 bits": encoded(disc().astype(np.uint16) * 16, "PNG"),
        "colours": encoded(np.dstack([disc(), disc(), 255 - disc()]), "PNG"),
        "transparent": encoded(np.dstack([disc(), disc(), disc(), disc()]), "PNG"),
        "strip of particles": encoded(np.tile(np.where(disc() < 128, 0, 255).astype(np.uint8), (1, 9)), "BMP"),
    }


@pytest.mark.parametrize("kind", other_kinds())
def test_a_file_of_another_kind(reader, file, kind):
    if kind == "PNG" and file.suffix in (".png", ".tif", ".webp", ".jpg"):  # what a picture is, its name doesn't tell
        pytest.skip("it is of this kind")
    file.write_bytes(other_kinds()[kind])
    assert sentence_of(reader, file)


def test_nothing_a_folder_or_a_dangling_link_in_its_place(reader, file):
    file.unlink()
    assert sentence_of(reader, file)
    file.symlink_to("nothing")
    assert sentence_of(reader, file)
    file.unlink()
    file.mkdir()
    assert sentence_of(reader, file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(reader, file):
    file.chmod(0)
    assert sentence_of(reader, file)


@pytest.mark.parametrize("folder", ["two words", "Wölkchen ❄ 雪", "it's & [brackets] #1 %20"])
def test_odd_names_of_folders_are_no_matter(reader, tmp_path, folder):
    path = tmp_path / folder / reader.name
    path.parent.mkdir(parents=True)
    reader.write(path)
    assert sentence_of(reader, path) == ""
    path.write_bytes(b"")
    assert sentence_of(reader, path) or not reader.any_loss_shows


# --- many files at once ---------------------------------------------------------------------------------------------------


def test_in_a_folder_of_many_the_bad_ones_are_listed(tmp_path):
    folder = tmp_path / "Bilder 雪" / "class a"
    folder.mkdir(parents=True)
    write_tile(folder / "good ü.png")
    content = (folder / "good ü.png").read_bytes()
    for tenths in range(10):
        (folder / f"cut-{tenths}.png").write_bytes(content[: len(content) * tenths // 10])
    for number, other in enumerate(other_kinds().values()):
        (folder / f"kind-{number}.png").write_bytes(other)
    (folder / "gone.png").symlink_to("nothing")
    found = list(particles(folder.parent))
    assert len(found) == 1 + 10 + len(other_kinds()) + 1
    whole = [particle.file for particle in found if not particle.reason]
    assert whole == ["class a/good ü.png", "class a/kind-2.png"]
    report = labelled_silhouettes(folder.parent).report
    assert len(report) == len(found) and (report.reason != "").all()


# --- hostile sizes ------------------------------------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """A PNG that claims to have so many pixels, and has none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 200)]
    entries += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height % 2**32)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(200)


HOSTILE = {
    "png": png,
    "ppm": lambda width, height: f"P5 {width} {height} 255\n".encode() + bytes(100),
    "bmp": lambda width, height: (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 154, 0, 54, 40, width, height, 1, 24, 0, 100, 0, 0, 0, 0) + bytes(100)
    ),
    "gif": lambda width, height: b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b"," + bytes(50),
    "tif": tiff,
    "webp": lambda width, height: (
        b"RIFF"
        + struct.pack("<I", 122)
        + b"WEBPVP8X"
        + struct.pack("<I", 10)
        + bytes([16, 0, 0, 0])
        + struct.pack("<I", width - 1)[:3]
        + struct.pack("<I", height - 1)[:3]
        + bytes(100)
    ),
}


def most_memory() -> float:
    """Most memory that this process has held so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("side", [(60_000, 60_000), (65_000, 4_000), (4_100, 4_100)])
def test_a_picture_that_claims_to_be_huge_takes_no_memory(tmp_path, kind, side):
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(HOSTILE[kind](*side))
    before = most_memory()
    with pytest.raises(BadImage, match="exceeds limit|is no picture of particles|unreadable"):
        tile_read(path)
    assert most_memory() - before < 50


def test_output_that_claims_to_be_huge_takes_no_memory(tmp_path):
    reader = READERS["CM1, HDF5"]
    path = tmp_path / reader.name
    reader.write(path)
    with h5py.File(path, "a") as file:
        for name in ("time", "xh"):
            unit = file[name].attrs["units"]
            del file[name]
            file.create_dataset(name, (2**31,), "f8", chunks=(1000,)).attrs["units"] = unit
    before = most_memory()
    assert "has 2147483648 values" in sentence_of(reader, path)
    assert most_memory() - before < 50


# --- NaN ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["CM1, HDF5", "CM1, classic", "CM1, CDF-5", "sample"])
@pytest.mark.parametrize("name", ["qi", "time"])
def test_nan_is_refused(tmp_path, kind, name):
    reader, path = READERS[kind], tmp_path / READERS[kind].name
    variables = sample() if kind == "sample" else cm1_output()
    variables[name][2].flat[-1] = np.nan
    {"CM1, classic": write_classic, "CM1, CDF-5": write_cdf5}.get(kind, write_hdf5)(path, variables)
    assert sentence_of(reader, path)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "'five'", ""])
def test_a_number_of_a_namelist_must_be_one(tmp_path, value):
    reader, path = READERS["namelist"], tmp_path / READERS["namelist"].name
    path.write_text(NAMELIST.replace("1200.0", value))
    assert "param1:timax is no number" in sentence_of(reader, path)


def test_fields_on_another_grid_than_the_axes_are_refused(tmp_path):
    reader, path = READERS["CM1, HDF5"], tmp_path / READERS["CM1, HDF5"].name
    variables = cm1_output()
    variables["qni"] = (*variables["qni"][:2], np.ones((3, 4, 1, 6), "f4"))
    write_hdf5(path, variables)
    assert "has qni on another grid" in sentence_of(reader, path)
