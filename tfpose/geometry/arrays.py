"""Boxes, crops and mirrors in NumPy, for installations without TensorFlow.

Same conventions as ``tensors``; computes in float64.
"""

from __future__ import annotations

import numpy as np

from tfpose.geometry.cells import center_of, position_of
from tfpose.geometry.rules import LEAST_JOINTS_WITH_WILD, MOST_SAMPLES, WILD


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


def steady(keypoints, valid, photo_size) -> np.ndarray:
    """Marks the valid joints that a person's box can rest on: ``tensors.steady``.

    Args:
        keypoints: f[N, K, 2] I.
        valid: [N, K], 0 leaves a joint out.
        photo_size: (height, width).

    Returns:
        bool[N, K]; the valid joints for a pose without one in the photo.

    Example:
        >>> points = [[[2, 4], [6, 4], [-900, 9]]]
        >>> steady(points, np.ones((1, 3)), (20, 20)).tolist()
        [[True, True, False]]
    """
    keypoints, valid = np.asarray(keypoints, np.float64), np.asarray(valid) > 0
    limits = np.array(photo_size[::-1]) - 0.5
    there = valid & ((keypoints >= -0.5) & (keypoints < limits)).all(axis=-1)
    steady = there & ~_wild(keypoints, there)
    return np.where(steady.any(axis=-1, keepdims=True), steady, valid)


def _wild(keypoints, there) -> np.ndarray:
    """bool[N, K]: the wild joints of those that are ``there`` bool[N, K]."""
    center = _middle(keypoints, there[..., None], axis=-2)
    from_center = np.linalg.norm(keypoints - center, axis=-1)
    typical = _middle(from_center, there, axis=-1)
    apart = np.linalg.norm(keypoints[:, :, None] - keypoints[:, None], axis=-1)
    others = there[:, None] & ~np.eye(there.shape[-1], dtype=bool)
    nearest = np.where(others, apart, np.inf).min(axis=-1, initial=np.inf)
    enough = there.sum(axis=-1, keepdims=True) >= LEAST_JOINTS_WITH_WILD
    return there & enough & (nearest > WILD * typical)


def _middle(values, there, axis: int) -> np.ndarray:
    """The lower median along an axis, which stays, of the values that are there."""
    ordered = np.sort(np.where(there, values, 1e30), axis=axis)
    place = np.maximum(there.sum(axis=axis, keepdims=True) - 1, 0) // 2
    return np.take_along_axis(ordered, place, axis=axis)


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


def to_photo_matrix(box, size: tuple[int, int]) -> np.ndarray:
    """The affine map f64[2, 3] of ``to_photo``, for one box."""
    corner = to_photo(np.zeros(2), box, size)
    return np.column_stack([np.eye(2) * (box[2] / size[1]), corner])


def to_crop(points, box, size: tuple[int, int]) -> np.ndarray:
    """Photo px -> crop px, the inverse of ``to_photo``."""
    center, middle = center_of(box[:2], box[2:]), center_of(0, np.array(size[::-1]))
    return (points - center) * (size[1] / box[2]) + middle


def crop(photo, box, size: tuple[int, int]) -> np.ndarray:
    """``upright_crop`` in whole numbers, u8[height, width, 3]."""
    return np.rint(upright_crop(photo, box, size)).astype(np.uint8)


def upright_crop(photo, box, size: tuple[int, int]) -> np.ndarray:
    """Crops a box from a photo as ``tensors.crop``: bilinear, black outside the photo.

    Each sample blends two photo pixels along each axis. OpenCV's warp would round the
    weights to 1/32.

    Args:
        photo: u8[H, W, 3].
        box: f64[4] xywh with the aspect of ``size``.
        size: (height, width).

    Returns:
        f32[height, width, 3], in the value range of ``photo``.
    """
    center = center_of(box[:2], box[2:])
    step = box[2] / size[1]
    rows, down = _taps(step, center[1], size[0], photo.shape[0])
    columns, right = _taps(step, center[0], size[1], photo.shape[1])
    left = columns.min()
    shown = photo[:, left : columns.max() + 1]
    # Rows first: they lie in memory one after the other.
    shown = _blended(shown.reshape(len(photo), -1), rows, down[..., None])
    shown = shown.reshape(size[0], -1, photo.shape[2]).swapaxes(0, 1)
    shown = _blended(shown, columns - left, right[..., None, None])
    return np.ascontiguousarray(shown.swapaxes(0, 1))


def _taps(step: float, center: float, count: int, limit: int):
    """Which pixels of an axis make each pixel of a crop.

    Args:
        step: px of the photo between pixels of the crop.
        center: where the crop's center lies, px of the photo.
        count, limit: px of the crop and of the photo.

    Returns:
        Indices i64[T, count] and weights f32[T, count], 0 outside the photo.
    """
    samples = int(np.clip(np.rint(step), 1, MOST_SAMPLES))
    fine = count * samples
    position = center + (np.arange(fine) - center_of(0, fine)) * (step / samples)
    position = position.reshape(count, samples).T
    first = np.floor(position)
    share = position - first
    both = np.concatenate([first, first + 1])
    inside = (both >= 0) & (both < limit)
    weight = np.concatenate([1 - share, share]) * inside / samples
    return np.clip(both, 0, limit - 1).astype(np.intp), weight.astype(np.float32)


def _blended(lines, taps, weights) -> np.ndarray:
    """f32[count, ...]: sums of lines [N, ...] at ``taps`` [T, count]."""
    total = lines[taps[0]] * weights[0]
    for tap, weight in zip(taps[1:], weights[1:], strict=True):
        total += lines[tap] * weight
    return total


def mirror(points, permutation, width: int) -> np.ndarray:
    """A pose f64[K, 2] as seen in the mirrored crop (its own inverse)."""
    points = points[permutation]
    return np.stack([width - 1 - points[:, 0], points[:, 1]], axis=-1)


def transform(points, matrix) -> np.ndarray:
    """Applies the map f64[2, 3] of ``drawing.cut`` to points f[..., 2]."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def in_boxes(points, boxes) -> np.ndarray:
    """bool[N, K]: whether points f[N, K, 2] lie in boxes f[N, 4] xywh."""
    edge = boxes[:, None, :2] - 0.5
    return ((points >= edge) & (points < edge + boxes[:, None, 2:])).all(axis=-1)


def overlaps(boxes, others) -> np.ndarray:
    """Intersection over union of boxes f64[..., 4] xywh with others: f64[...]."""
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(
        boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:]
    )
    common = np.maximum(high - low, 0).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1) - common
    return common / np.where(union > 0, union, 1.0)
