"""lib.imaging.draw.silhouette: against the published pictures, brute force, and what projections must obey."""

import cv2
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from lib.crystals.orientation import random_orientations
from lib.crystals.rosette import sample
from lib.crystals.solid import Solid, targets
from lib.imaging.draw import silhouette
from lib.imaging.draw.silhouette import CAMERA, TURN_AXIS, VIEW_ANGLES, boxes, cameras, seen_from, silhouettes

CUBE = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
BALL = Solid((), (), np.array([[1.0, 2.0, 3.0, 10.0]]))
#: Positions of the sub-samples in a pixel, from its upper left corner.
SAMPLES = np.array([(0.625, 0.125), (0.125, 0.375), (0.875, 0.625), (0.375, 0.875)])
GREY_LEVELS = [0, 136, 186, 224, 255]


@pytest.fixture(scope="module")
def rosette():
    return sample(3, seed=12)[2].solid()


def turned(axis, angle_deg):
    """Matrix (3, 3) that turns about a unit vector."""
    return cv2.Rodrigues(np.asarray(axis, float) * np.radians(angle_deg))[0]


def overlap(first, second):
    """Intersection over union of two pictures' touched pixels."""
    return ((first > 0) & (second > 0)).sum() / ((first > 0) | (second > 0)).sum()


def area_px(coverage):
    """Covered area (...,) of pictures [pixels]."""
    return coverage.sum(axis=(-2, -1), dtype=float) / 4


def test_the_origin_is_where_what_stands_there_is_drawn():
    beacon = Solid((), (), np.array([[0, 0, 0, 2.0], [0, 0, 60, 9.0]]))  # the small ball is at the origin
    drawn = silhouettes(beacon, random_orientations(20, seed=2), (0, 90), size=200)
    for picture, origin in zip(drawn.coverage.reshape(-1, 200, 200), drawn.origin_px.reshape(-1, 2), strict=True):
        number, _, measures, centres = cv2.connectedComponentsWithStats((picture > 0).astype(np.uint8))
        assert number == 3  # background and two balls, neither before the other
        smaller = 1 + np.argmin(measures[1:, cv2.CC_STAT_AREA])
        assert centres[smaller] + 0.5 == pytest.approx(origin, abs=0.3)  # centres of pixels are at whole numbers


# --- published pictures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(shared_data):
    """The published pictures (case, rotation, view, y, x) and ours of the same meshes, and both pixel sizes."""
    cases = dict(np.load(shared_data / "rosettes" / "peer_cases.npz"))
    ours = np.zeros_like(cases["silhouettes_gray"])
    pixel_um = np.zeros(ours.shape[:2])
    with pytest.MonkeyPatch.context() as patch:
        for case, start, stop in zip(range(len(ours)), cases["face_offset"], cases["face_offset"][1:], strict=False):
            vertices = cases["vertices"][cases["vertex_offset"][case] :].astype(float)
            triangles = vertices[cases["faces"][start:stop]]
            solid = Solid(tuple(np.concatenate([triangles, triangles[:, :1]], axis=1)))  # a triangle is a piece of 3 corners
            for i, (rotation, axis) in enumerate(zip(cases["rot_matrix"][case], cases["second_view_axis"][case], strict=True)):
                patch.setattr(silhouette, "TURN_AXIS", axis)
                drawn = silhouettes(solid, rotation[None], tuple(VIEW_ANGLES.values()))
                ours[case, i], pixel_um[case, i] = drawn.coverage[0], drawn.pixel_um[0]
    return cases["silhouettes_gray"], ours, 2 * cases["parallel_scale"] / 224, pixel_um


def test_overlap_with_the_published_pictures(published):
    theirs, ours = published[:2]
    ious = np.array([overlap(a, b) for a, b in zip(theirs.reshape(-1, 224, 224), ours.reshape(-1, 224, 224), strict=True)])
    assert len(ious) == 26 * 2 * 3
    assert ious.min() >= 0.999, ious.min()


