"""From silhouettes of real crystals to their likely three dimensions, by a model trained on synthetic ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.datasets.rosettes import TARGETS
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, SCALE_FREE, describe
from lib.imaging.read.frame import frame_outline
from lib.models.tables import regressor

#: Descriptors that decide whether a real silhouette looks like a synthetic one.
JUDGED = SCALE_FREE[:5]
#: Descriptors of the outline alone: real masks are filled, so what depends on gaps inside the outline is left out.
OUTLINE = tuple(name for name in SCALE_FREE if not name.startswith(("holes", "thickness", "ring")))


def predict_real(masks: list[np.ndarray], synthetic: pd.DataFrame, size: int, seed: int = 0, n_trees: int = 200) -> pd.DataFrame:
    """Predicted `rho_e` and `a_e` of real silhouettes.

    The scale of a real picture is not that of the synthetic ones, which fill their frames as published. So each
    outline is drawn anew with the synthetic ones' median circle, and gradient boosting uses descriptors of the
    outline that are free of scale only.

    Parameters
    ----------
    masks : silhouettes (h, w) uint8 of any sizes
    synthetic : rows of a data set with all descriptors (`lib.datasets.rosettes.rows`)
    size : side of the synthetic pictures [pixels]

    Returns
    -------
    DataFrame with a row for each mask that can be described, numbered as in `masks`: the descriptors of
    `OUTLINE`, `rho_e`, `a_e`, and `inside`: whether each of `JUDGED` lies in the middle 98 % of the synthetic ones.
    """
    columns = list(OUTLINE)
    fill = circle_share(synthetic, size).median()
    described = describe(np.stack([frame_outline(mask, size, fill) >= 0.5 for mask in masks]), extended=True)
    real = pd.DataFrame(described.values, columns=[*PUBLISHED, *EXTENDED])[columns].dropna()
    model = regressor("gb", seed, n_trees).fit(synthetic[columns], synthetic[list(TARGETS)])
    judged = synthetic[list(JUDGED)]
    within = real[list(JUDGED)].ge(judged.quantile(0.01)) & real[list(JUDGED)].le(judged.quantile(0.99))
    predicted = model.predict(real) if len(real) else np.empty((0, len(TARGETS)))
    values = pd.DataFrame(predicted, index=real.index, columns=list(TARGETS))
    return pd.concat([real, values], axis=1).assign(inside=within.all(axis=1))


def circle_share(table: pd.DataFrame, size: int) -> pd.Series:
    """Diameter of each silhouette's enclosing circle over the side of the picture, from its descriptors [1]."""
    return 2 / size * (table["contour_area"] / table["area_ratio"] / np.pi) ** 0.5


def outlines(masks: list[np.ndarray] | np.ndarray, size: int, fill: float) -> np.ndarray:
    """Silhouettes (h, w) of any sizes as pictures (n, 1, `size`, `size`) uint8 of 0 to 4 for a network: filled outlines.

    Real silhouettes come in any scale and without gaps inside. Drawn this way, with the diameter of the enclosing circle
    `fill` of the side, real and synthetic ones can be compared. Shares of the pixels are kept: a network tells the number of
    bullets better from them than from masks.
    """
    shares = np.stack([frame_outline(mask, size, fill) for mask in masks])[:, None]
    return np.round(4 * shares).astype(np.uint8)
