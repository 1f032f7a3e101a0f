"""Power laws: how an error falls with what is spent on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class PowerLaw(NamedTuple):
    """error = `one` * pictures ** -`exponent`, where `one` is the error that a single picture would leave."""

    one: float
    exponent: float

    def error(self, pictures: np.ndarray) -> np.ndarray:
        """The error that so many pictures leave."""
        return self.one * np.asarray(pictures, float) ** -self.exponent

    def pictures(self, error: float) -> float:
        """How many pictures leave this error."""
        return float((self.one / error) ** (1 / self.exponent))

    @property
    def doubling(self) -> float:
        """The share of the error that remains when twice as many pictures are seen."""
        return 2**-self.exponent


def power_law(pictures: Iterable[float], errors: Iterable[float]) -> PowerLaw:
    """The power law nearest to some errors, by least squares of their logarithms.

    Raises
    ------
    ValueError
        If there are fewer than two numbers of pictures, or an error is not positive.
    """
    pictures, errors = np.asarray(list(pictures), float), np.asarray(list(errors), float)
    if len(np.unique(pictures)) < 2 or not (errors > 0).all():
        raise ValueError(f"expected positive errors of two or more numbers of pictures, got {errors} of {pictures}")
    slope, level = np.polyfit(np.log(pictures), np.log(errors), 1)
    return PowerLaw(float(np.exp(level)), float(-slope))