def test_sub_samples_of_the_published_pictures(published):
    theirs, ours = published[:2]
    level = np.searchsorted(GREY_LEVELS, theirs)
    assert (np.array(GREY_LEVELS)[level] == theirs).all()
    agree = (level == ours).mean(axis=(3, 4))
    assert agree.min() >= 0.999, agree.min()
    partial = (level > 0) & (level < 4)
    assert (level == ours)[partial].mean() > 0.99


def test_scale_of_the_published_pictures(published):
    assert published[3] == pytest.approx(published[2], rel=1e-6)


def test_published_camera():
    assert pytest.approx(np.eye(3), abs=1e-12) == CAMERA @ CAMERA.T
    assert np.linalg.det(CAMERA) == pytest.approx(1)
    assert CAMERA[2] == pytest.approx(np.full(3, 3**-0.5))  # towards the eye
    assert CAMERA[0, 2] == pytest.approx(0) and CAMERA[1, 2] > 0  # z is up
    assert pytest.approx(np.cross((1, 1, 1), (1, 0, 0)) / 2**0.5) == TURN_AXIS
    assert VIEW_ANGLES == {"default": 0, "2ds": 90, "phips": 120}


# --- brute force --------------------------------------------------------------------------------------------------------


def by_brute_force(solid, rotation, angle_deg, size, pixel_um):
    """Coverage (size, size): every sub-sample against the hull of every projected piece and against every disc."""
    centre = (np.min(turned_extent(solid, rotation, -1), axis=0) + np.max(turned_extent(solid, rotation, 1), axis=0)) / 2
    project = CAMERA[:2] @ turned(TURN_AXIS, angle_deg)
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    at = np.stack([column, row], axis=-1)[..., None, :] + SAMPLES  # (y, x, sample, 2)
    at = (at - size / 2) * (pixel_um, -pixel_um)
    inside = np.zeros(at.shape[:-1], bool)
    for piece in solid.pieces:
        sides = ConvexHull((piece @ rotation.T - centre) @ project.T).equations
        inside |= (at @ sides[:, :2].T + sides[:, 2] <= 0).all(axis=-1)
    for x in solid.spheres:
        inside |= np.linalg.norm(at - project @ (rotation @ x[:3] - centre), axis=-1) <= x[3]
    return inside.sum(axis=-1)


def turned_extent(solid, rotation, sign):
    """Points that reach as far as the turned solid along the three axes, to the side of `sign`."""
    return np.vstack([*(piece @ rotation.T for piece in solid.pieces), *(rotation @ x[:3] + sign * x[3] for x in solid.spheres)])


@pytest.mark.parametrize("angle_deg", [0, 90, 120, -35])
@pytest.mark.parametrize("size", [31, 64])
def test_against_brute_force(rosette, angle_deg, size):
    for rotation in random_orientations(4, seed=[size, 5]):
        drawn = silhouettes(rosette, rotation[None], (angle_deg,), size)
        expected = by_brute_force(rosette, rotation, angle_deg, size, drawn.pixel_um[0])
        assert np.array_equal(drawn.coverage[0, 0], expected)


def test_spheres_against_brute_force():
    solid = Solid((CUBE * 9,), (), np.array([[5.0, 1.0, 0.0, 4.0], [-8.0, 2.0, 1.0, 2.5], [0.0, 0.0, 9.0, 0.05]]))
    for rotation in random_orientations(4, seed=1):
        drawn = silhouettes(solid, rotation[None], (90,), 40, pixel_um=0.5)
        assert np.array_equal(drawn.coverage[0, 0], by_brute_force(solid, rotation, 90, 40, 0.5))


