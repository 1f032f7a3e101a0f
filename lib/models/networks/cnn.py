"""The simple convolutional network of the talk."""

from __future__ import annotations

import torch
from torch import nn

from lib.models.networks.parts import Architecture, Network


class Cnn(Network):
    """The talk's simple network: three convolutions with max pooling, three fully connected layers (Ko et al. 2025).

    Pictures (B, V, S, S) with S = `size` fixed, returns (B, `outputs`). Before all else, blocks of `pooled` x `pooled` pixels are
    averaged; `size / pooled` is a multiple of 8.
    """

    def __init__(self, views: int, size: int, outputs: int, pooled: int = 1):
        super().__init__()
        if size % (8 * pooled):
            raise ValueError(f"size: expected a multiple of {8 * pooled}, got {size}")
        layers, before = [nn.AvgPool2d(pooled)], views
        for channels in (16, 32, 64):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        flat = 64 * (size // pooled // 8) ** 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.head = nn.Linear(64, outputs)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(pictures)


ARCHITECTURE = Architecture("CNN of the talk", Cnn, 1e-3)
