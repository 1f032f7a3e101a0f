"""Training speed of the networks on this machine, and what the paper profile would take.

Each network takes a few steps on the same pictures. Beside it: the same in bfloat16 with autocast, and the polar network with its
convolutions written in one dimension. Run by `make bench`; writes `NETWORKS.md` beside this file.

    python benchmarks/network_speed.py [steps]
"""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

import torch
from torch import nn

from lib.learning.networks import NETWORKS, network
from lib.learning.networks.parts import Network
from lib.learning.networks.polar import _Round

RESULTS = Path(__file__).with_name("NETWORKS.md")
BATCH, OUTPUTS = 64, 9
#: Pictures that each network sees in the paper profile: 50 epochs of 1,000 batches of 256.
PAPER = 50 * 1000 * 256
CASES = [("polar", 128, {}), ("cnn", 128, {"pooled": 4}), ("cnn", 128, {}), ("resnet18", 128, {}), ("resnet18", 224, {})]


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


def speed(model: Network, size: int, steps: int, device: str, bfloat16: bool = False) -> float:
    """Pictures a second in training, after two steps to warm up."""
    model = model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    pictures = torch.rand(BATCH, 1, size, size, device=device)
    for step in range(steps + 2):
        if step == 2:
            _wait(device)
            start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            loss = model(pictures).float().square().mean()
        loss.backward()
        optimizer.step()
    _wait(device)
    return steps * BATCH / (time.perf_counter() - start)


def _wait(device: str) -> None:
    """Wait until the device has done what it was asked."""
    if device == "cuda":
        torch.cuda.synchronize()


def report(steps: int) -> str:
    """The comparison as a Markdown table."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lines = [
        "# Training speed of the networks",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, {device}, torch {torch.__version__}; one view, batches of {BATCH}. "
        f"The last column is the paper profile's {PAPER:,} pictures of one network at this speed, drawing left out.",
        "",
        "| network | side [px] | pictures a second | in bfloat16 [ratio] | paper profile [h] |",
        "|---|---|---|---|---|",
    ]
    for name, size, settings in CASES:
        plain = speed(network(name, 1, size, OUTPUTS, **settings), size, steps, device)
        half = speed(network(name, 1, size, OUTPUTS, **settings), size, steps, device, bfloat16=True)
        side = size // settings.get("pooled", 1)
        lines.append(f"| {NETWORKS[name]} | {side} | {plain:.0f} | {half / plain:.2f} | {PAPER / plain / 3600:.1f} |")
    models = network("polar", 1, 128, OUTPUTS), one_dimensional(network("polar", 1, 128, OUTPUTS))
    ours, usual = (speed(model, 128, steps, device) for model in models)
    lines += ["", f"The polar network with one-dimensional convolutions is slower by a factor of **{ours / usual:.2f}**."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = report(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    RESULTS.write_text(text)
    print(text)
