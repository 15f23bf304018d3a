"""PoseRefiner's synthesized pose errors (Fieraru et al., CVPRW 2018, section 3).

A training pose is the annotated pose after four random transformations: its joints are
shifted (T1), exchanged with their mirror joints (T2), replaced by a neighbor's (T3) and
removed (T4). The paper gives no order; ours is T2, T3, T1, T4, so that exchanged and
replaced joints are shifted too. Its lengths are px for people ``REFERENCE_HEIGHT`` px
tall; ours scale with the person.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton

REFERENCE_HEIGHT = 340.0  # px; all lengths here refer to it
# T1: shorter than NEAR, or NEAR to FAR with probability FAR_SHARE.
NEAR, FAR, FAR_SHARE = 25.0, 125.0, 0.1
SWITCHED = 0.1  # T2, share of mirror pairs
VICINITY, REPLACED = 75.0, 0.3  # T3, share of joints with a neighbor's near
REMOVED = 0.3  # T4
# The names that recipes use, in the paper's order. For the poses of strong methods, the
# paper trains with the first alone (section 4.2).
TRANSFORMS = ("shift", "switch", "replace", "remove")


def synthesize(
    keypoints,
    valid,
    neighbors,
    neighbors_valid,
    height,
    skeleton: Skeleton,
    seed,
    transforms=TRANSFORMS,
) -> dict[str, tf.Tensor]:
    """Corrupts annotated poses.

    Args:
        keypoints: f32[B, K, 2] px, in any space.
        valid: f32[B, K], 1 for the annotated joints.
        neighbors: f32[B, P, K, 2] px, other people of the photo (P may be 0).
        neighbors_valid: f32[B, P, K]; rows of zeros are padding.
        height: f32[B] px, the person's standing height in the same space.
        skeleton: K joints.
        seed: i32[2], the same seed gives the same errors.
        transforms: which of ``TRANSFORMS`` to apply.

    Returns:
        "keypoints" f32[B, K, 2] px, zero where invalid; "valid" f32[B, K].

    Raises:
        TfposeError: an unknown transformation.
    """
    unknown = set(transforms) - set(TRANSFORMS)
    if unknown:
        raise TfposeError(
            f"transforms: expected some of {TRANSFORMS}, got {sorted(unknown)}"
        )
    seeds = tf.random.split(seed, len(TRANSFORMS))
    scale = height / REFERENCE_HEIGHT
    pose, there = tf.convert_to_tensor(keypoints), tf.convert_to_tensor(valid)
    if "switch" in transforms:
        pose, there = switch(pose, there, skeleton, seeds[1])
    if "replace" in transforms:
        others = neighbor_joints(neighbors, neighbors_valid, skeleton)
        found, near = draw_neighbor(keypoints, valid, *others, scale, seeds[2])
        pose = tf.where(found[..., None], near, pose)
        there = tf.where(found, 1.0, there)
    if "shift" in transforms:
        pose += shifts(tf.shape(there), seeds[0]) * scale[:, None, None]
    if "remove" in transforms:
        there *= tf.cast(_chances(tf.shape(there), seeds[3]) >= REMOVED, tf.float32)
    return {"keypoints": pose * there[..., None], "valid": there}


def shifts(shape, seed):
    """T1: f32[*shape, 2] px at the reference height, in random directions."""
    seeds = tf.unstack(tf.random.split(seed, 3), num=3)
    angle, far, length = (_chances(shape, one) for one in seeds)
    length = tf.where(far < FAR_SHARE, NEAR + (FAR - NEAR) * length, NEAR * length)
    angle = 2 * np.pi * angle
    return length[..., None] * tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)


def switch(keypoints, valid, skeleton: Skeleton, seed):
    """T2: exchanges mirror joints, each pair independently.

    A missing joint changes sides as well.
    """
    mirror = skeleton.flip_permutation
    pair = np.minimum(mirror, np.arange(len(skeleton)))  # one number for both
    chance = tf.gather(_chances(tf.shape(valid), seed), pair, axis=1)
    switched = chance < SWITCHED
    return (
        tf.where(switched[..., None], tf.gather(keypoints, mirror, axis=1), keypoints),
        tf.where(switched, tf.gather(valid, mirror, axis=1), valid),
    )


def neighbor_joints(neighbors, neighbors_valid, skeleton: Skeleton):
    """T3's candidates for each joint: the same and the mirror joint of others.

    Returns:
        f32[B, K, 2 P, 2] px and f32[B, K, 2 P], 1 where they are labeled. A joint
        without a mirror joint has each candidate twice, which does not change the odds.
    """
    points = tf.transpose(neighbors, (0, 2, 1, 3))
    labeled = tf.transpose(neighbors_valid, (0, 2, 1))
    mirror = skeleton.flip_permutation
    return (
        tf.concat([points, tf.gather(points, mirror, axis=1)], axis=2),
        tf.concat([labeled, tf.gather(labeled, mirror, axis=1)], axis=2),
    )


def draw_neighbor(keypoints, valid, points, labeled, scale, seed):
    """T3: decides whether to replace a joint, and with which near candidate.

    Args:
        keypoints, valid: f32[B, K, 2] and f32[B, K], the true pose.
        points, labeled: ``neighbor_joints``, C candidates.
        scale: f32[B], px per px at the reference height.
        seed: i32[2].

    Returns:
        bool[B, K] and f32[B, K, 2]; all near candidates are equally likely.
    """
    seeds = tf.random.split(seed, 2)
    apart = tf.norm(points - keypoints[:, :, None], axis=-1)
    near = (apart <= VICINITY * scale[:, None, None]) & (labeled > 0)
    near &= valid[..., None] > 0
    # Pad with a candidate that is never near, so that there is always one.
    near = tf.pad(tf.cast(near, tf.float32), [[0, 0], [0, 0], [0, 1]])
    points = tf.pad(points, [[0, 0], [0, 0], [0, 1], [0, 0]])
    draw = near * (1 + _chances(tf.shape(near), seeds[0]))
    chosen = tf.argmax(draw, axis=-1)
    chance = _chances(tf.shape(valid), seeds[1])
    found = tf.reduce_any(near > 0, axis=-1) & (chance < REPLACED)
    return found, tf.gather(points, chosen, batch_dims=2)


def _chances(shape, seed):
    """Uniform numbers in [0, 1)."""
    return tf.random.stateless_uniform(shape, seed)
