"""Finds everybody in a photo at once: no boxes; tags group the joints into people."""

from __future__ import annotations

import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.geometry import tensors
from tfpose.geometry.cells import to_pixels
from tfpose.geometry.crops import crops_of, whole_photo
from tfpose.inference.estimator import moved_right
from tfpose.inference.grouping import group, joint_order
from tfpose.inference.inputs import checked_photo
from tfpose.models.base import PoseModel
from tfpose.models.table import load_model
from tfpose.skeletons import Skeleton


class BottomUp:
    """A trained ``AssociativeEmbedding`` with its cropping and grouping.

    A call takes a photo and returns what ``Estimator`` and ``Refiner`` return:
    keypoints f32[N, K, 2] in photo px and scores f32[N, K].

    Args:
        model: an ``AssociativeEmbedding``, or an ``EnhanceNet`` of one.
        skeleton: skeleton of its poses.
        flip: run the mirrored photo too, average the detections and give each joint
            two tags, as the authors' code does.

    Example:
        >>> import numpy as np, tfpose
        >>> model = tfpose.models.AssociativeEmbedding(
        ...     3, (64, 64), stacks=1, filters=8, growth=4, depth=2, maps=6
        ... )
        >>> find = BottomUp(model, tfpose.Skeleton.from_json({
        ...     "name": "lamp", "joints": ["foot", "bulb", "plug"],
        ...     "torso": ["foot", "bulb"],
        ... }))
        >>> keypoints, scores = find(np.zeros((80, 60, 3), np.uint8))
        >>> keypoints.shape, scores.shape
        ((0, 3, 2), (0, 3))
    """

    def __init__(self, model: PoseModel, skeleton: Skeleton, flip: bool = True):
        self.model, self.skeleton, self.size = model, skeleton, model.input_size
        outputs = {name: model.output[name] for name in ("heatmap", "tags")}
        network = keras.Model(model.input, outputs)
        self._run = tf.function(
            lambda image: network({"image": image}, training=False), autograph=False
        )
        self.flip = flip and skeleton.mirrors
        self._order = joint_order(skeleton)

    @classmethod
    def from_preset(cls, name: str | pathlib.Path, flip: bool = True) -> BottomUp:
        """Loads a preset by its name, or a model folder by its path.

        Raises:
            TfposeError: nothing there, or a model that needs boxes or poses.
        """
        model, config = load_model(name)
        if not model.is_bottom_up:
            raise TfposeError(
                f"model {name}: expected a model that finds everybody at once, found "
                f"{config.model} (tfpose.Estimator, tfpose.Refiner)"
            )
        return cls(model, config.skeleton, flip)

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Finds the people in one photo, using the whole photo as the crop.

        Args:
            photo: u8[H, W, 3] RGB.

        Returns:
            Keypoints f32[N, K, 2] photo px and scores f32[N, K] in 0..1, the
            detections; a joint it did not find is at (0, 0) with score 0.

        Raises:
            TfposeError: a photo of the wrong type or shape.
        """
        photo = checked_photo(photo)
        crops, to_image = crops_of(photo, whole_photo(photo), self.size, (1.0,))
        detections, tags = self._maps(crops[0])
        found, scores = group(detections, tags, self._order)
        origin = self.model.conventions.origin
        in_crop = to_pixels(found, self.model.stride, origin)
        keypoints = tensors.transform(in_crop, to_image[0]).numpy()
        there = scores > 0
        return keypoints * there[..., None], np.clip(scores, 0, 1)

    def _maps(self, crop) -> tuple[np.ndarray, np.ndarray]:
        """Detections f32[h, w, K] and tags f32[h', w', K, T] for f32[1, H, W, 3]."""
        looks = np.concatenate([crop, crop[:, :, ::-1]]) if self.flip else crop
        maps = {name: found.numpy() for name, found in self._run(looks).items()}
        if self.flip:
            order = self.skeleton.flip_permutation
            shift = self.model.conventions.flip_shift
            maps = {
                name: np.stack(
                    [found[0], moved_right(found[1, :, ::-1][..., order], shift)]
                )
                for name, found in maps.items()
            }
        return maps["heatmap"].mean(axis=0), np.moveaxis(maps["tags"], 0, -1)
