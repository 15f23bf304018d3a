"""Boxes that detectors find: clipping, suppression, and boxes that a look cuts off.

Boxes are f64[N, 4] xywh in photo px (I) unless said otherwise. NumPy only.
"""

from __future__ import annotations

import numpy as np

from tfpose.geometry.arrays import overlaps


def inside(boxes, scores, shape) -> tuple[np.ndarray, np.ndarray]:
    """Clips boxes to a photo and drops those that lie outside it.

    Args:
        boxes: f64[N, 4] xywh, I; any numbers.
        scores: f64[N].
        shape: (height, width, ...) px of the photo.

    Returns:
        f32[n, 4], and f32[n] of the same boxes.
    """
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], shape[1::-1])
    clipped = np.concatenate([low, high - low], axis=1)
    # At least one pixel; NaN fails every comparison.
    kept = (clipped[:, 2:] >= 1).all(axis=1)
    return clipped[kept].astype(np.float32), scores[kept].astype(np.float32)


def best_in_photo(corners, scores, least: float, size, shape):
    """Turns a detector's corners into boxes of the photo, best first.

    Args:
        corners: f64[N, 4], left, top, right, bottom.
        scores: f64[N].
        least: drops boxes with a lower score.
        size: (width, height) of the whole photo in the unit of ``corners``; (1, 1) for
            shares.
        shape: (height, width, ...) px of the photo.

    Returns:
        f32[n, 4] xywh, I, clipped to the photo, and f32[n].
    """
    kept = scores >= least
    corners, scores = corners[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")
    ends = corners[order] * np.tile(np.divide(shape[1::-1], size), 2)
    boxes = np.concatenate([ends[:, :2], ends[:, 2:] - ends[:, :2]], axis=1)
    return inside(boxes, scores[order], shape)


def best_of_overlapping(boxes, scores, overlap: float) -> np.ndarray:
    """Non-maximum suppression.

    Args:
        boxes: f64[N, 4] xywh.
        scores: f64[N].
        overlap: of two boxes with a larger IoU, only the better scored one stays.

    Returns:
        i64[n], the indices of the boxes that stay, best first.
    """
    kept = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlaps(boxes[best], boxes[left]) <= overlap]
    return np.array(kept, np.int64)


def fragments(boxes, cut, share: float, larger: float) -> np.ndarray:
    """Which boxes show a part of somebody whom another box shows more of.

    Args:
        boxes: f64[N, 4] xywh.
        cut: bool[N], boxes that end where the image they were found in ends, although
            the photo goes on there.
        share: part of a cut box that the fuller box has to cover.
        larger: a box that is cut itself is fuller if its area is this many times as
            large; one that is not cut is fuller whatever its size.

    Returns:
        bool[N].
    """
    areas = boxes[:, 2:].prod(axis=1)
    ends = boxes[:, :2] + boxes[:, 2:]
    part = np.zeros(len(boxes), bool)
    for row in np.flatnonzero(cut):
        low = np.maximum(boxes[row, :2], boxes[:, :2])
        common = np.maximum(np.minimum(ends[row], ends) - low, 0).prod(axis=1)
        fuller = ~cut | (areas > larger * areas[row])
        part[row] = (fuller & (common > share * areas[row])).any()
    return part
