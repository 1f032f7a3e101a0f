"""ResNet-18."""

from __future__ import annotations

import torch
from torch import nn

from lib.models.networks.parts import Architecture, Network, ResidualBlock, convolution


class ResNet18(Network):
    """ResNet-18 without weights trained elsewhere (He et al. 2016, doi:10.1109/CVPR.2016.90).

    Takes pictures (B, V, S, S) of any side, whatever `size` says, returns (B, `outputs`). Before all else, blocks of `pooled` x
    `pooled` pixels are averaged.
    """

    def __init__(self, views: int, size: int, outputs: int, width: int = 64, pooled: int = 1):
        super().__init__()
        layers = [nn.AvgPool2d(pooled), convolution(views, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        before = width
        for stage in range(4):
            after = width * 2**stage
            layers += [ResidualBlock(before, after, 1 if stage == 0 else 2), ResidualBlock(after, after, 1)]
            before = after
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(before, outputs)
        self.to(memory_format=torch.channels_last)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(pictures.contiguous(memory_format=torch.channels_last))


ARCHITECTURE = Architecture("ResNet-18", ResNet18, 1e-3)
