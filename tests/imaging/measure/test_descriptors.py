"""Shape descriptors: against published values, against their definitions on random masks, and by what must hold of any."""

import cv2
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from lib.crystals.solid import bounding_sphere
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, TALK, describe
from lib.imaging.read.segmentation import outline


def blobs(random, shape):
    """Smooth noise above a level: several round parts with holes."""
    return cv2.GaussianBlur(random.random(shape), (0, 0), random.uniform(1, 5)) > random.uniform(0.45, 0.55)


def polygons(random, shape):
    """One to five convex polygons, overlapping or apart."""
    mask = np.zeros(shape, np.uint8)
    for _ in range(random.integers(1, 6)):
        cv2.fillConvexPoly(mask, cv2.convexHull(random.integers(0, shape[::-1], (6, 2)).astype(np.int32)), 1)
    return mask


def lines(random, shape):
    """Lines of one pixel, along which a border doubles back, and single pixels."""
    mask = (random.random(shape) < 0.003).astype(np.uint8)
    for ends in random.integers(0, shape[::-1], (random.integers(1, 8), 2, 2)).tolist():
        cv2.line(mask, *ends, 1)
    return mask


def noise(random, shape):
    """Pixels set independently: spurs, corners that touch, holes in holes, many parts."""
    return random.random(shape) < random.random()


def random_masks(kind, count, seed):
    """`count` masks (h, w) of one kind in random sizes, every other one with an empty rim; crystal is 1 or 255."""
    random = np.random.default_rng(seed)
    for i in range(count):
        mask = kind(random, tuple(random.integers(3, 70, 2))).astype(np.uint8)
        yield np.pad(mask, i % 2) * np.uint8(random.choice([1, 255]))


def by_definition(points):
    """Sides of the smallest rectangle (2,), and the published columns but the first two, from a contour's corners (k, 2)."""
    points = points.astype(float)
    hull = points[ConvexHull(points).vertices]
    along = np.roll(hull, -1, axis=0) - hull
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    widths = np.array([np.ptp(hull @ np.column_stack([axis, axis[::-1] * [-1, 1]]), axis=0) for axis in along])
    step = np.roll(points, -1, axis=0) - points
    area, perimeter = abs(np.sum(points[:, 0] * step[:, 1] - points[:, 1] * step[:, 0])) / 2, np.hypot(*step.T).sum()
    radius = bounding_sphere(np.column_stack([hull, np.zeros(len(hull))]))[1]
    x, y = points.T
    extremes = points[[x.argmin(), x.argmax(), y.argmin(), y.argmax()]]
    area_ratio = area / (np.pi * (radius + 1e-4) ** 2)  # OpenCV adds as much to the radius
    complexity = 10 * (0.1 - area / (area_ratio**0.5 * perimeter**2))
    rest = [extremes.std(), area, perimeter, area_ratio, complexity, 4 * np.pi * area / perimeter**2]
    return widths[widths.prod(axis=1).argmin()], rest


def ellipse_axis_ratio(points):
    """Minor over major axis of the conic nearest to the points (k, 2), or NaN where that is no ellipse or not the only one."""

    def nearest(x, y, *columns):
        return np.linalg.lstsq(np.stack([x * x, y * y, x * y, *columns], axis=1), np.ones(len(x)), rcond=1e-9)

    x, y = (points - points.mean(axis=0)).T / np.ptp(points)
    (a, b, c, d, e), _, rank, _ = nearest(x, y, -x, -y)
    if rank < 5 or 4 * a * b - c * c < 1e-6 * (a * a + b * b + c * c):
        return np.nan
    middle = np.linalg.solve([[2 * a, c], [c, 2 * b]], [d, e])
    xx, yy, xy = nearest(x - middle[0], y - middle[1])[0]
    one, other = np.abs(np.linalg.eigvalsh([[xx, xy / 2], [xy / 2, yy]]))
    return np.sqrt(min(one, other) / max(one, other))


def disc(radius, size=224):
    y, x = np.ogrid[:size, :size]
    return ((x - size // 2) ** 2 + (y - size // 2) ** 2 <= radius**2).astype(np.uint8)


def unions(scale):
    """Pictures (20, 80 scale, 80 scale) of unions of three polygons, off the frame and off the middle."""
    random = np.random.default_rng(5)
    masks = np.zeros((20, 80 * scale, 80 * scale), np.uint8)
    for mask in masks:
        for _ in range(3):
            corners = np.vstack([[40, 36], random.integers(10, 66, (4, 2))]) * scale
            cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.int32)), 1)
    return masks


@pytest.fixture(scope="module")
def crystals():
    return unions(1)


