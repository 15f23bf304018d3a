"""Checks inputs: every model that takes photos uses the same functions.

NumPy only, because ``tfpose.edge`` uses them too.
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import TfposeError
from tfpose.geometry.rules import CROP_MARGIN, least_joints
from tfpose.io.coco_checks import NORMALIZED, are_normalized
from tfpose.io.coco_records import SEGMENT_SHARE_OF_BOX
from tfpose.skeletons import Skeleton


def are_few(valid) -> np.ndarray:
    """bool[N]: poses with joints valid [N, K], but too few of them to refine."""
    valid = np.asarray(valid) > 0
    return valid.sum(axis=1) < least_joints(valid.shape[1])


# Joints whose first answer is so similar to the input keep it in later rounds; PoseFix
# (section 4) calls them good.
SETTLED = 0.85


def settled_distances(skeleton: Skeleton, size: tuple[int, int]) -> np.ndarray:
    """f64[K] crop px: joints that the first round moves less keep its answer.

    Later rounds help joints that were wrong, and cost those that were right some
    accuracy. The distance is that of a keypoint similarity of ``SETTLED``, for a person
    who fills the crop except its margin.

    Args:
        skeleton: K joints.
        size: (height, width) of the crop.
    """
    area = SEGMENT_SHARE_OF_BOX * size[0] * size[1] / CROP_MARGIN**2
    return np.sqrt(-8 * np.log(SETTLED) * area) * skeleton.sigma_array


def checked_photo(photo) -> np.ndarray:
    """Returns a photo u8[H, W, 3] RGB after checking it.

    Raises:
        TfposeError: wrong type or shape, or no pixels.
    """
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise TfposeError(
            "photo: expected uint8 of the shape (height, width, 3), found "
            f"{photo.dtype} of {photo.shape}"
        )
    if not photo.size:
        raise TfposeError(f"photo: expected pixels, found the shape {photo.shape}")
    return photo


def checked_boxes(boxes) -> np.ndarray:
    """Returns boxes f64[N, 4] xywh after checking them; N may be 0.

    Raises:
        TfposeError: wrong shape, NaN or infinity, coordinates in 0..1, or a box with
            no area.
    """
    boxes = np.asarray(boxes, np.float64)
    if not boxes.size:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise TfposeError(f"boxes: expected the shape (people, 4), found {boxes.shape}")
    _check_finite(boxes, "boxes")
    _check_pixels(boxes, "boxes")
    empty = np.flatnonzero((boxes[:, 2:] <= 0).any(axis=1))
    if len(empty):
        raise TfposeError(
            f"boxes[{empty[0]}]: expected x, y and a positive width and height, found "
            f"{boxes[empty[0]].tolist()}"
        )
    return boxes


def checked_poses(
    keypoints, scores, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Returns poses, and which of their joints are present, after checking them.

    Args:
        keypoints: f[N, K, 2] photo px; N may be 0.
        scores: f[N, K], 0 for a missing joint. None: only joints at exactly (0, 0) are
            missing, as in COCO's files.
        skeleton: K joints.

    Returns:
        f64[N, K, 2], and f64[N, K], 1 for a present joint and 0 for a missing one.

    Raises:
        TfposeError: wrong shapes, NaN or infinity, coordinates in 0..1, or a pose of
            too few joints.

    Example:
        >>> from tfpose.skeletons import LSP14
        >>> poses, valid = checked_poses(np.ones((1, 14, 2)), np.tri(1, 14, 4), LSP14)
        >>> poses.shape, int(valid.sum())
        ((1, 14, 2), 5)
    """
    joints = len(skeleton)
    keypoints = np.asarray(keypoints, np.float64)
    if not keypoints.size:
        return np.zeros((0, joints, 2)), np.zeros((0, joints))
    if keypoints.ndim != 3 or keypoints.shape[1:] != (joints, 2):
        raise TfposeError(
            f"keypoints: expected the shape (people, {joints}, 2) of {skeleton.name}, "
            f"found {keypoints.shape}"
        )
    _check_finite(keypoints, "keypoints")
    if scores is None:
        there = (keypoints != 0).any(axis=-1)
    else:
        scores = np.asarray(scores, np.float64)
        if scores.shape != keypoints.shape[:2]:
            raise TfposeError(
                f"scores: expected the shape {keypoints.shape[:2]}, found "
                f"{scores.shape}"
            )
        _check_finite(scores, "scores")
        there = scores != 0
    few = np.flatnonzero(are_few(there))
    if len(few):
        least, found = least_joints(joints), there[few[0]].sum()
        raise TfposeError(
            f"keypoints[{few[0]}]: expected at least {least} joints, found {found}"
        )
    _check_pixels(keypoints[there], "keypoints")
    return keypoints, there.astype(np.float64)


def _check_pixels(coordinates, name: str) -> None:
    if are_normalized(coordinates):
        raise TfposeError(f"{name}: {NORMALIZED}")


def _check_finite(array, name: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if len(wrong):
        raise TfposeError(f"{name}[{wrong[0]}]: expected numbers, found NaN or inf")
