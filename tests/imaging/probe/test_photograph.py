"""lib.imaging.probe.photograph: each effect does what its parameters say, and all together make pictures like the real ones."""

import json
from dataclasses import fields, replace

import cv2
import numpy as np
import pandas as pd
import pytest
from noise_spectrum import noise_power, spectral_slope

from lib.crystals import habits
from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid, bounding_sphere, corners
from lib.imaging.draw.silhouette import CAMERA, silhouettes
from lib.imaging.measure.photometry import DISTANCES, edge_profile, photometry, regions
from lib.imaging.probe.photograph import BACKGROUND, EFFECTS, RANGES, Probe, photograph
from lib.imaging.read.segmentation import cut_share

PROBE = Probe()
#: The same in every picture: no parameter varies, all parts are frosted and evenly so, and the whole crystal is in focus.
EVEN = replace(
    PROBE,
    **{field.name: 0.0 for field in fields(Probe) if field.name.endswith("_spread")},
    **{"clear_share": 0.0, "texture": 0.0, "glints": 0.0, "depth_blur": 0.0, "glare": 0.0, "cut_chance": 0.0},
)
BALL = Solid((), (), np.array([[0, 0, 0, 150.0]]))


@pytest.fixture(scope="module")
def crystal():
    return sample(5, seed=6)[3].solid()


def taken(probe, solid=BALL, seed=0, turn=CAMERA.T):
    return photograph(solid, turn, probe, np.random.default_rng(seed))


def plate(radius_um=300.0, thickness_um=40.0):
    """A hexagonal plate; `CAMERA.T` turns its face to the eye."""
    azimuth = np.arange(6) * np.pi / 3
    ring = radius_um * np.column_stack([np.cos(azimuth), np.sin(azimuth), np.zeros(6)])
    return Solid((np.vstack([ring, ring + (0, 0, thickness_um)]),))


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_picture(crystal):
    first, again, other = taken(PROBE, crystal), taken(PROBE, crystal), taken(PROBE, crystal, seed=1)
    np.testing.assert_array_equal(first.grey, again.grey)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.grey.shape != other.grey.shape or (first.grey != other.grey).any()


def test_pictures_one_after_the_other_do_not_depend_on_what_is_switched_on(crystal):
    ends = []
    for probe in (PROBE, PROBE.only(), PROBE.only("grain")):
        rng = np.random.default_rng(3)
        photograph(crystal, np.eye(3), probe, rng)
        ends.append(rng.random())
    assert len(set(ends)) == 1


@pytest.mark.parametrize("habit", habits.HABITS)
def test_every_habit_can_be_photographed(habit):
    rng = np.random.default_rng(0)
    for solid in habits.sample(habit, 3, seed=0):
        grey, mask = photograph(solid, habits.orientation(habit, rng), PROBE, rng)
        assert grey.dtype == mask.dtype == np.uint8
        assert grey.shape == mask.shape and min(grey.shape) >= 8
        assert (grey.min(), grey.max()) == (0, 255)


def test_large_and_small_crystals():
    large, small = (Solid((), (), np.array([[0, 0, 0, radius]])) for radius in (1400.0, 3.0))
    assert min(taken(EVEN, large).grey.shape) > 1200
    assert max(taken(EVEN, small).grey.shape) < 60
    with pytest.raises(ValueError, match="12000 um across is too large"):
        taken(PROBE, Solid((), (), np.array([[0, 0, 0, 6000.0]])))
    with pytest.raises(ValueError, match="300 um across is too large for the probe, which draws 40.. pixels around it"):
        taken(replace(PROBE, margin_px=2000.0))


@pytest.mark.parametrize(
    ("probe", "radius_um"),
    [
        (PROBE.only(), 0.1),  # smaller than the samples of a pixel
        (PROBE, 0.1),
        (replace(EVEN, defocus_px=30.0, rim=2.0), 4.0),  # the rim outshines what little shadow there is
        (replace(EVEN, veil=3.0), 150.0),  # as bright as the background
    ],
)
def test_without_a_shadow_there_is_the_background_and_no_particle(probe, radius_um):
    for seed in range(10):
        grey, mask = taken(replace(probe, margin_px=9.0, cut_chance=0.9), Solid((), (), np.array([[0, 0, 0, radius_um]])), seed)
        assert grey.shape == mask.shape and min(grey.shape) >= 8 and not mask.any()
    assert taken(probe, Solid((), (), np.array([[0, 0, 0, 100.0]]))).mask.any() == (probe.veil < 1)


def test_a_frame_is_never_empty():
    drop = Solid((), (), np.array([[0, 0, 0, 6.0]]))
    for margin, cut_chance in ((0.0, 0.9), (20.0, 0.5), (60.0, 0.0)):
        probe = replace(PROBE, margin_px=margin, margin_spread=1.0, cut_chance=cut_chance)
        assert all(min(taken(probe, drop, seed).grey.shape) > 0 for seed in range(40))


