"""How many cameras: crystals seen from 1 to 13 sides, and what each further side tells. The steps of notebook 17."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from tqdm.auto import tqdm

from lib.core.seeds import generator
from lib.crystals.rosette import ROSETTE_MODELS
from lib.crystals.solid import mass_kg
from lib.datasets.rosettes import LABEL, TARGETS, crystals_of, truth
from lib.evaluation.scores import standard_errors, weighted_scores
from lib.imaging.draw.silhouette import Silhouettes, seen_from
from lib.imaging.measure.descriptors import PUBLISHED, describe
from lib.models import tables
from lib.models.posterior import Seen, posterior_predictions, seen, trained_posterior
from lib.models.reconstruction.visual_hull import hull_targets, visual_hull
from lib.models.shape_model import ShapeModel, predict

#: Numbers of bullets that there are.
BULLETS = ROSETTE_MODELS["2025"].bullets
#: Crystals that are drawn at a time.
BLOCK = 100
#: Side of the grid of a visual hull [voxels].
HULL_SIDE = 64
#: A size at which fitted masses are compared, about the median of the crystals [um].
REFERENCE_UM = 250.0


#: Of `camera_scores`, those that are reported.
REPORTED = (
    "r2_rho_e", "rmse_rho_e", "r2_a_e", "rmse_a_e", "balanced_accuracy", "mae_bullets", "nrmse_mass", "bias_mass",
)  # fmt: skip


class Crystals(NamedTuple):
    """Crystals seen by the same V `views`, cameras (V, 3, 3): what is known of each, and what each picture says.

    Attributes
    ----------
    truth : a row a crystal: `rho_e`, `a_e`, `n_bullets`, `diameter_um` of the bounding sphere and `mass_kg`
    descriptors : (n, V, 8), see `lib.imaging.measure.descriptors.PUBLISHED`
    answers : (n, V, 2 + K), what a network for one view says: logarithms of `rho_e` and `a_e`, chance of each number of bullets
    diameter_um : (n, V) diameter of the smallest circle about each silhouette [um]
    """

    views: np.ndarray
    truth: pd.DataFrame
    descriptors: np.ndarray
    answers: np.ndarray
    diameter_um: np.ndarray


def pictures(data: xr.Dataset, views: np.ndarray, size: int) -> Iterator[Silhouettes]:
    """Pictures of the crystals of a data set in their first orientation, some at a time, seen by cameras `views` (V, 3, 3).

    All views of a crystal have the same scale and the same point of the crystal in their middle.
    """
    crystals, orientations = crystals_of(data), data["rotation"].isel(orientation=0).to_numpy()
    with tqdm(total=len(crystals), desc=f"{len(views)} sides", unit="crystal", file=sys.stderr) as bar:
        for start in range(0, len(crystals), BLOCK):
            part = slice(start, start + BLOCK)
            drawn = [seen_from(c.solid(), r[None], views, size) for c, r in zip(crystals[part], orientations[part], strict=True)]
            yield Silhouettes(*(np.concatenate(arrays) for arrays in zip(*drawn, strict=True)))
            bar.update(len(drawn))


def observe(data: xr.Dataset, views: np.ndarray, model: ShapeModel, size: int) -> Crystals:
    """Draw the crystals of a data set as `pictures` does; keep what descriptors and the network `model` make of each picture."""
    described, answered, diameters = [], [], []
    for part in pictures(data, views, size):
        flat = part.coverage.reshape(-1, size, size)
        shape = part.coverage.shape[:2]
        table = pd.DataFrame(describe(flat).values, columns=list(PUBLISHED))
        radius = np.sqrt(table["contour_area"] / (np.pi * table["area_ratio"])).to_numpy().reshape(shape)
        described.append(table.to_numpy().reshape(*shape, -1))
        answered.append(answers(model, flat).reshape(*shape, -1))
        diameters.append(2 * radius * part.pixel_um[:, None])
    return Crystals(views, crystal_truth(data), *(np.concatenate(parts) for parts in (described, answered, diameters)))


def answers(model: ShapeModel, coverage: np.ndarray) -> np.ndarray:
    """What a network for one view says of pictures (n, S, S): (n, 2 + K), see `Crystals`."""
    said = predict(model, coverage[:, None])
    return np.column_stack([np.log(said.table[list(TARGETS)]), said.probability])


def crystal_truth(data: xr.Dataset) -> pd.DataFrame:
    """The truth of each crystal of a data set in its first orientation, see `Crystals`."""
    first = truth(data.isel(orientation=[0]))
    volume, radius = data["volume"].to_numpy(), data["radius"].to_numpy()
    return first.assign(diameter_um=2 * radius, mass_kg=mass_kg(volume))


def pool_views(values: np.ndarray, n_views: int) -> pd.DataFrame:
    """Mean, minimum and maximum over the first views of numbers (n, V, F): a table (n, 3 F) that knows no order of the views.

    With one view that is the numbers themselves.
    """
    part = values[:, :n_views]
    ways = {"mean": np.mean, "least": np.min, "most": np.max} if n_views > 1 else {"mean": np.mean}
    return pd.concat([pd.DataFrame(way(part, axis=1)).add_prefix(f"{name}_") for name, way in ways.items()], axis=1)


def predict_from_views(inputs: tuple[str, ...], train: Crystals, test: Crystals, n_views: int, seed: int = 0) -> pd.DataFrame:
    """What a perceptron says of the test crystals from the first `n_views` of their views, which it takes in any order.

    Parameters
    ----------
    inputs : what it gets of each view: "descriptors", "answers" or both

    Returns
    -------
    `rho_e`, `a_e` and the number of bullets (`lib.models.tables.GUESSES`), and `mass_kg` from `rho_e` and the largest circle seen
    """
    learner = tables.learner("mlp", seed).fit(_rows(inputs, train, n_views))
    predicted = learner.predict(_rows(inputs, test, n_views))
    return predicted.assign(mass_kg=_mass_seen(predicted, test, n_views))


def posteriors_from_views(
    train: Crystals, test: Crystals, counts: tuple[int, ...], description: Mapping, seed: int = 0, epochs: int = 30
) -> dict[int, pd.DataFrame]:
    """Number of views -> what a posterior given the network's answers says of the test crystals (`lib.models.posterior`).

    One posterior is trained for all `counts`, on the first so many views; a fifth of its crystals decide on the best epoch.

    Parameters
    ----------
    description : plain values from which `train` follows

    Returns
    -------
    Of each number a table as of `predict_from_views`, from the means of `rho_e` and `a_e` and the likeliest number of bullets
    """
    known, own = (seen(part.answers, part.truth, BULLETS) for part in (train, test))
    held = len(known.labels) // 5
    learn, validation = (Seen(*(values[rows] for values in known)) for rows in (slice(held, None), slice(held)))
    model = trained_posterior(
        learn, validation, BULLETS, counts, description, shuffled=False, epochs=epochs, seed=seed
    ).model  # fmt: skip
    found = {}
    for count in counts:
        views = own.views(count).features
        draws = model.sample(views, 200, seed)
        table = posterior_predictions(draws, model.probability(views), BULLETS, test.truth.index)
        found[count] = table.assign(mass_kg=_mass_seen(table, test, count))
    return found


def _mass_seen(predicted: pd.DataFrame, crystals: Crystals, n_views: int) -> pd.Series:
    """Mass [kg] from the predicted `rho_e` and the largest circle that the first views show."""
    return mass_kg(predicted.rho_e * np.pi / 6 * crystals.diameter_um[:, :n_views].max(axis=1) ** 3)


def _rows(inputs: tuple[str, ...], crystals: Crystals, n_views: int) -> pd.DataFrame:
    """A row for each crystal as `lib.models.tables.Learner` takes them: the inputs from its views, and the truth."""
    values = np.concatenate([getattr(crystals, name) for name in inputs], axis=2)
    return pool_views(values, n_views).set_index(crystals.truth.index).join(crystals.truth[[*TARGETS, LABEL]])


def hulls(data: xr.Dataset, views: np.ndarray, counts: tuple[int, ...], size: int) -> dict[int, pd.DataFrame]:
    """Number of views -> what the visual hulls from the first so many of `views` (V, 3, 3) imply of the crystals of a data set.

    Returns
    -------
    Of each number a table as of `lib.models.reconstruction.visual_hull.hull_targets`, with `mass_kg`
    """
    found: dict[int, list] = {count: [] for count in counts}
    for part in pictures(data, views, size):
        hull, coverage = torch.tensor(True), torch.from_numpy(part.coverage)
        for before, count in itertools.pairwise((0, *sorted(counts))):
            hull = hull & visual_hull(coverage[:, before:count], views[before:count], HULL_SIDE)
            table = hull_targets(hull)
            found[count].append(table.assign(mass_kg=mass_kg(table.volume * (size * part.pixel_um) ** 3)))
    return {count: pd.concat(parts).set_index(crystal_truth(data).index) for count, parts in found.items()}


def camera_scores(true: pd.DataFrame, predicted: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """`lib.evaluation.scores.weighted_scores`, and `nrmse_mass` and `bias_mass` of the mass, for each row of weights.

    The last two are the root mean square error over the mean true mass and the mean error over it (Leinonen et al. 2021,
    doi:10.5194/amt-14-6851-2021).
    """
    error = predicted["mass_kg"].to_numpy() - true["mass_kg"].to_numpy()
    total, mass = weights.sum(axis=1), weights @ true["mass_kg"].to_numpy()
    return weighted_scores(true, predicted, weights) | {
        "nrmse_mass": np.sqrt(weights @ error**2 * total) / mass,
        "bias_mass": weights @ error / mass,
    }


def score_table(true: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """The `REPORTED` scores of test crystals, a row each: `value`, and `se` by bootstrap over the crystals."""
    values = camera_scores(true, predicted, np.ones((1, len(true))))
    errors = standard_errors(true, predicted, camera_scores)
    return pd.DataFrame({"value": {name: float(values[name][0]) for name in REPORTED}, "se": {n: errors[n] for n in REPORTED}})


class PowerLaw(NamedTuple):
    """A fitted relation m = m_ref (D / `REFERENCE_UM`)^b: the mass `at_reference` [kg] and the `exponent` b."""

    at_reference: float
    exponent: float


def power_law(diameter_um: np.ndarray, mass: np.ndarray) -> PowerLaw:
    """The power law through sizes (n,) and masses (n,), by least squares of the logarithms."""
    exponent, logarithm = np.polyfit(np.log(diameter_um / REFERENCE_UM), np.log(mass), 1)
    return PowerLaw(float(np.exp(logarithm)), float(exponent))


def fitted_relations(crystals: Crystals, counts: tuple[int, ...], draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """Mass-dimension relations of the same crystals, fitted with the true diameter (row 0) and with the largest circle that the
    first so many views show (the other rows).

    Returns
    -------
    `at_reference` [kg] and `exponent`, their `ratio` and `difference` to the true ones, and bootstrap standard errors, for which
    all relations are fitted to the same draws of crystals
    """
    mass = crystals.truth["mass_kg"].to_numpy()
    diameters = {0: crystals.truth["diameter_um"].to_numpy()}
    diameters |= {count: crystals.diameter_um[:, :count].max(axis=1) for count in counts}
    drawn = generator(seed, "mass-dimension").integers(len(mass), size=(draws, len(mass)))
    fits = {count: np.array([power_law(d[rows], mass[rows]) for rows in drawn]) for count, d in diameters.items()}
    table = pd.DataFrame({count: power_law(d, mass) for count, d in diameters.items()}, PowerLaw._fields).T
    return table.assign(
        ratio=table.at_reference / table.at_reference[0],
        difference=table.exponent - table.exponent[0],
        exponent_se=[fits[count][:, 1].std() for count in diameters],
        ratio_se=[(fits[count][:, 0] / fits[0][:, 0]).std() for count in diameters],
        difference_se=[(fits[count][:, 1] - fits[0][:, 1]).std() for count in diameters],
    )


def cut_by_another(errors: pd.Series) -> pd.Series:
    """By which share each further camera cuts an error, on average from one number of cameras (the index) to the next.

    Numbered by the smaller of the two; the last number has none.
    """
    ratio = errors.to_numpy()[1:] / errors.to_numpy()[:-1]
    return pd.Series(1 - ratio ** (1 / np.diff(errors.index)), errors.index[:-1])
