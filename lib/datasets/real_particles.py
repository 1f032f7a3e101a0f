"""Real pictures of the Cloud Particle Imager to compare synthetic ones with: a random draw, in two halves of whole pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lib.datasets.particles import PictureSet, compared, measured, picture_set
from lib.imaging.read.cpi import particles, recorded

#: Fewest pictures that are worth comparing.
FEWEST = 40


def real_pictures(folder: Path, n: int, size: int, report: Path, screening: str = "all", seed: int = 0) -> PictureSet:
    """Up to `n` particles below `folder`, drawn at random from all that pass the `screening`.

    Goes through the folder once and holds `n` pictures at a time (reservoir sampling, Vitter 1985,
    doi:10.1145/3147.3165), so that folders may be of any size.

    Parameters
    ----------
    folder : folder of CPI pictures
    size : side of the framed pictures [pixels]
    report : CSV file to write, a row for every file, with the reason why it can't be used or none
    screening : name of a screening

    Raises
    ------
    ValueError
        If fewer than `FEWEST` particles pass.
    """
    rng = np.random.default_rng([seed, 8])
    kept, passed = [], 0
    stream = compared(tqdm(particles(folder), desc="reading", unit="picture"), screening)
    for particle in recorded(stream, report):
        if particle.reason:
            continue
        place = passed if passed < n else int(rng.integers(passed + 1))
        passed += 1
        if place < n:
            kept[place : place + 1] = [measured(particle, size)]
    if len(kept) < FEWEST:
        raise ValueError(f"{folder}: {len(kept)} pictures can be used, at least {FEWEST} are needed (see {report})")
    return picture_set(kept)


def halves(pictures: PictureSet, seed: int = 0) -> tuple[PictureSet, PictureSet]:
    """Two sets of about equally many pictures: those of one page are in the same. A picture of no page counts as a page.

    Pages come in random order, each to the set that has fewer pictures so far.

    Raises
    ------
    ValueError
        If all pictures are of one page.
    """
    pages = np.where(pictures.table.group == "", pictures.table.file, pictures.table.group)
    names, page, count = np.unique(pages, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"all {len(pictures)} pictures are of one page, {names[0]}: halves need two pages at least")
    halves: tuple[list[int], list[int]] = ([], [])
    for number in np.random.default_rng([seed, 9]).permutation(len(names)):
        min(halves, key=lambda half: count[half].sum()).append(number)
    is_first = np.isin(page, halves[0])
    return pictures.chosen(is_first), pictures.chosen(~is_first)
