"""lib.cirrus.cm1.netcdf: files are opened without a lock, and decoded after the CF conventions."""

import fcntl
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from output_files import CONTAINERS, output, write

from lib.cirrus.cm1.netcdf import UnreadableOutput, opened
from lib.cirrus.cm1.reader import open_ensemble, survey
from lib.core.paths import ROOT


@pytest.fixture
def path(tmp_path):
    variables, sizes = output()
    return write(tmp_path / "cm1out.nc", "netCDF-4", sizes, variables)


# --- locks ----------------------------------------------------------------------------------------------------------------


def may_be_locked(path) -> bool:
    """Whether a CM1 that runs could lock its output now."""
    with path.open("r+b") as output_file:
        try:
            fcntl.flock(output_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_that_is_read_is_not_locked(container, tmp_path):
    variables, sizes = output()
    path = write(tmp_path / "cm1out.nc", container, sizes, variables)
    with opened(path) as file:
        assert file.container == container and file.read("qi").max() > 0 and may_be_locked(path)


def test_a_file_that_is_read_is_not_locked_even_where_hdf5_is_told_to(path):
    """HDF5 asks the environment when it is loaded, and heeds it more than what a program says."""
    program = """
import fcntl, sys
from pathlib import Path
from lib.cirrus.cm1.netcdf import opened
with opened(Path(sys.argv[1])) as file, open(sys.argv[1], "r+b") as output:
    file.read("qi")
    fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""
    told = {**os.environ, "HDF5_USE_FILE_LOCKING": "TRUE", "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", program, path], env=told, check=False).returncode == 0


def test_a_file_that_another_program_has_locked_is_read(path):
    with path.open("r+b") as output_file:
        fcntl.flock(output_file, fcntl.LOCK_EX)
        with opened(path) as file:
            assert file.read("qi").max() > 0


def test_a_file_is_read_beside_h5py_whatever_its_lock(path):
    with h5py.File(path, "r", locking=True), opened(path) as file:
        assert file.read("qi").max() > 0


# --- what HDF5 files are like ---------------------------------------------------------------------------------------------


def with_filter(path, code):
    """Store the ice as if by a filter that nobody has: HDF5 makes no such data set that it would have to write itself."""
    with h5py.File(path, "a") as file:
        values, attributes = file["qi"][...], dict(file["qi"].attrs)
        del file["qi"]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk(values.shape)
        layout.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(values.shape)
        data = h5py.Dataset(h5py.h5d.create(file.id, b"qi", h5py.h5t.IEEE_F32LE, space, layout))
        data.id.write_direct_chunk((0, 0, 0, 0), values.tobytes())
        data.attrs["units"] = attributes["units"]
        for place, name in enumerate(("time", "zh", "yh", "xh")):
            data.dims[place].attach_scale(file[name])


def test_a_filter_that_is_not_installed_is_named(path):
    with_filter(path, 32013)  # ZFP, by which the tools for very large runs of CM1 pack
    reason = survey(path.parent).reason[0]
    assert reason.startswith("has qi packed by") and "(32013), a filter of HDF5 that is not installed" in reason
    with opened(path) as file, pytest.raises(UnreadableOutput, match="packed by"):
        file.read("qi")


def test_a_damaged_variable_is_not_taken_for_one_that_the_file_lacks(path):
    with h5py.File(path, "r") as file:
        place = h5py.h5o.get_info(file["qni"].id).addr
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\xff" * 4  # where the header of the variable begins
    path.write_bytes(content)
    assert survey(path.parent).reason.tolist() == ["is damaged: qni cannot be read"]


def test_a_variable_with_the_name_of_another_dimension_is_found(path):
    with h5py.File(path, "a") as file:
        file["_nc4_non_coord_time"] = np.float32(300)
        file["_nc4_non_coord_time"].attrs["units"] = "seconds"
    with opened(path) as file:
        assert file.shape("time") == () and file.read("time") == 300


def test_a_dimension_without_a_variable_is_no_variable(tmp_path):
    variables, sizes = output()
    variables["rain"] = (("one",), np.zeros(1, "f4"), {})
    with opened(write(tmp_path / "a.nc", "netCDF-4", sizes | {"one": 1}, variables)) as file:
        assert "one" not in file and file.dimensions("rain") == ("one",) and "qi" in file


def test_a_file_that_names_no_dimensions_is_read_in_cm1s_order_and_this_is_noted(path):
    expected = open_ensemble(path.parent).load()
    with h5py.File(path, "a") as file:
        for name in ("th", "qi", "qni", "p3_vmi", "p3_rhopo"):
            for place in range(4):
                for scale in file[name].dims[place].values():
                    file[name].dims[place].detach_scale(scale)
    assert survey(path.parent).note.tolist() == ["names no dimensions"]
    np.testing.assert_array_equal(open_ensemble(path.parent).q_i, expected.q_i)


@pytest.mark.parametrize(("shape", "reason"), [((3, 5, 2, 4), ""), ((5, 3, 4, 2), ""), ((3, 4, 2, 6), "on another grid")])
def test_dimensions_without_names_are_told_by_their_lengths_where_they_can_be(path, shape, reason):
    lengths = {3: 0, 4: 1, 2: 2, 5: 3}
    expected = open_ensemble(path.parent).load()
    with h5py.File(path, "a") as file:
        for name in ("qi", "qni", "p3_vmi", "p3_rhopo"):
            values, unit = file[name][...], file[name].attrs["units"]
            del file[name]
            values = np.zeros(shape, "f4") if reason else values.transpose([lengths[length] for length in shape])
            file[name] = values
            file[name].attrs["units"] = unit
    if reason:
        assert reason in survey(path.parent).reason[0]
    else:
        np.testing.assert_array_equal(open_ensemble(path.parent).q_i, expected.q_i)


# --- values that were never written -----------------------------------------------------------------------------------------


UNWRITTEN = {
    "_FillValue": ({"_FillValue": np.float32(-1)}, {}, -1.0),
    "missing_value": ({"missing_value": np.float32(-999)}, {}, -999.0),
    "two marks": ({"_FillValue": np.float32(-1), "missing_value": np.array([-9, -999], "f4")}, {}, -999.0),
    "in double precision": ({"missing_value": np.float64(-999999.9)}, {}, -999999.9),
    "in the whole file": ({}, {"missing_value": np.array([-7777.7], "f4")}, -7777.7),
    "CM1's own": ({}, {}, -999999.9),
    "netCDF's own": ({}, {}, 9.969209968386869e36),
}


@pytest.mark.parametrize("container", ["CDF-2", "netCDF-4"])
@pytest.mark.parametrize("case", UNWRITTEN)
def test_marks_of_what_was_never_written_are_no_ice(case, container, tmp_path):
    own, attributes, value = UNWRITTEN[case]
    variables, sizes = output()
    dimensions, values, units = variables["qi"]
    values[1, 2, 0, 3] = value
    write(tmp_path / "cm1out.nc", container, sizes, variables | {"qi": (dimensions, values, units | own)}, attributes)
    with pytest.raises(UnreadableOutput, match="cm1out.nc has NaN or unwritten values in qi"):
        open_ensemble(tmp_path).load(scheduler="synchronous")


def test_whole_numbers_without_a_sign_are_read_as_such(tmp_path):
    variables, sizes = output()
    dimensions, values, units = variables["qi"]
    scale = float(values.max()) / 250
    packed = np.round(values / scale).astype("u1").view("i1")
    packing = {"_Unsigned": "true", "scale_factor": np.float64(scale)}
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables | {"qi": (dimensions, packed, units | packing)})
    np.testing.assert_allclose(open_ensemble(tmp_path, y=50.0).q_i[0], values[:, :, 0], atol=scale)


#: Attributes, with values of qi stored as they are or packed as 1e-8 kg/kg -> those above 5e-5 are not valid.
NOT_VALID = {
    "valid_range": ({"valid_range": np.array([0, 5e-5], "f4")}, False),
    "valid_max": ({"valid_max": np.float64(5e-5)}, False),
    "of the packed values": ({"valid_range": np.array([0, 5000], "i2")}, True),
    "of the unpacked values": ({"valid_max": np.float32(5e-5)}, True),
}


@pytest.mark.parametrize("container", ["CDF-2", "netCDF-4"])
@pytest.mark.parametrize("case", NOT_VALID)
def test_values_that_are_not_valid_are_no_ice(case, container, tmp_path):
    limits, packed = NOT_VALID[case]
    variables, sizes = output()
    dimensions, values, units = variables["qi"]
    for name, highest in (("valid", 4.9e-5), ("not", 5.1e-5)):
        own = np.minimum(values, 4e-5)
        own[1, 2, 0, 3] = highest
        stored = np.round(own / 1e-8).astype("i2") if packed else own
        packing = {"scale_factor": np.float64(1e-8)} if packed else {}
        (tmp_path / name).mkdir()
        changed = variables | {"qi": (dimensions, stored, units | packing | limits)}
        write(tmp_path / name / "cm1out.nc", container, sizes, changed)
    assert float(open_ensemble(tmp_path / "valid", y=50.0).q_i.max()) == pytest.approx(4.9e-5, rel=1e-3)
    with pytest.raises(UnreadableOutput, match="cm1out.nc has NaN or unwritten values in qi"):
        open_ensemble(tmp_path / "not").load(scheduler="synchronous")


@pytest.mark.parametrize(
    "limits", [{"valid_range": "0 to 1"}, {"valid_range": np.array([0, 1, 2], "f4")}, {"valid_min": np.float32(-1)}]
)
def test_limits_that_say_nothing_change_nothing(limits, tmp_path):
    variables, sizes = output()
    dimensions, values, units = variables["qi"]
    write(tmp_path / "cm1out.nc", "CDF-1", sizes, variables | {"qi": (dimensions, values, units | limits)})
    np.testing.assert_array_equal(open_ensemble(tmp_path, y=50.0).q_i[0], values[:, :, 0])


def test_limits_of_whole_numbers_without_a_sign(tmp_path):
    variables, sizes = output()
    dimensions, values, units = variables["qi"]
    scale = float(values.max()) / 250
    packed = np.round(values / scale).astype("u1").view("i1")
    packing = {"_Unsigned": "true", "scale_factor": np.float64(scale)}
    for name, highest in (("valid", 250), ("not", 249)):
        (tmp_path / name).mkdir()
        limits = {"valid_range": np.array([0, highest], "u1").view("i1")}
        write(tmp_path / name / "cm1out.nc", "CDF-1", sizes, variables | {"qi": (dimensions, packed, units | packing | limits)})
    np.testing.assert_allclose(open_ensemble(tmp_path / "valid", y=50.0).q_i[0], values[:, :, 0], atol=scale)
    with pytest.raises(UnreadableOutput, match="NaN or unwritten values in qi"):
        open_ensemble(tmp_path / "not").load(scheduler="synchronous")
