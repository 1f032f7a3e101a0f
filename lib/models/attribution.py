"""On which pixels a network's answers rest: gradients, integrated gradients and Grad-CAM, computed by captum."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, Saliency
from torch import nn

from lib.models.networks.parts import N_VALUES
from lib.models.shape_model import ShapeModel

#: Pictures that go through a network at a time.
BATCH = 256


class Answers(nn.Module):
    """ln `rho_e`, ln `a_e` and the expected number of bullets (B, 3) that a shape model reads from shares (B, 1, S, S).

    All three have gradients, which the most probable number of bullets has not.
    """

    #: The quantities, in the order of the answers.
    QUANTITIES = ("rho_e", "a_e", "n_bullets")

    def __init__(self, model: ShapeModel):
        super().__init__()
        self.network = model.network
        self.register_buffer("mean", model.mean)
        self.register_buffer("deviation", model.deviation)
        self.register_buffer("bullets", torch.tensor(model.bullets, dtype=torch.float32, device=model.device))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        out = self.network(pictures).float()
        logs = out[:, :N_VALUES] * self.deviation + self.mean
        return torch.cat([logs, out[:, N_VALUES:].softmax(1) @ self.bullets[:, None]], 1)


def gradients(answers: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """Derivatives (B, A, S, S) of each of the answers (B, A) to pictures (B, 1, S, S) (Simonyan et al. 2014, arXiv:1312.6034)."""
    method = Saliency(answers)
    images = pictures.clone().requires_grad_()
    return _each(answers, pictures, lambda i: method.attribute(images, target=i, abs=False))


def integrated_gradients(answers: nn.Module, pictures: torch.Tensor, baseline: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Integrated gradients (B, A, S, S) of each of the answers (B, A) to pictures (B, 1, S, S) (Sundararajan et al. 2017,
    arXiv:1703.01365).

    Their sum over the pixels is the answer to the picture less that to the `baseline` (1, 1, S, S), up to the error of the
    `n_steps` Gauss-Legendre nodes that stand for the integral.
    """
    options = {"n_steps": n_steps, "internal_batch_size": BATCH}
    method = IntegratedGradients(answers)
    return _each(answers, pictures, lambda i: method.attribute(pictures, baseline, target=i, **options).float())


def grad_cam(answers: nn.Module, layer: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """Grad-CAM (B, A, S, S) of each of the answers (B, A) at a convolution `layer` (Selvaraju et al. 2017, arXiv:1610.02391).

    Without its final rectifier, since what lowers an answer counts as much as what raises it.
    """
    method = LayerGradCam(answers, layer)
    coarse = _each(answers, pictures, lambda i: method.attribute(pictures, target=i))
    return LayerAttribution.interpolate(coarse, tuple(pictures.shape[-2:]), "bilinear")


def _each(answers: nn.Module, pictures: torch.Tensor, attribute: Callable[[int], torch.Tensor]) -> torch.Tensor:
    """What `attribute` finds (B, 1, ...) for the number of each answer, as (B, A, ...)."""
    with torch.inference_mode():
        n_answers = answers(pictures[:1]).shape[1]
    return torch.cat([attribute(i).detach() for i in range(n_answers)], 1)


def randomise(model: ShapeModel, part: str = "", seed: int = 0) -> ShapeModel:
    """A copy of a model with new random weights in its network or in a `part` of it, such as "head" (Adebayo et al. 2018,
    arXiv:1810.03292).
    """
    changed = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in changed.network.get_submodule(part).modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
    return changed.eval()
