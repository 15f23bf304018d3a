"""Random crops: one random affine map per person moves the photo and all points."""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from tfpose.config import Augmentation
from tfpose.geometry import tensors
from tfpose.skeletons import Skeleton, bare_name

# From HRNet's code. Above WHOLE_BODY labeled joints, some crops show half a person. A
# half has HALF_BODY joints or more; their box grows by the margin and is centered on
# their mean.
WHOLE_BODY, HALF_BODY, HALF_BODY_MARGIN = 8, 3, 1.5
# It tests a normal number < 0.5.
UPPER_BODY = 0.5 * (1 + math.erf(0.5 / math.sqrt(2)))
LOWER_JOINTS = ("pelvis", "hip", "knee", "ankle")
# About the mean of photos, of 255.
MIDDLE_GRAY = 110.0


class Distribution(NamedTuple):
    """Normal numbers, clipped, for the scale and the rotation of crops.

    Attributes:
        largest: of the number for the scale, in units of ``Augmentation.scale``.
        doubles: whether 1 makes the box twice as large, not by 1 times larger.
    """

    largest: float
    doubles: bool


# Of the number for the rotation, in units of ``Augmentation.rotation``.
LARGEST_TURN = 2.0
# None is uniform.
DISTRIBUTIONS = {
    "uniform": None,
    "normal": Distribution(1, False),  # the code of PoseFix, HRNet, DLCM
    "octaves": Distribution(2, True),  # pose-hg-train
}


def random_crop_matrix(box, size, augmentation: Augmentation, seed):
    """Draws one person's crop.

    Args:
        box: f32[4] in I, with the aspect ratio of ``size``.
        size: (height, width) of the crop.
        augmentation: ranges.
        seed: i32[2].

    Returns:
        f32[2, 3] I -> C, and f32[] 1 if the crop is mirrored.
    """
    draw = tf.random.stateless_uniform([5], seed, -1.0, 1.0)
    factor, rotation = 1 + augmentation.scale * draw[0], augmentation.rotation * draw[3]
    normal = DISTRIBUTIONS[augmentation.distribution]
    if normal:
        factor, rotation = _normal_change(augmentation, normal, seed)
    if augmentation.turned < 1:
        chance = tf.random.stateless_uniform([], tf.random.fold_in(seed, 3))
        rotation = tf.where(chance < augmentation.turned, rotation, 0.0)
    box = tensors.scale_box(box, factor)
    shift = augmentation.shift * draw[1:3] * box[2:]
    box = tf.concat([box[:2] + shift, box[2:]], axis=0)
    rotation = rotation * math.pi / 180
    if augmentation.any_angle:
        more = tf.random.stateless_uniform([2], tf.random.fold_in(seed, 1))
        turned = more[0] < augmentation.any_angle
        rotation = tf.where(turned, (2 * more[1] - 1) * math.pi, rotation)
    mirror = tf.cast((draw[4] + 1) / 2 < augmentation.mirror, tf.float32)
    return tensors.crop_matrix(box, size, rotation, mirror), mirror


def _normal_change(augmentation: Augmentation, of: Distribution, seed):
    """A factor of the box and a rotation in degrees, f32[] both."""
    draw = tf.random.stateless_normal([2], tf.random.fold_in(seed, 2))
    steps = augmentation.scale * tf.clip_by_value(draw[0], -of.largest, of.largest)
    turn = tf.clip_by_value(draw[1], -LARGEST_TURN, LARGEST_TURN)
    return 2**steps if of.doubles else 1 + steps, augmentation.rotation * turn


def random_half_body(
    box, keypoints, labeled, skeleton: Skeleton, size, augmentation: Augmentation, seed
):
    """Draws whether to show half of a person, and which half (HRNet's code).

    Args:
        box: f32[4] in I, of the crop that shows the whole person.
        keypoints: f32[K, 2] in I.
        labeled: bool[K].
        skeleton: K joints; those of ``LOWER_JOINTS`` are the lower half.
        size: (height, width) of the crop.
        augmentation: ranges.
        seed: i32[2].

    Returns:
        f32[4] in I: ``box``, or another one in the shape of ``size``.
    """
    if not augmentation.half_body:
        return box
    draw = tf.random.stateless_uniform([2], seed)
    lower = tf.constant([bare_name(j) in LOWER_JOINTS for j in skeleton.joints])
    halves = tf.cast(tf.stack([labeled & ~lower, labeled & lower]), tf.float32)
    above, below = tf.unstack(tf.reduce_sum(halves, axis=1))
    drawn = (draw[1] < UPPER_BODY) & (above >= HALF_BODY)
    half = tf.where(drawn | (below < HALF_BODY), halves[0], halves[1])
    around = tensors.fit_aspect(tensors.box_around(keypoints, half), size)
    joints = tf.maximum(tf.reduce_sum(half), 1)
    middle = tf.reduce_sum(keypoints * half[:, None], axis=0) / joints
    shown = tensors.centered_box(middle, HALF_BODY_MARGIN * around[2:])
    by_half = draw[0] < augmentation.half_body
    return tf.where(by_half & (above + below > WHOLE_BODY), shown, box)


def random_color(image, augmentation: Augmentation, seed):
    """Changes contrast and colors of a crop f32[H, W, 3] in 0..255, in that range.

    Scales the distance from ``MIDDLE_GRAY``, then the channels; may take the mean of
    the channels then.
    """
    contrast, color, gray = (
        augmentation.contrast, augmentation.color, augmentation.gray
    )  # fmt: skip
    if not (contrast or color or gray):
        return image
    more = tf.random.stateless_uniform([2], tf.random.fold_in(seed, 1))
    if contrast:
        factor = 1 + contrast * (2 * more[0] - 1)
        image = MIDDLE_GRAY + (image - MIDDLE_GRAY) * factor
    if color:
        draw = tf.random.stateless_uniform([4], seed, -1.0, 1.0) * color
        image *= (1 + draw[:3]) * (1 + draw[3])
    if gray:
        mean = tf.reduce_mean(image, axis=-1, keepdims=True)
        image = tf.where(more[1] < gray, mean, image)
    return tf.clip_by_value(image, 0.0, 255.0)
