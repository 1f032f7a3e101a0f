"""Advection of stacked fields by PyMPDATA (Bartman et al. 2022, doi:10.21105/joss.03896): MPDATA with one corrective step.

PyMPDATA's own `Solver` takes half a minute to compile, in every process anew: numba cannot keep functions that are handed other
functions, as the boundary conditions are there. So its formulae are called here in the order of its `Stepper`, halos are filled
by two functions of our own, and all of it is one function of arrays, which numba keeps on disk. No other module touches what
PyMPDATA does not document; its version is pinned.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from PyMPDATA import Options
from PyMPDATA.impl.formulae_antidiff import make_antidiff
from PyMPDATA.impl.formulae_flux import make_flux_first_pass, make_flux_subsequent
from PyMPDATA.impl.formulae_upwind import make_upwind
from PyMPDATA.impl.grid import make_chunk, make_domain
from PyMPDATA.impl.indexers import make_indexers
from PyMPDATA.impl.meta import META_HALO_VALID, META_IS_NULL, make_meta
from PyMPDATA.impl.traversals_scalar import _make_apply_scalar
from PyMPDATA.impl.traversals_vector import _make_apply_vector

from lib.cirrus.kinematic.ice import compiled


class _AsWritten(Options):
    """Options of PyMPDATA that leave compilers no freedom to reorder arithmetic, so that the last digits are always the same."""

    @property
    def jit_flags(self):
        """What PyMPDATA tells numba."""
        flags = super().jit_flags
        return type(flags)(flags | {"fastmath": False, "forceinline": True})  # inlined, no function is an argument any more


@compiled
def _fill_cell_halo(thread, state, values, functions, buffer):
    """Continue a field on cells beyond its sides: periodic along the first axis, 0 beyond the ends of the second."""
    if not state[META_HALO_VALID]:
        values[0], values[-1] = values[-2], values[1]
        values[:, 0] = values[:, -1] = 0.0


@compiled
def _fill_face_halo(thread, state, components, functions, buffer):
    """The same for a field on faces, whose `components` are across, nothing, and up."""
    if not state[META_HALO_VALID]:
        across, _, up = components
        across[:, 0] = across[:, -1] = 0.0
        up[0], up[-1] = up[-2], up[1]


class _Traversals:
    """What PyMPDATA's formulae want to know of a grid of two axes whose lengths are known at run time."""

    n_dims = 2

    def __init__(self, options: Options):
        flags, size = options.jit_flags, (-1, 0, -1)
        self.indexers = make_indexers(flags)
        self._kinds = {
            "jit_flags": flags, "halo": options.n_halo, "n_dims": self.n_dims, "indexers": self.indexers, "n_threads": 1,
            "spanner": make_domain(size, flags), "chunker": make_chunk(size[0], 1, flags),
            "boundary_cond_vector": _fill_face_halo, "boundary_cond_scalar": _fill_cell_halo,
        }  # fmt: skip

    def apply_scalar(self, *, loop: bool):
        """A function that applies a formula to all cells."""
        return _make_apply_scalar(loop=loop, **self._kinds)

    def apply_vector(self):
        """A function that applies a formula to all faces."""
        return _make_apply_vector(**self._kinds)


_OPTIONS = _AsWritten(n_iters=2)
_first_flux, _next_flux = (make(_OPTIONS, _Traversals(_OPTIONS)) for make in (make_flux_first_pass, make_flux_subsequent))
_antidiffusion = make_antidiff(True, _OPTIONS, _Traversals(_OPTIONS), last_pass=True)
_upwind = make_upwind(_OPTIONS, True, _Traversals(_OPTIONS))


class _Field(NamedTuple):
    """A field as PyMPDATA takes it: its state and values, and what fills its halo (nothing here)."""

    field: tuple
    bc: int


class _Rest(NamedTuple):
    """What PyMPDATA's formulae are handed beside fields: a field that is not used, and a buffer."""

    null_scalar_field: tuple
    buffer: np.ndarray


class _Grid(NamedTuple):
    """Arrays of PyMPDATA, with a halo of one cell, and what it notes of them.

    Attributes
    ----------
    cells, density : what is moved, and the density of the air [kg m-3], (n_columns + 2, n_rows + 2)
    courant : Courant numbers times density across (n_columns + 1, n_rows + 2) and up (n_columns + 2, n_rows + 1) [kg m-3]
    first, second : the fluxes of the two passes, as `courant`
    states : of the five, in their order
    """

    cells: np.ndarray
    density: np.ndarray
    courant: tuple[np.ndarray, np.ndarray]
    first: tuple[np.ndarray, np.ndarray]
    second: tuple[np.ndarray, np.ndarray]
    states: tuple[np.ndarray, ...]


