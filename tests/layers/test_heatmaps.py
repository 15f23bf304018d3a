"""Layers between coordinates and maps: hand-written cases, gradients, borders."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.decoders import expectation
from tfpose.codecs import GaussianHeatmap, IntegralHeatmap
from tfpose.layers import heatmaps


def close(found, expected, atol=1e-5):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def one_map(rows):
    """f32[1, h, w, 1]."""
    return tf.constant(np.float32(rows)[None, :, :, None])


# --- rendering -------------------------------------------------------------------


def test_a_rendered_joint_by_hand():
    layer = heatmaps.RenderPose((2, 3), sigma=1.0, peak=10.0)
    found = layer(tf.constant([[[1.0, 0.0]]]), tf.ones((1, 1)))
    near, far = 10 * np.exp(-0.5), 10 * np.exp(-1)
    close(found[0, :, :, 0], [[near, 10, near], [far, near, far]], 1e-4)


def test_the_peak_of_a_rendered_joint_matches_an_image():
    found = heatmaps.RenderPose((9, 9), sigma=2.0)(
        tf.constant([[[4.0, 6.0]]]), tf.ones((1, 1))
    )
    assert found[0, 6, 4, 0] == found.numpy().max() == 255


def test_an_invalid_joint_is_not_drawn():
    keypoints = tf.constant([[[1.0, 1], [2, 2]]])
    layer = heatmaps.RenderPose((4, 4), sigma=1.0)
    found = layer(keypoints, tf.constant([[1.0, 0]])).numpy()
    both = layer(keypoints, tf.ones((1, 2))).numpy()
    close(found[..., 0], both[..., 0])
    assert not found[..., 1].any() and both[..., 1].any()


def test_a_joint_outside_the_crop_leaves_its_tail():
    layer = heatmaps.RenderPose((3, 3), sigma=1.0, peak=1.0)
    found = layer(tf.constant([[[-1.0, 1.0], [500.0, 1.0]]]), tf.ones((1, 2)))
    close(found[0, 1, :, 0], np.exp([-0.5, -2, -4.5]))
    assert not found[..., 1].numpy().any()


@pytest.mark.parametrize("x, column", [(1.0, 1), (1.4, 1), (0.6, 1), (2.4, 2)])
def test_without_sigma_the_nearest_pixel_is_drawn(x, column):
    layer = heatmaps.RenderPose((2, 3), sigma=0, peak=255.0)
    found = layer(tf.constant([[[x, 0.2]]]), tf.ones((1, 1)))
    expected = np.zeros((2, 3))
    expected[0, column] = 255
    close(found[0, :, :, 0], expected)


def test_the_gradient_of_a_rendered_pixel_points_to_it():
    keypoints = tf.Variable([[[1.5, 1.0]]])
    with tf.GradientTape() as tape:
        maps = heatmaps.RenderPose((3, 3), 1.0, peak=1.0)(keypoints, tf.ones((1, 1)))
        value = maps[0, 1, 1, 0]
    # d/dx exp(-(x - 1)^2 / 2) at 1.5.
    close(tape.gradient(value, keypoints), [[[-0.5 * np.exp(-0.125), 0]]])


# --- the input pose as a prior -------------------------------------------------------


def test_the_prior_by_hand():
    layer = heatmaps.PosePrior(stride=4)
    logits = tf.zeros((1, 1, 2, 1))
    # 1.5 px is the center of cell 0; cell 1 is half of the map's width away.
    found = layer(logits, tf.constant([[[1.5, 1.5]]]), tf.ones((1, 1)))
    likelihood = np.exp(-np.array([0, 0.25]) / (2 * np.exp(-6.4))) + np.exp(-4)
    close(found[0, 0, :, 0], np.log(likelihood))


def test_the_prior_is_the_same_at_any_resolution():
    layer = heatmaps.PosePrior(stride=4)
    keypoints = tf.constant([[[9.5, 13.5]]])
    coarse = layer(tf.zeros((1, 8, 8, 1)), keypoints, tf.ones((1, 1)))
    # Where cells of both share their centers.
    fine = layer(tf.zeros((1, 24, 24, 1)), (keypoints + 0.5) * 3 - 0.5, tf.ones((1, 1)))
    close(fine[:, 1::3, 1::3], coarse, 1e-4)


def test_with_the_prior_the_untrained_answer_is_the_input_pose():
    keypoints = tf.constant([[[40.0, 61.0], [70.3, 30.2]]])
    logits = heatmaps.PosePrior()(tf.zeros((1, 32, 24, 2)), keypoints, tf.ones((1, 2)))
    peak = expectation(heatmaps.SpatialSoftmax()(logits), 4)
    # The rest of the map pulls towards the center, so only the peak's cell is exact.
    best = tf.argmax(tf.reshape(logits, (1, -1, 2)), axis=1)[0]
    cells = np.stack([best % 24, best // 24], -1)
    close(cells, np.round((keypoints[0] + 0.5) / 4 - 0.5))
    assert np.abs(peak - keypoints).max() < 25


def test_an_invalid_joint_has_no_prior():
    logits = tf.random.stateless_uniform((1, 4, 4, 2), [0, 0])
    keypoints = tf.constant([[[5.0, 5.0], [5.0, 5.0]]])
    found = heatmaps.PosePrior()(logits, keypoints, tf.constant([[0.0, 1]]))
    close(found[..., 0], logits[..., 0])
    assert (found[..., 1].numpy() != logits[..., 1].numpy()).all()


# --- reading maps ----------------------------------------------------------------


def test_softmax_is_over_all_cells_of_a_joint():
    logits = tf.constant(np.log([[[[1.0, 1], [2, 1]], [[3, 1], [4, 1]]]]), tf.float32)
    found = heatmaps.SpatialSoftmax()(logits)
    close(found[0, :, :, 0], [[0.1, 0.2], [0.3, 0.4]])
    close(found[0, :, :, 1], [[0.25, 0.25], [0.25, 0.25]])
    close(heatmaps.SpatialSoftmax()(logits + 1000), found, 1e-4)


def test_the_expected_position_by_hand():
    belief = one_map([[0.5, 0, 0.25], [0, 0, 0.25]])
    close(heatmaps.SoftArgmax(stride=4)(belief), [[[5.5, 2.5]]])
    close(heatmaps.SoftArgmax(stride=1)(belief), [[[1.0, 0.25]]])


def test_the_gradient_of_the_expected_position_is_the_cells_place():
    belief = tf.Variable(one_map([[0.5, 0, 0.25], [0, 0, 0.25]]))
    with tf.GradientTape() as tape:
        y = heatmaps.SoftArgmax(stride=4)(belief)[0, 0, 1]
    close(tape.gradient(y, belief)[0, :, :, 0], [[0, 0, 0], [4, 4, 4]])


def test_the_position_near_the_peak_by_hand():
    # Within one cell of the peak (0.4 at x = 1) lie 0.1 and 0.1; 0.4 at x = 4 does not.
    belief = one_map([[0.1, 0.4, 0, 0, 0.35], [0, 0, 0.1, 0, 0.05]])
    close(heatmaps.LocalSoftArgmax(1, reach=1)(belief), [[[1.0, 1 / 6]]])
    close(heatmaps.LocalSoftArgmax(4, reach=1)(belief), [[[5.5, 4 / 6 + 1.5]]])
    # Far enough, it is the position of the whole belief.
    expected = heatmaps.SoftArgmax(4)(belief)
    close(heatmaps.LocalSoftArgmax(4, reach=5)(belief), expected)


def test_the_gradient_of_the_position_near_the_peak_stays_there():
    belief = tf.Variable(one_map([[0.5, 0.25, 0, 0.25]]))
    with tf.GradientTape() as tape:
        x = heatmaps.LocalSoftArgmax(stride=1, reach=1)(belief)[0, 0, 0]
    close(x, 1 / 3)
    # Of the mean m over mass t, the gradient is (x - m) / t.
    close(tape.gradient(x, belief)[0, 0, :, 0], [-4 / 9, 8 / 9, 0, 0])


def test_without_any_belief_the_position_near_the_peak_is_finite():
    assert np.isfinite(heatmaps.LocalSoftArgmax()(one_map(np.zeros((2, 3))))).all()


@pytest.mark.parametrize("x, y", [(0, 0), (2, 0), (0, 1), (2, 1)])
def test_a_sure_belief_at_a_border_is_read_exactly(x, y):
    rows = np.zeros((2, 3))
    rows[y, x] = 1
    place = [[[4 * x + 1.5, 4 * y + 1.5]]]
    close(heatmaps.SoftArgmax(stride=4)(one_map(rows)), place)
    close(heatmaps.LocalSoftArgmax(stride=4)(one_map(rows)), place)
    close(heatmaps.Spread(stride=4)(one_map(rows)), [[0]])


def test_the_spread_of_a_belief_is_the_root_of_its_variance():
    # x is 0 or 2 (variance 1), y is 0 or 1 (variance 1/4).
    belief = one_map([[0.25, 0, 0.25], [0.25, 0, 0.25]])
    close(heatmaps.Spread(stride=4)(belief), [[4 * np.sqrt(1.25)]], 1e-4)


def test_the_score_of_a_belief_is_the_similarity_at_its_spread():
    belief = one_map([[0.25, 0, 0.25], [0.25, 0, 0.25]])
    found = heatmaps.BeliefScore(sigmas=(0.1,), area=400.0, stride=4)(belief)
    close(found, [[np.exp(-16 * 1.25 / (2 * 400 * 0.2**2))]])
    sure = one_map([[1, 0], [0, 0]])
    close(heatmaps.BeliefScore((0.1,), 400.0)(sure), [[1]])


def random_maps(seed=0):
    keypoints = np.random.default_rng(seed).uniform(16, 31, (3, 5, 2))
    return tf.constant(keypoints, tf.float32), tf.ones((3, 5))


def test_soft_argmax_is_the_mean_position():
    belief = IntegralHeatmap((64, 48)).encode(*random_maps())
    close(heatmaps.SoftArgmax(4)(belief), expectation(belief, 4), 1e-4)


def test_the_peak_inverts_the_gaussian_codec():
    codec = GaussianHeatmap((64, 48))
    keypoints, valid = random_maps()
    close(heatmaps.PeakPosition(4)(codec.encode(keypoints, valid)), keypoints, 2e-3)
    # Where a neighbor of the peak is missing, the cell's center is the answer.
    border = tf.constant([[[0.2, 62.0], [46.0, 0.4], [1.5, 1.5], [20.0, 63.4]]])
    maps = codec.encode(border, tf.ones((1, 4)))
    expected = [[[1.5, 61.5], [45.5, 1.5], [1.5, 1.5], [20.0, 61.5]]]
    close(heatmaps.PeakPosition(4)(maps), expected, 1e-3)


def test_the_peak_of_an_empty_map_is_finite():
    assert np.isfinite(heatmaps.PeakPosition(4)(tf.zeros((1, 4, 3, 2)))).all()


@pytest.mark.parametrize(
    "layer",
    [
        heatmaps.RenderPose((8, 6), 3.0, 17.0),
        heatmaps.PosePrior(8),
        heatmaps.SpatialSoftmax(),
        heatmaps.SoftArgmax(8),
        heatmaps.LocalSoftArgmax(8, 2),
        heatmaps.Spread(8),
        heatmaps.BeliefScore((0.1, 0.2), 300.0, 8),
        heatmaps.PeakPosition(8),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_saved_layer_comes_back(layer):
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(copy) is type(layer) and copy.get_config() == layer.get_config()
