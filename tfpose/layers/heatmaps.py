"""Layers that render poses as maps and read coordinates from heatmaps.

Coordinates enter and leave in crop pixels (C, tfpose.geometry.tensors); heatmaps have
``stride`` px per cell. B batch, K joints, H x W the crop, h x w the heatmap.
"""

from __future__ import annotations

import keras
from keras import ops

from tfpose.geometry.cells import to_cells, to_pixels

PACKAGE = "tfpose"


class MapLayer(keras.layers.Layer):
    """A layer that computes in float32 under any dtype policy.

    Beyond 128, bfloat16 counts cells in steps of 1, and it resolves only 256 values of
    a peak: coordinates and the maps they are read from stay float32.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})


def _offsets(positions, count: int):
    """f32[B, K] positions -> f32[B, K, count], distance of each index from them."""
    grid = ops.arange(count, dtype="float32")
    return grid[None, None, :] - positions[..., None]


@keras.saving.register_keras_serializable(package=PACKAGE)
class RenderPose(MapLayer):
    """Draws a pose as one Gaussian map per joint (PoseFix Eq. 1).

    Args:
        size: (height, width) of the maps in cells.
        sigma: standard deviation in cells; 0 draws the one-hot nearest cell (the "fine"
            input of PoseFix's Fig. 6).
        peak: value at the joint; 255, as in PoseFix's authors' code, matches an image
            of 0..255.
        stride: px of C per cell.

    Call: keypoints f32[B, K, 2] C, valid f32[B, K] -> f32[B, H, W, K]; the map of an
    invalid joint is zero.
    """

    def __init__(self, size, sigma, peak=255.0, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.size, self.sigma, self.peak = tuple(size), sigma, peak
        self.stride = stride

    def call(self, keypoints, valid):
        if self.stride != 1:
            keypoints = to_cells(keypoints, self.stride)
        rows = self._profile(keypoints[..., 1], self.size[0])  # (B, K, H)
        columns = self._profile(keypoints[..., 0], self.size[1])  # (B, K, W)
        rows = ops.transpose(rows * (self.peak * valid[..., None]), (0, 2, 1))
        columns = ops.transpose(columns, (0, 2, 1))
        return rows[:, :, None, :] * columns[:, None, :, :]

    def _profile(self, positions, count):
        if self.sigma == 0:
            offsets = _offsets(ops.round(positions), count)
            return ops.cast(ops.equal(offsets, 0), "float32")
        return ops.exp(-ops.square(_offsets(positions, count)) / (2 * self.sigma**2))

    def get_config(self):
        settings = {"size": self.size, "sigma": self.sigma, "peak": self.peak}
        return {**super().get_config(), **settings, "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PosePrior(MapLayer):
    """Adds the log-likelihood of each cell, given the input pose, to the logits.

    weight * log(exp(-d^2 / (2 sigma^2)) + epsilon), d the distance to the input joint,
    all three learned per joint. While the logits are small, the network returns the
    input pose: training starts from the identity and learns what to change. Not in a
    paper; it reached PoseFix's accuracy about three times as fast. Distances are
    fractions of the crop's width, so the layer works at any resolution.

    Call: logits f32[B, h, w, K], keypoints f32[B, K, 2] C, valid f32[B, K]
    -> f32[B, h, w, K]; an invalid joint's logits pass unchanged.
    """

    def __init__(self, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def build(self, logits_shape, *_):
        joints = (logits_shape[-1],)
        constant = keras.initializers.Constant
        # sigma = 4 % of the crop, about a wrist's width of jitter; epsilon = exp(-4).
        self.log_sigma = self.add_weight(
            shape=joints, initializer=constant(-3.2), name="log_sigma"
        )
        self.log_epsilon = self.add_weight(
            shape=joints, initializer=constant(-4.0), name="log_epsilon"
        )
        self.weight = self.add_weight(shape=joints, initializer="ones", name="weight")

    def call(self, logits, keypoints, valid):
        height, width = logits.shape[1:3]
        cells = to_cells(keypoints, self.stride)
        columns = ops.square(_offsets(cells[..., 0], width) / width)
        rows = ops.square(_offsets(cells[..., 1], height) / width)
        columns = ops.transpose(columns, (0, 2, 1))
        rows = ops.transpose(rows, (0, 2, 1))
        squared = rows[:, :, None, :] + columns[:, None, :, :]  # (B, h, w, K)
        precision = 0.5 * ops.exp(-2 * self.log_sigma)
        likelihood = ops.exp(-squared * precision) + ops.exp(self.log_epsilon)
        return logits + self.weight * ops.log(likelihood) * valid[:, None, None, :]

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpatialSoftmax(MapLayer):
    """Softmax over the cells of each joint's map: f32[B, h, w, K], each sums to 1."""

    def call(self, logits):
        height, width, joints = logits.shape[1:]
        flat = ops.reshape(logits, (-1, height * width, joints))
        return ops.reshape(ops.softmax(flat, axis=1), (-1, height, width, joints))


@keras.saving.register_keras_serializable(package=PACKAGE)
class SoftArgmax(MapLayer):
    """The expected position of each joint (PoseFix Eq. 2).

    Call: belief f32[B, h, w, K] that sums to 1 over the cells -> f32[B, K, 2] C.
    """

    def __init__(self, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, belief):
        x, y = expectation(belief, power=1)
        return to_pixels(ops.stack([x, y], axis=-1), self.stride)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class LocalSoftArgmax(MapLayer):
    """The expected position of each joint near its peak.

    Where a network hesitates between two places, PoseFix's Eq. 2 answers with a point
    between them, which is neither. Here only cells within ``reach`` rows and columns of
    the highest one count. The gradient reaches these cells only.

    Call: belief f32[B, h, w, K], not negative -> f32[B, K, 2] C.
    """

    def __init__(self, stride=4, reach=4, **kwargs):
        super().__init__(**kwargs)
        self.stride, self.reach = stride, reach

    def call(self, belief):
        height, width, joints = belief.shape[1:]
        flat = ops.reshape(belief, (-1, height * width, joints))
        # Not argmax: Keras builds it from bitwise operators that LiteRT lacks.
        _, index = ops.top_k(ops.transpose(flat, (0, 2, 1)), 1)
        index = ops.cast(index[..., 0], "int32")  # (B, K)
        rows = self._near(index // width, height)[:, :, None]
        columns = self._near(index % width, width)[:, None]
        near = belief * (rows * columns)
        total = ops.maximum(ops.sum(near, axis=(1, 2)), 1e-12)
        x, y = expectation(near, power=1)
        return to_pixels(ops.stack([x, y], -1) / total[..., None], self.stride)

    def _near(self, peak, count):
        """i32[B, K] -> f32[B, count, K], 1 within reach."""
        offsets = _offsets(ops.cast(peak, "float32"), count)
        near = ops.cast(ops.abs(offsets) <= self.reach, "float32")
        return ops.transpose(near, (0, 2, 1))

    def get_config(self):
        settings = {"stride": self.stride, "reach": self.reach}
        return {**super().get_config(), **settings}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Spread(MapLayer):
    """How far a belief spreads around its mean: the root of its total variance.

    Call: belief f32[B, h, w, K] that sums to 1 over the cells -> f32[B, K], px of C.
    """

    def __init__(self, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, belief):
        x, y = expectation(belief, power=1)
        xx, yy = expectation(belief, power=2)
        variance = ops.maximum(xx - ops.square(x) + yy - ops.square(y), 0.0)
        return self.stride * ops.sqrt(variance)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class BeliefScore(Spread):
    """How accurate a joint's expected position probably is, in 0..1.

    This is COCO's keypoint similarity, exp(-d^2 / (2 A (2 sigma)^2)), for the root mean
    square distance d from the belief's mean; sigma makes the same distance count more
    on a nose than on a hip. By convexity, it is a lower bound of the similarity that
    the belief expects. It is 1 where the whole belief lies in one cell.

    Args:
        sigmas: K, ``Skeleton.sigmas``.
        area: A, the person's area in px^2 of C.
        stride: px per cell.

    Call: belief f32[B, h, w, K] that sums to 1 over the cells -> f32[B, K].
    """

    def __init__(self, sigmas, area, stride=4, **kwargs):
        super().__init__(stride, **kwargs)
        self.sigmas, self.area = tuple(sigmas), area

    def call(self, belief):
        tolerance = [8 * self.area * sigma**2 for sigma in self.sigmas]
        return ops.exp(-ops.square(super().call(belief)) / ops.array(tolerance))

    def get_config(self):
        return {**super().get_config(), "sigmas": self.sigmas, "area": self.area}


def expectation(belief, power: int):
    """E[x^power] and E[y^power] in cells, f32[B, K] each, of f32[B, h, w, K]."""
    height, width = belief.shape[1:3]
    x = ops.arange(width, dtype="float32") ** power
    y = ops.arange(height, dtype="float32") ** power
    columns = ops.sum(belief, axis=1)  # (B, w, K)
    rows = ops.sum(belief, axis=2)  # (B, h, K)
    return ops.sum(columns * x[:, None], axis=1), ops.sum(rows * y[:, None], axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PeakValue(MapLayer):
    """The largest value of each map, cut to 0..1: f32[B, h, w, K] -> f32[B, K]."""

    def call(self, belief):
        return ops.clip(ops.max(belief, axis=(1, 2)), 0.0, 1.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Probability(MapLayer):
    """What a network's score means: how probably the joint is right.

    sigmoid(offset + slope * log(s / (1 - s))), Platt's scaling of the score's logit
    ("Probabilistic outputs for support vector machines", 1999).

    Args:
        offset, slope: fitted on people whom the network did not learn from.

    Call: scores f32[...] in 0..1 -> f32[...] in 0..1; rises with the score if
    ``slope`` is positive.
    """

    def __init__(self, offset, slope, **kwargs):
        super().__init__(**kwargs)
        self.offset, self.slope = offset, slope

    def call(self, scores):
        scores = ops.clip(scores, 1e-6, 1 - 1e-6)
        return ops.sigmoid(
            self.offset + self.slope * (ops.log(scores) - ops.log(1 - scores))
        )

    def get_config(self):
        settings = {"offset": self.offset, "slope": self.slope}
        return {**super().get_config(), **settings}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PeakPosition(MapLayer):
    """The sub-cell position of each map's peak, for Gaussian maps.

    Along each axis, the parabola through the logarithms of the peak and its neighbors
    has its vertex at the Gaussian's center. On the border, the result is the cell's
    center. No gradient flows through this layer.

    Args:
        stride: px per cell.
        origin: a key of ``geometry.cells.ORIGINS``.

    Call: heatmap f32[B, h, w, K] -> f32[B, K, 2] C.
    """

    def __init__(self, stride=4, origin="center", **kwargs):
        super().__init__(**kwargs)
        self.stride, self.origin = stride, origin

    def call(self, heatmap):
        height, width, joints = heatmap.shape[1:]
        flat = ops.reshape(heatmap, (-1, height * width, joints))
        logarithm = ops.log(ops.maximum(flat, 1e-10))
        # Not argmax: Keras builds it from bitwise operators that LiteRT lacks.
        _, index = ops.top_k(ops.transpose(flat, (0, 2, 1)), 1)
        index = ops.cast(index[..., 0], "int32")  # (B, K)
        # One lookup, of which Keras makes some forty operators. What lies across the
        # border is not used.
        steps = ops.array([-width, -1, 0, 1, width], "int32")
        around = index[:, None] + steps[:, None]  # (B, 5, K)
        around = ops.clip(around, 0, height * width - 1)
        around = ops.take_along_axis(logarithm, around, axis=1)
        above, left, peak, right, below = ops.unstack(around, 5, axis=1)

        def vertex(position, count, before, after):
            curvature = before - 2 * peak + after
            inner = (position > 0) & (position < count - 1) & (curvature < 0)
            offset = (before - after) / (2 * ops.where(inner, curvature, -1.0))
            offset = ops.clip(ops.where(inner, offset, 0.0), -0.5, 0.5)
            return ops.cast(position, "float32") + offset

        x = vertex(index % width, width, left, right)
        y = vertex(index // width, height, above, below)
        cells = ops.stack([x, y], axis=-1)
        return to_pixels(cells, self.stride, self.origin)

    def get_config(self):
        settings = {"stride": self.stride, "origin": self.origin}
        return {**super().get_config(), **settings}
