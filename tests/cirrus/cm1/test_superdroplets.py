"""lib.cirrus.cm1.superdroplets: ASCII output as a ragged array, and its sums over the cells of a grid."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from lib.cirrus.cm1.file import UnreadableOutput
from lib.cirrus.cm1.superdroplets import (
    COLUMNS,
    gridded,
    particle_mass_kg,
    read_superdroplets,
    superdroplet_fields,
    superdroplet_files,
)
from lib.cirrus.schema import VARIABLES

HEADER = " x[m] y[m] z[m] vz[m] radius(droplet)[m] mass_of_aerosol radius_eq(ice)[m] radius_pol(ice)[m] density rhod ...\n"
Z_EDGES, X_EDGES, Y = np.linspace(9000, 10000, 6), np.linspace(0, 400, 5), (0.0, 100.0)


def row(
    x=50.0, y=50.0, z=9100.0, v_z=0.3, r_eq=2e-5, r_pol=1e-5, density=450.0, multiplicity=1e10, status="ICE", number=1, **text
):
    values = [x, y, z, v_z, 1e-6, 1e-15, r_eq, r_pol, density, 300.0, multiplicity, status, number, 0.0, 1, 1000 + number]
    words = [f"{value:.9E}" if isinstance(value, float) else str(value) for value in values]
    for name, word in text.items():
        words[list(COLUMNS).index(name)] = word
    return "  ".join(words) + "\n"


def write(folder, time, processor, rows):
    folder.mkdir(exist_ok=True)
    (folder / f"SD_output_ASCII_{time:05}.pe{processor:06}").write_text(HEADER + "".join(rows))


@pytest.fixture
def folder(tmp_path):
    """Two times, two processors: one particle crosses from one to the other, one is liquid, one processor has none."""
    write(tmp_path / "sd", 5100, 0, [row(number=1), row(x=150.0, number=2), row(x=160.0, number=3, status="LIQ")])
    write(tmp_path / "sd", 5100, 1, [row(x=250.0, z=9500.0, number=4)])
    write(tmp_path / "sd", 5130, 0, [])
    write(tmp_path / "sd", 5130, 1, [row(number=1), row(number=2, z=-999.999), row(x=250.0, z=9900.0, number=4)])
    (tmp_path / "sd" / "SD_output_ASCII_readme.txt").write_text("not one of them\n")
    return tmp_path / "sd"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Many random particles, the rows of four processors."""
    random = np.random.default_rng(3)
    columns = {
        "x": random.uniform(0, 400, 800),
        "y": random.uniform(0, 100, 800),
        "z": random.uniform(9000, 10000, 800),
        "v_z": random.uniform(0.1, 0.9, 800),
        "r_eq": random.lognormal(np.log(2e-5), 0.4, 800),
        "r_pol": random.lognormal(np.log(1e-5), 0.4, 800),
        "density": random.uniform(120, 600, 800),
        "multiplicity": random.lognormal(np.log(1e10), 0.5, 800),
    }
    rows = [row(**{name: float(values[k]) for name, values in columns.items()}, number=k) for k in range(800)]
    folder = tmp_path_factory.mktemp("crowd")
    for processor in range(4):
        write(folder, 5100, processor, rows[processor::4])
    return folder


# --- reading ------------------------------------------------------------------------------------------------------------


def test_files_are_found_by_time_and_processor(folder):
    files = superdroplet_files(folder)
    assert list(files) == [5100.0, 5130.0] and [len(part) for part in files.values()] == [2, 2]


def test_superdroplets_are_a_contiguous_ragged_array(folder):
    droplets = read_superdroplets(folder)
    assert droplets.row_size.values.tolist() == [4, 2] and droplets.row_size.sample_dimension == "superdroplet"
    assert droplets.sizes == {"time": 2, "superdroplet": 6}
    assert list(droplets) == ["row_size", *COLUMNS] and len(COLUMNS) == 16
    assert droplets.id.values.tolist() == [1001, 1002, 1003, 1004, 1001, 1004]
    assert droplets.status.values.tolist() == ["ICE", "ICE", "LIQ", "ICE", "ICE", "ICE"]
    assert droplets.multiplicity.dtype == float and droplets.radius_eq.units == "m"
    assert all(droplets[name].long_name for name in droplets)


def test_what_left_a_processor_is_dropped_so_that_no_id_is_there_twice(folder):
    at_5130 = read_superdroplets(folder, [5130])
    assert (at_5130.z > 0).all() and at_5130.id.values.tolist() == [1001, 1004]


