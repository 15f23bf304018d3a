"""Observer-centric poses: left and right as the observer sees them.

Person-centric (PC) labels call a person's own left hand left. Observer-centric (OC)
ones call that arm left which the observer sees on the left of the photo, so that a
method need not tell whether it sees a person from the front or from behind (Eichner and
Ferrari, ACCV 2012). The published OC labels of LSP were made by hand; the rule here is
our own:

- the upper body has its shoulders exchanged, and with them the arms, eyes and ears, if
  its left shoulder lies right of its right shoulder;
- the lower body likewise with the hips, knees, ankles and feet.

Chains are exchanged as a whole, so crossed arms stay crossed. Where the two deciding
joints are not both known, or lie exactly above each other, nothing is exchanged.

On all 5003 people of FLIC, which is published in both forms, the rule exchanges exactly
what the two forms differ in. FLIC's OC form names the sides the other way about, as on
a person who faces the camera: the observer's left side is "right". No number that is
averaged over both sides can tell.
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton, bare_name

# The pair that decides for each half of the body.
DECIDING = ("shoulder", "hip")
# Pairs of the lower half; all others go with the shoulders.
LOWER = ("hip", "knee", "ankle", "heel", "foot", "toe", "big_toe", "small_toe")


def turned(keypoints, visible, skeleton: Skeleton) -> np.ndarray:
    """Whether the left of each half of the body is on the observer's right.

    Args:
        keypoints: f64[N, K, 2], px; nan where a joint is not known.
        visible: [N, K], 0 where a joint is not known.
        skeleton: K joints.

    Returns:
        i8[N, 2] for upper and lower body: 1 if it is, -1 if not, 0 undecided.

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
    """Exchanges left and right joints of the halves of the body where ``sides`` is 1.

    Args:
        values: [N, K, ...], one a joint, such as coordinates or visibilities.
        sides: i8[N, 2] of ``turned``.
        skeleton: K joints.

    Returns:
        As ``values``; exchanging twice gives them back.
    """
    values = np.asarray(values)
    lower = np.array([bare_name(joint) in LOWER for joint in skeleton.joints])
    turn = np.where(lower, sides[:, 1:], sides[:, :1]) > 0  # (N, K)
    turn = turn.reshape(turn.shape + (1,) * (values.ndim - 2))
    return np.where(turn, values[:, skeleton.flip_permutation], values)


def observer_centric(
    keypoints, visible, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Person-centric poses as observer-centric ones; of these it changes nothing.

    Args:
        keypoints: f64[N, K, 2], px.
        visible: [N, K], 0 where a joint is not known.
        skeleton: K joints.

    Returns:
        keypoints and visible, the joints named by the observer's left and right.

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

    Each is turned by its own shoulders and hips: a prediction that takes a back for a
    front is right here. In a profile a few pixels decide, so a precise prediction may
    be turned against its label and lose by it. Where the label is undecided, neither is
    turned; where only the prediction is, it is turned as its label.

    Args:
        keypoints: f64[N, K, 2], px, predictions; nan where nothing was predicted.
        targets: f64[N, K, 2], px, labels.
        visible: [N, K], 0 where a joint has no label.
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
