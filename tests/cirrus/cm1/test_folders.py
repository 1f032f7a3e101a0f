"""lib.cirrus.cm1.folders: which files are output, and which runs they belong to."""

import numpy as np
import pytest
from output_files import output, write

from lib.cirrus.cm1.reader import UnreadableOutput, open_ensemble, run_files, survey


def run(*paths, times=3, start=0.0):
    """Good output in each of some files, with times that follow each other."""
    for path in paths:
        variables, sizes = output({"time": times, "zh": 3, "yh": 1, "xh": 4})
        variables["time"] = (("time",), np.float32(start + 300.0 * np.arange(times)), {"units": "seconds"})
        write(path, "CDF-2", sizes, variables)
        start += 300 * times


NAMES = [
    ("cm1out.nc",),
    ("CM1OUT.NC",),
    ("cm1out.nc4",),
    ("cm1out.h5",),
    ("cm1out.cdf",),
    ("cm1out_s.nc",),
    ("cm1out_i.nc",),
    ("cm1out_test7tundra-7_062217.nc",),
    ("cm1out_0001.nc", "cm1out_0002.nc"),
    ("cm1out_000001_i.nc", "cm1out_000002_i.nc"),
    ("cirrus_000001.nc", "cirrus_000002.nc"),
    ("cm1out_999999.nc", "cm1out_1000000.nc"),
    ("output/cm1out_000001.nc", "output/cm1out_000002.nc"),
    ("data/netcdf/run 7.nc",),
    ("cm1out_000001", "cm1out_000002"),
]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_output_is_read_whatever_its_name(names, tmp_path):
    run(*(tmp_path / "m0" / name for name in names))
    files = run_files(tmp_path)
    assert list(files) == ["m0"] and [path.name for path in files["m0"]] == [name.rsplit("/")[-1] for name in names]
    ice = open_ensemble(tmp_path)
    assert ice.member.values.tolist() == ["m0"] and ice.time.values.tolist() == [300.0 * k for k in range(3 * len(names))]


NOTED = {
    "cm1out_stats.nc": "holds statistics, no fields",
    "cm1out_diag_000001.nc": "holds diagnostics, no fields",
    "cm1out_pdata_000001.nc": "holds parcels, no fields",
    "cm1out_azimavg_s.nc": "holds azimuthal averages, no fields",
    "cm1rst_000003.nc": "holds a restart, no fields",
    "cm1out_rst_000003.nc": "holds a restart, no fields",
    "cm1out_000001_i.nc": "is interpolated from the run's other output",
    "cm1out_000001.nc.gz": "is compressed: unpack it first",
    "cm1out_stats.nc.gz": "holds statistics, no fields",
    "cm1out_000001.nc.bak": "is a copy of cm1out_000001.nc by its name",
    "figures.tar.gz": "is an archive: unpack it first",
    "old/cm1out_000001.nc": "lies in a folder below the run's other output",
}
HIDING = {
    "cm1out_000002.nc.gz": "is compressed: unpack it first",
    "CM1OUT_000002.NC.BZ2": "is compressed: unpack it first",
    "cm1out_000002.nc.zst": "is compressed: unpack it first",
    "cm1out_000000_000002.nc": "is one processor's part of the domain",
    "cm1out_s.ctl": "is output for GrADS",
    "cm1out.zarr": "is a Zarr store",
}


@pytest.mark.parametrize("name", NOTED)
def test_what_is_no_part_of_the_run_is_noted(name, tmp_path):
    run(tmp_path / "m0" / "cm1out_000001.nc")
    (tmp_path / "m0" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "m0" / name).write_bytes(b"not output of fields")
    report = survey(tmp_path).set_index("file")
    assert report.note[name] == NOTED[name] and (report.reason == "").all()
    assert open_ensemble(tmp_path).sizes["time"] == 3


@pytest.mark.parametrize("name", HIDING)
def test_what_may_be_a_part_of_the_run_stops_the_reader(name, tmp_path):
    run(tmp_path / "m0" / "cm1out_000001.nc")
    (tmp_path / "m0" / name).write_bytes(b"")
    with pytest.raises(UnreadableOutput, match=f"m0: {name} {HIDING[name]}"):
        open_ensemble(tmp_path)
    assert name in open_ensemble(tmp_path, skip_bad=True).not_read


def test_a_run_that_wrote_no_fields_is_told(tmp_path):
    run(tmp_path / "m0" / "cm1out.nc")
    (tmp_path / "m1").mkdir()
    (tmp_path / "m1" / "cm1out_stats.nc").write_bytes(b"")
    with pytest.raises(UnreadableOutput, match="m1: there is no output cm1out.nc or cm1out_000001.nc"):
        open_ensemble(tmp_path)


