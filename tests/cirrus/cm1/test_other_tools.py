"""Output of CM1 as its older releases, its users and other programs write it: each is read rightly, or named."""

import numpy as np
import pytest
from output_files import output, write

from lib.cirrus.cm1.reader import UnreadableOutput, open_ensemble, survey

AXES = {"xh": "ni", "yh": "nj", "zh": "nk"}


def release_15(**changes):
    """Variables as release 15 writes them: dimensions ni, nj, nk, heights called z, times since a date; and their sizes."""
    variables, sizes = output()
    renamed = {name: (tuple(AXES.get(one, one) for one in dimensions), *rest) for name, (dimensions, *rest) in variables.items()}
    renamed["z"] = renamed.pop("zh")
    renamed["time"] = (("time",), renamed["time"][1], {"units": "seconds since 2000-07-03 00:00:00"})
    return renamed | changes, {AXES.get(name, name): size for name, size in sizes.items()}


def expected():
    """The made mass, over y (time, z, x)."""
    return output()[0]["qi"][1].mean(axis=2)


def test_release_15_is_read(tmp_path):
    variables, sizes = release_15()
    for index in range(3):
        one = {
            name: (dims, values[index : index + 1] if "time" in dims else values, own)
            for name, (dims, values, own) in variables.items()
        }
        write(tmp_path / f"cm1out_{index + 1:04}.nc", "CDF-1", sizes | {"time": 1}, one)
    ice = open_ensemble(tmp_path)
    assert ice.time.values.tolist() == [0, 300, 600] and ice.z.values.tolist() == [50, 150, 250, 350]
    np.testing.assert_allclose(ice.q_i[0], expected(), rtol=1e-6)


def test_release_15_over_terrain_has_heights_for_each_column(tmp_path):
    heights = 100 + np.arange(40, dtype="f4").reshape(4, 2, 5)
    variables, sizes = release_15(zh=(("nk", "nj", "ni"), heights, {"units": "m"}))
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables)
    with pytest.raises(UnreadableOutput, match="is of a run over terrain"):
        open_ensemble(tmp_path)


def test_kilometres_that_are_called_degrees_for_grads_are_refused(tmp_path):
    variables, sizes = release_15()
    variables["xh"] = (("ni",), variables["xh"][1], {"units": "degree_east"})
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables)
    with pytest.raises(UnreadableOutput, match="has xh in degree_east, not in km or metres"):
        open_ensemble(tmp_path)


def test_what_cdo_makes_of_output_for_grads_has_other_axes(tmp_path):
    variables, sizes = output()
    names = {"xh": "lon", "yh": "lat", "zh": "lev"}
    made = {
        names.get(name, name): (tuple(names.get(one, one) for one in dims), *rest) for name, (dims, *rest) in variables.items()
    }
    write(tmp_path / "cm1out_s.nc", "CDF-2", {names.get(name, name): size for name, size in sizes.items()}, made)
    with pytest.raises(UnreadableOutput, match="cm1out_s.nc has no axis xh"):
        open_ensemble(tmp_path)


@pytest.mark.parametrize("unit", ["minutes", "minute", "Minutes since 2000-01-01 00:30:00"])
def test_programs_that_choose_another_unit_of_time_do_not_change_the_times(unit, tmp_path):
    variables, sizes = output(time=(("time",), np.arange(3, dtype="i8") * 5, {"units": unit, "calendar": "proleptic_gregorian"}))
    write(tmp_path / "cm1out.nc", "netCDF-4", sizes, variables)
    assert open_ensemble(tmp_path).time.values.tolist() == [0, 300, 600]


def test_the_mark_of_packed_values_is_that_of_the_file(tmp_path):
    variables, sizes = output()
    dimensions, values, units = variables["p3_vmi"]
    packed = np.round((values - 0.3) / 1e-5).astype("i2")
    packing = {"missing_value": np.int16(-27300), "scale_factor": np.float64(1e-5), "add_offset": np.float64(0.3)}
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables | {"p3_vmi": (dimensions, packed, units | packing)})
    np.testing.assert_allclose(open_ensemble(tmp_path, y=50.0).v_m[0], values[:, :, 0], atol=1e-5)
    packed[2, 1, 0, 0] = -27300
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables | {"p3_vmi": (dimensions, packed, units | packing)})
    with pytest.raises(UnreadableOutput, match="has NaN or unwritten values in p3_vmi"):
        open_ensemble(tmp_path).load(scheduler="synchronous")


def test_number_per_volume_is_divided_by_the_density_of_dry_air(tmp_path):
    variables, sizes = output()
    dimensions, q_i, _ = variables["qi"]
    density = np.full_like(q_i, 0.5)
    per_litre = (("time", "zh", "yh", "xh"), np.float32(1e10 * q_i * density / 1e3), {"units": "#/L"})
    water = (dimensions, np.float32(q_i * density * 1e3), {"units": "g m-3"})
    air = (dimensions, density, {"units": "kg/m3"})
    write(tmp_path / "cm1out.nc", "netCDF-4", sizes, variables | {"qni": per_litre, "qi": water, "rho": air})
    ice = open_ensemble(tmp_path)
    np.testing.assert_allclose(ice.q_i[0], expected(), rtol=1e-5)
    np.testing.assert_allclose(ice.n_i[0], 1e10 * expected(), rtol=1e-5)


def test_times_in_the_wrong_byte_order_are_turned_and_this_is_noted(tmp_path):
    times = np.array([0, 300, 600], "f4").byteswap()
    variables, sizes = output(time=(("time",), times, {"units": "seconds"}))
    write(tmp_path / "cm1out.nc", "CDF-5", sizes, variables)
    assert open_ensemble(tmp_path).time.values.tolist() == [0, 300, 600]
    assert survey(tmp_path).note.tolist() == ["has the bytes of its times in the wrong order"]
