"""lib.cirrus.cm1.reader and file: CM1's output in all its forms is read into one schema, or refused by name."""

import gzip
import os
import warnings
from pathlib import Path

import dask.array as da
import h5py
import numpy as np
import output_files
import pandas as pd
import pytest
import xarray as xr
from fake_cm1 import write_classic

from lib.cirrus.cm1 import netcdf
from lib.cirrus.cm1.file import QUANTITIES
from lib.cirrus.cm1.reader import UnreadableOutput, open_ensemble, run_files, survey
from lib.cirrus.schema import VARIABLES

P3 = {"q_i": "qi", "n_i": "qni", "v_m": "p3_vmi", "rho_i": "p3_rhopo"}
SDM = {"q_i": "qi", "n_i": "out10", "v_m": "out11", "rho_i": "out12"}
NX, NY, NZ = 6, 3, 5
AXES, SIZES = ("time", "zh", "yh", "xh"), {"time": 2, "zh": NZ, "yh": NY, "xh": NX}


def ice(times, ny=1, seed=0):
    """Random ice: quantity -> array (time, z, y, x), nothing at time 0."""
    random = np.random.default_rng(seed)
    shape = (len(times), NZ, ny, NX)
    low_high = {"q_i": (1e-6, 1e-4), "n_i": (1e3, 1e6), "v_m": (0.1, 2.0), "rho_i": (100, 900)}
    later = np.array(times)[:, None, None, None] > 0
    return {name: np.where(later, random.uniform(*span, shape), 0.0) for name, span in low_high.items()}


def write(path, times, fields, *, unit="km", z="zh", air="th", wrong=None, units_of_time="seconds", **axes):
    """An output file of the given variables; `air` names the state variable, `wrong` spoils it, an axis may be given."""
    ny = next(iter(fields.values())).shape[2]
    sizes = {"time": len(times), "xh": NX, "yh": ny, z: NZ}
    scale = 1e-3 if unit == "km" else 1.0
    points = {name: scale * (100.0 * np.arange(size) + 50) for name, size in sizes.items() if name != "time"} | axes
    variables = {name: ((name,), unit, values) for name, values in points.items()}
    variables["time"] = (("time",), units_of_time, np.array(times))
    state = np.full((len(times), NZ, ny, NX), 300.0)
    if wrong:
        wrong(state)
    for name, values in ({air: state} | fields).items():
        variables[name] = (("time", z, "yh", "xh"), "", values)
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {name: (dims, unit, np.asarray(values).astype(">f4").tobytes()) for name, (dims, unit, values) in variables.items()}
    write_classic(path, sizes, stored, len(times))
    return path


def named(fields, names=P3):
    return {names[quantity]: values for quantity, values in fields.items()}


def run(folder, times=(0, 300, 600), ny=1, seed=0, **how):
    """A run with one file in `folder`; returns its ice."""
    fields = ice(times, ny, seed)
    write(folder / "cm1out.nc", times, named(fields, how.pop("names", P3)), **how)
    return fields


def not_a_number(state):
    state[-1] = np.nan


def same(dataset, fields, member=0, rtol=1e-6):
    for name, values in fields.items():
        np.testing.assert_allclose(dataset[name].isel(member=member), values, rtol=rtol, err_msg=name)


# --- one schema for every form of output --------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["km", "m", "meters"])
@pytest.mark.parametrize("z", ["zh", "z"])
def test_a_slab_is_read_in_metres_whatever_its_unit(unit, z, tmp_path):
    fields = run(tmp_path / "run", unit=unit, z=z)
    found = open_ensemble(tmp_path / "run")
    assert found.x.values.tolist() == [50, 150, 250, 350, 450, 550] and found.z.values.tolist() == [50, 150, 250, 350, 450]
    assert found.time.values.tolist() == [0, 300, 600] and found.member.values.tolist() == ["run"]
    assert list(found) == list(VARIABLES)
    same(found, {name: values[:, :, 0] for name, values in fields.items()})


def test_mass_times_number_is_the_mixing_ratio(tmp_path):
    run(tmp_path / "run", ny=NY)
    found = open_ensemble(tmp_path / "run").load()
    np.testing.assert_allclose(found.m_i * found.n_i, found.q_i, rtol=1e-6)
    assert (found.m_i[0, 0] == 0).all() and 1e-12 < found.m_i[0, 1:].min()


