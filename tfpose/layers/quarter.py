"""Reads peaks as most published code does: the highest cell, moved a quarter cell."""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.cells import to_pixels
from tfpose.layers.heatmaps import PACKAGE, MapLayer


@keras.saving.register_keras_serializable(package=PACKAGE)
class QuarterPosition(MapLayer):
    """Each map's highest cell, moved toward the larger neighbor along x and along y.

    So do Newell's hourglasses and all that followed, each with its own rule for the
    border. A map without a positive value gives the first cell. No gradient flows
    through this layer.

    Args:
        stride: px per cell.
        move: cells; 0 gives the highest cell itself.
        border: cells nearer than this to the left or upper border, and the last row and
            column, stay: 2 in SimpleBaseline's, HRNet's and MMPose's code, 1 in
            pytorch-pose. With 0 (Newell's PyTorch code) all cells move, back if the
            neighbors are equal; a neighbor outside the map counts as the cell itself.
        origin: a key of ``geometry.cells.ORIGINS``.

    Call: heatmap f32[B, h, w, K] -> f32[B, K, 2] C.
    """

    def __init__(self, stride=4, move=0.25, border=2, origin="center", **kwargs):
        super().__init__(**kwargs)
        self.stride, self.move, self.border = stride, move, border
        self.origin = origin

    def call(self, heatmap):
        height, width, joints = heatmap.shape[1:]
        flat = ops.transpose(
            ops.reshape(heatmap, (-1, height * width, joints)), (0, 2, 1)
        )
        # Not argmax: Keras builds it from bitwise operators that LiteRT lacks.
        highest, index = ops.top_k(flat, 1)
        found = highest[..., 0] > 0  # (B, K)
        index = ops.where(found, ops.cast(index[..., 0], "int32"), 0)
        x, y = index % width, index // width
        moves = found & self._inside(x, width) & self._inside(y, height)

        # A neighbor outside the map is the cell itself. One lookup of all four: Keras
        # makes some forty operators of each.
        neighbors = [
            ops.where(there, index + step, index)
            for there, step in (
                (x > 0, -1),
                (x < width - 1, 1),
                (y > 0, -width),
                (y < height - 1, width),
            )
        ]
        values = ops.take_along_axis(flat, ops.stack(neighbors, axis=-1), axis=2)
        left, right, above, below = ops.unstack(values, 4, axis=-1)

        def moved(position, before, after):
            equal = -1.0 if self.border == 0 else 0.0
            side = ops.where(before > after, -1.0, equal)
            side = ops.where(after > before, 1.0, side)
            return ops.cast(position, "float32") + ops.where(moves, self.move * side, 0)

        cells = ops.stack([moved(x, left, right), moved(y, above, below)], axis=-1)
        return to_pixels(cells, self.stride, self.origin)

    def _inside(self, position, count: int):
        """bool[B, K]: whether cells at this place move."""
        if self.border == 0:
            return position >= 0
        return (position >= self.border) & (position < count - 1)

    def get_config(self):
        settings = {"stride": self.stride, "move": self.move, "border": self.border}
        return {**super().get_config(), **settings, "origin": self.origin}