def test_the_scale_fits_the_half_diagonal_of_the_turned_box(rosette):
    rotations = random_orientations(6, seed=2)
    for rotation, pixel_um in zip(rotations, silhouettes(rosette, rotations, (0, 90), 100).pixel_um, strict=True):
        low, high = turned_extent(rosette, rotation, -1).min(axis=0), turned_extent(rosette, rotation, 1).max(axis=0)
        assert pixel_um == pytest.approx(np.linalg.norm(high - low) / 100)


def test_boxes_by_hand():
    solid = Solid((CUBE + (0.5, 0.5, 0.5),), (), np.array([[0.0, 0.0, 3.0, 1.0]]))
    centre, half_diagonal = boxes(solid, np.array([np.eye(3), turned((1, 0, 0), 90)]))
    assert centre == pytest.approx(np.array([[0, 0, 2], [0, -2, 0]]))
    assert half_diagonal == pytest.approx(np.full(2, 24**0.5 / 2))


# --- areas --------------------------------------------------------------------------------------------------------------


def half_extents(scale):
    return Solid((CUBE * scale,))


@pytest.mark.parametrize(
    "solid",
    [half_extents((1, 1, 1)), half_extents((1, 2, 8)), Solid((np.random.default_rng(4).normal(size=(30, 3)),))],
    ids=["cube", "column", "hull"],
)
def test_mean_projected_area_of_a_convex_body_is_a_quarter_of_its_surface(solid):
    """Cauchy 1841."""
    drawn = silhouettes(solid, random_orientations(1500, seed=3), (0,), 96)
    areas = area_px(drawn.coverage)[:, 0] * drawn.pixel_um**2
    quarter, error = targets(solid).area / 4, areas.std() / 1500**0.5
    assert error < 0.015 * quarter
    assert abs(areas.mean() - quarter) < 3 * error


def test_area_of_a_disc():
    drawn = silhouettes(BALL, random_orientations(10, seed=0), (0, 90), 224, pixel_um=0.1)
    assert area_px(drawn.coverage) * 0.1**2 == pytest.approx(np.full((10, 2), 100 * np.pi), rel=2e-4)


def test_area_of_polygons():
    rng = np.random.default_rng(8)
    solids = [Solid((rng.normal(size=(12, 3)),)) for _ in range(60)]
    errors = []
    for solid, rotation in zip(solids, random_orientations(60, seed=8), strict=True):
        drawn = silhouettes(solid, rotation[None])
        exact = ConvexHull(solid.pieces[0] @ rotation.T @ CAMERA[:2].T).volume / drawn.pixel_um[0] ** 2
        errors.append(area_px(drawn.coverage)[0, 0] / exact - 1)
    assert abs(np.mean(errors)) < 1e-4 and np.abs(errors).max() < 2e-3


@pytest.mark.parametrize(("least", "stated"), [(1, 0.35), (2, 0.14)])
def test_masks_are_as_much_too_wide_as_stated(rosette, least, stated):
    coverage = silhouettes(rosette, random_orientations(40, seed=1)).coverage[:, 0]
    contours = [
        cv2.findContours((picture >= 2).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0] for picture in coverage
    ]
    edge = sum(cv2.arcLength(contour, True) for found in contours for contour in found)
    assert ((coverage >= least).sum() - coverage.sum() / 4) / edge == pytest.approx(stated, abs=0.02)


# --- symmetries ---------------------------------------------------------------------------------------------------------


def test_opposite_views_are_mirror_images(rosette):
    rotations = random_orientations(5, seed=4)
    coverage = silhouettes(rosette, rotations, (0, 180)).coverage
    across = np.array([TURN_AXIS @ CAMERA[1], TURN_AXIS @ CAMERA[0]])  # normal of the mirror, y of a picture being down
    mirror = np.eye(2) - 2 * np.outer(across, across)
    shift = 111.5 * (1 - mirror.sum(axis=1))
    for front, back in coverage:
        mirrored = cv2.warpAffine(front, np.column_stack([mirror, shift]), (224, 224), flags=cv2.INTER_NEAREST)
        assert overlap(mirrored, back) > 0.95  # a mirrored grid of pixels is another grid
        assert overlap(front, back) < 0.9
        assert area_px(back) == pytest.approx(area_px(front), rel=3e-3)


