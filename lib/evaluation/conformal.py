"""How far to trust a prediction: conformal intervals and sets, and a novelty score of pictures.

Conformal prediction measures the errors of a model on *calibration* crystals that are not in its training set. Among new crystals
of the same kind the share inside the interval or set is then the chosen confidence level, such as 95 % (Vovk et al. 2022,
doi:10.1007/978-3-031-06649-8). This holds for exchangeable cases, so calibration sets have one picture a crystal. It says nothing
of crystals of another kind, for which there is the novelty score.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from crepes import ConformalClassifier, ConformalRegressor
from crepes.extras import DifficultyEstimator, hinge
from sklearn.covariance import LedoitWolf

from lib.datasets.rosettes import LABEL, TARGETS
from lib.models.shape_model import Predicted


class Conformal:
    """Intervals of `rho_e` and `a_e`, and sets of numbers of bullets, of a chosen coverage for crystals of the known kind.

    Errors are those of the logarithm, so an interval is a factor up and down. It is wider where similar predictions were
    worse: the difficulty of a case is the mean absolute error of the 25 most similar predictions for validation crystals
    (normalised conformal regression, Papadopoulos et al. 2002, doi:10.1007/3-540-36755-1_29, by nearest neighbours,
    Papadopoulos et al. 2011, doi:10.1613/jair.3198). A number of bullets is in the set if the
    network gives it no less probability than it gave the true number of enough calibration crystals (Sadinle et al. 2019,
    doi:10.1080/01621459.2017.1395341).

    Parameters
    ----------
    validation, calibration : pairs of a truth (n rows, as of `lib.datasets.rosettes.truth`) and the `Predicted` for it
    """

    def __init__(
        self,
        validation: tuple[pd.DataFrame, Predicted],
        calibration: tuple[pd.DataFrame, Predicted],
    ):
        self.bullets, self.n_calibration = calibration[1].probability.columns.to_numpy(), len(calibration[0])
        self.difficulty, self.values = {}, {}
        for target in TARGETS:
            known = DifficultyEstimator().fit(_similarity(validation[1]), residuals=_errors(*validation, target), beta=0)
            self.difficulty[target] = known
            sigmas = known.apply(_similarity(calibration[1]))
            self.values[target] = ConformalRegressor().fit(_errors(*calibration, target), sigmas=sigmas)
        doubts = hinge(calibration[1].probability.to_numpy(), self.bullets, calibration[0][LABEL].to_numpy())
        self.labels = ConformalClassifier().fit(doubts)

    def intervals(self, predicted: Predicted, confidence: float) -> pd.DataFrame:
        """`rho_e_low`, `rho_e_high`, `a_e_low` and `a_e_high` of each prediction."""
        ends = {}
        for target in TARGETS:
            sigmas = self.difficulty[target].apply(_similarity(predicted))
            logs = np.log(predicted.table[target].to_numpy())
            bounds = self.values[target].predict_int(logs, sigmas=sigmas, confidence=confidence)
            ends |= dict(zip((f"{target}_low", f"{target}_high"), np.exp(bounds).T, strict=True))
        return pd.DataFrame(ends, index=predicted.table.index)

    def sets(self, predicted: Predicted, confidence: float) -> np.ndarray:
        """Which numbers of bullets (n, K) bool cannot be ruled out."""
        doubts = hinge(predicted.probability.to_numpy())
        return self.labels.predict_set(doubts, confidence=confidence, smoothing=False).astype(bool)

    def coverage(self, truth: pd.DataFrame, predicted: Predicted, confidence: float) -> pd.DataFrame:
        """Coverage of `rho_e`, `a_e` and `n_bullets` (rows), its standard error `se`, and how wide intervals and sets are.

        `width` is the median of upper over lower end, `size` the mean size of the sets. The standard error adds up the chance in
        which crystals calibrate (the guarantee holds on average over them) and in which are tested.
        """
        intervals, sets = self.intervals(predicted, confidence), self.sets(predicted, confidence)
        table = pd.DataFrame(index=[*TARGETS, LABEL], columns=["coverage", "se", "width", "size"], dtype=float)
        for target in TARGETS:
            low, high = (intervals[f"{target}_{end}"].to_numpy() for end in ("low", "high"))
            value = truth[target].to_numpy()
            table.loc[target, ["coverage", "width"]] = np.mean((low <= value) & (value <= high)), np.median(high / low)
        position = np.searchsorted(self.bullets, truth[LABEL])
        table.loc[LABEL, ["coverage", "size"]] = sets[np.arange(len(sets)), position].mean(), sets.sum(axis=1).mean()
        table["se"] = (confidence * (1 - confidence) * (1 / self.n_calibration + 1 / len(truth))) ** 0.5
        return table


def _similarity(predicted: Predicted) -> np.ndarray:
    """Where predictions lie for comparison (n, 4): both logarithms, mean and standard deviation of the number of bullets."""
    probability = predicted.probability.to_numpy()
    bullets = predicted.probability.columns.to_numpy()
    mean = probability @ bullets
    spread = np.sqrt(np.maximum(probability @ bullets**2 - mean**2, 0))
    return np.column_stack([np.log(predicted.table[list(TARGETS)]), mean, spread])


def _errors(truth: pd.DataFrame, predicted: Predicted, target: str) -> np.ndarray:
    """Errors (n,) of the predicted logarithm of a target."""
    return np.log(truth[target].to_numpy()) - np.log(predicted.table[target].to_numpy())


class Novelty:
    """The conformal p-value of a picture under the known pictures: small for what is unlike them.

    The score is the Mahalanobis distance of a network's features from those of the known pictures (Lee et al. 2018,
    arXiv:1807.03888), with the covariance of Ledoit and Wolf 2004. Its p-value is the share of calibration pictures that are at
    least as far, the picture itself counted among them: flagging what is below 0.05 flags 5 % of pictures of the known kind.

    Parameters
    ----------
    known, calibration : features (n, F) of pictures of the known kind; the crystals of both are different
    """

    def __init__(self, known: np.ndarray, calibration: np.ndarray):
        self.shape = LedoitWolf().fit(known)
        self.sorted = np.sort(self.shape.mahalanobis(calibration))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """p-values (n,): small for what is unlike the known."""
        farther = len(self.sorted) - np.searchsorted(self.sorted, self.shape.mahalanobis(features))
        return (farther + 1) / (len(self.sorted) + 1)


def flagged(p_values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Share of the p-values (n,) that are at most each of the levels (L,): the calibration curve of a novelty score."""
    return np.mean(p_values[:, None] <= levels, axis=0)
