"""Coordinates, boxes, crops: hand-written cases, inverses, borders."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfpose.geometry import tensors
from tfpose.geometry.cells import to_cells, to_pixels
from tfpose.skeletons import COCO17

SIZE = (8, 6)


def close(found, expected, atol=1e-4):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def center(box):
    return np.asarray(box)[..., :2] + (np.asarray(box)[..., 2:] - 1) / 2


# --- boxes -----------------------------------------------------------------------


def test_the_box_around_a_pose_spans_its_valid_joints():
    keypoints = [[2.0, 3.0], [8.0, 13.0], [100.0, np.nan]]
    box = tensors.box_around(keypoints, [1.0, 1.0, 0.0])
    close(box, [2.5, 3.5, 6, 10])
    close(center(box), [5, 8])


def test_a_side_of_no_length_is_widened():
    close(tensors.box_around([[5.0, 7.0]], [1.0]), [-4.5, -2.5, 20, 20])
    vertical = tensors.box_around([[5.0, 0.0], [5.0, 9.0]], [1.0, 1.0], minimum=3.0)
    close(vertical, [4, 0.5, 3, 9])


def test_a_pose_without_valid_joints_has_no_box():
    keypoints = np.ones((2, 3, 2), np.float32)
    close(tensors.box_around(keypoints, np.zeros((2, 3))), np.zeros((2, 4)))


def test_scaling_a_box_keeps_its_center():
    box = tf.constant([10.0, 20.0, 5.0, 9.0])
    doubled = tensors.scale_box(box, 2.0)
    close(doubled, [7.5, 15.5, 10, 18])
    close(center(doubled), center(box))
    close(tensors.scale_box(doubled, 0.5), box)


@pytest.mark.parametrize(
    "box, expected",
    [
        ([0, 0, 6, 8], [0, 0, 6, 8]),
        ([0, 0, 12, 8], [0, -4, 12, 16]),
        ([0, 0, 3, 8], [-1.5, 0, 6, 8]),
        ([10, 0, 0, 8], [7, 0, 6, 8]),
        ([10, 10, 6, 0], [10, 6, 6, 8]),
        ([10, 10, 0, 0], [10, 10, 0, 0]),
    ],
)
def test_the_box_of_a_shape_is_the_smallest_around_the_box(box, expected):
    box = tf.constant(box, tf.float32)
    fitted = tensors.fit_aspect(box, SIZE)
    close(fitted, expected)
    close(center(fitted), center(box))
    close(tensors.fit_aspect(fitted, SIZE), fitted)


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
    box, others = tf.constant([0.0, 0, 2, 2]), tf.constant([other], tf.float32)
    close(tensors.box_overlap(box, others), [overlap])
    close(tensors.box_overlap(others[0], box[None]), [overlap])


def test_boxes_without_area_and_without_others_overlap_nothing():
    nothing = tf.zeros(4)
    close(tensors.box_overlap(nothing, nothing[None]), [0])
    assert tensors.box_overlap(nothing, tf.zeros((0, 4))).shape == (0,)


# --- affine maps -----------------------------------------------------------------


def test_the_crop_of_the_whole_photo_is_the_photo():
    matrix = tensors.crop_matrix([0.0, 0, 6, 8], SIZE)
    close(matrix, [[1, 0, 0], [0, 1, 0]])


def test_pixel_edges_of_the_box_become_those_of_the_crop():
    box = tf.constant([10.0, 20, 3, 4])
    matrix = tensors.crop_matrix(box, SIZE)
    edges = [[9.5, 19.5], [12.5, 23.5]]
    close(tensors.transform(edges, matrix), [[-0.5, -0.5], [5.5, 7.5]])
    # The first pixel of a box half the size covers the crop's first two.
    close(tensors.transform([[10.0, 20.0]], matrix), [[0.5, 0.5]])


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_published_crops_lie_half_a_pixel_of_scale_from_ours(scale):
    box = np.float32([3, 5, 12 / scale, 16 / scale])
    theirs = tensors.corner_matrix(box, (16, 12))
    corners = tensors.transform([[3.0, 5.0], [3 + 12 / scale, 5 + 16 / scale]], theirs)
    close(corners, [[0, 0], [12, 16]])
    difference = tensors.crop_matrix(box, (16, 12)) - theirs
    close(difference, [[0, 0, (scale - 1) / 2]] * 2)


def test_a_positive_rotation_turns_clockwise_on_screen():
    # y points down: what is right of the center goes below it.
    matrix = tensors.crop_matrix([0.0, 0, 5, 5], (5, 5), rotation=math.pi / 2)
    close(tensors.transform([[2.0, 2], [4.0, 2]], matrix), [[2, 2], [2, 4]])


def test_a_mirrored_crop_is_the_crop_mirrored():
    box = [3.0, 4, 6, 8]
    points = np.random.default_rng(0).uniform(0, 9, (5, 2))
    plain = tensors.crop_matrix(box, SIZE, rotation=0.3)
    mirrored = tensors.crop_matrix(box, SIZE, rotation=0.3, mirror=1.0)
    x, y = np.moveaxis(tensors.transform(points, plain).numpy(), -1, 0)
    close(tensors.transform(points, mirrored), np.stack([5 - x, y], -1))


def test_crop_matrices_of_a_batch_are_those_of_its_people():
    boxes = np.float32([[0, 0, 6, 8], [5, 5, 12, 16]])
    batch = tensors.crop_matrix(boxes, SIZE, np.float32([0, 1]), np.float32([1, 0]))
    for index in range(2):
        alone = tensors.crop_matrix(boxes[index], SIZE, float(index), 1.0 - index)
        close(batch[index], alone)


def test_an_affine_map_by_hand():
    matrix = tf.constant([[2.0, 0, 1], [0, 3.0, -1]])
    close(tensors.transform([[1.0, 1.0], [0.0, 2.0]], matrix), [[3, 2], [1, 5]])
    close(tensors.invert(matrix), [[0.5, 0, -0.5], [0, 1 / 3, 1 / 3]])
    assert tensors.transform(tf.zeros((0, 2)), matrix).shape == (0, 2)


def random_matrices(seed=0):
    matrices = np.random.default_rng(seed).normal(size=(7, 2, 3)) + [[[2, 0, 0]] * 2]
    return tf.constant(matrices + [[[0, 0, 0], [0, 4, 0]]], tf.float32)


def test_a_box_shows_the_same_after_it_was_scaled_and_shifted():
    matrix = tf.constant([[2.0, 0, 10.5], [0, 0.5, -0.25]])
    found = tensors.transform_box(tf.constant([0.0, 0, 4, 6]), matrix)
    # Edges -0.5 and 3.5 go to 9.5 and 17.5, -0.5 and 5.5 to -0.5 and 2.5.
    np.testing.assert_allclose(found, [10, 0, 8, 3])
    back = tensors.transform_box(found, tensors.invert(matrix))
    np.testing.assert_allclose(back, [0, 0, 4, 6], atol=1e-5)


def test_the_inverse_undoes_a_map():
    matrices = random_matrices()
    points = tf.random.stateless_uniform((7, 9, 2), [0, 1])
    there = tensors.transform(points, matrices)
    close(tensors.transform(there, tensors.invert(matrices)), points, 1e-3)
    identity = np.tile([[1, 0, 0], [0, 1, 0]], (7, 1, 1))
    close(tensors.compose(tensors.invert(matrices), matrices), identity, 1e-3)


def test_a_composed_map_is_one_after_the_other():
    first, second = random_matrices(1), random_matrices(2)
    points = tf.random.stateless_uniform((7, 9, 2), [0, 1])
    both = tensors.transform(points, tensors.compose(second, first))
    one_by_one = tensors.transform(tensors.transform(points, first), second)
    close(both, one_by_one, 1e-3)
    close(tensors.compose(second[0], first[0]), tensors.compose(second, first)[0])


def test_a_singular_map_has_no_inverse():
    with pytest.raises(tf.errors.InvalidArgumentError):
        tensors.invert(tf.constant([[1.0, 2, 0], [2, 4, 0]]))


def test_the_gradient_of_a_mapped_point_is_the_map():
    matrix = tf.constant([[2.0, 5, 1], [0, 3.0, -1]])
    points = tf.Variable([[1.0, 1.0]])
    with tf.GradientTape() as tape:
        x = tensors.transform(points, matrix)[0, 0]
    close(tape.gradient(x, points), [[2, 5]])


# --- warping ---------------------------------------------------------------------


def picture(height, width):
    """f32[1, height, width, 3], all values different and none zero."""
    count = height * width * 3
    values = np.arange(1, count + 1, dtype=np.float32)
    return values.reshape(1, height, width, 3)


def shift(x, y):
    """f32[1, 2, 3]: the map that moves a picture."""
    return tf.constant([[[1, 0, x], [0, 1, y]]], tf.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_identity_keeps_a_picture(dtype):
    image = picture(4, 5).astype(dtype)
    found = tensors.warp(image, shift(0, 0), (4, 5))
    assert found.dtype == tf.float32
    close(found, image)


def test_outside_the_photo_is_black():
    image = picture(3, 3)
    found = tensors.warp(image, shift(1, 2), (3, 3)).numpy()
    close(found[:, 2:, 1:], image[:, :1, :2])
    assert not found[:, :2].any() and not found[:, :, 0].any()
    far_away = tensors.warp(image, shift(99, 0), (3, 3))
    assert not far_away.numpy().any()


def test_between_pixels_values_are_bilinear():
    image = np.zeros((1, 2, 2, 3), np.float32)
    image[0, :, :, 0] = [[1, 3], [5, 11]]
    found = tensors.warp(image, shift(-0.5, -0.25), (1, 1))
    close(found[0, 0, 0], [(0.75 * 1 + 0.25 * 5 + 0.75 * 3 + 0.25 * 11) / 2, 0, 0])


def test_a_quarter_turn_by_hand():
    image = np.zeros((1, 3, 3, 3), np.float32)
    image[0, :, :, 0] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    matrix = tensors.crop_matrix([[0.0, 0, 3, 3]], (3, 3), rotation=math.pi / 2)
    found = tensors.warp(image, matrix, (3, 3))
    close(found[0, :, :, 0], [[7, 4, 1], [8, 5, 2], [9, 6, 3]], 1e-3)


def test_a_mirrored_crop_reverses_the_rows():
    image = picture(8, 6)
    matrix = tensors.crop_matrix([[0.0, 0, 6, 8]], SIZE, mirror=1.0)
    close(tensors.warp(image, matrix, SIZE), image[:, :, ::-1], 1e-3)


def test_points_go_where_the_picture_goes():
    image = np.zeros((1, 40, 40, 3), np.float32)
    image[0, 13, 22] = 255
    matrix = tensors.crop_matrix([[4.0, 2, 24, 32]], (64, 48), 0.4, 1.0)
    crop = tensors.warp(image, matrix, (64, 48))[0, :, :, 0].numpy()
    rows, columns = np.indices(crop.shape)
    found = [(crop * columns).sum() / crop.sum(), (crop * rows).sum() / crop.sum()]
    close(tensors.transform([[22.0, 13.0]], matrix[0]), [found], 0.05)


def test_the_gradient_of_a_crop_reaches_the_pixels_it_shows():
    image = tf.Variable(picture(3, 3))
    with tf.GradientTape() as tape:
        crop = tensors.warp(image, shift(1, 1), (3, 3))
        total = tf.reduce_sum(crop)
    expected = np.zeros((1, 3, 3, 3))
    expected[:, :2, :2] = 1
    close(tape.gradient(total, image), expected)


# --- mirrors, borders, cells -----------------------------------------------------


def test_mirroring_points_twice_changes_nothing():
    points = np.random.default_rng(0).uniform(0, 50, (3, 17, 2)).astype(np.float32)
    permutation = COCO17.flip_permutation
    once = tensors.mirror_points(points, 50, permutation)
    close(tensors.mirror_points(once, 50, permutation), points)
    # The left wrist of the mirrored pose is the right one, seen from the other side.
    left, right = COCO17.index("left_wrist"), COCO17.index("right_wrist")
    close(once[:, left, 0], 49 - points[:, right, 0])
    close(once[:, left, 1], points[:, right, 1])


def test_the_first_and_last_column_mirror_into_each_other():
    points = tf.constant([[0.0, 3], [4, 3]])
    close(tensors.mirror_points(points, 5, [0, 1]), [[4, 3], [0, 3]])


@pytest.mark.parametrize(
    "point, expected",
    [
        ((-0.5, -0.5), 1),
        ((5.49, 7.49), 1),
        ((5.5, 0), 0),
        ((0, 7.5), 0),
        ((-0.51, 0), 0),
        ((0, -0.51), 0),
        ((np.nan, 0), 0),
    ],
)
def test_a_point_is_inside_where_a_pixel_is(point, expected):
    assert tensors.inside(tf.constant([point], tf.float32), SIZE) == expected


@pytest.mark.parametrize(
    "valid, head, height",
    [
        # The head, of 10 px, is 1 / (8 * 0.6 * 1.4286) of the person.
        ([1, 1, 1], [0, 1], 68.5728),
        # Without one of its ends, or without a head, 1.2 times the pose's 50 px.
        ([0, 1, 1], [0, 1], 48),
        ([1, 1, 1], None, 60),
        # Nobody, and a head of no length.
        ([0, 0, 0], [0, 1], 24),
        ([1, 1, 1], [1, 1], 60),
    ],
)
def test_a_person_is_8_heads_tall(valid, head, height):
    pose = tf.constant([[5.0, 0], [5, 10], [9, 50]])
    found = tensors.person_height(pose, tf.constant(valid, tf.float32), head)
    assert float(found) == pytest.approx(height, rel=1e-5)
    both = tensors.person_height(
        tf.stack([pose, pose + 9]), tf.constant([valid, valid], tf.float32), head
    )
    close(both, [float(found)] * 2)


def test_a_box_of_a_height_shows_the_person_at_that_height():
    box = tf.constant([10.0, 20, 5, 7])
    found = tensors.height_box(box, tf.constant(30.0), (40, 60), 10.0)
    # 3 px of the photo a px of the crop, about the middle (12, 23).
    close(found, [12 - 89.5, 23 - 59.5, 180, 120])


def test_cells_are_centered_on_their_pixels():
    close(to_cells(tf.constant([[1.5, 5.5]]), 4), [[0, 1]])
    points = np.random.default_rng(0).uniform(-9, 99, (5, 2))
    close(to_pixels(to_cells(points, 4), 4), points)


def test_eager_equals_tf_data():
    def crop(box, image):
        fitted = tensors.scale_box(tensors.fit_aspect(box, SIZE), 1.25)
        matrix = tensors.crop_matrix(fitted, SIZE, 0.2, 1.0)
        points = tensors.transform(tf.constant([[1.0, 2], [3, 4]]), matrix)
        return (
            tensors.warp(image[None], matrix[None], SIZE),
            tensors.inside(points, SIZE),
            tensors.box_around(points, tf.ones(2)),
            tensors.invert(matrix),
        )

    box, image = tf.constant([1.0, 2, 5, 3]), tf.constant(picture(9, 9)[0])
    dataset = tf.data.Dataset.from_tensors((box, image)).map(crop)
    for in_graph, eager in zip(next(iter(dataset)), crop(box, image), strict=True):
        close(in_graph, eager)


# Larger, smaller, much smaller, partly and wholly outside, and farther than int32.
@pytest.mark.parametrize(
    "box",
    [
        [3.3, 4.1, 12, 16],
        [-20.5, -9.2, 66, 88],
        [-400, -300, 900, 1200],
        [30, 31, 9, 12],
        [-90, 500, 9, 12],
        [3e9, -3e9, 6, 8],
    ],
)
def test_an_upright_crop_is_the_crop(box):
    photo = np.random.default_rng(0).integers(0, 256, (40, 31, 3), np.uint8)
    matrix = tensors.crop_matrix(np.float32(box), SIZE)
    expected = tensors.crop(photo, matrix, SIZE)
    found = tensors.upright_crop(tf.constant(photo), matrix, SIZE)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, atol=0.02)