@compiled
def _advect(grid):
    """Move the fields of a grid by one time step: donor cells, then one antidiffusive correction.

    Smolarkiewicz & Margolin 1998, doi:10.1006/jcph.1998.5901, without limiter; as PyMPDATA's `Stepper` with two iterations. The
    Courant numbers may have been changed since the last step.
    """
    unused, state = np.empty((0, 0)), np.zeros(5, np.int64)
    state[META_HALO_VALID] = state[META_IS_NULL] = 1
    rest = _Rest(((state, unused), 0), np.empty(0))
    cells, density = _Field((grid.states[0], grid.cells), 0), _Field((grid.states[1], grid.density), 0)
    courant = _Field((grid.states[2], grid.courant[0], unused, grid.courant[1]), 0)
    first = _Field((grid.states[3], grid.first[0], unused, grid.first[1]), 0)
    second = _Field((grid.states[4], grid.second[0], unused, grid.second[1]), 0)
    grid.states[0][META_HALO_VALID] = grid.states[2][META_HALO_VALID] = 0
    _first_flux(rest, first, courant, cells)
    _upwind(rest, cells, first, density)
    _antidiffusion(rest, first, cells, courant, density)
    _next_flux(rest, second, cells, first)
    _upwind(rest, cells, second, density)


class Faces(NamedTuple):
    """Courant numbers times density [kg m-3] on the faces of all stacked fields.

    Attributes
    ----------
    across : of the faces between columns, (nx + 1, n_fields, nz + 2)
    up : of the bottom of each cell, (nx, n_fields, nz + 2); 0 at the bottom of the lowest and the top of the highest
    """

    across: np.ndarray
    up: np.ndarray


class Advection:
    """Advection of several fields, periodic in x and closed at bottom and top.

    All fields are stacked into one tall column with rows of still air between them, so that one call moves them all.

    Attributes
    ----------
    padded : the fields with a row below and one above each, (nx, n_fields, nz + 2); 0 at first
    faces : Courant numbers times density on the faces, which `lib.cirrus.kinematic.flow.set_flow` fills; 0 at first
    """

    def __init__(self, density: np.ndarray, nx: int, n_fields: int):
        """`density` is that of the air (nz,) [kg m-3]."""
        stacked = np.tile(np.pad(density, 1, mode="edge"), (nx, n_fields))
        n_rows = stacked.shape[1]
        faces = [(np.zeros((nx + 1, n_rows + 2)), np.zeros((nx + 2, n_rows + 1))) for _ in range(3)]
        states = tuple(make_meta(False, stacked.shape) for _ in range(5))
        self._grid = _Grid(np.zeros((nx + 2, n_rows + 2)), np.pad(stacked, 1), *faces, states)
        across, up = self._grid.courant
        self.padded = _split(self._grid.cells[1:-1, 1:-1], n_fields)
        self.faces = Faces(_split(across[:, 1:-1], n_fields), _split(up[1:-1, :-1], n_fields))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)  # of PyMPDATA's tuples of functions
            compile_for(_advect, self._grid)

    def step(self) -> None:
        """Move the fields by one time step."""
        _advect(self._grid)


def compile_for(function, *arguments) -> None:
    """Compile a function for arguments of these types, unless numba is told to interpret (``NUMBA_DISABLE_JIT``)."""
    if not numba.config.DISABLE_JIT:
        function.compile(tuple(map(numba.typeof, arguments)))


def _split(stacked: np.ndarray, n_fields: int) -> np.ndarray:
    """View (n, n_fields, rows) of stacked fields (n, n_fields * rows)."""
    rows = stacked.shape[1] // n_fields
    return np.lib.stride_tricks.as_strided(
        stacked, (len(stacked), n_fields, rows), (stacked.strides[0], rows * stacked.strides[1], stacked.strides[1])
    )


@compiled
def pad(fields):
    """Continue each field evenly into the row below and the row above it; `fields` (nx, n_fields, nz + 2)."""
    fields[:, :, 0] = fields[:, :, 1]
    fields[:, :, -1] = fields[:, :, -2]
