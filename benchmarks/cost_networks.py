"""Networks of notebooks 13 and 22 for `cost.py`: steps of their training, and how many operations these take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def training(kind: str, width: int, size: int) -> Callable[[Path, int], None]:
    """Training of a network of notebook 22 on so many pictures."""

    def make(folder: Path, n: int) -> None:
        model, batch = _network(kind, width, size), min(n, 16)
        optimizer = model.configure_optimizers()["optimizer"]
        for _ in range(n // batch):
            optimizer.zero_grad()
            _loss(model, batch, size).backward()
            optimizer.step()

    return make


def _network(kind: str, width: int, size: int):
    from lib.models.self_supervision import Contrastive, ContrastiveRecipe
    from lib.models.vae import Vae, VaeRecipe

    if kind == "ssl":
        return Contrastive(ContrastiveRecipe(width=width), 1000)
    return Vae(VaeRecipe(128, size, architecture=kind, width=width), 1000)


def _loss(model, batch: int, size: int):
    import torch

    pictures = torch.rand(batch, 1, size, size)
    return model.loss(pictures if hasattr(model, "decoder") else (255 * pictures).byte())


def teaching(name: str, settings: dict, size: int) -> Callable[[Path, int], None]:
    """Training of a network of notebook 13 on so many pictures, drawing not included."""

    def make(folder: Path, n: int) -> None:
        import torch

        model = _shape_network(name, settings, size)
        optimizer = torch.optim.AdamW(model.parameters())
        for _ in range(n // 8):
            optimizer.zero_grad()
            _answers(model, 8, size).backward()
            optimizer.step()

    return make


def _shape_network(name: str, settings: dict, size: int):
    from lib.models.networks import network

    return network(name, 1, size, 9, **settings)


def _answers(model, batch: int, size: int):
    import torch

    return model(torch.rand(batch, 1, size, size)).square().mean()


def operations(name: str) -> float:
    """Floating-point operations of one picture in the training of a network, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    make, loss, what = (
        (_network, _loss, REPRESENTATIONS[name]) if name in REPRESENTATIONS else (_shape_network, _answers, SHAPE_NETWORKS[name])
    )
    model, counter = make(*what), FlopCounterMode(display=False)
    with counter:
        loss(model, 4, what[-1]).backward()
    return counter.get_total_flops() / 4


#: Network -> kind, channels of its first layer and side of the pictures in the laptop and in the paper profile of notebook 22.
REPRESENTATIONS = {
    "VAE, 64 px": ("conv", 16, 64),
    "ResNet-VAE, 64 px": ("resnet", 16, 64),
    "self-supervised, 64 px": ("ssl", 64, 64),
    "VAE, 224 px": ("conv", 32, 224),
    "ResNet-VAE, 224 px": ("resnet", 32, 224),
    "self-supervised, 224 px": ("ssl", 96, 224),
}
#: Network -> its name, settings and side of the pictures in the paper profile of notebook 13.
SHAPE_NETWORKS = {
    "polar network, 224 px": ("polar", {"width": 256}, 224),
    "CNN, 224 px": ("cnn", {"pooled": 1}, 224),
    "ResNet-18, 224 px": ("resnet18", {"pooled": 1}, 224),
}
