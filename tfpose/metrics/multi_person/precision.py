"""Average precision of joints in photos of several people.

The protocol of MPII's multi-person set and of PoseTrack (Pishchulin et al., CVPR 2016,
arXiv 1511.06645; Andriluka et al., CVPR 2018, arXiv 1710.10000; their tools evalMPII
and poseval). Each pose goes to the person whose joints it hits most, each person gets
one pose. For each joint, all poses are then ranked by that joint's score. A joint is
right if it hits the joint of its pose's person; all others are false, including those
of a pose without a person.

A "scene" is what is scored at once: a frame, a photo, or a group in a photo.
"""

from __future__ import annotations

import numpy as np

# Largest distance of a hit, in head sizes (0.6 of the head box's diagonal).
THRESHOLD = 0.5


def pose_distances(keypoints, placed, targets, visible, head_sizes) -> np.ndarray:
    """Distances of each pose's joints to each person's, in the person's head sizes.

    Args:
        keypoints: f64[N, K, 2], px, the poses of a scene.
        placed: bool[N, K], the joints that each pose has.
        targets: f64[M, K, 2], px, the people of the scene.
        visible: [M, K], 0 for an unlabeled joint.
        head_sizes: f64[M], px.

    Returns:
        f64[N, M, K] >= 0; inf if the pose or the person lacks the joint.
    """
    offsets = np.asarray(keypoints, np.float64)[:, None] - np.asarray(targets)
    sizes = np.asarray(head_sizes, np.float64)[:, None]
    distances = np.linalg.norm(offsets, axis=-1) / sizes
    both = np.asarray(placed, bool)[:, None] & (np.asarray(visible) > 0)
    return np.where(both, distances, np.inf)


def assign(distances, visible, threshold: float = THRESHOLD) -> np.ndarray:
    """Assigns the poses of a scene to people.

    A pose chooses the person of whose labeled joints it hits the largest share. If
    several poses choose a person, the one with the largest share wins. The first of
    equals wins.

    Args:
        distances: f64[N, M, K] of ``pose_distances``.
        visible: [M, K], 0 for an unlabeled joint.
        threshold: a joint at the threshold is a hit.

    Returns:
        i64[N], the person or -1.
    """
    poses, people, _ = distances.shape
    owners = np.full(poses, -1, np.int64)
    if not poses or not people:
        return owners
    labeled = (np.asarray(visible) > 0).sum(axis=1)
    shares = (distances <= threshold).sum(axis=2) / np.maximum(labeled, 1)
    best = shares.argmax(axis=1)
    shares = np.where(np.arange(people) == best[:, None], shares, 0.0)
    winners = shares.argmax(axis=0)  # (M,)
    found = shares.max(axis=0) > 0
    owners[winners[found]] = np.flatnonzero(found)
    return owners


def hits(distances, owners, threshold: float = THRESHOLD) -> np.ndarray:
    """Which joints of the poses are right.

    Args:
        distances: f64[N, M, K] of ``pose_distances``.
        owners: i64[N] of ``assign``.
        threshold: a joint at the threshold is right.

    Returns:
        bool[N, K]; false for every joint of a pose without a person.
    """
    right = np.zeros((distances.shape[0], distances.shape[2]), bool)
    rows = np.flatnonzero(owners >= 0)
    right[rows] = distances[rows, owners[rows]] <= threshold
    return right


def average_precision(scores, right, labeled: int) -> tuple[float, float, float]:
    """Average precision of one joint over all scenes, as in Pascal VOC since 2010.

    The area under precision over recall, with precision made non-increasing. Equal
    scores keep their order.

    Args:
        scores: f64[P], of all placed joints.
        right: bool[P].
        labeled: number of people with a label for the joint.

    Returns:
        average precision, and precision and recall of all P, in percent. Without a
        label all are nan; without a placed joint 0, 0 and 0.
    """
    if not labeled:
        return np.nan, np.nan, np.nan
    if not len(scores):
        return 0.0, 0.0, 0.0
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    found = np.cumsum(np.asarray(right, bool)[order])
    precision = found / np.arange(1, len(found) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = (envelope * np.diff(found, prepend=0)).sum() / labeled
    return 100.0 * area, 100.0 * precision[-1], 100.0 * found[-1] / labeled


def inside_polygons(points, polygons) -> np.ndarray:
    """Which points lie inside any of the polygons.

    Args:
        points: f64[..., 2], px.
        polygons: f64[V, 2] each, px, the corners in order; the even-odd rule applies
            where a polygon overlaps itself.

    Returns:
        bool[...]; a point on an edge may be in or out.
    """
    points = np.asarray(points, np.float64)
    inside = np.zeros(points.shape[:-1], bool)
    x, y = points[..., None, 0], points[..., None, 1]
    for polygon in polygons:
        start = np.asarray(polygon, np.float64)
        end = np.roll(start, -1, axis=0)
        rise = end[:, 1] - start[:, 1]
        across = (start[:, 1] > y) != (end[:, 1] > y)  # (..., V)
        share = (y - start[:, 1]) / np.where(rise == 0, 1.0, rise)
        right_of = x < start[:, 0] + share * (end[:, 0] - start[:, 0])
        inside |= (across & right_of).sum(axis=-1) % 2 == 1
    return inside
