"""Random crops: one affine map is drawn for a person, for the photo and all points."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from tfpose import geometry


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Ranges of the uniform random changes; all zero is the plain crop.

    Attributes:
        scale: 0.3 makes the box 0.7 to 1.3 times as large (PoseFix: +-30 %).
        rotation: degrees, both ways (PoseFix: +-40).
        mirror: probability of a left-right flip.
        shift: fraction of the box by which its centre moves, along x and along y. Test
            boxes come from imperfect poses; PoseFix has none.
        colour: each channel times 1 - colour to 1 + colour, and the brightness
            alike. PoseFix, whose trunk is pretrained, has none.
    """

    scale: float = 0.0
    rotation: float = 0.0
    mirror: float = 0.0
    shift: float = 0.0
    colour: float = 0.0


def random_crop_matrix(box, size, augmentation: Augmentation, seed):
    """Draws the crop of one person.

    Args:
        box: f32[4] in I, with the aspect ratio of ``size``.
        size: (height, width) of the crop.
        augmentation: ranges.
        seed: i32[2].

    Returns:
        f32[2, 3] I -> C, and f32[] 1 if the crop is mirrored.
    """
    draw = tf.random.stateless_uniform([5], seed, -1.0, 1.0)
    box = geometry.scale_box(box, 1 + augmentation.scale * draw[0])
    shift = augmentation.shift * draw[1:3] * box[2:]
    box = tf.concat([box[:2] + shift, box[2:]], axis=0)
    rotation = augmentation.rotation * draw[3] * math.pi / 180
    mirror = tf.cast((draw[4] + 1) / 2 < augmentation.mirror, tf.float32)
    return geometry.crop_matrix(box, size, rotation, mirror), mirror


def random_colour(image, augmentation: Augmentation, seed):
    """Scales the channels of a crop f32[H, W, 3] in 0..255, clipped to that range."""
    if not augmentation.colour:
        return image
    draw = tf.random.stateless_uniform([4], seed, -1.0, 1.0) * augmentation.colour
    return tf.clip_by_value(image * (1 + draw[:3]) * (1 + draw[3]), 0.0, 255.0)