@pytest.mark.parametrize("angle_deg", [90, 120])
def test_a_second_view_is_the_crystal_turned_about_the_axis(angle_deg):
    solid = half_extents((3, 5, 9))  # symmetric about its centre, so that its box stays centred
    rotations = random_orientations(5, seed=6)
    direct = silhouettes(solid, rotations, (angle_deg,), 100, pixel_um=0.12).coverage[:, 0]
    again = silhouettes(solid, turned(TURN_AXIS, angle_deg) @ rotations, (0,), 100, pixel_um=0.12).coverage[:, 0]
    assert (direct == again).mean() > 0.9999
    assert overlap(direct, silhouettes(solid, rotations, (0,), 100, pixel_um=0.12).coverage[:, 0]) < 0.9


def test_position_does_not_matter(rosette):
    far = Solid(tuple(piece + (1000, -500, 300) for piece in rosette.pieces), (), rosette.spheres + (1000, -500, 300, 0))
    rotations = random_orientations(5, seed=5)
    here, there = (silhouettes(solid, rotations, (0, 90), 128) for solid in (rosette, far))
    assert (here.coverage == there.coverage).mean() > 0.9999
    assert here.pixel_um == pytest.approx(there.pixel_um)


def test_size_shows_only_in_um_per_pixel(rosette):
    rotations = random_orientations(5, seed=5)
    larger = Solid(tuple(2 * piece for piece in rosette.pieces), (), rosette.spheres * 2)
    before, after = silhouettes(rosette, rotations), silhouettes(larger, rotations)
    assert np.array_equal(before.coverage, after.coverage)
    assert after.pixel_um == pytest.approx(2 * before.pixel_um)
    fixed = [silhouettes(solid, rotations, pixel_um=pixel).coverage for solid, pixel in ((rosette, 2.3), (larger, 4.6))]
    assert np.array_equal(*fixed)
    areas = [area_px(silhouettes(solid, rotations, size=600, pixel_um=2.3).coverage) for solid in (rosette, larger)]
    assert areas[1] == pytest.approx(4 * areas[0], rel=0.01)


def test_every_orientation_and_view_is_drawn_by_itself(rosette):
    rotations = random_orientations(4, seed=7)
    together = silhouettes(rosette, rotations, (0, 90, 120), 64)
    assert together.coverage.shape == (4, 3, 64, 64) and together.coverage.dtype == np.uint8
    assert together.pixel_um.shape == (4,)
    for i, rotation in enumerate(rotations):
        for j, angle in enumerate((0, 90, 120)):
            alone = silhouettes(rosette, rotation[None], (angle,), 64)
            assert np.array_equal(alone.coverage[0, 0], together.coverage[i, j])


# --- frame --------------------------------------------------------------------------------------------------------------


def test_parts_outside_the_frame_are_cut_off(rosette):
    rotations = random_orientations(10, seed=8)
    pixel_um = silhouettes(rosette, rotations, size=128).pixel_um.min()
    wide = silhouettes(rosette, rotations, (0, 90), 128, pixel_um).coverage
    narrow = silhouettes(rosette, rotations, (0, 90), 48, pixel_um).coverage
    assert np.array_equal(narrow, wide[..., 40:88, 40:88])
    assert (wide.sum(axis=(2, 3)) > narrow.sum(axis=(2, 3))).all()


@pytest.mark.parametrize("pixel_um", [1e-6, 0.01])
def test_a_crystal_larger_than_the_frame_fills_it(pixel_um):
    for solid in (half_extents(100.0), BALL):
        assert (silhouettes(solid, random_orientations(3, seed=0), (0, 90), 16, pixel_um).coverage == 4).all()


