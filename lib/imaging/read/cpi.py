"""Real pictures of ice crystals, one after the other: of the Cloud Particle Imager above all.

A folder may hold CPI tiles, in folders of classes or campaigns as COCPIT leaves them
(https://github.com/vprzybylo/cocpit) or in none, raw quick-look pages of the CPI, and 2D-S silhouettes. A CPI tile is a
picture of one particle, dark on bright, stored with a blue-white palette: its grey level is the palette's index, not the
luminance of the colour shown. One pixel is 2.3 um at the probe's native resolution.
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
from lib.imaging.read.files import BadImage, file_names, open_picture
from lib.imaging.read.palette import grey_levels
from lib.imaging.read.segmentation import cut_share, edge_width_px, fill_contour, length_px, particle_outline
from lib.imaging.read.sheets import is_page, rectangles
from lib.imaging.sensor import CPI_PIXEL_UM, OAP_PIXEL_UM

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
    length_um: float = np.nan  #: largest Feret diameter
    cut: float = np.nan  #: share of the frame that the particle covers
    blur_px: float = np.nan  #: way on which the grey level rises from 10 to 90 % at the outline; NaN for silhouettes
    reason: str = ""  #: why the particle can't be used, or ""

    @property
    def flight(self) -> str:
        """Day yyyy_mmdd that the picture was taken on, or ""."""
        return self.group[:9]


def particles(folder: Path) -> Iterator[Particle]:
    """Every particle below `folder` in the order of names, and every file that holds none, with the reason.

    Reads one file at a time and keeps nothing, so that memory doesn't grow with their number. Pictures with two values
    are taken for silhouettes of the 2D-S, with pixels of 10 um, and large ones with an empty first and last row for
    pages of the CPI, which are cut into the pictures on them.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    for name in file_names(folder):
        yield from particles_of(folder, name)


def particles_of(folder: Path, name: str) -> Iterator[Particle]:
    """Every particle in one file, of a `name` relative to `folder`, or what was found in their place."""
    place = _place(name)
    try:
        pixels, colours = open_picture(Path(folder, name))
        grey = pixels if oap.is_binary(pixels) else grey_levels(pixels, colours)
    except BadImage as error:
        yield place._replace(reason=str(error))
        return
    yield from _on_page(place, grey) if is_page(grey) else [particle_in(grey, place)]


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


def _on_page(place: Particle, page: np.ndarray) -> Iterator[Particle]:
    found, n_left = rectangles(page)
    for number, rectangle in enumerate(found):
        here = place._replace(file=f"{place.file}#{number}")
        if rectangle.whole:
            yield particle_in(rectangle.cut(page), here)
        else:
            yield here._replace(reason="no rectangle: pictures that touch each other")
    if n_left:
        yield place._replace(reason=f"a page with {n_left} pixels that are neither print nor in a rectangle")
    elif not found:
        yield place._replace(reason="a page without pictures")


def particle_in(grey: np.ndarray, place: Particle) -> Particle:
    """The particle in one picture (h, w) uint8, with what `place` tells of it: a silhouette if it has two values, else a tile."""
    binary = oap.is_binary(grey)
    try:
        if binary:
            mask = oap.silhouette(grey)
            length_um = OAP_PIXEL_UM * length_px(cv2.findNonZero(mask))
            return place._replace(grey=255 * (1 - mask), mask=mask, length_um=length_um, cut=cut_share(mask))
        contour = particle_outline(grey)
    except BadImage as error:
        return place._replace(reason=str(error))
    mask = fill_contour(contour, grey.shape)
    length_um, blur_px = CPI_PIXEL_UM * length_px(contour), edge_width_px(grey, contour)
    return place._replace(grey=grey, mask=mask, length_um=length_um, cut=cut_share(mask), blur_px=blur_px)


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
            rounded = {name: f"{getattr(particle, name):.5g}" for name in ("length_um", "cut", "blur_px")}
            writer.writerow(particle._asdict() | rounded)
            yield particle
    os.replace(part, path)


def whole_particles(
    folder: Path, smallest: int = 50, most_cut: float = 0.02, most_blur_px: float = 15.0
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Masks of the whole particles below `folder`, and a table (file, reason) of all of them, reason "" for those kept.

    Left out, with their reason, is what can't be read and what `screen` finds. All masks are in memory at the end;
    `particles`, `screen` and `tabulate` go through folders of any size.
    """
    masks, report = [], []
    for particle in screen(particles(folder), smallest, most_cut, most_blur_px):
        if not particle.reason:
            masks.append(particle.mask)
        report.append((particle.file, particle.reason))
    return masks, pd.DataFrame(report, columns=["file", "reason"])
