"""Draws what ``Options`` adds to PoseFix's errors, in TensorFlow.

All shapes are those of ``posefix.synthesize``: B people, K joints.
"""

from __future__ import annotations

import tensorflow as tf

from tfpose.skeletons import Skeleton
from tfpose.synthesis.options import Options


def quality(people, options: Options, seed):
    """f32[B]: what multiplies a person's error probabilities; 1 for most.

    Args:
        people: i32[], B.
        options: the share of people.
        seed: i32[2].
    """
    draw = tf.random.stateless_uniform(tf.stack([2, people]), seed)
    return tf.where(draw[0] < options.quality, draw[1], 1.0)


def exchanged(valid, skeleton: Skeleton, options: Options, seed):
    """bool[B, K]: the joints that change places with their mirror joints.

    Args:
        valid: f32[B, K].
        skeleton: K joints.
        options: the shares of the limbs.
        seed: i32[2].
    """
    joints, limits = options.limbs(skeleton)
    draw = tf.random.stateless_uniform(tf.shape(valid)[:1], seed)
    chosen = tf.gather(joints, tf.searchsorted(limits, draw, side="right"))
    there = valid > 0
    return chosen & there & tf.gather(there, skeleton.flip_permutation, axis=1)


def given(people, skeleton: Skeleton, options: Options, seed):
    """f32[B, K]: 1 for the joints that are not left out.

    Args:
        people: i32[], B.
        skeleton: K joints.
        options: the sets of joints, and the chances to lose one.
        seed: i32[2].
    """
    seeds = tf.random.split(seed, 2)
    joints, limits = options.sets(skeleton)
    draw = tf.random.stateless_uniform(tf.stack([2, people]), seeds[0])
    of_set = tf.gather(joints, tf.searchsorted(limits, draw[0], side="right"))
    few, many = options.lost_joints
    chance = tf.where(draw[1] < options.many_lost, many, few)[:, None]
    shape = tf.stack([people, len(skeleton)])
    kept = tf.random.stateless_uniform(shape, seeds[1]) >= chance
    return tf.cast(of_set & kept, tf.float32)