def test_pieces_that_lie_wholly_outside_the_frame_draw_nothing():
    far = [CUBE + position for position in np.vstack([np.eye(3), -np.eye(3)]) * 100]
    rotations = np.eye(3)[None]
    with_far = silhouettes(Solid((CUBE * 3, *far)), rotations, (0, 90), 32, 0.2).coverage
    assert np.array_equal(with_far, silhouettes(Solid((CUBE * 3,)), rotations, (0, 90), 32, 0.2).coverage)
    assert 0 < with_far.sum() < with_far.size * 4


def test_a_crystal_much_smaller_than_a_pixel_is_no_crash():
    assert silhouettes(half_extents(1.0), random_orientations(20, seed=0), size=8, pixel_um=1e4).coverage.sum() == 0


def test_a_picture_fitted_to_its_crystal_never_cuts_it_in_any_view():
    for crystal in sample(14, seed=3):
        coverage = silhouettes(crystal.solid(), random_orientations(10, seed=1), (0, 90, 120, 30, 60, 150), 64).coverage
        assert not np.concatenate([coverage[..., 0, :], coverage[..., -1, :], coverage[..., 0], coverage[..., -1]]).any()


# --- arguments ----------------------------------------------------------------------------------------------------------


def test_out_is_drawn_into(rosette):
    rotations = random_orientations(2, seed=0)
    room = np.full((2, 2, 50, 50), 255, np.uint8)
    drawn = silhouettes(rosette, rotations, (0, 90), 50, out=room)
    assert drawn.coverage is room
    assert np.array_equal(room, silhouettes(rosette, rotations, (0, 90), 50).coverage)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"orientations": np.eye(3)}, r"orientations: expected .* got \(3, 3\)"),
        ({"orientations": np.zeros((2, 4, 4))}, r"got \(2, 4, 4\)"),
        ({"orientations": np.zeros((0, 3, 3))}, r"R >= 1.* got \(0, 3, 3\)"),
        ({"orientations": np.full((1, 3, 3), np.nan)}, "orientations: rotation matrices must be finite"),
        ({"angles_deg": ()}, "angles_deg: expected at least one view"),
        ({"size": 1}, "size must be at least 2"),
        ({"pixel_um": 0.0}, "pixel_um positive, got 224 and 0.0"),
        ({"pixel_um": -2.3}, "pixel_um positive"),
        ({"pixel_um": np.nan}, "pixel_um positive"),
        ({"pixel_um": 1e-9}, "pixel_um: the crystal would be more than 1e.09 pixels wide"),
        ({"out": np.zeros((1, 1, 224, 224), np.int32)}, "out: expected uint8 .* got int32"),
        ({"out": np.zeros((1, 2, 224, 224), np.uint8)}, r"out: expected uint8 of shape \(1, 1, 224, 224\), got uint8 of shape"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        silhouettes(**{"solid": half_extents(10.0), "orientations": np.eye(3)[None]} | arguments)


# --- any cameras ---------------------------------------------------------------------------------------------------------------


def test_from_behind_a_silhouette_is_mirrored(rosette):
    behind = CAMERA * [[-1], [1], [-1]]
    front, back = seen_from(rosette, np.eye(3)[None], np.stack([CAMERA, behind]), size=64).coverage[0]
    assert overlap(front[:, ::-1], back) > 0.95  # the sub-samples of a pixel are not symmetric


def test_the_cameras_of_angles_are_cameras(rosette):
    orientations = random_orientations(2, 0)
    by_angle = silhouettes(rosette, orientations, (0, 90), size=64)
    assert (seen_from(rosette, orientations, cameras((0, 90)), size=64).coverage == by_angle.coverage).all()


def test_cameras_are_three_by_three(rosette):
    with pytest.raises(ValueError, match=r"views: expected cameras \(V >= 1, 3, 3\)"):
        seen_from(rosette, np.eye(3)[None], np.eye(3))
