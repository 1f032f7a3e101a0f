"""Variational autoencoders of pyroVED for small pictures: plain ones, and ones whose decoder turns and moves the picture itself.

pyroVED (Ziatdinov & Kalinin 2021, arXiv:2104.10180) gives the angle, the shift and the scale of a picture latents of their own,
so that the other latents, the *content*, need not describe them. Version 0.3.0 has traps that this module keeps its callers from:

- Its models share one store of parameters by their names, so of two that are trained in turn the second does not learn; its
  constructors empty that store and seed torch. Here each training has a store and random numbers of its own.
- `SVItrainer.evaluate` learns from the pictures it is to evaluate. `PyroVae.loss` does not.
- `encode` moves pictures to a GPU whatever the model's device is. `latents` asks the encoder itself.
- Invariance to scale is documented as "sc" but must be called "s".
- The latents of angle, shift and scale come before those of the content, which are the last.
- `manifold2d` shows a figure of its own, over latents of -1.6 to 1.6 wherever the pictures lie. `manifold` returns what is drawn
  where they lie.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import cv2
import numpy as np
import pyro
import torch
from tqdm.auto import tqdm

from lib.core import torchvision_guard  # noqa: F401 (before pyroved)
from lib.imaging.read.frame import FILL, frame_silhouette
from lib.imaging.read.segmentation import fill_holes

import pyroved  # isort: skip

#: Name of an invariance -> what the decoder does to the picture.
INVARIANCES = {"r": "turns it", "t": "moves it", "s": "scales it"}
#: Draws of the latents over which the loss of a trained model is averaged.
_DRAWS = 10


class PyroVae(NamedTuple):
    """A trained autoencoder.

    Attributes
    ----------
    model : pyroVED's model, in evaluation mode
    latent_dim : dimensions of the content
    losses : (epochs,) mean loss of a training picture in each epoch, the negative evidence lower bound [nat]
    loss : that of the training pictures after the last epoch; of several trainings the best has the lowest
    """

    model: pyroved.models.iVAE
    latent_dim: int
    losses: np.ndarray
    loss: float


class Manifold(NamedTuple):
    """Pictures (s, s, h, w) of 0 to 1 on a grid of latents, `second` (s,) along the first axis, `first` (s,) along the next."""

    pictures: np.ndarray
    first: np.ndarray
    second: np.ndarray


def small_pictures(
    masks: Sequence[np.ndarray],
    fill: float | np.ndarray = FILL,
    moves: tuple[int, int] | np.ndarray = (0, 0),
    size: int = 28,
    square: bool = False,
) -> np.ndarray:
    """Outlines of particles as small grey pictures: what share of each pixel lies inside.

    Holes are filled: in pictures of optical array probes they are diffraction rather than shape.

    Parameters
    ----------
    masks : n silhouettes (h, w) uint8 of any sizes; of several separate parts the largest counts
    fill : diameter of the particle's enclosing circle over the side of the picture, one or (n,)
    moves : how far the circle's centre lies to the right of and below the middle, whole pixels, (2,) or (n, 2)
    square : stretch each outline until it is as high as wide, which undoes a wrong scale along the rows or columns

    Returns
    -------
    pictures (n, size, size) float32 of 0 to 1

    Raises
    ------
    ValueError
        If a particle would leave the frame, or a mask is empty.
    """
    fills, moves = np.broadcast_to(fill, len(masks)), np.broadcast_to(moves, (len(masks), 2))
    reach = (fills * size / 2 + np.abs(moves).max(axis=1)).max(initial=0)
    if reach > size / 2:
        raise ValueError(f"fill and moves: a particle would reach {reach:.1f} pixels from the middle of {size}")
    pictures = np.empty((len(masks), size, size), np.float32)
    for picture, mask, share, move in zip(pictures, masks, fills, moves, strict=True):
        whole = fill_holes((np.asarray(mask) > 0).astype(np.uint8))
        if square:
            whole = _as_high_as_wide(whole)
        picture[:] = np.roll(frame_silhouette(whole, size, share), move[::-1], axis=(0, 1))
    return pictures


def _as_high_as_wide(mask: np.ndarray) -> np.ndarray:
    """A mask (h, w) uint8 of 0 and 1, cut out, its shorter side stretched to the longer, with a margin; as it is if empty."""
    x, y, width, height = cv2.boundingRect(mask)
    side = max(width, height)
    if not side:
        return mask
    stretched = cv2.resize(255 * mask[y : y + height, x : x + width], (side, side), interpolation=cv2.INTER_LINEAR)
    return np.pad((stretched >= 128).astype(np.uint8), side // 4 + 1)


def train(
    images: np.ndarray,
    latent_dim: int = 2,
    invariances: Sequence[str] = (),
    seed: int = 0,
    epochs: int = 150,
    batch: int = 50,
    rate: float = 2e-3,
    width: int = 128,
    device: str = "cpu",
) -> PyroVae:
    """Train an autoencoder on pictures, with a progress bar. The same arguments give the same weights on the same machine.

    Encoder and decoder have two hidden layers. Pixels are taken as coins that show ice with the probability drawn by the
    decoder, so the loss of one counts as its cross-entropy. Random numbers and parameters outside are left as they were.

    Parameters
    ----------
    images : (n, h, w) float of 0 to 1
    latent_dim : dimensions of the content
    invariances : some of `INVARIANCES`; with any, a step takes several times as long, since the decoder draws pixel by pixel
    rate : learning rate of Adam
    width : units in each hidden layer of the decoder; the encoder has 128

    Raises
    ------
    ValueError
        If the pictures or an invariance are not of this kind.
    RuntimeError
        If the training runs away.
    """
    pictures = _tensor(images)
    unknown = set(invariances) - set(INVARIANCES)
    if unknown:
        raise ValueError(f"invariances: expected some of {', '.join(INVARIANCES)}, got {', '.join(sorted(unknown))}")
    with _own_parameter_store():
        model = pyroved.models.iVAE(
            pictures.shape[1:], latent_dim, list(invariances) or None, hidden_dim_d=[width, width], seed=seed, device=device
        )
        trainer = pyroved.trainers.SVItrainer(model, seed=seed, device=device, lr=rate)
        loader = pyroved.utils.init_dataloader(pictures, batch_size=batch)
        losses = trainer.loss_history["training_loss"]
        bar = tqdm(range(epochs), desc="autoencoder", unit="epoch", file=sys.stderr)
        try:
            for _ in bar:
                trainer.step(loader)
                bar.set_postfix(loss=f"{losses[-1]:.1f}", refresh=False)
            loss = _loss(model, pictures.to(device))
        except ValueError as error:  # of Pyro, about latents that are no Gaussians any more
            raise RuntimeError(f"the training ran away after {len(losses)} epochs; a lower rate than {rate} may help") from error
        return PyroVae(model.eval(), latent_dim, np.array(losses), loss)


def latents(fit: PyroVae, images: np.ndarray) -> np.ndarray:
    """Content (n, latent_dim) of pictures (n, h, w) of 0 to 1: the means of their distributions."""
    with torch.no_grad():
        mean, _ = fit.model.encoder_z(_tensor(images).to(fit.model.device))
    return mean[:, -fit.latent_dim :].cpu().numpy()


def decode(fit: PyroVae, content: np.ndarray) -> np.ndarray:
    """Pictures (m, h, w) of 0 to 1 that the decoder draws for `content` (m, latent_dim), neither turned nor moved."""
    points = torch.as_tensor(np.asarray(content), dtype=torch.float32)
    if points.ndim != 2 or points.shape[1] != fit.latent_dim:
        raise ValueError(f"content: expected shape (m, {fit.latent_dim}), got {tuple(points.shape)}")
    return fit.model.decode(points).numpy()


def manifold(fit: PyroVae, images: np.ndarray, steps: int = 12) -> Manifold:
    """What the decoder draws on a grid over the region in which the middle 98 % of pictures (n, h, w) lie; two latents only."""
    low, high = np.percentile(latents(fit, images), [1, 99], axis=0)
    axes = np.linspace(low, high, steps).T
    content = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    pictures = decode(fit, content)
    return Manifold(pictures.reshape(steps, steps, *pictures.shape[1:]), *axes)


def _tensor(images: np.ndarray) -> torch.Tensor:
    """Pictures as the networks take them, (n, h, w) float32."""
    pictures = torch.as_tensor(np.asarray(images), dtype=torch.float32)
    if pictures.ndim != 3 or not len(pictures):
        raise ValueError(f"images: expected shape (n >= 1, h, w), got {tuple(pictures.shape)}")
    if not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError(f"images: expected 0 to 1, got {float(pictures.min())} to {float(pictures.max())}")
    return pictures


def _loss(model: pyroved.models.iVAE, pictures: torch.Tensor) -> float:
    """Mean negative evidence lower bound of pictures (n, h, w) [nat]; nothing is learned from them."""
    with torch.no_grad():
        elbo = pyro.infer.Trace_ELBO(num_particles=_DRAWS)
        return float(elbo.loss(model.model, model.guide, pictures)) / len(pictures)


@contextmanager
def _own_parameter_store() -> Iterator[None]:
    """An empty store of parameters, and afterwards the store and torch's random numbers as they were."""
    with pyro.get_param_store().scope(), torch.random.fork_rng():
        yield
