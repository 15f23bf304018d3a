"""A method's poses beside the people that they are of."""

from __future__ import annotations

import numpy as np

from tfpose.geometry import arrays
from tfpose.io.coco import read_results, rows_by_image
from tfpose.skeletons import Skeleton


def read_estimates(path: str, skeleton: Skeleton) -> dict[int, np.ndarray]:
    """Image id -> poses f64[n, K, 2], from a COCO results file."""
    results, _ = read_results(path, skeleton)
    rows = rows_by_image(results.image_ids)
    return {image_id: results.keypoints[index] for image_id, index in rows.items()}


def overlapping_pose(box, poses: np.ndarray) -> np.ndarray | None:
    """The pose of f64[n, K, 2] that overlaps a box most; None if none does."""
    if not len(poses):
        return None
    boxes = arrays.box_around(poses, np.ones(poses.shape[:2], bool))
    overlaps = arrays.overlaps(np.float64(box), boxes)
    return poses[overlaps.argmax()] if overlaps.max() > 0 else None


def estimate_of(box, poses: np.ndarray) -> dict:
    """The features of a record: the pose that overlaps its box, if one does."""
    pose = overlapping_pose(box, poses)
    found = pose is not None
    joints = poses.shape[1]
    return {
        "estimated_keypoints": np.float32(pose if found else np.zeros((joints, 2))),
        "estimated_valid": np.full(joints, found, np.float32),
    }
