"""How good a representation of cirrus fields is: what it reconstructs, and what each of its latents says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from lib.datasets.batches import stored
from lib.datasets.cirrus_fields import CHANNELS
from lib.models.vae import Vae


def channel_r2(standard: np.ndarray, reconstructed: np.ndarray) -> pd.Series:
    """R2 of each channel of standard fields (..., 3, z, x): 1 less the square error over the square deviation from 0.

    0 is the mean of the channel over all members for training, their times and cells. A mean field would be a stricter
    reference; a constant one counts that a layer of cloud is reconstructed at all. NaN where a channel is its mean everywhere.
    """
    others = (*range(standard.ndim - 3), -2, -1)
    error, deviation = (np.sum(values**2, axis=others, dtype=np.float64) for values in (standard - reconstructed, standard))
    return pd.Series(1 - error / np.where(deviation > 0, deviation, np.nan), index=list(CHANNELS))


def variance_explained(channel: np.ndarray, other: np.ndarray, n: int = 100) -> float:
    """Share of the variance of one channel (any shape) that another explains, by any function: the correlation ratio.

    The function is the mean of the channel over cells between two of `n` quantiles of the other. NaN where the channel has no
    variance, or no cell.
    """
    if channel.size == 0 or np.ptp(channel) == 0:
        return float("nan")
    group = np.digitize(other.ravel(), np.quantile(other, np.linspace(0, 1, n + 1)[1:-1]))
    mean = np.bincount(group, channel.ravel(), n) / np.maximum(np.bincount(group, minlength=n), 1)
    return float(1 - np.mean((channel.ravel() - mean[group]) ** 2) / channel.var(dtype=np.float64))


@torch.inference_mode()
def information(model: Vae, pictures: np.ndarray) -> np.ndarray:
    """Mean Kullback-Leibler divergence (L,) of each latent from the prior [nat]: what it says of pictures (n, 3, z, x)."""
    divergences = []
    for batch in stored(pictures, 128).in_order():
        mean, log_variance = model.encode(batch.to(model.device))
        divergences.append(0.5 * (mean**2 + log_variance.exp() - 1 - log_variance))
    return torch.cat(divergences).mean(0).cpu().numpy()
