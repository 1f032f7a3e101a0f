"""lib.cirrus.cm1: which of a scheme's categories of ice are cloud ice, which are all ice, and which a file lacks."""

import numpy as np
import pytest
import xarray as xr

from lib.cirrus.cm1.file import last_state
from lib.cirrus.cm1.reader import open_ensemble, survey

DIMENSIONS = ("time", "zh", "yh", "xh")
#: Names as CM1 writes them (src/param.F): ptype -> mass by category, in mg/kg, and what else the scheme has of ice.
SCHEMES = {
    2: ({"qi": 1, "qs": 2, "qg": 4}, {}),  # Goddard
    3: ({"qi": 1, "qs": 2, "qg": 4}, {"nci": 5e4}),  # Thompson
    5: ({"qi": 1, "qs": 2, "qg": 4}, {"nci": 5e4, "ncs": 1e3, "ncg": 10}),  # Morrison
    7: ({"qi": 1, "qs": 2, "qg": 4}, {}),  # WSM6
    26: ({"qi": 1, "qs": 2, "qg": 4}, {"cci": 5e4, "csw": 1e3, "chw": 10, "vhw": 1e-6}),  # NSSL, graupel only
    27: ({"qi": 1, "qs": 2, "qg": 4, "qhl": 8}, {"cci": 5e4, "csw": 1e3, "chw": 10, "chl": 1}),  # NSSL with hail
    50: ({"qi": 1}, {"qni": 5e4, "qir": 0.5e-6, "qib": 1e-9, "p3_vmi": 0.4, "p3_rhopo": 300}),  # P3: qir is rime, a part of qi
    52: ({"qi": 1, "qi2": 2}, {"ni": 4e4, "ni2": 1e4, "ri": 0.5e-6, "ri2": 0.5e-6}),  # P3 with two free categories
    55: ({"qi1": 1, "qi2": 2, "qi3": 4}, {"ni1": 2e4, "ni2": 2e4, "ni3": 1e4, "ai1": 1e-9, "ci1": 1e-9}),  # ISHMAEL
}


