"""lib.cirrus.cm1.namelist: values are found and changed, and not a byte besides."""

import f90nml
import numpy as np
import pytest

from lib.cirrus.cm1.namelist import namelist_values, number, with_values, written

TEXT = """
 &param0
 nx   = 64,   ! points, e.g. ny = 3 /
 ny=1, NZ = 109,
 terrain_flag = .false.,
 /
text between groups: nx = 7
 &param1
 dx = 100.0   ! no comma
 name = 'a / b, c = 1', other = "it's",
 levels = 1.0, 2.0,
          3.0,
 many = 3*0.5
 weight(2) = 1.5d0,
 dtl = 5
 &end
 &param0
 /
"""


def test_values_are_found_whatever_stands_around_them():
    values = namelist_values(TEXT)
    assert values["param0:nx"] == "64" and values["param0:ny"] == "1" and values["param0:nz"] == "109"
    assert values["param0:terrain_flag"] == ".false."
    assert values["param1:dx"] == "100.0" and values["param1:dtl"] == "5"
    assert values["param1:name"] == "'a / b, c = 1'" and values["param1:other"] == '"it\'s"'
    assert values["param1:levels"].split() == ["1.0,", "2.0,", "3.0"]
    assert len(values) == 11
    assert number(TEXT, "param1:weight(2)") == 1.5 and number(TEXT, "PARAM0:NX") == 64 and number(TEXT, "param0:no", 3) == 3


@pytest.mark.parametrize(
    "address, value, old, new",
    [
        ("param0:nx", 128, "64,   !", "128,   !"),
        ("param0:nx", 128.0, "64,   !", "128,   !"),
        ("param0:ny", 2, "ny=1,", "ny=2,"),
        ("param0:nz", np.int64(5), "NZ = 109", "NZ = 5"),
        ("param0:terrain_flag", True, ".false.", ".true."),
        ("param1:dx", 0.1, "100.0   !", "0.1   !"),
        ("param1:name", "o'k", "'a / b, c = 1'", "'o''k'"),
        ("Param1: Weight(2)", np.float64(2.5e-7), "1.5d0", "2.5e-07"),
        ("param1:dtl", 2.5, "dtl = 5", "dtl = 2.5"),
    ],
)
def test_one_value_changes_and_every_other_byte_stays(address, value, old, new):
    assert TEXT.count(old) == 1
    assert with_values(TEXT, {address: value}) == TEXT.replace(old, new)


def test_many_changes_at_once_and_line_ends_stay():
    text = TEXT.replace("\n", "\r\n")
    changed = with_values(text, {"param1:dtl": 7, "param0:nx": 1000, "param1:dx": 2.0})
    assert changed == text.replace("dtl = 5", "dtl = 7").replace("64,   !", "1000,   !").replace("100.0   !", "2.0   !")
    assert with_values(TEXT, {}) == TEXT


def test_the_namelist_of_a_real_run(shared_data):
    text = (shared_data / "cm1" / "raw" / "m069" / "namelist.input").read_bytes().decode("latin-1")
    assert number(text, "param8:var1") == 0.94944 and number(text, "param1:timax") == 7200
    assert namelist_values(text)["nssl2mom_params:alphahl"] == "0.5"
    assert with_values(text, {"param8:var1": 0.94944, "param8:var2": 75.693, "param2:ptype": 50}) == text
    assert with_values(text, {"param8:var1": 1.25}) == text.replace("var1      =   0.94944,", "var1      =   1.25,")


@pytest.mark.parametrize(
    "address, sentence",
    [
        ("param0:dx", "The namelist has no param0:dx"),
        ("param9:nx", "The namelist has no param9:nx"),
        ("nx", "The namelist has no nx"),
        ("param1:levels", "param1:levels holds more than one value: 1.0, 2.0, 3.0"),
        ("param1:many", "param1:many holds more than one value"),
    ],
)
def test_a_key_that_is_not_there_or_is_a_list_is_refused(address, sentence):
    with pytest.raises(ValueError, match=sentence):
        with_values(TEXT, {address: 1})


def test_a_key_given_twice_and_a_group_without_end_are_refused():
    with pytest.raises(ValueError, match="The namelist has p:a 2 times"):
        with_values("&p\n a = 1\n a = 2\n/\n", {"p:a": 3})
    with pytest.raises(ValueError, match="Group p of the namelist has no end"):
        namelist_values("&p\n a = 1\n")
    with pytest.raises(ValueError, match="p:a is no number but 'many'"):
        number("&p\n a = many\n/\n", "p:a")


def test_values_are_written_for_fortran():
    values = (True, np.bool_(False), 3, 1e-7, np.float32(0.5), "x")
    assert [written(value) for value in values] == [".true.", ".false.", "3", "1e-07", "0.5", "'x'"]


def test_f90nml_would_add_a_key_that_cm1_does_not_know(tmp_path):
    """Why this project has a reader of its own."""
    (tmp_path / "namelist.input").write_text(TEXT)
    f90nml.patch(tmp_path / "namelist.input", {"param0": {"unknown": 3}}, tmp_path / "patched.input")
    assert "unknown = 3" in (tmp_path / "patched.input").read_text()
    with pytest.raises(ValueError, match="The namelist has no param0:unknown"):
        with_values(TEXT, {"param0:unknown": 3})
