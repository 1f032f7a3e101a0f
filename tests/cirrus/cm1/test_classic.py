"""lib.cirrus.cm1.classic: every version of the classic format, whole or cut short."""

import numpy as np
import pytest
from output_files import classic, output
from scipy.io import netcdf_file

from lib.cirrus.cm1.classic import read_classic

VERSIONS = (1, 2, 5)


def values_of(version):
    """One variable of each type of a version, along a growing dimension or not."""
    kinds = ("i1", "i2", "i4", "f4", "f8") + (("u1", "u2", "u4", "i8", "u8") if version == 5 else ())
    found = {
        f"{kind}_{place}": ((dim, "x"), np.arange(6).reshape(2, 3).astype(kind), {})
        for kind in kinds
        for place, dim in (("t", "time"), ("f", "two"))
    }
    found["number"] = ((), np.float64(3.5), {"units": "m", "many": np.arange(3, dtype="i2"), "empty": ""})
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_all_types_and_attributes_are_read(version, tmp_path):
    written = values_of(version)
    path = tmp_path / "a.nc"
    path.write_bytes(
        classic(version, {"time": 2, "two": 2, "x": 3}, written, {"CM1 version": "cm1r21.1", "year": np.int32(2009)})
    )
    variables, attributes = read_classic(path)
    assert list(variables) == list(written) and attributes["CM1 version"] == "cm1r21.1" and attributes["year"] == 2009
    for name, (dimensions, values, _) in written.items():
        assert variables[name].dimensions == dimensions and np.array_equal(variables[name][...], values), name
    found = variables["number"].attributes
    assert found["units"] == "m" and found["many"].tolist() == [0, 1, 2] and found["empty"] == ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["i1", "i2", "f4"])
def test_records_of_one_variable_alone_are_not_padded(version, kind, tmp_path):
    values = np.arange(15).reshape(5, 3).astype(kind)
    path = tmp_path / "a.nc"
    path.write_bytes(classic(version, {"time": 5, "x": 3}, {"q": (("time", "x"), values, {})}, {}))
    assert np.array_equal(read_classic(path)[0]["q"][...], values)


@pytest.mark.parametrize("version", [1, 2])
def test_scipy_reads_what_the_tests_write_and_we_read_what_scipy_writes(version, tmp_path):
    written = values_of(version)
    (tmp_path / "ours.nc").write_bytes(classic(version, {"time": 2, "two": 2, "x": 3}, written, {}))
    with netcdf_file(tmp_path / "ours.nc", mmap=False) as file:
        for name, (_, values, _) in written.items():
            assert np.array_equal(file.variables[name].data, values), name
    with netcdf_file(tmp_path / "theirs.nc", "w", version=version) as file:
        for name, size in (("time", None), ("two", 2), ("x", 3)):
            file.createDimension(name, size)
        for name, (dimensions, values, _) in written.items():
            if dimensions:  # of a single number SciPy makes a file that the netCDF library does not open
                file.createVariable(name, values.dtype, dimensions)[:] = values
    variables, _ = read_classic(tmp_path / "theirs.nc")
    for name, (_, values, _) in list(written.items())[:-1]:
        assert np.array_equal(variables[name][...], values), name


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_is_cut_off_is_taken_for_zero(version, tmp_path):
    variables, sizes = output()
    content = classic(version, sizes, variables, {"CM1 version": "cm1r21.1"})
    path = tmp_path / "a.nc"
    for length in [*range(4, 1200, 97), *range(len(content) - 200, len(content), 33), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises((ValueError, TypeError, KeyError, IndexError, OverflowError)):
            read_classic(path)


def test_a_run_that_was_killed_before_its_first_record_has_none(tmp_path):
    variables, sizes = output({"time": 0, "zh": 4, "yh": 2, "xh": 5})
    path = tmp_path / "a.nc"
    path.write_bytes(classic(2, sizes, variables, {}))
    assert read_classic(path)[0]["qi"].shape == (0, 4, 2, 5)
