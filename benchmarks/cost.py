"""What the work costs: time, memory and disk against the number of crystals, pictures and members, from three sizes each.

Each kind of work runs in a process of its own, with one thread, at three sizes one after the other; a straight line through what
that took gives the cost of one more. Costs of larger runs are extrapolated. Writes `cost.json` and the tables in `COST.md`
beside this file, which the book shows.

    python benchmarks/cost.py [factor on all sizes]
"""

from __future__ import annotations

import functools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from machine import processor, version

HERE = Path(__file__).parent
JSON, TABLES = HERE / "cost.json", HERE / "COST.md"
#: Floating-point operations that a GPU is assumed to sustain in training in bfloat16 [s-1], and how many Dask workers.
GPU_FLOPS, WORKERS = 3e13, 100


@dataclass(frozen=True)
class Work:
    """One kind of work: `what` one of it is, how much to `warm_up`, the `sizes` that are measured, and what `makes` n in a folder."""

    what: str
    warm_up: int
    sizes: tuple[int, ...]
    makes: Callable[[Path, int], None]


def crystals(scheduler: str = "synchronous") -> Callable[[Path, int], None]:
    """Rosettes in 24 orientations and three views, with descriptors, as notebook 12 asks for them."""

    def make(folder: Path, n: int) -> None:
        from lib.learning.dataset import Views, build

        build(folder, Views(n, 24), scheduler)

    return make


