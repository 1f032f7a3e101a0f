"""lib.crystals.capacitance: walks on spheres and lines of sight against closed forms and published numbers."""

import math

import numpy as np
import pytest

from lib.crystals.capacitance import area_ratio, capacitance, spheroid_capacitance
from lib.crystals.parts import plate, prism
from lib.crystals.rosette import SPHERICAL_CODES, hexagons, rosette, sample
from lib.crystals.solid import Solid, bounding_sphere, corners, surface_area, union

CUBE = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


def ball(radius=1.0, centre=(0.0, 0.0, 0.0)):
    """A solid that is a sphere."""
    return Solid((), (), np.array([[*centre, radius]]))


def spheroid(a, c, n=400):
    """A polyhedron of about the volume of a spheroid: its corners lie evenly on one that is a little larger."""
    i = np.arange(n)
    z, angle = 1 - (2 * i + 1) / n, i * math.pi * (3 - 5**0.5)
    points = np.column_stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z])
    volume = union(Solid((points,))).volume()
    return Solid((points * (4 / 3 * math.pi / volume) ** (1 / 3) * [a, a, c],))


def agrees(found, expected, relative=0.0):
    """Whether an estimate is within three standard errors of a number, and what that itself is uncertain by."""
    return abs(found.value - expected) < 3 * found.error + relative * expected


def columns(axes, aspect):
    """Bullets of unit circumradius with tips as high, which meet in one point, and columns `aspect` times as long as wide."""
    rings = hexagons(axes, np.zeros(len(axes)))
    pairs = zip(axes, rings, strict=True)
    return Solid(tuple(np.vstack([0 * axis[None], ring + axis, ring + (1 + 2 * aspect) * axis]) for axis, ring in pairs))


def test_a_sphere_is_met_by_all_walks_and_lines():
    for solid in (ball(3.0), ball(3.0, (5.0, -2.0, 40.0))):
        found = capacitance(solid, 1000)
        assert found.value == pytest.approx(3.0, rel=0.03) and agrees(found, 3.0, 1e-3)
        assert area_ratio(solid, 1000).value == pytest.approx(1.0, abs=0.1)


def test_a_cube_has_the_known_capacitance():
    """0.66067815 of its side: Hwang & Mascagni 2004, doi:10.1063/1.1664031."""
    found = capacitance(Solid((CUBE,)), 200_000)
    assert found.error < 0.0015 and agrees(found, 0.66067815, 1e-3)


@pytest.mark.parametrize(("a", "c"), [(1.0, 0.2), (1.0, 0.5), (1.0, 2.0), (1.0, 5.0)])
def test_spheroids_have_the_capacitance_of_the_closed_form(a, c):
    assert agrees(capacitance(spheroid(a, c), 50_000), spheroid_capacitance(a, c), 4e-3)


def test_a_thin_disc_has_two_over_pi_of_its_radius():
    angle = np.arange(120) * math.pi / 60
    rim = np.column_stack([np.cos(angle), np.sin(angle), np.full(120, 5e-4)])
    assert agrees(capacitance(Solid((np.vstack([rim, rim * [1, 1, -1]]),)), 50_000), 2 / math.pi, 5e-3)


def test_spheroids_in_closed_form_have_the_known_limits():
    assert spheroid_capacitance(1e-4, 1e-4) == 1e-4
    assert spheroid_capacitance(1e-4, 1e-8) == pytest.approx(2 / math.pi * 1e-4, rel=1e-3)
    assert spheroid_capacitance(1e-6, 1e-3) == pytest.approx(1e-3 / math.log(2e3), rel=1e-3)
    ratios = (1 - 2e-4, 1 - 5e-5, 1 + 5e-5, 1 + 2e-4)
    beside = [spheroid_capacitance(1e-4, 1e-4 * ratio) for ratio in ratios]
    assert np.ptp(np.diff(beside) / np.diff(ratios)) < 1e-2 * 1e-4


@pytest.mark.parametrize("aspect", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_hexagonal_plates_and_columns_have_the_capacitance_of_westbrook(aspect):
    """C = 0.58 (1 + 0.95 A^0.75) a, with the circumradius a and the length over 2 a (Westbrook et al. 2008); to about 1 %."""
    found = capacitance(Solid((prism(2 * aspect),)), 50_000)
    assert agrees(found, 0.58 * (1 + 0.95 * aspect**0.75), 0.02)


CROSS = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])


