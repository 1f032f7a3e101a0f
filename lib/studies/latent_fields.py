"""What the notebooks on latent fields have in common: the sample ensemble as its networks see it, and the networks themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lib.cirrus.cm1.sample import sample_ensemble
from lib.core.shipped import descriptions, provenance_of
from lib.datasets.cirrus_fields import FieldSet, Split, field_set
from lib.models.field_autoencoder import autoencoder
from lib.models.training import Trained
from lib.models.vae import VaeRecipe


class Sample(NamedTuple):
    """The sample ensemble in memory, its times (time,) [min], and its fields as networks see them."""

    ensemble: xr.Dataset
    minutes: np.ndarray
    fields: FieldSet


def sample(n_members: int, every: int, split: Split) -> Sample:
    """The first members of the sample ensemble at one in `every` output times, without the first, at which there is no ice."""
    ensemble = sample_ensemble().isel(member=slice(n_members), time=slice(1, None, every))
    ensemble.load(scheduler="synchronous")
    return Sample(ensemble, ensemble.time.to_numpy() / 60, field_set(ensemble, split))


def network(
    latents: int,
    fields: FieldSet,
    recipe: VaeRecipe,
    batch: int,
    seed: int = 0,
    device: str = "cpu",
    shipped: bool = True,
) -> Trained:
    """The autoencoder with so many latents that is shipped for these fields, or else that of a `recipe`, trained on them.

    A shipped network fits where it was trained and validated on the same members and times, and `shipped` is True.
    """
    data = fields.description()
    fit = [
        description
        for description in (descriptions("vae") if shipped else [])
        if data.items() <= description["data"].items() and description["recipe"]["latents"] == latents
    ]
    if not fit:
        return autoencoder(fields, replace(recipe, latents=latents), batch, seed, device)
    own = fit[0]
    return autoencoder(fields, VaeRecipe(**own["recipe"]), own["data"]["batch"], own["seed"], device)


def effort(trained: Trained) -> pd.Series:
    """How large a network is, how long it was trained, and where it comes from."""
    weights = sum(parameter.numel() for parameter in trained.model.parameters())
    origin = "shipped" if provenance_of(trained.folder) else "trained by this run"
    seconds = round(trained.history.seconds.sum())
    return pd.Series({"weights": weights, "epochs": len(trained.history), "seconds": seconds, "origin": origin})
