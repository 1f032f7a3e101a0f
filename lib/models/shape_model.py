"""The model of three tasks: a network that tells `rho_e`, `a_e` and the number of bullets from pictures of a crystal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from torch.nn import functional

from lib.crystals.rosette import ROSETTE_MODELS
from lib.datasets.fresh_rosettes import Batch, FreshPictures, as_outlines, stored_batches, targets_of
from lib.datasets.rosettes import Views, rosette_views
from lib.models.networks import ARCHITECTURES, network
from lib.models.networks.parts import N_VALUES
from lib.models.tables import prediction_table
from lib.models.training import Trained, Training, lightning, one_cycle

#: Sub-samples of a pixel: pictures come as counts of 0 to 4 (`lib.imaging.draw.silhouette`).
_SAMPLES = 4

#: Raised whenever the same recipe would give other weights, so that older networks are not found again.
VERSION = 3


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: all that decides its weights beside the crystals.

    Attributes
    ----------
    name, settings : the network and what it is built with, see `lib.models.networks.network`
    angles_deg : turn of each view [deg]
    epochs, steps, batch : epochs of so many batches of so many crystals
    rate : highest learning rate, reached early and then lowered to zero
    label_weight : weight of the cross-entropy of the number of bullets in the loss
    patience : stop after so many epochs without progress on the validation crystals; None never
    start : the recipe of a trained network whose weights of the same names and shapes are taken over, or None
    frozen : parts of the network that stay as `start` left them, such as "locator"
    outlines : learn from filled outlines (`lib.datasets.fresh_rosettes.as_outlines`), which is all that real pictures tell
    """

    name: str
    angles_deg: tuple[float, ...] = (0.0,)
    epochs: int = 10
    steps: int = 100
    batch: int = 64
    rate: float = 4e-3
    label_weight: float = 0.5
    patience: int | None = None
    settings: dict = field(default_factory=dict)
    start: Recipe | None = None
    frozen: tuple[str, ...] = ()
    outlines: bool = False


def network_recipes(epochs: dict[str, int], settings: dict[str, dict], **common) -> dict[str, Recipe]:
    """Name -> recipe of each network that `epochs` gives at least one, with the learning rate of its architecture.

    Parameters
    ----------
    settings : of those networks that need any, by name
    common : what all recipes share, such as `steps` and `batch`
    """
    return {
        name: Recipe(name, epochs=n, rate=ARCHITECTURES[name].rate, settings=settings.get(name, {}), **common)
        for name, n in epochs.items()
        if n
    }