def test_bad_input_is_told_in_a_sentence():
    with pytest.raises(ValueError, match=r"orientation: expected a finite matrix \(3, 3\)"):
        photograph(BALL, np.eye(2), PROBE, np.random.default_rng(0))
    with pytest.raises(ValueError, match="orientation"):
        photograph(BALL, np.full((3, 3), np.nan), PROBE, np.random.default_rng(0))
    with pytest.raises(ValueError, match="grain: expected a finite number of at least 0, got -1"):
        Probe(grain=-1)
    with pytest.raises(ValueError, match="cut_chance: expected a share below 1"):
        Probe(cut_chance=1.0)
    with pytest.raises(ValueError, match="effects: expected some of interior, rim"):
        PROBE.only("glitter")


def test_effects_and_ranges_name_parameters():
    names = {field.name for field in fields(Probe)}
    assert list(EFFECTS) == ["interior", "rim", "defocus", "grain", "shading", "frame", "stretch"]
    assert set().union(*EFFECTS.values()) <= names
    assert set(RANGES) == names - {"cut_chance", "stretch", "further"}
    for name, (low, high) in RANGES.items():
        assert low < getattr(PROBE, name) < high, name
        Probe(**{name: low}), Probe(**{name: high})


def test_all_effects_are_the_probe_and_each_changes_the_picture(crystal):
    assert PROBE.only(*EFFECTS) == PROBE
    for k, effect in enumerate(EFFECTS):
        before, after = (taken(PROBE.only(*list(EFFECTS)[:count]), crystal).grey for count in (k, k + 1))
        assert before.shape != after.shape or (before != after).any(), effect


# --- effect by effect ---------------------------------------------------------------------------------------------------


def test_without_effects_it_is_the_silhouette(crystal):
    turn = random_orientations(1, 2)
    grey, mask = taken(PROBE.only(), crystal, turn=turn[0])
    area = silhouettes(crystal, turn, size=1024, pixel_um=2.3).coverage.sum() / 4
    assert (1 - grey / BACKGROUND).sum() == pytest.approx(area, rel=0.01)
    assert mask.sum() == pytest.approx(area, rel=0.03)  # half covered pixels count as whole
    assert set(np.unique(grey)) == set(np.rint(BACKGROUND * np.arange(5) / 4).astype(int))
    np.testing.assert_array_equal(mask, grey <= BACKGROUND / 2)


def test_the_mask_is_the_silhouette_whatever_the_effects():
    for seed in range(4):
        mask = taken(replace(PROBE, cut_chance=0.0), seed=seed).mask
        assert mask.sum() == pytest.approx(np.pi * (150 / 2.3) ** 2, rel=0.02)


def test_the_veil_is_the_light_of_frosted_ice():
    for veil in (0.1, 0.3):
        found = photometry(taken(replace(EVEN, veil=veil).only("interior")).grey)
        assert found["interior_mean"] == pytest.approx(veil * BACKGROUND, abs=1)
    spotted = photometry(taken(replace(EVEN, glints=30.0, texture=0.4).only("interior")).grey)
    assert spotted["interior_std"] > 10


def test_a_clear_plate_is_bright_where_its_faces_are_parallel():
    clear = replace(EVEN, clear_share=0.999, veil=0.05).only("interior")
    face, edge = taken(clear, plate()), taken(clear, plate(), turn=random_orientations(1, 5)[0])
    assert photometry(face.grey, face.mask)["interior_mean"] > 0.8 * BACKGROUND
    rim = cv2.distanceTransform(face.mask, cv2.DIST_L2, 5)
    assert face.grey[(rim > 0.5) & (rim < 2)].mean() < 0.5 * BACKGROUND  # a dark outline
    frosted = taken(replace(EVEN, veil=0.05).only("interior"), plate())
    assert photometry(frosted.grey, frosted.mask)["interior_mean"] < 0.1 * BACKGROUND
    assert edge.grey[edge.mask > 0].mean() < face.grey[face.mask > 0].mean()


