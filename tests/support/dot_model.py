"""An estimator made by hand, whose joints are the bright dots of a photo."""

import keras
import numpy as np
from keras import layers, ops

from tfpose.models.base import PoseEstimator
from tfpose.skeletons import Skeleton

# Half of the red dots belong to each hand: seen from the front, a right hand is on the
# left of the photo. A nose is blue.
DOTS = Skeleton(
    "dots",
    ("left_hand", "right_hand", "nose"),
    (("left_hand", "right_hand"),),
    (),
    (0.1, 0.1, 0.1),
    ("left_hand", "right_hand"),
)
SIZE = (128, 96)
HEIGHT, WIDTH = 120, 160
# Where the dots are drawn unless told otherwise: (x, y), I.
JOINTS = np.array([[101.3, 70.2], [62.8, 58.5], [80.4, 40.6]])


def draw(joints=JOINTS, height=HEIGHT, width=WIDTH) -> np.ndarray:
    """u8[height, width, 3] RGB: soft dots on black."""
    y, x = np.mgrid[:height, :width]
    photo = np.zeros((height, width, 3))
    for (left, top), channel in zip(joints, (0, 0, 2), strict=True):
        photo[..., channel] += np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 5**2))
    return np.round(255 * np.clip(photo, 0, 1)).astype(np.uint8)


def build(size=SIZE, stride=4) -> keras.Model:
    """The network: a cell's logit is its brightness; the last map is the background."""
    image = keras.Input((*size, 3), name="image")
    cells = layers.AveragePooling2D(stride)(image) * (8 / 255) - 4
    right_half = np.arange(size[1] // stride) >= size[1] // stride / 2
    halves = np.float32([right_half, ~right_half]).T  # (w, 2)
    hands = ops.where(halves[None, None] > 0, cells[..., :1], -4.0)
    maps = layers.Concatenate()([hands, cells[..., 2:], -cells[..., 2:]])
    arguments = {"joints": len(DOTS), "input_size": size}
    return PoseEstimator(
        image, {"heatmap": maps}, cells, arguments, activation="sigmoid"
    )
