import keras
import pytest
from keras import layers

from tfpose.models import MODELS
from tfpose.models.summary import multiply_adds, summarize


def only_layer(layer, shape):
    """A model of this one layer."""
    keras.Sequential([keras.Input(shape), layer])
    return layer


def test_a_convolution_multiplies_its_kernel_at_each_output():
    layer = only_layer(layers.Conv2D(5, 3, 2, "same"), (8, 6, 4))
    assert multiply_adds(layer) == (3 * 3 * 4 * 5 * 4 * 3,) * 2


def test_a_transposed_convolution_is_published_larger_than_it_is():
    layer = only_layer(layers.Conv2DTranspose(5, 4, 2, "same"), (3, 2, 7))
    kernel = 4 * 4 * 7 * 5
    assert multiply_adds(layer) == (kernel * 6 * 4, kernel * 3 * 2)


def test_a_dense_layer_multiplies_its_kernel_once():
    assert multiply_adds(only_layer(layers.Dense(3), (4,))) == (12, 12)


def test_layers_without_kernel_count_nothing():
    layer = only_layer(layers.BatchNormalization(), (2, 2, 4))
    assert multiply_adds(layer) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "trunk, size, sigma, parameters, billions",
    [
        ("resnet50", (256, 192), 7.0, 34_053_009, 10.309),
        pytest.param(
            "resnet152", (384, 288), 9.0, 68_688_785, 39.560, marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.usefixtures("without_weights")
def test_posefix_has_the_published_size(trunk, size, sigma, parameters, billions):
    model = MODELS["posefix"](17, size, trunk, sigma)
    summary = summarize(model, "posefix")
    assert summary["trainable_parameters"] == parameters
    assert summary["multiply_adds"] == pytest.approx(billions * 1e9, rel=1e-4)
    assert summary["multiply_adds_performed"] < summary["multiply_adds"]
    assert summary["total_parameters"] > parameters
    assert summary["inputs"] == {
        "image": [*size, 3],
        "keypoints": [17, 2],
        "valid": [17],
    }
    assert summary["outputs"] == {
        "heatmap": [size[0] // 4, size[1] // 4, 17],
        "keypoints": [17, 2],
    }
