"""What people have in their folders: pictures in whatever mode, polarity, container and arrangement, each with its right value.

Inputs that lie beside the project are read too, where they are; the same kinds are made here.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from test_cpi import palette_image
from test_segmentation import disc, printed, tile
from test_sheets import PLACES, page

from lib.imaging.read.cpi import Particle, particle_in, particles, screen, tabulate, whole_particles
from lib.imaging.read.oap import labelled_silhouettes
from lib.imaging.read.palette import COLOURS
from lib.imaging.sensor import PIXEL_UM, pixel_size_um

settings.register_profile("field", derandomize=True, deadline=None, max_examples=60, database=None)
FIELD = settings.get_profile("field")

RADIUS = 30
#: A silhouette and a tile of one disc; the tile's edge is blurred.
SHADOW = disc(75, 60, RADIUS)
GREY = np.clip(cv2.GaussianBlur(np.where(SHADOW > 0, 60.0, 200.0), (0, 0), 2.0), 0, 255).astype(np.uint8)
AREA, LENGTH = np.pi * RADIUS**2, 2 * RADIUS


@pytest.fixture
def pictures(shared_cases) -> Path:
    """Folder of pictures from the field that are not part of the project."""
    return shared_cases / "pictures"


def only(folder: Path, probe: str | float = "") -> Particle:
    """The particle in a folder of one file."""
    (found,) = particles(folder, probe)
    return found


def saved(folder: Path, name: str, image: Image.Image | np.ndarray, **options) -> Path:
    """The folder in which a picture was saved."""
    folder.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(folder / name, **options)
    return folder


def grey_palette(levels: np.ndarray, order: np.ndarray) -> Image.Image:
    """A picture whose palette has all greys, in some order."""
    return palette_image(np.argsort(order).astype(np.uint8)[levels], np.repeat(order[:, None], 3, axis=1))


# --- palettes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "length_um", "blur_px"), [("b_few", 159.8, 10.0), ("a_", 164.1, 8.7), ("c_con", 164.1, 8.7)])
def test_a_grey_palette_changes_nothing(pictures, start, length_um, blur_px):
    found = [one for one in particles(pictures / "20-grey-palette") if one.file.startswith(start)]
    assert len(found) == (3 if start == "b_few" else 1)
    for one in found:
        assert one.reason == "" and round(one.length_um, 1) == length_um and round(one.blur_px, 1) == blur_px


def test_grey_palettes_in_any_order_and_container_are_the_same_tile(pictures):
    found = {one.file: one for one in particles(pictures / "20-grey-palette")}
    reference = found.pop("a_reference.png")
    for name in (
        "c_convertP.png",
        "c_grey.gif",
        "d_grey_any_order.png",
        *(f"e_index0_white.{end}" for end in ("bmp", "png", "tif")),
    ):
        assert np.array_equal(found[name].grey, reference.grey), name
    for name in ("c_adaptive64.gif", "c_quantize16.png", "c_rgbquantize32.png"):  # which lost levels
        assert found[name].length_um == pytest.approx(reference.length_um, abs=2.3), name


def test_colours_that_mean_nothing_are_named(tmp_path):
    reds = np.column_stack([np.arange(256), np.zeros((256, 2), int)]).astype(np.uint8)
    saved(tmp_path, "a.png", palette_image(GREY, np.random.default_rng(0).permutation(reds)))
    saved(tmp_path, "b.png", Image.fromarray(COLOURS[GREY]).quantize(16))
    saved(tmp_path, "c.jpg", Image.fromarray(COLOURS[GREY]))
    reasons = [one.reason for one in particles(tmp_path)]
    assert all("a palette that is no grey scale" in reason for reason in reasons[:2]) and "mode RGB: expected" in reasons[2]


# --- channels -----------------------------------------------------------------------------------------------------------


def test_equal_channels_are_grey_whatever_the_mode(pictures, tmp_path):
    found = {one.file: one for one in particles(pictures / "21-rgb-grey")}
    assert {one.reason for one in found.values()} == {""}
    reference = found["rgb.png"]
    for name in ("rgb.tif", "rgba.png", "la.png", "i16.png"):
        assert np.array_equal(found[name].grey, reference.grey), name
    for name in ("rgb.jpg", "l.jpg", "cmyk.jpg"):
        assert found[name].length_um == pytest.approx(reference.length_um, abs=1), name
    for name in ("silhouette.png", "silhouette.jpg", "silhouette_rgba.png"):
        assert (round(found[name].length_um), found[name].pixel_um) == (710, 10.0), name


def mode(grey: np.ndarray, name: str) -> Image.Image:
    """A grey picture in some mode of Pillow."""
    if name == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    return Image.fromarray(grey).convert(name)


@pytest.mark.parametrize("transparent", [0, 128, 254])
@pytest.mark.parametrize("name", ["LA", "RGBA"])
def test_transparent_pixels_are_named(tmp_path, name, transparent):
    image = mode(GREY, name)
    image.putpixel((3, 3), (*image.getpixel((3, 3))[:-1], transparent))
    assert only(saved(tmp_path, "a.png", image)).reason == f"mode {name}: there are transparent pixels"


@pytest.mark.parametrize("end", ["jpg", "png", "tif", "webp"])
def test_a_picture_that_is_to_be_shown_turned_is_turned(tmp_path, end):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    found = only(saved(tmp_path, f"a.{end}", Image.fromarray(GREY), exif=exif))
    assert found.grey.shape == GREY.shape[::-1] and found.length_um == pytest.approx(2.3 * LENGTH, abs=5)


# --- whatever the polarity, the mode, the container and the order of the palette ----------------------------------------

#: Mode -> containers that hold it, and how far lengths may be off [px].
CONTAINERS = {
    "L": {"png": 0, "tif": 0, "bmp": 0, "gif": 0, "pgm": 0, "jpg": 1, "webp": 1},
    "LA": {"png": 0, "tif": 0},
    "RGB": {"png": 0, "tif": 0, "bmp": 0, "ppm": 0, "jpg": 1, "webp": 1},
    "RGBA": {"png": 0, "tif": 0},
    "CMYK": {"tif": 0, "jpg": 1},
    "I;16": {"png": 0, "tif": 0},
    "P": {"png": 0, "tif": 0, "bmp": 0, "gif": 0},
}
STORED = st.sampled_from([(name, *held) for name, ends in CONTAINERS.items() for held in ends.items()])


def stored(folder: Path, grey: np.ndarray, name: str, end: str, seed: int) -> Path:
    order = np.random.default_rng(seed).permutation(256).astype(np.uint8)
    image = grey_palette(grey, order) if name == "P" else mode(grey, name)
    return saved(folder, f"a.{end}", image)


@FIELD
@given(stored_as=STORED, bright=st.booleans(), seed=st.integers(0, 99), x=st.integers(40, 110), levels=st.integers(60, 195))
def test_a_tile_is_the_same_particle_however_it_is_stored(tmp_path_factory, stored_as, bright, seed, x, levels):
    name, end, off = stored_as
    blurred = cv2.GaussianBlur(disc(x, 60, RADIUS).astype(float), (0, 0), 2.0)
    grey = (225 - levels * blurred).astype(np.uint8)
    found = only(stored(tmp_path_factory.mktemp("tile"), 255 - grey if bright else grey, name, end, seed))
    assert found.reason == "" and found.n_particles == 1
    assert found.length_um / 2.3 == pytest.approx(LENGTH, abs=3 + off) and found.mask.sum() == pytest.approx(AREA, rel=0.08)
    assert ("bright on dark: turned" in found.remark) == bright
    assert np.abs(found.grey.astype(int) - grey).max() <= (40 if off else 0)  # JPEG and WebP ring at the edge


@FIELD
@given(
    stored_as=STORED, bright=st.booleans(), seed=st.integers(0, 99), margin=st.sampled_from([0, 1, 9, 40]), low=st.integers(0, 90)
)
def test_a_silhouette_is_the_same_particle_however_it_is_stored(tmp_path_factory, stored_as, bright, seed, margin, low):
    name, end, off = stored_as
    side = 2 * RADIUS + 1 + 2 * margin
    mask = disc(side // 2, side // 2, RADIUS, (side, side))
    picture = np.where((mask > 0) == bright, 255, low).astype(np.uint8)
    found = only(stored(tmp_path_factory.mktemp("silhouette"), picture, name, end, seed))
    assert found.reason == "" and found.pixel_um == 10.0 and np.isnan(found.blur_px)
    assert np.array_equal(found.mask, mask) or (off and np.abs(found.mask.astype(int) - mask).sum() <= 4)
    assert found.length_um == pytest.approx(10 * (LENGTH + 1), abs=15)
    assert (next(screen([found])).reason != "") == (margin < 3)  # on the frame


@pytest.mark.parametrize("bright", [False, True])
def test_pictures_of_one_bit(tmp_path, bright):
    for end in ("png", "tif", "bmp", "pbm", "gif"):
        image = Image.fromarray((SHADOW > 0) == bright)
        found = only(saved(tmp_path / end, f"a.{end}", image))
        assert np.array_equal(found.mask, SHADOW) and found.reason == "", end


# --- pages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["png", "jpg", "gif"])
def test_84_crystals_on_three_pages_are_84(pictures, end):
    found = list(particles(pictures / f"23b-pages-{end}"))
    assert len(found) == 84 and {one.reason for one in found} == {""} and len({one.group for one in found}) == 3
    assert [one.length_um for one in found] == pytest.approx(
        [one.length_um for one in particles(pictures / "23b-pages-png")], abs=5
    )


@pytest.mark.parametrize("end", ["png", "jpg", "gif", "tif", "bmp", "webp"])
@pytest.mark.parametrize("paper", [255, 254, 250, 240])
def test_a_page_is_cut_in_any_container_and_with_any_near_white(tmp_path, end, paper):
    places = [
        (48, 27, 150, 120),
        (210, 27, 80, 80),
        (0, 200, 90, 100),
        (101, 200, 250, 180),
        (400, 200, 61, 333),
        (300, 700, 100, 60),
    ]
    sheet = np.where(page(places) == 254, paper, page(places)).astype(np.uint8)
    options = {"quality": 75 if paper >= 250 else 90} if end in ("jpg", "webp") else {}
    found = list(particles(saved(tmp_path, f"CP20151205_170501_807.{end}", sheet, **options)))
    assert [one.file.split("#")[1] for one in found] == [str(number) for number in range(len(places))]
    for one, (_, _, width, height) in zip(found, places, strict=True):
        assert one.reason == "" and np.abs(np.subtract(one.grey.shape, (height, width))).max() <= 2
        assert one.length_um / 2.3 == pytest.approx(2 / 3 * min(width, height), abs=3)


def test_a_page_with_one_picture_is_told_by_its_header(tmp_path):
    sheet = page([(100, 100, 150, 120)])
    saved(tmp_path, "a.jpg", sheet), saved(tmp_path, "b.png", np.where(sheet == 254, 248, sheet).astype(np.uint8))
    assert [(one.file, one.reason, one.grey.shape) for one in particles(tmp_path)] == [
        ("a.jpg#0", "", (120, 150)),
        ("b.png#0", "", (120, 150)),
    ]


def test_a_dark_page_is_cut(tmp_path):
    found = list(particles(saved(tmp_path, "a.png", 255 - page())))
    assert len(found) == len(PLACES) and all("turned" in one.remark for one in found if min(one.grey.shape) > 20)


def test_a_page_that_can_t_be_cut_has_a_row_that_says_so(tmp_path):
    """Crystals on white without rectangles: half as large as a page, and pale."""
    sheet = np.full((700, 600), 255, np.uint8)
    for y in range(50, 700, 100):
        for x in range(50, 600, 100):
            sheet = np.where(disc(x, y, 25, sheet.shape) > 0, 90 + x // 10, sheet).astype(np.uint8)
    for size in ((600, 700), (240, 280)):
        saved(tmp_path, f"{size[0]}.png", Image.fromarray(sheet).resize(size))
    saved(tmp_path, "binary.png", np.where(sheet < 255, 0, 255).astype(np.uint8))
    reasons = [one.reason for one in particles(tmp_path)]
    assert reasons == ["42 particles in one picture: expected one, cut it into pictures of one each"] * 3


def test_a_large_picture_of_one_particle_is_no_page(tmp_path):
    large = cv2.GaussianBlur(np.where(disc(300, 280, 200, (600, 640)) > 0, 60.0, 255.0), (0, 0), 3.0).astype(np.uint8)
    bar = np.full((600, 640), 250, np.uint8)
    bar[100:500, 200:300] = 40
    saved(tmp_path, "a.png", large), saved(tmp_path, "b.png", bar)
    disc_found, bar_found = particles(tmp_path)
    assert disc_found.length_um == pytest.approx(2.3 * 400, abs=8) and disc_found.reason == bar_found.reason == ""
    assert bar_found.file == "b.png" and bar_found.mask.sum() == 400 * 100


# --- what is on one picture ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grey", [False, True])
def test_several_particles_are_told_with_their_number(tmp_path, grey):
    three = disc(40, 60, 25) | disc(105, 30, 15) | disc(110, 90, 20)
    saved(tmp_path, "a.png", tile(three) if grey else three * 255)
    saved(tmp_path, "b.png", tile(SHADOW) if grey else SHADOW * 255)
    several, one = particles(tmp_path)
    assert several.n_particles == 3 and several.remark.endswith("3 particles: the largest is measured")
    assert several.length_um / several.pixel_um == pytest.approx(51, abs=2) and several.mask[:, 80:].sum() == 0
    assert one.n_particles == 1 and "particles" not in one.remark
    if not grey:
        (tmp_path / "class").mkdir()
        (tmp_path / "a.png").rename(tmp_path / "class" / "a.png")
        assert labelled_silhouettes(tmp_path).report.iloc[1].tolist() == ["class/a.png", "", "3 particles"]


def test_parts_with_small_gaps_are_one_particle():
    parts = disc(40, 60, 25) | disc(85, 60, 16)  # three pixels apart
    found = particle_in(parts * 255, Particle("a"))
    assert found.n_particles == 1 and found.length_um == pytest.approx(10 * (101 - 15 + 1), abs=20)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("grey", [False, True])
def test_stray_pixels_stretch_no_length(seed, grey):
    stray, rng = SHADOW.copy(), np.random.default_rng(seed)
    for y, x in zip(rng.integers(2, 118, 12), rng.choice(np.r_[2:38, 112:148], 12), strict=True):
        stray[y, x] = 1
    stray[4:6, 4:7] = 1
    picture = np.where(stray, 50, 210).astype(np.uint8)
    if grey:
        picture = np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
    found = particle_in(picture, Particle("a"))
    assert found.n_particles == 1 and found.cut == 0
    assert found.length_um / found.pixel_um == pytest.approx(LENGTH + 1, abs=1.5 if grey else 0.1)


# --- crops without margin -----------------------------------------------------------------------------------------------


def test_crops_without_margin_of_the_field(pictures):
    found = {one.file: one.mask.sum() for one in particles(pictures / "29-oap-tight")}
    assert found["rounded_square_tight.png"] == found["rounded_square_padded.png"] == 6272
    assert found["disc_tight.png"] == found["disc_padded.png"] == 5024


def polygon(*corners) -> np.ndarray:
    """Mask of a polygon, cropped without margin."""
    mask = cv2.fillPoly(np.zeros((200, 200), np.uint8), [np.array(corners, np.int32)], 1)
    left, top, width, height = cv2.boundingRect(mask)
    return mask[top : top + height, left : left + width]


CROPS = {
    "hexagon": polygon(*(np.array([100, 100]) + 80 * np.array([np.cos(a), np.sin(a)]) for a in np.arange(6) * np.pi / 3)),
    "needle": polygon((10, 20), (18, 10), (180, 170), (172, 180)),
    "bullet": polygon((10, 60), (40, 20), (180, 20), (180, 100), (40, 100)),
    "triangle": polygon((100, 10), (180, 150), (20, 150)),
    "right triangle": polygon((10, 10), (180, 150), (10, 150)),
    "cross": polygon(
        *[
            (70, 10),
            (90, 10),
            (90, 70),
            (150, 70),
            (150, 90),
            (90, 90),
            (90, 150),
            (70, 150),
            (70, 90),
            (10, 90),
            (10, 70),
            (70, 70),
        ]
    ),
}


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("name", CROPS)
def test_crops_without_margin_are_not_inverted(name, bright):
    mask = CROPS[name]
    found = particle_in(np.where((mask > 0) == bright, 255, 0).astype(np.uint8), Particle("a"))
    if found.reason:
        assert "touches the frame" in found.reason and name == "right triangle"
    else:
        assert np.array_equal(found.mask, mask) and next(screen([found], smallest=5)).reason.startswith("cut off")


# --- sizes of pixels ----------------------------------------------------------------------------------------------------

#: A disc as the CIP records it: shadows of 75, 50 and 25 %.
SHADOWS = disc(75, 60, 20) + disc(75, 60, 26) + disc(75, 60, 30)


def test_a_grey_level_probe_is_told_and_read_where_it_is_named(pictures):
    told = only(pictures / "29d-cip-grey")
    assert (
        told.reason == "three or four grey levels, as of a CIP that records grey: name the probe or its pixel size"
        and told.mask is None
    )
    found = only(pictures / "29d-cip-grey", "CIP-15")
    assert found.reason == "" and found.pixel_um == 15 and found.mask.sum() == 2109 + 700


@pytest.mark.parametrize("levels", [(255, 170, 85, 0), (0, 85, 170, 255), (255, 191, 128, 64), (0, 1, 2, 3)])
@pytest.mark.parametrize(("probe", "pixel_um"), [("CIP-15", 15), ("CIP-25", 25), (12.5, 12.5), ("12.5", 12.5)])
def test_half_of_the_shadow_makes_the_particle(tmp_path, levels, probe, pixel_um):
    picture = np.array(levels, np.uint8)[SHADOWS]
    (
        saved(tmp_path, "a.png", picture),
        saved(tmp_path, "b.png", palette_image(SHADOWS, np.array([[255] * 3, [160] * 3, [90] * 3, [9] * 3]))),
    )
    assert ["grey levels" in one.reason for one in particles(tmp_path)] == [True, True]
    for one in particles(tmp_path, probe):
        assert np.array_equal(one.mask, disc(75, 60, 26)) and one.pixel_um == pixel_um and one.reason == one.remark == ""
        assert one.length_um == pytest.approx(53 * pixel_um, abs=1)


def test_jpeg_hides_no_grey_level_probe(tmp_path):
    saved(tmp_path, "a.jpg", np.array([255, 170, 85, 0], np.uint8)[SHADOWS])
    assert "as of a CIP" in only(tmp_path).reason
    found = only(tmp_path, "CIP-25").mask
    assert np.abs(found.astype(int) - disc(75, 60, 26)).sum() < 0.03 * found.sum()
    assert only(saved(tmp_path / "tile", "a.jpg", GREY)).pixel_um == 2.3


def test_sizes_of_pixels_are_given_or_told(tmp_path):
    saved(tmp_path, "a.png", GREY), saved(tmp_path, "b.png", SHADOW * 255)
    assumed = list(tabulate(particles(tmp_path), tmp_path.parent / "assumed.csv"))
    assert [(one.pixel_um, one.remark) for one in assumed] == [
        (2.3, "pixels of the CPI assumed"),
        (10.0, "pixels of the 2D-S assumed"),
    ]
    list(tabulate(particles(tmp_path, "CIP-25"), tmp_path.parent / "given.csv"))
    tables = [pd.read_csv(tmp_path.parent / name, keep_default_na=False) for name in ("assumed.csv", "given.csv")]
    assert tables[0].pixel_um.tolist() == [2.3, 10.0] and tables[1].pixel_um.tolist() == [25.0, 25.0]
    assert tables[0].remark.tolist() == [one.remark for one in assumed] and tables[1].remark.tolist() == ["", ""]
    ratio = tables[1].length_um / tables[0].length_um
    assert ratio.tolist() == pytest.approx([25 / 2.3, 2.5], rel=1e-3)
    assert len(whole_particles(tmp_path, probe=7)[0]) == 2


@pytest.mark.parametrize("probe", ["2DS", "cpi", 0, -1.0, float("nan"), float("inf"), "0"])
def test_a_probe_that_is_none_is_refused_at_once(tmp_path, probe):
    with pytest.raises(ValueError, match="probe: expected one of CPI, 2D-S, CIP-15, CIP-25 or the side of its pixels"):
        pixel_size_um(probe)
    if probe:
        with pytest.raises(ValueError, match="probe: expected one of"):
            particles(tmp_path, probe)
    assert all(pixel_size_um(name) == size for name, size in PIXEL_UM.items())


# --- links --------------------------------------------------------------------------------------------------------------


def test_links_are_followed_once_or_named(tmp_path):
    folder, outside = tmp_path / "in", tmp_path / "outside"
    saved(folder / "agg", "a.png", GREY), saved(outside, "b.png", GREY), saved(outside, "c.png", GREY)
    os.link(folder / "agg" / "a.png", folder / "agg" / "copy.png")  # a file of its own, as far as folders tell
    links = {
        "again.png": "agg/a.png",
        "column/a.png": "../agg/a.png",
        "column/chain.png": "../again.png",
        "b1.png": "../outside/b.png",
        "b2.png": outside / "b.png",
        "c.png": "../outside/c.png",
        "folder": "../outside",
        "loop": ".",
        "nothing.png": "gone.png",
        "self.png": "self.png",
    }
    (folder / "column").mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(target)
    found = {one.file: one.reason for one in particles(folder)}
    assert [name for name, reason in found.items() if not reason] == ["agg/a.png", "agg/copy.png", "b1.png", "c.png"]
    assert "b2.png" not in found and len(found) == 4 + len(links) - 3
    for name in ("again.png", "column/a.png", "column/chain.png"):
        assert found[name] == "a link to agg/a.png, which is read itself"
    for name in ("folder", "loop"):
        assert found[name] == "no regular file: a link to a folder is not followed"
    assert "No such file" in found["nothing.png"] and "symbolic links" in found["self.png"]
    assert len(labelled_silhouettes(folder).report) == len(found)


def test_a_folder_that_is_itself_a_link_is_read(tmp_path):
    saved(tmp_path / "there", "a.png", GREY)
    (tmp_path / "here").symlink_to("there")
    assert only(tmp_path / "here").reason == ""


# --- a labelled set -----------------------------------------------------------------------------------------------------


def test_a_labelled_set_of_any_mode_and_container(tmp_path):
    for number, (name, end) in enumerate(
        [("L", "jpg"), ("RGB", "png"), ("RGBA", "png"), ("LA", "png"), ("L", "gif"), ("1", "tif")]
    ):
        saved(tmp_path / "column", f"{number}.{end}", mode(SHADOW * 255, name))
    saved(tmp_path / "column", "grey.png", np.array([255, 170, 85, 0], np.uint8)[SHADOWS])
    found = labelled_silhouettes(tmp_path)
    assert len(found.masks) == 6 and all(np.array_equal(mask, SHADOW) for mask in found.masks)
    assert found.report.reason.tolist()[-1] == "4 grey levels: expected the two of a silhouette"


# --- further inputs, in the layouts of other programs -------------------------------------------------------------------


def test_a_palette_with_unused_white_first_as_gimp_and_imagemagick_write(tmp_path):
    inverted = grey_palette(GREY, np.arange(255, -1, -1).astype(np.uint8))
    assert np.array_equal(only(saved(tmp_path, "a.bmp", inverted)).grey, GREY)


def test_a_strip_of_silhouettes_as_quick_looks_of_array_probes_show(tmp_path):
    """SODA2 draws the buffers of a probe as strips in a white, black and coloured palette."""
    strip = np.zeros((128, 900), np.uint8)
    for x in range(60, 900, 90):
        strip |= disc(x, 64, 20, strip.shape)
    colours = np.array([[255, 255, 255], [0, 0, 0], [0, 0, 255], [0, 255, 0], [255, 0, 0], [255, 0, 255]], np.uint8)
    saved(tmp_path, "a.png", palette_image(strip, colours))
    strip[:, ::90] = 2  # blue dividers
    saved(tmp_path, "b.png", palette_image(strip, colours))
    plain, divided = particles(tmp_path, "2D-S")
    assert plain.reason.startswith("10 particles in one picture") and divided.reason.startswith("a palette that is no grey scale")


def test_the_blues_of_a_grey_level_quick_look_are_named(tmp_path):
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 255, 255], [180, 180, 250], [100, 100, 200], [50, 50, 150]], np.uint8)
    found = only(saved(tmp_path, "a.png", palette_image(SHADOWS + 2, colours)))
    assert found.reason.startswith("a palette that is no grey scale")


def test_particles_of_a_cip_in_the_grey_of_ciprdr(tmp_path):
    """Levels 255, 170, 85 and 0, and a name with date and time."""
    saved(tmp_path, "cip_image_20150102_030405_678.png", np.array([255, 170, 85, 0], np.uint8)[SHADOWS])
    found = only(tmp_path, "CIP-15")
    assert (
        found.group == "2015_0102_030405_678"[:4] + "0102"[:0] + "_0102_030405_678" and found.mask.sum() == disc(75, 60, 26).sum()
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("training_datasets/hand_labeled_resized_v1.4.0_sideplanes/agg/2002_0728_194237_327_1.png", "agg"),
        ("campaigns/ISDAC/single_imgs_v1.4.0/2008_0426_012345_678_9.png", ""),
        ("campaigns/ISDAC/sheets/CP20080426_012345_678.png", ""),
        ("20230115191319_C1/IMPACTS_HawkeyeCPI_20230115191319191424206_000001_C1.png", "20230115191319_C1"),
    ],
)
def test_folders_of_cocpit_and_of_the_hawkeye(tmp_path, name, label):
    saved((tmp_path / name).parent, Path(name).name, GREY)
    assert (only(tmp_path).label, only(tmp_path).reason) == (label, "")


def test_a_snowflake_camera_s_bright_particle_on_black(tmp_path):
    """Cropped, of level 0 around, as multi-angle snowflake cameras save them; the probe's pixel size is given."""
    flake = np.where(SHADOW > 0, 140 + (np.arange(150) % 40), 3).astype(np.uint8)
    found = only(saved(tmp_path, "a.png", flake), 33.5)
    assert found.remark == "bright on dark: turned" and found.length_um == pytest.approx(33.5 * 61, rel=0.03)
    assert np.array_equal(found.grey, 255 - flake)


def test_an_inverted_tile_with_its_printed_digits(tmp_path):
    """As image programs invert them: digits are white then, and no particle."""
    whole = printed(tile(SHADOW), "578")
    found = only(saved(tmp_path, "a.png", ImageOps.invert(Image.fromarray(whole))))
    assert np.array_equal(found.grey, whole) and np.array_equal(found.mask, particle_in(whole, Particle("a")).mask)


def test_two_bit_png_as_a_grey_level_probe_may_be_stored(tmp_path):
    found = only(
        saved(tmp_path, "a.png", palette_image(3 - SHADOWS, np.repeat(np.array([[0], [85], [170], [255]]), 3, 1)), bits=2), 25
    )
    assert np.array_equal(found.mask, disc(75, 60, 26)) and found.pixel_um == 25


def test_matlab_and_imagej_stretch_to_16_bits(tmp_path):
    found = only(saved(tmp_path, "a.tif", Image.fromarray((GREY.astype(np.uint16) << 8) | 0x7F)))
    assert np.array_equal(found.grey, GREY)
