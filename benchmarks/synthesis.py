"""How long does one person's error synthesis take on one core, and how long in NumPy?

Measures, in one run, ``tfpose.synthesis.posefix`` in a graph on batches of 32 people
with three neighbors each, and a joint-by-joint NumPy program that samples like
PoseFix's own code: it tests 125 to 2000 positions for each error and picks one of those
allowed.

Usage: python benchmarks/synthesis.py
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import time

import numpy as np
import tensorflow as tf

from tfpose.skeletons import COCO17
from tfpose.synthesis import posefix

PEOPLE, NEIGHBORS = 32, 3
AREA = 177.4**2  # px^2, of a person who fills a crop of 256x192
AT_MOST = 0.3  # ms per person
SAMPLES = {"good": 125, "jitter": 500, "inversion": 500, "swap": 500, "miss": 2000}


def main() -> None:
    """Measures both and prints the ratio."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    ours = time_tensorflow()
    plain = time_numpy()
    print(f"tfpose     {ours:8.3f} ms/person, at most {AT_MOST}: {ours <= AT_MOST}")
    print(f"NumPy loop {plain:8.3f} ms/person")
    print(f"tfpose / NumPy loop: {ours / plain:.4f}, {plain / ours:.0f} times as fast")


def crowd(people: int, seed: int = 0):
    """Poses f32[B, K, 2] and their neighbors' f32[B, P, K, 2] in a crop."""
    rng = np.random.default_rng(seed)
    joints = len(COCO17)
    pose = rng.uniform((40, 30), (150, 225), (people, joints, 2))
    shift = rng.uniform(-60, 60, (people, NEIGHBORS, 1, 2))
    noise = rng.normal(scale=15, size=(people, NEIGHBORS, joints, 2))
    return np.float32(pose), np.float32(pose[:, None] + shift + noise)


def time_tensorflow(batches: int = 100) -> float:
    """Processor time in ms per person, the median over batches."""
    pose, near = map(tf.constant, crowd(PEOPLE))
    valid, near_valid = tf.ones(pose.shape[:2]), tf.ones(near.shape[:3])
    area = tf.fill([PEOPLE], AREA)

    @tf.function
    def synthesize(step):
        return posefix.synthesize(
            pose, valid, near, near_valid, area, COCO17, tf.stack([0, step])
        )["keypoints"]

    times = []
    for step in range(batches + 1):
        start = time.process_time()
        synthesize(tf.constant(step)).numpy()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times[1:])) / PEOPLE


def time_numpy(people: int = 8) -> float:
    """Processor time in ms per person."""
    pose, near = crowd(people)
    rng = np.random.default_rng(0)
    start = time.process_time()
    for person in range(people):
        corrupt_pose(pose[person], near[person], rng)
    return 1000 * (time.process_time() - start) / people


def corrupt_pose(pose, near, rng, skeleton=COCO17):
    """Corrupts one person, joint by joint: f32[K, 2]."""
    probabilities = posefix.error_probabilities(
        skeleton, tf.constant([len(pose)]), tf.constant([len(near)])
    ).numpy()[0]
    corrupted = np.zeros_like(pose)
    for joint, mirror in enumerate(skeleton.flip_permutation):
        groups = [pose[None, joint], near[:, joint]]
        groups += [pose[None, mirror], near[:, mirror]] if mirror != joint else [[], []]
        kinds = np.repeat(range(4), [len(group) for group in groups])
        points = np.concatenate([group for group in groups if len(group)])
        scale = 2 * skeleton.sigmas[joint] * np.sqrt(AREA)
        found = [place(error, points, kinds, scale, rng) for error in posefix.ERRORS]
        weights = probabilities[joint] * [place is not None for place in found]
        choice = rng.choice(len(found), p=weights / weights.sum())
        corrupted[joint] = found[choice]
    return corrupted


def place(error, points, kinds, scale, rng):
    """A position for one error, chosen from all allowed samples, or None."""
    rule = posefix.RULES[error]
    low, high, clearance = scale * np.sqrt(-2 * np.log([*rule.radius, rule.clearance]))
    watched = np.array(rule.kept_from)[kinds]
    pool = []
    for source, kind in enumerate(kinds):
        if not rule.sources[kind]:
            continue
        count = int(SAMPLES[error] * rule.sources[kind])
        radius = rng.uniform(low, high, count)
        angle = rng.uniform(0, 2 * np.pi, count)
        offset = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        samples = points[source] + offset
        others = points[watched & (np.arange(len(points)) != source)]
        away = np.linalg.norm(samples[:, None] - others, axis=-1)
        limit = clearance if clearance > 0 else radius[:, None]
        pool.append(samples[(away > limit).all(axis=1)])
    pool = np.concatenate(pool) if pool else np.zeros((0, 2))
    return pool[rng.integers(len(pool))] if len(pool) else None


if __name__ == "__main__":
    main()
