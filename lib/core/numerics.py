"""Small numerical kernels that several compiled functions share."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def solve(matrix, right):
    """Solution (n,) of `matrix` (n, n) x = `right` (n,) by Gaussian elimination with pivots; NaN if the matrix is singular.

    For systems of a few equations inside compiled code, where LAPACK costs seconds to compile and more to call.
    """
    n = len(right)
    a, x = matrix.copy(), right.copy()
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]))
        if a[pivot, k] == 0.0:
            return np.full(n, np.nan)
        for j in range(n):
            a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
        x[k], x[pivot] = x[pivot], x[k]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= factor * a[k, j]
            x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= a[k, j] * x[j]
        x[k] /= a[k, k]
    return x
