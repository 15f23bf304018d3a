"""VGG-16 with a large field of view: its size, and what a cell sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.contracts import fill_weights
from tfpose.models.resnet import IMAGE_MEAN
from tfpose.models.summary import multiply_adds
from tfpose.models.vgg import large_fov

pytestmark = pytest.mark.slow


def network(size=(None, None)):
    image = keras.Input((*size, 3))
    return keras.Model(image, large_fov(image))


@pytest.fixture(scope="module")
def noisy():
    return fill_weights(network())


def images(people, height, width):
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (people, height, width, 3)).astype(np.float32)


def test_it_has_the_published_size():
    model = network((368, 368))
    assert model.output.shape == (None, 46, 46, 1024)
    sizes = [np.prod(weight.shape) for weight in model.trainable_variables]
    assert sum(sizes) == 20_483_904
    total = sum(multiply_adds(layer)[0] for layer in model.layers)
    assert total == pytest.approx(64.86e9, rel=1e-4)


def test_sizes_may_differ_and_batches_do_not_mix(noisy):
    for height, width in ((8, 24), (32, 16)):
        photos = images(2, height, width)
        found = noisy(photos)
        assert found.shape == (2, height // 8, width // 8, 1024)
        np.testing.assert_allclose(noisy(photos[1:]), found[1:], rtol=1e-4, atol=1e-3)


def test_mirrored_kernels_on_a_mirrored_photo_give_the_mirrored_answer(noisy):
    """Cells lie in the middle of the pixels that they stand for."""
    photo, weights = images(1, 16, 32), noisy.get_weights()
    expected = np.asarray(noisy(photo))[:, :, ::-1]
    noisy.set_weights([w[:, ::-1] if w.ndim == 4 else w for w in weights])
    found = noisy(photo[:, :, ::-1])
    noisy.set_weights(weights)
    lopsided = np.abs(expected - expected[:, :, ::-1]).max()
    assert lopsided > 1e-3
    np.testing.assert_allclose(found, expected, atol=0.01 * lopsided)


def test_dropout_acts_in_training_alone(noisy):
    photo = images(1, 8, 16)
    np.testing.assert_array_equal(noisy(photo), noisy(photo))
    fc7 = keras.Model(noisy.input, noisy.get_layer("fc7").output)
    left = np.asarray(noisy(photo, training=True))[np.asarray(fc7(photo)) > 0]
    assert 0.3 < (left == 0).mean() < 0.7
    names = [layer.name for layer in noisy.layers if "dropout" in layer.name]
    assert names == ["fc6_dropout", "fc7_dropout"]


def test_gradients_reach_every_weight(noisy):
    random = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        found = noisy(images(2, 16, 24), training=True)
        weights = random.normal(size=found.shape).astype(np.float32)
        loss = tf.reduce_sum(found * weights)
    variables = noisy.trainable_variables
    for weight, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


def test_a_cell_sees_428_px_around_its_middle():
    """By hand: (size - 1) x dilation x stride for each window, and 1.

    conv1 2 x 2, pool1 1, conv2 2 x 4, pool2 2, conv3 3 x 8, pool3 4, conv4 3 x 16,
    pool4 16, conv5 3 x 32, pool5 16 + 16, fc6 24 x 8: 427.
    """
    model = network()
    for weight in model.weights:  # all positive: what a cell sees, changes it
        fan_in = np.prod(weight.shape[:-1])
        value = 0 if weight.path.endswith("bias") else 1 / fan_in
        weight.assign(np.full(weight.shape, value))
    pixels, middles = (240, 247), 8 * np.arange(60) + 3.5
    photos = np.full((1 + len(pixels), 8, 8 * 60, 3), IMAGE_MEAN, np.float32)
    for photo, pixel in zip(photos[1:], pixels, strict=True):
        photo[:, pixel] += 100
    found = np.asarray(model(photos))[:, 0, :, 0]
    assert not found[0].any()  # centered, the means are 0
    for cells, pixel in zip(found[1:], pixels, strict=True):
        np.testing.assert_array_equal(cells > 0, np.abs(middles - pixel) <= 213.5)
