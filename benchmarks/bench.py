"""All comparisons in one run: a table of ratios, printed and written with the facts of the machine to `RESULTS.md`.

    python benchmarks/bench.py [--only NAME ...] [--quick] [--out FILE]

Each comparison is a module beside this one with `rows(quick)`, and runs in a process of its own with one thread. With `--only` or
`--quick` nothing is written unless `--out` says where.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from machine import facts
from row import Row

RESULTS = Path(__file__).with_name("RESULTS.md")
#: Comparison -> its module.
COMPARISONS = {
    "dataset": "dataset_speed",
    "rasteriser": "rasteriser_speed",
    "descriptors": "descriptor_speed",
    "network-speed": "network_speed",
    "busy": "busy_speed",
    "networks": "network_quality",
    "latents": "latent_quality",
    "map": "map_quality",
    "cirrus": "cirrus_speed",
}
THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = (
    "numpy", "numba", "scikit-image", "scikit-learn", "opencv-python-headless", "manifold3d", "pyvista", "vtk", "torch",
    "umap-learn", "openTSNE", "PyMPDATA",
)  # fmt: skip


def rows_of(module: str, quick: bool) -> list[Row]:
    """The rows of one comparison."""
    return importlib.import_module(module).rows(quick)


def in_own_process(name: str, quick: bool) -> list[Row]:
    """The rows of one comparison, computed in a fresh process.

    Raises
    ------
    SystemExit
        In one sentence, if the process ended without an answer.
    """
    start = time.perf_counter()
    print(f"{name} ...", file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            found = pool.submit(rows_of, COMPARISONS[name], quick).result()
        except BrokenProcessPool:
            raise SystemExit(f"bench: the process of {name!r} was ended, from outside or by a library.") from None
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return found


def number(value: float) -> str:
    """Three significant digits, "-" for none."""
    if value != value:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def table(found: dict[str, list[Row]]) -> str:
    """All rows as a Markdown table."""
    lines = ["| comparison | what | ours | beside it | its | ratio | remark |", "|---|---|---|---|---|---|---|"]
    for name, rows in found.items():
        for row in rows:
            ours, other = (f"{number(value)} {row.unit}".strip() for value in (row.ours, row.other))
            lines.append(f"| {name} | {row.what} | {ours} | {row.rival} | {other} | **{number(row.ratio)}** | {row.remark} |")
    return "\n".join(lines)


def report(found: dict[str, list[Row]], minutes: float) -> str:
    """The table with what must be known to read it."""
    about = [f"- **{name}**: {doc(COMPARISONS[name])}" for name in found]
    return "\n".join([
        "# Results of `make bench`", "", facts(PACKAGES) + f" The whole run took {minutes:.0f} minutes.", "",
        "Every row is measured side by side in this run, except that trained networks may come from the cache where the list "
        "below says so. A ratio is the other way's cost (time, error, or what is lost) over ours: above 1 this project does "
        "better, below 1 the other.", "", table(found), "", "## What is compared", "", *about, "",
    ])  # fmt: skip


def doc(module: str) -> str:
    """What a comparison says of itself, on one line (read from its text, so that no library is imported)."""
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8").split('"""')[1]
    return " ".join(text.split())


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare this project with what one would use instead.")
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=list(COMPARISONS), metavar="NAME", help="some of them")
    parser.add_argument("--quick", action="store_true", help="with tiny sizes, to see that all runs")
    parser.add_argument("--out", type=Path, help="file to write (default: RESULTS.md, for a whole run)")
    asked = parser.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))
    start = time.perf_counter()
    text = report({name: in_own_process(name, asked.quick) for name in asked.only}, (time.perf_counter() - start) / 60)
    whole = not asked.quick and set(asked.only) == set(COMPARISONS)
    out = asked.out or (RESULTS if whole else None)
    if out:
        out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
