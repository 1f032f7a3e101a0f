"""Crystals in one orientation each, with their pictures and voxels: for training and testing reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from lib.core.seeds import generator
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import Rosette, sample
from lib.crystals.solid import targets
from lib.datasets.voxels import occupancy
from lib.imaging.draw.rasteriser import Rosettes, coverage, stack, unstack
from lib.imaging.draw.silhouette import VIEW_ANGLES, cameras, seen_from

#: Raised whenever the same description would give other scenes.
LAYOUT = 2
#: The two views that are used, as turns of the crystal [deg].
ANGLES = (VIEW_ANGLES["default"], VIEW_ANGLES["2ds"])
#: Side of the pictures that networks and fits look at [pixels].
SIZE = 64


@dataclass(frozen=True)
class Scenes:
    """Crystals in one orientation each, (B, 3, 3); their pictures and voxels are computed when first asked for.

    `description` holds the plain values from which they follow.
    """

    description: dict
    crystals: list[Rosette]
    orientations: torch.Tensor

    @cached_property
    def rosettes(self) -> Rosettes:
        """The crystals as one batch."""
        return stack(self.crystals, self.orientations.device, self.orientations.dtype)

    @cached_property
    def pictures(self) -> torch.Tensor:
        """Silhouettes (B, 2, SIZE, SIZE) uint8 of 0..4 in the default view and turned by 90 degrees."""
        return coverage(self.rosettes, self.orientations, ANGLES, SIZE).coverage

    @cached_property
    def voxels(self) -> torch.Tensor:
        """Occupancies (B, SIDE, SIDE, SIDE) bool in the frame of the default view."""
        return occupancy(self.rosettes, self.orientations)

    def seen_from(self, views: np.ndarray) -> torch.Tensor:
        """Silhouettes (B, V, SIZE, SIZE) uint8 of 0..4 by cameras (V, 3, 3) that are given in the frame of the voxels."""
        turned = views @ cameras((ANGLES[0],))[0]
        orientations = self.orientations.double().cpu().numpy()
        drawn = [
            seen_from(crystal.solid(), orientation[None], turned, SIZE).coverage
            for crystal, orientation in zip(self.crystals, orientations, strict=True)
        ]
        return torch.from_numpy(np.concatenate(drawn)).to(self.orientations.device)

    def __len__(self) -> int:
        return len(self.crystals)

    @cached_property
    def truth(self) -> pd.DataFrame:
        """`rho_e`, `a_e` and `n_bullets` of each crystal."""
        return rosette_targets(self.crystals)


def scenes(n_crystals: int, seed: int, device: str = "cpu") -> Scenes:
    """Random rosettes of the 2025 model, each in one random orientation."""
    orientations = torch.as_tensor(
        random_orientations(n_crystals, generator(seed, "scenes", "orientation")), dtype=torch.float32, device=device
    )
    return Scenes({"n_crystals": n_crystals, "seed": seed, "layout": LAYOUT}, sample(n_crystals, seed), orientations)


def rosette_targets(crystals: list[Rosette] | Rosettes) -> pd.DataFrame:
    """`rho_e`, `a_e` and `n_bullets` that rosettes imply, a row a crystal."""
    crystals = unstack(crystals) if isinstance(crystals, Rosettes) else crystals
    solids = [targets(crystal.solid()) for crystal in crystals]
    columns = {"rho_e": [x.rho_e for x in solids], "a_e": [x.a_e for x in solids]}
    columns["n_bullets"] = [crystal.n_bullets for crystal in crystals]
    return pd.DataFrame(columns, index=pd.RangeIndex(len(crystals), name="crystal"))