def test_files_of_two_names_are_two_runs(tmp_path):
    run(tmp_path / "control.nc", tmp_path / "warm.nc")
    with pytest.raises(UnreadableOutput, match=r"control.nc lies beside output of another name \(control, warm\): keep one run"):
        open_ensemble(tmp_path)
    both = open_ensemble({"control": tmp_path / "control.nc", "warm": tmp_path / "warm.nc"}, time=(0, 600))
    assert both.member.values.tolist() == ["control", "warm"]


def test_members_that_are_numbered_are_no_run_of_repeated_times(tmp_path):
    run(tmp_path / "member_001.nc")
    run(tmp_path / "member_002.nc")
    with pytest.raises(UnreadableOutput, match="has the same times as another file"):
        open_ensemble(tmp_path)


def test_a_file_without_ice_beside_the_output_is_noted(tmp_path):
    run(tmp_path / "m0" / "cm1out.nc")
    write(tmp_path / "m0" / "surface.nc", "CDF-1", {"x": 2}, {"rain": (("x",), np.zeros(2, "f4"), {})})
    report = survey(tmp_path).set_index("file")
    assert report.note["surface.nc"].startswith("has no ice") and report.reason["surface.nc"] == ""
    assert open_ensemble(tmp_path).sizes["member"] == 1


@pytest.mark.filterwarnings("error")
def test_files_beside_the_folders_of_runs_are_noted(tmp_path):
    run(tmp_path / "m0" / "cm1out.nc")
    run(tmp_path / "m1" / "cm1out.nc")
    (tmp_path / "means.nc").write_bytes(b"")
    assert open_ensemble(tmp_path).member.values.tolist() == ["m0", "m1"]
    report = survey(tmp_path)
    assert report.note[report.file == "means.nc"].tolist() == ["lies beside the folders of the runs"]


def test_groups_of_runs_keep_their_names(tmp_path):
    for name in ("dry/m0", "dry/m1", "moist/m0", "moist/m1"):
        run(tmp_path / name / "output" / "cm1out.nc")
    assert list(run_files(tmp_path)) == ["dry/m0", "dry/m1", "moist/m0", "moist/m1"]
    assert open_ensemble(tmp_path).sizes["member"] == 4


def test_other_things_are_what_their_first_bytes_say(tmp_path):
    begins = {
        "gzip": b"\x1f\x8b",
        "GRIB": b"GRIB",
        "zip": b"PK\x03\x04",
        "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
    }
    for said, begin in begins.items():
        (tmp_path / "cm1out.nc").write_bytes(begin + bytes(100))
        with pytest.raises(UnreadableOutput, match=f"cm1out.nc is .*{said}"):
            open_ensemble(tmp_path)


@pytest.mark.parametrize(
    ("key", "said"), [("axisymm = 1", "an axisymmetric run"), ("terrain_flag = .TRUE.", "a run over terrain")]
)
def test_the_namelist_tells_what_older_releases_do_not_write_into_their_files(key, said, tmp_path):
    run(tmp_path / "m0" / "cm1out.nc")
    (tmp_path / "m0" / "namelist.input").write_text(f" &param2\n {key},\n /\n")
    with pytest.raises(UnreadableOutput, match=f"m0: cm1out.nc is of {said}"):
        open_ensemble(tmp_path)


def test_a_folder_with_files_of_several_names_of_which_none_is_read_is_no_run_and_told(tmp_path):
    run(tmp_path / "m0" / "cm1out.nc")
    for name in ("cm1out_truncated.nc", "notes.nc"):
        (tmp_path / "bad").mkdir(exist_ok=True)
        (tmp_path / "bad" / name).write_bytes(b"CDF")
    with pytest.warns(UserWarning, match="bad holds no run"):
        assert open_ensemble(tmp_path).member.values.tolist() == ["m0"]
    report = survey(tmp_path)
    assert report.note[report.member == "bad"].tolist() == ["is no netCDF file"] * 2 and (report.reason == "").all()


def test_a_run_is_read_once_however_many_links_lead_to_it(tmp_path):
    run(tmp_path / "m1" / "cm1out.nc")
    (tmp_path / "a link").symlink_to(tmp_path / "m1")
    (tmp_path / "m1" / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert list(run_files(tmp_path)) == ["m1"]


def test_runs_that_lie_elsewhere_are_read_by_their_links(tmp_path):
    run(tmp_path / "disk" / "m1" / "cm1out.nc", tmp_path / "disk" / "m2" / "cm1out.nc")
    (tmp_path / "chosen").mkdir()
    for name in ("m1", "m2"):
        (tmp_path / "chosen" / name).symlink_to(tmp_path / "disk" / name)
    assert list(run_files(tmp_path / "chosen")) == ["m1", "m2"]
