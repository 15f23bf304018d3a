"""Pastes another person of the batch beside each person: a neighbor for every crop.

The other person's crop is moved to one side by whole pixels, and everything beyond a
slanted line shows it. Joints of the first person behind it are covered: they stay in
the input pose, as methods guess hidden joints, but nothing is taught about them. The
pasted person's joints in sight become a neighbor's.
"""

from __future__ import annotations

import tensorflow as tf

from tfpose.geometry import tensors
from tfpose.geometry.cells import center_of

# How far the other crop is moved, in widths and heights of the crop.
ACROSS, UP_OR_DOWN = (0.35, 0.8), 0.15
# The line: where it crosses the middle row, in shares of the way across, and how many
# px it goes sideways per px down, at most.
BORDER, SLANT = 0.55, 0.3


def paste_neighbors(people, share: float, seed) -> dict[str, tf.Tensor]:
    """Pastes the person before each person in the batch beside it, for some of them.

    Args:
        people: batch of ``pipeline.crop_person``, B people.
        share: probability for each person.
        seed: i32[2].

    Returns:
        ``people`` with changed "image", one more person in "neighbors" and
        "neighbors_valid" (all 0 where nobody was pasted), and "covered" f32[B, K], 1
        for joints that the pasted person hides.
    """
    images, keypoints = people["image"], people["keypoints"]
    count, size = tf.shape(images)[0], tuple(images.shape[1:3])
    draw = tf.random.stateless_uniform(tf.stack([5, count]), seed)
    pasted = draw[0] < share
    side = tf.where(draw[1] < 0.5, -1.0, 1.0)
    low, high = ACROSS
    across = side * tf.round((low + (high - low) * draw[2]) * size[1])
    down = tf.round(UP_OR_DOWN * (2 * draw[3] - 1) * size[0])
    slant = SLANT * (2 * draw[4] - 1)
    move = tf.stack([across, down], axis=-1)  # (B, 2)

    def beyond(points):
        """Whether points f32[B, N, 2] lie beyond the line, bool[B, N]."""
        x = points[..., 0] - center_of(0, size[1])
        y = points[..., 1] - center_of(0, size[0])
        way = side[:, None] * (x + slant[:, None] * y)
        return (way > BORDER * tf.abs(across)[:, None]) & pasted[:, None]

    columns, rows = tf.meshgrid(tf.range(size[1]), tf.range(size[0]))
    pixels = tf.cast(tf.stack([columns, rows], axis=-1), tf.float32)
    pixels = tf.tile(tf.reshape(pixels, [1, -1, 2]), [count, 1, 1])
    there = tensors.inside(pixels - move[:, None], size) > 0
    shown = tf.reshape(beyond(pixels) & there, [count, *size, 1])
    moved = tf.concat([tf.eye(2, batch_shape=[count]), move[..., None]], axis=-1)
    others = tensors.warp(tf.roll(images, 1, axis=0), moved, size)

    points = tf.roll(keypoints, 1, axis=0) + move[:, None]
    valid = tf.roll(people["valid"], 1, axis=0) * tensors.inside(points, size)
    valid *= tf.cast(beyond(points), tf.float32)
    return {
        **people,
        "image": tf.where(shown, others, images),
        "neighbors": tf.concat([people["neighbors"], points[:, None]], axis=1),
        "neighbors_valid": tf.concat(
            [people["neighbors_valid"], valid[:, None]], axis=1
        ),
        "covered": tf.cast(beyond(keypoints), tf.float32),
    }
