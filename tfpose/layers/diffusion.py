"""Diffusion of heatmaps: each cell takes the best value around it, minus a penalty.

HCRN Eq. 5. B batch, h x w the maps in cells, C maps (joints), r the radius in cells.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tfpose import native
from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, MapLayer


def diffuse(maps, linear, quadratic, radius: int):
    """The largest value around each cell, minus a penalty that grows with distance.

    max over (dx, dy) in [-r, r]^2 of maps(P + (dx, dy)) - linear . (dx, dy)
    - quadratic . (dx^2, dy^2) (HCRN Eq. 5). Cells outside the map never win; (0, 0) is
    always allowed, so the result is nowhere below ``maps``.

    The penalty is the sum of a dx term and a dy term, so one pass along x and one along
    y suffice: two maxima of 2r + 1 values instead of one of (2r + 1)^2. Each pass
    breaks ties by the order 0, -1, 1, -2, 2, ... of its dx or dy. A cell's gradient
    goes to the cell that won; the gradient of the weights is minus the winner's dx, dy,
    dx^2, dy^2.

    Args:
        maps: float[B, h, w, C]; computed in float32 whatever the type.
        linear: f32[2, C], per cell of dx and of dy.
        quadratic: f32[2, C], per squared cell of dx and of dy.
        radius: r, cells, 1 or more.

    Returns:
        Like ``maps``.
    """
    dtype = keras.backend.standardize_dtype(maps.dtype)
    maps, linear, quadratic = (
        ops.cast(tensor, "float32") for tensor in (maps, linear, quadratic)
    )

    @ops.custom_gradient
    def differentiable(maps, linear, quadratic):
        batch, height, width, channels = ops.shape(maps)
        # The axis of a pass comes first, so that its windows are contiguous in memory
        # (TensorFlow does not even copy them). Channels and the other axis are merged,
        # to make the innermost loops long.
        columns_shape = (width, batch, height * channels)
        rows_shape = (height, batch, width * channels)

        def columns_of(rows):
            rows = ops.reshape(rows, (height, batch, width, channels))
            return ops.reshape(ops.transpose(rows, (2, 1, 0, 3)), columns_shape)

        def rows_of(columns):
            columns = ops.reshape(columns, (width, batch, height, channels))
            return ops.reshape(ops.transpose(columns, (2, 1, 0, 3)), rows_shape)

        def maps_of(rows):
            rows = ops.reshape(rows, (height, batch, width, channels))
            return ops.transpose(rows, (1, 0, 2, 3))

        columns = ops.reshape(ops.transpose(maps, (2, 0, 1, 3)), columns_shape)
        columns, dx = _maximum(columns, linear[0], quadratic[0], radius)
        rows, dy = _maximum(rows_of(columns), linear[1], quadratic[1], radius)

        def backward(gradient):
            rows = ops.reshape(ops.transpose(gradient, (1, 0, 2, 3)), rows_shape)
            columns = columns_of(_scatter(rows, dy))
            x, xx = _moments(columns, dx, channels)
            y, yy = _moments(rows, dy, channels)
            weights = -ops.stack([x, y]), -ops.stack([xx, yy])
            return maps_of(rows_of(_scatter(columns, dx))), *weights

        return maps_of(rows), backward

    return ops.cast(differentiable(maps, linear, quadratic), dtype)


def _maximum(values, linear, quadratic, radius: int):
    """The maximum along the first axis, and the offset that won.

    Args:
        values: f32[n, B, m * C].
        linear: f32[C].
        quadratic: f32[C].
        radius: r, cells.

    Returns:
        f32[n, B, m * C]; f32[n, B, m * C], whole cells. TensorFlow drops the offsets
        from graphs without gradients, and selects floats faster than integers.
    """
    count, _, row = ops.shape(values)
    order = [sign * size for size in range(1, radius + 1) for sign in (-1, 1)]
    offsets = np.array(order, np.float32)[:, None]
    penalties = offsets * linear + offsets**2 * quadratic
    penalties = ops.tile(penalties, (1, row // linear.shape[0]))
    padding = ((radius, radius), (0, 0), (0, 0))
    padded = ops.pad(values, padding, constant_values=float("-inf"))
    best, winner = values, 0.0
    for offset, penalty in zip(order, ops.unstack(penalties, 2 * radius), strict=True):
        start = radius + offset
        candidate = padded[start : start + count] - penalty
        winner = ops.where(candidate > best, float(offset), winner)
        best = ops.maximum(best, candidate)
    return best, winner


def _scatter(values, offset):
    """Adds each number of f32[n, B, m * C] to the one its offset away along n.

    Uses a single segment sum: measured faster than 2r + 1 masked sums.
    """
    shape = ops.shape(values)
    step = shape[1] * shape[2]
    offset = ops.reshape(ops.cast(offset, "int32"), (-1,))
    target = ops.arange(shape[0] * step, dtype="int32") + offset * step
    added = ops.segment_sum(
        ops.reshape(values, (-1,)), target, num_segments=shape[0] * step
    )
    return ops.reshape(added, shape)


def _moments(gradient, offset, channels: int):
    """Sums of gradient * offset and gradient * offset^2 over all cells, f32[C] each."""
    first = gradient * offset
    return tuple(
        ops.sum(ops.reshape(ops.sum(moment, axis=(0, 1)), (-1, channels)), axis=0)
        for moment in (first, first * offset)
    )


@keras.saving.register_keras_serializable(package=PACKAGE)
class AtLeast(keras.constraints.Constraint):
    """Keeps each weight at or above a bound after every optimizer step."""

    def __init__(self, bound):
        self.bound = bound

    def __call__(self, weight):
        return ops.maximum(weight, ops.cast(self.bound, weight.dtype))

    def get_config(self):
        return {"bound": self.bound}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Diffusion(MapLayer):
    """``diffuse`` with four trained weights per map (HCRN Eq. 5).

    Training on a CPU uses the operators of ``tfpose.native`` if they were built; they
    compute the same.

    Args:
        radius: r, cells; 7 in the paper.
        linear: initial weights of dx and dy.
        quadratic: initial weights of dx^2 and dy^2. The paper does not say; at 0.01, a
            sigmoid's peak of 1 just reaches the window's corners.
        bound: lower bound of the weights of dx^2 and dy^2, so that the penalty keeps
            growing. The paper does not say; the deformable parts models, where the
            penalty comes from, use this one.

    Call: float[B, h, w, C] -> the same shape and type.

    Raises:
        TfposeError: a radius below 1, or a quadratic weight below the bound.
    """

    def __init__(self, radius=7, linear=0.0, quadratic=0.01, bound=1e-3, **kwargs):
        super().__init__(**kwargs)
        if radius < 1:
            raise TfposeError(f"radius: expected 1 or more cells, found {radius}")
        if quadratic < bound:
            raise TfposeError(
                f"quadratic: expected the bound {bound} or more, found {quadratic}"
            )
        self.radius, self.bound = radius, bound
        self.initial = {"linear": linear, "quadratic": quadratic}
        # XLA does not know our library's operators; otherwise Keras would try it when
        # it chooses to compile ("auto").
        self.supports_jit = not native.is_usable()

    def build(self, shape):
        constant = keras.initializers.Constant
        self.linear = self.add_weight(
            shape=(2, shape[-1]),
            initializer=constant(self.initial["linear"]),
            name="linear",
        )
        self.quadratic = self.add_weight(
            shape=(2, shape[-1]),
            initializer=constant(self.initial["quadratic"]),
            constraint=AtLeast(self.bound),
            name="quadratic",
        )

    def call(self, maps, training=None):
        # Exported and served models must not depend on a library built here.
        if training and native.is_usable() and native.operators():
            return native.diffuse(maps, self.linear, self.quadratic, self.radius)
        return diffuse(maps, self.linear, self.quadratic, self.radius)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        settings = {"radius": self.radius, "bound": self.bound, **self.initial}
        return {**super().get_config(), **settings}
