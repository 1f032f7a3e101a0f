"""lib.figures.mesh: the meshes and scenes that people look at."""

import re
import subprocess
import sys

import numpy as np
import pytest

from lib.crystals.rosette import sample
from lib.crystals.solid import union
from lib.figures.mesh import picture, polydata, pv, write_scene

RENDER = "import pyvista as pv; p = pv.Plotter(off_screen=True); p.add_mesh(pv.Sphere()); print(p.screenshot().std() > 0)"


@pytest.fixture(scope="module", params=[0.0, 0.7], ids=["solid", "hollow"])
def crystal(request):
    return sample(2, seed=5, hollow=request.param)[1].solid()


@pytest.fixture(scope="module")
def renderer():
    """Skips where VTK can't draw off-screen; asked in another process because it may crash."""
    asked = subprocess.run([sys.executable, "-c", RENDER], capture_output=True, text=True, check=False)
    if "True" not in asked.stdout:
        pytest.skip(f"VTK can't render off-screen here: {asked.stderr.strip()[-200:] or asked.returncode}")


def test_the_mesh_is_the_surface_of_the_solid(crystal):
    mesh = polydata(crystal)
    assert mesh.is_manifold and mesh.n_open_edges == 0
    assert mesh.volume == pytest.approx(union(crystal).volume(), rel=1e-5)
    assert mesh.area == pytest.approx(union(crystal).surface_area(), rel=1e-5)


def test_a_picture_shows_the_crystal(renderer, crystal):
    image = picture(crystal, (200, 160))
    assert image.shape == (160, 200, 3) and image.dtype == np.uint8
    shown = (image < 250).any(axis=2)
    assert 0.03 < shown.mean() < 0.7
    assert not np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]]).any()  # all of it, on white
    assert len(np.unique(image[shown], axis=0)) > 10  # shaded
    assert not np.array_equal(image, picture(sample(1, seed=6)[0].solid(), (200, 160)))


def test_a_scene_is_one_file_that_needs_no_network(renderer, crystal, tmp_path):
    path = tmp_path / "crystal.html"
    write_scene(crystal, path)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["crystal.html", "crystal.png"]
    assert len(np.unique(pv.read(tmp_path / "crystal.png").active_scalars, axis=0)) > 10  # a still picture for print
    page = path.read_text()
    assert len(page) > 100_000
    assert "<script" in page
    assert re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=\s*["']?[^"'>]+""", page) == []  # nothing to load
    assert "/favicon-" not in page
    assert re.findall(r"(?:unpkg\.com|jsdelivr\.net|cdnjs\.|googleapis\.com)", page) == []
