"""Crops in JAX, for training on an accelerator: ``tensors`` once more.

The conventions are those of ``tensors``; the tests compare the two. All arrays are
float32 unless stated otherwise.
"""

from __future__ import annotations

import jax.numpy as jnp

from tfpose.geometry.cells import center_of


def crop_matrix(box, size: tuple[int, int], rotation, mirror):
    """``tensors.crop_matrix``: f32[..., 4], f32[...], f32[...] -> f32[..., 2, 3]."""
    scale = size[1] / jnp.maximum(box[..., 2], 1e-6)
    sign = 1 - 2 * mirror
    cosine, sine = scale * jnp.cos(rotation), scale * jnp.sin(rotation)
    center_x = center_of(box[..., 0], box[..., 2])
    center_y = center_of(box[..., 1], box[..., 3])
    to_x, to_y = center_of(0, size[1]), center_of(0, size[0])
    offset_x = to_x - sign * (cosine * center_x - sine * center_y)
    offset_y = to_y - sine * center_x - cosine * center_y
    row_x = jnp.stack([sign * cosine, -sign * sine, offset_x], axis=-1)
    row_y = jnp.stack([sine, cosine, offset_y], axis=-1)
    return jnp.stack([row_x, row_y], axis=-2)


def transform(points, matrix):
    """Applies affine maps f32[..., 2, 3] to points f32[..., N, 2]."""
    linear, offset = matrix[..., :2], matrix[..., 2]
    # Written out: accelerators multiply matrices in less than float32.
    moved = jnp.sum(points[..., None, :] * linear[..., None, :, :], axis=-1)
    return moved + offset[..., None, :]


def inside(points, size: tuple[int, int]):
    """f32[..., N]: 1 if a point f32[..., N, 2] lies on a pixel of the image."""
    limits = jnp.array([size[1] - 0.5, size[0] - 0.5])
    within = (points >= -0.5) & (points < limits)
    return jnp.all(within, axis=-1).astype(jnp.float32)


def pixels(size: tuple[int, int]):
    """f32[height, width, 2]: the (x, y) of each pixel."""
    columns, rows = jnp.meshgrid(jnp.arange(size[1]), jnp.arange(size[0]))
    return jnp.stack([columns, rows], axis=-1).astype(jnp.float32)


def warp(image, matrix, size: tuple[int, int]):
    """Crops one photo: bilinear, zero outside (``tensors.warp``).

    Args:
        image: f32 or u8[H, W, 3].
        matrix: f32[2, 3], I -> C.
        size: (height, width) of the crop.

    Returns:
        f32[height, width, 3], in the value range of ``image``.
    """
    (a, b, x0), (c, d, y0) = matrix
    from_offset = pixels(size) - jnp.stack([x0, y0])
    determinant = a * d - b * c
    x = (d * from_offset[..., 0] - b * from_offset[..., 1]) / determinant
    y = (a * from_offset[..., 1] - c * from_offset[..., 0]) / determinant
    left, top = jnp.floor(x), jnp.floor(y)
    right_share, low_share = (x - left)[..., None], (y - top)[..., None]
    left, top = left.astype(jnp.int32), top.astype(jnp.int32)
    height, width = image.shape[:2]

    def at(column, row):
        there = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        found = image[jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)]
        return jnp.where(there[..., None], found, 0).astype(jnp.float32)

    def between(row):
        first, second = at(left, row), at(left + 1, row)
        return first * (1 - right_share) + second * right_share

    return between(top) * (1 - low_share) + between(top + 1) * low_share