@pytest.mark.parametrize("names", [P3, SDM, P3 | {"n_i": "nci"}], ids=["P3", "superdroplets", "Morrison"])
def test_the_names_of_several_schemes_are_known(names, tmp_path):
    fields = run(tmp_path / "run", names=names)
    same(open_ensemble(tmp_path / "run"), {name: values[:, :, 0] for name, values in fields.items()})


@pytest.mark.parametrize("categories", [("qi1", "qi2", "qi3", "qi4"), ("qi2", "qi4"), ("qi", "qi2")])
def test_categories_of_ice_are_summed(categories, tmp_path):
    parts = {name: ice((0, 300), seed=k)["q_i"] for k, name in enumerate(categories)}
    path = write(tmp_path / "cm1out.nc", (0, 300), parts)
    found = open_ensemble({"a": path})
    assert list(found) == ["q_i", "q_i_total"]
    same(found, dict.fromkeys(["q_i", "q_i_total"], sum(parts.values())[:, :, 0]))
    assert survey({"a": path}).lacks.tolist() == ["n_i, v_m, rho_i"]


def test_the_report_tells_what_was_looked_at_for_nan(tmp_path):
    checked = [
        survey({"a": write(tmp_path / "out.nc", (300,), named(ice((300,))), air=air)}).checked[0] for air in ("th", "w", "c")
    ]
    assert checked == ["th", "w", ""]


def test_snow_and_graupel_are_no_cloud_ice_but_ice_and_are_reported(tmp_path):
    fields = ice((0, 300))
    path = write(tmp_path / "cm1out.nc", (0, 300), named(fields) | {"qs": 9 * fields["q_i"], "qg": fields["q_i"]})
    same(open_ensemble({"a": path}), {"q_i": fields["q_i"][:, :, 0], "q_i_total": 11 * fields["q_i"][:, :, 0]})
    assert survey({"a": path}).beside.tolist() == ["qs, qg"]


def test_a_total_is_not_summed_with_its_parts_and_number_goes_by_category(tmp_path):
    one, two = ice((300,), seed=1), ice((300,), seed=2)
    parts = {"qi1": one["q_i"], "qi2": two["q_i"], "ni1": one["n_i"], "ni2": two["n_i"], "p3_vmi": one["v_m"]}
    path, total = write(tmp_path / "a.nc", (300,), parts), write(tmp_path / "b.nc", (300,), parts | {"qi": one["q_i"]})
    found = open_ensemble({"a": path, "b": total})
    same(found, {"q_i": (one["q_i"] + two["q_i"])[:, :, 0], "n_i": (one["n_i"] + two["n_i"])[:, :, 0]}, member=0)
    same(found, {"q_i": one["q_i"][:, :, 0]}, member=1)
    assert np.isnan(found.v_m[0]).all() and not np.isnan(found.v_m[1]).any()  # of two categories, the file has one's fall speed


def test_a_file_for_each_time_is_the_same_as_one_file(tmp_path):
    times = (0, 300, 600, 900)
    fields = ice(times)
    write(tmp_path / "one" / "cm1out.nc", times, named(fields))
    for k, time in enumerate(times):
        write(tmp_path / "many" / f"cm1out_{k + 1:06}.nc", (time,), named({name: v[k : k + 1] for name, v in fields.items()}))
    for other in ("cm1out_stats.nc", "cm1out_diag_000001.nc", "cm1out_000001_i.nc", "namelist.input"):
        (tmp_path / "many" / other).write_bytes(b"not output of fields")
    found = open_ensemble(tmp_path).load()
    assert found.member.values.tolist() == ["many", "one"]
    for name in VARIABLES:
        assert np.array_equal(found[name][0], found[name][1])


def test_of_a_time_that_was_written_twice_the_later_one_counts(tmp_path):
    fields = ice((300, 600, 900, 600, 900, 1200))
    write(tmp_path / "run" / "cm1out.nc", (300, 600, 900, 600, 900, 1200), named(fields))
    found = open_ensemble(tmp_path / "run")
    assert found.time.values.tolist() == [300, 600, 900, 1200]
    same(found, {name: values[[0, 3, 4, 5], :, 0] for name, values in fields.items()})
    for k, time in enumerate((300, 600, 600)):
        write(tmp_path / "many" / f"cm1out_{k + 1:06}.nc", (time,), named({name: v[k : k + 1] for name, v in fields.items()}))
    same(open_ensemble(tmp_path / "many"), {name: values[[0, 2], :, 0] for name, values in fields.items()})


