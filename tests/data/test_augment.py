"""Random crops: their ranges, their repeatability, what they leave alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfpose.config import Augmentation
from tfpose.data.augment import random_color, random_crop_matrix, random_half_body
from tfpose.geometry import tensors
from tfpose.skeletons import COCO17, LSP14, MPII16

SIZE = (128, 96)
BOX = tf.constant([40.0, 30, 96, 128])
PAPER = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)


def draw(augmentation, count=400):
    """Scales, rotations in degrees, centers in I and mirrors of many draws."""

    @tf.function
    def one(index):
        seed = tf.stack([3, index])
        matrix, mirror = random_crop_matrix(BOX, SIZE, augmentation, seed)
        center = tensors.transform([[47.5, 63.5]], tensors.invert(matrix))[0]
        return matrix, mirror, center

    matrix, mirror, center = tf.map_fn(
        one, tf.range(count), fn_output_signature=(tf.float32, tf.float32, tf.float32)
    )
    matrix, mirror, center = matrix.numpy(), mirror.numpy(), center.numpy()
    scale = np.hypot(matrix[:, 1, 0], matrix[:, 1, 1])
    rotation = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 1, 1]))
    return 1 / scale, rotation, center, mirror


def test_without_augmentation_the_crop_is_the_box():
    matrix, mirror = random_crop_matrix(BOX, SIZE, Augmentation(), [0, 0])
    np.testing.assert_allclose(matrix, tensors.crop_matrix(BOX, SIZE), atol=1e-4)
    assert mirror == 0


@pytest.mark.slow
def test_scale_and_rotation_fill_their_ranges():
    scale, rotation, center, mirror = draw(PAPER)
    assert 0.7 <= scale.min() < 0.72 and 1.28 < scale.max() <= 1.3001
    assert -40.001 <= rotation.min() < -38 and 38 < rotation.max() <= 40.001
    np.testing.assert_allclose(center, np.tile([87.5, 93.5], (400, 1)), atol=1e-2)
    assert 0.4 < mirror.mean() < 0.6
    assert abs(np.corrcoef(scale, rotation)[0, 1]) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize(
    "distribution, turned, ends, limits",
    [
        # Of a normal number, 31.7 % lie beyond 1 deviation and 4.6 % beyond 2.
        ("normal", 0.6, 0.317, (0.7, 1.3)),
        ("octaves", 0.4, 0.046, (2**-0.6, 2**0.6)),
    ],
)
def test_normal_changes_are_those_of_the_papers_codes(
    distribution, turned, ends, limits
):
    chosen = dataclasses.replace(PAPER, distribution=distribution, turned=turned)
    scale, rotation, _, _ = draw(chosen, 3000)
    at_end = np.isclose(scale, limits[0], atol=1e-4)
    at_end |= np.isclose(scale, limits[1], atol=1e-4)
    assert limits[0] - 1e-4 < scale.min() and scale.max() < limits[1] + 1e-4
    assert at_end.mean() == pytest.approx(ends, abs=0.03)
    assert np.mean(np.abs(rotation) < 1e-3) == pytest.approx(1 - turned, abs=0.03)
    beyond = np.mean(np.abs(rotation) > 40)
    assert beyond == pytest.approx(0.317 * turned, abs=0.03)
    assert np.abs(rotation).max() < 80.001
    assert abs(np.corrcoef(scale, rotation)[0, 1]) < 0.1


def test_a_shift_is_a_fraction_of_the_box():
    _, _, center, _ = draw(Augmentation(shift=0.1))
    offset = np.abs(center - [87.5, 93.5])
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


def test_colors_scale_with_the_channels_and_stay_in_range():
    image = tf.concat([tf.fill((2, 2, 3), 100.0), tf.fill((2, 2, 3), 250.0)], 0)
    assert random_color(image, Augmentation(), [0, 0]) is image
    found = np.stack(
        [random_color(image, Augmentation(color=0.2), [0, i]) for i in range(50)]
    )
    assert found.min() >= 64 - 1e-3 and found.max() == 255
    # All pixels of a channel change by one factor.
    assert np.ptp(found[:, :2], axis=(1, 2)).max() == 0
    assert np.ptp(found[:, 0, 0], axis=1).min() > 0


def test_some_are_turned_by_any_angle():
    _, rotation, _, _ = draw(Augmentation(rotation=10.0, any_angle=0.5))
    far = np.abs(rotation) > 10.001
    # Of the full circle, 20 of 360 degrees are near.
    assert far.mean() == pytest.approx(0.5 * 340 / 360, abs=0.08)
    assert rotation.min() < -170 and rotation.max() > 170
    plain = draw(Augmentation(rotation=10.0))[1]
    np.testing.assert_allclose(rotation[~far][:9], plain[~far][:9], atol=1e-3)


def test_contrast_keeps_the_middle_gray_and_some_crops_lose_their_colors():
    image = tf.constant([[[110.0, 110, 110], [110, 130, 90]]])
    flat = Augmentation(contrast=0.5)
    found = np.stack([random_color(image, flat, [0, i]) for i in range(60)])
    assert (found[:, 0, 0] == 110).all()
    factors = (found[:, 0, 1, 1] - 110) / 20
    assert 0.5 <= factors.min() < 0.55 and 1.45 < factors.max() <= 1.5
    np.testing.assert_allclose(found[:, 0, 1, 2], 110 - 20 * factors, atol=1e-4)
    some = Augmentation(gray=0.5)
    found = np.stack([random_color(image, some, [0, i]) for i in range(200)])
    gray = np.ptp(found[:, 0, 1], axis=1) == 0
    assert gray.mean() == pytest.approx(0.5, abs=0.1)
    assert (found[gray, 0, 1] == 110).all()
    np.testing.assert_array_equal(found[~gray, 0, 1], [[110, 130, 90]] * sum(~gray))


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


# --- half bodies ------------------------------------------------------------------

# LSP's joints: legs of ankle, knee, hip, hip, knee, ankle; then the upper half.
STANDING = np.float32(
    [
        [80, 120], [80, 100], [82, 80], [98, 80], [100, 100], [100, 120],
        [60, 80], [64, 60], [80, 40], [100, 40], [116, 60], [120, 80],
        [90, 36], [90, 16],
    ]
)  # fmt: skip
ALL = np.ones(14, bool)


def half(
    keypoints=STANDING, labeled=ALL, share=1.0, seed=0, size=(96, 96), skeleton=LSP14
):
    """f32[4], the box of one draw."""
    some = Augmentation(half_body=share)
    return np.asarray(
        random_half_body(BOX, keypoints, labeled, skeleton, size, some, [5, seed])
    )


def halves(count=200, **options):
    """Each box that was drawn -> how often."""
    boxes = [tuple(np.round(half(seed=n, **options), 3).tolist()) for n in range(count)]
    return {box: boxes.count(box) / count for box in boxes}


@pytest.mark.slow
def test_half_bodies_are_boxes_about_the_joints_of_a_half():
    # The upper half spans 60 x 64 px, the lower 20 x 40; both times 1.5 are squares
    # about the means (90, 51.5) and (90, 100).
    upper, lower = (42.5, 4, 96, 96), (60.5, 70.5, 60, 60)
    found = halves()
    assert set(found) == {upper, lower}
    assert 0.6 < found[upper] < 0.78  # a normal number is below 0.5: 0.69


def test_the_shape_of_a_half_is_that_of_the_crop():
    boxes = set(halves(40, size=(128, 64)))
    # 64 x 60 px need 120 px in height, 40 x 20 have that shape.
    assert {box[2:] for box in boxes} == {(90, 180), (30, 60)}


@pytest.mark.slow
@pytest.mark.parametrize("share, expected", [(0.0, 0), (0.3, 0.3), (1.0, 1)])
def test_some_are_shown_by_half(share, expected):
    found = halves(share=share)
    whole = found.get(tuple(BOX.numpy().tolist()), 0)
    assert 1 - whole == pytest.approx(expected, abs=0.1)
    assert expected not in (0, 1) or 1 - whole == expected


def test_with_eight_labeled_joints_or_less_the_whole_body_is_shown():
    labeled = ALL.copy()
    labeled[[0, 1, 2, 3, 4, 5]] = False
    assert set(halves(20, labeled=labeled)) == {tuple(BOX.numpy().tolist())}


def test_a_half_of_two_joints_is_not_shown():
    """Nor does it matter where joints are that are not labeled."""
    labeled = ALL.copy()
    labeled[2:6] = False
    points = np.where(labeled[:, None], STANDING, np.float32(1e6))
    assert set(halves(30, keypoints=points, labeled=labeled)) == {(42.5, 4, 96, 96)}


def test_where_the_halves_begin():
    """HRNet's lists: COCO's joints from 11, MPII's up to the pelvis, are the lower."""
    for skeleton, lower in ((COCO17, range(11, 17)), (MPII16, range(7))):
        labeled = np.ones(len(skeleton), bool)
        points = np.zeros((len(skeleton), 2), np.float32)
        points[list(lower)] = 100
        boxes = {
            tuple(half(points, labeled, seed=seed, skeleton=skeleton)[:2] > 50)
            for seed in range(20)
        }
        assert boxes == {(True, True), (False, False)}
