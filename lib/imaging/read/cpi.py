"""Real pictures of ice crystals, one after the other: of the Cloud Particle Imager above all.

A folder may hold CPI tiles, in folders of classes or campaigns as COCPIT leaves them
(https://github.com/vprzybylo/cocpit) or in none, raw quick-look pages of the CPI, and 2D-S silhouettes. A CPI tile is a
picture of one particle, dark on bright, stored with a blue-white palette: its grey level is the palette's index, not the
luminance of the colour shown. One pixel is 2.3 um at the probe's native resolution. Pictures of other probes are read
too, if their pixel size is given.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from lib.imaging.read import oap
from lib.imaging.read.files import BadImage, file_names
from lib.imaging.read.segmentation import (
    cut_share,
    dark_parts,
    edge_width_px,
    fill_contour,
    is_bright_on_dark,
    largest_particle,
    length_px,
    outline,
)
from lib.imaging.read.sheets import is_page, rectangles
from lib.imaging.sensor import PIXEL_UM, pixel_size_um

#: Time in a name: 2015_1205_170540_226 of a tile, CP20151205_170540_226 of a page.
_STAMP = re.compile(r"(?<!\d)(\d{4})_?(\d{4})_(\d{6})_(\d{1,4})(?!\d)")
#: Folders of COCPIT that are no class.
_NO_CLASS = re.compile(r"sheets|single_imgs.*")


class Particle(NamedTuple):
    """One picture of a particle, or what was found in its place."""

    file: str  #: relative to the folder read; a picture on a page has its number on the page added, page.png#3
    label: str = ""  #: name of the folder that the file lies in, or ""
    group: str = ""  #: page that the picture comes from, as its time yyyy_mmdd_hhmmss_mmm, or ""
    time: datetime | None = None  #: time of the page
    grey: np.ndarray | None = None  #: (h, w) uint8
    mask: np.ndarray | None = None  #: (h, w) uint8, 1 in the particle
    length_um: float = np.nan  #: largest Feret diameter, of the largest particle
    cut: float = np.nan  #: share of the frame that the particle covers
    blur_px: float = np.nan  #: way on which the grey level rises from 10 to 90 % at the outline; NaN for silhouettes
    reason: str = ""  #: why the particle can't be used, or ""
    pixel_um: float = np.nan  #: side of a pixel that the length is measured with
    n_particles: int = 0  #: particles on the picture; those that have a tenth of the largest one's area count
    remark: str = ""  #: what was assumed or done to read the picture, or ""

    @property
    def flight(self) -> str:
        """Day yyyy_mmdd that the picture was taken on, or ""."""
        return self.group[:9]


def particles(folder: Path, probe: str | float = "") -> Iterator[Particle]:
    """Every particle below `folder` in the order of names, and every file that holds none, with the reason.

    Reads one file at a time and keeps nothing, so that memory doesn't grow with their number. Pictures with two values
    are taken for silhouettes, and large ones with an empty first and last row for pages of the CPI, which are cut into the
    pictures on them.

    Parameters
    ----------
    probe : name of the probe (`lib.imaging.sensor.PIXEL_UM`) or side of its pixels [um]. Where it is not given, silhouettes are
        taken for those of the 2D-S and other pictures for those of the CPI, which their `remark` says.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If there is no such probe.
    """
    if probe:
        pixel_size_um(probe)
    return _particles(folder, file_names(folder), probe)


def _particles(folder: Path, names: Iterator[str], probe: str | float) -> Iterator[Particle]:
    for name in names:
        yield from particles_of(folder, name, probe)


def particles_of(folder: Path, name: str, probe: str | float = "") -> Iterator[Particle]:
    """Every particle in the file `name` below `folder`, or what was found in their place; for `probe` see `particles`."""
    place = _place(name)
    try:
        levels = oap.open_levels(folder, name)
    except BadImage as error:
        yield place._replace(reason=str(error))
        return
    yield from _on_page(place, levels, probe) if is_page(levels) else [particle_in(levels, place, probe)]


def _place(name: str) -> Particle:
    """What the name of a file tells."""
    folder, file = name.split("/")[-2:] if "/" in name else ("", name)
    stamp = _STAMP.search(file)
    time = _time(*stamp.groups()) if stamp else None
    return Particle(name, "" if _NO_CLASS.fullmatch(folder) else folder, "_".join(stamp.groups()) if time else "", time)


def _time(year: str, day: str, clock: str, thousandths: str) -> datetime | None:
    """The time of a stamp; its thousandths of a second may be more than a thousand."""
    try:
        return datetime.strptime(year + day + clock, "%Y%m%d%H%M%S") + timedelta(milliseconds=int(thousandths))
    except (ValueError, OverflowError):
        return None


def _on_page(place: Particle, page: np.ndarray, probe: str | float) -> Iterator[Particle]:
    found, n_left = rectangles(page)
    for number, rectangle in enumerate(found):
        here = place._replace(file=f"{place.file}#{number}")
        if rectangle.whole:
            yield particle_in(rectangle.cut(page), here, probe)
        else:
            yield here._replace(reason="no rectangle: pictures that touch each other")
    if n_left:
        yield place._replace(reason=f"a page with {n_left} pixels that are neither print nor in a rectangle")
    elif not found:
        yield place._replace(reason="a page without pictures")


def particle_in(grey: np.ndarray, place: Particle, probe: str | float = "") -> Particle:
    """The largest particle in one picture (h, w), with what `place` tells of it: a silhouette if it has two values, else a tile.

    A bright particle on a dark background is turned into a dark one on a bright background. `probe` is as in `particles`.
    """
    try:
        if oap.is_binary(grey):
            return _silhouette(oap.silhouette(grey), _sized(place, probe, "2D-S"))
        if oap.has_few_levels(grey):
            if not probe:
                raise BadImage("three or four grey levels, as of a CIP that records grey: name the probe or its pixel size")
            return _silhouette(oap.half_shadow(grey), _sized(place, probe, ""))
        return _tile(grey, _sized(place, probe, "CPI"))
    except BadImage as error:
        return place._replace(reason=str(error))


def _sized(place: Particle, probe: str | float, assumed: str) -> Particle:
    """`place` with the size of pixels that a probe has, or else the `assumed` one, which it remarks."""
    if probe:
        return place._replace(pixel_um=pixel_size_um(probe))
    return place._replace(pixel_um=PIXEL_UM[assumed], remark=f"pixels of the {assumed} assumed")


def _silhouette(mask: np.ndarray, place: Particle) -> Particle:
    largest, n = largest_particle(mask)
    points = cv2.findNonZero(largest)
    return _measured(place, 255 * (1 - mask), largest, points, n)


def _tile(grey: np.ndarray, place: Particle) -> Particle:
    dark = dark_parts(grey)
    if is_bright_on_dark(dark):
        grey, place = 255 - grey, _with_remark(place, "bright on dark: turned")
        dark = dark_parts(grey)
    contour = outline(dark)
    particle = _measured(place, grey, fill_contour(contour, grey.shape), contour, largest_particle(dark)[1])
    return particle._replace(blur_px=edge_width_px(grey, contour))


def _measured(place: Particle, grey: np.ndarray, mask: np.ndarray, points: np.ndarray, n: int) -> Particle:
    """A particle with its picture, its mask and its length, which its `points` (k, 1, 2) have."""
    if n > 1:
        place = _with_remark(place, f"{n} particles: the largest is measured")
    length_um = place.pixel_um * length_px(points)
    return place._replace(grey=grey, mask=mask, length_um=length_um, cut=cut_share(mask), n_particles=n)


def _with_remark(place: Particle, remark: str) -> Particle:
    return place._replace(remark="; ".join(filter(None, [place.remark, remark])))


def screen(
    found: Iterable[Particle], smallest: int = 50, most_cut: float = 0.02, most_blur_px: float = 15.0
) -> Iterator[Particle]:
    """The same particles, with a reason for those that are small, cut off by the frame, or out of focus.

    Parameters
    ----------
    smallest : the longer side of a particle at least [pixels]
    most_cut : share of the frame that a particle may cover
    most_blur_px : way that the grey level may need to rise at the outline [pixels]
    """
    for particle in found:
        if not particle.reason:
            if max(cv2.boundingRect(particle.mask)[2:]) < smallest:
                particle = particle._replace(reason=f"small: below {smallest} pixels")
            elif particle.cut > most_cut:
                particle = particle._replace(reason=f"cut off: on more than {100 * most_cut:.0f} % of the frame")
            elif particle.blur_px > most_blur_px:
                particle = particle._replace(reason=f"blurred: an edge wider than {most_blur_px:g} pixels")
        yield particle


def tabulate(found: Iterable[Particle], path: Path) -> Iterator[Particle]:
    """The same particles, a row for each going into a CSV table: all their numbers, without the pictures.

    The table grows in `path`.part, and moves to `path` after the last one.
    """
    part = Path(f"{path}.part")
    with part.open("w", newline="", encoding="utf-8", errors="surrogateescape", buffering=1) as file:
        writer = csv.DictWriter(file, [name for name in Particle._fields if name not in ("grey", "mask")], extrasaction="ignore")
        writer.writeheader()
        for particle in found:
            rounded = {name: f"{getattr(particle, name):.5g}" for name in ("length_um", "cut", "blur_px", "pixel_um")}
            writer.writerow(particle._asdict() | rounded)
            yield particle
    os.replace(part, path)


def whole_particles(
    folder: Path, smallest: int = 50, most_cut: float = 0.02, most_blur_px: float = 15.0, probe: str | float = ""
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Masks of the whole particles below `folder`, and a table (file, reason) of all of them, reason "" for those kept.

    Left out, with their reason, is what can't be read and what `screen` finds. All masks are in memory at the end;
    `particles`, `screen` and `tabulate` go through folders of any size. For `probe` see `particles`.
    """
    masks, report = [], []
    for particle in screen(particles(folder, probe), smallest, most_cut, most_blur_px):
        if not particle.reason:
            masks.append(particle.mask)
        report.append((particle.file, particle.reason))
    return masks, pd.DataFrame(report, columns=["file", "reason"])
