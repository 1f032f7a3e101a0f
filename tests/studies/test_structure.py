"""lib.studies.structure: which simulations are compared with which."""

import numpy as np
import pytest
import xarray as xr

from lib.cirrus.kinematic.simulation import Comparison
from lib.studies.structure import ENSEMBLE, case_rows, clouds, compared_pairs, nearest_pairs

SCHEMES = ["bulk", "bins", "lagrangian"]


def ice(first, n):
    """Members (n) of two times with one cell, whose q_i counts up from `first`."""
    values = np.repeat(np.arange(first, first + n, dtype=float), 2).reshape(n, 2, 1, 1)
    fields = {name: (("member", "time", "z", "x"), values) for name in ("q_i", "m_i", "rho_i", "n_i")}
    return xr.Dataset(fields, {"member": np.arange(n), "cpu_seconds": ("member", np.ones(n))})


@pytest.fixture(scope="module")
def simulated():
    """Three members of the ensemble (0 to 2), two cases in each scheme (10, 20, 30), two seeds and flows, and finer (90)."""
    schemes = {name: ice(10 * (k + 1), 2) for k, name in enumerate(SCHEMES)}
    seeds, flows = ({name: ice(first + 5 * k, 2) for k, name in enumerate(["bulk", "lagrangian"])} for first in (40, 60))
    return clouds(Comparison(ice(0, 3), schemes, seeds, flows, ice(90, 1)))


def values(simulated, rows):
    return simulated.ensemble.q_i.to_numpy()[rows, 0, 0, 0].astype(int).tolist()


def test_all_members_stand_in_one_ensemble_without_the_first_time(simulated):
    assert dict(simulated.ensemble.sizes) == {"member": 3 + 1 + 2 + 2 + 4 + 4 + 1, "time": 1, "z": 1, "x": 1}
    assert values(simulated, simulated.rows("bulk")) == [10]  # the other is a member of the ensemble
    assert values(simulated, simulated.rows("lagrangian")) == [30, 31]
    assert values(simulated, simulated.rows("lagrangian, other flows")) == [65, 66]


def test_the_compared_case_is_held_out_in_every_form(simulated):
    assert values(simulated, case_rows(simulated, SCHEMES)) == [10, 20, 30, 40, 41, 45, 46, 60, 61, 65, 66, 90]


def test_pairs_differ_in_one_thing(simulated):
    pairs = {what: [values(simulated, rows) for rows in pair] for what, pair in compared_pairs(simulated, SCHEMES).items()}
    assert pairs["bulk, two seeds"] == [[10], [40, 41]] and pairs["lagrangian, two flows"] == [[30], [65, 66]]
    assert pairs["bulk and bins"] == [[10], [20]] and pairs["bins and lagrangian"] == [[20], [30]]
    assert pairs["bulk and lagrangian, more particles"] == [[10], [90]]


def test_the_nearest_member_is_never_the_member_itself(simulated):
    rows, nearest = nearest_pairs(simulated, np.array([[0.0], [0.1], [1.0]]))
    assert rows.tolist() == simulated.rows(ENSEMBLE).tolist() and nearest.tolist() == rows[[1, 0, 1]].tolist()
