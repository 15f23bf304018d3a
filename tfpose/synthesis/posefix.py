"""PoseFix's synthesized pose errors (Moon et al., CVPR 2019, arXiv 1812.03595, sec. 4).

A training pose is the annotated pose with errors that real methods make, as often as
they make them (Ronchi and Perona, ICCV 2017). The frequencies and the sampling rules
are those of the authors' code, which the paper leaves out; the code's tables are
indexed by COCO's joint order, ours by joint name, so that any skeleton can be
corrupted.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfpose.skeleton import Skeleton, bare_name

# The five states a joint can be in, in the order of the result's ``error``.
ERRORS = ("good", "jitter", "inversion", "swap", "miss")

# Joints that err alike. PoseTrack's head joints take the rows of the face, as in the
# code; pelvis and thorax those of hip and shoulder; an unknown joint that of elbow.
ROWS = {
    "nose": "nose", "eye": "face", "ear": "face", "head_top": "face", "neck": "face",
    "head_bottom": "face", "shoulder": "shoulder", "thorax": "shoulder",
    "elbow": "elbow", "wrist": "wrist", "hip": "hip", "pelvis": "hip",
    "knee": "knee", "ankle": "ankle",
}  # fmt: skip
UNKNOWN_ROW = "elbow"

# Jitter with at most 10 and with more valid joints.
JITTER = {
    "nose": (0.15, 0.10), "face": (0.20, 0.15), "shoulder": (0.20, 0.15),
    "elbow": (0.20, 0.15), "wrist": (0.20, 0.15), "hip": (0.25, 0.20),
    "knee": (0.15, 0.10), "ankle": (0.15, 0.10),
}  # fmt: skip
# Miss with at most 5, with 6 to 10 and with more valid joints.
MISS = {
    "nose": (0.15, 0.10, 0.02), "face": (0.15, 0.10, 0.02),
    "shoulder": (0.20, 0.13, 0.05), "elbow": (0.25, 0.15, 0.10),
    "wrist": (0.25, 0.15, 0.10), "hip": (0.25, 0.15, 0.10),
    "knee": (0.25, 0.15, 0.10), "ankle": (0.20, 0.13, 0.05),
}  # fmt: skip
INVERSION = {
    "nose": 0.01, "face": 0.01, "shoulder": 0.03, "elbow": 0.03, "wrist": 0.03,
    "hip": 0.06, "knee": 0.06, "ankle": 0.06,
}  # fmt: skip
# Swap in a crowd and otherwise.
SWAP = {
    "nose": (0.02, 0.01), "face": (0.02, 0.01), "shoulder": (0.15, 0.06),
    "elbow": (0.15, 0.06), "wrist": (0.15, 0.06), "hip": (0.10, 0.03),
    "knee": (0.10, 0.03), "ankle": (0.10, 0.03),
}  # fmt: skip

# People whose boxes overlap by this much are neighbours.
NEIGHBOUR_OVERLAP = 0.1


@dataclasses.dataclass(frozen=True)
class Rule:
    """How the position of one kind of error is drawn.

    Attributes:
        sources: weights of the points an error starts from: the joint itself, the
            neighbours' same joint, the mirror joint, the neighbours' mirror joint.
        radius: similarities (k_far, k_near): the distance from the source is uniform in
            length between d^k_far and d^k_near; 1 stands for distance 0.
        kept_from: the points, besides the source, that must stay farther away than
            the source is: own joint, neighbours', mirror, neighbours' mirror.
        clearance: a similarity k: those points must stay farther than d^k instead.
    """

    sources: tuple[float, float, float, float]
    radius: tuple[float, float]
    kept_from: tuple[bool, bool, bool, bool] = (True, True, True, True)
    clearance: float | None = None


# FACTS A.5. Where paper and code differ (inversion and swap begin at distance 0 in the
# code, at d^0.85 in the paper; a swap may come close to a third person in the code)
# we follow the code, which made the published results.
RULES = {
    "good": Rule((1, 0, 0, 0), (1.0, 0.85)),
    "jitter": Rule((1, 0, 0, 0), (0.85, 0.5)),
    "inversion": Rule((0, 0, 1, 0), (1.0, 0.5)),
    "swap": Rule((0, 1, 0, 1), (1.0, 0.5), kept_from=(True, False, True, False)),
    # A quarter of the samples about other joints is kept.
    "miss": Rule((1, 0.25, 0.25, 0.25), (0.5, 0.1), clearance=0.5),
}

# Draws per joint and error. The first that keeps its distances is taken, which has the
# distribution of the code's uniform choice among all that do (of 125 to 2000).
DRAWS = 32


def error_probabilities(skeleton: Skeleton, valid_count, overlap_count) -> tf.Tensor:
    """How often each joint has each error.

    Args:
        skeleton: K joints.
        valid_count: i32[B], annotated joints of the person.
        overlap_count: i32[B], neighbours of the person.

    Returns:
        f32[B, K, 5] in the order of ``ERRORS``; sums to 1.
    """

    def table(rows):
        names = [ROWS.get(bare_name(joint), UNKNOWN_ROW) for joint in skeleton.joints]
        return tf.constant(np.array([rows[name] for name in names], np.float32).T)

    few = tf.cast(valid_count > 10, tf.int32)
    handful = few + tf.cast(valid_count > 5, tf.int32)
    crowded = ((valid_count <= 10) & (overlap_count > 0)) | (
        (valid_count <= 15) & (overlap_count >= 3)
    )
    jitter = tf.gather(table(JITTER), few)
    miss = tf.gather(table(MISS), handful)
    swap = tf.gather(table(SWAP), tf.where(crowded, 0, 1))
    inversion = tf.broadcast_to(table(INVERSION), tf.shape(jitter))
    good = 1 - jitter - inversion - swap - miss
    return tf.stack([good, jitter, inversion, swap, miss], axis=-1)


def similarity_distance(area, sigmas, similarity) -> tf.Tensor:
    """Distance at which a joint's keypoint similarity falls to a value (FACTS A.5).

    Args:
        area: f32[...] px^2 of the person's box.
        sigmas: f32[...], broadcast with ``area``.
        similarity: in (0, 1].

    Returns:
        f32[...] px: sqrt(-2 area (2 sigma)^2 ln similarity).
    """
    scale = tf.sqrt(-2 * tf.math.log(tf.cast(similarity, tf.float32)))
    return scale * tf.sqrt(area) * 2 * sigmas


def synthesize(
    keypoints, valid, neighbours, neighbours_valid, area, skeleton: Skeleton, seed
) -> dict[str, tf.Tensor]:
    """Corrupts annotated poses.

    Args:
        keypoints: f32[B, K, 2] px, in any space.
        valid: f32[B, K], 1 for the joints to corrupt; others come back invalid.
        neighbours: f32[B, P, K, 2] px, the overlapping people (P may be 0).
        neighbours_valid: f32[B, P, K]; a row of zeros pads.
        area: f32[B] px^2, of the person's box in the same space.
        skeleton: K joints.
        seed: i32[2], the same seed gives the same errors.

    Returns:
        "keypoints" f32[B, K, 2] px, zero where invalid; "valid" f32[B, K];
        "error" i32[B, K], index in ``ERRORS``, -1 where invalid.
    """
    seeds = tf.random.split(seed, 4)
    points, usable = _candidates(
        keypoints, valid, neighbours, neighbours_valid, skeleton
    )
    people = tf.shape(neighbours)[1]
    samples, source, has_source = _sample(points, usable, people, area, skeleton, seeds)
    allowed = _keeps_distance(samples, points, usable, source, people, area, skeleton)
    first = tf.argmax(allowed, axis=-1, output_type=tf.int32)  # (B, K, 5)
    position = tf.gather(samples, first, axis=3, batch_dims=3)  # (B, K, 5, 2)
    possible = tf.reduce_any(allowed, axis=-1) & has_source

    valid_count = tf.reduce_sum(tf.cast(valid > 0, tf.int32), axis=-1)
    overlap_count = tf.reduce_sum(
        tf.cast(tf.reduce_any(neighbours_valid > 0, axis=-1), tf.int32), axis=-1
    )
    weights = error_probabilities(skeleton, valid_count, overlap_count)
    weights = weights * tf.cast(possible, tf.float32)
    total = tf.cumsum(weights, axis=-1)
    draw = tf.random.stateless_uniform(tf.shape(valid), seeds[3]) * total[..., -1]
    error = tf.reduce_sum(tf.cast(draw[..., None] >= total, tf.int32), axis=-1)
    error = tf.minimum(error, len(ERRORS) - 1)

    alive = tf.logical_and(valid > 0, total[..., -1] > 0)
    chosen = tf.gather(position, error, axis=2, batch_dims=2)
    return {
        "keypoints": tf.where(alive[..., None], chosen, 0.0),
        "valid": tf.cast(alive, tf.float32),
        "error": tf.where(alive, error, -1),
    }


def _candidates(keypoints, valid, neighbours, neighbours_valid, skeleton):
    """The points an error of each joint may start from or must avoid.

    Returns f32[B, K, C, 2] and bool[B, K, C], C = 2 + 2 P in the order own, neighbours,
    mirror, neighbours' mirror. A joint without a mirror has only the first two kinds.
    """
    mirror = skeleton.flip_permutation
    paired = tf.constant(mirror != np.arange(len(skeleton)))
    own = keypoints[:, :, None]  # (B, K, 1, 2)
    near = tf.transpose(neighbours, (0, 2, 1, 3))  # (B, K, P, 2)
    own_valid = valid[:, :, None] > 0
    near_valid = tf.transpose(neighbours_valid, (0, 2, 1)) > 0
    points = [
        own,
        near,
        tf.gather(own, mirror, axis=1),
        tf.gather(near, mirror, axis=1),
    ]
    usable = [
        own_valid,
        near_valid,
        tf.gather(own_valid, mirror, axis=1) & paired[:, None],
        tf.gather(near_valid, mirror, axis=1) & paired[:, None],
    ]
    return tf.concat(points, axis=2), tf.concat(usable, axis=2)


def _by_kind(values, people) -> tf.Tensor:
    """Spreads [5, 4] (error, kind of candidate) over the candidates: [5, C]."""
    repeats = tf.stack([1, people, 1, people])
    return tf.repeat(tf.constant(values), repeats, axis=1)


def _radii(area, skeleton):
    """The range of distances of each error: two f32[B, K, 5, 1]."""
    sigmas = tf.constant(skeleton.sigma_array)[None, :, None]
    ends = np.array([RULES[error].radius for error in ERRORS], np.float32).T
    low, high = (similarity_distance(area[:, None, None], sigmas, end) for end in ends)
    return low[..., None], high[..., None]


def _sample(points, usable, people, area, skeleton, seeds):
    """Draws positions for every joint and error.

    Returns f32[B, K, 5, DRAWS, 2]; i32[B, K, 5, DRAWS], the candidate each started
    from; bool[B, K, 5], false where no candidate may be a source.
    """
    kinds = _by_kind(np.float32([RULES[error].sources for error in ERRORS]), people)
    weights = kinds * tf.cast(usable, tf.float32)[:, :, None]  # (B, K, 5, C)
    total = tf.cumsum(weights, axis=-1)
    shape = tf.concat([tf.shape(weights)[:3], [DRAWS]], axis=0)
    draw = tf.random.stateless_uniform(shape, seeds[0]) * total[..., -1:]
    below = draw[..., None] >= total[..., None, :]
    source = tf.reduce_sum(tf.cast(below, tf.int32), axis=-1)
    source = tf.minimum(source, tf.shape(points)[2] - 1)
    start = tf.gather(points, source, axis=2, batch_dims=2)

    low, high = _radii(area, skeleton)
    radius = low + (high - low) * tf.random.stateless_uniform(shape, seeds[1])
    angle = tf.random.stateless_uniform(shape, seeds[2], maxval=2 * np.pi)
    offset = radius[..., None] * tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)
    return start + offset, source, total[..., -1] > 0


def _keeps_distance(samples, points, usable, source, people, area, skeleton):
    """bool[B, K, 5, DRAWS]: is the sample clear of the points it must not be near."""
    away = samples[..., None, :] - points[:, :, None, None]  # (B, K, 5, DRAWS, C, 2)
    squared = tf.reduce_sum(tf.square(away), axis=-1)
    kinds = _by_kind(np.array([RULES[error].kept_from for error in ERRORS]), people)
    watched = kinds & usable[:, :, None]  # (B, K, 5, C)

    own = tf.gather(squared, source, axis=-1, batch_dims=4)  # squared sampled radius
    sigmas = tf.constant(skeleton.sigma_array)[None, :, None]
    clearance = np.float32([RULES[error].clearance or 1.0 for error in ERRORS])
    fixed = similarity_distance(area[:, None, None], sigmas, clearance)[..., None]
    # The source stands at exactly its own distance: rounding must not refuse it.
    limit = tf.where(fixed > 0, tf.square(fixed), own) * (1 - 1e-4)
    return tf.reduce_all((squared > limit[..., None]) | ~watched[..., None, :], axis=-1)
