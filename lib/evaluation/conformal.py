"""How far a prediction can be trusted: conformal intervals and sets, and a score of how unlike the known a picture is.

Conformal prediction asks how wrong the model was on *calibration* crystals that it did not learn from, and promises that among
new crystals of the same kind a chosen share, such as 95 %, falls inside the interval or set (Vovk et al. 2022,
doi:10.1007/978-3-031-06649-8). The promise is about exchangeable cases, so calibration data have one picture a crystal. It says
nothing of crystals of another kind, which is what the novelty score is for.
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
    """Intervals of `rho_e` and `a_e` and sets of numbers of bullets that keep what they promise for crystals of the known kind.

    Errors are those of the logarithm, so an interval is a factor up and down. It is wider where predictions are known to be
    worse: how hard a case is, is the mean absolute error of the 25 most similar predictions for validation crystals (normalised
    conformal regression, Papadopoulos et al. 2002, doi:10.1007/3-540-36755-1_29, by nearest neighbours, Papadopoulos et al.
    2011, doi:10.1613/jair.3198). A number of bullets is in the set if the
    network gives it no less probability than it gave the true number of enough calibration crystals (Sadinle et al. 2019,
    doi:10.1080/01621459.2017.1395341).

    Parameters
    ----------
    validation, calibration : pairs of a truth (n rows, as of `lib.datasets.rosettes.truth`) and what was `Predicted` for it
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

    def scores(self, truth: pd.DataFrame, predicted: Predicted, confidence: float) -> dict[str, float]:
        """What the promise came to: `coverage_` of each target, `width_` (median upper over lower end), `size_` of the sets.

        Each coverage has a standard error, `coverage_*_se`. It adds up the chance in which crystals calibrate (the promise
        holds on average over them) and in which are tested.
        """
        found = {}
        intervals = self.intervals(predicted, confidence)
        for target in TARGETS:
            low, high = (intervals[f"{target}_{end}"].to_numpy() for end in ("low", "high"))
            value = truth[target].to_numpy()
            found[f"coverage_{target}"] = float(np.mean((low <= value) & (value <= high)))
            found[f"width_{target}"] = float(np.median(high / low))
        chosen = self.sets(predicted, confidence)
        position = np.searchsorted(self.bullets, truth[LABEL])
        found[f"coverage_{LABEL}"] = float(chosen[np.arange(len(chosen)), position].mean())
        found[f"size_{LABEL}"] = float(chosen.sum(axis=1).mean())
        error = (confidence * (1 - confidence) * (1 / self.n_calibration + 1 / len(truth))) ** 0.5
        return found | {f"coverage_{name}_se": error for name in (*TARGETS, LABEL)}


def _similarity(predicted: Predicted) -> np.ndarray:
    """What makes two predictions alike: both logarithms, and mean and spread of the number of bullets."""
    probability = predicted.probability.to_numpy()
    bullets = predicted.probability.columns.to_numpy()
    mean = probability @ bullets
    spread = np.sqrt(np.maximum(probability @ bullets**2 - mean**2, 0))
    return np.column_stack([np.log(predicted.table[list(TARGETS)]), mean, spread])


def _errors(truth: pd.DataFrame, predicted: Predicted, target: str) -> np.ndarray:
    """Errors (n,) of the predicted logarithm of a target."""
    return np.log(truth[target].to_numpy()) - np.log(predicted.table[target].to_numpy())


class Novelty:
    """How unlike the known pictures a picture is, as a conformal p-value.

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
