"""What the notebooks on latent fields have in common: the sample ensemble as its networks see it, and the networks themselves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lib.cirrus.cm1.sample import sample_ensemble
from lib.datasets.cirrus_fields import FieldSet, Split, field_set
from lib.models.field_autoencoder import Representation, autoencoder, network_representation, recipe
from lib.models.training import Trained


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


class Network(NamedTuple):
    """An autoencoder of cirrus fields, and whether it came with the project."""

    trained: Trained
    shipped: bool

    def representation(self) -> Representation:
        """The means of its latents, and what it decodes."""
        return network_representation(self.trained.model)

    def effort(self) -> pd.Series:
        """How large it is, how long it was trained, and where it comes from."""
        weights = sum(parameter.numel() for parameter in self.trained.model.parameters())
        history = self.trained.history
        origin = "shipped" if self.shipped else "trained by this run"
        return pd.Series({"weights": weights, "epochs": len(history), "seconds": round(history.seconds.sum()), "origin": origin})


def network(
    latents: int,
    fields: FieldSet,
    width: int,
    epochs: int,
    batch: int,
    seed: int = 0,
    device: str = "cpu",
    shipped: bool = True,
) -> Network:
    """The autoencoder with so many latents that is shipped for these fields, or else one that is trained now, or was before."""
    trained = autoencoder(fields, recipe(latents, width, epochs), batch, seed, device)
    return Network(trained, False)
