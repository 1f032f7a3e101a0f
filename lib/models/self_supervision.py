"""Self-supervised learning: a network that learns from pictures without labels to tell particles apart, however they lie.

Two pictures of each particle, or one picture twice, are augmented: changed in random ways that leave the particle what it is. The
network is to recognise which two augmented pictures belong together among all of a batch (SimCLR, Chen et al. 2020,
arXiv:2002.05709). What the augmentation varies, it learns to ignore; what it leaves, it learns to see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lib.datasets.batches import SeededDataset
from lib.models.inference import as_pictures, outputs
from lib.models.networks.polar import Polar
from lib.models.training import Trained, Training, lightning, one_cycle

#: Raised whenever the same recipe would give other weights, so that older networks are not found again.
VERSION = 2


@dataclass(frozen=True)
class Augmentation:
    """Random augmentation of pictures, uniform within their limits. Turns and mirror images always take part.

    Attributes
    ----------
    scale : largest change of size [1]
    shift : largest shift [half sides of the picture]
    light : largest change of the contrast inside the particle, and twice the largest of its brightness [1]
    noise : standard deviation of added noise inside the particle [1]
    edges : share of pictures whose outline is drawn anew, thinner, thicker or rougher
    holes : share of pictures in which a square is blotted out
    """

    scale: float = 0.15
    shift: float = 0.06
    light: float = 0.0
    noise: float = 0.0
    edges: float = 0.0
    holes: float = 0.3


@dataclass(frozen=True)
class ContrastiveRecipe:
    """How a network is built and trained: all that decides its weights beside the pictures.

    Attributes
    ----------
    augmentation : what the network learns to ignore
    rings, angles, width : of the polar network, see `lib.models.networks.polar.Polar`
    temperature : of the loss; small values look only at the most similar pictures
    epochs, rate : epochs, and the highest learning rate
    """

    augmentation: Augmentation = Augmentation()
    rings: int = 32
    angles: int = 128
    width: int = 64
    temperature: float = 0.1
    epochs: int = 10
    rate: float = 2e-3


class Contrastive(lightning.LightningModule):
    """A polar network and a small head, in whose space augmented pictures of one particle lie together."""

    #: Width of the hidden layer and dimensions of the space of the loss.
    HIDDEN, SPACE = 256, 128

    def __init__(self, recipe: ContrastiveRecipe, steps: int):
        super().__init__()
        self.recipe, self.steps = recipe, steps
        # most habits have no centre from which they grow
        self.network = Polar(1, 1, recipe.rings, recipe.angles, recipe.width, locate=False, reach=0.95)
        n_features = self.network.n_features
        self.network.head = nn.Sequential(
            nn.Linear(n_features, self.HIDDEN), nn.BatchNorm1d(self.HIDDEN), nn.ReLU(), nn.Linear(self.HIDDEN, self.SPACE)
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features (B, F) of pictures (B, 1, S, S) of 0 to 1."""
        return self.network.features(pictures)

    def loss(self, batch: torch.Tensor) -> torch.Tensor:
        """The loss of one batch: of each particle two of its photographs (B, V, S, S) or, with one (B, S, S), this one twice."""
        both = torch.cat([augmented(pictures, self.recipe.augmentation) for pictures in two_photographs(as_pictures(batch))])
        vectors = self.network.head(self.network.features(both))
        with torch.autocast(vectors.device.type, enabled=False):  # cosines over a small temperature need all digits
            return nt_xent(vectors.float(), self.recipe.temperature)

    def training_step(self, batch: torch.Tensor, _) -> torch.Tensor:
        return self.loss(batch)

    def validation_step(self, batch: torch.Tensor, _) -> dict[str, torch.Tensor]:
        return {"val_loss": self.loss(batch)}

    def configure_optimizers(self) -> dict:
        return one_cycle(self.parameters(), self.recipe.rate, self.recipe.epochs * self.steps)


def nt_xent(vectors: torch.Tensor, temperature: float) -> torch.Tensor:
    """Cross-entropy of finding each vector's partner among all others; `vectors` (2 B, d), row i + B belongs to row i.

    NT-Xent of Chen et al. 2020, equation 1: similarities are cosines over `temperature`.
    """
    size = len(vectors) // 2
    unit = functional.normalize(vectors, dim=1)
    similarity = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(2 * size, device=vectors.device).roll(size)
    return functional.cross_entropy(similarity, partner)