def photographs(size: int) -> Callable[[Path, int], None]:
    """Synthetic CPI pictures, as notebook 22 asks for them."""

    def make(folder: Path, n: int) -> None:
        from lib import paths
        from lib.learning.habit_pictures import SCREENED, HabitPictures, habit_pictures

        paths.CACHE = folder
        habit_pictures(HabitPictures(n // 9, size=size, probe=SCREENED), "synchronous")

    return make


def members(scheme: str) -> Callable[[Path, int], None]:
    """Kinematic simulations of two hours on 64 x 64 cells, as notebook 31 asks for them."""

    def make(folder: Path, n: int) -> None:
        from lib import paths
        from lib.cirrus.kinematic import Case, ensemble

        paths.CACHE = folder
        ensemble([Case(scheme=scheme, n_inp=1e5 * (1 + k), per_cell=32) for k in range(n)])

    return make


def screening(workers: int) -> Callable[[Path, int], None]:
    """CPI tiles from files to a table and an embedding, read by so many processes."""

    def make(folder: Path, n: int) -> None:
        from lib.learning.screening import screen

        screen(_tiles(folder / "tiles", n), folder / "screened", _known(), workers=workers)

    return make


def _tiles(folder: Path, n: int) -> Path:
    """A folder of n tiles of synthetic habits, fifty different ones."""
    import cv2

    from lib.crystals.habits import HABITS, orientation, sample
    from lib.imaging.probe import photograph
    from lib.learning.habit_pictures import SCREENED

    folder.mkdir()
    for i in range(n):
        file = folder / f"2015_1205_170501_{i:06}.png"
        if i < 50:
            habit, rng = list(HABITS)[i % 9], np.random.default_rng(i)
            (solid,) = sample(habit, i + 1, 0, rows=range(i, i + 1))
            cv2.imwrite(str(file), photograph(solid, orientation(habit, rng), SCREENED, rng).grey)
        else:
            os.link(folder / f"2015_1205_170501_{i % 50:06}.png", file)
    return folder


@functools.cache
def _known():
    """The network of the laptop profile and as many known pictures; untrained, since weights do not change what it costs."""
    import torch

    from lib.crystals.habits import HABITS
    from lib.latent import linear_probe, standardised
    from lib.learning.contrastive import Contrastive, ContrastiveRecipe
    from lib.learning.screening import Known, Schooling

    schooling = Schooling()
    model = Contrastive(ContrastiveRecipe(width=schooling.width), 1).eval()
    n = schooling.n_train * len(HABITS) * schooling.photographs
    points = np.random.default_rng(0).normal(size=(n, model(torch.zeros(1, 1, 64, 64)).shape[1])).astype(np.float32)
    probe = linear_probe().fit(standardised(points)[0], np.arange(n) % len(HABITS))
    return Known(schooling, model, np.ones(points.shape[1], bool), points, probe, 1.0)


def training(rung: str, width: int, size: int) -> Callable[[Path, int], None]:
    """Training of a rung of notebook 22 on so many pictures."""

    def make(folder: Path, n: int) -> None:
        model, batch = _rung(rung, width, size), min(n, 16)
        optimizer = model.configure_optimizers()["optimizer"]
        for _ in range(n // batch):
            optimizer.zero_grad()
            _loss(model, batch, size).backward()
            optimizer.step()

    return make


def _rung(rung: str, width: int, size: int):
    from lib.learning.contrastive import Contrastive, ContrastiveRecipe
    from lib.learning.vae import Vae, VaeRecipe

    if rung == "ssl":
        return Contrastive(ContrastiveRecipe(width=width), 1000)
    return Vae(VaeRecipe(128, size, architecture=rung, width=width), 1000)


def _loss(model, batch: int, size: int):
    import torch

    pictures = torch.rand(batch, 1, size, size)
    return model.loss(pictures if hasattr(model, "decoder") else (255 * pictures).byte())


def operations(rung: str, width: int, size: int) -> float:
    """Floating-point operations of one picture in training, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    model, counter = _rung(rung, width, size), FlopCounterMode(display=False)
    with counter:
        _loss(model, 4, size).backward()
    return counter.get_total_flops() / 4


#: Network -> rung, channels of its first layer and side of the pictures in the laptop and in the paper profile of notebook 22.
RUNGS = {
    "VAE, 64 px": ("conv", 16, 64),
    "ResNet-VAE, 64 px": ("resnet", 16, 64),
    "self-supervised, 64 px": ("ssl", 64, 64),
    "VAE, 224 px": ("conv", 32, 224),
    "ResNet-VAE, 224 px": ("resnet", 32, 224),
    "self-supervised, 224 px": ("ssl", 96, 224),
}
WORKS = {
    "crystals": Work("rosette, 24 orientations, 3 views", 2, (32, 64, 128), crystals()),
    "crystals, all cores": Work("the same, a process a core", 2, (128, 256, 512), crystals("processes")),
    "pictures 64": Work("synthetic picture, 64 px", 9, (144, 288, 432), photographs(64)),
    "pictures 224": Work("synthetic picture, 224 px", 9, (144, 288, 432), photographs(224)),
    "bulk": Work("member, bulk", 1, (2, 4, 6), members("bulk")),
    "bins": Work("member, 40 bins", 1, (1, 2, 3), members("bins")),
    "lagrangian": Work("member, 32 super-particles a cell", 1, (1, 2, 3), members("lagrangian")),
    "screening": Work("file screened", 20, (500, 1000, 2000), screening(1)),
    "screening, all cores": Work("the same, a process a core", 20, (1000, 2000, 4000), screening(0)),
    **{name: Work(f"{name}: picture and epoch", 16, (32, 64, 96), training(*rung)) for name, rung in RUNGS.items()},
}


def measured(name: str, factor: float) -> dict:
    """What one kind of work took at each of its sizes `n`: processor `seconds` of this process, `wall` seconds, the largest
    memory so far [`mib`] and the `bytes` it left on disk.
    """
    import torch

    torch.set_num_threads(1)
    work, found = WORKS[name], []
    for n in (work.warm_up, *(max(work.warm_up, round(size * factor)) for size in work.sizes)):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time(), time.perf_counter()
            work.makes(Path(folder), n)
            seconds, wall = time.process_time() - begun[0], time.perf_counter() - begun[1]
            files = [file for file in Path(folder).rglob("*") if file.is_file() and "tiles" not in file.parts]
            mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found.append({"n": n, "seconds": seconds, "wall": wall, "mib": mib, "bytes": sum(f.stat().st_size for f in files)})
    columns = {key: [row[key] for row in found[1:]] for key in found[0]}  # the first was to warm up
    return columns | ({"operations": operations(*RUNGS[name])} if name in RUNGS else {})


def slope(found: dict, quantity: str) -> float:
    """What one more costs: of a straight line through the three sizes."""
    return float(np.polyfit(found["n"], found[quantity], 1)[0])


def misfit(found: dict, quantity: str) -> float:
    """Largest distance of the sizes from that line, over the largest value."""
    line = np.polyval(np.polyfit(found["n"], found[quantity], 1), found["n"])
    return float(np.abs(line - found[quantity]).max() / max(found[quantity]))


def measured_table(all_found: dict[str, dict]) -> list[str]:
    """A row for each kind of work."""
    lines = ["| one more ... | sizes | time [ms] | off the line | memory [MiB] | more a thousand [MiB] | disk [kB] |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, found in all_found.items():
        clock = "wall" if "all cores" in name else "seconds"
        sizes, grown = ", ".join(f"{n:,}" for n in found["n"]), 1000 * slope(found, "mib")
        memory = f"{max(found['mib']):,.0f} | {grown:,.0f}" if found["n"][-1] >= 100 else f"{max(found['mib']):,.0f} | "
        disk = f"{slope(found, 'bytes') / 1e3:,.2f}" if found["bytes"][-1] else ""
        took = f"{1e3 * slope(found, clock):,.2f} | {100 * misfit(found, clock):.0f} %"
        lines.append(f"| {WORKS[name].what} | {sizes} | {took} | {memory} | {disk} |")
    return lines


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def extrapolated_table(all_found: dict[str, dict]) -> list[str]:
    """What the paper profile and a whole archive cost."""
    gain = slope(all_found["crystals"], "seconds") / slope(all_found["crystals, all cores"], "wall")
    lines = [f"| work | this machine | {WORKERS} Dask workers | one GPU | disk [GB] |", "|---|---|---|---|---|"]
    for name, kind, n in PLANS:
        found, seconds, gpu = all_found[kind], n * slope(all_found[kind], "seconds"), ""
        shared = "" if kind in RUNGS or kind == "screening" else span(seconds / WORKERS)
        if kind in RUNGS:
            gpu = span(n * found["operations"] / GPU_FLOPS)
        here = n * slope(all_found["screening, all cores"], "wall") if kind == "screening" else seconds / gain
        disk = "" if kind in RUNGS else f"{n * slope(found, 'bytes') / 1e9:,.1f}"
        lines.append(f"| {name} | {span(here)} | {shared} | {gpu} | {disk} |")
    return lines


#: What is extrapolated to: its name, the kind of work, and how many of it.
PLANS = (
    ("9,000 rosettes x 24 orientations, 3 views", "crystals", 9000),
    ("100,008 pictures of 224 px", "pictures 224", 100_008),
    ("100 members, bulk", "bulk", 100),
    ("100 members, 40 bins", "bins", 100),
    ("100 members, Lagrangian", "lagrangian", 100),
    *((f"{name}, 100,008 pictures, 30 epochs", name, 30 * 100_008) for name in ("VAE, 224 px", "ResNet-VAE, 224 px")),
    ("self-supervised, 224 px, 33,336 crystals, 30 epochs", "self-supervised, 224 px", 30 * 33_336),
    ("1 million CPI tiles screened", "screening", 1_000_000),
    ("10 million CPI tiles screened", "screening", 10_000_000),
)


def report(result: dict) -> str:
    """Both tables with what must be known to read them."""
    found = result["measured"]
    gain = slope(found["crystals"], "seconds") / slope(found["crystals, all cores"], "wall")
    rate = 1 / slope(found["screening, all cores"], "wall")
    return "\n".join([
        f"Measured on {result['machine']}; {result['date']}. Processor time of one thread, but for the rows with a process a "
        f"core, which tell the time on the clock. All cores together do {gain:.2f} times the work of one thread, and screen "
        f"{rate:,.0f} files a second.",
        "", *measured_table(found), "",
        f"Extrapolated along these lines. *This machine* uses all cores as well as they are used for rosettes. *{WORKERS} Dask "
        f"workers* assumes that each is as fast as one thread here and none waits. *One GPU* is no measurement: it assumes "
        f"{GPU_FLOPS:.0e} operations a second, counted for each network, and pictures that arrive in time.",
        "", *extrapolated_table(found), "",
    ])  # fmt: skip


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
    text = report(result)
    if factor == 1:
        JSON.write_text(json.dumps(result, indent=1) + "\n")
        TABLES.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
