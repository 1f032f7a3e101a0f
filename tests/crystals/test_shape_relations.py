"""lib.crystals.shape_relations: power laws of rosettes, fitted anew, beside spheres and published mass-dimension relations."""

import numpy as np
import pandas as pd
import pytest

from lib.crystals.rosette import sample
from lib.crystals.shape_relations import ROSETTES, PowerLaw, fit_relations, measure_shapes
from lib.crystals.solid import ICE_DENSITY


@pytest.fixture(scope="module")
def shapes():
    """Other rosettes than those whose laws are kept."""
    return measure_shapes(sample(140, 1), 5000)


def test_the_laws_kept_are_those_of_other_rosettes_too(shapes):
    found = fit_relations(shapes)
    assert found.density(300.0) == pytest.approx(ROSETTES.density(300.0), rel=0.12)
    assert found.density.exponent == pytest.approx(ROSETTES.density.exponent, abs=0.2)
    assert found.density.scatter == pytest.approx(ROSETTES.density.scatter, rel=0.2)
    for name in ("area", "capacitance"):
        new, kept = getattr(found, name), getattr(ROSETTES, name)
        assert (new.exponent, new.bullets) == pytest.approx((kept.exponent, kept.bullets), abs=0.03), name
        assert new.scatter == pytest.approx(kept.scatter, rel=0.3), name


def test_shapes_lie_about_the_laws_as_far_as_the_scatter_says(shapes):
    for name in ("area", "capacitance"):
        law = getattr(ROSETTES, name)
        off = np.log(shapes[name] / law(shapes.rho_e, shapes.n_bullets))
        assert np.sqrt((off**2).mean()) < 1.3 * law.scatter and abs(off.mean()) < law.scatter / 3


def test_rosettes_are_light_open_and_poor_in_capacitance(shapes):
    assert shapes.rho_e.median() == pytest.approx(0.046, abs=0.01)
    assert 0.1 < shapes.area.min() < shapes.area.median() < 0.4 < shapes.area.max() < 0.7
    assert 0.4 < shapes.capacitance.min() < shapes.capacitance.max() < 0.85


def test_mass_grows_with_size_as_measurements_say():
    """m = 0.00308 D^2.26 [g, cm] of rosettes of 200 to 1000 um (Mitchell 1996); those of the model are slender, so lighter."""
    size_m = np.array([200e-6, 400e-6, 800e-6])
    mass = ICE_DENSITY * np.pi / 6 * size_m**3 * ROSETTES.density(1e6 * size_m)
    assert 1.9 < np.polyfit(np.log(size_m), np.log(mass), 1)[0] < 2.3
    mitchell = 0.00308e-3 * (100 * size_m) ** 2.26
    assert (mass < mitchell).all() and (mass > 0.4 * mitchell).all()


def test_a_fit_finds_what_was_put_in():
    rng = np.random.default_rng(0)
    n, size = rng.integers(4, 11, 400), rng.uniform(80, 900, 400)
    laws = PowerLaw(9.0, -0.9, 0.7, 0.3), PowerLaw(1.0, 0.4, 0.3, 0.05), PowerLaw(1.0, 0.15, 0.2, 0.02)
    noise = [np.exp(law.scatter * rng.normal(size=400)) for law in laws]
    rho_e = laws[0](size, n) * noise[0]
    table = pd.DataFrame({"n_bullets": n, "diameter_um": size, "rho_e": rho_e})
    table["area"], table["capacitance"] = laws[1](rho_e, n) * noise[1], laws[2](rho_e, n) * noise[2]
    for found, law in zip(fit_relations(table), laws, strict=True):
        assert found.exponent == pytest.approx(law.exponent, abs=0.06) and found.bullets == pytest.approx(law.bullets, abs=0.15)
        assert found.scatter == pytest.approx(law.scatter, rel=0.15)


def test_too_few_crystals():
    with pytest.raises(ValueError, match="four or more crystals of different sizes and numbers of bullets"):
        fit_relations(
            pd.DataFrame({"n_bullets": [6] * 5, "diameter_um": range(5), "rho_e": 0.1, "area": 0.2, "capacitance": 0.3})
        )
