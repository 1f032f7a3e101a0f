"""The data set: pictures of many rosettes, their descriptors and their 3-D truth, built once as a Zarr store."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import dask.array
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from lib.core.cache import cached
from lib.core.seeds import generator
from lib.core.stores import build_store
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import ROSETTE_MODELS, Rosette, sample
from lib.crystals.solid import Targets, booleans_on_one_thread, targets
from lib.imaging.draw.silhouette import SIZE, silhouettes
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, describe

#: Raised whenever the same description would give other bytes, so that older stores are not found again.
LAYOUT = 4
#: What is learned of a crystal: its values, and the number that is a class.
TARGETS = ("rho_e", "a_e")
LABEL = "n_bullets"
#: What `bullets` says of each: its axis, and fields of `lib.crystals.rosette.Rosette`.
MEASURES = ("axis_x", "axis_y", "axis_z", "basal_um", "prism_um", "pyramid_um", "tip_um", "roll", "hollow")
#: Crystals in one task of the build, and in one chunk of the pictures.
BLOCK, CHUNK = 32, 8

#: Variable -> unit and long name; {} stands for the unit of length of the rosette model.
VARIABLES = {
    "silhouette": ("0.25 pixel", "how many of the pixel's four sub-samples lie inside the silhouette"),
    "descriptors": ("see definition", "shape descriptors of the silhouette"),
    "pixel_um": ("{}", "side of a pixel"),
    "origin_px": ("pixel", "x and y of the crystal's origin, from which its bullets grow, from the picture's upper left corner"),
    "rotation": ("1", "rotation matrix of the crystal before the default view"),
    "n_bullets": ("1", "number of bullets"),
    "base": ("{} or 1", "base parameters of the rosette model"),
    "bullets": ("{}, rad or 1", "axis and measures of each bullet, NaN beyond the last; see lib.crystals.rosette.Rosette"),
    "sphere": ("{}", "radius of the centre sphere"),
    "volume": ("{}^3", "volume of the crystal"),
    "area": ("{}^2", "surface area of the crystal"),
    "radius": ("{}", "radius of the minimum bounding sphere"),
    "rho_e": ("1", "effective density: volume over that of the bounding sphere"),
    "a_e": ("1", "effective surface area: surface area over that of the bounding sphere"),
    "angle_deg": ("degree", "turn of the crystal relative to the default view"),
}


@dataclass(frozen=True)
class Views:
    """What a data set holds: every byte follows from these values.

    Attributes
    ----------
    n_crystals, n_orientations : how many crystals, and in how many random orientations each is seen
    angles_deg : views of each orientation, as turns of the crystal [deg]: 0 is the default view, 90 2D-S, 120 PHIPS
    seed : the same seed gives the same data set
    size : side of the square pictures [pixels]
    pixel_um : side of a pixel [um]; None fits each picture to its crystal, as published
    model, hollow : see `lib.crystals.rosette.sample`
    extended : also compute the rotation-invariant descriptors
    pictures : keep the silhouettes
    """

    n_crystals: int
    n_orientations: int
    angles_deg: tuple[float, ...] = (0.0, 90.0, 120.0)
    seed: int = 0
    size: int = SIZE
    pixel_um: float | None = None
    model: str = "2025"
    hollow: float = 0.0
    extended: bool = False
    pictures: bool = True

    def __post_init__(self):
        for name in ("n_crystals", "n_orientations", "size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if not self.angles_deg:
            raise ValueError("angles_deg: expected at least one view")
        if self.model not in ROSETTE_MODELS:
            raise ValueError(f"model: expected one of {', '.join(ROSETTE_MODELS)}, got {self.model!r}")
        object.__setattr__(self, "angles_deg", tuple(float(angle) for angle in self.angles_deg))

    @property
    def descriptors(self) -> dict[str, str]:
        """Name -> definition of the descriptors in the data set."""
        return PUBLISHED | EXTENDED if self.extended else PUBLISHED


def rosette_views(views: Views, scheduler: str = "processes", workers: int | None = None) -> xr.Dataset:
    """The data set that `views` describes, opened lazily; built first, with a progress bar, where it is not in the cache.

    A build that was broken off goes on where it was. The bytes do not depend on `scheduler` or `workers`.

    Parameters
    ----------
    scheduler : "threads", "processes", "synchronous", or the address of a Dask scheduler ("tcp://host:port") whose
        workers see the cache folder
    workers : number of local threads or processes; None is one a core

    Returns
    -------
    Dataset with dimensions crystal, orientation, view, y, x and descriptor: `silhouette` (how many of a pixel's four
    sub-samples are inside), `descriptors` (NaN where a picture can't be described), `pixel_um`, `origin_px`, `rotation`, and per
    crystal `n_bullets`, the model's `base` parameters, its `bullets` and centre `sphere`, `volume`, `area`, `radius`, `rho_e`
    and `a_e`.
    """
    folder = cached("rosettes", asdict(views) | {"layout": LAYOUT}, lambda part: build(part, views, scheduler, workers))
    return xr.open_zarr(folder / "data.zarr", chunks={"crystal": BLOCK})


def build(part: Path, views: Views, scheduler: str = "processes", workers: int | None = None) -> None:
    """Fill the folder `part` with data.zarr, block by block; blocks that an earlier try finished are left alone."""
    task = functools.partial(_build_block, views)
    build_store(part, views.n_crystals, BLOCK, lambda: _template(views), task, f"{views.n_crystals} rosettes", scheduler, workers)


def _build_block(views: Views, store: str, start: int) -> None:
    """Compute the crystals from `start` on and write them to the store."""
    group = zarr.open_group(store, mode="r+")
    stop = min(start + BLOCK, views.n_crystals)
    buffer = _pictures(views, CHUNK)
    measured = []
    with zarr.config.set({"array.write_empty_chunks": True}):  # looking for empty chunks costs more than writing them
        for first in range(start, stop, CHUNK):
            rows = range(first, min(first + CHUNK, stop))
            measured.append(_draw_and_measure(views, rows, buffer[: len(rows)]))
            if views.pictures:
                group["silhouette"][rows.start : rows.stop] = buffer[: len(rows)]
        for name, variable in xr.concat(measured, "crystal").items():
            group[name][start:stop] = variable.to_numpy()


def _pictures(views: Views, n_crystals: int) -> np.ndarray:
    """Room for the pictures of some crystals (crystal, orientation, view, y, x)."""
    return np.zeros((n_crystals, views.n_orientations, len(views.angles_deg), views.size, views.size), np.uint8)


def _draw_and_measure(views: Views, rows: range, pictures: np.ndarray) -> xr.Dataset:
    """Draw the crystals `rows` into `pictures`; returns all other variables of the data set for them."""
    cv2.setNumThreads(1)  # the blocks are parallel already
    booleans_on_one_thread()
    crystals = sample(views.n_crystals, views.seed, views.model, views.hollow, rows=rows)
    rotation = np.stack(
        [random_orientations(views.n_orientations, generator(views.seed, "rosettes", "orientation", i)) for i in rows]
    )
    pixel_um = np.empty(pictures.shape[:2])
    origin_px = np.empty((*pictures.shape[:3], 2), np.float32)
    described = np.empty((*pictures.shape[:3], len(views.descriptors)), np.float32)
    truth = []
    for i, solid in enumerate(crystal.solid() for crystal in crystals):
        drawn = silhouettes(solid, rotation[i], views.angles_deg, views.size, views.pixel_um, out=pictures[i])
        pixel_um[i], origin_px[i] = drawn.pixel_um, drawn.origin_px
        values = describe(pictures[i].reshape(-1, views.size, views.size), views.extended).values
        described[i] = values.reshape(described.shape[1:])
        truth.append(targets(solid))
    return xr.Dataset(
        {
            "descriptors": (("crystal", "orientation", "view", "descriptor"), described),
            "pixel_um": (("crystal", "orientation"), pixel_um),
            "origin_px": (("crystal", "orientation", "view", "xy"), origin_px),
            "rotation": (("crystal", "orientation", "row", "column"), rotation),
            "n_bullets": ("crystal", np.array([crystal.n_bullets for crystal in crystals], np.int8)),
            "base": (("crystal", "parameter"), np.array([list(crystal.base.values()) for crystal in crystals])),
            "bullets": (("crystal", "bullet", "measure"), _bullets(crystals, max(ROSETTE_MODELS[views.model].bullets))),
            "sphere": ("crystal", np.array([crystal.sphere_um for crystal in crystals])),
            **{name: ("crystal", values) for name, values in zip(Targets._fields, np.array(truth).T, strict=True)},
        }
    )


def _bullets(crystals: list[Rosette], most: int) -> np.ndarray:
    """The `MEASURES` of all bullets (crystal, most, 9), NaN beyond the last of a crystal."""
    padded = np.full((len(crystals), most, len(MEASURES)), np.nan)
    for own, crystal in zip(padded, crystals, strict=True):
        own[: crystal.n_bullets] = np.column_stack([crystal.directions, *(getattr(crystal, name) for name in MEASURES[3:])])
    return padded


def crystals_of(data: xr.Dataset) -> list[Rosette]:
    """The crystals of a data set, as they were drawn from its seed."""
    names = data["parameter"].to_numpy().tolist()
    crystals = []
    for base, sphere, n, padded in zip(
        *(data[name].to_numpy() for name in ("base", "sphere", "n_bullets", "bullets")), strict=True
    ):
        axes, measures = padded[:n, :3], padded[:n, 3:].T
        crystals.append(Rosette(dict(zip(names, base.tolist(), strict=True)), float(sphere), axes, *measures))
    return crystals


def _template(views: Views) -> xr.Dataset:
    """The whole data set without its values: every variable filled lazily with zeros, coordinates, units and names."""
    pictures = _pictures(views, 1)
    one = _draw_and_measure(views, range(1), pictures)
    if views.pictures:
        one["silhouette"] = (("crystal", "orientation", "view", "y", "x"), pictures)
    whole = xr.Dataset(
        {name: (one[name].dims, _zeros(one[name], views.n_crystals)) for name in one},
        coords={
            "angle_deg": ("view", list(views.angles_deg)),
            "descriptor": list(views.descriptors),
            "definition": ("descriptor", list(views.descriptors.values())),
            "parameter": list(sample(1, 0, views.model)[0].base),
            "measure": list(MEASURES),
        },
        attrs={"title": "Silhouettes of synthetic bullet rosettes", **_plain(views)},
    )
    for name in set(VARIABLES) & set(whole.variables):
        unit, meaning = VARIABLES[name]
        whole[name].attrs = {"units": unit.format(ROSETTE_MODELS[views.model].unit), "long_name": meaning}
    return whole


def _zeros(variable: xr.DataArray, n_crystals: int) -> dask.array.Array:
    """Lazy zeros like `variable`, for all crystals, in the chunks of the store."""
    chunk = CHUNK if variable.name == "silhouette" else BLOCK
    tail = variable.shape[1:]
    return dask.array.zeros((n_crystals, *tail), dtype=variable.dtype, chunks=(chunk, *tail))


def _plain(views: Views) -> dict:
    """The description as attributes, without the entries that are None."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(views).items() if v is not None}


def rows(data: xr.Dataset, views: tuple[int, ...] = (0,), descriptors: tuple[str, ...] = tuple(PUBLISHED)) -> pd.DataFrame:
    """One row a picture, or a group of pictures of the same crystal and orientation, for a table learner.

    Parameters
    ----------
    views : positions along the data set's `view`; the columns of the second view end in `_2`, and so on

    Returns
    -------
    DataFrame indexed by (crystal, orientation): the descriptors of each view, then `rho_e`, `a_e` and `n_bullets`.
    Rows with a picture that can't be described are left out.
    """
    columns = {}
    for position, view in enumerate(views, start=1):
        values = data["descriptors"].isel(view=view).sel(descriptor=list(descriptors)).to_numpy()
        suffix = "" if position == 1 else f"_{position}"
        columns |= {name + suffix: values[..., i].ravel() for i, name in enumerate(descriptors)}
    truths = truth(data)
    return pd.concat([pd.DataFrame(columns, index=truths.index), truths], axis=1).dropna()


def truth(data: xr.Dataset) -> pd.DataFrame:
    """`rho_e`, `a_e` and `n_bullets`, a row for each (crystal, orientation) in the order of the pictures."""
    index = pd.MultiIndex.from_product([range(data.sizes["crystal"]), range(data.sizes["orientation"])])
    repeated = {name: np.repeat(data[name].to_numpy(), data.sizes["orientation"]) for name in ("rho_e", "a_e", "n_bullets")}
    return pd.DataFrame(repeated, index=index.set_names(["crystal", "orientation"]))
