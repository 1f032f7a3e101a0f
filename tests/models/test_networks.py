"""lib.models.networks: shapes, sizes, and what does not change when a crystal turns."""

import math

import pytest
import torch

from lib.models.networks import NETWORKS, network
from lib.models.networks.polar import Locator, Polar, farthest, fourier_basis, polar_grid
from lib.notebook.run import Run, RunError


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_answers_with_one_row_a_crystal(name, views):
    built = network(name, views, 64, 9).eval()
    pictures = torch.rand(3, views, 64, 64)
    assert built(pictures).shape == (3, 9)
    assert built.features(pictures).shape == (3, built.head[0].in_features if name == "polar" else built.head.in_features)


@pytest.mark.parametrize("name", NETWORKS)
def test_crystals_of_a_batch_do_not_mix(name):
    torch.manual_seed(0)
    built, pictures = network(name, 2, 64, 9).eval(), torch.rand(4, 2, 64, 64)
    assert torch.allclose(built(pictures)[1:2], built(pictures[1:2]), atol=1e-5)


def test_resnet18_has_the_size_of_the_original():
    # 11,689,512 weights with 3 channels and 1,000 classes (He et al. 2016, as torchvision counts them)
    weights = sum(p.numel() for p in network("resnet18", 3, 224, 1000).parameters())
    assert weights == 11_689_512


def test_the_cnn_has_the_size_of_the_published_one():
    assert sum(p.numel() for p in network("cnn", 1, 224, 2).parameters()) == pytest.approx(6.5e6, rel=0.02)


def test_pooling_is_averaging_before_all_else():
    torch.manual_seed(0)
    fine, coarse = network("cnn", 1, 64, 9, pooled=2).eval(), network("cnn", 1, 32, 9).eval()
    coarse.load_state_dict(fine.state_dict())
    pictures = torch.rand(2, 1, 64, 64)
    assert torch.allclose(fine(pictures), coarse(torch.nn.functional.avg_pool2d(pictures, 2)))


def test_a_quarter_turn_about_the_centre_changes_nothing_for_the_polar_network():
    torch.manual_seed(0)
    built, pictures = Polar(1, 9, angles=32, locate=False).eval(), torch.rand(3, 1, 64, 64)
    assert torch.allclose(built(pictures.rot90(1, (2, 3))), built(pictures), atol=1e-5)
    other = network("cnn", 1, 64, 9).eval()
    assert not torch.allclose(other(pictures.rot90(1, (2, 3))), other(pictures), atol=1e-5)


def test_a_turn_by_half_a_stride_changes_less_than_another_shape():
    y, x = torch.meshgrid(*[torch.arange(64) - 31.5] * 2, indexing="ij")

    def ellipse(share, degrees):
        angle = torch.tensor(math.radians(degrees))
        along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
        return (25 - torch.hypot(along, across / share)).clamp(0, 1)

    for seed in range(3):
        torch.manual_seed(seed)
        built = Polar(1, 9, rings=32, angles=128, width=16, locate=False).eval()
        bars = [ellipse(0.4, degrees) for degrees in (0, 11.25, 22.5)]
        bar, half, whole, disc = built.features(torch.stack([*bars, ellipse(0.8, 0)])[:, None])
        other = (bar - disc).norm()
        assert (bar - whole).norm() < 0.2 * other and (bar - half).norm() < 0.8 * other


def test_rings_lie_about_the_origins():
    torch.manual_seed(0)
    built, pictures = Polar(1, 9, angles=32).eval(), torch.zeros(2, 1, 64, 64)
    pictures[0, 0, 20:40, 24:44] = 1
    pictures[1, 0, 28:48, 12:32] = 1  # the same, moved by 8 pixels down and 12 to the left
    origins = torch.tensor([[[0.0, 0.0]], [[-12 / 32, 8 / 32]]])
    first, second = built.features_about(pictures, origins)
    assert torch.allclose(first, second, atol=1e-5)
    assert not torch.allclose(*built.features_about(pictures, 0 * origins), atol=1e-3)


def test_a_scale_free_network_does_not_see_how_a_crystal_fills_its_frame():
    torch.manual_seed(0)
    built = Polar(1, 9, rings=32, angles=32, reach=1.05, scale_free=True).eval()
    y, x = torch.meshgrid(*[torch.arange(128) - 63.5] * 2, indexing="ij")
    pictures = torch.stack([((x.abs() < 60 * s) & (y.abs() < 12 * s)).float() for s in (0.5, 0.75, 1.0)])[:, None]
    small, middle, large = built.features_about(pictures, torch.zeros(3, 1, 2))
    thick = built.features_about(((x.abs() < 60) & (y.abs() < 36)).float()[None, None], torch.zeros(1, 1, 2))[0]
    assert max((small - large).norm(), (middle - large).norm()) < 0.2 * (thick - large).norm()
    framed = Polar(1, 9, rings=32, angles=32).eval().features_about(pictures, torch.zeros(3, 1, 2))
    assert (framed[0] - framed[2]).norm() > (small - large).norm()


