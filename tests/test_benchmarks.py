"""benchmarks: the table of a quick run has all its rows, and what is compared is alike."""

import math
import subprocess
import sys

import numpy as np
import pytest

from lib.core.paths import ROOT
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.imaging.draw.silhouette import silhouettes

BENCHMARKS = ROOT / "benchmarks"
#: Comparisons that take seconds -> the other ways that each must name.
CHEAP = {
    "rasteriser": ("VTK", "scikit-image", "OpenCV"),
    "descriptors": ("regionprops",),
}


@pytest.fixture
def beside(monkeypatch):
    """The modules of the benchmarks can be imported, as they import each other."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def bench(*arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / "bench.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_quick_run_fills_the_table(tmp_path):
    before = (BENCHMARKS / "RESULTS.md").read_text()
    ran = bench("--quick", "--out", tmp_path / "table.md", "--only", *CHEAP)
    assert ran.returncode == 0, ran.stderr
    text = (tmp_path / "table.md").read_text()
    assert ran.stdout.strip() == text.strip() and "numpy" in text and "commit" in text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "| **" in line]
    for name, rivals in CHEAP.items():
        found = [row for row in rows if row[0] == name]
        assert all(any(rival in row[3] for row in found) for rival in rivals), name
    assert {row[0] for row in rows} == set(CHEAP)
    for row in rows:
        ratio = float(row[5].strip("*").replace(",", ""))
        assert math.isfinite(ratio) and ratio > 0, row
    assert (BENCHMARKS / "RESULTS.md").read_text() == before


def test_an_unknown_comparison_is_refused_with_the_known_ones():
    ran = bench("--only", "weather")
    assert ran.returncode == 2 and "'weather'" in ran.stderr and "rasteriser" in ran.stderr


def test_every_comparison_is_a_module_that_says_what_it_does(beside):
    from bench import COMPARISONS, doc

    modules = {path.stem for kind in ("speed", "quality") for path in BENCHMARKS.glob(f"*_{kind}.py")}
    assert set(COMPARISONS.values()) == modules
    assert all(len(doc(module)) > 80 for module in COMPARISONS.values())


def test_without_opentsne_the_row_says_how_to_install_it(beside, monkeypatch):
    import map_quality
    from bench import table

    monkeypatch.setattr(map_quality, "find_spec", lambda name: None)
    line = table({"map": map_quality.rows(quick=True)}).splitlines()[-1]
    assert "openTSNE is not installed: pip install -e .[bench]" in line and "nan" not in line


def test_each_other_network_takes_time(beside):
    import network_speed

    rows = network_speed.rows(quick=True)
    assert all(any(rival in row.rival for row in rows) for rival in ("CNN", "ResNet-18", "bfloat16", "1-D"))
    assert all(math.isfinite(row.ratio) and row.ratio > 0 for row in rows)


def test_all_rasterisers_draw_the_same_crystals(beside):
    import dataset_speed
    import rasteriser_speed

    plotter = dataset_speed.black_plotter()
    for number, rosette in enumerate(sample(2, seed=7)):  # two, since a plotter that is used again must not show the first anew
        solid, turns = rosette.solid(), random_orientations(2, [7, number])
        ours = silhouettes(solid, turns).coverage[:, 0] / 4
        rendered = dataset_speed.usual_pictures(solid, turns, plotter, (0.0,))[:, 0] > 0
        for turn, mine, theirs in zip(turns, ours, rendered, strict=True):
            shape = rasteriser_speed.outlines(solid, turn)
            exact = rasteriser_speed.exact_union(*shape).area()
            assert mine.sum() == pytest.approx(exact, rel=2e-3)
            assert rasteriser_speed.by_scikit_image(*shape, 2).sum() == pytest.approx(exact, rel=2e-3)
            drawn = {"scikit-image": rasteriser_speed.by_scikit_image(*shape, 1), "OpenCV": rasteriser_speed.by_opencv(*shape, 1)}
            for name, mask in (drawn | {"VTK": theirs}).items():
                assert np.mean(np.abs(mask - mine) > 0.5) < 0.01, name
    plotter.close()
