"""Further effects of a probe on the light, each in a module of its own; `Probe.further` switches them on.

An effect is a function ``effect(light, strength, rng)`` that returns the light (h, w) float32 behind the lens, in units of the
background, changed by a `strength` of at least 0 whose unit its docstring tells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.core.registry import members

#: Names of the effects and of their modules. A further effect is a module beside these and its name here.
NAMES = (
    "motion",
    "dust",
)
FURTHER: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = members(__name__, NAMES, "effect")
