"""Maps of parts by hand: distances to bones, missing joints, and what follows them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.decoders import decode
from tfpose.codecs import GaussianHeatmap, PartHeatmap
from tfpose.geometry.cells import to_pixels

# 2 x 3 cells of 4 px.
SIZE = (8, 12)
BONE = (((0, 1),),)
# An arm, a bone of it, and a leg that shares no joint with them.
LIMBS = (((0, 1), (1, 2)), ((0, 1),), ((3, 4),))


def at_cells(*cells, stride=4):
    """f32[1, K, 2]: joints, in crop pixels, at places given in cells."""
    return to_pixels(tf.constant([cells], tf.float32), stride)


def everybody(joints):
    return tf.ones((1, joints))


def bone_between(first, second):
    """The map of 2 x 3 cells, with a sigma of a cell."""
    codec = PartHeatmap(SIZE, sigma=4.0, parts=BONE)
    return codec.encode(at_cells(first, second), everybody(2))[0, ..., 0]


# --- distances -------------------------------------------------------------------


@pytest.mark.parametrize(
    "first, second, squared",
    [
        # Along a row: the next row is a cell away, beside the bone and at its ends.
        ((0, 0), (2, 0), [[0, 0, 0], [1, 1, 1]]),
        # Past its end the distance is that from the end.
        ((0, 0), (1, 0), [[0, 0, 1], [1, 1, 2]]),
        ((1, 0), (1, 1), [[1, 0, 1], [1, 0, 1]]),
        # Oblique: |x * 1 - y * 2|^2 / 5.
        ((0, 0), (2, 1), [[0, 0.2, 0.8], [0.8, 0.2, 0]]),
        # Between the cells.
        (
            (0.5, 0.25),
            (1.5, 0.25),
            [[5 / 16, 1 / 16, 5 / 16], [13 / 16, 9 / 16, 13 / 16]],
        ),
        # Without length: a joint.
        ((1, 1), (1, 1), [[2, 1, 2], [1, 0, 1]]),
        # From outside the crop.
        ((-4, 0), (0, 0), [[0, 1, 4], [1, 2, 5]]),
    ],
)
def test_a_bone_is_a_gaussian_of_the_distance_to_it(first, second, squared):
    expected = np.exp(-np.array(squared) / 2)
    for ends in ((first, second), (second, first)):
        np.testing.assert_allclose(bone_between(*ends), expected, atol=1e-5)


def test_a_bone_of_no_length_is_its_joints_gaussian():
    size, place = (64, 48), at_cells((3.3, 7.9), (3.3, 7.9))
    bone = PartHeatmap(size, sigma=7.0, parts=BONE).encode(place, everybody(2))
    joint = GaussianHeatmap(size, sigma=7.0).encode(place, everybody(2))
    np.testing.assert_allclose(bone[..., 0], joint[..., 0], atol=1e-6)


def test_moving_a_bone_sideways_changes_cells_beside_it_through_both_ends():
    keypoints = tf.Variable(at_cells((1, 0), (1, 1)))
    with tf.GradientTape() as tape:
        maps = PartHeatmap(SIZE, sigma=4.0, parts=BONE).encode(keypoints, everybody(2))
        left = maps[0, 0, 0, 0]  # beside the first end, 4 px left of it
    # v = exp(-d^2 / 32) with d = x - 1.5: dv/dx = -v d / 16.
    by_hand = [[-np.exp(-0.5) / 4, 0], [0, 0]]
    np.testing.assert_allclose(tape.gradient(left, keypoints)[0], by_hand, atol=1e-6)


def patches(cells):
    """f32[64, 64]: 7x7 cells of a Gaussian about each of some cells, the largest."""
    rows, columns = np.mgrid[:64, :64]
    maps = np.zeros((64, 64))
    for x, y in cells:
        patch = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.75**2))
        near = (abs(columns - x) <= 3) & (abs(rows - y) <= 3)
        maps = np.maximum(maps, patch * near)
    return maps


def test_the_map_is_nearly_that_of_the_authors_code():
    """A bone from the cell (19, 29) to (29, 33), whose last cell they do not draw."""
    cells = [(19, 29), (20, 29), (21, 30), (22, 30), (23, 31), (24, 31)]
    cells += [(25, 31), (26, 32), (27, 32), (28, 33)]
    # What the authors' code gives for this bone.
    assert patches(cells).sum() == pytest.approx(62.0453, abs=1e-4)
    assert np.count_nonzero(patches(cells)) == 136
    whole = patches([*cells, (29, 33)])
    codec = PartHeatmap((256, 256), sigma=7.0, parts=BONE)
    ours = codec.encode(at_cells((19, 29), (29, 33)), everybody(2))[0, ..., 0].numpy()
    # Lines of whole cells are up to half a cell beside the bone, where maps change by
    # 0.35 a cell at most.
    assert np.abs(ours - whole).max() < 0.12
    assert ours.sum() == pytest.approx(whole.sum(), rel=5e-3)


def test_maps_of_all_resolutions_show_the_same():
    """Sigma is in px of the crop: a cell of 12 px has its middle in one of 4 px."""
    keypoints = tf.constant([[[13.0, 50.0], [40.0, 7.0], [30.0, 30.0]]])
    fine, coarse = (
        PartHeatmap((60, 48), stride, 9.0, LIMBS[:2], True).encode(
            keypoints, everybody(3)
        )
        for stride in (4, 12)
    )
    assert coarse.shape == (1, 5, 4, 5)
    np.testing.assert_allclose(fine[:, 1::3, 1::3], coarse, atol=1e-5)


def test_a_mirrored_person_has_mirrored_maps():
    codec = PartHeatmap((64, 48), sigma=6.0, parts=LIMBS)
    points = np.random.default_rng(0).uniform(0, 48, (2, 5, 2)).astype(np.float32)
    mirrored = points * [-1, 1] + [47, 0]
    maps = codec.encode(points, tf.ones((2, 5)))
    found = codec.encode(tf.cast(mirrored, tf.float32), tf.ones((2, 5)))
    np.testing.assert_allclose(found, maps[:, :, ::-1], atol=1e-5)


# --- parts of several bones, and missing joints ----------------------------------

POINTS = at_cells((1, 1), (8, 3), (3, 9), (10, 14), (2, 13))


def encode(valid, **options):
    codec = PartHeatmap((64, 48), sigma=5.0, **{"parts": LIMBS, **options})
    valid = tf.constant([valid], tf.float32)
    return codec.encode(POINTS, valid)[0].numpy(), codec.weights(valid)[0].numpy()


def alone(bone):
    return encode([1] * 5, parts=((bone,),))[0][..., 0]


def test_a_part_is_the_maximum_of_its_bones():
    maps, weights = encode([1] * 5)
    assert maps.shape == (16, 12, 3)
    both = np.maximum(alone((0, 1)), alone((1, 2)))
    np.testing.assert_array_equal(maps[..., 0], both)
    np.testing.assert_array_equal(maps[..., 1], alone((0, 1)))
    np.testing.assert_array_equal(maps[..., 2], alone((3, 4)))
    np.testing.assert_array_equal(weights, [1, 1, 1])


@pytest.mark.parametrize(
    "valid, weights",
    [
        ([0, 1, 1, 1, 1], [1, 0, 1]),  # the rest of the limb is drawn
        ([1, 1, 0, 1, 1], [1, 1, 1]),
        ([1, 0, 1, 1, 1], [0, 0, 1]),  # both its bones end there
        ([1, 1, 1, 0, 1], [1, 1, 0]),
        ([0, 0, 0, 0, 0], [0, 0, 0]),
    ],
)
def test_bones_without_an_end_are_not_drawn_and_parts_without_bones_do_not_count(
    valid, weights
):
    maps, found = encode(valid)
    np.testing.assert_array_equal(found, weights)
    for channel, part in enumerate(LIMBS):
        drawn = [alone(bone) for bone in part if all(valid[end] for end in bone)]
        expected = np.max(drawn, axis=0) if drawn else np.zeros((16, 12))
        np.testing.assert_array_equal(maps[..., channel], expected)


# --- joints that follow ----------------------------------------------------------


def test_all_joints_follow_the_parts():
    valid = [1, 1, 0, 1, 1]
    maps, weights = encode(valid, joints_follow=True)
    joints = GaussianHeatmap((64, 48), sigma=5.0).encode(
        POINTS, tf.constant([valid], tf.float32)
    )
    np.testing.assert_array_equal(maps[..., :3], encode(valid)[0])
    np.testing.assert_array_equal(maps[..., 3:], joints[0])
    np.testing.assert_array_equal(weights, [1, 1, 1, *valid])


def test_the_joints_that_follow_are_what_is_decoded():
    codec = PartHeatmap((64, 48), sigma=5.0, parts=LIMBS, joints_follow=True)
    found, scores = decode(codec, codec.encode(POINTS, everybody(5)))
    np.testing.assert_allclose(found, POINTS, atol=1e-3)
    np.testing.assert_allclose(scores, np.ones((1, 5)), atol=1e-5)


def test_a_graph_of_any_number_of_people_draws_the_same():
    codec = PartHeatmap((64, 48), parts=LIMBS, joints_follow=True)
    signature = [tf.TensorSpec((None, 5, 2)), tf.TensorSpec((None, 5))]
    graph = tf.function(codec.encode, input_signature=signature)
    for people in (1, 3):
        pose, valid = tf.repeat(POINTS, people, axis=0), tf.ones((people, 5))
        found = graph(pose, valid)
        assert found.shape == (people, 16, 12, 8)
        np.testing.assert_allclose(found, codec.encode(pose, valid), atol=1e-6)


@pytest.mark.parametrize("parts", [(), (((0, 1),), ())])
def test_parts_of_nothing_are_refused(parts):
    with pytest.raises(ValueError, match="parts: expected bones of each part"):
        PartHeatmap((64, 48), parts=parts)
