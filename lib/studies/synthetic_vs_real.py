"""How far apart real and synthetic pictures are: in a latent space, in their numbers, in their pixels and in their outlines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from lib.crystals.habits import HABITS
from lib.datasets.batches import stored
from lib.datasets.picture_set import PictureSet, thumbnails
from lib.evaluation.latent_scores import NEIGHBOURS, nearest_neighbours
from lib.evaluation.two_sample import frechet_distance, impute, ks_distances, mmd, two_sample_accuracy
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, SCALE_FREE, describe
from lib.imaging.probe.photograph import EFFECTS, Probe
from lib.models.vae import Vae, encoded

#: Feature set, as in the names of recorded numbers -> what of the pictures it holds.
FEATURE_SETS = {
    "latents": "latents of the masked pictures",
    "photometry": "grey levels, noise, edge and size, before framing",
    "pixels": "masked pictures of 16 x 16 pixels",
    "outline": "shape descriptors of the mask",
}
#: Columns of `PictureSet.table` that are no numbers of the picture.
_NAMES = ["file", "label", "group"]
#: Descriptors among the features: those that hold no long series of numbers.
_OUTLINE = [name for name in SCALE_FREE if not name.startswith(("fourier", "ring"))]


def latents(pictures: PictureSet, model: Vae) -> np.ndarray:
    """Latents (n, d) of the masked pictures."""
    return encoded(model, stored(pictures.masked, 250).in_order())


def feature_sets(pictures: PictureSet, model: Vae, names: Iterable[str] = FEATURE_SETS) -> dict[str, np.ndarray]:
    """Those of `FEATURE_SETS` that are named, for some pictures: arrays (n, d), NaN where a number could not be measured."""
    compute = {
        "latents": lambda: latents(pictures, model),
        "photometry": lambda: pictures.table.drop(columns=_NAMES).to_numpy(float),
        "pixels": lambda: thumbnails(pictures),
        "outline": lambda: outlines(pictures).to_numpy(),
    }
    return {name: compute[name]() for name in names}


def outlines(pictures: PictureSet) -> pd.DataFrame:
    """Shape descriptors of the masks, a row for each picture."""
    return pd.DataFrame(describe(pictures.mask, extended=True).values, columns=[*PUBLISHED, *EXTENDED])[_OUTLINE]


def two_sample_accuracies(real: Mapping[str, np.ndarray], synthetic: Mapping[str, np.ndarray], seed: int = 0) -> pd.DataFrame:
    """Accuracy [1] of each classifier of `two_sample_accuracy` (columns) on each feature set of the synthetic pictures (rows)."""
    return pd.DataFrame({name: two_sample_accuracy(*impute(real[name], own), seed) for name, own in synthetic.items()}).T


def gap(accuracies: pd.DataFrame, real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
    """How far apart two sets are, from `two_sample_accuracies` and the latents (n, d) and (m, d) of both sets.

    Returns
    -------
    the highest accuracy of all (`c2st`) and on each feature set (`c2st_latents` ...), the Frechet distance squared (`frechet`)
    and the squared maximum mean discrepancy (`mmd`)
    """
    highest = accuracies.highest
    values = {"c2st": highest.max(), **{f"c2st_{name}": accuracy for name, accuracy in highest.items()}}
    values |= {"frechet": frechet_distance(real, synthetic), "mmd": mmd(real, synthetic)}
    return {name: float(value) for name, value in values.items()}


def telltales(real: PictureSet, synthetic: PictureSet) -> pd.Series:
    """Kolmogorov-Smirnov distance of each number of the pictures and of their outlines, by name, the largest first."""
    return ks_distances(*(pd.concat([p.table.drop(columns=_NAMES), outlines(p)], axis=1) for p in (real, synthetic)))


def additions(probe: Probe) -> dict[str, Probe]:
    """Probes from a bare silhouette to all effects of the given one, each with one effect more, in the order of `effects`."""
    names = effects(probe)
    return {"none" if k == 0 else f"+ {names[k - 1]}": probe.only(*names[:k]) for k in range(len(names) + 1)}


def ablations(probe: Probe) -> dict[str, Probe]:
    """Probes that lack one effect of the given one."""
    names = effects(probe)
    return {f"without {name}": probe.only(*(other for other in names if other != name)) for name in names}


def effects(probe: Probe) -> list[str]:
    """Names of all effects that a probe may have: `EFFECTS`, and its further ones after the lens, behind which they act."""
    names = list(EFFECTS)
    behind = names.index("defocus") + 1
    return [*names[:behind], *dict(probe.further), *names[behind:]]


def habit_distances(real: np.ndarray, synthetic: np.ndarray, labels: pd.Series) -> pd.DataFrame:
    """How near each synthetic habit lies to the real pictures, in latents (n, d) and (m, d); `labels` (m,) are the habits.

    Returns
    -------
    DataFrame with a row for each habit: its distance `mmd` from all real pictures, and `nearest`, the share of real pictures
    of which it is the `nearest_habit`
    """
    nearest = nearest_habit(real, synthetic, labels)
    present = [habit for habit in HABITS if (labels == habit).sum() > 1]
    rows = {HABITS[h].title: (mmd(real, synthetic[labels == h]), (nearest == h).mean()) for h in present}
    return pd.DataFrame(rows, index=["mmd", "nearest"]).T.sort_values("mmd")


def nearest_habit(real: np.ndarray, synthetic: np.ndarray, labels: pd.Series) -> np.ndarray:
    """Habit (n,) of each real picture: the commonest among its ten nearest synthetic ones.

    A vote counts one over the number of pictures of its habit, which scikit-learn's `KNeighborsClassifier` cannot do.
    """
    names, label, count = np.unique(labels, return_inverse=True, return_counts=True)
    near = nearest_neighbours(synthetic, real, min(NEIGHBOURS, len(synthetic)))
    weight = np.stack([(label[near] == k).sum(axis=1) / count[k] for k in range(len(names))], axis=1)
    return names[weight.argmax(axis=1)]