class ShapeModel(lightning.LightningModule):
    """A network that learns `rho_e`, `a_e` and the number of bullets of the crystals in its pictures together.

    The loss is the sum of the mean square errors of the standardised logarithms of both values, of the values themselves over
    their standard deviations (what R2 measures; the largest would count too little otherwise), and the recipe's share of the
    cross-entropy of the number of bullets; and, of a network that looks for the crystals' origins, how far it is from them.

    Parameters
    ----------
    bullets : the numbers of bullets that the logits stand for
    """

    def __init__(self, recipe: Recipe, size: int, bullets: tuple[int, ...]):
        super().__init__()
        self.recipe, self.bullets = recipe, bullets
        self.network = network(recipe.name, len(recipe.angles_deg), size, N_VALUES + len(bullets), **recipe.settings)
        for name in ("mean", "deviation", "scale"):
            self.register_buffer(name, torch.ones(N_VALUES))

    def standardise(self, values: torch.Tensor) -> ShapeModel:
        """Take the scale of the targets from the `values` (n, 2) of the training crystals."""
        logs = values.log()
        self.mean, self.deviation, self.scale = logs.mean(0), logs.std(0), values.std(0)
        return self

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised logarithms (B, 2) and logits (B, K) for pictures (B, V, S, S) uint8."""
        return _parts(self.network(shares(pictures)))

    def values(self, standardised: torch.Tensor) -> torch.Tensor:
        """`rho_e` and `a_e` (B, 2) from what the network returns."""
        return (standardised.float().clamp(-6, 6) * self.deviation + self.mean).exp()

    def loss(self, batch: Batch) -> torch.Tensor:
        """The loss of one batch."""
        out, origins = self.network.forward_with_origins(shares(batch.pictures))
        return self.error(*_parts(out), batch) + (0 if origins is None else misplacement(origins, batch.origins))

    def error(self, standardised: torch.Tensor, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """How wrong standardised logarithms (B, 2) and logits (B, K) are about the crystals of a batch."""
        answers = len(logits) // len(batch.labels)  # a network with several heads answers several times
        values, labels = batch.values.repeat(answers, 1), batch.labels.repeat(answers)
        relative = functional.mse_loss(standardised.float(), (values.log() - self.mean) / self.deviation)
        absolute = functional.mse_loss(self.values(standardised) / self.scale, values / self.scale)
        return relative + absolute + self.recipe.label_weight * functional.cross_entropy(logits.float(), labels)

    def training_step(self, batch: Batch, _) -> torch.Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Batch, _) -> dict[str, torch.Tensor]:
        return {"val_loss": self.loss(batch)}

    def on_train_epoch_start(self) -> None:
        for part in self._frozen_parts():
            part.eval().requires_grad_(False)

    def _frozen_parts(self) -> list[torch.nn.Module]:
        """What the recipe leaves as it is."""
        return [self.network.get_submodule(name) for name in self.recipe.frozen]

    def configure_optimizers(self) -> dict:
        steps = self.recipe.epochs * self.recipe.steps
        frozen = {id(weights) for part in self._frozen_parts() for weights in part.parameters()}
        return one_cycle([w for w in self.network.parameters() if id(w) not in frozen], self.recipe.rate, steps)


def _parts(out: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised logarithms (B, 2) and logits (B, K), which a network returns side by side."""
    return out[:, :N_VALUES], out[:, N_VALUES:]


