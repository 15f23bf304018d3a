"""Observer-centric poses: left and right as the observer sees them.

Person-centric (PC) labels call a person's own left hand left. Observer-centric (OC)
labels call the arm left that appears on the left of the photo, so a method need not
know whether a person faces the camera (Eichner and Ferrari, ACCV 2012). LSP's published
OC labels were made by hand; this rule is our own:

- if the left shoulder lies right of the right shoulder, the upper body swaps sides:
  shoulders, arms, eyes and ears;
- the lower body follows its hips the same way: hips, knees, ankles and feet.

Whole chains swap, so crossed arms stay crossed. Nothing swaps if one of the two
deciding joints is unknown, or if one lies exactly above the other.

FLIC is published in both forms: on all its 5003 people the rule swaps exactly the
joints in which they differ. FLIC's OC form names the sides as on a person who faces the
camera: the observer's left is "right". An average over both sides is the same.
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton, bare_name

# The pair that decides for each half of the body.
DECIDING = ("shoulder", "hip")
# Pairs of the lower half; all others follow the shoulders.
LOWER = ("hip", "knee", "ankle", "heel", "foot", "toe", "big_toe", "small_toe")


def turned(keypoints, visible, skeleton: Skeleton) -> np.ndarray:
    """Whether the left of each half of the body is on the observer's right.

    Args:
        keypoints: f64[N, K, 2], px; nan for an unknown joint.
        visible: [N, K], 0 for an unknown joint.
        skeleton: K joints.

    Returns:
        i8[N, 2] for upper and lower body: 1 if it is, -1 if not, 0 if undecided.

    Raises:
        TfposeError: the skeleton has neither shoulders nor hips on two sides.
    """
    keypoints, known = np.asarray(keypoints, np.float64), np.asarray(visible) > 0
    sides = np.zeros((len(keypoints), len(DECIDING)), np.int8)
    pairs = {bare_name(left): (left, right) for left, right in skeleton.flip_pairs}
    if not pairs.keys() & set(DECIDING):
        raise TfposeError(
            "observer-centric: expected left_ and right_ shoulder or hip among the "
            f"joints of {skeleton.name}, found {', '.join(skeleton.joints)}"
        )
    for half, joint in enumerate(DECIDING):
        if joint in pairs:
            left, right = (skeleton.index(name) for name in pairs[joint])
            across = keypoints[:, left, 0] - keypoints[:, right, 0]
            decided = known[:, left] & known[:, right] & ~np.isnan(across)
            sides[:, half] = np.where(decided, np.sign(across), 0)
    return sides


def exchange(values, sides, skeleton: Skeleton) -> np.ndarray:
    """Swaps left and right joints of each half of the body where ``sides`` is 1.

    Args:
        values: [N, K, ...], per joint, such as coordinates or visibilities.
        sides: i8[N, 2] from ``turned``.
        skeleton: K joints.

    Returns:
        Like ``values``; swapping twice restores them.
    """
    values = np.asarray(values)
    lower = np.array([bare_name(joint) in LOWER for joint in skeleton.joints])
    turn = np.where(lower, sides[:, 1:], sides[:, :1]) > 0  # (N, K)
    turn = turn.reshape(turn.shape + (1,) * (values.ndim - 2))
    return np.where(turn, values[:, skeleton.flip_permutation], values)


def observer_centric(
    keypoints, visible, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Makes poses observer-centric; leaves observer-centric ones unchanged.

    Args:
        keypoints: f64[N, K, 2], px.
        visible: [N, K], 0 for an unknown joint.
        skeleton: K joints.

    Returns:
        keypoints and visible, with the observer's left and right.

    Raises:
        TfposeError: the skeleton has neither shoulders nor hips on two sides.
    """
    sides = turned(keypoints, visible, skeleton)
    parts = (exchange(values, sides, skeleton) for values in (keypoints, visible))
    return tuple(parts)


def observer_centric_pairs(
    keypoints, targets, visible, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observer-centric predictions and labels of the same people.

    Each turns by its own shoulders and hips, so mistaking a back for a front costs
    nothing. In profile a few pixels decide: a precise prediction may turn against its
    label and lose. If the label is undecided, neither turns; if only the prediction is,
    it turns like its label.

    Args:
        keypoints: f64[N, K, 2], px, predictions; nan if not predicted.
        targets: f64[N, K, 2], px, labels.
        visible: [N, K], 0 for an unlabeled joint.
        skeleton: K joints.

    Returns:
        keypoints, targets and visible.

    Raises:
        TfposeError: the skeleton has neither shoulders nor hips on two sides.
    """
    true = turned(targets, visible, skeleton)
    own = turned(keypoints, np.ones_like(visible), skeleton)
    own = np.where((own == 0) | (true == 0), true, own)
    targets, visible = (exchange(part, true, skeleton) for part in (targets, visible))
    return exchange(keypoints, own, skeleton), targets, visible
