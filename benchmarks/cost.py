"""What the work costs: time, memory and disk against the number of crystals, pictures and members, from three sizes each.

Each kind of work runs in a process of its own, with one thread, at three sizes one after the other; a straight line through what
that took gives the cost of one more. Costs of larger runs are extrapolated. Writes `cost.json` and the tables in `COST.md`
beside this file, which the book shows.

    .venv/bin/python benchmarks/cost.py [factor on all sizes]
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from cost_networks import REPRESENTATIONS, SHAPE_NETWORKS, operations, teaching, training
from cost_tables import report
from machine import processor, version

HERE = Path(__file__).parent
JSON, TABLES = HERE / "cost.json", HERE / "COST.md"


@dataclass(frozen=True)
class Work:
    """One kind of work: what `one` of it is, how much to `warm_up`, the `sizes` to measure, and what `makes` n in a folder."""

    one: str
    warm_up: int
    sizes: tuple[int, ...]
    makes: Callable[[Path, int], None]


def crystals(scheduler: str = "synchronous") -> Callable[[Path, int], None]:
    """Rosettes in 24 orientations and three views, with descriptors, as notebook 12 asks for them."""

    def make(folder: Path, n: int) -> None:
        from lib.datasets.rosettes import Views, build

        build(folder, Views(n, 24), scheduler)

    return make


def photographs(size: int) -> Callable[[Path, int], None]:
    """Synthetic CPI pictures, as notebook 22 asks for them."""

    def make(folder: Path, n: int) -> None:
        from lib.core import paths
        from lib.datasets.habit_pictures import SCREENED, HabitPictures, habit_pictures

        paths.CACHE = folder
        habit_pictures(HabitPictures(n // 9, size=size, probe=SCREENED), "synchronous")

    return make


def members(scheme: str) -> Callable[[Path, int], None]:
    """Kinematic simulations of an hour on 64 x 64 cells, as notebook 31 asks for them; for none, one of a moment."""

    def make(folder: Path, n: int) -> None:
        from lib.cirrus.kinematic.simulation import Case, ensemble
        from lib.core import paths

        paths.CACHE = folder
        case = Case(scheme=scheme, per_cell=32, duration=3600.0 if n else 300.0)
        ensemble([replace(case, n_inp=1e5 * (1 + k)) for k in range(max(n, 1))])

    return make


def screening(workers: int) -> Callable[[Path, int], None]:
    """CPI tiles from files to a table and an embedding, read by so many processes."""

    def make(folder: Path, n: int) -> None:
        from lib.studies.screening import screen

        (folder / "tiles").mkdir()
        for tile in _tiles()[:n]:
            os.link(tile, folder / "tiles" / tile.name)
        screen(folder / "tiles", folder / "screened", _reference(), workers=workers)

    return make


@functools.cache
def _tiles() -> list[Path]:
    """As many different tiles of synthetic habits as the largest screening takes, made before any is timed."""
    import cv2

    from lib.crystals.habits import HABITS, orientation, sample
    from lib.datasets.habit_pictures import SCREENED
    from lib.imaging.probe.photograph import photograph

    folder, tiles = _until_the_end(), []
    for i in range(max(WORKS["screening, all cores"].sizes)):
        tiles.append(folder / f"2015_1205_170501_{i:06}.png")
        habit, rng = list(HABITS)[i % 9], np.random.default_rng(i)
        (solid,) = sample(habit, i + 1, 0, rows=range(i, i + 1))
        cv2.imwrite(str(tiles[i]), photograph(solid, orientation(habit, rng), SCREENED, rng).grey)
    return tiles


def _until_the_end() -> Path:
    """A new folder, removed when this process ends."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return folder


@functools.cache
def _reference():
    """A network of the shipped kind and as many reference pictures; untrained, since weights do not change what it costs."""
    import torch

    from lib.crystals.habits import HABITS
    from lib.evaluation.latent_scores import linear_probe, standardise
    from lib.models.self_supervision import Contrastive
    from lib.studies.representations import NINE_HABITS_SSL
    from lib.studies.screening import N_REFERENCE, PHOTOGRAPHS, Reference

    model = Contrastive(NINE_HABITS_SSL.network, 1).eval()
    n = N_REFERENCE * len(HABITS) * PHOTOGRAPHS
    points = np.random.default_rng(0).normal(size=(n, model(torch.zeros(1, 1, 64, 64)).shape[1])).astype(np.float32)
    probe = linear_probe().fit(standardise(points)[0], np.arange(n) % len(HABITS))
    return Reference(NINE_HABITS_SSL, model, np.ones(points.shape[1], bool), points, probe, 1.0)