def test_times_and_variables_that_a_member_lacks_are_nan(tmp_path):
    fields = run(tmp_path / "a" / "whole")
    short = run(tmp_path / "a" / "short", times=(0, 300), seed=1, names={"q_i": "qi", "n_i": "ignored", "v_m": "v", "rho_i": "r"})
    found = open_ensemble(tmp_path / "a").load()
    assert found.member.values.tolist() == ["short", "whole"] and found.time.size == 3
    same(found, {name: values[:, :, 0] for name, values in fields.items()}, member=1)
    np.testing.assert_allclose(found.q_i[0, :2], short["q_i"][:, :, 0], rtol=1e-6)
    assert np.isnan(found.q_i[0, 2]).all() and np.isnan(found.m_i[0]).all() and np.isnan(found.rho_i[0]).all()


def test_times_within_half_an_output_step_are_one_and_told(tmp_path):
    """With adaptive time steps, output is written at the first step after its time."""
    times = {"m0": (0, 300, 600), "m1": (0, 300.4, 600.7), "m2": (0, 300.8, 601.4)}
    fields = {name: run(tmp_path / name, own, seed=seed) for seed, (name, own) in enumerate(times.items())}
    with pytest.warns(UserWarning, match=r"^m1 has times up to 0\.7 s later than those given; m2 has times up to 1\.4 s later"):
        found = open_ensemble(tmp_path).load()
    assert found.time.values.tolist() == [0, 300, 600] and found.remarks.startswith("m1 has times up to 0.7 s")
    for member, own in enumerate(fields.values()):
        same(found, {name: values[:, :, 0] for name, values in own.items()}, member)
    later = open_ensemble(tmp_path, time=(600, 600)).load()
    np.testing.assert_array_equal(later.q_i, found.q_i[:, 2:])


def test_times_that_are_further_apart_stay_apart_and_gaps_are_told(tmp_path):
    run(tmp_path / "m0", (0, 300, 600))
    run(tmp_path / "m1", (0, 150, 300.5))
    with pytest.warns(UserWarning, match="m0 has 3 of the 4 times, from 0 to 600 s; m1 has 3 of the 4 times, from 0 to 300 s"):
        found = open_ensemble(tmp_path).load()
    assert found.time.values.tolist() == [0, 150, 300, 600]
    assert found.q_i.notnull().all(("z", "x")).values.tolist() == [[True, False, True, True], [True, True, True, False]]


def test_no_times_of_one_member_become_one(tmp_path):
    """A run that was started again may have written two outputs a moment apart, or many at first and few later."""
    own = (0, 1, 2, 300, 300.2, 600, 900, 1200, 1500)
    fields = run(tmp_path / "m0", own)
    run(tmp_path / "m1", (0, 300, 600, 900, 1200, 1500))
    with pytest.warns(UserWarning, match="m1 has 6 of the 9 times"):
        found = open_ensemble(tmp_path).load()
    np.testing.assert_allclose(found.time, own, atol=1e-3)
    same(found, {name: values[:, :, 0] for name, values in fields.items()})


@pytest.mark.filterwarnings("error")
def test_nothing_is_told_of_an_ensemble_without_gaps(tmp_path):
    for name in ("m0", "m1"):
        run(tmp_path / name)
    assert "remarks" not in open_ensemble(tmp_path).load(scheduler="synchronous").attrs


@pytest.mark.parametrize("told", ["faces", "bounds", "descending bounds"])
def test_rows_of_a_stretched_run_count_by_their_widths(told, tmp_path):
    fields = ice((0, 300), NY)
    variables, sizes = {name: (AXES, np.float32(values), {}) for name, values in named(fields).items()}, dict(SIZES, yf=NY + 1)
    variables |= {name: ((name,), np.float32(0.05 + 0.1 * np.arange(sizes[name])), {"units": "km"}) for name in ("xh", "zh")}
    variables["yh"] = (
        ("yh",),
        np.array([0.05, 0.15, 1.2], "f4"),
        {"units": "km"} | ({"bounds": "ends"} if told != "faces" else {}),
    )
    if told == "faces":
        variables["yf"] = (("yf",), np.array([0, 100, 200, 2200], "f4"), {"units": "m"})
    else:
        ends = np.array([[0, 0.1], [0.1, 0.2], [0.2, 2.2]], "f4")  # in the unit of their axis
        variables["ends"], sizes["two"] = (("yh", "two"), ends, {}), 2
    if told == "descending bounds":
        variables = {
            name: (dims, np.flip(values, dims.index("yh")) if "yh" in dims else values, attributes)
            for name, (dims, values, attributes) in variables.items()
        }
    variables["time"] = (("time",), np.array([0, 300], "f4"), {"units": "s"})
    output_files.write(tmp_path / "cm1out.nc", "netCDF-4", sizes, variables)
    found = open_ensemble(tmp_path).isel(time=[1])
    width = np.array([100, 100, 2000])[:, None]
    mass = fields["q_i"][1:] * width
    expected = {"q_i": mass.sum(2) / width.sum(), "v_m": (fields["v_m"][1:] * mass).sum(2) / mass.sum(2)}
    same(found, expected, rtol=1e-5)


