"""A posterior of what pictures of a crystal tell: a joint density of `ln rho_e` and `ln a_e` and the number of bullets.

Neural posterior estimation (Papamakarios and Murray 2016, arXiv:1605.06376; Cranmer et al. 2020, doi:10.1073/pnas.1912789117):
the generator of crystals is known, so a conditional density fitted by maximum likelihood to crystals and what is seen of them is
their posterior. It is written as p(n | x) p(ln rho_e, ln a_e | n, x) with a neural spline flow (Durkan et al. 2019,
arXiv:1906.04032) for the second factor. The views x may be any number in any order: each is embedded alone and the embeddings are
averaged and maximised (Zaheer et al. 2017, arXiv:1703.06114).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import zuko
from torch import nn
from torch.nn import functional

from lib.core.seeds import generator
from lib.datasets.batches import SeededDataset
from lib.datasets.rosettes import LABEL, TARGETS
from lib.models.tables import prediction_table
from lib.models.training import Trained, Training, lightning, one_cycle

#: Raised whenever the same description would give other weights.
_VERSION = 2
#: Largest step of the optimiser.
_RATE = 2e-3
#: Share of the features of a view that a training step does not see.
_DROPOUT = 0.1


class Seen(NamedTuple):
    """Crystals as a posterior takes them: `features` (B, V, F) of views, `logs` (B, 2) of `rho_e` and `a_e`, `labels` (B,)."""

    features: torch.Tensor
    logs: torch.Tensor
    labels: torch.Tensor

    def views(self, n_views: int) -> Seen:
        """The same with the first so many views."""
        return self._replace(features=self.features[:, :n_views])


def seen(features: np.ndarray, truth: pd.DataFrame, bullets: tuple[int, ...]) -> Seen:
    """`Seen` from the features (B, V, F) of crystals and their `truth`, a row each."""
    logs = np.log(truth[list(TARGETS)].to_numpy())
    labels = np.searchsorted(bullets, truth[LABEL].to_numpy())
    return Seen(
        torch.as_tensor(features, dtype=torch.float32), torch.as_tensor(logs, dtype=torch.float32), torch.from_numpy(labels)
    )


class ShapePosterior(lightning.LightningModule):
    """p(n | x) p(ln rho_e, ln a_e | n, x) for the features x of any number of views.

    Parameters
    ----------
    n_features : features F of a view
    bullets : the numbers of bullets that the labels stand for
    width : of the embedding of a view and of the hidden layers
    counts : numbers of views that it is trained for
    steps : of the whole training, for the learning rate
    """

    def __init__(
        self, n_features: int, bullets: tuple[int, ...], width: int = 64, counts: tuple[int, ...] = (1,), steps: int = 1000
    ):
        super().__init__()
        self.bullets, self.counts, self.steps = tuple(bullets), tuple(counts), steps
        self.embed = nn.Sequential(
            nn.Dropout(_DROPOUT), nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.pooled = nn.Sequential(nn.Linear(2 * width + 1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.label = nn.Linear(width, len(bullets))
        self.flow = zuko.flows.NSF(len(TARGETS), width + len(bullets), transforms=3, hidden_features=(width, width), bins=8)
        for name, size in (("feature", n_features), ("log", len(TARGETS))):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_deviation", torch.ones(size))

    def standardise(self, known: Seen) -> ShapePosterior:
        """Take the scales of features and logarithms from the crystals that are learned from."""
        for name, values in (("feature", known.features.flatten(0, 1)), ("log", known.logs)):
            getattr(self, f"{name}_mean").copy_(values.mean(0))
            getattr(self, f"{name}_deviation").copy_(values.std(0).clamp(min=1e-6))
        return self

    def context(self, features: torch.Tensor) -> torch.Tensor:
        """What the views (B, V, F) of each crystal say together, (B, width), in whatever order they come."""
        embedded = self.embed((features - self.feature_mean) / self.feature_deviation)
        count = torch.full_like(embedded[:, 0, :1], features.shape[1]).log()
        return self.pooled(torch.cat([embedded.mean(1), embedded.amax(1), count], 1))

    def density(self, context: torch.Tensor, labels: torch.Tensor):
        """The flow of standardised logarithms given the context (B, width) and labels (B,)."""
        return self.flow(torch.cat([context, functional.one_hot(labels, len(self.bullets)).to(context.dtype)], 1))

    def log_parts(self, batch: Seen) -> tuple[torch.Tensor, torch.Tensor]:
        """ln p(n | x) and ln p(ln rho_e, ln a_e | n, x) of the true values, (B,) each."""
        context = self.context(batch.features)
        of_label = self.label(context).log_softmax(1).gather(1, batch.labels[:, None])[:, 0]
        standardised = (batch.logs - self.log_mean) / self.log_deviation
        of_logs = self.density(context, batch.labels).log_prob(standardised) - self.log_deviation.log().sum()
        return of_label, of_logs

    def loss(self, batch: Seen) -> torch.Tensor:
        """Minus the mean log density of the truth [nats]."""
        return -torch.stack(self.log_parts(batch)).sum(0).mean()

    def training_step(self, batch: Seen, _) -> torch.Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Seen, _) -> dict[str, torch.Tensor]:
        return {"val_loss": torch.stack([self.loss(batch.views(count)) for count in self.counts]).mean()}

    def configure_optimizers(self) -> dict:
        return one_cycle(self.parameters(), _RATE, self.steps)

    @torch.no_grad()
    def probability(self, features: torch.Tensor) -> np.ndarray:
        """p(n | x) (B, K) for the features (B, V, F)."""
        return self.label(self.context(features)).softmax(1).cpu().numpy().astype(float)

    @torch.no_grad()
    def sample(self, features: torch.Tensor, n_samples: int, seed: int = 0) -> np.ndarray:
        """Draws (B, n_samples, 3) of `ln rho_e`, `ln a_e` and the number of bullets for the features (B, V, F)."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            context = self.context(features)
            labels = torch.distributions.Categorical(logits=self.label(context)).sample((n_samples,))  # (n_samples, B)
            repeated = context.expand(n_samples, *context.shape).flatten(0, 1)
            standardised = self.density(repeated, labels.flatten()).sample().unflatten(0, labels.shape)
        logs = standardised * self.log_deviation + self.log_mean
        numbers = torch.tensor(self.bullets, device=labels.device)[labels][..., None]
        return torch.cat([logs, numbers.to(logs.dtype)], 2).transpose(0, 1).cpu().numpy().astype(float)