def two_photographs(photographs: torch.Tensor) -> list[torch.Tensor]:
    """Two random photographs (B, 1, S, S) of each particle from all of its (B, V, S, S); different ones if there are two."""
    views = photographs.shape[1]
    first = torch.randint(views, (len(photographs),), device=photographs.device)
    second = (first + torch.randint(1, max(views, 2), first.shape, device=first.device)) % views
    rows = torch.arange(len(photographs), device=first.device)
    return [photographs[rows, which][:, None] for which in (first, second)]


def augmented(pictures: torch.Tensor, augmentation: Augmentation) -> torch.Tensor:
    """Pictures (B, 1, S, S) of 0 to 1 on black, each turned, perhaps mirrored, and changed within its limits."""
    new = _transformed(pictures, augmentation)
    if augmentation.edges:
        new = torch.where(_some(new, augmentation.edges), _redrawn(new), new)
    if augmentation.light or augmentation.noise:
        inside = (new > 0).to(new.dtype)
        contrast, brightness = 1 + augmentation.light * _uniform(new), augmentation.light * _uniform(new) / 2
        new = (new * contrast + inside * (brightness + augmentation.noise * torch.randn_like(new))).clamp(0, 1)
    if augmentation.holes:
        new = new * ~(_some(new, augmentation.holes) & _squares(new))
    return new


def _uniform(pictures: torch.Tensor) -> torch.Tensor:
    """A random number from -1 to 1 for each picture, (B, 1, 1, 1)."""
    return 2 * torch.rand(len(pictures), 1, 1, 1, device=pictures.device) - 1


def _some(pictures: torch.Tensor, share: float) -> torch.Tensor:
    """Which pictures belong to a random `share`, (B, 1, 1, 1) bool."""
    return _uniform(pictures) < 2 * share - 1


def _transformed(pictures: torch.Tensor, augmentation: Augmentation) -> torch.Tensor:
    """Pictures turned by any angle, half of them mirrored, scaled and shifted."""
    draw = [_uniform(pictures).flatten() for _ in range(5)]
    angle, mirror, scale = math.pi * draw[0], draw[1].sign(), 1 + augmentation.scale * draw[2]
    rows = [
        torch.stack([mirror * angle.cos() / scale, -angle.sin() / scale, augmentation.shift * draw[3]], 1),
        torch.stack([mirror * angle.sin() / scale, angle.cos() / scale, augmentation.shift * draw[4]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def _redrawn(pictures: torch.Tensor) -> torch.Tensor:
    """Silhouettes whose edge runs where a blurred copy with noise passes a random level of 1/4 to 3/4."""
    level = 0.5 + 0.25 * _uniform(pictures)
    return ((functional.avg_pool2d(pictures, 3, 1, 1) + 0.12 * torch.randn_like(pictures) - level) * 6 + 0.5).clamp(0, 1)


def _squares(pictures: torch.Tensor) -> torch.Tensor:
    """A square at a random place in each picture, (B, 1, S, S) bool, its side 0.2 to 0.45 of the picture's."""
    side = pictures.shape[-1]
    half = (0.1625 + 0.0625 * _uniform(pictures)) * side
    places = torch.arange(side, device=pictures.device) + 0.5
    x, y = (side / 2 * (1 + _uniform(pictures)) for _ in range(2))
    return ((places - x).abs() < half) & ((places[:, None] - y).abs() < half)


def contrastive_training(
    recipe: ContrastiveRecipe,
    data: Mapping,
    steps: int,
    batches: Callable[[], SeededDataset],
    validation: Callable[[], Iterable],
    seed: int = 0,
) -> Training:
    """The training of the network of a `recipe`.

    Parameters
    ----------
    data : plain values that decide every byte of the pictures
    steps : batches in an epoch
    batches, validation : as in `lib.models.training.Training`
    """
    description = {"recipe": asdict(recipe), "data": dict(data), "seed": seed, "version": VERSION}
    return Training("contrastive", description, lambda: Contrastive(recipe, steps), batches, validation, recipe.epochs)


def contrastive(
    recipe: ContrastiveRecipe,
    data: Mapping,
    batches: SeededDataset,
    validation: Callable[[], Iterable],
    seed: int = 0,
    device: str = "cpu",
) -> Trained:
    """The network of a `recipe`, trained on pictures, or found where it was trained before; see `contrastive_training`."""
    return contrastive_training(recipe, data, len(batches), lambda: batches, validation, seed).result(device)


def features(model: Contrastive, batches: Iterable) -> np.ndarray:
    """Features (n, F) of all pictures in some batches."""
    return outputs(lambda batch: model(as_pictures(batch)), batches, model.device)
