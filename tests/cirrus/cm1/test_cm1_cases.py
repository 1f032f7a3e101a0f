"""Inputs from the field, as their files lie in the folder of cases: each is read rightly, or named."""

import re

import h5py
import numpy as np
import pytest

from lib.cirrus.cm1.reader import UnreadableOutput, open_ensemble, survey
from lib.cirrus.cm1.superdroplets import read_superdroplets
from lib.cirrus.schema import weighted_means

#: The made ice of these files: largest values.
ICE = {"q_i": 1.98e-5, "n_i": 1.996e5, "v_m": 0.596, "rho_i": 600.0}
READ = {
    "01-packed-hdf5": ICE,
    "01-packed-scale-only": ICE,
    "02-units/run-g_kg": ICE,
    "02-units/run-g_kg-1": ICE,
    "02-units/run-cm_s": ICE,
    "05-cdf5": ICE,
    "11b-empty-version": ICE,
    "13-transposed-hdf5-zx": {"q_i": 1.98e-5, "v_m": 0.595},
    "14-flipped-z": ICE,
}
NAMED = {
    "02-units/run-#_L": "has qni in #/L, not in #/kg, and no density of air",
    "07-names/m_gz": "cm1out_000001.nc.gz is compressed: unpack it first",
    "09-terrain": "is of a run over terrain",
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read_has_its_right_value(case, shared_cases):
    ice = open_ensemble(shared_cases / "cm1" / case).load(scheduler="synchronous")
    assert ice.sizes["member"] == 1 and ice.time.values.tolist() == [0, 300, 600]
    for name, value in READ[case].items():
        assert float(ice[name].max()) == pytest.approx(value, rel=2e-3), name


@pytest.mark.parametrize("case", NAMED)
def test_what_is_not_read_is_named(case, shared_cases):
    with pytest.raises(UnreadableOutput, match=re.escape(NAMED[case])):
        open_ensemble(shared_cases / "cm1" / case)


def test_of_transposed_fields_x_is_x_and_z_is_z(shared_cases):
    """The file has z last; its ice is that of a file in CM1's order with the axes exchanged."""
    (path,) = (shared_cases / "cm1" / "13-transposed-hdf5-zx").rglob("*.nc")
    with h5py.File(path, locking=False) as file:
        stored = file["qi"][...]  # time, xh, yh, zh
    ice = open_ensemble(path.parent).load(scheduler="synchronous")
    np.testing.assert_allclose(ice.q_i[0], stored[:, :, 0].transpose(0, 2, 1), rtol=1e-6)


def test_the_lowest_level_of_a_file_downwards_is_the_last(shared_cases):
    (path,) = (shared_cases / "cm1" / "14-flipped-z").rglob("*.nc")
    with h5py.File(path, locking=False) as file:
        stored = file["qi"][...]
    ice = open_ensemble(path.parent).load(scheduler="synchronous")
    assert ice.z.values.tolist() == [50, 150, 250, 350]
    np.testing.assert_allclose(ice.q_i[0], stored[:, ::-1, 0], rtol=1e-6)


@pytest.mark.parametrize("case", ["04-scalar-time", "04b-scalar-time-classic"])
def test_one_time_without_a_dimension_is_one_row_and_stops_nobody(case, shared_cases):
    folder = shared_cases / "cm1" / case
    report = survey(folder)
    assert report.times.tolist() == [1] * len(report) and (report.reason == "").all()
    with pytest.warns(UserWarning, match="1 of the 2 times") if len(report) > 1 else np.errstate():
        ice = open_ensemble(folder).load(scheduler="synchronous")
    assert float(ice.q_i.max()) == pytest.approx(1.95e-5, rel=2e-3) and 300 in ice.time


def test_every_file_of_a_folder_is_read_or_has_a_row(shared_cases):
    folder = shared_cases / "cm1" / "07-names"
    report = survey(folder).set_index("file")
    files = {path.relative_to(folder).parts[-1] for path in folder.rglob("*") if path.is_file()}
    assert {name.rsplit("/")[-1] for name in report.index} == files and len(report) == 10
    assert report.reason[report.times == 0].to_dict() == {"cm1out_000001.nc.gz": "is compressed: unpack it first"}
    ice = open_ensemble(folder, skip_bad=True)
    assert ice.sizes["member"] == 9 and float(ice.q_i.min("member").max()) == pytest.approx(1.98e-5, rel=2e-3)
    assert ice.not_read == "m_gz: cm1out_000001.nc.gz is compressed: unpack it first"


def test_times_within_half_a_step_are_one_and_told(shared_cases):
    with pytest.warns(UserWarning, match=r"m1 has times up to 0\.7 s later.*; m2 has times up to 1\.4 s later"):
        ice = open_ensemble(shared_cases / "cm1" / "08-adaptive-times").load(scheduler="synchronous")
    assert ice.time.values.tolist() == [0, 300, 600] and ice.q_i.notnull().all() and "m2" in ice.remarks
    assert weighted_means(ice, "x").q_i.notnull().all()


def test_rows_count_by_their_widths(shared_cases):
    ice = open_ensemble(shared_cases / "cm1" / "10-stretched-y").load(scheduler="synchronous")
    np.testing.assert_allclose(ice.q_i, 1.0e-5, rtol=1e-5)
    np.testing.assert_allclose(weighted_means(ice, ("z", "x")).q_i, 1.0e-5, rtol=1e-5)


@pytest.mark.parametrize(("case", "most"), [("40-warm", 0.0), ("40b-subvisual", 7.9e-8)])
def test_little_ice_is_little_ice(case, most, shared_cases):
    ice = open_ensemble(shared_cases / "cm1" / case).load(scheduler="synchronous")
    assert float(ice.q_i.max()) == pytest.approx(most, rel=1e-2) and (ice.v_m.where(ice.q_i == 0, 0) == 0).all()


def test_superdroplets_of_any_number_and_spelling(shared_cases):
    folder = shared_cases / "cm1" / "50-superdroplets"
    assert len(set(read_superdroplets(folder / "bigid").id.values.tolist())) == 2
    assert "ICE" in read_superdroplets(folder / "lower").status.values
    with pytest.raises(UnreadableOutput, match="has an infinite multiplicity"):
        read_superdroplets(folder / "inf")
    assert read_superdroplets(folder / "nohead").sizes["superdroplet"] == 2
