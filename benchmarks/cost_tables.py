"""The tables of `cost.py`: what one more of each kind of work costs, and what larger runs would."""

from __future__ import annotations

import numpy as np

#: Floating-point operations that a GPU is assumed to sustain in training in bfloat16 [s-1], and how many Dask workers.
GPU_FLOPS, WORKERS = 3e13, 100
ALL_CORES = "all cores"
#: Work whose memory grows at these sizes while it starts up, and then no more, so that a slope would say nothing.
STARTS_UP = "screening"
#: Network -> stored pictures that are read for each one learned from; the others learn from pictures that are drawn on the GPU.
READS = {"VAE, 224 px": 1, "ResNet-VAE, 224 px": 1, "self-supervised, 224 px": 3}
#: What is extrapolated to: its name, the kind of work, and how many of it.
PLANS = (
    ("9,000 rosettes x 24 orientations, 3 views", "crystals", 9000),
    ("100,008 pictures of 224 px", "pictures 224", 100_008),
    ("100 members of two hours, bulk", "bulk", 200),
    ("100 members of two hours, 40 bins", "bins", 200),
    ("100 members of two hours, Lagrangian", "lagrangian", 200),
    ("polar network of notebook 13, 12.8 million pictures", "polar network, 224 px", 12_800_000),
    ("CNN, the same", "CNN, 224 px", 12_800_000),
    ("ResNet-18, the same", "ResNet-18, 224 px", 12_800_000),
    ("VAE, 100,008 pictures of 224 px, 30 epochs", "VAE, 224 px", 30 * 100_008),
    ("ResNet-VAE, the same", "ResNet-VAE, 224 px", 30 * 100_008),
    ("self-supervised, 33,336 crystals, 30 epochs", "self-supervised, 224 px", 30 * 33_336),
    ("1 million CPI tiles screened", "screening", 1_000_000),
    ("10 million CPI tiles screened", "screening", 10_000_000),
)


def slope(found: dict, quantity: str) -> float:
    """What one more costs: of a straight line through the three sizes."""
    return float(np.polyfit(found["n"], found[quantity], 1)[0])


def misfit(found: dict, quantity: str) -> float:
    """Largest distance of the sizes from that line, over the largest value."""
    line = np.polyval(np.polyfit(found["n"], found[quantity], 1), found["n"])
    return float(np.abs(line - found[quantity]).max() / max(found[quantity]))


def measured_table(all_found: dict[str, dict], ones: dict[str, str]) -> list[str]:
    """A row for each kind of work."""
    lines = ["| one more ... | sizes | time [ms] | off the line | memory [MiB] | and for 1,000 more [MiB] | disk [kB] |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, found in all_found.items():
        clock = "wall" if ALL_CORES in name else "seconds"
        sizes, grown = ", ".join(f"{n:,}" for n in found["n"]), round(1000 * slope(found, "mib"))
        has_slope = found["n"][-1] >= 100 and not name.startswith(STARTS_UP)
        memory = f"{max(found['mib']):,.0f} | {grown:,}" if has_slope else f"{max(found['mib']):,.0f} | "
        disk = f"{slope(found, 'bytes') / 1e3:,.2f}" if found["bytes"][-1] else ""
        took = f"{1e3 * slope(found, clock):,.2f} | {100 * misfit(found, clock):.0f} %"
        lines.append(f"| {ones[name]} | {sizes} | {took} | {memory} | {disk} |")
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
        found, seconds = all_found[kind], n * slope(all_found[kind], "seconds")
        gpu = ""
        if "operations" in found:
            reads = READS.get(kind, 0) * slope(all_found["reading"], "seconds")
            gpu = span(n * max(found["operations"] / GPU_FLOPS, reads))
        shared = "" if gpu or kind == "screening" else span(seconds / WORKERS)
        here = n * slope(all_found["screening, all cores"], "wall") if kind == "screening" else seconds / gain
        disk = "" if gpu else f"{n * slope(found, 'bytes') / 1e9:,.1f}"
        lines.append(f"| {name} | {span(here)} | {shared} | {gpu} | {disk} |")
    return lines


def report(result: dict, ones: dict[str, str]) -> str:
    """Both tables with what must be known to read them; `ones` says what one of each kind of work is."""
    found = result["measured"]
    gain = slope(found["crystals"], "seconds") / slope(found["crystals, all cores"], "wall")
    rate = 1 / slope(found["screening, all cores"], "wall")
    return "\n".join([
        f"Measured on {result['machine']}; {result['date']}. Processor time of one thread, but for the rows with a process a "
        f"core, which tell the time on the clock. All cores together do {gain:.2f} times the work of one thread, and screen "
        f"{rate:,.0f} files a second. These are files in memory, without the time to read them from disk.",
        "", *measured_table(found, ones), "",
        f"Extrapolated along these lines. *This machine* uses all cores as well as they are used for rosettes. *{WORKERS} Dask "
        "workers* assumes that each is as fast as one thread here and none waits. *One GPU* is no measurement: it is the longer "
        f"of two times, for the operations counted for each network at {1e-12 * GPU_FLOPS:.0f} Tflop/s (assumed), and for "
        "one thread that reads stored pictures from disk.",
        "", *extrapolated_table(found), "",
    ])  # fmt: skip
