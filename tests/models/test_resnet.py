"""Residual trunks: their sizes, and what dilation keeps and changes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.models.resnet import bottleneck, convolution, resnet, resnet_stages
from tfpose.models.summary import multiply_adds, without_weights


def trunk(depth, stride, size=(None, None)):
    image = keras.Input((*size, 3))
    return keras.Model(image, resnet(image, depth, stride))


@functools.cache
def counted(*arguments):
    """The trunk without values of weights."""
    with without_weights():
        return trunk(*arguments)


@pytest.mark.slow
def test_resnet101_at_stride_8_has_the_published_size():
    model = counted(101, 8, (368, 368))
    assert model.output.shape == (None, 46, 46, 2048)
    sizes = [np.prod(weight.shape) for weight in model.trainable_variables]
    assert sum(sizes) == 42_500_160
    total = sum(multiply_adds(layer)[0] for layer in model.layers)
    assert total == pytest.approx(91.57e9, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stride, dilations", [(32, {1}), (16, {1, 2}), (8, {1, 2, 4})])
def test_dilation_keeps_resolution_and_changes_no_name_and_no_weight(stride, dilations):
    model, plain = counted(50, stride), counted(50, 32)
    for height, width in ((64, 96), (32, 224)):
        found = model.compute_output_shape((2, height, width, 3))
        assert found == (2, height // stride, width // stride, 2048)
    shapes = [[(w.path, w.shape) for w in one.weights] for one in (model, plain)]
    assert shapes[0] == shapes[1]
    found = {
        layer.dilation_rate[0]
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    assert found == dilations


@pytest.mark.slow
def test_at_stride_8_the_last_two_stages_are_dilated_by_2_and_4_in_all_blocks():
    model = counted(50, 8)
    for stage, dilation in enumerate((1, 1, 2, 4)):
        for block in range((3, 4, 6, 3)[stage]):
            name = f"stage{stage}_block{block}"
            spatial = model.get_layer(f"{name}_spatial_conv")
            assert spatial.dilation_rate == (dilation, dilation)
            halved = stage == 1 and block == 0
            assert spatial.strides == ((2, 2) if halved else (1, 1))


@pytest.mark.slow
def test_a_pyramid_gets_each_stage_of_the_trunk():
    image = keras.Input((64, 96, 3))
    stages = resnet_stages(image, 50)
    expected = [(None, 16, 24, 256), (None, 8, 12, 512)]
    expected += [(None, 4, 6, 1024), (None, 2, 3, 2048)]
    assert [stage.shape for stage in stages] == expected
    whole = keras.Model(image, stages[-1])
    assert whole.count_params() == counted(50, 32).count_params()


def test_a_bottleneck_may_be_half_as_wide_as_its_input():
    x = keras.Input((4, 4, 8))
    plain = keras.Model(x, bottleneck(x, 4, 1, "b", expansion=2))
    assert plain.output.shape == (None, 4, 4, 8)
    kernels = [w.shape for w in plain.weights if w.path.endswith("kernel")]
    # No shortcut's convolution: the input is as wide as the output.
    assert kernels == [(1, 1, 8, 4), (3, 3, 4, 4), (1, 1, 4, 8)]


def test_a_dilated_convolution_sees_cells_two_apart():
    x = keras.Input((5, 5, 1))
    model = keras.Model(x, convolution(x, 1, 3, "c", relu=False, dilation=2))
    model.get_layer("c_conv").set_weights([np.ones((3, 3, 1, 1))])
    impulse = np.zeros((1, 5, 5, 1), np.float32)
    impulse[0, 2, 2] = 1
    expected = np.zeros((5, 5))
    expected[::2, ::2] = 1 / np.sqrt(1 + 1e-5)  # of the normalization
    np.testing.assert_allclose(model(impulse)[0, ..., 0], expected, rtol=1e-6)


def test_a_dilated_block_is_the_block_itself_on_every_other_cell():
    """Why dilation may use the weights of the net with a larger stride."""
    x = keras.Input((None, None, 8))
    dilated = fill_weights(keras.Model(x, bottleneck(x, 4, 1, "b", dilation=2)))
    plain = keras.Model(x, bottleneck(x, 4, 1, "b"))
    plain.set_weights(dilated.get_weights())
    cells = np.random.default_rng(0).normal(size=(2, 8, 6, 8)).astype(np.float32)
    found = dilated(cells)
    assert found.shape == (2, 8, 6, 16)
    for row, column in np.ndindex(2, 2):
        np.testing.assert_allclose(
            found[:, row::2, column::2], plain(cells[:, row::2, column::2]), atol=1e-5
        )


@pytest.mark.slow
def test_gradients_reach_every_weight_of_a_dilated_trunk():
    model = fill_weights(trunk(50, 8))
    random = np.random.default_rng(1)
    image = tf.constant(random.normal(size=(2, 32, 32, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        features = model(image, training=True)
        weights = random.normal(size=features.shape).astype(np.float32)
        loss = tf.reduce_sum(features * weights)
    variables = model.trainable_variables
    for weight, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


@pytest.mark.parametrize(
    "depth, stride, message", [(34, 32, "depth.*50.*34"), (50, 4, "stride.*8.*4")]
)
def test_other_depths_and_strides_are_refused(depth, stride, message):
    with pytest.raises(ValueError, match=message):
        trunk(depth, stride)
