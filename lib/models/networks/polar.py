"""A network that samples pictures on rings about the point from which the bullets grow."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from lib.models.networks.parts import Architecture, Network, head


class Polar(Network):
    """A network for crystals that grow from a centre: rings about this centre, convolved along their angle.

    A `Locator` finds the centre first. It is not the middle of the picture, where the middle of the crystal's box lies. Each
    picture is sampled on `rings` x `angles` points in polar coordinates about it. A ring is a channel, a turn of the crystal in
    the picture plane is a shift, and convolutions that run round the circle shift with it. What is then averaged and maximised
    over the angle does not change with the turn, up to the sampling and to the strides of the convolutions: three of them
    halve the number of columns, so a turn by eight columns is a whole shift, and one by less is something to learn. With several
    views the same encoder reads each. To relate them, their orientation to the axis that they share matters: an oriented network
    also keeps the first Fourier coefficients of some channels along the angle. Takes (B, V, S, S), returns (B, `outputs`).

    Parameters
    ----------
    width : channels of the first convolution; those after it have 1.5 and 2 times as many
    angles : a multiple of 8
    oriented : keep the orientation also with one view
    locate : look for the centre; else the rings are about the middle of the picture
    reach : radius of the outermost ring [half sides of the picture; or, if `scale_free`, distances of the farthest pixel]
    scale_free : the rings reach as far as the crystal does, so that it does not matter how it fills its frame
    """

    #: Outermost ring for crystals with a centre, and Fourier orders and channels kept with several views.
    REACH, ORDERS, MIXED = 0.85, 6, 48

    def __init__(
        self, views: int, outputs: int, rings: int = 48, angles: int = 96, width: int = 64, hidden: int = 256,
        oriented: bool = False, locate: bool = True, reach: float = REACH, scale_free: bool = False,
    ):  # fmt: skip
        super().__init__()
        if angles % 8:
            raise ValueError(f"angles: expected a multiple of 8, got {angles}")
        middle, last = 3 * width // 2, 2 * width
        self.locator, self.scale_free = Locator() if locate else None, scale_free
        self.register_buffer("grid", polar_grid(rings, angles, reach).transpose(1, 2), persistent=False)
        self.encoder = nn.Sequential(
            _Round(rings, width, 7, 2), nn.ReLU(), _Round(width, middle, 5, 2), nn.ReLU(), _RoundBlock(middle),
            _Round(middle, last, 3, 2), nn.ReLU(),
        )  # fmt: skip
        self.n_features = 2 * last
        self.oriented = oriented or views > 1
        if self.oriented:
            self.register_buffer("basis", fourier_basis(angles // 8, self.ORDERS), persistent=False)
            self.mix = nn.Conv1d(last, self.MIXED, 1)
            self.n_features += self.MIXED * 2 * self.ORDERS
        self.head = head(views * self.n_features, hidden, outputs)
        self.to(memory_format=torch.channels_last)

    def origins(self, pictures: torch.Tensor) -> torch.Tensor:
        """Where the bullets of pictures (B, V, S, S) grow from, (B, V, 2) as of `Batch`."""
        if self.locator is None:
            return pictures.new_zeros(*pictures.shape[:2], 2)
        return self.locator(pictures.flatten(0, 1)[:, None]).unflatten(0, pictures.shape[:2])

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Of each picture alone, one after the other: (B, V, S, S) -> (B, V * `n_features`)."""
        return self.features_about(pictures, self.origins(pictures))

    def features_about(self, pictures: torch.Tensor, origins: torch.Tensor) -> torch.Tensor:
        """`features` of pictures sampled about `origins` (B, V, 2)."""
        flat = pictures.flatten(0, 1)[:, None]
        middle = origins.detach().flatten(0, 1)[:, None, None]
        grid = self.grid * farthest(flat, middle) if self.scale_free else self.grid
        grid = (grid + middle).to(flat.dtype)
        polar = functional.grid_sample(flat, grid, align_corners=False)  # (B * V, 1, angles, rings)
        along = self.encoder(polar.permute(0, 3, 1, 2))[:, :, 0]
        kept = [along.mean(2), along.amax(2)]
        if self.oriented:
            kept.append((self.mix(along) @ self.basis.to(along.dtype)).flatten(1))
        return torch.cat(kept, 1).unflatten(0, pictures.shape[:2]).flatten(1)

    def answer(self, features: torch.Tensor) -> torch.Tensor:
        """What the heads make of `features`."""
        return self.head(features)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.answer(self.features(pictures))

    def forward_with_origins(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        origins = self.origins(pictures)
        return self.answer(self.features_about(pictures, origins)), origins if self.locator else None


class PolarByViews(Polar):
    """A polar network with a head for each number of views, from one to all: (B, V, S, S) -> (V * B, `outputs`).

    The rows are first what the first view of each crystal tells alone, then what its first two tell together, and so on. The
    encoder is oriented, and looks at each picture once.
    """

    def __init__(self, views: int, outputs: int, hidden: int = 256, **settings):
        super().__init__(views, outputs, hidden=hidden, oriented=True, **settings)
        self.head: nn.Module = nn.ModuleList(head(k * self.n_features, hidden, outputs) for k in range(1, views + 1))

    def answer(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([head(features[:, : k * self.n_features]) for k, head in enumerate(self.head, start=1)])


class PolarPairs(Polar):
    """A polar network with a head for one view and a head for each pair of the first view with another.

    (B, V, S, S) -> ((2 V - 1) * B, `outputs`). The rows are first what each view of a crystal tells alone, all by the same head,
    then what the first and the second view tell together, then the first and the third, and so on. So all heads are trained
    together on one encoder, which looks at each picture once. It also takes fewer views than it was built for, such as one.
    """

    def __init__(self, views: int, outputs: int, hidden: int = 256, **settings):
        super().__init__(views, outputs, hidden=hidden, oriented=True, **settings)
        self.head: nn.Module = head(self.n_features, hidden, outputs)
        self.pair_heads = nn.ModuleList(head(2 * self.n_features, hidden, outputs) for _ in range(views - 1))

    def answer(self, features: torch.Tensor) -> torch.Tensor:
        first, *others = features.split(self.n_features, 1)
        alone = self.head(torch.cat([first, *others]))
        pairs = [head(torch.cat([first, other], 1)) for head, other in zip(self.pair_heads, others, strict=False)]
        return torch.cat([alone, *pairs])


class Locator(nn.Module):
    """Finds the point from which the bullets of a rosette grow: (B, 1, S, S) -> (B, 2) x and y as of `Batch`.

    A convolutional network gives each of 16 x 16 fields of the picture a weight, and the point is their weighted mean ("spatial
    softmax" of Finn et al. 2016, doi:10.1109/ICRA.2016.7487173).
    """

    #: Side of the pictures that it sees [pixels], of its fields, and channels.
    SIZE, FIELDS, WIDTH = 64, 16, 12

    def __init__(self):
        super().__init__()
        width = self.WIDTH
        self.layers = nn.Sequential(
            _flat(1, width, 5, stride=2), _flat(width, 2 * width, 3, stride=2), _flat(2 * width, 2 * width, 3),
            _flat(2 * width, 2 * width, 3, dilation=2), _flat(2 * width, 2 * width, 3, dilation=4), nn.Conv2d(2 * width, 1, 1),
        )  # fmt: skip
        self.register_buffer("places", (torch.arange(self.FIELDS) + 0.5) * 2 / self.FIELDS - 1, persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        small = functional.adaptive_avg_pool2d(pictures, self.SIZE)
        weight = self.layers(small).float().flatten(1).softmax(1).unflatten(1, (self.FIELDS, self.FIELDS))
        return torch.stack([weight.sum(1) @ self.places, weight.sum(2) @ self.places], 1).to(pictures.dtype)


def _flat(before: int, after: int, kernel: int, **settings) -> nn.Sequential:
    """A convolution of the picture plane, batch normalisation and ReLU."""
    padding = settings.get("dilation", 1) * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, padding=padding, bias=False, **settings), nn.BatchNorm2d(after), nn.ReLU()
    )


def farthest(pictures: torch.Tensor, origins: torch.Tensor) -> torch.Tensor:
    """Distance (B, 1, 1, 1) of the farthest half covered pixel of pictures (B, 1, S, S) from `origins` (B, 1, 1, 2)."""
    size = pictures.shape[-1]
    at = (torch.arange(size, device=pictures.device) + 0.5) * 2 / size - 1
    squared = (at - origins[..., :1]) ** 2 + (at[:, None] - origins[..., 1:]) ** 2
    return (squared * (pictures >= 0.5)).amax((1, 2, 3), keepdim=True).sqrt().clamp(min=2 / size)


def polar_grid(rings: int, angles: int, reach: float) -> torch.Tensor:
    """Sampling points (1, rings, angles, 2) as x, y in half sides of the picture, for `torch.nn.functional.grid_sample`."""
    radius = (torch.arange(rings) + 0.5) / rings * reach
    angle = torch.arange(angles) / angles * 2 * math.pi
    return (radius[:, None, None] * torch.stack([angle.cos(), angle.sin()], -1))[None]


def fourier_basis(angles: int, orders: int) -> torch.Tensor:
    """Cosines and sines (angles, 2 * orders) whose products with samples round a circle are their Fourier coefficients."""
    angle = torch.arange(angles) / angles * 2 * math.pi
    waves = [wave(m * angle) for m in range(1, orders + 1) for wave in (torch.cos, torch.sin)]
    return torch.stack(waves, 1) * 2 / angles


class _Round(nn.Module):
    """A convolution along the angle, whose end joins its beginning, and batch normalisation.

    (B, C, 1, A) -> (B, C', 1, A / stride). Written as a two-dimensional convolution with the channels last in memory, since
    that is faster on a processor (`benchmarks/network_speed.py`).
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1):
        super().__init__()
        self.reach = kernel // 2
        self.convolution = nn.Conv2d(before, after, (1, kernel), (1, stride), bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        closed = torch.cat([x[..., -self.reach :], x, x[..., : self.reach]], -1)
        return self.norm(self.convolution(closed))


class _RoundBlock(nn.Module):
    """Two convolutions along the angle with a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.convolutions = nn.Sequential(_Round(channels, channels, 3), nn.ReLU(), _Round(channels, channels, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.convolutions(x))


#: How many heads: one, one for each number of views, or one for single views and one for each pair.
_HEADS: dict[str, type[Polar]] = {"one": Polar, "by_views": PolarByViews, "pairs": PolarPairs}


def polar(views: int, size: int, outputs: int, heads: str = "one", **settings) -> Polar:
    """A polar network for pictures of any `size` with `heads`: "one", "by_views" or "pairs"."""
    if heads not in _HEADS:
        raise ValueError(f"heads: expected one of {', '.join(_HEADS)}, got {heads!r}")
    return _HEADS[heads](views, outputs, **settings)


ARCHITECTURE = Architecture("polar network", polar, 4e-3)
