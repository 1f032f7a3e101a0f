"""Screening a folder of CPI pictures of any size: what each shows, which habit it resembles, and how novel it is.

The shipped self-supervised network, which learned from synthetic pictures (notebook 22), gives each particle a place in its
latent space. Where no synthetic picture lies near, the particle is novel: one to look at first. From a command line::

    python -m lib.studies.screening path/to/tiles path/to/results
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import zarr
from sklearn.pipeline import Pipeline
from tqdm.auto import tqdm

from lib.core import paths
from lib.core.cache import clear_broken_writes, written
from lib.core.device import available_device
from lib.crystals.habits import HABITS
from lib.datasets.cpi_stream import FIELDS, Block, blocks
from lib.datasets.crystal_photographs import synthetic_photographs
from lib.datasets.picture_set import SCREENINGS
from lib.datasets.synthetic_campaigns import process_map
from lib.evaluation.latent_scores import linear_probe, mean_neighbour_distance, standardise
from lib.imaging.measure.descriptors import PUBLISHED
from lib.imaging.read.files import file_names
from lib.imaging.sensor import PIXEL_UM, pixel_size_um
from lib.models.self_supervision import Contrastive, features
from lib.studies.representations import NINE_HABITS_SSL, HabitTraining

#: Raised whenever the same pictures would give other results.
VERSION = 3
#: Files read at a time, pictures that the network sees at a time, and rows in a chunk of the embedding.
BLOCK, BATCH, CHUNK = 512, 128, 1024
#: Reference crystals of each habit, how often each is photographed, and how many more set the scale of novelty.
N_REFERENCE, PHOTOGRAPHS, N_SCALE = 300, 3, 20
#: Share of synthetic particles that are less novel than 1.
USUAL = 0.99
#: Standard deviation of a live feature over the mean one of all, at least.
LEAST_SPREAD = 0.05
#: Columns of the table: what was found, the published descriptors, the likeliest habit, the novelty, the chance of each habit.
COLUMNS = (*FIELDS, *PUBLISHED, "habit", "novelty", *(f"p_{habit}" for habit in HABITS))
_TABLE, _EMBEDDING, _STATE = "particles.csv", "embedding.zarr", "state.json"


@dataclass(frozen=True)
class Reference:
    """What pictures are compared with.

    Attributes
    ----------
    training : how the network was trained
    model : the trained network
    live : which of the network's features (F') differ between reference pictures; the other ones say nothing
    points : the F live features (n, F) of the reference pictures
    probe : classifier from standardised features to the number of a habit
    usual : mean distance to the ten nearest reference points that `USUAL` of other synthetic pictures do not reach
    """

    training: HabitTraining
    model: Contrastive
    live: np.ndarray
    points: np.ndarray
    probe: Pipeline
    usual: float

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digits that stand for the weights of the network: one that was trained elsewhere may have others."""
        weights = b"".join(values.cpu().numpy().tobytes() for values in self.model.state_dict().values())
        return hashlib.sha256(weights).hexdigest()[:16]

    def compare(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of masked pictures (n, S, S) uint8: standardised features (n, F), novelty (n,) and chance of each habit (n, 9)."""
        found = features(self.model, torch.from_numpy(pictures).split(BATCH))[:, self.live]
        points, found = standardise(self.points, found)
        return found, mean_neighbour_distance(points, found) / self.usual, self.probe.predict_proba(found)


def reference(training: HabitTraining = NINE_HABITS_SSL, device: str = "cpu", n_each: int = N_REFERENCE) -> Reference:
    """A network, the shipped one by default, and what it makes of synthetic pictures: `n_each` crystals of each habit."""
    model = training.training().result(device).model
    pictures, scale = (
        synthetic_photographs(training.pictures(part, n, PHOTOGRAPHS), BATCH)
        for part, n in (("reference", n_each), ("scale", min(n_each, N_SCALE)))
    )
    points, others = (features(model, part.masked.in_order()) for part in (pictures, scale))
    live = points.std(axis=0) > LEAST_SPREAD * points.std(axis=0).mean()
    points, others = points[:, live], others[:, live]
    known, new = standardise(points, others)
    usual = float(np.quantile(mean_neighbour_distance(known, new), USUAL))
    return Reference(training, model, live, points, linear_probe().fit(known, pictures.label), usual)


def screen(
    folder: Path, target: Path, reference: Reference, screening: str = "whole", workers: int = 0, probe: str | float = ""
) -> Path:
    """Screen all pictures below `folder` into the folder `target`.

    Files are read block by block by processes of their own, and results written after each, so that memory does not grow with
    their number. A screening that was broken off goes on where it was, in `target`.part, and ends with the same results.

    `target` gets three files. state.json tells what was screened and how. The others have a row for each particle, and for each
    file that holds none. particles.csv has `COLUMNS`: the `reason` why a file or particle can't be used, or nothing; else the
    published descriptors [pixels], the likeliest `habit`, the chance `p_` of each, and the `novelty`, which is 1 at a distance
    from synthetic particles that one in a hundred of them reaches. embedding.zarr has the standardised features (particle,
    feature) float16, NaN in rows with a reason.

    Parameters
    ----------
    screening : name of one of `lib.datasets.picture_set.SCREENINGS`
    workers : processes that read; 0 is one a core, 1 is none beside this one
    probe : see `lib.imaging.read.cpi.particles`

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    FileExistsError
        If there is a `target` already.
    ValueError
        If there is no such screening or probe, or `target` is inside `folder`, or `target`.part holds the beginning of another
        screening, by another network, or of other files.
    """
    folder, target = paths.absolute(folder), paths.absolute(target)
    if screening not in SCREENINGS:
        raise ValueError(f"screening: expected one of {', '.join(SCREENINGS)}, got {screening!r}")
    if probe:
        pixel_size_um(probe)
    if target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{target} is inside {folder}, whose files are screened: name a folder outside it for the results")
    if target.exists():
        raise FileExistsError(f"{target} exists already: name another folder for the results, or delete this one")
    files = file_names(folder)
    what = {"folder": str(folder), "screening": screening, "training": asdict(reference.training), "version": VERSION}
    what |= {"network": reference.fingerprint, "probe": probe}
    results = _Results(target.with_name(f"{target.name}.part"), what, reference.points.shape[1])
    results.skip(files)
    progress = {"total": _n_files(folder), "initial": results.done["files"], "desc": "screening", "unit": "file"}
    with process_map(workers) as map_, tqdm(**progress) as bar:
        for block in blocks(files, folder, reference.training.size, screening, probe, BLOCK, map_):
            results.add(block, *_results_of(block, reference))
            bar.update(len(block.names))
    return results.file(target)


def _n_files(folder: Path) -> int:
    """How many files there are below a folder, for the progress bar; none of their names is kept."""
    n, ahead = 0, [os.fspath(folder)]
    while ahead:
        with os.scandir(ahead.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and os.access(entry.path, os.R_OK | os.X_OK):
                    ahead.append(entry.path)
                else:
                    n += 1
    return n


def _results_of(block: Block, reference: Reference) -> tuple[pd.DataFrame, np.ndarray]:
    """Table with `COLUMNS` and features (n, F) float16 of the particles of a block."""
    table = pd.DataFrame([particle.numbers for particle in block.particles], columns=COLUMNS)
    points = np.full((len(table), reference.points.shape[1]), np.nan, np.float16)
    rows = np.flatnonzero([particle.picture is not None for particle in block.particles])
    if len(rows):
        found, novelty, chance = reference.compare(np.stack([block.particles[row].picture for row in rows]))
        points[rows] = found
        table["habit"] = table["habit"].astype(object)
        table.loc[rows, "habit"] = np.array(list(HABITS))[chance.argmax(axis=1)]
        table.loc[rows, ["novelty", *COLUMNS[-len(HABITS) :]]] = np.column_stack([novelty, chance])
    return table, points


class _Results:
    """A table and an embedding that grow in a folder; what was written after the last whole block does not count.

    Attributes
    ----------
    done : `files`, name of the `last` of them, `rows` and `bytes` of the table
    """

    def __init__(self, folder: Path, what: dict, n_features: int):
        self.folder, self.what = folder, what
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / _STATE
        if not state.exists():
            group = zarr.open_group(folder / _EMBEDDING, mode="w", zarr_format=2)
            chunked = {"shape": (0, n_features), "chunks": (CHUNK, n_features), "dtype": "float16"}
            group.create_array("embedding", **chunked, attributes={"_ARRAY_DIMENSIONS": ["particle", "feature"]})
            (folder / _TABLE).write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
            self.done = {"files": 0, "last": None, "rows": 0, "bytes": (folder / _TABLE).stat().st_size}
            self._write_state()
        begun = json.loads(state.read_text(encoding="utf-8"))
        if begun["what"] != what:
            raise ValueError(f"{folder} holds the beginning of another screening: name another folder, or delete this one")
        self.done = begun["done"]
        self.embedding = zarr.open_group(folder / _EMBEDDING, mode="r+")["embedding"]
        self.embedding.resize((self.done["rows"], n_features))
        os.truncate(folder / _TABLE, self.done["bytes"])

    def skip(self, names: Iterator[str]) -> None:
        """Take the files that are done from `names`."""
        taken = deque(islice(names, self.done["files"]), maxlen=1)
        if list(taken) != ([self.done["last"]] if self.done["files"] else []):
            raise ValueError(f"{self.what['folder']} has changed since {self.folder} was begun: delete the latter")

    def add(self, block: Block, table: pd.DataFrame, points: np.ndarray) -> None:
        """Write the results of a block."""
        rows = self.done["rows"] + len(table)
        self.embedding.resize((rows, points.shape[1]))
        self.embedding[self.done["rows"] :] = points
        with (self.folder / _TABLE).open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table.to_csv(file, index=False, header=False, float_format="%.5g", lineterminator="\n")
            size = file.tell()
        files = self.done["files"] + len(block.names)
        self.done = {"files": files, "last": block.names[-1], "rows": rows, "bytes": size}
        self._write_state()

    def _write_state(self) -> None:
        state = json.dumps({"what": self.what, "done": self.done}, indent=1)
        written(self.folder / _STATE, lambda part: part.write_text(state, encoding="utf-8"))

    def file(self, target: Path) -> Path:
        """Move all into place."""
        clear_broken_writes(self.folder)
        zarr.consolidate_metadata(self.folder / _EMBEDDING)
        self.folder.rename(target)
        return target


def main() -> None:
    """Screen a folder that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m lib.studies.screening", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=paths.absolute, help="folder of CPI pictures; all files below it are read")
    parser.add_argument("target", type=paths.absolute, help="folder to make for the results, outside the former")
    parser.add_argument("--screening", default="whole", choices=SCREENINGS, help="which particles are embedded (default: whole)")
    parser.add_argument(
        "--probe", default="", help=f"probe of the pictures: {', '.join(PIXEL_UM)}, or the side of its pixels [um]"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that read; 0 is one a core")
    parser.add_argument("--device", default="auto", help="torch device: auto, cpu, cuda or cuda:1 (default: auto)")
    options = parser.parse_args()
    try:
        file_names(options.folder)
        network = reference(device=available_device(options.device))
        print("results:", screen(options.folder, options.target, network, options.screening, options.workers, options.probe))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