def test_agrees_with_the_published_features(shared_data):
    cases = np.load(shared_data / "rosettes" / "peer_cases.npz")
    assert tuple(cases["feature_names"]) == tuple(PUBLISHED)
    described = describe(cases["silhouettes_gray"].reshape(-1, 224, 224))
    assert set(described.reason) == {""}
    np.testing.assert_allclose(described.values, cases["features"].reshape(-1, 8), rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", [blobs, polygons, lines, noise])
def test_values_of_random_masks_are_those_of_the_definitions(kind):
    compared = 0
    for mask in random_masks(kind, 120, seed=2):
        values, (reason,) = describe(mask[None])
        assert np.isnan(values).all() if reason else np.isfinite(values).all()
        if reason:
            continue
        points = outline(mask, corners_only=True)[:, 0]
        sides, rest = by_definition(points)
        assert values[0, 2:] == pytest.approx(rest, rel=2e-5)
        by_opencv = cv2.minAreaRect(points)[1]
        assert np.prod(by_opencv) == pytest.approx(np.prod(sides), rel=1e-5)  # there may be two rectangles of this area
        assert values[0, 0] == pytest.approx(min(by_opencv) / max(by_opencv), rel=1e-6)
        ellipse = ellipse_axis_ratio(points)  # OpenCV perturbs the points where there is none
        if np.isfinite(ellipse):
            compared += 1
            assert values[0, 1] == pytest.approx(ellipse, rel=2e-5)
    assert compared >= 10


@pytest.mark.parametrize("extended", [False, True])
def test_largest_part_counts(extended):
    alone = np.zeros((1, 120, 120), np.uint8)
    alone[0, 15:86, 20:91] = disc(35, 71)
    apart = alone.copy()
    apart[0, 95:100, 100:110] = apart[0, 110, 20] = apart[0, 2:4, 2:60] = apart[0, 17:20, 21:24] = 1
    values = describe(apart, extended).values
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, describe(alone, extended).values)


def test_holes_and_what_lies_in_them_do_not_count():
    full = disc(40, 101)[None]
    holed = full.copy()
    holed[0, 35:65, 35:65] = 0
    holed[0, 45:55, 45:55] = 1
    np.testing.assert_array_equal(describe(holed).values, describe(full).values)
    holes = list(EXTENDED).index("holes") + len(PUBLISHED)
    assert describe(holed, extended=True).values[0, holes] == pytest.approx(900 / full.sum(), rel=0.03)


@pytest.mark.parametrize("radius", [30, 60, 100])
def test_disc(radius):
    found = dict(zip(PUBLISHED, describe(disc(radius)[None]).values[0], strict=True))
    assert found["aspect_ratio"] == pytest.approx(1, abs=1e-6)
    assert found["aspect_ratio_elip"] == pytest.approx(1, abs=1e-6)
    assert found["contour_area"] == pytest.approx(np.pi * radius**2, rel=2 / radius)  # half a pixel is lost all around
    assert found["area_ratio"] == pytest.approx(1, abs=2 / radius)
    # a chain of unit and diagonal steps is 8 (sqrt 2 - 1) / pi = 1.055 times as long as the circle
    longer = 8 * (2**0.5 - 1) / np.pi
    assert found["contour_perimeter"] == pytest.approx(2 * np.pi * radius * longer, rel=2 / radius)
    assert found["circularity"] == pytest.approx(longer**-2, abs=0.03)
    assert found["complexity"] == pytest.approx(1 - 10 / (4 * np.pi) * longer**-2, abs=0.03)


def test_rectangle():
    mask = np.zeros((1, 50, 50), np.uint8)
    mask[0, 10:31, 5:46] = 1
    mask[0, 9, 20] = 1  # a rectangle alone has four contour points, too few for an ellipse
    found = dict(zip(PUBLISHED, describe(mask).values[0], strict=True))
    assert found["aspect_ratio"] == pytest.approx(21 / 40)
    assert found["contour_area"] == 20 * 40 + 1
    assert found["contour_perimeter"] == pytest.approx(2 * (20 + 40) - 2 + 2 * 2**0.5)


def test_cross_of_thin_lines_has_an_ellipse():
    mask = np.zeros((1, 21, 21), np.uint8)
    mask[0, 10, 3:18] = mask[0, 3:18, 10] = 1  # two lines fit as well as any ellipse
    ratio = describe(mask).values[0, list(PUBLISHED).index("aspect_ratio_elip")]
    assert ratio == pytest.approx(1, abs=1e-3)  # OpenCV moves the points a little where several conics fit


