"""A random sample of the particles in a folder of CPI pictures, and the pages that they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.datasets.picture_set import PictureSet, apply_screening, measure, stack
from lib.imaging.read.cpi import particles, tabulate

#: Fewest pictures that are worth comparing.
FEWEST = 40


def sample_pictures(
    folder: Path, n: int, size: int, report: Path, screening: str = "all", seed: int = 0, probe: str | float = ""
) -> PictureSet:
    """Up to `n` particles below `folder`, drawn at random from all that pass the `screening`.

    Goes through the folder once and holds `n` pictures at a time (reservoir sampling, Vitter 1985,
    doi:10.1145/3147.3165), so that folders may be of any size.

    Parameters
    ----------
    folder : folder of CPI pictures
    size : side of the framed pictures [pixels]
    report : CSV file to write, a row for every file, with the reason why it can't be used or none
    screening : name of a screening
    probe : see `lib.imaging.read.cpi.particles`

    Raises
    ------
    ValueError
        If fewer than `FEWEST` particles pass.
    """
    rng = np.random.default_rng([seed, 8])
    sample, n_passed = [], 0
    stream = apply_screening(tqdm(particles(folder, probe), desc="reading", unit="picture"), screening)
    for particle in tabulate(stream, report):
        if particle.reason:
            continue
        place = n_passed if n_passed < n else int(rng.integers(n_passed + 1))
        n_passed += 1
        if place < n:
            sample[place : place + 1] = [measure(particle, size)]
    if len(sample) < FEWEST:
        raise ValueError(f"{folder}: {len(sample)} pictures can be used, at least {FEWEST} are needed (see {report})")
    return stack(sample)


def reasons(report: Path) -> pd.Series:
    """Why each picture in a `report` cannot be used, or "can be used"; names of files may be of any encoding."""
    table = pd.read_csv(report, keep_default_na=False, encoding_errors="surrogateescape")
    return table.reason.replace("", "can be used")


def pages(pictures: PictureSet) -> np.ndarray:
    """Page (n,) that each picture comes from, by which sets are split; a picture of no page is a page of its own."""
    return np.where(pictures.table.group == "", pictures.table.file, pictures.table.group)
