"""What networks are made of: the base that all share, blocks of layers, and how a network makes itself known."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

#: How many numbers a network returns before the logits.
N_VALUES = 2


class Network(nn.Module):
    """What all networks share: `features`, then `head`."""

    head: nn.Module

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, V, S, S) -> (B, F)."""
        raise NotImplementedError

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(pictures))

    def forward_with_origins(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What `forward` returns, and the crystals' origins (B, V, 2) as of `Batch`, or None if it does not look for them."""
        return self(pictures), None


class Architecture(NamedTuple):
    """A kind of network.

    Attributes
    ----------
    title : name in figures and tables
    build : from the number of views, the side of the pictures [pixels], the number of outputs and settings by name, makes an
        untrained network
    rate : highest learning rate that suits it
    """

    title: str
    build: Callable[..., Network]
    rate: float


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.convolutions = nn.Sequential(convolution(before, after, 3, stride), nn.ReLU(), convolution(after, after, 3, 1))
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else convolution(before, after, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.convolutions(x) + self.shortcut(x))


def convolution(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution that keeps the side, or divides it by `stride`, and batch normalisation."""
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after))


def head(features: int, hidden: int, outputs: int) -> nn.Sequential:
    """Three fully connected layers (B, `features`) -> (B, `outputs`)."""
    layers = [nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
