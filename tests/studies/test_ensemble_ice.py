"""lib.studies.ensemble_ice: what is said of the ice of an ensemble before it is looked at."""

import numpy as np
import pytest
import xarray as xr

from lib.studies.ensemble_ice import cloud_ice_share, ice_remark, members_by_ice


def ensemble(q_i, total=None):
    """An ensemble whose members have so much cloud ice, and so much of all ice, in one of two cells."""
    cells = {"q_i": np.array([[0 * value, value] for value in q_i])}
    cells |= {} if total is None else {"q_i_total": np.array([[0 * value, value] for value in total])}
    members = [f"m{number}" for number in range(len(q_i))]
    return xr.Dataset({name: (("member", "x"), values) for name, values in cells.items()}, {"member": members})


def test_members_are_told_apart_by_their_ice():
    found = members_by_ice(ensemble([0, 5e-8, 1e-5, np.nan], [0, 5e-8, 1e-5, np.nan]))
    assert found == {"none": ["m0"], "little": ["m1"], "enough": ["m2"], "unknown": ["m3"]}
    assert members_by_ice(ensemble([0, 1e-5])) == {"none": ["m0"], "little": [], "enough": ["m1"], "unknown": []}
    assert members_by_ice(ensemble([0.0], [1e-5]))["little"] == ["m0"]  # all of its ice is snow


def test_the_share_of_cloud_ice_is_that_of_each_member_of_which_all_is_known():
    share = cloud_ice_share(ensemble([1e-5, 3e-5, 1e-5, 0.0], [4e-5, 4e-5, np.nan, 0.0]))
    np.testing.assert_allclose(share, [0.25, 0.75, np.nan, np.nan])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("q_i", "total", "sentence"),
    [
        ([1e-5, 2e-5], [1e-5, 2e-5], "Members with ice: 2 of 2. All of the ice is in q_i."),
        ([1e-5, 0], [1e-5, 0], "Members with ice: 1 of 2. Without ice: m1. All of the ice is in q_i."),
        ([0.0], [0.0], "Members with ice: 0 of 1. Without ice: m0."),
        ([1e-6], [1e-5], "Members with ice: 1 of 1. Cloud ice, q_i, is 10 % of all ice, q_i_total, of a member."),
        (
            [1e-6, 5e-6, 0],
            [1e-5, 5e-6, 0],
            "Members with ice: 2 of 3. Without ice: m2. Cloud ice, q_i, is 10 to 100 % of all ice, q_i_total, of a member.",
        ),
        ([np.nan, 1e-5], [np.nan, 1e-5], "Members with ice: 1 of 2. Without output at this time: m0. All of the ice is in q_i."),
        ([0.0] * 7, [0.0] * 7, "Members with ice: 0 of 7. Without ice: m0, m1, m2, m3, m4 and 2 more."),
    ],
)
def test_the_remark_says_who_has_ice_and_what_is_in_it(q_i, total, sentence):
    assert ice_remark(ensemble(np.array(q_i, float), np.array(total, float))) == sentence


def test_the_remark_names_categories_that_the_files_have_not():
    ice = ensemble([1e-5, 1e-5], [1e-5, np.nan]).assign_attrs(without="m1: qs, qg")
    assert ice_remark(ice).endswith("Categories of ice that the scheme has and the files have not: m1: qs, qg.")