def reading(folder: Path, n: int) -> None:
    """So many pictures without background from a set on disk, shuffled as a training takes them."""
    source = _on_disk()
    while n > 0:
        n -= sum(len(batch) for batch in source)
        source.set_epoch(source.epoch + 1)


@functools.cache
def _on_disk():
    from lib.core import paths
    from lib.datasets.crystal_photographs import synthetic_photographs
    from lib.datasets.habit_pictures import SCREENED, HabitPictures

    paths.CACHE = _until_the_end()
    pictures = HabitPictures(16, size=224, probe=SCREENED)
    return synthetic_photographs(pictures, 16, scheduler="synchronous", in_memory=False).masked


WORKS = {
    "crystals": Work("rosette, 24 orientations, 3 views", 2, (32, 64, 128), crystals()),
    "crystals, all cores": Work("the same, a process a core", 64, (256, 512, 1024), crystals("processes")),
    "pictures 64": Work("synthetic picture, 64 px", 9, (144, 288, 432), photographs(64)),
    "pictures 224": Work("synthetic picture, 224 px", 9, (144, 288, 432), photographs(224)),
    "reading": Work("stored picture read, 224 px", 144, (576, 1152, 1728), reading),
    "bulk": Work("hour of a member, bulk", 0, (2, 4, 6), members("bulk")),
    "bins": Work("hour of a member, 40 bins", 0, (1, 2, 3), members("bins")),
    "lagrangian": Work("hour of a member, 32 super-particles a cell", 0, (1, 2, 3), members("lagrangian")),
    "screening": Work("file screened", 20, (500, 1000, 2000), screening(1)),
    "screening, all cores": Work("the same, a process a core", 600, (1000, 2000, 4000), screening(0)),
    **{
        name: Work(f"{name}: picture and epoch", 16, (32, 64, 96), training(*settings))
        for name, settings in REPRESENTATIONS.items()
    },
    **{name: Work(f"{name}: picture", 8, (16, 32, 48), teaching(*what)) for name, what in SHAPE_NETWORKS.items()},
}


def measured(name: str, factor: float) -> dict:
    """What one kind of work took at each of its sizes `n`: processor `seconds` of this process, `wall` seconds, the largest
    memory so far [`mib`] and the `bytes` it left on disk.
    """
    import torch

    torch.set_num_threads(1)
    work, found = WORKS[name], []
    for n in (work.warm_up, *(max((1 + i) * max(work.warm_up, 1), round(size * factor)) for i, size in enumerate(work.sizes))):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time(), time.perf_counter()
            work.makes(Path(folder), n)
            seconds, wall = time.process_time() - begun[0], time.perf_counter() - begun[1]
            files = [file for file in Path(folder).rglob("*") if file.is_file() and "tiles" not in file.parts]
            mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found.append({"n": n, "seconds": seconds, "wall": wall, "mib": mib, "bytes": sum(f.stat().st_size for f in files)})
    columns = {key: [row[key] for row in found[1:]] for key in found[0]}  # the first was to warm up
    return columns | ({"operations": operations(name)} if name in REPRESENTATIONS | SHAPE_NETWORKS else {})


def main() -> None:
    """Measure each kind of work in a process of its own and write the results; called with a name, measure that one."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], float(sys.argv[2]))))
        return
    factor, found = float(sys.argv[1]) if len(sys.argv) == 2 else 1.0, {}
    for name in WORKS:
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, __file__, name, str(factor)], stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    machine = f"{processor()}, {os.cpu_count()} threads, Python {platform.python_version()}, torch {version('torch')}"
    result = {"machine": machine, "date": f"{datetime.now(UTC):%Y-%m-%d}", "factor": factor, "measured": found}
    text = report(result, {name: work.one for name, work in WORKS.items()})
    if factor == 1:
        JSON.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        TABLES.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
