"""Heatmaps of parts of the body, drawn along their bones.

Deeply Learned Compositional Models for Human Pose Estimation, Tang, Yu and Wu, ECCV
2018: a part of several joints has no place of its own, its map shows where its bones
are, which way they point and how long they are (FACTS_DLCM 3).
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfpose import geometry
from tfpose.codecs import GaussianHeatmap


@dataclasses.dataclass(frozen=True)
class PartHeatmap(GaussianHeatmap):
    """Maps of P parts of the body: exp(-d^2 / (2 sigma^2)) about their bones.

    d is the distance of a cell from the segment between a bone's joints, so a bone of
    no length is a joint's Gaussian. The authors' code draws truncated Gaussians at the
    whole cells of the segment but the last; their difference is below a cell.

    Args:
        sigma: standard deviation in px of C.
        parts: of each part its bones, pairs of numbers of joints.
        joints_follow: whether the parts' maps are followed by those of all K joints.
    """

    parts: tuple = ()
    joints_follow: bool = False

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, P (+ K)] in [0, 1].

        A part is the maximum of its bones. A bone without one of its joints is not
        drawn; a part without any of its bones is zero.
        """
        bones = sorted({bone for part in self.parts for bone in part})
        drawn = self._bones(keypoints, bones) * _present(valid, bones)[..., None, None]
        maps = [
            tf.reduce_max(
                tf.gather(drawn, [bones.index(bone) for bone in part], axis=1), axis=1
            )
            for part in self.parts
        ]
        maps = tf.stack(maps, axis=-1)  # (B, h, w, P)
        if self.joints_follow:
            maps = tf.concat([maps, super().encode(keypoints, valid)], axis=-1)
        return maps

    def weigh(self, valid):
        """f32[B, K] -> f32[B, P (+ K)], 1 for parts that have a bone to draw.

        A part without is unknown rather than absent ("ignoreEmptyLabel" of the
        authors' code).
        """
        parts = [
            tf.reduce_max(_present(valid, part), axis=1, keepdims=True)
            for part in self.parts
        ]
        return tf.concat([*parts, valid] if self.joints_follow else parts, axis=-1)

    def decode(self, heatmaps):
        """f32[B, h, w, P + K] -> f32[B, K, 2] C, scores f32[B, K], of the joints' maps.

        Raises:
            ValueError: the joints do not follow, and parts have no place.
        """
        if not self.joints_follow:
            raise ValueError("maps of parts: expected maps of the joints after them")
        return super().decode(heatmaps[..., len(self.parts) :])

    def _bones(self, keypoints, bones):
        """f32[B, K, 2] C -> f32[B, N, h, w], each of the N bones drawn."""
        cells = geometry.crop_to_heatmap(keypoints, self.stride)
        first = tf.gather(cells, [start for start, _ in bones], axis=1)
        along = tf.gather(cells, [end for _, end in bones], axis=1) - first  # (B, N, 2)
        first, along = first[:, :, None, None], along[:, :, None, None]
        height, width = self.heatmap_size
        columns, rows = tf.meshgrid(tf.range(width), tf.range(height))
        places = tf.cast(tf.stack([columns, rows], axis=-1), tf.float32)  # (h, w, 2)
        offset = places - first  # (B, N, h, w, 2)
        squared = tf.reduce_sum(tf.square(along), axis=-1)
        # How far along the bone its point is that is nearest to the cell, 0 to 1.
        share = tf.math.divide_no_nan(tf.reduce_sum(offset * along, axis=-1), squared)
        nearest = tf.clip_by_value(share, 0, 1)[..., None] * along
        distance = tf.reduce_sum(tf.square(offset - nearest), axis=-1)
        return tf.exp(-distance / (2 * (self.sigma / self.stride) ** 2))


def _present(valid, bones):
    """f32[B, K] -> f32[B, N], 1 for bones of which both joints are labelled."""
    starts = tf.gather(valid, [start for start, _ in bones], axis=1)
    return starts * tf.gather(valid, [end for _, end in bones], axis=1)