def misplacement(origins: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Mean distance (Huber's) of origins (B, V, 2) from the true ones [half sides]."""
    return functional.huber_loss(origins.float(), true, delta=0.03) / 0.03


def shares(pictures: torch.Tensor) -> torch.Tensor:
    """Shares of the pixels covered, 0 to 1, for pictures of counts."""
    return pictures.float() / _SAMPLES


def shape_training(
    recipe: Recipe, crystals: Views, validation: Views, seed: int = 0, device: str = "cpu", scheduler: str = "processes"
) -> Training:
    """The training that a `recipe` describes, on fresh pictures of `crystals`.

    Parameters
    ----------
    crystals : data set whose crystals are learned from
    validation : data set with pictures of other crystals, which decide on the best epoch; its views include the recipe's angles
    """

    def make() -> ShapeModel:
        return ShapeModel(recipe, crystals.size, ROSETTE_MODELS[crystals.model].bullets)

    def begin(model: ShapeModel) -> None:
        model.standardise(targets_of(rosette_views(crystals, scheduler))[0])
        if recipe.start:
            earlier = shape_model(recipe.start, crystals, validation, seed, device, scheduler).model
            take_over(model.network, earlier.network)

    def fresh() -> FreshPictures:
        return FreshPictures(crystals, recipe.angles_deg, recipe.batch, recipe.steps, seed, device, scheduler, recipe.outlines)

    def held() -> list[Batch]:
        places = tuple(validation.angles_deg.index(angle) for angle in recipe.angles_deg)
        batches = stored_batches(rosette_views(validation, scheduler), places)
        return [b._replace(pictures=as_outlines(b.pictures)) for b in batches] if recipe.outlines else batches

    description = {"recipe": asdict(recipe), "crystals": asdict(crystals), "validation": asdict(validation)}
    description |= {"seed": seed, "version": VERSION}
    return Training("network", description, make, fresh, held, recipe.epochs, recipe.patience, begin)


def shape_model(
    recipe: Recipe, crystals: Views, validation: Views, seed: int = 0, device: str = "cpu", scheduler: str = "processes"
) -> Trained:
    """The network of a `recipe`, trained, or found where it was trained before; arguments as of `shape_training`."""
    return shape_training(recipe, crystals, validation, seed, device, scheduler).result(device)


def take_over(model: torch.nn.Module, earlier: torch.nn.Module) -> None:
    """Copy into `model` all weights that stand under the same name and in the same shape in `earlier`."""
    mine = model.state_dict()
    same = {name: value for name, value in earlier.state_dict().items() if name in mine and mine[name].shape == value.shape}
    model.load_state_dict(mine | same)


@torch.inference_mode()
def _in_parts(model: ShapeModel, function: Callable, pictures: np.ndarray, batch: int = 500) -> list[np.ndarray]:
    """The arrays that `function` returns for pictures on the model's device, computed a batch at a time."""
    parts = [function(part.to(model.device)) for part in torch.from_numpy(pictures).split(batch)]
    return [torch.cat(arrays).float().cpu().numpy() for arrays in zip(*parts, strict=True)]


class Predicted(NamedTuple):
    """A `table` of `lib.models.tables.prediction_table`, a row each, and the `probability` of each number of bullets."""

    table: pd.DataFrame
    probability: pd.DataFrame


def predict(model: ShapeModel, pictures: np.ndarray) -> Predicted:
    """What a trained model says of pictures (n, V, S, S) uint8 of 0 to 4."""
    return _predicted(model, *_in_parts(model, model, pictures))


def predict_turned(model: ShapeModel, pictures: np.ndarray) -> Predicted:
    """What a model says of single pictures (n, 1, S, S), averaged over eight copies: turned by right angles, and flipped.

    A crystal that is turned in the picture, or its mirror image, has the same `rho_e`, `a_e` and number of bullets. Logarithms
    and logits are averaged.
    """

    def said(part: torch.Tensor) -> tuple[torch.Tensor, ...]:
        copies = [turned.rot90(k, (-2, -1)) for turned in (part, part.flip(-1)) for k in range(4)]
        return tuple(torch.stack(answers).mean(0) for answers in zip(*map(model, copies), strict=True))

    return _predicted(model, *_in_parts(model, said, pictures))


def predict_each(model: ShapeModel, pictures: np.ndarray) -> list[Predicted]:
    """All that a model with several heads says of pictures (n, V, S, S), in the order in which its network answers."""

    def said(part: torch.Tensor) -> list[torch.Tensor]:
        standardised, logits = model(part)
        return [*standardised.split(len(part)), *logits.split(len(part))]

    answers = _in_parts(model, said, pictures)
    half = len(answers) // 2
    return [_predicted(model, *pair) for pair in zip(answers[:half], answers[half:], strict=True)]


def _predicted(model: ShapeModel, standardised: np.ndarray, logits: np.ndarray) -> Predicted:
    """Predictions from what the network returned."""
    probability = softmax(logits, axis=1)
    values = model.values(torch.from_numpy(standardised).to(model.device)).cpu().numpy().astype(float)
    table = prediction_table(values, probability, np.array(model.bullets))
    return Predicted(table, pd.DataFrame(probability, table.index, model.bullets))


def origins(model: ShapeModel, pictures: np.ndarray) -> np.ndarray:
    """Where a model with a polar network finds the crystals' origins in pictures (n, V, S, S): (n, V, 2) as of `Batch`."""
    (found,) = _in_parts(model, lambda part: (model.network.origins(shares(part)),), pictures)
    return found


def features(model: ShapeModel, pictures: np.ndarray) -> np.ndarray:
    """Features (n, F) that a trained model's network finds in pictures (n, V, S, S) uint8 of 0 to 4."""
    (found,) = _in_parts(model, lambda part: (model.network.features(shares(part)),), pictures)
    return found
