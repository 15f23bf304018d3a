"""Boxes, crops and mirrors in NumPy, for installations without TensorFlow.

Same conventions as ``tensors``; computes in float64.
"""

from __future__ import annotations

import numpy as np

from tfpose.geometry.cells import center_of, position_of


def box_around(keypoints, valid, minimum: float = 0.0, factor: float = 1.0):
    """The tight box around a pose's valid joints, or a larger one.

    Args:
        keypoints: f[..., K, 2].
        valid: [..., K], 0 leaves a joint out.
        minimum: px; widens a side of length 0 to this, about its center.
        factor: enlarges the box about its center.

    Returns:
        f64[..., 4] xywh; all zero if no joint is valid.

    Example:
        >>> box_around([[2, 4], [6, 4], [9, 9]], [1, 1, 0], minimum=20).tolist()
        [2.5, -5.5, 4.0, 20.0]
    """
    keypoints, there = np.asarray(keypoints, np.float64), np.asarray(valid)[..., None]
    there = there > 0
    low = np.where(there, keypoints, np.inf).min(axis=-2, initial=np.inf)
    high = np.where(there, keypoints, -np.inf).max(axis=-2, initial=-np.inf)
    empty = ~there.any(axis=-2)
    low, high = np.where(empty, 0, low), np.where(empty, 0, high)
    extent = np.where(high > low, high - low, minimum) * factor
    box = np.concatenate([position_of((low + high) / 2, extent), extent], axis=-1)
    return np.where(empty, 0.0, box)


def scale_boxes(boxes, factor: float) -> np.ndarray:
    """Scales boxes f64[N, 4] xywh by ``factor`` about their centers."""
    center, size = center_of(boxes[:, :2], boxes[:, 2:]), factor * boxes[:, 2:]
    return np.concatenate([position_of(center, size), size], axis=-1)


def fit_boxes(boxes, size: tuple[int, int], factor: float) -> np.ndarray:
    """The smallest boxes with the aspect of ``size`` around boxes, then scaled."""
    aspect = size[1] / size[0]
    width, height = boxes[:, 2], boxes[:, 3]
    fitted = np.stack(
        [np.maximum(width, height * aspect), np.maximum(height, width / aspect)], -1
    )
    position = boxes[:, :2] + (boxes[:, 2:] - fitted) / 2
    return scale_boxes(np.concatenate([position, fitted], axis=-1), factor)


def to_photo(points, box, size: tuple[int, int]) -> np.ndarray:
    """Crop px -> photo px: points f64[..., 2] in the crop of a box f64[4]."""
    center, middle = center_of(box[:2], box[2:]), center_of(0, np.array(size[::-1]))
    return (points - middle) * (box[2] / size[1]) + center


def to_crop(points, box, size: tuple[int, int]) -> np.ndarray:
    """Photo px -> crop px, the inverse of ``to_photo``."""
    center, middle = center_of(box[:2], box[2:]), center_of(0, np.array(size[::-1]))
    return (points - center) * (size[1] / box[2]) + middle


def crop(photo, box, size: tuple[int, int]) -> np.ndarray:
    """Crops a box from a photo: bilinear, black outside the photo.

    Blends two photo pixels along each axis, the same four as ``tensors.warp``.
    OpenCV's warp would round the weights to 1/32.

    Args:
        photo: u8[H, W, 3].
        box: f64[4] xywh with the aspect of ``size``.
        size: (height, width).

    Returns:
        u8[height, width, 3].
    """
    center = center_of(box[:2], box[2:])
    step = box[2] / size[1]
    taken = []
    for axis, limit in ((1, photo.shape[0]), (0, photo.shape[1])):
        count = size[1 - axis]
        position = (np.arange(count) - center_of(0, count)) * step + center[axis]
        first = np.floor(position)
        share = position - first
        both = np.stack([first, first + 1])  # (2, count)
        inside = (both >= 0) & (both < limit)
        weight = np.stack([1 - share, share]) * inside
        index = np.clip(both, 0, limit - 1).astype(np.intp)
        taken.append((index, weight.astype(np.float32)))
    (rows, down), (columns, right) = taken
    pixels = sum(
        photo[row][:, columns] * weight[:, None, None, None]
        for row, weight in zip(rows, down, strict=True)
    )  # (height, 2, width, 3)
    pixels = (pixels * right[None, :, :, None]).sum(axis=1)
    return np.rint(pixels).astype(np.uint8)


def mirror(points, permutation, width: int) -> np.ndarray:
    """A pose f64[K, 2] as seen in the mirrored crop (its own inverse)."""
    points = points[permutation]
    return np.stack([width - 1 - points[:, 0], points[:, 1]], axis=-1)


def transform(points, matrix) -> np.ndarray:
    """Applies the map f64[2, 3] of ``drawing.cut`` to points f[..., 2]."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def overlaps(boxes, others) -> np.ndarray:
    """Intersection over union of boxes f64[..., 4] xywh with others: f64[...]."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(
        boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:]
    )
    common = np.maximum(high - low, 0).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - common
    return common / np.where(union > 0, union, 1.0)
