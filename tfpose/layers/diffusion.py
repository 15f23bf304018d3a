"""Diffusion of heatmaps: each cell takes the best of its surroundings, less a penalty.

HCRN Eq. 5. B batch, h x w the maps in cells, C maps (joints), r the radius in cells.
"""

from __future__ import annotations

import keras
from keras import ops

from tfpose.layers.heatmaps import PACKAGE


def diffuse(maps, linear, quadratic, radius: int):
    """The largest value around each cell, less a penalty that grows with the distance.

    max over (dx, dy) in [-r, r]^2 of maps(P + (dx, dy)) - linear . (dx, dy)
    - quadratic . (dx^2, dy^2) (HCRN Eq. 5). Cells outside the map never win; (0, 0) is
    always allowed, so the result is nowhere below ``maps``.

    The penalty is a term of dx and a term of dy, so the maximum is taken along x and
    then along y, and means maxima of 2 (2r + 1) values instead of (2r + 1)^2. Among
    equals the first of the order 0, -1, 1, -2, 2, ... wins: dx in the pass along x, dy
    in the pass along y. The gradient of a cell goes to the cell that won, and that of
    the weights is minus the winner's dx, dy, dx^2, dy^2.

    Args:
        maps: float[B, h, w, C]; computed in float32 whatever the type.
        linear: f32[2, C], per cell of dx, of dy.
        quadratic: f32[2, C], per squared cell of dx, of dy.
        radius: r, cells.

    Returns:
        As ``maps``.
    """
    dtype = keras.backend.standardize_dtype(maps.dtype)
    maps, linear, quadratic = (
        ops.cast(x, "float32") for x in (maps, linear, quadratic)
    )

    @ops.custom_gradient
    def differentiable(maps, linear, quadratic):
        x_pass, dx = _pass(maps, linear[0], quadratic[0], radius, axis=2)
        diffused, dy = _pass(x_pass, linear[1], quadratic[1], radius, axis=1)

        def backward(*arguments, upstream=None):
            gradient = arguments[0] if upstream is None else upstream
            return _backward(gradient, dx, dy)

        return diffused, backward

    return ops.cast(differentiable(maps, linear, quadratic), dtype)


def _pass(maps, linear, quadratic, radius: int, axis: int):
    """The maximum along one axis and the offset that won it, both f32[B, h, w, C]."""
    size = ops.shape(maps)[axis]
    padding = [(0, 0)] * 4
    padding[axis] = (radius, radius)
    padded = ops.pad(maps, padding, constant_values=float("-inf"))
    best, winner = maps, ops.zeros_like(maps)
    for distance in range(1, radius + 1):
        for offset in (-distance, distance):
            start = radius + offset
            window = [slice(None)] * 4
            window[axis] = slice(start, start + size)
            penalty = linear * offset + quadratic * offset**2
            candidate = padded[tuple(window)] - penalty
            winner = ops.where(candidate > best, float(offset), winner)
            best = ops.maximum(best, candidate)
    return best, winner


def _backward(gradient, dx, dy):
    """Gradients of the maps and of the linear and quadratic weights."""
    by_row = _scatter(gradient, dy, axis=1)
    by_cell = _scatter(by_row, dx, axis=2)
    linear, quadratic = (
        -ops.stack(
            [
                ops.sum(by_row * dx**power, axis=(0, 1, 2)),
                ops.sum(gradient * dy**power, axis=(0, 1, 2)),
            ]
        )
        for power in (1, 2)
    )
    return by_cell, linear, quadratic


def _scatter(values, offset, axis: int):
    """Adds each value of f32[B, h, w, C] to the cell its offset along an axis names."""
    shape = ops.shape(values)
    count = shape[0] * shape[1] * shape[2] * shape[3]
    step = shape[2] * shape[3] if axis == 1 else shape[3]
    target = ops.arange(count, dtype="int32") + step * ops.cast(
        ops.reshape(offset, (-1,)), "int32"
    )
    flat = ops.segment_sum(ops.reshape(values, (-1,)), target, num_segments=count)
    return ops.reshape(flat, shape)


@keras.saving.register_keras_serializable(package=PACKAGE)
class AtLeast(keras.constraints.Constraint):
    """Keeps each weight at or above a bound, after every step of the optimizer."""

    def __init__(self, bound):
        self.bound = bound

    def __call__(self, weight):
        return ops.maximum(weight, ops.cast(self.bound, weight.dtype))

    def get_config(self):
        return {"bound": self.bound}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Diffusion(keras.layers.Layer):
    """``diffuse`` with four trained weights a map (HCRN Eq. 5).

    Args:
        radius: r, cells; 7 in the paper.
        linear: where the weights of dx and dy begin.
        quadratic: where the weights of dx^2 and dy^2 begin. The paper does not say; at
            0.01 a sigmoid's peak of 1 just reaches the window's corners.
        bound: what the weights of dx^2 and dy^2 are kept at or above, so that the
            penalty keeps growing (the paper does not say; the deformable parts models
            that the penalty stems from use this bound).

    Call: float[B, h, w, C] -> the same shape and type.

    Raises:
        ValueError: a radius below 1, or a quadratic weight that begins below the bound.
    """

    def __init__(self, radius=7, linear=0.0, quadratic=0.01, bound=1e-3, **kwargs):
        super().__init__(**kwargs)
        if radius < 1:
            raise ValueError(f"radius: expected 1 or more cells, found {radius}")
        if quadratic < bound:
            raise ValueError(
                f"quadratic: expected the bound {bound} or more, found {quadratic}"
            )
        self.radius, self.bound = radius, bound
        self.initial = {"linear": linear, "quadratic": quadratic}

    def build(self, shape):
        constant = keras.initializers.Constant
        self.linear = self.add_weight(
            shape=(2, shape[-1]),
            initializer=constant(self.initial["linear"]),
            autocast=False,  # the sum with a float16 map is computed in float32
            name="linear",
        )
        self.quadratic = self.add_weight(
            shape=(2, shape[-1]),
            initializer=constant(self.initial["quadratic"]),
            constraint=AtLeast(self.bound),
            autocast=False,
            name="quadratic",
        )

    def call(self, maps, training=None):
        return diffuse(maps, self.linear, self.quadratic, self.radius)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        settings = {"radius": self.radius, "bound": self.bound, **self.initial}
        return {**super().get_config(), **settings}