def output(path, values, **attributes):
    """A file of CM1 with one time, in which each of `values` is the same everywhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: (name, 0.05 + 0.1 * np.arange(3), {"units": "km"}) for name in ("zh", "xh")}
    axes |= {"yh": ("yh", [0.05], {"units": "km"}), "time": ("time", [600.0], {"units": "seconds"})}
    fields = {name: (DIMENSIONS, np.full((1, 3, 1, 3), value, np.float32)) for name, value in ({"th": 300.0} | values).items()}
    xr.Dataset(fields, axes, attributes).to_netcdf(path, engine="scipy")
    return path


def of_scheme(ptype):
    masses, others = SCHEMES[ptype]
    return {name: 1e-6 * mass for name, mass in masses.items()} | others


@pytest.mark.parametrize("ptype", SCHEMES)
@pytest.mark.parametrize("told", [True, False], ids=["with ptype", "without"])
def test_cloud_ice_and_all_ice_are_told_apart_in_every_scheme(ptype, told, tmp_path):
    output(tmp_path / "cm1out.nc", of_scheme(ptype), **({"ptype": np.int32(ptype)} if told else {}))
    found = open_ensemble(tmp_path).load()
    masses = SCHEMES[ptype][0]
    free = sum(mass for name, mass in masses.items() if name.startswith("qi"))
    np.testing.assert_allclose(found.q_i, 1e-6 * free, rtol=1e-6)
    np.testing.assert_allclose(found.q_i_total, 1e-6 * sum(masses.values()), rtol=1e-6)
    if "n_i" in found:
        np.testing.assert_allclose(found.n_i, 5e4, rtol=1e-6)
    assert "q_i_total" not in survey(tmp_path).lacks[0] and "without" not in found.attrs


@pytest.mark.parametrize(
    ("ptype", "dropped", "told"),
    [
        (5, ("qs",), {"ptype": 5}),
        (5, ("qs", "qg"), {}),  # ncs and ncg are left
        (3, ("qs", "qg"), {"ptype": 3.0}),  # as tools write it that have no whole numbers
        (27, ("qhl",), {"ptype": np.int32(27)}),
        (52, ("qi2",), {}),
        (55, ("qi3",), {"ptype": 55}),
    ],
)
def test_a_category_that_a_file_lacks_is_told_and_no_sum_is_made(ptype, dropped, told, tmp_path):
    values = of_scheme(ptype)
    output(tmp_path / "whole" / "cm1out.nc", values, **told)
    output(tmp_path / "part" / "cm1out.nc", {name: value for name, value in values.items() if name not in dropped}, **told)
    found = open_ensemble(tmp_path).load()
    assert found.member.values.tolist() == ["part", "whole"]
    assert found.q_i_total[0].isnull().all() and found.q_i_total[1].notnull().all() and found.q_i.notnull().all()
    assert found.without == f"part: {', '.join(dropped)}"
    part, whole = survey(tmp_path).lacks
    assert f"q_i_total ({', '.join(dropped)})" in part and "q_i_total" not in whole
    assert "q_i_total" not in open_ensemble(tmp_path / "part")


def test_units_of_snow_are_its_own(tmp_path):
    path = output(tmp_path / "cm1out.nc", {"qi": 1e-6, "qs": 2e-3})
    with xr.open_dataset(path, decode_timedelta=False) as data:
        data = data.load()
    data["qs"].attrs["units"] = "g/kg"
    data.to_netcdf(path, engine="scipy")
    np.testing.assert_allclose(open_ensemble(tmp_path).q_i_total, 3e-6, rtol=1e-6)


def test_snow_without_cloud_ice_is_ice_and_traces_are_none(tmp_path):
    output(tmp_path / "a" / "cm1out.nc", {"qi": 5e-10, "nci": 1e4, "qs": 1e-6})
    output(tmp_path / "b" / "cm1out.nc", {"qi": 4e-10, "nci": 1e4, "qs": 4e-10})
    snow, trace = open_ensemble(tmp_path).load().transpose("member", ...).q_i_total
    np.testing.assert_allclose(snow, 1e-6 + 5e-10, rtol=1e-6)
    assert (trace == 0).all() and (open_ensemble(tmp_path).q_i.load() == 0).all()
    assert last_state(tmp_path / "a" / "cm1out.nc")[2] == pytest.approx(1e-6)


def test_most_of_the_ice_is_snow_where_the_scheme_makes_it_so(shared_data, tmp_path):
    """Share of all ice in the window that is not cloud ice, at 3600 s, by scheme: five seeds of real output."""
    file = shared_data / "cm1" / "cm1-cirrus-schemes.nc"
    if not file.exists():
        pytest.skip(f"there is no {file.name}")
    with xr.open_dataset(file, decode_timedelta=False) as data:
        late = data[["qi", "qs", "qi_total"]].sel(time=[3600]).load()
    for member, scheme in enumerate(late.scheme.values):
        one = late.isel(member=member).expand_dims("yh", 2).rename(z="zh", x="xh").drop_vars("member")
        one = one.drop_vars([name for name in one.data_vars if one[name].isnull().any()]).reset_coords(drop=True)
        one = one if "qi" in one else one.rename(qi_total="qi")
        one = one.drop_vars("qi_total", errors="ignore").assign_coords(yh=("yh", [50.0], {"units": "m"}))
        folder = tmp_path / f"{scheme}-{member}"
        folder.mkdir()
        one.to_netcdf(folder / "cm1out.nc", engine="scipy")
    ice = open_ensemble(tmp_path).sum(("time", "z", "x")).load()
    ice = ice.groupby(ice.member.str.split("way", "-").isel(way=0)).sum()
    share = (1 - ice.q_i / ice.q_i_total).to_series()
    expected = {"thompson": 0.90, "gsr_lfo": 0.88, "nssl2m": 0.48, "morrison": 0.37, "goddard": 0.12, "wsm6": 0.0, "p3_1cat": 0.0}
    assert share[list(expected)].to_dict() == pytest.approx(expected, abs=0.01)


def test_the_fall_speed_of_cloud_ice_is_that_of_its_scheme(tmp_path):
    output(tmp_path / "morrison" / "cm1out.nc", of_scheme(5) | {"vti": 0.3, "vts": 0.9, "vtg": 2.0}, ptype=np.int32(5))
    output(tmp_path / "p3" / "cm1out.nc", of_scheme(50) | {"vti": 0.7}, ptype=np.int32(50))  # whose own is p3_vmi
    found = open_ensemble(tmp_path).load()
    np.testing.assert_allclose(found.v_m.sel(member="morrison"), 0.3, rtol=1e-6)
    np.testing.assert_allclose(found.v_m.sel(member="p3"), 0.4, rtol=1e-6)
