"""Boxes, crops and mirrors in NumPy: by hand, inverses, and the same as tensors."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.geometry import arrays, tensors
from tfpose.geometry.rules import SMALLEST_SIDE
from tfpose.skeletons import LSP14

SIZE = (64, 48)
# No box in it is centered on whole pixels.
BOX = np.array([[10.3, 20.2, 90.1, 130.7]])
POINTS = np.array([[0.0, 0.0], [47.0, 63.0], [3.2, 9.9]])


@pytest.fixture(scope="module")
def photo():
    """Random blobs, u8[150, 110, 3]."""
    coarse = np.random.default_rng(5).uniform(0, 255, (10, 8, 3))
    rows, columns = np.linspace(0, 8.99, 150), np.linspace(0, 6.99, 110)
    return coarse[rows.astype(int)][:, columns.astype(int)].astype(np.uint8)


def close(found, expected, atol=1e-9):
    np.testing.assert_allclose(found, expected, atol=atol)


# --- boxes -----------------------------------------------------------------------


def test_the_box_around_a_pose_spans_its_valid_joints():
    keypoints = [[2.0, 3.0], [8.0, 13.0], [100.0, np.nan]]
    close(arrays.box_around(keypoints, [1, 1, 0]), [2.5, 3.5, 6, 10])
    # Twice as large about its center (5, 8).
    close(arrays.box_around(keypoints, [1, 1, 0], factor=2), [-0.5, -1.5, 12, 20])


def test_a_side_of_no_length_is_widened():
    close(arrays.box_around([[5.0, 7.0]], [1], minimum=20), [-4.5, -2.5, 20, 20])
    vertical = arrays.box_around([[5.0, 0.0], [5.0, 9.0]], [1, 1], minimum=3.0)
    close(vertical, [4, 0.5, 3, 9])
    close(arrays.box_around([[5.0, 7.0]], [1]), [5.5, 7.5, 0, 0])


def test_a_pose_without_valid_joints_has_no_box():
    close(arrays.box_around(np.ones((2, 3, 2)), np.zeros((2, 3))), np.zeros((2, 4)))
    assert arrays.box_around(np.ones((0, 3, 2)), np.ones((0, 3))).shape == (0, 4)


def test_the_box_around_a_pose_is_that_of_tensors():
    random = np.random.default_rng(1)
    keypoints = random.uniform(0, 100, (9, 14, 2))
    valid = random.random((9, 14)) < 0.3
    valid[0] = False
    expected = tensors.box_around(keypoints, np.float32(valid))
    close(arrays.box_around(keypoints, valid, SMALLEST_SIDE), expected, 1e-3)


def test_scaling_boxes_keeps_their_centers():
    boxes = np.array([[10.0, 20.0, 5.0, 9.0]])
    doubled = arrays.scale_boxes(boxes, 2.0)
    close(doubled, [[7.5, 15.5, 10, 18]])
    close(arrays.scale_boxes(doubled, 0.5), boxes)
    assert arrays.scale_boxes(np.zeros((0, 4)), 2.0).shape == (0, 4)


@pytest.mark.parametrize("factor", [1.0, 1.25])
def test_fitted_boxes_are_those_of_tensors(factor):
    boxes = np.array([[0.0, 0, 12, 8], [0, 0, 3, 8], [10, 0, 0, 8], *BOX])
    expected = tensors.scale_box(tensors.fit_aspect(np.float32(boxes), SIZE), factor)
    close(arrays.fit_boxes(boxes, SIZE, factor), expected, 1e-4)


def test_the_fitted_box_is_the_smallest_around_a_box():
    boxes = np.array([[0.0, 0, 12, 8], [0, 0, 3, 8], [10, 10, 6, 0]])
    expected = [[0, -4, 12, 16], [-1.5, 0, 6, 8], [10, 6, 6, 8]]
    close(arrays.fit_boxes(boxes, (8, 6), 1.0), expected)
    # Its center (5.5, 3.5) stays: twice as large is 24 x 32 about it.
    close(arrays.fit_boxes(boxes[:1], (8, 6), 2.0), [[-6, -12, 24, 32]])


@pytest.mark.parametrize(
    "other, overlap",
    [
        ([0, 0, 2, 2], 1.0),
        ([1, 1, 2, 2], 1 / 7),
        ([1, 0, 2, 2], 1 / 3),
        ([2, 0, 2, 2], 0.0),
        ([-9, -9, 2, 2], 0.0),
        ([0, 0, 0, 0], 0.0),
    ],
)
def test_overlap_of_two_boxes(other, overlap):
    box, other = np.array([0.0, 0, 2, 2]), np.float64(other)
    close(arrays.overlaps(box, other), overlap)
    close(arrays.overlaps(other, box), overlap)
    found = tensors.box_overlap(tf.constant(box), tf.constant(other[None]))
    close(arrays.overlaps(box, other), found[0])


def test_each_box_with_each_of_others():
    boxes = np.array([[0.0, 0, 2, 2], [1, 1, 2, 2]])
    table = arrays.overlaps(boxes[:, None], boxes[None])
    close(table, [[1, 1 / 7], [1 / 7, 1]])
    nothing = np.zeros((0, 4))
    assert arrays.overlaps(boxes[:, None], nothing[None]).shape == (2, 0)
    close(arrays.overlaps(np.zeros(4), np.zeros(4)), 0)


# --- crops -----------------------------------------------------------------------


# Up to three and a half photo pixels a crop pixel.
@pytest.mark.parametrize("factor", [0.2, 1.1, 2.3, 3.4])
def test_a_crop_is_that_of_tensors(photo, factor):
    box = arrays.fit_boxes(BOX, SIZE, factor)
    matrix = tensors.crop_matrix(np.float32(box), SIZE)
    expected = tensors.crop(photo, matrix[0], SIZE).numpy()
    exact = arrays.upright_crop(photo, box[0], SIZE)
    assert exact.dtype == np.float32
    close(exact, expected, atol=0.02)  # of 255: boxes in float32
    found = arrays.crop(photo, box[0], SIZE)
    assert found.dtype == np.uint8 and found.shape == (*SIZE, 3)
    np.testing.assert_array_equal(found, np.rint(exact))


def test_a_crop_outside_the_photo_is_black(photo):
    assert not arrays.crop(photo, np.array([-200.0, 0, 48, 64]), SIZE).any()


def test_a_box_of_the_crops_size_gives_the_photo_itself(photo):
    found = arrays.crop(photo, np.array([7.0, 3, 48, 64]), SIZE)
    np.testing.assert_array_equal(found, photo[3:67, 7:55])


def test_a_crop_pixel_is_the_mean_of_the_photo_pixels_below_it():
    photo = np.random.default_rng(1).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    means = photo.reshape(4, 3, 3, 3, 3).mean(axis=(1, 3))
    box = np.array([0.0, 0, 9, 12])
    np.testing.assert_array_equal(arrays.crop(photo, box, (4, 3)), np.rint(means))
    matrix = tensors.crop_matrix(np.float32(box), (4, 3))
    np.testing.assert_allclose(tensors.crop(photo, matrix, (4, 3)), means, atol=1e-3)


# --- joints that a box rests on --------------------------------------------------

# Two rows of joints 10 px apart.
ROWS = np.array([(x, y) for y in (10, 20) for x in (10, 20, 30, 40, 50)], float)
PHOTO_SIZE = 300, 400


@pytest.mark.parametrize(
    "place, rests",
    [
        ((30, 40), True),
        ((30, 60), True),  # about a limb away
        ((300, 200), False),
        ((-30, 20), False),  # outside the photo
        ((30, 300), False),
        ((398, 1), False),
    ],
)
def test_a_box_does_not_rest_on_a_wild_joint(place, rests):
    pose = np.concatenate([ROWS, [place]])[None]
    valid = np.ones(pose.shape[:2])
    found = arrays.steady(pose, valid, PHOTO_SIZE)
    assert found.tolist() == [[True] * 10 + [rests]]
    np.testing.assert_array_equal(tensors.steady(pose, valid, PHOTO_SIZE) > 0, found)


def test_few_joints_can_be_far_apart():
    pose = np.concatenate([ROWS[:6], [(300, 200)]])[None]
    for steady in (arrays.steady, tensors.steady):
        assert np.all(steady(pose, np.ones((1, 7)), PHOTO_SIZE))


@pytest.mark.parametrize("steady", [arrays.steady, tensors.steady])
def test_steady_joints_are_among_the_valid_ones(steady):
    poses = np.random.default_rng(0).uniform(-100, 500, (50, 14, 2))
    valid = np.arange(50)[:, None] % 15 > np.arange(14)  # 0 to 14 of them
    found = np.array(steady(poses, valid, PHOTO_SIZE)) > 0
    assert not (found & ~valid).any()
    assert (found.any(axis=1) == valid.any(axis=1)).all()
    assert steady(np.zeros((0, 14, 2)), np.zeros((0, 14)), PHOTO_SIZE).shape == (0, 14)


def test_steady_joints_are_the_same_without_tensorflow():
    random = np.random.default_rng(2)
    poses = random.normal(200, 30, (300, 14, 2))
    poses[::2, 5] += random.uniform(-300, 300, (150, 2))
    valid = random.random((300, 14)) < 0.8
    found = arrays.steady(poses, valid, PHOTO_SIZE)
    np.testing.assert_array_equal(tensors.steady(poses, valid, PHOTO_SIZE) > 0, found)
    assert 0.1 < (valid & ~found)[::2, 5].mean() < 0.8


def test_crop_pixels_and_photo_pixels_are_inverses():
    box = arrays.fit_boxes(BOX, SIZE, 1.25)[0]
    there = arrays.to_crop(arrays.to_photo(POINTS, box, SIZE), box, SIZE)
    close(there, POINTS)
    matrix = tensors.invert(tensors.crop_matrix(np.float32(box), SIZE))
    close(arrays.to_photo_matrix(box, SIZE), matrix, atol=1e-4)
    expected = tensors.transform(POINTS, matrix)
    close(arrays.to_photo(POINTS, box, SIZE), expected, 1e-4)


def test_pixels_of_a_crop_by_hand():
    # Two photo pixels a crop pixel: the first one's center lies between 0 and 1.
    box = np.array([0.0, 0, 16, 16])
    close(arrays.to_photo(np.zeros(2), box, (8, 8)), [0.5, 0.5])
    close(arrays.to_crop(np.array([0.5, 2.5]), box, (8, 8)), [0, 1])


# --- mirrors and maps ------------------------------------------------------------


def test_the_first_and_last_column_mirror_into_each_other():
    points = np.array([[0.0, 3], [4, 3]])
    close(arrays.mirror(points, [0, 1], 5), [[4, 3], [0, 3]])


def test_mirroring_twice_changes_nothing():
    pose = np.random.default_rng(0).uniform(0, 50, (14, 2))
    permutation = LSP14.flip_permutation
    once = arrays.mirror(pose, permutation, 50)
    close(arrays.mirror(once, permutation, 50), pose)
    close(once, tensors.mirror_points(pose, 50, permutation), 1e-4)
    left, right = LSP14.index("left_wrist"), LSP14.index("right_wrist")
    close(once[left], [49 - pose[right, 0], pose[right, 1]])


def test_a_map_of_points_by_hand():
    matrix = np.array([[2.0, 0, 1], [0, 3.0, -1]])
    close(arrays.transform([[1.0, 1.0], [0.0, 2.0]], matrix), [[3, 2], [1, 5]])
    assert arrays.transform(np.zeros((3, 0, 2)), matrix).shape == (3, 0, 2)


def test_mapped_points_are_those_of_tensors():
    matrix = np.random.default_rng(2).normal(size=(2, 3))
    expected = tensors.transform(POINTS, np.float32(matrix))
    close(arrays.transform(POINTS, matrix), expected, 1e-4)
    inverse = tensors.invert(tf.constant(matrix)).numpy()
    close(arrays.transform(arrays.transform(POINTS, matrix), inverse), POINTS, 1e-9)
