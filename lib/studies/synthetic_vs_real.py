"""How far apart real and synthetic pictures are: in a latent space, in their numbers, in their pixels and in their outlines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.neighbors import NearestNeighbors

from lib.crystals.habits import HABITS
from lib.datasets.batches import stored
from lib.datasets.particles import PictureSet, thumbnails
from lib.evaluation.latent_scores import NEIGHBOURS, frechet_distance, mmd, told_apart
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, SCALE_FREE, describe
from lib.imaging.probe.photograph import EFFECTS, Probe
from lib.models.vae import Vae, encoded

#: View of the pictures, as in the names of recorded numbers -> what of them is compared.
VIEWS = {
    "latents": "what the network keeps of the pictures without background",
    "photometry": "grey levels, noise, edge and size, before framing",
    "pixels": "the pictures without background, of 16 x 16 pixels",
    "outline": "shape descriptors of the mask",
}
#: Columns of `PictureSet.table` that are no numbers of the picture.
_NAMES = ["file", "label", "group"]
#: Descriptors compared: those that hold no long series of numbers.
_OUTLINE = [name for name in SCALE_FREE if not name.startswith(("fourier", "ring"))]


def latents(pictures: PictureSet, model: Vae) -> np.ndarray:
    """Latents (n, d) of the pictures without background."""
    return encoded(model, stored(pictures.cut, 250).in_order())


def views(pictures: PictureSet, model: Vae, chosen: Iterable[str] = VIEWS) -> dict[str, np.ndarray]:
    """The `chosen` ones of `VIEWS` of some pictures, arrays (n, d); what could not be measured is NaN."""
    take = {
        "latents": lambda: latents(pictures, model),
        "photometry": lambda: pictures.table.drop(columns=_NAMES).to_numpy(float),
        "pixels": lambda: thumbnails(pictures),
        "outline": lambda: outlines(pictures),
    }
    return {view: take[view]() for view in chosen}


def outlines(pictures: PictureSet) -> np.ndarray:
    """Shape descriptors (n, d) of the masks."""
    described = pd.DataFrame(describe(pictures.mask, extended=True).values, columns=[*PUBLISHED, *EXTENDED])
    return described[_OUTLINE].to_numpy()


def complete(known: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Tables (n, d) with the median of the first in place of NaN, and the number of these in a row as one more column."""
    count = np.isfinite(known).sum(axis=0)
    middle = np.array([np.nanmedian(column) if any_known else 0.0 for column, any_known in zip(known.T, count, strict=True)])
    missing = [np.isnan(values) for values in (known, *others)]
    tables = [np.where(gone, middle, values) for gone, values in zip(missing, (known, *others), strict=True)]
    if not any(gone.any() for gone in missing):
        return tables
    return [np.column_stack([values, gone.sum(axis=1)]) for values, gone in zip(tables, missing, strict=True)]


def judges(real: dict[str, np.ndarray], synthetic: dict[str, np.ndarray], seed: int = 0) -> pd.DataFrame:
    """Accuracies of the classifiers of `told_apart` (columns) in each view of the synthetic set (rows)."""
    return pd.DataFrame({view: told_apart(*complete(real[view], found), seed) for view, found in synthetic.items()}).T


def distances(table: pd.DataFrame, real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
    """How far apart two sets are, from a table of `judges` and the latents (n, d) and (m, d) of both sets.

    Returns
    -------
    the highest accuracy of all (`c2st`) and in each view (`c2st_view`), the Frechet distance squared (`frechet`) and the `mmd`
    """
    found = {"c2st": table.highest.max(), **{f"c2st_{view}": accuracy for view, accuracy in table.highest.items()}}
    found |= {"frechet": frechet_distance(real, synthetic), "mmd": mmd(real, synthetic)}
    return {name: float(value) for name, value in found.items()}


def telltales(real: PictureSet, synthetic: PictureSet) -> pd.Series:
    """How much each number of the pictures and of their outlines tells by itself, by name, the most telling first.

    The Kolmogorov-Smirnov distance, from 0 for equal distributions to 1 for such that do not overlap.
    """
    tables = [
        pd.concat([pictures.table.drop(columns=_NAMES), pd.DataFrame(outlines(pictures), columns=_OUTLINE)], axis=1)
        for pictures in (real, synthetic)
    ]
    pairs = {name: [table[name].dropna() for table in tables] for name in tables[0]}
    found = {name: ks_2samp(*pair).statistic for name, pair in pairs.items() if all(map(len, pair))}
    return pd.Series(found).sort_values(ascending=False)


def added_effects(probe: Probe) -> dict[str, Probe]:
    """Probes from a bare silhouette to all effects of the given one, each with one effect more, in the order of `effects`."""
    names = effects(probe)
    return {"none" if k == 0 else f"+ {names[k - 1]}": probe.only(*names[:k]) for k in range(len(names) + 1)}


def without_effects(probe: Probe) -> dict[str, Probe]:
    """Probes that lack one effect of the given one."""
    names = effects(probe)
    return {f"without {name}": probe.only(*(other for other in names if other != name)) for name in names}


def effects(probe: Probe) -> list[str]:
    """Names of all effects that a probe may have: `EFFECTS`, and its further ones after the lens, behind which they act."""
    names = list(EFFECTS)
    behind = names.index("defocus") + 1
    return [*names[:behind], *dict(probe.further), *names[behind:]]


def habit_gaps(real: np.ndarray, synthetic: np.ndarray, labels: pd.Series) -> pd.DataFrame:
    """How near each synthetic habit lies to the real pictures, in latents (n, d) and (m, d); `labels` (m,) are the habits.

    Returns
    -------
    DataFrame with a row for each habit: its distance `mmd` from all real pictures, and `nearest`, the share of real pictures
    of which it is the habit, by a vote of ten neighbours
    """
    votes = voted(real, synthetic, labels)
    present = [habit for habit in HABITS if (labels == habit).sum() > 1]
    rows = {HABITS[h].title: (mmd(real, synthetic[labels == h]), (votes == h).mean()) for h in present}
    return pd.DataFrame(rows, index=["mmd", "nearest"]).T.sort_values("mmd")


def voted(real: np.ndarray, synthetic: np.ndarray, labels: pd.Series) -> np.ndarray:
    """Habit (n,) of each real picture: the commonest among its ten nearest synthetic ones, rare habits counting for more."""
    names, label, count = np.unique(labels, return_inverse=True, return_counts=True)
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(synthetic))).fit(synthetic).kneighbors(real, return_distance=False)
    weight = np.stack([(label[near] == k).sum(axis=1) / count[k] for k in range(len(names))], axis=1)
    return names[weight.argmax(axis=1)]
