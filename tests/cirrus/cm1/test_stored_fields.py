"""However a made field is stored, its means are the known ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_files import CONTAINERS, output, write

from lib.cirrus.cm1.reader import UnreadableOutput, open_ensemble
from lib.cirrus.schema import weighted_means

settings.register_profile("stored", derandomize=True, deadline=None, max_examples=50, database=None)
AXES = ("time", "zh", "yh", "xh")
SIZES = {"time": 2, "zh": 4, "yh": 3, "xh": 4}  # z and x are equally long
#: Faces [m] of a stretched grid, in which no cell is as wide as the next.
FACES = {"xf": (0.0, 100, 300, 700, 1500), "yf": (0.0, 100, 200, 2200), "zf": (7000.0, 7050, 7150, 7350, 7750)}
LENGTHS = {"m": 1.0, "km": 1e-3, "KM": 1e-3, "centimeters": 100.0}
TIMES = {"seconds": 1.0, "minutes": 1 / 60, "hours since 2000-07-03 00:00:00": 1 / 3600}
MASSES = {"kg/kg": 1.0, "g kg-1": 1e3, "mg/kg": 1e6, "": 1.0}
SPEEDS = {"m/s": 1.0, "cm s**-1": 100.0}


def float32(values):
    return np.asarray(values, "f4"), {}


def float64(values):
    return np.asarray(values, "f8"), {}


def packed(kind, levels, fill=None, offset=True, name="_FillValue"):
    """Function that packs values into whole numbers of a type, as nccopy, ncpdq, cdo and xarray do."""

    def pack(values):
        low, high = (np.min(values), np.max(values)) if offset else (0.0, np.max(values))
        scale = (high - low) / levels if high > low else 1.0
        attributes = {"scale_factor": np.float64(scale)} | ({"add_offset": np.float64(low)} if offset else {})
        attributes |= {} if fill is None else {name: np.array(fill, kind)}
        return np.round((values - low) / scale).astype(kind), attributes

    return pack


PACKINGS = {
    "float32": float32,
    "float64": float64,
    "int16": packed("i2", 32000),
    "int16 with _FillValue": packed("i2", 32000, -1),
    "int16, scale only": packed("i2", 32000, offset=False),
    "int32 with missing_value": packed("i4", 2**30, -999, name="missing_value"),
}


@st.composite
def stored(draw):
    """How a file is stored: container, byte order, order of dimensions, axes that descend, packings and units."""
    container, dimensions = draw(st.sampled_from(CONTAINERS)), draw(st.permutations(AXES))
    may_grow = container == "netCDF-4" or dimensions[0] == "time"  # in the classic formats, only the first dimension may
    return {
        "container": container,
        "order": draw(st.sampled_from("<>")),
        "dimensions": dimensions,
        "unlimited": draw(st.sampled_from([(), ("time",)])) if may_grow else (),
        "descends": draw(st.sets(st.sampled_from(AXES))),
        "fields": draw(st.sampled_from(list(PACKINGS))),
        "axes": draw(st.sampled_from(list(PACKINGS))),
        "mass": draw(st.sampled_from(list(MASSES))),
        "speed": draw(st.sampled_from(list(SPEEDS))),
        "length": draw(st.sampled_from(list(LENGTHS))),
        "time": draw(st.sampled_from(list(TIMES))),
        "faces": draw(st.booleans()),
    }


def made(path, how):
    """A file stored in this way; its mass and fall speed (time, z, y, x) in the units of the schema."""
    variables, sizes = output(SIZES)
    mass, speed = (variables[name][1].astype(float) for name in ("qi", "p3_vmi"))
    units = {"qi": (how["mass"], MASSES), "p3_vmi": (how["speed"], SPEEDS), "time": (how["time"], TIMES)}
    units |= {name: (how["length"], LENGTHS) for name in ("xh", "yh", "zh", *FACES)}
    for name, faces in FACES.items():
        centres = (np.array(faces[1:]) + faces[:-1]) / 2
        variables[name[0] + "h"] = ((name[0] + "h",), centres, {})
        if how["faces"]:
            variables[name], sizes = ((name,), np.array(faces), {}), sizes | {name: len(faces)}
    found = {}
    for name, (dimensions, values, attributes) in variables.items():
        unit, factors = units.get(name, (attributes.get("units", ""), {}))
        values = values.astype(float) * factors.get(unit, 1.0)
        for place, one in enumerate(dimensions):
            values = np.flip(values, place) if one in how["descends"] or one.replace("f", "h") in how["descends"] else values
        if len(dimensions) == 4:
            values = values.transpose([AXES.index(one) for one in how["dimensions"]])
            dimensions = tuple(how["dimensions"])
        values, packing = PACKINGS[how["axes"] if len(dimensions) == 1 else how["fields"]](values)
        found[name] = (dimensions, values, {"units": unit} | packing)
    write(path, how["container"], sizes, found, order=how["order"], unlimited=how["unlimited"])
    return mass, speed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stored")


@settings(settings.get_profile("stored"))
@given(how=stored())
def test_the_means_of_a_made_field_are_the_known_ones_however_it_is_stored(folder, how):
    mass, speed = made(folder / "cm1out.nc", how)
    ice = open_ensemble(folder).load(scheduler="synchronous")
    np.testing.assert_allclose(ice.time, [0, 300], atol=0.02)
    for axis, faces in (("x", FACES["xf"]), ("z", FACES["zf"])):
        np.testing.assert_allclose(ice[axis], (np.array(faces[1:]) + faces[:-1]) / 2, atol=0.3)
    if how["faces"]:
        z, y, x = (np.diff(FACES[name]) for name in ("zf", "yf", "xf"))
        weights = (z / z.sum())[:, None, None] * (y / y.sum())[:, None] * (x / x.sum())
        along_y = np.average(mass, axis=2, weights=y)
        np.testing.assert_allclose(ice.q_i[0], along_y, rtol=2e-3)
        np.testing.assert_allclose(weighted_means(ice, ("z", "x")).q_i[0], (mass * weights).sum((1, 2, 3)), rtol=2e-3)
        falling = (mass * speed * weights).sum((1, 2, 3)) / (mass * weights).sum((1, 2, 3))
        np.testing.assert_allclose(weighted_means(ice, ("z", "x")).v_m[0], falling, rtol=2e-3)
    row = open_ensemble(folder, y=100.0 + 50).load(scheduler="synchronous")
    np.testing.assert_allclose(row.q_i[0], mass[:, :, 1], rtol=2e-3, atol=1e-9)


@settings(settings.get_profile("stored"), max_examples=30)
@given(how=stored(), place=st.integers(0, 2**32), mark=st.sampled_from([9.96921e36, -999999.9, np.nan]))
def test_one_value_that_was_never_written_is_told_wherever_it_is(folder, how, place, mark):
    how |= {"fields": "float32", "axes": "float32", "mass": "kg/kg"}
    variables, _ = output(SIZES)
    variables["qi"][1].flat[place % variables["qi"][1].size] = mark
    write(folder / "cm1out.nc", how["container"], SIZES, variables, order=how["order"])
    with pytest.raises(UnreadableOutput, match="cm1out.nc has NaN or unwritten values in qi"):
        open_ensemble(folder).load(scheduler="synchronous")


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_order_of_dimensions_in_every_container(container, tmp_path):
    how = {
        "container": container,
        "order": "<",
        "unlimited": ("time",),
        "descends": set(),
        "fields": "float32",
        "axes": "float32",
    }
    how |= {"mass": "kg/kg", "speed": "m/s", "length": "m", "time": "seconds", "faces": True}
    for dimensions in itertools.permutations(AXES):
        if container != "netCDF-4" and dimensions[0] != "time":
            how["unlimited"] = ()
        mass, _ = made(tmp_path / "cm1out.nc", how | {"dimensions": dimensions})
        np.testing.assert_allclose(open_ensemble(tmp_path, y=50.0).q_i[0], mass[:, :, 0], rtol=1e-6)
