"""Layers for methods that predict a cell and the offset from it to the joint.

Coordinates enter and leave in crop pixels (C). B batch, K joints, H x W the crop, h x w
the maps. Offsets are f32[B, h, w, 2 K], x and y joint by joint, in units of
``DEVIATION`` px.
"""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.cells import to_cells, to_pixels
from tfpose.layers.heatmaps import PACKAGE, MapLayer

# px; DeeperCut's code (eldar/pose-tensorflow) divides offsets by this.
DEVIATION = 7.2801


@keras.saving.register_keras_serializable(package=PACKAGE)
class RenderDisc(MapLayer):
    """Draws a pose as one binary disc per joint (PoseRefiner section 3).

    Args:
        size: (height, width) of the maps in cells.
        radius: px; cells whose center is within it belong to the disc.
        peak: value inside; 255 matches an image of 0..255.
        stride: px of C per cell.

    Call: keypoints f32[B, K, 2] C, valid f32[B, K] -> f32[B, H, W, K]; the map of an
    invalid joint is zero. No gradient flows to the coordinates.
    """

    def __init__(self, size, radius, peak=255.0, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.size, self.radius, self.peak = tuple(size), radius, peak
        self.stride = stride

    def call(self, keypoints, valid):
        height, width = self.size
        if self.stride != 1:
            keypoints = to_cells(keypoints, self.stride)
        rows = ops.arange(height, dtype="float32")[None, :, None]
        columns = ops.arange(width, dtype="float32")[None, :, None]
        rows = ops.square(rows - keypoints[:, None, :, 1])  # (B, H, K)
        columns = ops.square(columns - keypoints[:, None, :, 0])  # (B, W, K)
        inside = rows[:, :, None] + columns[:, None] <= (self.radius / self.stride) ** 2
        return ops.cast(inside, "float32") * (self.peak * valid[:, None, None])

    def get_config(self):
        settings = {"size": self.size, "radius": self.radius, "peak": self.peak}
        return {**super().get_config(), **settings, "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OffsetPosition(MapLayer):
    """The best cell's center plus its offset (PoseRefiner section 3).

    Args:
        stride: px per cell.

    Call: scores f32[B, h, w, K], offsets f32[B, h, w, 2 K] -> f32[B, K, 2] C. The
    gradient reaches only the best cell's offset.
    """

    def __init__(self, stride=8, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, scores, offsets):
        height, width, joints = scores.shape[1:]
        flat = ops.transpose(
            ops.reshape(scores, (-1, height * width, joints)), (0, 2, 1)
        )
        # Not argmax: Keras builds it from bitwise operators that LiteRT lacks.
        _, best = ops.top_k(flat, 1)
        best = ops.cast(best, "int32")  # (B, K, 1)
        offsets = ops.reshape(offsets, (-1, height * width, joints, 2))
        offsets = ops.transpose(offsets, (0, 2, 1, 3))  # (B, K, h w, 2)
        index = ops.repeat(best[..., None], 2, axis=-1)  # (B, K, 1, 2)
        offset = ops.take_along_axis(offsets, index, axis=2)[:, :, 0]
        cell = ops.concatenate([best % width, best // width], axis=-1)
        center = to_pixels(ops.cast(cell, "float32"), self.stride)
        return center + DEVIATION * offset

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OffsetVotes(MapLayer):
    """Every cell votes, weighted by its score, for the place its offset points to.

    The result is a belief as sharp as the offsets are exact, which can be weighed
    against other evidence (tfpose.inference.reliability). Not in a paper.

    Args:
        size: (height, width) of the crop in px.
        stride: px per cell of the scores.
        fine: px per cell of the belief.

    Call: scores f32[B, h, w, K] in 0..1, offsets f32[B, h, w, 2 K] -> f32[B, H / fine,
    W / fine, K] that sums to 1 over the cells. A vote is spread bilinearly over four
    cells; one outside goes to the nearest ones.
    """

    def __init__(self, size, stride=8, fine=4, **kwargs):
        super().__init__(**kwargs)
        self.size, self.stride, self.fine = tuple(size), stride, fine

    def call(self, scores, offsets):
        height, width, joints = scores.shape[1:]
        offsets = ops.reshape(offsets, (-1, height, width, joints, 2)) * DEVIATION
        rows = ops.arange(height, dtype="float32")[:, None, None]
        columns = ops.arange(width, dtype="float32")[None, :, None]
        y = to_pixels(rows, self.stride) + offsets[..., 1]
        x = to_pixels(columns, self.stride) + offsets[..., 0]  # (B, h, w, K)
        rows = self._hats(y, self.size[0] // self.fine)
        columns = self._hats(x, self.size[1] // self.fine)
        votes = ops.reshape(scores, (-1, height * width, joints, 1))
        belief = ops.einsum("bckh,bckw->bhwk", rows * votes, columns)
        return belief / ops.maximum(ops.sum(belief, axis=(1, 2), keepdims=True), 1e-12)

    def _hats(self, position, count):
        """f32[B, h, w, K] px -> f32[B, h w, K, count], how much each cell gets."""
        height, width, joints = position.shape[1:]
        position = ops.reshape(position, (-1, height * width, joints, 1))
        cells = ops.clip(to_cells(position, self.fine), 0.0, count - 1.0)
        return ops.maximum(1 - ops.abs(ops.arange(count, dtype="float32") - cells), 0.0)

    def get_config(self):
        settings = {"size": self.size, "stride": self.stride, "fine": self.fine}
        return {**super().get_config(), **settings}
