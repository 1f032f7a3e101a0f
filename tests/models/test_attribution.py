"""lib.models.attribution: functions whose attribution is known exactly, and what a network's must obey."""

import pytest
import torch
from torch import nn

from lib.models import attribution
from lib.models.shape_model import Recipe, ShapeModel, predict

SIZE = 32


class Linear(nn.Module):
    """Two answers: weighted sums of the pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, SIZE * SIZE, generator=torch.Generator().manual_seed(0)))

    def forward(self, pictures):
        return pictures.flatten(1) @ self.weight.T


class Square(nn.Module):
    """Half the sum of the squares of the pixels."""

    def forward(self, pictures):
        return pictures.flatten(1).square().sum(1, keepdim=True) / 2


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(3, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    made = ShapeModel(Recipe("polar", settings={"width": 8, "heads": "pairs"}), SIZE, tuple(range(4, 11)))
    return made.standardise(torch.rand(9, 2) + 0.1).eval()


def test_a_linear_function_is_attributed_to_its_weights(pictures):
    linear, baseline = Linear(), torch.full((1, 1, SIZE, SIZE), 0.25)
    weights = linear.weight.detach().reshape(1, 2, SIZE, SIZE)
    assert torch.allclose(attribution.gradients(linear, pictures), weights.expand(3, -1, -1, -1))
    found = attribution.integrated_gradients(linear, pictures, baseline, 4)
    assert torch.allclose(found, weights * (pictures - baseline), atol=1e-5)


def test_a_square_is_attributed_by_the_path_and_not_by_its_gradient_at_the_end(pictures):
    baseline = torch.full((1, 1, SIZE, SIZE), 0.5)
    found = attribution.integrated_gradients(Square(), pictures, baseline, 4)
    assert torch.allclose(found, (pictures**2 - baseline**2) / 2, atol=1e-5)
    assert torch.allclose(attribution.gradients(Square(), pictures), pictures)


def test_integrated_gradients_add_up_to_what_the_answers_differ_by(model, pictures):
    answers, baseline = attribution.Answers(model), torch.zeros(1, 1, SIZE, SIZE)
    with torch.no_grad():
        difference = answers(pictures) - answers(baseline)
    errors = [
        (attribution.integrated_gradients(answers, pictures, baseline, n).sum((2, 3)) - difference).abs().max() for n in (2, 200)
    ]
    assert errors[1] < 0.02 * difference.abs().max()
    assert errors[1] < errors[0]


def test_answers_are_what_the_model_predicts(model, pictures):
    counts = (4 * pictures).round().to(torch.uint8)
    said = attribution.Answers(model)(counts.float() / 4).detach()
    predicted = predict(model, counts.numpy())
    assert said[:, :2].exp().numpy() == pytest.approx(predicted.table[["rho_e", "a_e"]].to_numpy(), rel=1e-4)
    expected = predicted.probability.to_numpy() @ predicted.probability.columns.to_numpy()
    assert said[:, 2].numpy() == pytest.approx(expected, rel=1e-4)


def test_gradients_are_those_of_small_changes(model, pictures):
    answers = attribution.Answers(model)
    found = attribution.gradients(answers, pictures)[0]
    step = 1e-2 * torch.sign(found[2])[None, None]
    with torch.no_grad():
        change = (answers(pictures[:1] + step / 2) - answers(pictures[:1] - step / 2))[0, 2]
    assert change.item() == pytest.approx(1e-2 * found[2].abs().sum().item(), rel=0.1)


def test_grad_cam_is_coarse_and_as_large_as_the_picture():
    made = ShapeModel(Recipe("cnn"), SIZE, tuple(range(4, 11))).eval()
    convolution = [layer for layer in made.network.layers if isinstance(layer, nn.Conv2d)][-1]
    blank = torch.zeros(2, 1, SIZE, SIZE)
    blank[1, :, : SIZE // 2] = 1
    found = attribution.grad_cam(attribution.Answers(made), convolution, blank)
    assert found.shape == (2, 3, SIZE, SIZE)
    assert found[1].std() > 0


def test_random_weights_stand_where_they_are_asked_for(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    head, whole = attribution.randomise(model, "head"), attribution.randomise(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())  # the model is left alone
    changed = {name for name, value in head.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("network.head.") for name in changed)
    weights = [name for name in before if name.startswith("network.encoder") and name.endswith("convolution.weight")]
    assert weights and not any(torch.equal(whole.state_dict()[name], before[name]) for name in weights)
    again = attribution.randomise(model)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
