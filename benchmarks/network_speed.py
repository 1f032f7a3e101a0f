"""Training speed of the polar network beside other networks and other ways to write it: batches of 64 pictures, side 128.

Each takes a few steps on the same pictures; CPU time, or wall time on a GPU.
"""

from __future__ import annotations

import time

import torch
from row import Row
from torch import nn

from lib.models.networks import NETWORKS, network
from lib.models.networks.parts import Network
from lib.models.networks.polar import _Round

BATCH, OUTPUTS = 64, 9


class OneDimensional(nn.Module):
    """The usual way to write the polar network's convolution: one dimension, circular padding."""

    def __init__(self, twin: _Round):
        super().__init__()
        old = twin.convolution
        settings = {"stride": old.stride[1], "padding": twin.reach, "padding_mode": "circular", "bias": False}
        self.convolution = nn.Conv1d(old.in_channels, old.out_channels, old.kernel_size[1], **settings)
        self.norm = nn.BatchNorm1d(old.out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.convolution(x[:, :, 0]))[:, :, None]


def one_dimensional(model: nn.Module) -> nn.Module:
    """The model with every `_Round` replaced."""
    for name, child in model.named_children():
        setattr(model, name, OneDimensional(child) if isinstance(child, _Round) else one_dimensional(child))
    return model


def milliseconds(model: Network, size: int, steps: int, device: str, bfloat16: bool = False) -> float:
    """Milliseconds a picture in training, after two steps to warm up."""
    model = model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    pictures = torch.rand(BATCH, 1, size, size, device=device)
    for step in range(steps + 2):
        if step == 2:
            start = _now(device)
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            loss = model(pictures).float().square().mean()
        loss.backward()
        optimizer.step()
    return 1e3 * (_now(device) - start) / (steps * BATCH)


def _now(device: str) -> float:
    """Seconds on the clock of the device, when it has done what it was asked."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def rows(quick: bool) -> list[Row]:
    """The polar network in single precision beside each other way."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size, steps = (64, 1) if quick else (128, 5)

    def one(name: str, **settings) -> Network:
        return network(name, 1, size, OUTPUTS, **settings)

    ours = milliseconds(one("polar"), size, steps, device)
    others = {
        NETWORKS["cnn"]: milliseconds(one("cnn"), size, steps, device),
        f"{NETWORKS['cnn']}, 4 x 4 pixels as one": milliseconds(one("cnn", pooled=4), size, steps, device),
        NETWORKS["resnet18"]: milliseconds(one("resnet18"), size, steps, device),
        "the same in bfloat16": milliseconds(one("polar"), size, steps, device, bfloat16=True),
        "the same with 1-D convolutions": milliseconds(one_dimensional(one("polar")), size, steps, device),
    }
    what = f"training step of the {NETWORKS['polar']}, a picture"
    return [Row(what, name, ours, other, "ms", f"on {device}, drawing left out") for name, other in others.items()]
