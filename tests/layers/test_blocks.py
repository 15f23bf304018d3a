"""Phase convolution: by hand, and equal to the transposed convolution it replaces.

Channels: which come out, and where their gradients go.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.layers.blocks import Channels, PhaseConvolution, phase_kernels


def phases_of(transposed: keras.layers.Conv2DTranspose) -> PhaseConvolution:
    """A phase convolution with the weights of a built transposed convolution."""
    kernel, bias = transposed.get_weights()
    layer = PhaseConvolution(transposed.filters, transposed.activation)
    layer.build((None, None, None, kernel.shape[-1]))
    layer.set_weights([*phase_kernels(kernel), bias])
    return layer


def test_one_pixel_spreads_the_middle_of_the_kernel():
    transposed = keras.layers.Conv2DTranspose(1, 4, 2, "same")
    transposed.build((None, 1, 1, 1))
    transposed.set_weights([np.arange(16.0).reshape(4, 4, 1, 1), np.full(1, 20.0)])
    found = phases_of(transposed)(np.ones((1, 1, 1, 1), np.float32))
    np.testing.assert_array_equal(found[0, :, :, 0], [[25, 26], [29, 30]])


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("size", [(1, 2), (5, 7), (8, 6)])
def test_phases_equal_the_transposed_convolution(size, activation):
    random = np.random.default_rng(0)
    transposed = keras.layers.Conv2DTranspose(3, 4, 2, "same", activation=activation)
    transposed.build((None, *size, 5))
    for weight in transposed.weights:
        weight.assign(random.normal(size=weight.shape))
    x = random.normal(size=(2, *size, 5)).astype(np.float32)
    np.testing.assert_allclose(phases_of(transposed)(x), transposed(x), atol=1e-5)


@pytest.mark.parametrize(
    "indices, expected",
    [
        ((2, 0, 1), [[30, 10, 20], [33, 11, 22]]),
        ((1, 1), [[20, 20], [22, 22]]),
        ((0,), [[10], [11]]),
    ],
)
def test_channels_come_out_in_the_order_of_the_indices(indices, expected):
    x = np.float32([[10, 20, 30], [11, 22, 33]])
    np.testing.assert_array_equal(Channels(indices)(x), expected)


def test_the_gradient_of_a_channel_is_the_sum_over_where_it_went():
    x = tf.Variable([[10.0, 20.0, 30.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(Channels((2, 0, 2))(x) * [[1.0, 10.0, 100.0]])
    gradient = tf.convert_to_tensor(tape.gradient(total, x))
    np.testing.assert_array_equal(gradient, [[10, 0, 101]])


def test_orders_that_undo_each_other_give_the_channels_back():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(Channels((1, 3, 0, 2))(Channels((2, 0, 3, 1))(x)), x)
