"""Two-sample tests: how far apart two sets of points are, and how well a classifier tells one from the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib.evaluation.latent_scores import NEIGHBOURS, linear_probe

#: Places at which distribution functions are compared, in spans from the 5 to the 95 % point of the reference, from its median.
_GRID = np.linspace(-1.5, 1.5, 25)
#: Random directions along which distributions are compared, beside those of the features, and how many features each mixes.
_DIRECTIONS, _MIXED = 80, 3


def two_sample_accuracy(a: np.ndarray, b: np.ndarray, seed: int = 0) -> pd.Series:
    """Classifier two-sample test: accuracy with which points (n, d) of one set are told from those (m, d) of another [1].

    0.5 is chance, for equal sizes, and says that the classifier finds no difference. Accuracies are those of five-fold
    cross-validation of a linear probe, ten nearest neighbours and boosted trees (Lopez-Paz & Oquab 2017, arXiv:1610.06545). The
    larger set is thinned to the size of the smaller.

    Returns
    -------
    Series of the accuracies "linear", "neighbours" and "boosting", and their largest, "highest"
    """
    rng = np.random.default_rng(seed)
    size = min(len(a), len(b))
    a, b = (values[np.sort(rng.permutation(len(values))[:size])] for values in (a, b))
    points, labels = np.concatenate([a, b]), np.repeat([0, 1], size)
    classifiers = {
        "linear": linear_probe(),
        "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(NEIGHBOURS)),
        "boosting": HistGradientBoostingClassifier(max_iter=min(size, 100), max_bins=64, random_state=seed),
    }
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    predicted = {name: cross_val_predict(classifier, points, labels, cv=folds) for name, classifier in classifiers.items()}
    accuracy = {name: accuracy_score(labels, found) for name, found in predicted.items()}
    return pd.Series(accuracy | {"highest": max(accuracy.values())})


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance squared between Gaussians fitted to two sets of points (n, d) and (m, d).

    The square of the distance of their means, and tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of their covariances (Dowson & Landau 1982,
    doi:10.1016/0047-259X(82)90077-X; for images Heusel et al. 2017, arXiv:1706.08500). Biased upward: two samples of n points
    of one Gaussian, with d variances of 1, are about d^2 / (2 n) + 2 d / n apart.
    """
    covariance_a, covariance_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(covariance_a @ covariance_b)
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(covariance_a + covariance_b - 2 * np.real(root)))


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Maximum mean discrepancy squared between two sets of points (n, d) and (m, d), unbiased, about 0 for equal populations.

    Two samples of one population may well have a small negative one. The kernel is exp(-distance^2 / median distance^2 of all
    points), a Gaussian whose standard deviation is that median over the root of 2 (Gretton et al. 2012, JMLR 13, 723).
    """
    both = np.concatenate([a, b])
    distances = cdist(both, both, "sqeuclidean")
    kernel = np.exp(-distances / np.median(distances[np.triu_indices(len(both), 1)]))
    n, m = len(a), len(b)
    within_a = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    within_b = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within_a + within_b - 2 * kernel[:n, n:].mean())


def ks_distances(a: pd.DataFrame, b: pd.DataFrame) -> pd.Series:
    """Kolmogorov-Smirnov distance of each column of two tables, the largest first.

    It is 0 for equal distributions and 1 for such that do not overlap. NaN are left out; so are columns that have nothing else
    in one of the tables.
    """
    pairs = {name: (a[name].dropna(), b[name].dropna()) for name in a}
    return pd.Series({name: ks_2samp(*pair).statistic for name, pair in pairs.items() if all(map(len, pair))}).sort_values(
        ascending=False
    )


def impute(reference: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Tables (n, d) with the median of the first in place of NaN, and the number of these in a row as one more column.

    The count is of all columns together, so that NaN in `others` alone still count; scikit-learn's own indicators know only the
    columns in which the first table has some.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(reference)
    tables = [np.asarray(imputer.transform(values)) for values in (reference, *others)]
    n_missing = [np.isnan(values).sum(axis=1) for values in (reference, *others)]
    if not any(count.any() for count in n_missing):
        return tables
    return [np.column_stack(pair) for pair in zip(tables, n_missing, strict=True)]


class EnergyDistance:
    """The sliced energy distance of sets of points from a `reference` (n, d).

    Along one direction the energy distance is 2 int (F - G)^2 dx of the distribution functions F and G (Szekely & Rizzo 2013,
    doi:10.1016/j.jspi.2013.03.018). This is the mean over all features and over random mixtures of three of them, on a grid, in
    units of the span of the reference. So it is a sum of squares, and a mixture can be fitted by least squares;
    `scipy.stats.energy_distance` has no such residuals.

    Attributes
    ----------
    middle, span : (d,) median of each feature of the reference, and its span from the 5 to the 95 % point
    directions : (k, d) unit vectors
    reference : (g,) distribution functions of the reference, see `distribution_functions`
    """

    def __init__(self, reference: np.ndarray, seed: int = 0):
        low, self.middle, high = np.nanpercentile(reference, [5, 50, 95], axis=0)
        self.span = np.where(high > low, high - low, 1.0)
        rng, d = np.random.default_rng([seed, 11]), reference.shape[1]
        mixtures = np.zeros((_DIRECTIONS, d))
        for mixture in mixtures:
            mixture[rng.permutation(d)[:_MIXED]] = rng.standard_normal(_MIXED)
        self.directions = np.vstack([np.eye(d), mixtures / np.linalg.norm(mixtures, axis=1, keepdims=True)])
        self.reference = self.distribution_functions(reference)

    def distribution_functions(self, points: np.ndarray) -> np.ndarray:
        """Distribution functions (g,) of points (m, d) along all directions, scaled so that squares add up to the distance."""
        places = np.nan_to_num((points - self.middle) / self.span).clip(-3, 3) @ self.directions.T
        shares = np.stack([(places <= x).mean(axis=0) for x in _GRID])
        return shares.ravel() * np.sqrt(2 * (_GRID[1] - _GRID[0]) / len(self.directions))

    def __call__(self, points: np.ndarray) -> float:
        """Energy distance of points (m, d) from the reference, about 0 for equal populations."""
        return float(np.sum((self.distribution_functions(points) - self.reference) ** 2))
