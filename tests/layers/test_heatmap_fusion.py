"""The fusion of two networks' heatmaps, against sums worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.layers.heatmap_fusion import FLOOR, Fusion, fuse, mean_response

# Two cells of one joint's maps, f32[1, 1, 2, 1].
REFINEMENT = [[0.5, 0.2], [0.25, 0.4]]
CORRECTION = [[0.5, 0.1], [0.8, 1.0]]


def maps(rows):
    return [tf.constant(row, tf.float32)[None, None, :, None] for row in rows]


def noise(count, low, high, seed=0):
    shape = (count, 2, 5, 4, 3)
    random = np.random.default_rng(seed).uniform(low, high, shape)
    return [tf.constant(one, tf.float32) for one in random]


def test_a_fusion_is_the_sum_of_products():
    # 0.5 x 0.5 x 0.8 + 0.25 x 0.5 x 0.8; 0.2 x 0.1 x 1 + 0.4 x 0.1 x 1.
    found = fuse(maps(REFINEMENT), maps(CORRECTION))
    assert found.shape == (1, 1, 2, 1)
    np.testing.assert_allclose(found[0, 0, :, 0], [0.3, 0.06], rtol=1e-6)


def test_the_fusion_of_all_is_the_sum_of_the_fusions_of_each():
    refinement, correction = noise(4, -0.5, 1.5), noise(4, -0.5, 1.5, seed=1)
    each = sum(fuse([one], correction) for one in refinement)
    np.testing.assert_allclose(fuse(refinement, correction), each, rtol=1e-5)
    mixed = fuse(refinement[::-1], correction[::-1])
    np.testing.assert_allclose(mixed, each, rtol=1e-5)


def test_two_negative_responses_make_no_peak():
    (negative,), (one,) = maps([[-1.0, 0.5]]), maps([[-1.0, 0.5]])
    clipped = fuse([negative], [one])[0, 0, :, 0]
    np.testing.assert_allclose(clipped, [FLOOR**2, 0.25], rtol=1e-5)
    raw = fuse([negative], [one], clip=False)[0, 0, :, 0]
    np.testing.assert_allclose(raw, [1.0, 0.25])


def test_an_hourglass_that_sees_nothing_does_not_veto_the_others():
    seen = maps([[0.2, 0.9]])
    (nothing,) = maps([[0.0, -0.3]])
    found = Fusion()(seen, [*seen, nothing])[0, 0, :, 0]
    expected = [(0.2 * 0.2 * FLOOR) ** (1 / 3), (0.9 * 0.9 * FLOOR) ** (1 / 3)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("refinement, correction", [(1, 1), (1, 4), (4, 4), (3, 2)])
def test_maps_that_agree_are_their_own_fusion(refinement, correction):
    (agreed,) = noise(1, 0.01, 1.0)
    found = Fusion()([agreed] * refinement, [agreed] * correction)
    np.testing.assert_allclose(found, agreed, rtol=1e-5)


def test_responses_in_0_to_1_have_a_fusion_in_0_to_1_with_its_peaks():
    refinement, correction = noise(4, 0, 1), noise(4, 0, 1, seed=1)
    fused = fuse(refinement, correction)
    found = mean_response(fused, 4, 4).numpy()
    assert found.min() >= 0 and found.max() <= 1
    order = np.argsort(fused.numpy(), axis=None)
    assert (np.diff(found.ravel()[order]) >= 0).all()


def test_a_mean_response_keeps_the_sign():
    found = mean_response(tf.constant([-0.16, 0.0, 1e-38, 0.16]), 2, 2)
    root = 0.08 ** (1 / 3)
    np.testing.assert_allclose(found, [-root, 0, 0, root], rtol=1e-6)


def test_the_gradient_of_a_fusion_is_that_of_the_products():
    refinement, correction = maps(REFINEMENT), maps(CORRECTION)
    with tf.GradientTape() as tape:
        tape.watch([*refinement, *correction])
        total = tf.reduce_sum(fuse(refinement, correction))
    found = tape.gradient(total, [refinement[1], correction[0]])
    # C_1 C_2, and (R_1 + R_2) C_2.
    np.testing.assert_allclose(found[0][0, 0, :, 0], [0.4, 0.1], rtol=1e-6)
    np.testing.assert_allclose(found[1][0, 0, :, 0], [0.6, 0.6], rtol=1e-6)


@pytest.mark.parametrize("clip", [True, False])
def test_gradients_are_finite_where_nothing_responds(clip):
    cells = [[0.0, -1.0, FLOOR, 1e-20, 0.5]]
    refinement, correction = maps(cells * 2), maps(cells * 2)
    with tf.GradientTape() as tape:
        tape.watch([*refinement, *correction])
        total = tf.reduce_sum(Fusion(clip)(refinement, correction))
    found = tape.gradient(total, [*refinement, *correction])
    assert np.isfinite(found).all()
    # Three maps agree, two of RNet share one: 1/6 each, and 1/3 of CNet's.
    last = np.array([gradient[0, 0, 4, 0] for gradient in found])
    np.testing.assert_allclose(last, [1 / 6, 1 / 6, 1 / 3, 1 / 3], rtol=1e-5)
    below = np.array([gradient[0, 0, 1, 0] for gradient in found])
    assert not clip or not below.any()


@pytest.mark.parametrize("groups", [([], maps(CORRECTION)), (maps(REFINEMENT), [])])
def test_a_fusion_needs_maps_of_both_networks(groups):
    found = [len(group) for group in groups]
    message = f"got {found[0]} of RNet and {found[1]} of CNet"
    with pytest.raises(ValueError, match=message):
        fuse(*groups)
