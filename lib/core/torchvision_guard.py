"""Lets torchvision be imported beside a build of torch that it was not made for. Import this before lightning or pyroved.

PyPI's torchvision is built for CUDA. Beside a CPU build of torch its compiled operators cannot be loaded, and the import
fails because two of them are described but missing. Neither is used here (pyroved wants a grid of pictures, torchmetrics
looks for transforms), so they are declared without being there. Where torchvision's library loads, nothing is done.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def operators_load() -> bool:
    """Whether torchvision's compiled operators can be loaded here, or there is no torchvision that would need them."""
    spec = importlib.util.find_spec("torchvision")
    libraries = list(Path(spec.origin).parent.glob("_C*.so")) if spec else []
    try:
        for library in libraries:
            torch.ops.load_library(library)
    except OSError:
        return False
    return True


if not operators_load():
    _LIBRARY = torch.library.Library("torchvision", "DEF")  # the declarations live as long as this does
    for signature in _SIGNATURES:
        _LIBRARY.define(signature)