def test_a_clear_drop_has_a_bright_middle_and_a_dark_edge():
    grey, mask = taken(replace(EVEN, clear_share=0.999, veil=0.05).only("interior"))
    middle = tuple(side // 2 for side in grey.shape)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    assert grey[middle] > 0.9 * BACKGROUND
    assert grey[(inside > 1) & (inside < 5)].mean() < 0.2 * BACKGROUND


@pytest.mark.parametrize("defocus_px", [0.0, 1.5, 3.0])
def test_blur_is_that_of_lens_and_defocus_together(defocus_px):
    probe = replace(EVEN, lens_px=1.2, defocus_px=defocus_px).only("interior", "defocus")
    profile = taken_profile(probe)
    step = np.gradient(profile / -profile[0], DISTANCES)  # the edge spread function's derivative is the Gaussian
    weight = step[(DISTANCES > -15) & (DISTANCES < 15)]
    where = DISTANCES[(DISTANCES > -15) & (DISTANCES < 15)]
    middle = (weight * where).sum() / weight.sum()
    width = np.sqrt((weight * (where - middle) ** 2).sum() / weight.sum())
    assert width == pytest.approx(np.hypot(1.2, defocus_px), abs=0.45)


def taken_profile(probe):
    grey, mask = taken(probe)
    return edge_profile(grey, regions(grey, mask))


def test_parts_at_other_heights_are_more_blurred():
    bar = np.array([(x, y, z) for x in (-300, 300) for y in (-40, 40) for z in (-40, 40)], float)
    lean = cv2.Rodrigues(np.array([0, np.radians(50), 0.0]))[0]
    probe = replace(EVEN, defocus_px=3.0, depth_blur=0.05).only("interior", "defocus")
    level = taken(probe, Solid((bar,)), turn=CAMERA.T @ lean).grey.astype(float)
    steps = np.abs(np.diff(level, axis=0)).max(0)
    steps = steps[steps > 10]
    assert steps[20:40].mean() / steps[-40:-20].mean() > 1.3 or steps[-40:-20].mean() / steps[20:40].mean() > 1.3


def test_the_rim_is_brighter_than_the_background():
    rims = [photometry(taken(replace(EVEN, rim=rim).only("interior", "rim", "defocus")).grey)["rim"] for rim in (0, 0.1, 0.3)]
    assert rims[0] == pytest.approx(0, abs=0.01)
    assert 0.01 < rims[1] < rims[2] < 0.4


def test_glare_lies_around_the_crystal():
    near = (DISTANCES > 6) & (DISTANCES < 10)
    with_glare, without = (taken_profile(replace(EVEN, glare=glare).only("interior", "defocus")) for glare in (0.3, 0.0))
    assert with_glare[near].mean() < without[near].mean() - 0.01


def test_grain_has_its_strength_and_slope():
    blank = Solid((), (), np.array([[0, 0, 0, 20.0]]))
    wide = {"margin_px": 90.0, "stretch": 0.0, "shading": 0.0, "rim": 0.0}
    found = {}
    for grain, streak in ((0.01, 0.0), (0.03, 0.0), (0.01, 0.4)):
        grey = taken(replace(EVEN, grain=grain, streak=streak, grain_slope=2.0, **wide), blank).grey
        found[grain, streak] = photometry(grey), noise_power(grey, regions(grey).background).mean(0)
    weak, strong, streaked = found.values()
    assert weak[0]["neighbour_std_x"] == pytest.approx(0.01 * BACKGROUND, rel=0.35)
    assert strong[0]["neighbour_std_x"] == pytest.approx(3 * weak[0]["neighbour_std_x"], rel=0.1)
    assert weak[0]["neighbour_std_x"] == pytest.approx(weak[0]["neighbour_std_y"], rel=0.05)
    assert streaked[0]["neighbour_std_x"] < 0.8 * streaked[0]["neighbour_std_y"]
    assert -2.2 < spectral_slope(weak[1]) < -0.8  # a law of 2 over a white floor


def test_shading_is_slow_and_follows_its_strength():
    slow, fine = [], []
    for shading in (0.02, 0.06):
        numbers = [
            photometry(taken(replace(EVEN, shading=shading, grain=0, margin_px=40, stretch=0), seed=i).grey) for i in range(6)
        ]
        slow.append(np.mean([x["background_slow_std"] for x in numbers]))
        fine.append(np.mean([x["background_fine_std"] for x in numbers]))
    assert slow[1] / slow[0] == pytest.approx(3, rel=0.1)
    assert slow[1] > 5 * fine[1]
    assert 0.01 < slow[0] / BACKGROUND < 0.05


def test_the_frame_keeps_its_margin():
    for margin in (4.0, 15.0):
        grey, mask = taken(replace(EVEN, margin_px=margin).only("interior", "frame"))
        x, y, width, height = cv2.boundingRect(mask)
        around = [x, y, mask.shape[1] - x - width, mask.shape[0] - y - height]
        np.testing.assert_allclose(around, margin, atol=1)


def test_the_frame_of_a_blurred_crystal_is_wider():
    sharp, blurred = (taken(replace(EVEN, defocus_px=defocus)).grey.shape for defocus in (0.1, 12.0))
    assert min(blurred) > max(sharp) + 8


def test_sides_cut_as_often_as_told():
    whole = [taken(replace(EVEN, cut_chance=0.0), seed=i).mask for i in range(10)]
    assert max(map(cut_share, whole)) == 0
    probe = replace(EVEN, cut_chance=0.24)
    cut = np.mean([cut_share(taken(probe, Solid((), (), np.array([[0, 0, 0, 60.0]])), i).mask) > 0 for i in range(150)])
    assert cut == pytest.approx(1 - 0.76**4, abs=0.12)


def test_the_stretch_is_linear_from_darkest_to_brightest():
    plain, stretched = (taken(replace(EVEN, stretch=stretch, rim=0, shading=0)).grey.astype(float) for stretch in (0, 1))
    assert (stretched.min(), stretched.max()) == (0, 255)
    expected = (plain - plain.min()) / (plain.max() - plain.min()) * 255
    np.testing.assert_allclose(stretched, expected, atol=2)


# --- like real pictures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(shared_data):
    return json.loads((shared_data / "cpi" / "stats.json").read_text())["cpi_native_und_sheets_all"]


@pytest.fixture(scope="module")
def made():
    """Pictures of 160 mixed crystals of the real ones' sizes: numbers, edge profiles (whole ones only) and noise powers."""
    rng, numbers, profiles, power = np.random.default_rng(11), [], [], []
    for i in range(160):
        habit = list(habits.HABITS)[i % 9]
        solid = habits.sample(habit, i + 1, seed=5, rows=range(i, i + 1))[0]
        scale = np.clip(410 * np.exp(0.6 * rng.standard_normal()), 110, 1400) / (2 * bounding_sphere(corners(solid))[1])
        grey, mask = photograph(solid.scaled(scale), habits.orientation(habit, rng), PROBE, rng)
        places = regions(grey)
        numbers.append(photometry(grey) | {"whole": cut_share(mask) == 0})
        profiles.append(edge_profile(grey, places))
        power.append(noise_power(grey, places.background))
    return pd.DataFrame(numbers), np.array(profiles), np.concatenate(power)


@pytest.mark.parametrize(
    ("name", "published_name"),
    [
        ("background_mean", "background_mean"),
        ("background_std", "background_std_total"),
        ("background_fine_std", "background_noise_std_highpass_sigma4"),
        ("background_slow_std", "background_lowfreq_std_sigma4"),
        ("neighbour_std_x", "pixel_to_pixel_std_x"),
        ("neighbour_std_y", "pixel_to_pixel_std_y"),
        ("interior_mean", "particle_interior_mean"),
        ("interior_std", "particle_interior_std"),
        ("bright_share", "interior_fraction_brighter_than_0p75_bg"),
        ("edge_rise_px", "edge_rise_10_90_px_complete"),
        ("rim", "rim_overshoot_fraction_of_contrast_complete"),
    ],
)
def test_medians_are_within_the_range_of_real_ones_and_most_within_their_middle_half(made, published, name, published_name):
    numbers, real = made[0], published[published_name]
    found = numbers[name][numbers.whole] if name in ("edge_rise_px", "rim") else numbers[name]
    assert real["p5"] <= found.median() <= real["p95"]
    if name != "rim":  # measured otherwise there: real tiles have a median of 0.01 by our measure, 0.03 by theirs
        assert real["p25"] - 1e-9 <= found.median() <= real["p75"]


def test_the_spread_is_like_that_of_real_ones(made, published):
    numbers = made[0]
    for name, published_name in (
        ("background_mean", "background_mean"),
        ("background_std", "background_std_total"),
        ("background_fine_std", "background_noise_std_highpass_sigma4"),
        ("interior_mean", "particle_interior_mean"),
        ("edge_rise_px", "edge_rise_10_90_px_complete"),
    ):
        low, high = numbers[name].quantile([0.05, 0.95])
        real = published[published_name]
        assert 0.5 < (high - low) / (real["p95"] - real["p5"]) < 1.7, name


def test_edges_have_the_profile_of_real_ones(made, published):
    numbers, profiles, _ = made
    sharp = numbers.whole & (numbers.edge_rise_px <= 6)
    blurred = numbers.whole & (numbers.edge_rise_px > 6)
    assert min(sharp.sum(), blurred.sum()) > 10
    for chosen, name, error in ((sharp, "median_edge_profile_sharp", 0.08), (blurred, "median_edge_profile_blurred", 0.13)):
        real = published[name]["gray_minus_bg_over_contrast"]
        np.testing.assert_allclose(np.nanmedian(profiles[chosen], axis=0), real, atol=error)


def test_noise_has_the_spectrum_of_real_ones(made, published):
    real, power = published["background_noise_power"], made[2].mean(0)
    ratio = power / real["radial_power"]
    assert 0.4 < ratio[1:].min() < ratio[1:].max() < 2.5
    assert spectral_slope(power) == pytest.approx(real["loglog_slope_0p04_to_0p4"], abs=0.3)
