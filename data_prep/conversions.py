"""Converts poses to the joints of another data set (PoseRefiner section 4.1).

Pure functions of one person's pose in photo pixels. A joint that cannot be derived is
unlabeled: visibility 0 at (0, 0).
"""

from __future__ import annotations

import numpy as np

from tfpose.skeletons import COCO17, MPII16, POSETRACK15, Skeleton
from tfpose.skeletons.joint_names import standard_name

_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


def rejoin(keypoints, visible, joints, skeleton: Skeleton):
    """Maps a pose to a skeleton's joints, by name in any usual spelling.

    Args:
        keypoints: f64[n, 2].
        visible: u8[n].
        joints: the n names of the given joints; drops those not in the skeleton.
        skeleton: skeleton of the result.

    Returns:
        keypoints f64[K, 2] and visible u8[K].
    """
    keypoints, visible = np.asarray(keypoints, np.float64), np.asarray(visible)
    place = {standard_name(joint): index for index, joint in enumerate(joints)}
    rows = [place.get(joint, -1) for joint in skeleton.standard_joints]
    # Row -1 is the appended one.
    visible = np.append(visible, 0)[rows].astype(np.uint8)
    points = np.concatenate([keypoints, np.zeros((1, 2))])[rows]
    return np.where(visible[:, None] > 0, points, 0.0), visible


def coco_to_posetrack(keypoints, visible, segmentation=None):
    """Converts a COCO person to PoseTrack's joints.

    The top of the head is the topmost vertex of the person's segment; the bottom is
    midway between the nose and the midpoint of the shoulders. A departure: if no joint
    of the face is labeled, the top of the segment is probably a shoulder or a hip, so
    there is no head top; the paper does not mention such people.

    Args:
        keypoints: f64[17, 2].
        visible: u8[17]; the head bottom is as visible as the least visible of the three
            joints it comes from.
        segmentation: COCO's polygons [[x, y, x, y, ...], ...]; without them, or with a
            run-length code, there is no head top.

    Returns:
        keypoints f64[15, 2] and visible u8[15].
    """
    points, flags = rejoin(keypoints, visible, COCO17.joints, POSETRACK15)
    of = COCO17.index
    visible = np.asarray(visible)
    shoulders = [of("left_shoulder"), of("right_shoulder")]
    parts = np.asarray(keypoints, np.float64)[[of("nose"), *shoulders]]
    flag = visible[[of("nose"), *shoulders]].min()
    bottom = POSETRACK15.index("head_bottom")
    if flag > 0:
        points[bottom] = (parts[0] + (parts[1] + parts[2]) / 2) / 2
        flags[bottom] = flag
    summit = top_vertex(segmentation)
    if summit is not None and any(visible[of(joint)] for joint in _FACE):
        points[POSETRACK15.index("head_top")] = summit
        flags[POSETRACK15.index("head_top")] = 2
    return points, flags


def top_vertex(segmentation) -> np.ndarray | None:
    """The first vertex f64[2] with the smallest y in COCO polygons.

    None without polygons.
    """
    if not isinstance(segmentation, list):
        return None
    polygons = [polygon for polygon in segmentation if isinstance(polygon, list)]
    flat = [number for polygon in polygons for number in polygon]
    if not flat or len(flat) % 2:
        return None
    vertices = np.array(flat, np.float64).reshape(-1, 2)
    return vertices[vertices[:, 1].argmin()]


def mpii_to_posetrack(keypoints, visible):
    """Converts an MPII person to PoseTrack's joints.

    MPII's upper neck is the head bottom. MPII does not label the nose: it becomes the
    midpoint of the head's two ends, as visible as the less visible end.

    Args:
        keypoints: f64[16, 2].
        visible: u8[16].

    Returns:
        keypoints f64[15, 2] and visible u8[15].
    """
    renamed = [{"neck": "head_bottom"}.get(joint, joint) for joint in MPII16.joints]
    points, flags = rejoin(keypoints, visible, renamed, POSETRACK15)
    ends = [POSETRACK15.index("head_bottom"), POSETRACK15.index("head_top")]
    nose = POSETRACK15.index("nose")
    if flags[ends].all():
        points[nose] = points[ends].mean(axis=0)
        flags[nose] = flags[ends].min()
    return points, flags
