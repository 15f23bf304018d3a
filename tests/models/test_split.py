"""The part of a refiner that sees the photo alone."""

import keras
import numpy as np
from keras import layers, ops

from tfpose.models.split import split


def refiner(first):
    """A small one; ``first`` draws the pose before any layer with weights."""
    image = keras.Input((8, 8, 3), name="image")
    points, valid = (keras.Input((2,), name=name) for name in ("keypoints", "valid"))
    drawn = ops.reshape(points * valid, (-1, 1, 1, 2)) + image[..., :2] * 0
    x = layers.Concatenate()([image, drawn]) if first else image
    x = layers.Conv2D(4, 3, padding="same")(x)
    if not first:
        x = layers.Concatenate()([layers.ReLU()(x), x, drawn])
    outputs = {"heatmap": layers.Conv2D(2, 1)(x)}
    inputs = {"image": image, "keypoints": points, "valid": valid}
    return keras.Model(inputs, outputs)


def test_both_parts_are_the_whole():
    model = refiner(first=False)
    photo, pose = split(model)
    random = np.random.default_rng(0)
    image = ops.convert_to_tensor(random.random((3, 8, 8, 3), np.float32))
    points = ops.convert_to_tensor(random.random((3, 2), np.float32))
    valid = ops.ones((3, 2))
    expected = model({"image": image, "keypoints": points, "valid": valid})["heatmap"]
    found = pose([*photo(image), points, valid])["heatmap"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert photo.count_params() == 4 * (27 + 1)
    assert photo.count_params() + pose.count_params() == model.count_params()


def test_a_pose_that_is_drawn_first_leaves_nothing_to_share():
    assert split(refiner(first=True)) is None
