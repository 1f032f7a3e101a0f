"""A rosette's voxels from its silhouettes, by a network after 3D-R2N2 (Choy et al. 2016, doi:10.1007/978-3-319-46484-8_38).

An encoder looks at one picture at a time, a recurrent grid gathers what the pictures said, and a decoder turns the grid into
voxels. Two things differ from the original. Instead of a fully connected layer, what the encoder found at a place of the picture
is laid along the line of sight behind that place, from where later views turn it into the frame of the first
(as in Kar, Haene and Malik 2017, arXiv:1708.05375). And the loss has the Dice coefficient in it, since one voxel in a hundred
is ice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample

from lib.core.seeds import generator
from lib.datasets.batches import SeededDataset
from lib.datasets.voxel_scenes import ANGLES, Scenes
from lib.datasets.voxels import SIDE
from lib.imaging.draw.silhouette import cameras
from lib.models.training import Trained, Training

import lightning  # isort: skip  (after lib.models.training, which prepares for it)

#: Raised whenever the same description would give other weights.
_VERSION = 2
#: Largest step of the optimiser.
_RATE = 2e-3
#: What an untrained network says of every voxel: a chance of 2 %, of the order of the share that is ice.
_FIRST_LOGIT = -4.0
#: Voxels along a side of the recurrent grid.
_GRID = 4


class Gates(nn.Module):
    """A gated recurrent unit on a grid of `channels`: what enters is local, what is remembered spreads to neighbours."""

    def __init__(self, channels: int):
        super().__init__()
        self.enter = nn.Conv3d(channels, 3 * channels, 1)
        self.recall = nn.Conv3d(channels, 2 * channels, 3, padding=1, bias=False)
        self.renew = nn.Conv3d(channels, channels, 3, padding=1, bias=False)

    def forward(self, entering: torch.Tensor, state: torch.Tensor | None) -> torch.Tensor:
        """The next state (B, C, z, y, x); None stands for a state of zeros."""
        update, reset, new = self.enter(entering).chunk(3, 1)
        if state is None:
            return (1 - update.sigmoid()) * new.tanh()
        more_update, more_reset = self.recall(state).chunk(2, 1)
        update, reset = (update + more_update).sigmoid(), (reset + more_reset).sigmoid()
        return update * state + (1 - update) * (new + self.renew(reset * state)).tanh()


def _halving(entering: int, leaving: int) -> nn.Sequential:
    """A convolution that halves the picture."""
    return nn.Sequential(nn.Conv2d(entering, leaving, 3, 2, 1), nn.BatchNorm2d(leaving), nn.LeakyReLU(0.1))


class R2N2(lightning.LightningModule):
    """From pictures (B, V, SIZE, SIZE) of 0..1 to logits of occupancy (B, SIDE, SIDE, SIDE); V is 1, or 2 at `ANGLES`.

    >>> R2N2(channels=8)(torch.zeros(5, 2, 64, 64)).shape
    torch.Size([5, 32, 32, 32])
    """

    def __init__(self, channels: int = 64, steps: int = 1):
        super().__init__()
        self.steps = steps
        self.encoder = nn.Sequential(_halving(1, 32), _halving(32, 64), _halving(64, 128), _halving(128, channels * _GRID))
        self.gates = Gates(channels)
        half = channels // 2
        self.decoder = nn.Sequential(
            nn.ConvTranspose3d(channels, half, 4, 2, 1),
            nn.LeakyReLU(0.1),
            nn.Conv3d(half, half, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose3d(half, 1, SIDE // _GRID // 2, SIDE // _GRID // 2),
        )
        nn.init.constant_(self.decoder[-1].bias, _FIRST_LOGIT)
        seen = cameras(ANGLES)
        self.register_buffer("turns", torch.as_tensor(seen @ seen[0].T, dtype=torch.float32), persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        state = None
        for view, picture in enumerate(pictures.unbind(1)):
            lines = self.encoder(picture[:, None]).unflatten(1, (-1, _GRID)).flip(3)  # rows count downwards, y upwards
            state = self.gates(self._in_first_frame(lines, view), state)
        return self.decoder(state)[:, 0]

    def _in_first_frame(self, grid: torch.Tensor, view: int) -> torch.Tensor:
        """A grid (B, C, z, y, x) in the frame of a view, as seen from the first."""
        if view == 0:
            return grid
        turn = torch.cat([self.turns[view], torch.zeros_like(self.turns[view, :, :1])], 1).expand(len(grid), 3, 4)
        return grid_sample(grid, affine_grid(turn, grid.shape, align_corners=False), align_corners=False)

    def training_step(self, batch, index):
        return voxel_loss(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        return {"val_loss": voxel_loss(self(batch[0]), batch[1])}

    def configure_optimizers(self):
        optimiser = torch.optim.Adam(self.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=self.steps, pct_start=0.2)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def voxel_loss(logits: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """One minus the Dice coefficient (Milletari et al. 2016) of (B, z, y, x), mean over B, plus the cross-entropy.

    Dice looks past the many empty voxels, but has no gradient left once all chances are near zero; the cross-entropy has.
    """
    logits = logits.float()
    chances = logits.sigmoid()
    both, sizes = (chances * filled).sum((1, 2, 3)), chances.sum((1, 2, 3)) + filled.sum((1, 2, 3))
    return (1 - 2 * both / (sizes + 1e-6)).mean() + binary_cross_entropy_with_logits(logits, filled)


class SceneBatches(SeededDataset):
    """Pictures (B, V, SIZE, SIZE) of 0..1 and voxels of `scenes`, `batch` crystals at a time; V is 1 and 2 by turns.

    Parameters
    ----------
    shuffle : take the crystals in another order in each epoch
    """

    def __init__(self, scenes: Scenes, batch: int, seed: int = 0, shuffle: bool = True):
        super().__init__(seed)
        self.scenes, self.batch, self.shuffle = scenes, batch, shuffle

    def __len__(self) -> int:
        return -(-len(self.scenes) // self.batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.arange(len(self.scenes))
        if self.shuffle:
            order = torch.from_numpy(generator(self.seed, "scenes", self.epoch).permutation(len(self.scenes)))
        for i, rows in enumerate(order.split(self.batch)):
            yield self.scenes.pictures[rows, : 1 + i % 2] / 4, self.scenes.voxels[rows].float()


@dataclass(frozen=True)
class Settings:
    """How an `R2N2` is trained; see there."""

    channels: int = 64
    epochs: int = 2
    batch: int = 16
    seed: int = 0


def trained_r2n2(train: Scenes, validation: Scenes, settings: Settings, device: str = "cpu") -> Trained:
    """The network trained on scenes made by `lib.datasets.voxel_scenes.scenes`, or found in the cache."""
    if len(train) < 2 * settings.batch:
        raise ValueError(f"train: expected at least two batches of {settings.batch} crystals, got {len(train)} crystals")

    batches = SceneBatches(train, settings.batch, settings.seed)
    steps = settings.epochs * len(batches)
    described = asdict(settings) | {"train": train.description, "validation": validation.description, "version": _VERSION}

    def make() -> R2N2:
        return R2N2(settings.channels, steps)

    def held_out() -> SceneBatches:
        return SceneBatches(validation, settings.batch, shuffle=False)

    return Training("r2n2", described, make, lambda: batches, held_out, settings.epochs).result(device)


@torch.no_grad()
def probabilities(network: R2N2, pictures: torch.Tensor, step: int = 64) -> torch.Tensor:
    """Probability of each voxel (B, z, y, x) to be ice, from pictures (B, V, SIZE, SIZE) of 0..4."""
    network = network.to(pictures.device).eval()
    return torch.cat([network(part / 4).sigmoid() for part in pictures.split(step)])
