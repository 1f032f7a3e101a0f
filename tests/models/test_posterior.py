"""lib.models.posterior: the joint density of a made problem whose posterior is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.models import posterior
from lib.models.posterior import ShapePosterior, seen

BULLETS = (4, 5, 6)


def made(n, seed, views=3):
    """Crystals whose features are their logarithms and number of bullets, each view with its own errors."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    logs = rng.normal(size=(n, 2)) * 0.5 + labels[:, None] * 0.2 - 2
    what = np.column_stack([logs, labels])[:, None]
    features = what + rng.normal(size=(n, views, 3)) * [0.3, 0.3, 0.5]
    truth = pd.DataFrame(np.exp(logs), columns=["rho_e", "a_e"]).assign(n_bullets=labels + 4)
    return seen(features, truth, BULLETS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.core.paths.CACHE", tmp_path_factory.mktemp("cache"))
        parts = made(1500, 1), made(300, 2)
        description = {"made": 1}
        first = posterior.trained_posterior(*parts, BULLETS, (1, 2, 3), description, epochs=8, width=16)
        again = posterior.trained_posterior(*parts, BULLETS, (1, 2, 3), description, epochs=8, width=16)
    assert first.folder == again.folder
    return first.model


def test_it_learns_what_views_tell_and_more_views_tell_more(trained):
    test = made(600, 3)
    untrained = ShapePosterior(3, BULLETS, 16).standardise(made(1500, 1)).eval()
    with torch.no_grad():
        losses = [float(trained.loss(test.views(count))) for count in (1, 3)]
        assert losses[1] < losses[0] < float(untrained.loss(test)) - 0.5


def test_density_is_one_in_all(trained):
    some = made(3, 4)
    line = torch.linspace(-6, 3, 150)
    grid = torch.cartesian_prod(line, line)
    views = some.features[:1].expand(len(grid), -1, -1)
    with torch.no_grad():
        parts = [trained.log_parts(posterior.Seen(views, grid, torch.full((len(grid),), label))) for label in range(3)]
        total = sum(torch.stack(part).sum(0).exp().sum() for part in parts)
    assert float(total) * float(line[1] - line[0]) ** 2 == pytest.approx(1, abs=0.02)


def test_order_of_views_is_ignored(trained):
    some = made(5, 5)
    with torch.no_grad():
        assert torch.allclose(trained.context(some.features), trained.context(some.features.flip(1)), atol=1e-5)


def test_draws_are_those_of_the_density_and_of_their_seed(trained):
    some = made(4, 6)
    drawn = trained.sample(some.features, 2000, seed=1)
    assert drawn.shape == (4, 2000, 3)
    assert np.array_equal(drawn, trained.sample(some.features, 2000, seed=1))
    shares = np.stack([(drawn[..., 2] == n).mean(axis=1) for n in BULLETS], axis=1)
    assert shares == pytest.approx(trained.probability(some.features), abs=0.05)


def test_predictions_are_means_and_likeliest_numbers():
    draws = np.log([[[1.0, 2.0, 1.0], [3.0, 4.0, 1.0]]])
    table = posterior.posterior_predictions(draws, np.array([[0.2, 0.7, 0.1]]), BULLETS, pd.Index([7], name="crystal"))
    assert table.loc[7, ["rho_e", "a_e", "n_bullets", "n_bullets_second"]].tolist() == [2, 3, 5, 4]
