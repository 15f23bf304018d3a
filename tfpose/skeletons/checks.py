"""What can be wrong with a skeleton; ``tfpose.skeletons`` says so."""

from __future__ import annotations

import collections
import math

from tfpose.errors import TfposeError, shown

# Joints: several times as many as the densest faces have landmarks.
MOST_JOINTS = 2000


def fault_of(skeleton) -> str | None:
    """What is wrong with a ``Skeleton`` and its numbers, if anything is."""
    joints = skeleton.joints
    if not all(isinstance(joint, str) for joint in joints):
        return f"expected names of joints, got {shown(joints)}"
    if len(set(joints)) != len(joints) or not joints:
        return f"joints must be distinct, got {shown(joints)}"
    if len(joints) > MOST_JOINTS:
        return f"expected at most {MOST_JOINTS} joints, got {len(joints)}"
    if len(skeleton.sigmas) != len(joints):
        return f"expected {len(joints)} sigmas, got {len(skeleton.sigmas)}"
    if not all(0 < sigma < math.inf for sigma in skeleton.sigmas):
        return f"sigmas must be positive, got {shown(skeleton.sigmas)}"
    return _fault_of_pairs(skeleton) or _fault_of_tree(skeleton)


def _fault_of_pairs(skeleton) -> str | None:
    pairs = [*skeleton.flip_pairs, *skeleton.limbs, *skeleton.tree]
    pairs += [ends for ends in (skeleton.torso, skeleton.head) if ends is not None]
    for pair in pairs:
        if len(pair) != 2:
            return f"expected pairs of joints, got {shown(pair)}"
    for triple in skeleton.midpoints:
        if len(triple) != 3:
            return f"expected triples, got {shown(triple)}"
    known = set(skeleton.joints)
    for joint in (joint for names in (*pairs, *skeleton.midpoints) for joint in names):
        if not isinstance(joint, str) or joint not in known:
            return f"unknown joints {shown([joint])}"
    middles = {joint for joint, _, _ in skeleton.midpoints}
    if any(middles & {one, other} for _, one, other in skeleton.midpoints):
        return f"midpoints of midpoints, got {shown(skeleton.midpoints)}"
    return None


def _fault_of_tree(skeleton) -> str | None:
    paired = [joint for pair in skeleton.flip_pairs for joint in pair]
    if len(set(paired)) != len(paired):
        return "a joint is in two flip pairs"
    children = [child for _, child in skeleton.tree]
    if len(set(children)) != len(children):
        return "a joint has two parents in the tree"
    try:
        tree_layers(skeleton.parents)
    except ValueError as error:
        return str(error)
    return None


def tree_layers(parents) -> tuple[tuple[int, ...], ...]:
    """The joints layer by layer: the roots, their children, and so on.

    Args:
        parents: the parent of each joint, -1 for a root.

    Raises:
        TfposeError: a joint is its own ancestor.
    """
    children = collections.defaultdict(list)
    for joint, parent in enumerate(parents):
        children[parent].append(joint)
    layers = [tuple(children[-1])]
    while layers[-1]:
        layers.append(tuple(sorted(j for p in layers[-1] for j in children[p])))
    placed = {joint for layer in layers for joint in layer}
    circle = set(range(len(parents))) - placed
    if circle:
        raise TfposeError(f"the tree has a circle through joints {sorted(circle)}")
    return tuple(layers[:-1])
