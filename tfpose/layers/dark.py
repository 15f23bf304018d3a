"""DARK: locates a heatmap's peak with a Taylor expansion of its logarithm.

Zhang, Zhu, Dai, Ye and Zhu, Distribution-Aware Coordinate Representation for Human Pose
Estimation, CVPR 2020, arXiv 1910.06278, section 3.2.
"""

from __future__ import annotations

import math

import keras
from keras import ops

from tfpose.geometry.cells import to_pixels
from tfpose.layers.heatmaps import PACKAGE, MapLayer

# Half width of the modulation's window in standard deviations. For 2 cells, the window
# has 11, as in the authors' code.
WINDOW = 2.5
# Logarithms treat smaller values as this one (as in the authors' code).
LEAST = 1e-10
# A curvature closer to 0 along an axis, per squared cell, means a flat map. A Gaussian
# as wide as a map of 256 cells has 1.5e-5.
FLAT = 1e-6
# (right, down) of the cells that the expansion looks at.
NEIGHBORS = tuple((right, down) for right in (-1, 0, 1) for down in (-1, 0, 1))


@keras.saving.register_keras_serializable(package=PACKAGE)
class DarkPosition(MapLayer):
    """The sub-cell position of each map's peak, for nearly Gaussian maps.

    The layer smooths the map with the Gaussian of the training targets (the modulation)
    and scales it back to its own maximum. Expanded to second order at the highest cell
    m, the logarithm peaks at m - H^-1 g. For a Gaussian of any width, orientation and
    eccentricity, that is the center. ``PeakPosition`` reads two lines through the
    unsmoothed map, which noise moves further.

    Departures from the authors' code: second derivatives use neighbors, not second
    neighbors. Where the modulation's window leaves the map, smoothing would pull the
    peak inward, so we read the unsmoothed map (theirs is padded with zeros). A border
    cell has no derivative across the border (theirs stops two cells before). A peak
    moves at most ``sigma`` along an axis, half a cell in an unsmoothed map, and not at
    all where the expansion has no maximum. No gradient flows through the highest cell.

    Args:
        stride: px per cell; may be a fraction.
        sigma: standard deviation of the targets' Gaussians, px of C.
        origin: a key of ``geometry.cells.ORIGINS``.

    Call: heatmap f32[B, h, w, K] -> f32[B, K, 2] C.
    """

    def __init__(self, stride=4, sigma=8.0, origin="center", **kwargs):
        super().__init__(**kwargs)
        self.stride, self.sigma, self.origin = stride, sigma, origin

    def call(self, heatmap):
        height, width, joints = heatmap.shape[1:]
        reach = math.ceil(WINDOW * self.sigma / self.stride)
        cells = height * width
        # The smoothed map's cells, then those of the unsmoothed map.
        both = [modulate(heatmap, self.sigma / self.stride, reach), heatmap]
        both = ops.concatenate(
            [ops.reshape(maps, (-1, cells, joints)) for maps in both], axis=1
        )
        logarithm = ops.log(ops.maximum(both, LEAST))
        # Not argmax: Keras builds it from bitwise operators that LiteRT lacks.
        flat = ops.transpose(both[:, cells:], (0, 2, 1))
        peak = ops.cast(ops.top_k(flat, 1)[1][..., 0], "int32")  # (B, K)
        x, y = peak % width, peak // width
        # Whether the windows of the peak and its neighbors fit in the map.
        whole = (x > reach) & (x < width - 1 - reach)
        whole &= (y > reach) & (y < height - 1 - reach)

        # One lookup of all neighbors, clamped to the map: Keras makes some forty
        # operators of each.
        neighbors = [
            ops.clip(y + down, 0, height - 1) * width
            + ops.clip(x + right, 0, width - 1)
            for right, down in NEIGHBORS
        ]
        index = ops.stack(neighbors, axis=1) + ops.where(whole, 0, cells)[:, None]
        values = ops.take_along_axis(logarithm, index, axis=1)  # (B, 9, K)
        values = dict(zip(NEIGHBORS, ops.unstack(values, 9, axis=1), strict=True))

        inner = (x > 0) & (x < width - 1), (y > 0) & (y < height - 1)
        offsets = expansion_peak(values, *inner)
        limit = ops.where(whole, self.sigma / self.stride, 0.5)
        found = [
            ops.cast(position, "float32")
            + ops.maximum(ops.minimum(offset, limit), -limit)
            for position, offset in zip((x, y), offsets, strict=True)
        ]
        return to_pixels(ops.stack(found, axis=-1), self.stride, self.origin)

    def get_config(self):
        settings = {"stride": self.stride, "sigma": self.sigma, "origin": self.origin}
        return {**super().get_config(), **settings}


def modulate(heatmap, sigma: float, reach: int):
    """Smooths maps with a Gaussian and restores each one's maximum.

    Args:
        heatmap: f32[B, h, w, K]; 0 outside.
        sigma: of the Gaussian, cells.
        reach: half width of its window, cells.

    Returns:
        f32[B, h, w, K].
    """
    joints = heatmap.shape[-1]
    offsets = ops.arange(-reach, reach + 1, dtype="float32")
    kernel = ops.exp(-ops.square(offsets) / (2 * sigma**2))
    kernel = ops.tile(kernel[:, None, None, None], (1, 1, joints, 1))
    maps = ops.depthwise_conv(heatmap, kernel, padding="same")
    maps = ops.depthwise_conv(maps, ops.transpose(kernel, (1, 0, 2, 3)), padding="same")
    highest = ops.max(heatmap, axis=(1, 2), keepdims=True)
    found = ops.max(maps, axis=(1, 2), keepdims=True)
    return maps * (highest / ops.maximum(found, LEAST))


def expansion_peak(values, inner_x, inner_y):
    """Finds the maximum of a function's second-order expansion about a cell.

    Args:
        values: the function at ``NEIGHBORS``, (right, down) -> f32[B, K].
        inner_x, inner_y: bool[B, K], whether the cell has neighbors on both sides. If
            not, the offset along that axis is 0.

    Returns:
        Offsets along x and y in cells, f32[B, K] each; 0 where there is no maximum.
    """
    here, left, right = values[0, 0], values[-1, 0], values[1, 0]
    above, below = values[0, -1], values[0, 1]
    zero = ops.zeros_like(here)
    slope_x = ops.where(inner_x, (right - left) / 2, zero)
    slope_y = ops.where(inner_y, (below - above) / 2, zero)
    # Any curvature will do along an axis without slope.
    curve_x = ops.where(inner_x, left - 2 * here + right, -1.0)
    curve_y = ops.where(inner_y, above - 2 * here + below, -1.0)
    twist = (values[1, 1] - values[-1, 1] - values[1, -1] + values[-1, -1]) / 4
    twist = ops.where(inner_x & inner_y, twist, zero)
    determinant = curve_x * curve_y - ops.square(twist)
    # A maximum along both axes and every diagonal.
    maximum = (curve_x < -FLAT) & (curve_y < -FLAT) & (determinant > FLAT**2)
    determinant = ops.where(maximum, determinant, 1.0)
    offset_x = (twist * slope_y - curve_y * slope_x) / determinant
    offset_y = (twist * slope_x - curve_x * slope_y) / determinant
    return ops.where(maximum, offset_x, zero), ops.where(maximum, offset_y, zero)
