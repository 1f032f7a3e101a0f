"""What trained networks return for many pictures, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch


def as_pictures(batch: torch.Tensor) -> torch.Tensor:
    """A batch (B, S, S) or (B, C, S, S) as floats (B, C, S, S); grey levels uint8 of 0 to 255 become 0 to 1."""
    pictures = batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()
    return pictures if pictures.ndim == 4 else pictures[:, None]


@torch.inference_mode()
def outputs(function: Callable[[torch.Tensor], torch.Tensor], batches: Iterable, device: torch.device | str) -> np.ndarray:
    """What `function` returns on a device for the batches one after the other, as one array (n, ...) float32."""
    return np.concatenate([function(batch.to(device)).float().cpu().numpy() for batch in batches])
