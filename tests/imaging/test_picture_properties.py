"""Silhouettes, the rasteriser for batches, segmentation and descriptors: what they obey whatever is drawn."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid
from lib.imaging.draw.rasteriser import coverage, soft, stack
from lib.imaging.draw.silhouette import CAMERA, silhouettes
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, describe
from lib.imaging.read.frame import frame, frame_outline
from lib.imaging.read.segmentation import cut_share, fill_holes, length_px, outline, particle_mask

settings.register_profile("pictures", derandomize=True, deadline=None, max_examples=40, database=None)
ANY = settings.get_profile("pictures")

SEEDS, SIZES = st.integers(0, 2**32 - 1), st.sampled_from([16, 33, 64])


@st.composite
def solids(draw, most_spheres: int = 2) -> Solid:
    """Up to four hulls of random points and some spheres [um]."""
    rng = np.random.default_rng(draw(SEEDS))
    flat = draw(st.sampled_from([(1, 1, 1), (1, 1, 0.05), (0.1, 0.1, 3)]))
    pieces = [rng.normal(size=(draw(st.integers(4, 12)), 3)) * flat + rng.normal(size=3) for _ in range(draw(st.integers(1, 4)))]
    n = draw(st.integers(0, most_spheres))
    return Solid(tuple(pieces), (), np.column_stack([rng.normal(size=(n, 3)), rng.uniform(0.05, 1, n)]))


def moved(solid: Solid, factor: float = 1.0, shift=(0.0, 0.0, 0.0)) -> Solid:
    """A solid scaled by a factor, which may be negative, then shifted."""
    spheres = np.column_stack([factor * solid.spheres[:, :3] + shift, abs(factor) * solid.spheres[:, 3]])
    return Solid(tuple(factor * piece + shift for piece in solid.pieces), (), spheres)


def turn(seed: int) -> np.ndarray:
    """One orientation (1, 3, 3)."""
    return random_orientations(1, seed)


def drawn(solid: Solid, seed: int, size: int, angles=(0.0,), pixel_um=None) -> np.ndarray:
    """Coverage (size, size) of a solid in a random orientation, seen under the last angle."""
    return silhouettes(solid, turn(seed), angles, size, pixel_um).coverage[0, -1]


def differing(one: np.ndarray, other: np.ndarray) -> int:
    """Number of sub-samples that two pictures differ in."""
    return int(np.abs(one.astype(int) - other).sum())


# --- silhouettes --------------------------------------------------------------------------------------------------------


@ANY
@given(solids(most_spheres=0), SEEDS, SIZES)
def test_the_area_is_within_what_sampling_allows(solid, seed, size):
    """Of a convex outline, a row of samples misses at most one, and the middles of rows as much as the width varies."""
    found = silhouettes(solid, turn(seed), (0,), size)
    flat = [points @ turn(seed)[0].T @ CAMERA[:2].T / found.pixel_um[0] for points in (*solid.pieces, np.vstack(solid.pieces))]
    hulls = [ConvexHull(points) for points in flat]
    area = found.coverage.sum() / 4
    *pieces, whole = [(hull.volume, *np.ptp(hull.points[hull.vertices], axis=0)) for hull in hulls]
    largest, wide, high = max(pieces)
    assert area >= largest - (high + wide / 4 + 0.5)
    assert area <= whole[0] + whole[2] + whole[1] / 4 + 0.5
    if len(pieces) == 1:
        assert cv2.contourArea(np.float32(hulls[0].points[hulls[0].vertices])) == pytest.approx(hulls[0].volume, rel=1e-3)


@ANY
@given(solids(), SEEDS, SIZES, st.sampled_from([0.0, 37.0, 90.0, 120.0]))
def test_a_crystal_turned_upside_down_about_its_middle_is_seen_turned_by_180_degrees(solid, seed, size, angle):
    pictures = [drawn(moved(solid, factor), seed, size, (angle,)) for factor in (1.0, -1.0)]
    assert differing(pictures[0], pictures[1][::-1, ::-1]) <= 2  # a sample on an edge may fall to either side


@ANY
@given(solids(), SEEDS, SIZES, st.tuples(*[st.floats(-1e3, 1e3)] * 3), st.floats(0.01, 100))
def test_neither_place_nor_size_shows_in_a_fitted_picture(solid, seed, size, shift, factor):
    one, other = (silhouettes(x, turn(seed), (0, 90), size) for x in (solid, moved(solid, factor, shift)))
    assert differing(one.coverage, other.coverage) <= 4
    assert other.pixel_um == pytest.approx(factor * one.pixel_um, rel=1e-6)


@ANY
@given(solids(), SEEDS, SIZES, st.sampled_from([0.02, 0.1, 0.7, 5.0]), st.randoms(use_true_random=False))
def test_values_are_counts_and_the_order_of_pieces_does_not_matter(solid, seed, size, pixel_um, random):
    pieces, spheres = list(solid.pieces), solid.spheres.tolist()
    random.shuffle(pieces)
    random.shuffle(spheres)
    picture = drawn(solid, seed, size, (0, 120), pixel_um)
    assert picture.dtype == np.uint8 and picture.max(initial=0) <= 4
    assert np.array_equal(picture, drawn(Solid(tuple(pieces), (), np.reshape(spheres, (-1, 4))), seed, size, (0, 120), pixel_um))


@ANY
@given(solids(), SEEDS, SIZES, st.floats(0.1, 0.9))
def test_a_piece_inside_another_draws_nothing(solid, seed, size, share):
    inner = tuple(share * piece + (1 - share) * piece.mean(axis=0) for piece in solid.pieces)
    assert np.array_equal(drawn(solid, seed, size), drawn(Solid(solid.pieces + inner, (), solid.spheres), seed, size))


@ANY
@given(solids(), SEEDS, st.integers(1, 3))
def test_a_finer_picture_shows_the_same_area(solid, seed, finer):
    coarse, fine = (drawn(solid, seed, size) for size in (48, 48 * 2**finer))
    edge = sum(cv2.arcLength(points, True) for points in cv2.findContours((coarse > 0).astype(np.uint8), 0, 1)[0])
    assert abs(coarse.sum() / 4 - fine.sum() / 4 / 4**finer) <= 0.15 * edge + 1


# --- batches of rosettes ------------------------------------------------------------------------------------------------


@ANY
@given(st.integers(0, 10**6), SIZES, st.sampled_from([(0.0,), (0.0, 90.0), (120.0,)]), st.randoms(use_true_random=False))
def test_rosettes_in_a_batch_are_drawn_as_alone_in_any_order(seed, size, angles, random):
    crystals = sample(3, seed)
    orientations = random_orientations(3, seed)
    batch = stack(crystals, dtype=torch.float64)
    picture = coverage(batch, torch.as_tensor(orientations), angles, size).coverage
    alone = [silhouettes(x.solid(), o[None], angles, size).coverage[0] for x, o in zip(crystals, orientations, strict=True)]
    assert differing(picture.numpy(), np.array(alone)) <= 2
    order = list(range(batch.present.shape[1]))
    random.shuffle(order)
    bullets = {name: values[:, order] for name, values in vars(batch).items() if name != "sphere"}
    assert torch.equal(coverage(replace(batch, **bullets), torch.as_tensor(orientations), angles, size).coverage, picture)


@ANY
@given(st.integers(0, 10**6), st.floats(0.05, 3))
def test_soft_pictures_lie_between_nothing_and_all_and_grow_with_the_sphere(seed, softness):
    batch, orientations = stack(sample(2, seed), dtype=torch.float64), torch.as_tensor(random_orientations(2, seed))
    whole = soft(batch, orientations, (0, 90), 24, pixel_um=12.0, softness=softness)
    assert whole.isfinite().all() and 0 <= whole.min() and whole.max() <= 1
    smaller = soft(replace(batch, sphere=batch.sphere / 2), orientations, (0, 90), 24, pixel_um=12.0, softness=softness)
    assert (smaller <= whole + 1e-9).all() and (smaller < whole).any()


# --- masks --------------------------------------------------------------------------------------------------------------


@st.composite
def masks(draw) -> np.ndarray:
    """A ragged mask (h, w) uint8 of several parts with holes, whose frame is empty."""
    rng = np.random.default_rng(draw(SEEDS))
    noise = rng.random((draw(st.integers(12, 60)), draw(st.integers(12, 60)))).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), draw(st.sampled_from([0.6, 1.5, 4.0])))
    return np.pad((smooth > np.quantile(smooth, draw(st.sampled_from([0.3, 0.5, 0.8])))).astype(np.uint8), 3)


#: The seven ways to turn and mirror a picture.
SYMMETRIES = {
    "90": lambda mask: np.rot90(mask),
    "180": lambda mask: np.rot90(mask, 2),
    "270": lambda mask: np.rot90(mask, 3),
    "left-right": np.fliplr,
    "up-down": np.flipud,
    "diagonal": np.transpose,
    "other diagonal": lambda mask: np.rot90(mask, 2).T,
}
#: What depends on the axes, or on which of several equal points comes first.
_BY_AXES = ("extreme_pts", "aspect_ratio")


@ANY
@given(masks(), st.sampled_from(list(SYMMETRIES)))
def test_descriptors_do_not_change_when_a_picture_is_turned_or_mirrored(mask, name):
    whole = fill_holes(mask)  # of two parts of one area, which is described depends on the order of rows
    before, after = (describe(np.ascontiguousarray(x)[None]) for x in (whole, SYMMETRIES[name](whole)))
    assert before.reason == after.reason
    assume(not before.reason[0])
    columns = [i for i, name in enumerate(PUBLISHED) if name not in _BY_AXES]
    np.testing.assert_allclose(
        after.values[:, columns], before.values[:, columns], rtol=1e-4
    )  # of the ellipse, in single precision


@ANY
@given(masks(), st.sampled_from(list(SYMMETRIES)))
def test_the_extension_changes_little_when_a_picture_is_turned_or_mirrored(mask, name):
    whole = fill_holes(mask)
    before, after = (describe(np.ascontiguousarray(x)[None], extended=True) for x in (whole, SYMMETRIES[name](whole)))
    assume(not before.reason[0])
    points = outline(whole)[:, 0]
    thin = len(np.unique(points, axis=0)) < len(points)  # which corner of the hull counts, if an outline passes it twice?
    sampled = ("ring", "fourier", "defect") if thin else ("ring", "fourier")
    smooth = [i for i, name in enumerate(EXTENDED, len(PUBLISHED)) if not name.startswith(sampled)]
    np.testing.assert_allclose(after.values[:, smooth], before.values[:, smooth], rtol=1e-4, atol=1e-6)
    rings = [i for i, name in enumerate(EXTENDED, len(PUBLISHED)) if name.startswith("ring")]
    assert np.abs(after.values[:, rings] - before.values[:, rings]).max() < 0.12  # samples round to other pixels


@ANY
@given(masks())
def test_descriptors_lie_where_they_must(mask):
    found = describe(mask[None], extended=True)
    assume(not found.reason[0])
    value = dict(zip([*PUBLISHED, *EXTENDED], found.values[0], strict=True))
    assert np.isfinite(found.values).all()
    for name in (
        "aspect_ratio",
        "area_ratio",
        "circularity",
        "solidity",
        "convexity",
        "feret_ratio",
        "feret_max",
        "inertia_ratio",
    ):
        assert 0 < value[name] <= 1 + 1e-6, name
    for name in ("mass_offset", "gyration", "thickness_max", *(f"ring_{j}" for j in range(16))):
        assert 0 <= value[name] <= 1 + 1e-6, name
    assert value["thickness_p10"] <= value["thickness_p50"] <= value["thickness_p97"] <= value["thickness_max"]
    assert value["contour_perimeter"] ** 2 >= 4 * np.pi * value["contour_area"]


@ANY
@given(masks())
def test_filling_keeps_the_outline(mask):
    whole = fill_holes(mask)
    assert set(np.unique(whole)) <= {0, 1} and np.array_equal(fill_holes(whole), whole)
    assert np.array_equal(outline(whole), outline(mask)) and 0 <= cut_share(whole) <= 1
    points = outline(mask)
    height, width = np.ptp(points[:, 0], axis=0)[::-1]
    assert max(height, width) + 1 <= length_px(points) <= np.hypot(height, width) + 1 + 1e-9


@ANY
@given(masks(), st.sampled_from([24, 64, 101]), st.floats(0.3, 1))
def test_a_mask_drawn_anew_lies_in_its_circle(mask, size, fill):
    for new in (frame_outline(mask, size, fill) >= 0.5, frame(255 * mask, mask, size, fill)[1]):
        assert new.shape == (size, size) and set(np.unique(new)) <= {0, 1}
        if new.any():
            y, x = np.nonzero(new)
            assert np.hypot(y - (size - 1) / 2, x - (size - 1) / 2).max() <= fill * size / 2 + 1.5


@ANY
@given(masks(), st.integers(1, 60), st.integers(120, 200))
def test_the_particle_that_is_found_is_dark(mask, dark, bright):
    found = particle_mask(np.where(mask > 0, dark, bright).astype(np.uint8))
    assert found.shape == mask.shape and set(np.unique(found)) == {0, 1}
    x, y, width, height = cv2.boundingRect(mask)
    left, top, wide, high = cv2.boundingRect(found)
    assert left >= x - 2 and top >= y - 2 and left + wide <= x + width + 2 and top + high <= y + height + 2
    assert mask[cv2.dilate(found, np.ones((5, 5), np.uint8)) > 0].any()
