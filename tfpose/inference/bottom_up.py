"""Estimation of everybody in a photo at once: no boxes, joints are grouped by tags."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfpose import geometry
from tfpose.estimate import crops_of, whole_photo
from tfpose.grouping import group, joint_order
from tfpose.skeleton import Skeleton


def finds_everybody(model: keras.Model) -> bool:
    """Whether a model's answers tell people apart."""
    return "tags" in model.output


class BottomUp:
    """A trained ``AssociativeEmbedding`` with the crop and the grouping around it.

    Args:
        model: network with the outputs "heatmap" and "tags", or an ``EnhanceNet`` of
            one.
        skeleton: of its poses.
        flip: look at the mirrored photo too; detections are averaged, and a joint has
            two tags, as in the authors' code.
    """

    def __init__(self, model: keras.Model, skeleton: Skeleton, flip: bool = True):
        self.skeleton, self._size = skeleton, model.input_size
        self._stride = model.stride
        outputs = {name: model.output[name] for name in ("heatmap", "tags")}
        network = keras.Model(model.input, outputs)
        self._run = tf.function(lambda image: network({"image": image}, training=False))
        self._flip = flip
        self._order = joint_order(skeleton)

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Finds the people of one photo, which is seen as a whole.

        Args:
            photo: u8[H, W, 3] RGB.

        Returns:
            f32[N, K, 2] I, and scores f32[N, K] in 0..1, the detections; a joint that
            was not found is at (0, 0) with score 0.
        """
        crops, to_image = crops_of(photo, whole_photo(photo), self._size, (1.0,))
        detections, tags = self._maps(crops[0])
        cells, scores = group(detections, tags, self._order)
        in_crop = geometry.heatmap_to_crop(cells, self._stride)
        keypoints = geometry.transform(in_crop, to_image[0]).numpy()
        found = scores > 0
        return keypoints * found[..., None], np.clip(scores, 0, 1)

    def _maps(self, crop) -> tuple[np.ndarray, np.ndarray]:
        """Detections f32[h, w, K] and tags f32[h', w', K, T] about f32[1, H, W, 3]."""
        looks = np.concatenate([crop, crop[:, :, ::-1]]) if self._flip else crop
        maps = {name: found.numpy() for name, found in self._run(looks).items()}
        if self._flip:
            order = self.skeleton.flip_permutation
            maps = {
                name: np.stack([found[0], found[1, :, ::-1][..., order]])
                for name, found in maps.items()
            }
        return maps["heatmap"].mean(axis=0), np.moveaxis(maps["tags"], 0, -1)
