"""Integral regression: what it expects, and whose weights it shares."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.models.hcrn import HCRN
from tfpose.models.integral_pose import IntegralPose
from tfpose.models.posefix import PoseFix
from tfpose.skeletons import COCO17

SMALL = {"joints": 5, "input_size": (64, 32), "trunk": "tiny", "filters": (8, 8, 8)}


def images(people=2):
    shape = (people, 64, 32, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    return IntegralPose(**SMALL)


def shapes_of(model):
    return {layer.name: [w.shape for w in layer.weights] for layer in model.layers}


def test_keypoints_are_the_expectation_of_the_softmax_in_crop_px(small):
    found = small({"image": images()})
    assert set(found) == {"heatmap", "keypoints"}
    assert found["heatmap"].shape == (2, 16, 8, 5)
    logits = np.reshape(found["heatmap"], (2, 16 * 8, 5)).astype(np.float64)
    belief = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows, columns = np.divmod(np.arange(16 * 8), 8)
    cells = np.einsum("bnk,dn->bkd", belief, [columns, rows])
    np.testing.assert_allclose(found["keypoints"], 4 * cells + 1.5, atol=1e-3)
    assert (small.activation, small.stride, small.targets) == ("softmax", 4, {})


def test_an_error_in_coordinates_trains_every_weight(small):
    with tf.GradientTape() as tape:
        points = small({"image": images()}, training=True)["keypoints"]
        loss = tf.reduce_sum(tf.abs(points - 20.0))
    variables = small.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all(), variable.path
        if variable.path == "head_logits/bias":  # a constant, which softmax ignores
            np.testing.assert_allclose(gradient, 0, atol=1e-3)
        else:
            assert np.any(gradient), variable.path


@pytest.mark.slow
def test_its_layers_are_those_of_posefix_and_of_the_tiny_front_end_of_hcrn():
    options = {"input_size": (64, 64), "trunk": "tiny", "filters": (64, 64, 64)}
    mine = shapes_of(IntegralPose.for_skeleton(COCO17, **options))
    assert [name for name, shapes in mine.items() if shapes]
    refiner = shapes_of(PoseFix(17, **options))
    estimator = shapes_of(HCRN(COCO17.parents, (64, 64), front_end="tiny"))
    for name, shapes in mine.items():
        if shapes and name != "stem_conv":  # which in PoseFix sees a pose too
            assert refiner[name] == shapes
        if shapes and name != "head_logits":  # HCRN's maps have a layer of their own
            assert estimator[name] == shapes


def test_its_configuration_brings_it_back(small):
    config = small.get_config()
    assert config["trunk"] == "tiny" and config["joints"] == 5
    again = IntegralPose.from_config(config)
    assert shapes_of(again) == shapes_of(small)
    assert again.get_config() == config


@pytest.mark.parametrize(
    "options, message",
    [
        ({"input_size": (100, 64)}, r"input_size.*multiples of 32, got \(100, 64\)"),
        ({"trunk": "vgg"}, "trunk: .*resnet50.*got 'vgg'"),
        ({"filters": (8, 8)}, r"filters: expected three.*got \(8, 8\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        IntegralPose(**{**SMALL, **options})