@pytest.mark.parametrize(("axes", "factor", "power"), [(CROSS, 0.35, -0.27), (SPHERICAL_CODES[6], 0.40, -0.25)])
@pytest.mark.parametrize("aspect", [2.0, 4.0])
def test_rosettes_have_the_capacitance_of_westbrook(axes, factor, power, aspect):
    """C = factor A^power of the largest dimension, with the bullets' aspect ratio A; tips are not cut alike, whence 10 %."""
    solid = columns(axes, aspect)
    found, radius = capacitance(solid, 50_000), bounding_sphere(corners(solid))[1]
    assert found.value / (2 * radius) == pytest.approx(factor * aspect**power, rel=0.1)


@pytest.mark.parametrize("n", [4, 6, 8])
def test_rosettes_have_the_capacitance_of_chiruta_and_wang(n):
    """C = 0.434 n^0.257 of half the largest dimension (Chiruta & Wang 2003), for lobes about as thick as these."""
    solid = columns(SPHERICAL_CODES[n], 2.0)
    found = capacitance(solid, 50_000).value / bounding_sphere(corners(solid))[1]
    assert found == pytest.approx(0.434 * n**0.257, rel=0.05)


def test_two_distant_balls_have_nearly_twice_the_capacitance_of_one():
    """Two equal spheres far apart screen each other: C = 2 r / (1 + r / d) to second order."""
    pair = Solid((), (), np.array([[0, 0, 0, 1.0], [10.0, 0, 0, 1.0]]))
    assert agrees(capacitance(pair, 50_000), 2 / (1 + 1 / 10), 5e-3)


def test_hollows_hardly_change_the_capacitance_and_not_the_silhouette():
    base = {"a": 20.0, "c": 60.0, "f_r0": 1.0, "f_hp": 1.0, "f_h0": 1.0}
    whole, hollow = (rosette(base, 6, hollow=depth).solid() for depth in (0.0, 0.5))
    full, less = (capacitance(solid, 50_000) for solid in (whole, hollow))
    assert 0.94 * full.value < less.value < full.value + 3 * full.error
    assert area_ratio(whole, 5000) == area_ratio(hollow, 5000)


def test_a_hollow_lets_walks_in():
    """A deep hollow takes a column's end away, and a little of its capacitance."""
    column = prism(1.0)
    cone = np.vstack([column[6:] * [0.99, 0.99, 1.0], [[0, 0, -0.45]]])
    full, less = capacitance(Solid((column,)), 100_000), capacitance(Solid((column,), (cone,)), 100_000)
    assert 3 * (full.error + less.error) < full.value - less.value < 0.1 * full.value


@pytest.mark.parametrize("piece", [CUBE, prism(6.0), plate(0.1, np.ones(6))])
def test_the_projected_area_of_a_convex_body_is_a_quarter_of_its_surface(piece):
    """Cauchy's formula."""
    solid = Solid((piece,))
    radius = bounding_sphere(corners(solid))[1]
    assert agrees(area_ratio(solid, 50_000), surface_area(union(solid)) / 4 / (math.pi * radius**2), 1e-3)


def test_size_and_place_do_not_matter():
    crystal = sample(1, seed=3)[0].solid()
    once, twice = capacitance(crystal, 5000), capacitance(crystal.scaled(2.0), 5000)
    assert twice.value == pytest.approx(2 * once.value) and once == capacitance(crystal, 5000)
    assert capacitance(crystal, 5000, seed=1) != once


def test_the_error_is_that_of_repetitions():
    crystal = sample(1, seed=3)[0].solid()
    many = np.array([capacitance(crystal, 500, seed) for seed in range(200)])
    assert many[:, 0].std() == pytest.approx(many[:, 1].mean(), rel=0.2)


def test_bad_input():
    with pytest.raises(ValueError, match="piece 0 is flat"):
        capacitance(Solid((CUBE * [1, 1, 0],)))
    with pytest.raises(ValueError, match="n_walks: expected at least 1, got 0"):
        capacitance(ball(), 0)
    with pytest.raises(ValueError, match="n_lines: expected at least 1, got 0"):
        area_ratio(ball(), 0)
