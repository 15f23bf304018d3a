"""Discs, best cells with offsets, and votes: hand-written cases."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.decoders import decode
from tfpose.codecs import BinaryDisc, OffsetDisc
from tfpose.layers.offsets import DEVIATION, OffsetPosition, OffsetVotes, RenderDisc
from tfpose.losses import OffsetDistance

DISC = """
. . # . .
. # # # .
# # # # #
. # # # .
. . # . .
"""


def test_a_disc_has_the_pixels_within_its_radius():
    keypoints, valid = np.float32([[[2, 2]]]), np.float32([[1]])
    drawn = RenderDisc((5, 5), radius=2.0)(keypoints, valid)[0, ..., 0]
    lines = DISC.strip().split("\n")
    expected = [[255 * (sign == "#") for sign in line.split()] for line in lines]
    np.testing.assert_array_equal(drawn, expected)


def test_a_disc_is_cut_at_the_border_and_a_missing_joint_is_not_drawn():
    keypoints = np.float32([[[0, 3], [2, 2], [-9, 0]]])
    drawn = RenderDisc((4, 6), radius=1.2, peak=1.0)(keypoints, np.float32([[1, 0, 1]]))
    assert np.argwhere(drawn[0, ..., 0]).tolist() == [[2, 0], [3, 0], [3, 1]]
    assert not np.any(drawn[..., 1:])


def test_a_disc_among_cells_has_those_whose_centers_lie_within_its_radius():
    # Cells of 4 px: the centers of the first ones lie at 1.5 and 5.5 px.
    keypoints = np.float32([[[5.5, 5.5]]])
    drawn = RenderDisc((4, 4), radius=4.0, peak=1.0, stride=4)(keypoints, np.ones(1))
    assert np.argwhere(drawn[0, ..., 0]).tolist() == [
        [0, 1], [1, 0], [1, 1], [1, 2], [2, 1],
    ]  # fmt: skip


def test_the_papers_disc_covers_709_pixels():
    # Pixel centers within 15 px, the circle problem of Gauss.
    drawn = RenderDisc((40, 40), radius=15.0)(np.float32([[[20, 19]]]), np.ones((1, 1)))
    assert np.count_nonzero(drawn) == 709


def maps(height=3, width=4, joints=2):
    return np.zeros((1, height, width, joints), np.float32)


def test_the_answer_is_the_best_cells_center_and_its_offset():
    scores, offsets = maps(), np.full((1, 3, 4, 4), 9, np.float32)
    scores[0, 2, 1, 0], scores[0, 0, 3, 1] = 0.7, 0.2
    offsets[0, 2, 1, :2] = (1.0, -0.5)
    offsets[0, 0, 3, 2:] = (0.0, 0.25)
    found = OffsetPosition(stride=8)(scores, offsets)
    # Cell 1 of stride 8 covers px 8 to 15, its center is 11.5.
    expected = [
        [11.5 + DEVIATION, 19.5 - 0.5 * DEVIATION],
        [27.5, 3.5 + 0.25 * DEVIATION],
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_the_gradient_reaches_the_best_cells_offset_alone():
    scores, offsets = maps(joints=1), tf.Variable(np.zeros((1, 3, 4, 2), np.float32))
    scores[0, 1, 2, 0] = 1
    with tf.GradientTape() as tape:
        x = OffsetPosition(stride=8)(scores, offsets)[0, 0, 0]
    gradient = np.zeros((1, 3, 4, 2))
    gradient[0, 1, 2, 0] = DEVIATION
    np.testing.assert_allclose(tape.gradient(x, offsets), gradient)


def test_a_vote_is_spread_over_four_cells():
    scores, offsets = maps(joints=1), np.zeros((1, 3, 4, 2), np.float32)
    scores[0, 1, 1, 0] = 0.3
    # From the center (5.5, 5.5) of stride 4 to (6.5, 8.5): cell (1.25, 1.75).
    offsets[0, 1, 1] = np.float32([1, 3]) / DEVIATION
    belief = OffsetVotes((12, 16), stride=4)(scores, offsets)[0, ..., 0]
    expected = np.zeros((3, 4))
    expected[1:3, 1:3] = np.outer([0.25, 0.75], [0.75, 0.25])
    np.testing.assert_allclose(belief, expected, atol=1e-6)


def test_votes_of_many_cells_for_one_place_agree():
    codec = OffsetDisc((48, 64), stride=8, radius=15.0)
    joint = np.float32([[[33.5, 17.5]]])  # the center of a cell of 4 px
    targets = codec.encode(joint, np.ones((1, 1), np.float32))
    offsets = keras.ops.reshape(targets[..., :2], (1, 6, 8, 2))
    belief = OffsetVotes((48, 64), stride=8)(targets[..., 2], offsets)[0, ..., 0]
    expected = np.zeros((12, 16))
    expected[4, 8] = 1
    np.testing.assert_allclose(belief, expected, atol=1e-5)


def test_votes_outside_count_at_the_border_and_no_vote_gives_no_belief():
    scores, offsets = maps(joints=1), np.full((1, 3, 4, 2), -100, np.float32)
    scores[0, 1, 1, 0] = 0.5
    layer = OffsetVotes((12, 16), stride=4)
    belief = layer(scores, offsets)[0, ..., 0].numpy()
    assert belief[0, 0] == 1 and belief.sum() == 1
    assert not np.any(layer(np.zeros_like(scores), offsets))


@pytest.mark.parametrize(
    "place", [(20.0, 13.0), (0.0, 0.0), (63.4, 47.2), (31.7, 20.2)]
)
def test_what_the_codec_writes_the_layer_reads(place):
    codec = OffsetDisc((48, 64), stride=8, radius=15.0)
    joint, valid = np.float32([[place]]), np.ones((1, 1), np.float32)
    targets = codec.encode(joint, valid)
    assert targets.shape == (1, 6, 8, 1, 3)
    np.testing.assert_array_equal(
        targets[..., 2], BinaryDisc((48, 64), 8, 15.0).encode(joint, valid)
    )
    offsets = keras.ops.reshape(targets[..., :2], (1, 6, 8, 2))
    found = OffsetPosition(stride=8)(targets[..., 2], offsets)
    np.testing.assert_allclose(found, joint, atol=1e-4)
    decoded, there = decode(codec, targets)
    np.testing.assert_allclose(decoded, joint, atol=1e-4)
    assert there.numpy().tolist() == [[1]]


def test_offsets_are_in_the_reference_codes_unit():
    codec = OffsetDisc((16, 16), stride=8, radius=9.0)
    targets = codec.encode(np.float32([[[5.5, 3.5]]]), np.ones((1, 1), np.float32))
    # The cell's center is (3.5, 3.5): two px, of 7.2801 px each.
    np.testing.assert_allclose(targets[0, 0, 0, 0], [2 / 7.2801, 0, 1], rtol=1e-6)


def test_a_joint_without_label_has_no_offsets():
    codec = OffsetDisc((48, 64), stride=8)
    targets = codec.encode(np.float32([[[20, 20]]]), np.zeros((1, 1), np.float32))
    assert not np.any(targets)
    _, there = decode(codec, targets)
    assert there.numpy().tolist() == [[0]]


@pytest.mark.parametrize(
    "form, expected",
    [
        # Errors 0.5 and 2 of x, 0 and 0 of y: squares 0.25 and 4 over four numbers.
        ("squared", 4.25 / 4),
        # Below the bend 0.5 * 0.25, above it 2 - 0.5.
        ("huber", 1.625 / 4),
    ],
)
def test_the_loss_is_the_mean_over_the_cells_that_count(form, expected):
    target = np.zeros((1, 1, 3, 2, 3), np.float32)
    target[0, 0, :2, 0, 2] = 1  # two of the three cells, of the first joint
    offsets = np.zeros((1, 1, 3, 4), np.float32)
    offsets[0, 0, :, 0] = (0.5, 2, 100)
    found = OffsetDistance(form).call(tf.constant(target), tf.constant(offsets))
    np.testing.assert_allclose(found, [[expected, 0]], rtol=1e-6)


@pytest.mark.parametrize("form", ["squared", "huber"])
def test_the_gradient_of_the_loss_is_that_of_finite_differences(form):
    random = np.random.default_rng(0)
    target = random.normal(0, 1, (1, 2, 3, 2, 3)).astype(np.float32)
    target[..., 2] = random.uniform(size=target.shape[:-1]) < 0.5
    offsets = tf.Variable(random.normal(0, 2, (1, 2, 3, 4)).astype(np.float32))
    loss = OffsetDistance(form)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(loss.call(tf.constant(target), offsets))
    gradient = tape.gradient(value, offsets).numpy()
    step = 1e-2
    for place in [(0, 0, 1, 2), (0, 1, 2, 1), (0, 1, 0, 3)]:
        move = np.zeros(offsets.shape, np.float32)
        move[place] = step
        up, down = (
            float(tf.reduce_sum(loss.call(tf.constant(target), offsets + sign * move)))
            for sign in (1, -1)
        )
        assert gradient[place] == pytest.approx((up - down) / (2 * step), abs=2e-3)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form: expected one of"):
        OffsetDistance("cubic")
