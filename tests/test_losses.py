"""Losses: hand-written 2x2 maps, gradients, masks, the denominators of the papers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.losses import (
    HEATMAP_LOSSES,
    CoordinateDistance,
    HardJoints,
    HeatmapCrossEntropy,
    HeatmapSquaredError,
    OffsetDistance,
    SigmoidCrossEntropy,
    SigmoidSquaredError,
)

LOSSES = [
    HeatmapCrossEntropy(),
    HeatmapSquaredError(),
    CoordinateDistance(),
    SigmoidCrossEntropy(),
    SigmoidSquaredError(),
]
EVERY = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)


def close(found, expected, atol=1e-5):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def maps(*rows):
    """f32[1, 2, 2, K] from K lists of four cells."""
    return tf.constant(np.float32(rows).T.reshape(1, 2, 2, len(rows)))


def random_case(loss, joints=3, seed=0):
    """Targets and outputs of the loss, f32[2, ..., joints (, 2)]."""
    rng = np.random.default_rng(seed)
    if isinstance(loss, CoordinateDistance):
        target, output = rng.uniform(0, 50, (2, 2, joints, 2))
    else:
        target, output = rng.uniform(0, 1, (2, 2, 4, 3, joints))
    if isinstance(loss, HeatmapCrossEntropy):
        target /= target.sum((1, 2), keepdims=True)
    return tf.constant(target, tf.float32), tf.constant(output, tf.float32)


def test_cross_entropy_by_hand():
    logits = maps([0, 0, 0, 0], np.log([1, 2, 3, 4]))
    target = maps([1, 0, 0, 0], [0, 0, 0.5, 0.5])
    expected = [np.log(4), -0.5 * np.log(0.3) - 0.5 * np.log(0.4)]
    close(HeatmapCrossEntropy().call(target, logits), [expected])


@pytest.mark.parametrize(
    "form, mean, expected",
    [
        # A joint with one cell, 3 off in x; one with three cells, 1 off in y; one that
        # is unlabeled. Squared: 9 / 2 and 3 / 6; Huber: 2.5 / 2 and 1.5 / 6.
        ("squared", "joints", (9 / 2 + 3 / 6 + 0) / 3),
        ("squared", "cells", (9 + 3) / 8),
        ("huber", "joints", (2.5 / 2 + 1.5 / 6 + 0) / 3),
        ("huber", "cells", (2.5 + 1.5) / 8),
    ],
)
def test_offsets_are_averaged_over_joints_or_over_labeled_cells(form, mean, expected):
    counts = maps([1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0])
    target = tf.stack([0 * counts, 0 * counts, counts], axis=-1)
    found = np.zeros((1, 2, 2, 3, 2), np.float32)
    found[..., 0, 0], found[..., 1, 1], found[..., 2, :] = 3, 1, 7
    loss = OffsetDistance(form, mean)
    close(loss(target, found.reshape(1, 2, 2, 6), sample_weight=[[1, 1, 0]]), expected)
    again = OffsetDistance.from_config(loss.get_config())
    assert (again.form, again.mean) == (form, mean)


def test_only_the_hardest_joints_count_and_their_mean_is_the_persons():
    # Errors of single joints: 1, 4 and 9; the third has no target.
    target = maps([1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0])
    found = maps([3, 0, 0, 0], [5, 0, 0, 0], [6, 0, 0, 0])
    close(HardJoints(HeatmapSquaredError(), 1)(target, found), 4)
    close(HardJoints(HeatmapSquaredError(), 1).call(target, found), [[0, 12, 0]])
    close(HardJoints(HeatmapSquaredError(), 2).call(target, found), [[1.5, 6, 0]])
    # With no more than there are, all count.
    close(HardJoints(HeatmapSquaredError(), 3).call(target, found), [[1, 4, 0]])
    close(HardJoints(HeatmapSquaredError(), 8).call(target, found), [[1, 4, 0]])


def test_easy_joints_have_no_gradient():
    target = maps([1, 0, 0, 0], [1, 0, 0, 0])
    found = tf.Variable(maps([3, 0, 0, 0], [5, 0, 0, 0]))
    with tf.GradientTape() as tape:
        loss = HardJoints(HeatmapSquaredError(), 1)(target, found)
    gradient = tape.gradient(loss, found).numpy()
    assert not gradient[..., 0].any()
    close(gradient[0, 0, 0, 1], 2 * 4 / 4)


def test_hard_joints_are_made_again_from_their_configuration():
    loss = HardJoints(HeatmapSquaredError(), 5)
    again = HardJoints.from_config(loss.get_config())
    assert again.count == 5 and isinstance(again.loss, HeatmapSquaredError)


def test_cross_entropy_has_no_overflow():
    logits = maps([1000, -1000, 0, 0])
    close(HeatmapCrossEntropy().call(maps([1, 0, 0, 0]), logits), [[0]])
    close(HeatmapCrossEntropy().call(maps([0, 1, 0, 0]), logits), [[2000]])


def test_the_gradient_of_cross_entropy_is_belief_minus_target():
    logits, target = tf.Variable(maps([1, 2, 3, 4])), maps([0, 1, 0, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(HeatmapCrossEntropy().call(target, logits))
    belief = tf.nn.softmax([1.0, 2, 3, 4]).numpy()
    expected = maps(belief - [0, 1, 0, 0])
    close(tape.gradient(loss, logits), expected)


def test_an_empty_target_costs_nothing():
    logits = maps([5, 1, 2, 3])
    close(HeatmapCrossEntropy().call(maps([0, 0, 0, 0]), logits), [[0]])


def test_coordinate_distance_is_the_mean_of_x_and_y_in_cells():
    target, found = tf.constant([[[10.0, 20]]]), tf.constant([[[14.0, 12]]])
    close(CoordinateDistance(stride=4).call(target, found), [[1.5]])
    close(CoordinateDistance(stride=1).call(target, found), [[6]])


def test_the_gradient_of_coordinate_distance_is_a_sign():
    target, found = tf.constant([[[10.0, 20]]]), tf.Variable([[[14.0, 12]]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(CoordinateDistance().call(target, found))
    close(tape.gradient(loss, found), [[[1 / 8, -1 / 8]]])


def test_squared_error_by_hand():
    found = HeatmapSquaredError().call(maps([0, 0, 1, 0]), maps([2, 0, 0, 0]))
    close(found, [[(4 + 1) / 4]])


# The sigmoid of log 3 is 3/4.
LOGITS = [0, np.log(3), -np.log(3), 0]


def test_sigmoid_cross_entropy_by_hand():
    found = SigmoidCrossEntropy().call(maps([1, 1, 0, 0.5]), maps(LOGITS))
    # log 2, log 4/3, log 4/3 and log 2.
    close(found, [[0.4904146]])


def test_sigmoid_squared_error_by_hand():
    found = SigmoidSquaredError().call(maps([1, 1, 0, 0.25]), maps(LOGITS))
    close(found, [[(1 / 4 + 1 / 16 + 1 / 16 + 1 / 16) / 4]])


def gradient_of(loss, target, logits):
    logits = tf.Variable(maps(logits))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss.call(maps(target), logits))
    return tape.gradient(total, logits).numpy().reshape(4)


def test_the_gradient_of_sigmoid_cross_entropy_is_belief_minus_target():
    found = gradient_of(SigmoidCrossEntropy(), [1, 1, 0, 0], LOGITS)
    close(found, [-1 / 8, -1 / 16, 1 / 16, 1 / 8])


def test_the_gradient_of_sigmoid_squared_error_has_the_slope_of_the_sigmoid():
    found = gradient_of(SigmoidSquaredError(), [1, 1, 0, 0], LOGITS)
    # 2 (sigmoid - target) sigmoid (1 - sigmoid) / 4
    close(found, [-1 / 16, -3 / 128, 3 / 128, 1 / 16])


@pytest.mark.parametrize(
    "loss, costs", [(SigmoidCrossEntropy(), 1e4), (SigmoidSquaredError(), 1.0)]
)
def test_extreme_logits_have_finite_costs_and_gradients(loss, costs):
    target, logits = [1, 0, 1, 0], [-1e4, 1e4, 1e4, -1e4]
    # Two cells are wrong, two right.
    close(loss.call(maps(target), maps(logits)), [[costs / 2]])
    slope = 1 / 4 if isinstance(loss, SigmoidCrossEntropy) else 0
    close(gradient_of(loss, target, logits), [-slope, slope, 0, 0])


def test_soft_targets_are_best_met_where_the_sigmoid_equals_them():
    logits = [0, np.log(3), -np.log(3), np.log(9)]
    for loss in (SigmoidCrossEntropy(), SigmoidSquaredError()):
        found = gradient_of(loss, [0.5, 0.75, 0.25, 0.9], logits)
        close(found, [0, 0, 0, 0], atol=1e-7)


def test_losses_are_chosen_by_what_makes_beliefs_of_the_maps_and_by_the_error():
    assert HEATMAP_LOSSES == {
        ("softmax", "cross_entropy"): HeatmapCrossEntropy,
        ("linear", "squared"): HeatmapSquaredError,
        ("sigmoid", "cross_entropy"): SigmoidCrossEntropy,
        ("sigmoid", "squared"): SigmoidSquaredError,
    }


def test_a_background_has_a_weight_of_its_own():
    # Two joints and the background; the second joint is not labeled.
    target, logits = (
        maps([1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]),
        maps(*[[0] * 4] * 3),
    )
    found = SigmoidSquaredError()(target, logits, tf.constant([[1.0, 0.0, 0.5]]))
    close(found, (1 + 0 + 0.5) * 0.25 / 3)


@EVERY
def test_a_perfect_answer_costs_nothing(loss):
    target, _ = random_case(loss)
    if isinstance(loss, (SigmoidCrossEntropy, SigmoidSquaredError)):
        target = tf.round(target)
        close(loss.call(target, 200 * target - 100), np.zeros((2, 3)))
    elif isinstance(loss, HeatmapCrossEntropy):
        target = tf.one_hot(tf.zeros((2, 3), tf.int32), 12, axis=1)
        target = tf.reshape(target, (2, 4, 3, 3))
        close(loss.call(target, 100 * target), np.zeros((2, 3)))
    else:
        close(loss.call(target, target), np.zeros((2, 3)))


@EVERY
def test_a_masked_joint_has_no_effect(loss):
    target, output = random_case(loss)
    masked = np.reshape([False, True, False], (3, 1) if output.shape[-1] == 2 else 3)
    changed = tf.where(masked, random_case(loss, seed=1)[1], output)
    weights = tf.constant([[1.0, 0, 1], [0, 0, 1]])
    close(loss(target, output, weights), loss(target, changed, weights))
    assert abs(loss(target, output) - loss(target, changed)) > 1e-3


@EVERY
def test_the_mean_counts_masked_joints_as_zero(loss):
    target, output = random_case(loss)
    weights = tf.constant([[1.0, 0, 1], [0, 0, 1]])
    expected = np.sum(loss.call(target, output) * weights) / 6
    close(loss(target, output, weights), expected)
    close(loss(target, output, tf.zeros((2, 3))), 0)


@EVERY
def test_eager_equals_graph(loss):
    target, output = random_case(loss)
    close(tf.function(loss.call)(target, output), loss.call(target, output))


@EVERY
def test_a_saved_loss_comes_back(loss):
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert copy.get_config() == loss.get_config() and type(copy) is type(loss)