def posterior_predictions(draws: np.ndarray, probability: np.ndarray, bullets: tuple[int, ...], index: pd.Index) -> pd.DataFrame:
    """Point predictions: the mean of `rho_e` and `a_e` over draws (B, L, 3), and the likeliest numbers of bullets."""
    return prediction_table(np.exp(draws[..., :2]).mean(axis=1), probability, np.array(bullets)).set_index(index)


class _Batches(SeededDataset):
    """Crystals in random order, each batch with one of the `counts` of views: the first ones, or any where `shuffled`."""

    def __init__(self, known: Seen, counts: tuple[int, ...], shuffled: bool, batch: int, seed: int):
        super().__init__(seed)
        self.known, self.counts, self.shuffled, self.batch = known, counts, shuffled, min(batch, len(known.labels))

    def __len__(self) -> int:
        return len(self.known.labels) // self.batch

    def __iter__(self) -> Iterator[Seen]:
        rng = generator(self.seed, "posterior", self.epoch)
        order = rng.permutation(len(self.known.labels))
        most = self.known.features.shape[1]
        for step in range(len(self)):
            rows = torch.from_numpy(order[step * self.batch : (step + 1) * self.batch])
            count = rng.choice(self.counts)
            views = rng.random((len(rows), most)).argsort(axis=1) if self.shuffled else np.arange(most)[None].repeat(len(rows), 0)
            views = torch.from_numpy(views[:, :count])
            yield Seen(self.known.features[rows[:, None], views], self.known.logs[rows], self.known.labels[rows])


def posterior_training(
    known: Callable[[], Seen], validation: Callable[[], Seen], n_known: int, n_features: int, bullets: tuple[int, ...],
    counts: tuple[int, ...], description: Mapping, shuffled: bool = True, epochs: int = 30, batch: int = 128, width: int = 64,
    seed: int = 0,
) -> Training:  # fmt: skip
    """The training of a posterior on crystals that are asked for only if it is not found.

    Parameters
    ----------
    known, validation : make the `n_known` crystals that are learned from, with `n_features` a view, and others, which decide on
        the best epoch
    counts : numbers of views that it is trained for
    description : plain values from which both sets of crystals follow
    shuffled : learn from any views of a crystal, so many at a time; else always from the first ones
    """
    once = functools.cache(known)

    def make() -> ShapePosterior:
        return ShapePosterior(n_features, bullets, width, counts, epochs * (n_known // min(batch, n_known)))

    described = {"data": dict(description), "bullets": bullets, "counts": counts, "shuffled": shuffled, "batch": batch}
    described |= {"width": width, "seed": seed, "version": _VERSION}
    return Training(
        "posterior", described, make, lambda: _Batches(once(), counts, shuffled, batch, seed), lambda: [validation()], epochs,
        begin=lambda model: model.standardise(once()),
    )  # fmt: skip


def trained_posterior(
    known: Seen, validation: Seen, bullets: tuple[int, ...], counts: tuple[int, ...], description: Mapping, **how
) -> Trained:
    """The posterior trained on `known` crystals, or found where it was trained before; arguments as of `posterior_training`."""
    n_known, n_features = len(known.labels), known.features.shape[2]
    return posterior_training(
        lambda: known, lambda: validation, n_known, n_features, bullets, counts, description, **how
    ).result()