# --- what other programs make of a file ---------------------------------------------------------------------------------


def rewritten(folder, change=lambda data: data, **encoding):
    """A good run as xarray writes it, after a change of the data set; its ice."""
    fields = run(folder / "first")
    with xr.open_dataset(folder / "first" / "cm1out.nc", engine="scipy", decode_times=False) as data:
        (folder / "run").mkdir()
        change(data.load()).to_netcdf(folder / "run" / "cm1out.nc", engine="h5netcdf", encoding=encoding)
    return {name: values[:, :, 0] for name, values in fields.items()}


def test_packed_fields_are_unpacked(tmp_path):
    packed = {"dtype": "int16", "scale_factor": 2e-8, "add_offset": 5e-5, "_FillValue": -32768}
    fields = rewritten(tmp_path, qi=packed, p3_vmi={"dtype": "int16", "scale_factor": 1e-4, "_FillValue": -1})
    found = open_ensemble(tmp_path / "run")
    np.testing.assert_allclose(found.q_i[0], fields["q_i"], atol=2e-8)
    np.testing.assert_allclose(found.v_m[0], fields["v_m"], atol=1e-4)


def test_what_is_marked_as_never_written_is_told(tmp_path):
    rewritten(tmp_path, lambda data: data.assign(qi=data.qi.where(data.xh > 0.1)), qi={"dtype": "int16", "_FillValue": -1})
    with pytest.raises(UnreadableOutput, match="run: cm1out.nc has NaN or unwritten values in qi"):
        open_ensemble(tmp_path / "run").load(scheduler="synchronous")


@pytest.mark.parametrize(
    ("name", "quantity", "unit", "factor"),
    [
        ("qi", "q_i", "g/kg", 1e-3),
        ("qni", "n_i", "#/g", 1e3),
        ("p3_vmi", "v_m", "cm s-1", 0.01),
        ("p3_rhopo", "rho_i", "g/cm3", 1e3),
    ],
)
def test_units_are_converted(name, quantity, unit, factor, tmp_path):
    fields = rewritten(tmp_path, lambda data: data.assign({name: data[name].assign_attrs(units=unit)}))
    np.testing.assert_allclose(open_ensemble(tmp_path / "run", q_min=0)[quantity][0], factor * fields[quantity], rtol=1e-6)


def scaled_time(data, factor, unit):
    return data.assign_coords(time=("time", data.time.values * factor, {"units": unit}))


REORDERED = {
    "x before z": lambda data: data.transpose("time", "xh", "yh", "zh"),
    "time last": lambda data: data.transpose("zh", "yh", "xh", "time"),
    "no y": lambda data: data.isel(yh=0),
    "z downwards": lambda data: data.isel(zh=slice(None, None, -1)),
    "x westwards": lambda data: data.isel(xh=slice(None, None, -1)),
    "backwards in time": lambda data: data.isel(time=slice(None, None, -1)),
    "other names of dimensions": lambda data: data.swap_dims(xh="ni", yh="nj", zh="nk"),
    "names of axes as in other programs": lambda data: data.rename(xh="x", yh="y", zh="z"),
    "a dimension more": lambda data: data.expand_dims("ensemble", axis=2),
    "minutes": lambda data: scaled_time(data, 1 / 60, "minutes"),
    "hours": lambda data: scaled_time(data, 1 / 3600, "hours"),
    "since a date": lambda data: scaled_time(data, 1.0, "seconds since 2000-07-03 00:00:00"),
    "days since a date": lambda data: scaled_time(data, 1 / 86400, "Days since 2009-05-15"),
    "unit of the axis in the file": lambda data: data.assign_coords(xh=("xh", data.xh.values)).assign_attrs(x_units="km"),
}


@pytest.mark.parametrize("case", REORDERED)
def test_names_of_dimensions_decide_and_axes_are_turned(case, tmp_path):
    fields = rewritten(tmp_path, REORDERED[case])
    found = open_ensemble(tmp_path / "run")
    assert found.time.values.tolist() == [0, 300, 600]
    assert found.x.values.tolist() == [50, 150, 250, 350, 450, 550] and found.z.values.tolist() == [50, 150, 250, 350, 450]
    same(found, fields)


