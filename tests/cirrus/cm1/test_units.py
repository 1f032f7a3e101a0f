"""lib.cirrus.cm1.units: units as files spell them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cirrus.cm1.units import factor_to, is_missing

SPELLINGS = {
    "kg/kg": (
        {"kg/kg", "kg kg-1", "kg kg**-1", "kg kg^-1", "KG/KG", " Kg / Kg ", "kg.kg-1", "kg·kg⁻¹", "[kg/kg]", "(kg/kg)", "1"},
        {"g/kg": 1e-3, "g kg-1": 1e-3, "G/KG": 1e-3, "mg/kg": 1e-6, "µg kg-1": 1e-9, "1e-3 kg/kg": 1e-3, "10^-3 kg kg-1": 1e-3},
    ),
    "#/kg": (
        {"#/kg", "1/kg", "kg-1", "/kg", "# kg-1", "kg^-1", "number/kg", "no/kg", "particles per kilogram", "1 kg-1"},
        {"#/g": 1e3, "g-1": 1e3, "1/g": 1e3, "1/mg": 1e6},
    ),
    "#/m3": ({"#/m3", "m-3", "1/m3"}, {"#/L": 1e3, "1/L": 1e3, "L-1": 1e3, "/l": 1e3, "per liter": 1e3, "cm-3": 1e6}),
    "m/s": ({"m/s", "m s-1", "M/S", "m.s-1", "meters/second"}, {"cm/s": 1e-2, "cm s**-1": 1e-2, "mm s-1": 1e-3, "km/h": 1 / 3.6}),
    "kg/m3": ({"kg/m3", "kg m-3", "kg m^-3", "kg/m^3", "g/L", "kg per m3"}, {"g/cm3": 1e3, "g cm-3": 1e3, "g m-3": 1e-3}),
    "m": ({"m", "M", "meters", "metre", "Metres"}, {"km": 1e3, "KM": 1e3, "kilometers": 1e3, "cm": 1e-2, "um": 1e-6}),
    "s": (
        {"s", "sec", "seconds", "Second", "seconds since 2000-07-03 00:00:00"},
        {"minutes": 60, "min": 60, "h": 3600, "hours": 3600, "hrs": 3600, "days": 86400, "ms": 1e-3, "nanoseconds": 1e-9}
        | {"minutes since 2000-01-01": 60, "Hours since 1970-01-01": 3600},
    ),
}


@pytest.mark.parametrize("unit", SPELLINGS)
def test_spellings_of_units(unit):
    same, factors = SPELLINGS[unit]
    for text, factor in (dict.fromkeys(same, 1.0) | factors).items():
        assert factor_to(text, unit) == pytest.approx(factor, rel=1e-12), text


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("hPa", "kg/kg"),
        ("K", "m"),
        ("feet", "m"),
        ("degrees_east", "m"),
        ("#/L", "#/kg"),
        ("m", "s"),
        ("g", "m"),
        ("%", "kg/kg"),
        ("kg kg-99", "kg/kg"),
        ("0 kg/kg", "kg/kg"),
        ("kg/kg air of Jupiter", "kg/kg"),
        ("months", "s"),
        ("m s-1 s-1", "m/s"),
    ],
)
def test_other_kinds_of_units_are_none(text, unit):
    assert factor_to(text, unit) is None


def test_words_for_no_unit():
    assert all(map(is_missing, ("", " ", "unknown", "Nondimensional", "-"))) and not is_missing("kg/kg")


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(text=st.text(alphabet="kgm s-/^*1230#.eL(µ⁻", max_size=12))
def test_any_text_is_a_unit_or_none(text):
    factor = factor_to(text, "kg/kg")
    assert factor is None or factor > 0
