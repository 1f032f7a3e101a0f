"""Variational autoencoders for pictures: plain convolutions, or residual blocks.

A variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114) has an encoder that gives each picture a Gaussian in a space
of a few dimensions, the latent space, and a decoder that draws a picture from a point of it. Both are trained to reconstruct the
pictures while the Gaussians stay near the unit one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lib.datasets.batches import SeededDataset
from lib.models.inference import as_pictures, outputs
from lib.models.networks.parts import ResidualBlock
from lib.models.training import Trained, Training, lightning, one_cycle

#: Raised whenever the same recipe would give other weights, so that older networks are not found again.
VERSION = 2
#: Side of the smallest feature maps [pixels].
_SMALLEST = 4
#: Pictures decoded at a time.
_AT_ONCE = 250


@dataclass(frozen=True)
class VaeRecipe:
    """How an autoencoder is built and trained: all that decides its weights beside the pictures.

    Attributes
    ----------
    latents : the latent dimension
    size, channels : side of the square pictures [pixels], _SMALLEST times a power of two (or 7 times one), and their channels
    architecture : "conv" for strided convolutions of 4 x 4, or "resnet" for residual blocks behind the first of them
    width : channels of the first layer; each further layer halves the side and has twice as many, at most eight times
    beta : weight of the Kullback-Leibler term; 1 is the evidence lower bound
    epochs, rate : epochs, and the highest learning rate
    layers : hidden layers, each of which halves the side; by default all that leave _SMALLEST pixels or more
    translation : an augmentation for pictures that are periodic in x: each is moved along x by a random number of pixels
    """

    latents: int
    size: int = 64
    channels: int = 1
    architecture: str = "conv"
    width: int = 16
    beta: float = 1.0
    epochs: int = 10
    rate: float = 2e-3
    layers: int | None = None
    translation: bool | None = None

    def described(self) -> dict:
        """The choices as plain values; without those left open, which later versions add."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Vae(lightning.LightningModule):
    """A variational autoencoder for pictures (B, C, S, S) of about 0 to 1.

    The error of a reconstructed picture is Gaussian with one standard deviation for all pixels, the one most likely for the
    batch, so that no weight between error and Kullback-Leibler term need be chosen (Rybkin et al. 2021, arXiv:2006.13202).
    """

    def __init__(self, recipe: VaeRecipe, steps: int):
        super().__init__()
        self.recipe, self.steps = recipe, steps
        if recipe.architecture not in LAYERS:
            raise ValueError(f"architecture: expected one of {', '.join(LAYERS)}, got {recipe.architecture!r}")
        down, up = LAYERS[recipe.architecture]
        stages, smallest = halvings(recipe.size, recipe.layers)
        widths = [recipe.width * min(2**stage, 8) for stage in range(stages)]
        shape = (widths[-1], smallest, smallest)
        self.encoder = nn.Sequential(
            nn.Conv2d(recipe.channels, widths[0], 4, 2, 1), nn.ReLU(), *(down(*pair) for pair in pairwise(widths)),
            nn.Flatten(), nn.Linear(math.prod(shape), 2 * recipe.latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(recipe.latents, math.prod(shape)), nn.ReLU(), nn.Unflatten(1, shape),
            *(up(*pair) for pair in pairwise(widths[::-1])), nn.ConvTranspose2d(widths[0], recipe.channels, 4, 2, 1),
        )  # fmt: skip

    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and logarithms of the variances of the latents, both (B, L), for pictures (B, C, S, S)."""
        return self.encoder(pictures).chunk(2, dim=1)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (B, C, S, S) for latents (B, L)."""
        return self.decoder(latents)

    def terms(self, pictures: torch.Tensor, noise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean square error of the reconstructed pixels, and the Kullback-Leibler divergence a picture [nats]."""
        mean, log_variance = self.encode(pictures)
        log_variance = log_variance.clamp(-12, 6)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if noise else mean
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return functional.mse_loss(self.decode(latents).float(), pictures.float()), divergence.float()

    def loss(self, pictures: torch.Tensor) -> torch.Tensor:
        """Negative evidence lower bound a pixel [nats], up to a constant, with the error's most likely deviation."""
        error, divergence = self.terms(pictures)
        return 0.5 * error.log() + self.recipe.beta * divergence / pictures[0].numel()

    def training_step(self, batch: torch.Tensor, _) -> torch.Tensor:
        pictures = as_pictures(batch)
        return self.loss(translated(pictures) if self.recipe.translation else pictures)

    def validation_step(self, batch: torch.Tensor, _) -> dict[str, torch.Tensor]:
        pictures = as_pictures(batch)
        error, divergence = self.terms(pictures)
        loss = 0.5 * error.log() + self.recipe.beta * divergence / pictures[0].numel()
        return {"val_loss": loss, "val_error": error, "val_divergence": divergence}

    def configure_optimizers(self) -> dict:
        return one_cycle(self.parameters(), self.recipe.rate, self.recipe.epochs * self.steps)


def translated(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, C, S, S) that are periodic in x, each moved along x by a random whole number of pixels."""
    side = pictures.shape[-1]
    steps = torch.randint(side, (len(pictures), 1), device=pictures.device)
    columns = (torch.arange(side, device=pictures.device) + steps) % side
    return pictures.gather(-1, columns[:, None, None].expand_as(pictures))


def halvings(size: int, most: int | None = None) -> tuple[int, int]:
    """How often `size` can be halved until 4 to 7 are left, and what is left: 64 -> (4, 4), 224 -> (5, 7).

    With `most`, not oftener than that: 64 and 3 -> (3, 8).

    Raises
    ------
    ValueError
        If an odd side is met before.
    """
    stages, left = 0, size
    while left > 7 and left % 2 == 0 and stages != most:
        stages, left = stages + 1, left // 2
    if not stages or not (_SMALLEST <= left <= 7 or stages == most):
        raise ValueError(f"size: expected 4 to 7 times a power of two, got {size}")
    return stages, left


def _conv_down(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def _conv_up(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def _resnet_down(before: int, after: int) -> nn.Module:
    return ResidualBlock(before, after, 2)


def _resnet_up(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=2), ResidualBlock(before, after, 1))


#: Architecture -> layer from so many channels to so many that halves the side, and one that doubles it.
LAYERS = {"conv": (_conv_down, _conv_up), "resnet": (_resnet_down, _resnet_up)}


def vae_training(
    recipe: VaeRecipe,
    data: Mapping,
    steps: int,
    batches: Callable[[], SeededDataset],
    validation: Callable[[], Iterable],
    seed: int = 0,
) -> Training:
    """The training of the autoencoder of a `recipe`.

    Parameters
    ----------
    data : plain values that decide every byte of the pictures
    steps : batches in an epoch
    batches, validation : as in `lib.models.training.Training`
    """
    description = {"recipe": recipe.described(), "data": dict(data), "seed": seed, "version": VERSION}
    return Training("vae", description, lambda: Vae(recipe, steps), batches, validation, recipe.epochs)


def vae(
    recipe: VaeRecipe,
    data: Mapping,
    batches: SeededDataset,
    validation: Callable[[], Iterable],
    seed: int = 0,
    device: str = "cpu",
) -> Trained:
    """The autoencoder of a `recipe`, trained on pictures, or found where it was trained before; see `vae_training`."""
    return vae_training(recipe, data, len(batches), lambda: batches, validation, seed).result(device)


def encoded(model: Vae, batches: Iterable) -> np.ndarray:
    """Means (n, L) of the latents of all pictures in some batches."""
    return outputs(lambda batch: model.encode(as_pictures(batch))[0], batches, model.device)


def decoded(model: Vae, latents: np.ndarray) -> np.ndarray:
    """Pictures (n, C, S, S) for latents (n, L)."""
    return outputs(model.decode, torch.as_tensor(np.asarray(latents, np.float32)).split(_AT_ONCE), model.device)
