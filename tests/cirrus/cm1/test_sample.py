"""lib.cirrus.cm1.sample: the ensemble that comes with the project."""

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from lib.cirrus.cm1.file import UnreadableOutput
from lib.cirrus.cm1.reader import open_ensemble
from lib.cirrus.cm1.sample import FILE, sample_ensemble
from lib.cirrus.schema import VARIABLES

#: Two significant digits are wrong by half a unit of the second one: 5 % of 1.0. A quotient of two may be by twice that.
ROUNDING = {"q_i": 0.05, "n_i": 0.05, "m_i": 0.1, "v_m": 0.05, "rho_i": 0.05}


@pytest.fixture(scope="module")
def sample():
    return sample_ensemble()


def test_it_is_the_whole_ensemble_in_the_schema(sample):
    assert dict(sample.sizes) == {"member": 80, "time": 25, "z": 64, "x": 64}
    assert list(sample) == list(VARIABLES) and sample.q_i.dtype == np.float32
    assert sample.time.values.tolist() == list(range(0, 7201, 300))
    assert (sample.z.values[0], sample.z.values[-1], sample.x.values[0]) == (7025.0, 10175.0, 50.0)
    assert 0.4 <= sample.deposition_factor.min() < sample.deposition_factor.max() <= 2.0
    assert 2e4 <= sample.ni_cap.min() < sample.ni_cap.max() <= 3e5
    assert isinstance(sample.q_i.data, da.Array) and sample.q_i.chunks[0] == (1,) * 80


def test_mass_times_number_is_the_mixing_ratio_and_ice_free_air_is_zero(sample):
    some = sample.isel(member=[0, 40]).load()
    np.testing.assert_allclose(some.n_i * some.m_i, some.q_i, rtol=1e-6)
    ice_free = some.q_i.values == 0
    assert all((some[name].values[ice_free] == 0).all() and (some[name].values[~ice_free] > 0).all() for name in VARIABLES)
    assert ice_free[:, 0].all() and 0.1 < ice_free.mean() < 0.4
    assert some.rho_i.max() <= 912 and some.v_m.max() < 3 and 1e-5 < some.q_i.max() < 1e-3


def test_it_is_the_output_of_the_runs_it_was_made_from(sample, shared_data):
    runs = shared_data / "cm1" / "raw"
    for member in ("m069", "m093"):
        run = open_ensemble({member: runs / member}, z=(7000, 10200)).load()
        kept = sample.sel(member=int(member[1:]), time=run.time).load()
        assert np.array_equal(run.z, kept.z) and np.array_equal(run.x, kept.x)
        for name, rounding in ROUNDING.items():
            np.testing.assert_allclose(kept[name], run[name].isel(member=0), rtol=rounding)


def test_a_missing_file_is_named():
    with pytest.raises(UnreadableOutput, match="nowhere.nc cannot be opened: No such file"):
        sample_ensemble(Path("nowhere.nc"))


def test_xarray_opens_the_file(sample):
    with xr.open_dataset(FILE) as data:
        assert data.qi.dims == ("member", "time", "z", "x")
        np.testing.assert_array_equal(data.qi[3, -1], sample.q_i[3, -1])


@pytest.mark.parametrize("engine", [None, "h5netcdf"])
def test_xarray_opens_the_file_by_itself(sample, engine):
    """As a reader would in the environment of this project, in which an engine for netCDF-4 is."""
    with xr.open_dataset(FILE, engine=engine) as opened:
        assert opened.sizes["member"] == 80 and opened.qi.attrs["units"]
        np.testing.assert_allclose(opened.qi.isel(member=3, time=20), sample.q_i.isel(member=3, time=20), rtol=1e-6)
