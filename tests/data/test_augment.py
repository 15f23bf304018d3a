"""Random crops: their ranges, their repeatability, what they leave alone."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose import geometry
from tfpose.data.augment import Augmentation, random_colour, random_crop_matrix

SIZE = (128, 96)
BOX = tf.constant([40.0, 30, 96, 128])
PAPER = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)


def draw(augmentation, count=400):
    """Scales, rotations in degrees, centres in I and mirrors of many draws."""

    @tf.function
    def one(index):
        seed = tf.stack([3, index])
        matrix, mirror = random_crop_matrix(BOX, SIZE, augmentation, seed)
        centre = geometry.transform([[47.5, 63.5]], geometry.invert(matrix))[0]
        return matrix, mirror, centre

    matrix, mirror, centre = tf.map_fn(
        one, tf.range(count), fn_output_signature=(tf.float32, tf.float32, tf.float32)
    )
    matrix, mirror, centre = matrix.numpy(), mirror.numpy(), centre.numpy()
    scale = np.hypot(matrix[:, 1, 0], matrix[:, 1, 1])
    rotation = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1]))
    return 1 / scale, rotation, centre, mirror


def test_without_augmentation_the_crop_is_the_box():
    matrix, mirror = random_crop_matrix(BOX, SIZE, Augmentation(), [0, 0])
    np.testing.assert_allclose(matrix, geometry.crop_matrix(BOX, SIZE), atol=1e-4)
    assert mirror == 0


def test_scale_and_rotation_fill_their_ranges():
    scale, rotation, centre, mirror = draw(PAPER)
    assert 0.7 <= scale.min() < 0.72 and 1.28 < scale.max() <= 1.3001
    assert -40.001 <= rotation.min() < -38 and 38 < rotation.max() <= 40.001
    np.testing.assert_allclose(centre, np.tile([87.5, 93.5], (400, 1)), atol=1e-2)
    assert 0.4 < mirror.mean() < 0.6
    assert abs(np.corrcoef(scale, rotation)[0, 1]) < 0.2


def test_a_shift_is_a_fraction_of_the_box():
    _, _, centre, _ = draw(Augmentation(shift=0.1))
    offset = np.abs(centre - [87.5, 93.5])
    assert (offset <= [9.61, 12.81]).all() and (offset.max(0) > [9, 12]).all()


@pytest.mark.parametrize("probability, expected", [(0.0, 0), (1.0, 1)])
def test_mirroring_can_be_off_and_sure(probability, expected):
    assert (draw(Augmentation(mirror=probability), 50)[3] == expected).all()


def test_the_seed_decides_the_crop():
    first = random_crop_matrix(BOX, SIZE, PAPER, [1, 2])[0]
    again = random_crop_matrix(BOX, SIZE, PAPER, [1, 2])[0]
    other = random_crop_matrix(BOX, SIZE, PAPER, [1, 3])[0]
    np.testing.assert_array_equal(first, again)
    assert (first != other).numpy().any()


def test_colours_scale_with_the_channels_and_stay_in_range():
    image = tf.concat([tf.fill((2, 2, 3), 100.0), tf.fill((2, 2, 3), 250.0)], 0)
    assert random_colour(image, Augmentation(), [0, 0]) is image
    found = np.stack(
        [random_colour(image, Augmentation(colour=0.2), [0, i]) for i in range(50)]
    )
    assert found.min() >= 64 - 1e-3 and found.max() == 255
    # All pixels of a channel change by one factor.
    assert np.ptp(found[:, :2], axis=(1, 2)).max() == 0
    assert np.ptp(found[:, 0, 0], axis=1).min() > 0


def test_eager_equals_tf_data():
    dataset = tf.data.Dataset.range(3).map(
        lambda i: random_crop_matrix(
            BOX, SIZE, PAPER, tf.stack([7, tf.cast(i, "int32")])
        )
    )
    for index, (matrix, mirror) in enumerate(dataset):
        expected = random_crop_matrix(BOX, SIZE, PAPER, tf.constant([7, index]))
        np.testing.assert_allclose(matrix, expected[0], atol=1e-4)
        assert mirror == expected[1]