def test_windows_of_turned_axes_are_those_of_the_heights(tmp_path):
    fields = rewritten(tmp_path, lambda data: data.isel(zh=slice(None, None, -1), xh=slice(None, None, -1)))
    found = open_ensemble(tmp_path / "run", x=(150, 350), z=(300, 500))
    same(found, {name: values[:, 2:][:, 1:, 1:4] for name, values in fields.items()})


def test_one_time_taken_out_is_one_time(tmp_path):
    fields = rewritten(tmp_path, lambda data: data.isel(time=1).drop_encoding())
    found = open_ensemble(tmp_path / "run")
    assert found.time.values.tolist() == [300]
    same(found, {name: values[1:2] for name, values in fields.items()})


OTHERS = {
    "number per volume": (
        lambda data: data.assign(qni=data.qni.assign_attrs(units="#/L")),
        "has qni in #/L, not in #/kg, and no",
    ),
    "fall speed per volume": (
        lambda data: data.assign(p3_vmi=data.qi.assign_attrs(units="m-3")),
        "has p3_vmi in m-3, not in m/s",
    ),
    "pressure": (lambda data: data.assign(qi=data.qi.assign_attrs(units="hPa")), "has qi in hPa, not in kg/kg"),
    "members of an ensemble": (lambda data: xr.concat([data, data], "member"), "has qi along member, time, zh, yh, xh, not time"),
    "terrain": (lambda data: data.assign(zs=data.th[:, 0]), "is of a run over terrain"),
    "terrain in an attribute": (lambda data: data.assign_attrs(terrain_flag=1), "is of a run over terrain"),
    "heights above terrain": (lambda data: data.assign(zhval=data.th * data.xh), "is of a run over terrain"),
    "curved heights": (lambda data: data.drop_vars("zh").assign(zh=data.qi[0]), "has zh of 3 dimensions"),
    "a cyclone": (lambda data: data.assign_attrs(axisymm=np.array([1], "i4")), "is of an axisymmetric run"),
    "no unit of an axis": (lambda data: data.assign_coords(xh=("xh", data.xh.values)), "has xh in no unit"),
    "degrees": (
        lambda data: data.assign_coords(xh=("xh", data.xh.values, {"units": "degrees_east"})),
        "has xh in degrees_east, not in km",
    ),
    "text": (lambda data: data.assign(qi=data.qi.astype(str)), "has qi of type .*no numbers|is damaged"),
    "a broken scale": (
        lambda data: data.assign(qi=data.qi.assign_attrs(scale_factor="x")),
        "has qi with a scale_factor that is no",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_would_be_read_wrongly_is_refused(case, tmp_path):
    change, reason = OTHERS[case]
    rewritten(tmp_path, change)
    with pytest.raises(UnreadableOutput, match=f"run: cm1out.nc ({reason})"):
        open_ensemble(tmp_path / "run").load(scheduler="synchronous")


def test_an_empty_attribute_is_none(tmp_path):
    fields = rewritten(tmp_path)
    with h5py.File(tmp_path / "run" / "cm1out.nc", "r+") as output:
        output.attrs["CM1 version"] = h5py.Empty("S1")
    same(open_ensemble(tmp_path / "run"), fields)


# --- windows and y ------------------------------------------------------------------------------------------------------


def test_a_window_includes_its_ends(tmp_path):
    fields = run(tmp_path / "run")
    found = open_ensemble(tmp_path / "run", x=(150, 350), z=(100, 351), time=(300, 300))
    assert found.x.values.tolist() == [150, 250, 350] and found.z.values.tolist() == [150, 250, 350]
    assert found.time.values.tolist() == [300]
    same(found, {name: values[1:2, 1:4, 0, 1:4] for name, values in fields.items()})


def test_a_row_of_a_3d_run_can_be_chosen(tmp_path):
    fields = run(tmp_path / "run", ny=NY)
    for y, row in ((50, 0), (190, 1), (299, 2), (340, 2)):
        same(open_ensemble(tmp_path / "run", y=y), {name: values[:, :, row] for name, values in fields.items()})


def test_the_mean_over_y_weights_fall_speed_and_density_by_mass(tmp_path):
    fields = run(tmp_path / "run", ny=NY)
    found = open_ensemble(tmp_path / "run", y="mean").isel(time=slice(1, None))
    mass = fields["q_i"][1:]
    expected = {"q_i": mass.mean(2), "n_i": fields["n_i"][1:].mean(2)}
    expected |= {name: (fields[name][1:] * mass).sum(2) / mass.sum(2) for name in ("v_m", "rho_i")}
    same(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "window, sentence",
    [
        ({"z": (9000, 9100)}, "z: nothing lies between 9000 and 9100; it goes from 50 to 450"),
        ({"x": (60, 140)}, "x: nothing lies between 60 and 140"),
        ({"time": (700, 900)}, "time: nothing lies between 700 and 900"),
        ({"y": 5000}, "y: there is no row near 5000; it goes from 50 to 250"),
        ({"y": "middle"}, 'y must be "mean" or a number in metres'),
    ],
)
def test_an_empty_window_is_refused(window, sentence, tmp_path):
    run(tmp_path / "run", ny=NY)
    with pytest.raises(ValueError, match=sentence):
        open_ensemble(tmp_path / "run", **window)


def test_traces_are_taken_for_no_ice(tmp_path):
    fields = ice((300,))
    fields["q_i"][0, 0, 0] = 5e-10
    write(tmp_path / "cm1out.nc", (300,), named(fields))
    found = open_ensemble(tmp_path).isel(member=0, time=0, z=0)
    assert all((found[name] == 0).all() for name in VARIABLES)
    kept = open_ensemble(tmp_path, q_min=0).isel(member=0, time=0, z=0)
    np.testing.assert_allclose(kept.q_i, 5e-10, rtol=1e-6)
    assert (kept.v_m > 0).all()


# --- lazily -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch):
    """Bytes read from files, by variable."""
    counted = {}

    def counting(self, name, *index, read=netcdf.NetCDF.read):
        values = read(self, name, *index)
        counted[name] = counted.get(name, 0) + values.nbytes
        return values

    monkeypatch.setattr(netcdf.NetCDF, "read", counting)
    return counted


def test_opening_a_thousand_files_reads_no_field(tmp_path, reads):
    times = range(0, 15000, 300)
    for k, time in enumerate(times):
        fields = ice((time,), seed=k)
        path = write(tmp_path / "m00" / f"cm1out_{k + 1:06}.nc", (time,), named(fields))
        for member in range(1, 20):
            (tmp_path / f"m{member:02}").mkdir(exist_ok=True)
            os.link(path, tmp_path / f"m{member:02}" / path.name)
    found = open_ensemble(tmp_path)
    assert found.q_i.shape == (20, 50, NZ, NX) and all(isinstance(found[name].data, da.Array) for name in VARIABLES)
    assert set(reads) == {"time", "xh", "yh", "zh", "th"}
    assert reads["th"] == 1000 * 3 * NX * 4  # three rows of each file
    reads.clear()
    np.testing.assert_allclose(found.q_i.isel(member=7, time=-1), fields["q_i"][0, :, 0], rtol=1e-6)
    assert reads["qi"] == 50 * NZ * NX * 4  # one member's


def test_large_fields_are_read_in_parts(tmp_path, reads, monkeypatch):
    monkeypatch.setattr("lib.cirrus.cm1.reader._TASK_BYTES", 2 * 4 * len(QUANTITIES) * NZ * NX)
    fields = run(tmp_path / "run", times=(0, 300, 600, 900, 1200))
    found = open_ensemble(tmp_path / "run")
    assert found.q_i.chunks[1] == (2, 2, 1)
    same(found, {name: values[:, :, 0] for name, values in fields.items()})
    reads.clear()
    found.q_i.isel(time=4).load()
    assert reads["qi"] == NZ * NX * 4


def test_variables_that_are_computed_together_are_read_together(tmp_path, reads):
    run(tmp_path / "run")
    open_ensemble(tmp_path / "run").load()
    assert reads["qi"] == reads["p3_rhopo"] == 3 * NZ * NX * 4


def test_files_are_closed_without_complaint(tmp_path):
    run(tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_ensemble(tmp_path / "run").load(scheduler="synchronous")


# --- what is not read ---------------------------------------------------------------------------------------------------


def no_ice(path):
    write(path, (0, 300), {"qv": ice((0, 300))["q_i"]})


def cut(path):
    content = write(path, (0, 300), named(ice((0, 300)))).read_bytes()
    path.write_bytes(content[:-200])


def one(times=(300,), **how):
    """Function that writes a file whose ice is good."""
    return lambda path: write(path, times, named(ice(times)), **how)


UNWRITTEN = 9.97e36
BAD = {
    "NaN": (one((0, 300), wrong=not_a_number), "has NaN .* in th at 300 s: the run went wrong"),
    "NaN in w": (one(air="w", wrong=not_a_number), "has NaN .* in w at 300 s"),
    "unwritten air": (one(wrong=lambda th: th.fill(UNWRITTEN)), "unwritten values in th"),
    "no time record": (one(()), "has no time record"),
    "cut short": (cut, "is cut short or damaged"),
    "cut in its header": (lambda path: (cut(path), path.write_bytes(path.read_bytes()[:150])), "is cut short or damaged"),
    "cut HDF5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "is cut short or damaged"),
    "truncated to nothing": (lambda path: path.write_bytes(b""), "is empty"),
    "CDF-5 cut in its header": (lambda path: path.write_bytes(b"CDF\x05" + bytes(10)), "is cut short or damaged"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"CDF")), "is compressed by gzip: unpack it first"),
    "text": (lambda path: path.write_text("Program terminated normally"), "is no netCDF file"),
    "missing": (lambda path: None, "cannot be opened: No such file or directory"),
    "no ice": (no_ice, "has no ice: none of qi, qi1, qi2, qi3 and qi4"),
    "feet": (one(unit="feet"), "has xh in feet, not in km or metres"),
    "fortnights": (one(units_of_time="fortnights"), "has its times in fortnights, not in seconds"),
    "unwritten axis": (one(xh=np.full(NX, UNWRITTEN)), "axis xh that was not written"),
    "no heights": (one(z="eta"), "has no axis zh"),
    "other grid": (one(xh=np.arange(NX) + 0.5), "has another grid than the first file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_read_is_named_by_member_and_file_with_the_reason(case, tmp_path):
    spoil, reason = BAD[case]
    fields = run(tmp_path / "good")
    spoil(tmp_path / "out7.nc")
    members = {"good": tmp_path / "good", "m007": tmp_path / "out7.nc"}
    with pytest.raises(UnreadableOutput, match=rf"^Not all .*: m007: out7\.nc .*{reason}.*\.$") as raised:
        open_ensemble(members)
    assert raised.value.report.equals(survey(members))
    report = survey(members).set_index("member")
    assert report.reason["good"] == "" and report.times["good"] == 3
    assert report.file["m007"] == "out7.nc" and report.times["m007"] == 0
    found = open_ensemble(members, skip_bad=True)
    assert found.member.values.tolist() == ["good"] and found.not_read.startswith("m007: out7.nc ")
    same(found, {name: values[:, :, 0] for name, values in fields.items()})


def test_nothing_to_read_is_an_error_even_if_bad_files_are_skipped(tmp_path):
    (tmp_path / "cm1out.nc").write_bytes(b"")
    with pytest.raises(UnreadableOutput, match=rf"^Nothing can be read: {tmp_path.name}: cm1out.nc is empty\.$"):
        open_ensemble(tmp_path, skip_bad=True)
    with pytest.raises(UnreadableOutput, match=r"^There are no runs of CM1\.$"):
        open_ensemble({})
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        open_ensemble(tmp_path / "nowhere")


def test_of_many_bad_files_the_first_are_told(tmp_path):
    for number in range(9):
        (tmp_path / f"m{number}").mkdir()
        (tmp_path / f"m{number}" / "cm1out.nc").write_bytes(b"")
    with pytest.raises(UnreadableOutput, match=r"m0: .*m4: cm1out.nc is empty; and 4 more, see the report\.$") as raised:
        open_ensemble(tmp_path)
    assert len(raised.value.report) == 9


def test_a_broken_file_costs_its_time_but_nan_costs_the_run(tmp_path):
    for k, time in enumerate((0, 300, 600)):
        for member in ("killed", "blown up"):
            spoiled = not_a_number if (member, time) == ("blown up", 600) else None
            write(tmp_path / member / f"cm1out_{k + 1:06}.nc", (time,), named(ice((time,))), wrong=spoiled)
    write(tmp_path / "killed" / "cm1out_000003.nc", (), named(ice(())))
    found = open_ensemble(tmp_path, skip_bad=True)
    assert found.member.values.tolist() == ["killed"] and found.time.values.tolist() == [0, 300]
    report = survey(tmp_path).set_index(["member", "file"]).reason
    assert report["blown up", "cm1out_000001.nc"] == "belongs to the run that went wrong in cm1out_000003.nc"
    assert report["killed", "cm1out_000003.nc"] == "has no time record" and report["killed", "cm1out_000002.nc"] == ""


def test_nan_that_only_shows_in_the_ice_is_named_when_it_is_read(tmp_path):
    fields = named(ice((0, 300)))
    fields["p3_vmi"][1, 2, 0, 3] = np.nan
    found = open_ensemble({"m003": write(tmp_path / "cm1out.nc", (0, 300), fields)})
    with pytest.raises(UnreadableOutput, match=r"^m003: cm1out.nc has NaN or unwritten values in p3_vmi\.$"):
        found.q_i.load()


def test_folders_that_are_no_whole_run_are_told(tmp_path):
    run(tmp_path / "both")
    write(tmp_path / "both" / "cm1out_000001.nc", (0,), named(ice((0,))))
    write(tmp_path / "tiles" / "cm1out_000003_000001.nc", (0,), named(ice((0,))))
    (tmp_path / "never").mkdir()
    (tmp_path / "never" / "namelist.input").write_text("&param0\n/\n")
    (tmp_path / "notes").mkdir()
    reasons = survey(tmp_path).groupby("member").reason.first()
    assert "lies beside output of the other kind" in reasons["both"]
    assert "is one processor's part of the domain" in reasons["tiles"]
    assert reasons["never"] == "there is no output cm1out.nc or cm1out_000001.nc" and "notes" not in reasons
    with pytest.raises(UnreadableOutput, match="never: there is no output"):
        open_ensemble(tmp_path)


def test_unfinished_and_failed_runs_of_the_runner_are_no_members(tmp_path):
    for name in ("m000", "m001.failed", "m002.running-0a1b2c3d", "0.5"):
        run(tmp_path / name)
    assert list(run_files(tmp_path)) == ["0.5", "m000"]


def test_parameters_become_coordinates_of_the_members(tmp_path):
    for name in ("m000", "m001"):
        run(tmp_path / name)
    table = pd.DataFrame({"param8:var1": [1.5, 0.5], "ni_cap": [3.0, 4.0]}, index=["m001", "m000"])
    found = open_ensemble(tmp_path, parameters=table)
    assert found["var1"].values.tolist() == [0.5, 1.5] and found["ni_cap"].dims == ("member",)
    with pytest.raises(ValueError, match="parameters has no row for m001"):
        open_ensemble(tmp_path, parameters=table.drop("m001"))


# --- real output --------------------------------------------------------------------------------------------------------


@pytest.fixture
def raw(shared_data) -> Path:
    return shared_data / "cm1" / "raw"


def test_real_runs_are_read_together_slabs_and_3d(raw):
    found = open_ensemble(raw, z=(7000, 10200))
    assert found.member.values.tolist() == ["box3d", "m069", "m093"]
    assert found.sizes["z"] == 64 and found.sizes["x"] == 64 and (survey(raw).reason == "").all()
    assert (found.q_i.sel(time=3600).max(("z", "x")) > 1e-5).values.all()


def test_real_slabs_in_one_file_and_in_nine(raw):
    found = open_ensemble({"m069": raw / "m069", "m093": raw / "m093"}, z=(7000, 10200)).load()
    assert found.time.size == 17 and found.source == "cm1r21.1"
    for member, n_times in (("m069", 13), ("m093", 9)):
        one = found.sel(member=member).dropna("time")
        assert one.time.size == n_times and (one.q_i[0] == 0).all()
        np.testing.assert_allclose(one.m_i * one.n_i, one.q_i, rtol=1e-6)
        cloudy = one.where(one.q_i > 1e-8)
        assert 5e-5 < one.q_i.max() < 2e-4 and cloudy.v_m.max() < 1.6 and 10 < cloudy.rho_i.min() < cloudy.rho_i.max() < 901


def test_real_3d_output_by_row_and_mean(raw):
    rows = [open_ensemble(raw / "box3d", y=y).q_i.load() for y in (50, 150, 250, 350)]
    mean = open_ensemble(raw / "box3d").q_i
    assert mean.shape == (1, 3, 109, 64)
    np.testing.assert_allclose(mean, sum(rows) / 4, atol=1e-9)
    assert not np.allclose(rows[0], rows[1])


@pytest.mark.parametrize(
    "file, reason",
    [
        ("nan_run", "has NaN or unwritten values in th at 120 s: the run went wrong"),
        ("killed_no_time_record", "has no time record"),
        ("truncated", "is cut short or damaged"),
    ],
)
def test_real_bad_output_is_refused(file, reason, raw):
    with pytest.raises(UnreadableOutput, match=f"^Nothing can be read: m: cm1out_{file}.nc {reason}.$"):
        open_ensemble({"m": raw / "bad" / f"cm1out_{file}.nc"})
