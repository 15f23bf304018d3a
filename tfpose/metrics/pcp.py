"""PCP: the share of the body's sticks whose ends are close enough to the truth.

A stick is a limb between two joints, the head, or the torso, which runs from the middle
of the hips to the middle of the shoulders. PCP (Ferrari et al., CVPR 2008) measures how
far a stick's two ends lie from the true ends, in lengths of the true stick:

- strict PCP, as in the pose papers' tables on LSP: *each* end lies within half the
  length; an end *at* the threshold counts (<=), as in the common evaluation script;
- average PCP: the *mean* of the two distances does.

A stick with an unlabeled end does not count; one with an unpredicted end is wrong. A
foreshortened limb is a short stick, so it is hard to get right.
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import TfposeError
from tfpose.metrics.pck import hit_rates

_LIMBS = {
    "upper_leg": ("hip", "knee"),
    "lower_leg": ("knee", "ankle"),
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
}
# Stick -> its two ends; each is the middle of its joints.
STICKS = {
    "torso": (("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")),
    **{
        f"{side}_{limb}": ((f"{side}_{first}",), (f"{side}_{second}",))
        for limb, (first, second) in _LIMBS.items()
        for side in ("left", "right")
    },
    "head": (("neck",), ("head_top",)),
}
Ends = tuple[list[int], list[int]]


def stick_joints(joints) -> dict[str, Ends]:
    """The sticks of ``STICKS`` for which a skeleton has all joints.

    Args:
        joints: K names, ``Skeleton.joints``.

    Returns:
        stick -> the joints of each end; the end is their middle.

    Raises:
        TfposeError: there is none.
    """
    joints = list(joints)
    sticks = {
        stick: tuple([joints.index(joint) for joint in end] for end in ends)
        for stick, ends in STICKS.items()
        if all(joint in joints for end in ends for joint in end)
    }
    if not sticks:
        raise TfposeError(
            "PCP: expected joints at both ends of a limb, the head or the torso "
            f"(left_hip and left_knee ...), found {', '.join(joints)}"
        )
    return sticks


def stick_errors(
    keypoints, targets, visible, sticks: dict[str, Ends], average: bool = False
) -> np.ndarray:
    """How far each stick's ends lie from the true ones, in true stick lengths.

    Args:
        keypoints: f64[N, K, 2], px; nan if not predicted.
        targets: f64[N, K, 2], px.
        visible: [N, K], 0 for an unlabeled joint.
        sticks: S sticks from ``stick_joints``.
        average: use the mean distance of both ends; otherwise that of the worse end.

    Returns:
        f64[N, S] >= 0; inf if an end was not predicted, or if a stick of zero length
        is not met exactly; nan if a stick does not count.
    """
    keypoints = np.asarray(keypoints, np.float64)
    targets, labeled = np.asarray(targets, np.float64), np.asarray(visible) > 0
    errors = np.full((len(targets), len(sticks)), np.nan)
    for column, ends in enumerate(sticks.values()):
        found = np.stack([keypoints[:, end].mean(axis=1) for end in ends], axis=1)
        true = np.stack([targets[:, end].mean(axis=1) for end in ends], axis=1)
        distances = np.linalg.norm(found - true, axis=-1)  # (N, 2)
        distances = np.where(np.isnan(distances), np.inf, distances)
        distance = distances.mean(axis=1) if average else distances.max(axis=1)
        length = np.linalg.norm(true[:, 0] - true[:, 1], axis=-1)
        flat = np.where(distance > 0, np.inf, 0.0)
        error = np.where(length > 0, distance / np.where(length > 0, length, 1), flat)
        counted = labeled[:, ends[0]].all(axis=1) & labeled[:, ends[1]].all(axis=1)
        errors[:, column] = np.where(counted, error, np.nan)
    return errors


def pcp(errors, threshold: float = 0.5) -> np.ndarray:
    """PCP per stick, f64[S] in percent, from f64[N, S] of ``stick_errors``.

    Strict or average PCP, depending on ``errors``; nan for a stick that never counts.
    """
    return hit_rates(errors, threshold, strict=False)