def test_some_times_can_be_chosen(folder):
    assert read_superdroplets(folder, [5130]).time.values.tolist() == [5130.0]
    with pytest.raises(UnreadableOutput, match="There are no superdroplets at 5115 s in"):
        read_superdroplets(folder, [5100, 5115])


def test_numbers_in_the_forms_of_fortran_are_read(tmp_path):
    write(tmp_path / "sd", 1, 0, [row(rime_mass="0.12345-104", radius_eq="2.5D-05"), row(rime_mass="-1.5+101")])
    droplets = read_superdroplets(tmp_path / "sd")
    np.testing.assert_allclose(droplets.rime_mass, [0.12345e-104, -1.5e101])
    np.testing.assert_allclose(droplets.radius_eq, [2.5e-5, 2e-5])


def test_it_survives_a_round_trip_through_zarr(folder, tmp_path):
    droplets = read_superdroplets(folder)
    droplets.to_zarr(tmp_path / "sd.zarr", zarr_format=2)
    with xr.open_zarr(tmp_path / "sd.zarr") as again:
        xr.testing.assert_equal(again.load(), droplets)


BAD = {
    "cut in a line": (HEADER + row() + row()[:120], "SD_output_ASCII_05100.pe000007 is cut short"),
    "short line": (HEADER + row() + row()[:120] + "\n", "SD_output_ASCII_05100.pe000007 has a line with fewer than 16 columns"),
    "overflow": (HEADER + row(v_z="*******"), r"SD_output_ASCII_05100.pe000007 holds what is no number: .*\*\*\*"),
    "fifteen columns": (HEADER + row().rsplit("  ", 1)[0] + "\n", "has 15 columns, not 16"),
    "seventeen in one line": (HEADER + row() + row().replace("\n", " 1\n"), "cannot be read"),
    "NaN": (HEADER + row(v_z="NaN"), "or with NaN"),
    "nothing": ("", "is cut short"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named(case, folder):
    content, sentence = BAD[case]
    (folder / "SD_output_ASCII_05100.pe000007").write_text(content)
    with pytest.raises(UnreadableOutput, match=sentence):
        read_superdroplets(folder)


def test_a_folder_without_superdroplets_is_refused(tmp_path):
    with pytest.raises(UnreadableOutput, match="There is no file SD_output_ASCII_TTTTT.peNNNNNN in"):
        superdroplet_fields(tmp_path, Z_EDGES, X_EDGES, Y, 0.4)


# --- gridding -----------------------------------------------------------------------------------------------------------


def test_the_mass_of_a_sphere_and_of_a_plate(folder):
    sphere = xr.Dataset({"radius_eq": 1e-5, "radius_pol": 1e-5, "density": 900.0})
    np.testing.assert_allclose(particle_mass_kg(sphere), 900 * 4 / 3 * np.pi * 1e-15)
    plate = sphere.assign(radius_pol=1e-6)
    np.testing.assert_allclose(particle_mass_kg(plate) / particle_mass_kg(sphere), 0.1)


def test_one_superdroplet_gives_its_own_values_in_its_own_cell(tmp_path):
    write(tmp_path / "sd", 1, 0, [row(x=150.0, z=9300.0, v_z=0.4, density=500.0)])
    fields = gridded(read_superdroplets(tmp_path / "sd"), Z_EDGES, X_EDGES, Y, 0.4)
    air_kg = 0.4 * 200 * 100 * 100
    mass = 500 * 4 / 3 * np.pi * 4e-10 * 1e-5
    expected = {"q_i": 1e10 * mass / air_kg, "n_i": 1e10 / air_kg, "m_i": mass, "v_m": 0.4, "rho_i": 500.0}
    for name, value in expected.items():
        assert np.argwhere(fields[name]).tolist() == [[1, 1]]
        np.testing.assert_allclose(fields[name][1, 1], value)


def test_fall_speed_and_density_are_weighted_by_mass(tmp_path):
    light, heavy = row(r_eq=1e-5, v_z=0.1, density=300.0), row(r_eq=2e-5, v_z=0.5, density=600.0, multiplicity=2e10)
    write(tmp_path / "sd", 1, 0, [light, heavy])
    fields = gridded(read_superdroplets(tmp_path / "sd"), Z_EDGES, X_EDGES, Y, 0.4)
    weight = 2 * 4 * 600 / 300  # multiplicity, area, density of the heavy ones over the light ones
    np.testing.assert_allclose(fields["v_m"][0, 0], (0.1 + weight * 0.5) / (1 + weight))
    np.testing.assert_allclose(fields["rho_i"][0, 0], (300 + weight * 600) / (1 + weight))


def test_mass_and_number_are_conserved_whatever_the_air_and_the_grid(crowd):
    droplets = read_superdroplets(crowd)
    for z_edges, x_edges in ((Z_EDGES, X_EDGES), (np.array([9000, 9050, 9900, 10000.0]), np.array([0, 10, 400.0]))):
        air = np.exp(-np.linspace(0, 1, len(z_edges) - 1))[:, None]
        fields = gridded(droplets, z_edges, x_edges, Y, air)
        air_kg = air * np.outer(np.diff(z_edges), np.diff(x_edges)) * 100
        np.testing.assert_allclose((fields["n_i"] * air_kg).sum(), droplets.multiplicity.sum(), rtol=1e-12)
        mass = (droplets.multiplicity * particle_mass_kg(droplets)).sum()
        np.testing.assert_allclose((fields["q_i"] * air_kg).sum(), mass, rtol=1e-12)
        np.testing.assert_allclose(fields["n_i"] * fields["m_i"], fields["q_i"], rtol=1e-12)


def test_halving_the_slab_halves_nothing_but_its_content(crowd):
    whole = gridded(read_superdroplets(crowd), Z_EDGES, X_EDGES, Y, 0.4)
    halves = [gridded(read_superdroplets(crowd), Z_EDGES, X_EDGES, part, 0.4) for part in ((0, 50), (50, 100))]
    np.testing.assert_allclose(whole["q_i"], (halves[0]["q_i"] + halves[1]["q_i"]) / 2, rtol=1e-12)


def test_liquid_and_what_is_outside_do_not_count(folder):
    at_5100 = read_superdroplets(folder, [5100])
    fields = gridded(at_5100, Z_EDGES, X_EDGES, Y, 0.4)
    assert np.argwhere(fields["n_i"]).tolist() == [[0, 0], [0, 1], [2, 2]]
    assert np.argwhere(gridded(at_5100, Z_EDGES[:2], X_EDGES[:2], Y, 0.4)["n_i"]).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="gridded at one time, not at 2"):
        gridded(read_superdroplets(folder), Z_EDGES, X_EDGES, Y, 0.4)


def test_a_run_is_gridded_into_the_schema_one_time_after_the_other(folder, monkeypatch):
    fields = superdroplet_fields(folder, Z_EDGES, X_EDGES, Y, 0.4)
    assert fields.q_i.dims == ("member", "time", "z", "x") and fields.q_i.shape == (1, 2, 5, 4)
    assert list(fields) == list(VARIABLES) and fields.member.values.tolist() == ["sd"]
    assert fields.z.values.tolist() == [9100, 9300, 9500, 9700, 9900] and fields.x.values.tolist() == [50, 150, 250, 350]
    assert isinstance(fields.q_i.data, da.Array) and fields.q_i.chunks[1] == (1, 1)
    expected = gridded(read_superdroplets(folder, [5130]), Z_EDGES, X_EDGES, Y, 0.4)
    np.testing.assert_allclose(fields.v_m.isel(member=0, time=1), expected["v_m"], rtol=1e-6)
    for file in superdroplet_files(folder)[5100.0]:
        file.unlink()  # the other time does not need them
    assert fields.n_i.isel(time=1).sum().compute() > 0


def test_numbers_of_superdroplets_are_whole_however_large(tmp_path):
    write(tmp_path / "sd", 300, 0, [row(number=1, id="9007199254740993"), row(number=2, id="9007199254740992")])
    assert read_superdroplets(tmp_path / "sd").id.values.tolist() == [9007199254740993, 9007199254740992]


def test_the_phase_may_be_in_lower_case(tmp_path):
    write(tmp_path / "sd", 300, 0, [row(status="ice"), row(number=2, status="liq")])
    assert read_superdroplets(tmp_path / "sd").status.values.tolist() == ["ICE", "LIQ"]


def test_infinite_numbers_are_refused(tmp_path):
    write(tmp_path / "sd", 300, 0, [row(multiplicity="Infinity")])
    with pytest.raises(UnreadableOutput, match=r"SD_output_ASCII_00300\.pe000000 has an infinite multiplicity\.$"):
        read_superdroplets(tmp_path / "sd")


def test_a_file_without_a_header_loses_no_superdroplet(tmp_path):
    write(tmp_path / "sd", 300, 0, [row(number=1, id="1"), row(number=2, id="2")])
    (file,) = (tmp_path / "sd").iterdir()
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    assert read_superdroplets(tmp_path / "sd").id.values.tolist() == [1, 2]
