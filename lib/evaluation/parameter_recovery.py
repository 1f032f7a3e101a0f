"""The parameters of an ensemble and its trajectories: what variance they explain, and whether they can be estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from lib.evaluation.trajectories import MEASURES, pairs, trajectory_distances

#: Strengths of the penalty among which the regression on trajectories chooses.
_PENALTIES = np.logspace(-1, 5, 13)


def unit_parameters(ensemble: xr.Dataset, names: Sequence[str]) -> np.ndarray:
    """Logarithms (member, parameter) of the parameters `names`, from 0 at the least of the ensemble to 1 at the largest.

    So a step counts as much as another that multiplies by the same factor, and each parameter's range as much as any other's.
    A parameter that is the same in all members is 0.
    """
    logs = np.log(np.stack([ensemble[name].to_numpy() for name in names], axis=1))
    span = np.ptp(logs, axis=0)
    return (logs - logs.min(axis=0)) / np.where(span > 0, span, 1)


def variance_by_time(latents: np.ndarray, parameters: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Variance over members at each time, and how much of it a quadratic function of the parameters explains.

    Explained is the variance less the mean square error for members that the function was not fitted to, one after the other,
    and never less than 0.

    Parameters
    ----------
    latents : (member, time, L); variances are added up over the latents
    parameters : (member, parameter), the columns called `names`

    Returns
    -------
    Table with a row for each time and the columns "all", "explained" (by all parameters) and each parameter alone
    """
    variance = latents.var(axis=0).sum(axis=-1)
    columns = {"explained": parameters} | {name: parameters[:, [k]] for k, name in enumerate(names)}
    explained = {name: np.maximum(variance - _residual(latents, values), 0) for name, values in columns.items()}
    return pd.DataFrame({"all": variance} | explained)


def _residual(latents: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Mean square error (time,) of the best quadratic function of parameters (member, p), for members that it was not fitted to.

    Errors are added up over the latents (member, time, L).
    """
    model = make_pipeline(PolynomialFeatures(2), LinearRegression())
    flat = latents.reshape(len(latents), -1)
    error = (flat - cross_val_predict(model, parameters, flat, cv=LeaveOneOut())) ** 2
    return error.reshape(latents.shape).mean(axis=0).sum(axis=-1)


def rank_correlations(curves: Mapping[str, np.ndarray], parameters: np.ndarray) -> pd.DataFrame:
    """Spearman's correlation of the distances of all pairs of members with those of their parameters (member, p).

    A row for each of `curves` (member, time, L), and a column for each measure of `lib.evaluation.trajectories`.
    """
    gaps = pdist(parameters)
    return pd.DataFrame(
        {
            measure: {name: spearmanr(pairs(trajectory_distances(own, own, measure)), gaps)[0] for name, own in curves.items()}
            for measure in MEASURES
        }
    )


def parameter_estimates(known: np.ndarray, parameters: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Parameters (m, p) of `new` trajectories (m, time, L), learned from those (n, p) of `known` ones (n, time, L).

    Ridge regression on all latents of all times, its penalty chosen by leaving out one known member after the other.
    """
    model = make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
    return np.asarray(model.fit(known.reshape(len(known), -1), parameters).predict(new.reshape(len(new), -1)))


def r2_by_time(known: np.ndarray, parameters: np.ndarray, new: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """R2 (time, p) of `parameter_estimates` from single times of `new` trajectories, whose true parameters are `truth` (m, p)."""
    estimates = [parameter_estimates(known[:, [time]], parameters, new[:, [time]]) for time in range(known.shape[1])]
    return np.array([r2_score(truth, values, multioutput="raw_values") for values in estimates])
