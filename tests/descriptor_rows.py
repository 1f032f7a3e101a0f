"""Rows of made-up descriptors whose targets are known, for tests of learners and scores."""

import numpy as np
import pandas as pd


def synthetic(n_crystals, n_orientations=6, seed=0):
    """A table whose inputs are the targets and noise; the last is noise alone."""
    rng = np.random.default_rng(seed)
    n_bullets = rng.integers(4, 8, n_crystals)
    rho_e, a_e = rng.uniform(0.02, 0.2, n_crystals), rng.uniform(0.2, 0.8, n_crystals)
    index = pd.MultiIndex.from_product([range(n_crystals), range(n_orientations)], names=["crystal", "orientation"])
    seen = np.repeat(np.column_stack([rho_e, a_e, n_bullets]), n_orientations, axis=0)
    noise = rng.normal(size=(len(index), 4))
    return pd.DataFrame(
        {
            "dense": seen[:, 0] * 10 + 0.1 * noise[:, 0],
            "rough": seen[:, 1] * 5 - seen[:, 0] + 0.2 * noise[:, 1],
            "armed": seen[:, 2] + 0.3 * noise[:, 2],
            "useless": noise[:, 3],
            "rho_e": seen[:, 0],
            "a_e": seen[:, 1],
            "n_bullets": seen[:, 2].astype(int),
        },
        index=index,
    )
