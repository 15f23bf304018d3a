"""Weights taken over from another network: layers by name, joints by name."""

import keras
import numpy as np
import pytest

from tfpose.models.transfer import of_joints, take_over, weights_by_layer
from tfpose.skeletons import COCO17, COCO17_LSP14, LSP14

WRIST = LSP14.index("left_wrist")


@pytest.mark.parametrize("each", [1, 2])
def test_joints_are_found_by_name(each):
    array = np.repeat(np.arange(19.0), each)[None]
    found = of_joints(array, (1, 14 * each), COCO17_LSP14, LSP14)
    expected = [COCO17_LSP14.index(joint) for joint in LSP14.joints]
    np.testing.assert_array_equal(found, np.repeat(expected, each)[None])


def test_the_photos_channels_come_first():
    kernel = np.broadcast_to(np.arange(22.0)[:, None], (22, 5))
    found = of_joints(kernel, (17, 5), COCO17_LSP14, LSP14)
    assert found[:3, 0].tolist() == [0, 1, 2]
    assert found[3 + WRIST, 0] == 3 + COCO17_LSP14.index("left_wrist")


def test_an_estimator_keeps_only_the_photos_channels():
    kernel = np.broadcast_to(np.arange(22.0)[:, None], (22, 5))
    found = of_joints(kernel, (3, 5), COCO17_LSP14, LSP14)
    assert found[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("each", [1, 2])
def test_unknown_joints_start_as_the_mean_of_all(each):
    array = np.arange(3.0 + 17 * each)
    found = of_joints(array, (3 + 14 * each,), COCO17, LSP14)
    np.testing.assert_array_equal(found[:3], [0, 1, 2])
    joints, known = found[3:].reshape(14, each), array[3:].reshape(17, each)
    np.testing.assert_allclose(joints[LSP14.index("neck")], known.mean(axis=0))
    np.testing.assert_array_equal(joints[WRIST], known[9])


@pytest.mark.parametrize("shape", [(15,), (14, 2), (40,)])
def test_other_shapes_do_not_fit(shape):
    assert of_joints(np.zeros(17), shape, COCO17, LSP14) is None


def network(joints, extra=()):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="body")(inputs)
    x = keras.layers.Dense(joints, name="head")(x)
    for name in extra:
        x = keras.layers.Dense(2, name=name)(x)
    return keras.Model(inputs, x)


def test_layers_are_found_by_name():
    one, other = network(19), network(14, ["new"])
    left = take_over(other, LSP14, weights_by_layer(one), COCO17_LSP14)
    assert left == ["new"]
    kernel = one.get_layer("head").get_weights()[0]
    wrist = COCO17_LSP14.index("left_wrist")
    np.testing.assert_array_equal(
        other.get_layer("head").get_weights()[0][:, WRIST], kernel[:, wrist]
    )
