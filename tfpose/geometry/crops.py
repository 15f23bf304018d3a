"""Turns boxes of people, poses and photos into crops."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from tfpose.geometry import tensors
from tfpose.geometry.cells import center_of, position_of
from tfpose.geometry.rules import BOX_FACTOR, CROP_MARGIN
from tfpose.skeletons import Skeleton


def crop_box(box, height, size, wanted: float) -> tf.Tensor:
    """The part of the photo that a person's crop shows.

    Args:
        box: f32[..., 4] I, the person's box.
        height: f32[...] px of I, the person's standing height.
        size: (height, width) of the crop.
        wanted: ``Config.person_height``; 0 for the box with its margin.

    Returns:
        f32[..., 4] I, with the aspect of ``size``.
    """
    if wanted:
        return tensors.height_box(box, height, size, wanted)
    return tensors.scale_box(tensors.fit_aspect(box, size), CROP_MARGIN)


def standing_height(keypoints, valid, skeleton: Skeleton) -> tf.Tensor:
    """``tensors.person_height`` of poses f32[..., K, 2]; f32[...] px.

    Ignores COCO's head: ear to ear says nothing about height.
    """
    head = skeleton.head
    upright = head is not None and "head_top" in head
    joints = [skeleton.index(joint) for joint in head] if upright else None
    return tensors.person_height(keypoints, valid, joints)


def crops_of(photo, boxes, size, scales, official: bool = False):
    """Crops of people: f32[N, S, H, W, 3], and f32[N, 2, 3] C -> I at scale 1.

    ``official`` crops are those of published code: ``tensors.corner_matrix``, and one
    bilinear sample for each pixel.
    """
    photo, boxes = tf.cast(photo, tf.float32), tf.cast(boxes, tf.float32)
    return _cutter(tuple(size), tuple(scales), official)(photo, boxes)


@functools.cache
def _cutter(size, scales, official):
    """The function of photos and boxes: traced once, whatever their sizes."""
    photo = tf.TensorSpec((None, None, 3), tf.float32)
    given = photo, tf.TensorSpec((None, 4), tf.float32)
    matrix_of = tensors.corner_matrix if official else tensors.crop_matrix

    def crop(photo, matrix):
        if official:
            return tensors.warp(photo[None], matrix[None], size)[0]
        return tensors.upright_crop(photo, matrix, size)

    @tf.function(input_signature=given, autograph=False)
    def cut(photo, boxes):
        boxes = tensors.scale_box(tensors.fit_aspect(boxes, size), CROP_MARGIN)

        def crops(box):
            looks = [tensors.scale_box(box, 1 / scale) for scale in scales]
            return tf.stack([crop(photo, matrix_of(look, size)) for look in looks])

        # One by one: a copy of a large photo per person would fill memory.
        images = tf.map_fn(crops, boxes)
        return images, tensors.invert(matrix_of(boxes, size))

    return cut


def whole_photo(photo) -> np.ndarray:
    """f32[1, 4] xywh: the box whose crop, margin included, is the photo."""
    height, width = photo.shape[:2]
    box = tensors.scale_box(tf.constant([0.0, 0.0, width, height]), 1 / CROP_MARGIN)
    return box.numpy()[None]


def upright_photo(photo, size) -> np.ndarray:
    """f32[4] xywh: the box whose crop has the photo's center and height.

    The crop has the aspect of ``size``, margin included, whatever the photo's.
    """
    height, width = photo.shape[:2]
    extent = np.float32([height * size[1] / size[0], height]) / CROP_MARGIN
    center = center_of(0, np.float32([width, height]))
    return np.concatenate([position_of(center, extent), extent]).astype(np.float32)


def boxes_of(keypoints, valid=None) -> np.ndarray:
    """f32[N, 4] xywh: the boxes that refiners put around poses f32[N, K, 2] I.

    ``valid`` [N, K] marks the joints that exist; default: all.
    """
    valid = np.ones(keypoints.shape[:2]) if valid is None else valid
    box = tensors.box_around(keypoints, np.float32(valid))
    return tensors.scale_box(box, BOX_FACTOR).numpy()
