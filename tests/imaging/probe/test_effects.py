"""lib.imaging.probe.effects: what each further effect does to the light, and that without them the pictures stay the same."""

from dataclasses import replace

import numpy as np
import pytest

from lib.crystals.rosette import sample
from lib.imaging.probe.effects import FURTHER
from lib.imaging.probe.effects.dust import effect as dust
from lib.imaging.probe.effects.motion import effect as motion
from lib.imaging.probe.photograph import Probe, photograph


def step(size=60):
    """Light (size, size) float32: dark on the left, bright on the right."""
    return np.repeat([[0.0] * (size // 2) + [1.0] * (size // 2)], size, axis=0).astype(np.float32)


@pytest.mark.parametrize("name", FURTHER)
def test_no_strength_no_effect(name):
    light = np.random.default_rng(0).random((40, 50), np.float32)
    np.testing.assert_allclose(FURTHER[name](light, 0.0, np.random.default_rng(1)), light, atol=1e-6)


@pytest.mark.parametrize("name", FURTHER)
def test_pictures_show_it_and_other_effects_stay(name):
    solid, plain = sample(3, seed=1)[2].solid(), replace(Probe(), cut_chance=0.0)
    pictures = [
        photograph(solid, np.eye(3), probe, np.random.default_rng(4)).grey
        for probe in (plain, replace(plain, further=((name, 0.0),)), replace(plain, further=((name, 4.0),)))
    ]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert pictures[0].shape != pictures[2].shape or (pictures[0] != pictures[2]).any()


def test_motion_widens_an_edge_by_its_length_and_keeps_the_light():
    rng = np.random.default_rng(3)
    angle = np.random.default_rng(3).uniform(0, np.pi)
    middle = motion(step(), 12.0, rng)[30]
    assert ((middle > 0.01) & (middle < 0.99)).sum() == pytest.approx(12 * abs(np.cos(angle)), abs=2)
    assert middle.mean() == pytest.approx(0.5, abs=0.01)


def test_dust_takes_light_in_proportion_to_the_specks():
    light = np.ones((400, 400), np.float32)
    lost = [1 - dust(light, strength, np.random.default_rng(5)).mean() for strength in (1.0, 4.0)]
    assert lost[1] == pytest.approx(4 * lost[0], rel=0.5) and lost[0] > 0
    assert dust(light, 4.0, np.random.default_rng(5)).min() > 0.6


def test_a_probe_names_its_further_effects():
    probe = replace(Probe(), further=(("motion", 3.0), ("dust", 1.0)))
    assert probe.only("dust").further == (("dust", 1.0),) and probe.only("grain").further == ()
    with pytest.raises(ValueError, match="further: expected some of motion, dust, got fog"):
        replace(probe, further=(("fog", 1.0),))
    with pytest.raises(ValueError, match="dust: expected a finite number of at least 0, got -1"):
        replace(probe, further=(("dust", -1.0),))
