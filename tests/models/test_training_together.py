"""lib.models.training in two processes that share their gradients, as on two GPUs; here each has a processor for a device."""

import os

import pandas as pd
import pytest
import torch

from lib.core import cache
from lib.models.training import _seed, lightning, trained

EPOCHS = 3


class Line(lightning.LightningModule):
    """Learns y = 2 x. Its second layer is never used, as a part that is not trained."""

    def __init__(self):
        super().__init__()
        self.layer, self.unused = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        return ((self.layer(batch) - 2 * batch) ** 2).mean()

    def validation_step(self, batch, _):
        self.log("val_loss", ((self.layer(batch) - 2 * batch) ** 2).mean(), sync_dist=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.3)


def drawn(draw, n=5):
    """Batches of draw number `draw`."""
    generator = torch.Generator().manual_seed(draw)
    return [torch.rand(16, 1, generator=generator) for _ in range(n)]


def line(batches, processes=2):
    return trained("line", {"seed": 1}, Line, batches, lambda: drawn(99), EPOCHS, processes=processes)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A network that two processes trained; its cache folder, and who drew which batches."""
    folder = tmp_path_factory.mktemp("cache")
    log = folder / "draws"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.paths, "CACHE", folder)
        first = line(lambda draw: log.open("a").write(f"{draw} {os.getpid()}\n") and drawn(draw))
        again = line(lambda draw: pytest.fail("trained again"))
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True))
    (whole,) = (entry for entry in folder.glob("line-*") if entry.is_dir())
    return again, whole, pd.read_csv(log, sep=" ", names=["draw", "process"])


def test_each_process_draws_its_own_batches(together):
    draws = together[2]
    assert sorted(draws.draw) == list(range(2 * EPOCHS))
    assert draws.groupby(draws.draw % 2).process.nunique().tolist() == [1, 1]
    assert draws.process.nunique() == 2 and os.getpid() not in set(draws.process)


def test_the_result_is_written_once_and_whole(together):
    trained_by_two, folder, _ = together
    assert {file.name for file in folder.iterdir()} == {"weights.safetensors", "history.csv", "description.json"}
    assert list(trained_by_two.history.epoch) == list(range(EPOCHS))
    assert trained_by_two.history.val_loss.iloc[-1] < 0.5 * trained_by_two.history.val_loss.iloc[0]


def test_gradients_are_averaged_over_both(together):
    """The weights are those of one process that takes the batches of both together in each step."""
    model = together[0].model
    _seed({"seed": 1, "epochs": EPOCHS, "patience": None, "precision": "32-true", "processes": 2}, 0)
    expected = Line()
    optimizer = torch.optim.SGD(expected.parameters(), 0.3)
    for epoch in range(EPOCHS):
        for batches in zip(drawn(2 * epoch), drawn(2 * epoch + 1), strict=True):
            optimizer.zero_grad()
            expected.training_step(torch.cat(batches), 0).backward()
            optimizer.step()
    assert torch.allclose(model.layer.weight, expected.layer.weight, atol=1e-6)
    assert torch.allclose(model.layer.bias, expected.layer.bias, atol=1e-6)


def test_several_processes_are_another_description(together, tmp_path, monkeypatch):
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path)
    alone = line(drawn, processes=None)
    assert not torch.equal(alone.model.layer.weight, together[0].model.layer.weight)
    assert "processes" not in next(tmp_path.glob("line-*/description.json")).read_text()
