"""Losses: hand-written 2x2 maps, gradients, masks, the denominators of the papers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.losses import (
    CoordinateDistance,
    HeatmapCrossEntropy,
    HeatmapSquaredError,
)

LOSSES = [HeatmapCrossEntropy(), HeatmapSquaredError(), CoordinateDistance()]
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


@EVERY
def test_a_perfect_answer_costs_nothing(loss):
    target, _ = random_case(loss)
    if isinstance(loss, HeatmapCrossEntropy):
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