@pytest.mark.parametrize("shift", [(5, 5), (-7, 2), (0, 9)])
def test_translation_changes_nothing(crystals, shift):
    """But for the spread of the extreme points, in which x and y are taken together, unless both move alike."""
    before, after = describe(crystals).values, describe(np.roll(crystals, shift, axis=(1, 2))).values
    columns = [i for i, name in enumerate(PUBLISHED) if name != "extreme_pts" or shift[0] == shift[1]]
    np.testing.assert_allclose(after[:, columns], before[:, columns], rtol=1e-6)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_by_right_angles_changes_nothing(crystals, quarters):
    """But for the extreme points: of several leftmost points the first along the contour counts."""
    before, after = describe(crystals).values, describe(np.rot90(crystals, quarters, axes=(1, 2))).values
    columns = [i for i, name in enumerate(PUBLISHED) if name != "extreme_pts"]
    np.testing.assert_allclose(after[:, columns], before[:, columns], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "share", "pixels"),
    [
        (lambda masks: unions(2), 0.15, 0.02),  # borders are drawn finer
        (lambda masks: np.rot90(masks, axes=(1, 2)), 0.01, 0.005),  # samples round to other pixels
        (lambda masks: np.roll(masks, (3, -5), axis=(1, 2)), 0.01, 0.005),
    ],
    ids=["scale", "rotation", "translation"],
)
def test_extended_values_are_invariant(crystals, change, share, pixels):
    """The mean change over 20 shapes is at most a share of each column's mean, and what pixels add."""
    before = describe(crystals, extended=True).values[:, len(PUBLISHED) :]
    after = describe(change(crystals), extended=True).values[:, len(PUBLISHED) :]
    worse = np.abs(after - before).mean(axis=0) - share * before.mean(axis=0) - pixels
    assert not [name for name, excess in zip(EXTENDED, worse, strict=True) if excess > 0]


def test_values_do_not_depend_on_the_kind_of_mask(crystals):
    expected = describe(crystals).values
    read_only = crystals * np.uint8(4)
    read_only.flags.writeable = False
    for same in (crystals.astype(bool), crystals * np.uint8(255), read_only, np.asfortranarray(crystals), list(crystals)):
        np.testing.assert_array_equal(describe(same).values, expected)


def test_masks_are_left_as_they_were(crystals):
    masks = crystals.copy()
    describe(masks, extended=True)
    np.testing.assert_array_equal(masks, crystals)


def test_names():
    assert len(PUBLISHED) == 8
    assert TALK == tuple(name for name in PUBLISHED if name != "contour_perimeter")
    assert not set(PUBLISHED) & set(EXTENDED)
    assert describe(disc(40)[None], extended=True).values.shape == (1, len(PUBLISHED) + len(EXTENDED))


def pictures_that_cannot_be_described():
    yield "empty", np.s_[0:0, 0:0]
    yield "too small or too plain", np.s_[8, 8]
    yield "too small or too plain", np.s_[8, 3:12]
    yield "too small or too plain", np.s_[5:9, 5:9]
    yield from (("cut off", part) for part in (np.s_[0:9, 5:9], np.s_[9:20, 5:9], np.s_[5:9, 0:9], np.s_[5:9, 9:20]))


@pytest.mark.parametrize(("reason", "part"), list(pictures_that_cannot_be_described()))
@pytest.mark.parametrize("extended", [False, True])
def test_reason(reason, part, extended):
    masks = np.zeros((2, 20, 20), np.uint8)
    masks[0][part] = 1
    if reason == "cut off":
        masks[0, 7, 7:11] = masks[0, 7:11, 7] = 1  # more corners than a rectangle
        masks[0, 4:13, 8] = 1
    masks[1] = disc(6, 20)
    described = describe(masks, extended)
    assert described.reason[0].startswith(reason + ": ")
    assert described.reason[1] == ""
    assert np.isnan(described.values[0]).all()
    assert np.isfinite(described.values[1]).all()


def test_no_pictures_at_all():
    assert describe(np.zeros((0, 8, 8), np.uint8)).values.shape == (0, 8)
    assert describe(np.zeros((0, 8, 8), np.uint8), extended=True).reason == []


@pytest.mark.parametrize("dtype", [float, np.float32, np.int64, np.uint16, complex])
def test_wrong_type(dtype):
    with pytest.raises(ValueError, match="uint8 or bool, got"):
        describe(np.zeros((1, 8, 8), dtype))


@pytest.mark.parametrize("shape", [(), (8,), (8, 8), (1, 2, 8), (1, 8, 2), (1, 0, 0), (1, 1, 8, 8)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match="expected shape"):
        describe(np.zeros(shape, np.uint8))


def test_outlines_that_touch_themselves_are_described():
    """As real, ragged ones do: OpenCV refuses their hull's corners in any other order than the contour's."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        noise = cv2.GaussianBlur(rng.random((64, 64)).astype(np.float32), (0, 0), rng.uniform(0.5, 4))
        mask = np.pad((noise > 0.5).astype(np.uint8), 1)
        described = describe(np.pad(mask, 1)[None], extended=True)
        assert described.reason[0] or np.isfinite(described.values).all()