def test_the_farthest_pixel_is_measured_from_the_origin():
    picture = torch.zeros(2, 1, 32, 32)
    picture[0, 0, 15, 31] = 1
    origins = torch.tensor([[0.0, 0.0], [0.5, 0.0]])[:, None, None]
    at = torch.tensor([31.5 / 16 - 1, 15.5 / 16 - 1])
    assert farthest(picture[[0, 0]], origins).flatten().tolist() == pytest.approx(
        [float((at - origin).norm()) for origin in origins[:, 0, 0]]
    )
    assert farthest(picture[1:], origins[:1]).item() == pytest.approx(1 / 16)  # of nothing: a pixel


def test_the_locator_points_to_the_field_with_all_weight():
    locator = Locator().eval()
    weight = torch.full((1, 1, 16, 16), -50.0)
    weight[0, 0, 4, 11] = 50
    locator.layers = Fixed(weight)
    assert locator(torch.rand(1, 1, 100, 100))[0].tolist() == pytest.approx([23 / 16 - 1, 9 / 16 - 1])


class Fixed(torch.nn.Module):
    """Returns the same whatever it is given."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, _):
        return self.value


def test_an_oriented_polar_network_knows_the_turn():
    torch.manual_seed(0)
    built, pictures = Polar(2, 9, angles=32).eval(), torch.rand(3, 2, 64, 64)
    assert not torch.allclose(built(pictures.rot90(1, (2, 3))), built(pictures), atol=1e-4)


def test_a_head_for_each_number_of_views_sees_only_those():
    torch.manual_seed(0)
    built = network("polar", 3, 64, 9, width=16, heads="by_views").eval()
    pictures = torch.rand(4, 3, 64, 64)
    found = built(pictures)
    assert found.shape == (12, 9)
    pictures[:, 2] = 0
    assert torch.equal(built(pictures)[:8], found[:8]) and not torch.allclose(built(pictures)[8:], found[8:])


def test_the_polar_grid_samples_where_it_says():
    y, x = torch.meshgrid(*[(torch.arange(100) + 0.5) / 50 - 1] * 2, indexing="ij")
    grid = polar_grid(10, 8, 0.9)
    sampled = torch.nn.functional.grid_sample(torch.stack([x, y])[None], grid, align_corners=False)[0]
    radius, angle = (torch.arange(10) + 0.5) / 10 * 0.9, torch.arange(8) / 8 * 2 * math.pi
    assert torch.allclose(sampled[0], radius[:, None] * angle.cos(), atol=1e-5)
    assert torch.allclose(sampled[1], radius[:, None] * angle.sin(), atol=1e-5)


def test_fourier_basis_finds_amplitude_and_phase():
    angle = torch.arange(12) / 12 * 2 * math.pi
    found = (3 + 2 * (2 * angle).cos() + 0.5 * angle.sin()) @ fourier_basis(12, 3)
    assert torch.allclose(found, torch.tensor([0, 0.5, 2, 0, 0, 0]), atol=1e-5)


def test_bad_settings_are_told_in_a_sentence():
    with pytest.raises(ValueError, match="expected one of cnn, resnet18, polar, got 'vgg'"):
        network("vgg", 1, 64, 9)
    with pytest.raises(ValueError, match="multiple of 8, got 20"):
        network("polar", 1, 64, 9, angles=20)
    with pytest.raises(ValueError, match="multiple of 16, got 56"):
        network("cnn", 1, 56, 9, pooled=2)


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        ({"polar": 1, "dense": 2}, "pair_epochs names dense; there are cnn, resnet18, polar."),
        ({"polar": 1, "cnn": 1.5}, "pair_epochs['cnn'] must be int, got 1.5 (float)."),
        ({"polar": 1, "cnn": -1}, "pair_epochs must not be negative, got {'polar': 1, 'cnn': -1}."),
    ],
)
def test_epochs_are_whole_numbers_of_known_networks(tmp_path, epochs, told):
    parameters = {"epochs": {"polar": 2, "cnn": 0}, "pair_epochs": epochs}
    run = Run("14-two-views", tmp_path, parameters, {}, "cpu")
    run.counts("epochs", of=NETWORKS)
    with pytest.raises(RunError) as refused:
        run.counts("epochs", "pair_epochs", of=NETWORKS)
    assert str(refused.value) == told
