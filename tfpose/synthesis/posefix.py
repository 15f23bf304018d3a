"""PoseFix's synthesized pose errors (Moon et al., CVPR 2019, arXiv 1812.03595, sec. 4).

A training pose is the annotated pose with the errors that real methods make, equally
often (Ronchi and Perona, ICCV 2017). The frequencies and sampling rules come from the
authors' code; the paper omits them. The code indexes its tables by COCO's joint order,
ours by joint name, so that any skeleton can be corrupted.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfpose.skeletons import Skeleton, bare_name
from tfpose.synthesis import variations
from tfpose.synthesis.options import Options

# The five states a joint can be in, in the order of the result's ``error``.
ERRORS = ("good", "jitter", "inversion", "swap", "miss")

# Joints that err alike. PoseTrack's head joints use the face's rows, as in the code;
# pelvis and thorax use those of hip and shoulder, unknown joints that of the elbow.
ROWS = {
    "nose": "nose", "eye": "face", "ear": "face", "head_top": "face", "neck": "face",
    "head_bottom": "face", "shoulder": "shoulder", "thorax": "shoulder",
    "elbow": "elbow", "wrist": "wrist", "hip": "hip", "pelvis": "hip",
    "knee": "knee", "ankle": "ankle",
}  # fmt: skip
UNKNOWN_ROW = "elbow"

# Chance of jitter with at most 10 valid joints, and with more.
JITTER = {
    "nose": (0.15, 0.10), "face": (0.20, 0.15), "shoulder": (0.20, 0.15),
    "elbow": (0.20, 0.15), "wrist": (0.20, 0.15), "hip": (0.25, 0.20),
    "knee": (0.15, 0.10), "ankle": (0.15, 0.10),
}  # fmt: skip
# Chance of a miss with at most 5 valid joints, with 6 to 10, and with more.
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
# Chance of a swap in a crowd, and otherwise.
SWAP = {
    "nose": (0.02, 0.01), "face": (0.02, 0.01), "shoulder": (0.15, 0.06),
    "elbow": (0.15, 0.06), "wrist": (0.15, 0.06), "hip": (0.10, 0.03),
    "knee": (0.10, 0.03), "ankle": (0.10, 0.03),
}  # fmt: skip

# People whose boxes overlap by this much are neighbors.
NEIGHBOR_OVERLAP = 0.1


@dataclasses.dataclass(frozen=True)
class Rule:
    """How to draw the position of one kind of error.

    Attributes:
        sources: weights of the points an error starts from: the joint itself, the
            neighbors' same joint, the mirror joint, the neighbors' mirror joint.
        radius: similarities (k_near, k_far): the distance from the source is uniform
            between d^k_near and d^k_far; 1 stands for distance 0.
        kept_from: the points that must be farther away than the source is: own joint,
            neighbors', mirror, neighbors' mirror.
        clearance: a similarity k: those points must be farther than d^k instead; 1 for
            none.
    """

    sources: tuple[float, float, float, float]
    radius: tuple[float, float]
    kept_from: tuple[bool, bool, bool, bool] = (True, True, True, True)
    clearance: float = 1.0


# Section 4 of the paper and the authors' code. Where they differ, we follow the code,
# which produced the published results: inversion and swap begin at distance 0 in the
# code and at d^0.85 in the paper; in the code a swap may come close to a third person.
RULES = {
    "good": Rule((1, 0, 0, 0), (1.0, 0.85)),
    "jitter": Rule((1, 0, 0, 0), (0.85, 0.5)),
    "inversion": Rule((0, 0, 1, 0), (1.0, 0.5)),
    "swap": Rule((0, 1, 0, 1), (1.0, 0.5), kept_from=(True, False, True, False)),
    # A quarter of the samples around other joints is kept.
    "miss": Rule((1, 0.25, 0.25, 0.25), (0.5, 0.1), clearance=0.5),
}

# The rules as arrays, one row per error: f32[5, 4] twice, and f32[5, 3], the ends of
# the radius and the clearance, in units of the distance of similarity exp(-1 / 2).
SOURCES = np.float32([RULES[error].sources for error in ERRORS])
KEPT_FROM = np.float32([RULES[error].kept_from for error in ERRORS])
SIMILARITIES = [(*RULES[error].radius, RULES[error].clearance) for error in ERRORS]
DISTANCES = np.sqrt(-2 * np.log(SIMILARITIES)).astype(np.float32)

# Positions tried at once for a joint's error. We take the first allowed one, which has
# the distribution of the code's uniform choice among all allowed ones (of 125 to 2000).
# The few joints without one try MORE_DRAWS, then get another error.
DRAWS = 32
MORE_DRAWS = 500
# px; keeps rounding from refusing a sample as too near to its own source.
ROUNDING = 1e-3
# px; where we put candidates that need not be avoided.
FAR = 1e9


def rows_of(table: dict, skeleton: Skeleton) -> np.ndarray:
    """A table above by the joints of a skeleton: f32[..., K]."""
    names = [ROWS.get(bare_name(joint), UNKNOWN_ROW) for joint in skeleton.joints]
    return np.array([table[name] for name in names], np.float32).T


def error_probabilities(skeleton: Skeleton, valid_count, overlap_count) -> tf.Tensor:
    """The probability of each error at each joint.

    Args:
        skeleton: K joints.
        valid_count: i32[B], annotated joints of the person.
        overlap_count: i32[B], neighbors of the person.

    Returns:
        f32[B, K, 5] in the order of ``ERRORS``; sums to 1.
    """
    above_10 = tf.cast(valid_count > 10, tf.int32)
    count_range = above_10 + tf.cast(valid_count > 5, tf.int32)  # 0, 1 or 2
    crowded = ((valid_count <= 10) & (overlap_count > 0)) | (
        (valid_count <= 15) & (overlap_count >= 3)
    )
    jitter = tf.gather(rows_of(JITTER, skeleton), above_10)
    miss = tf.gather(rows_of(MISS, skeleton), count_range)
    swap = tf.gather(rows_of(SWAP, skeleton), tf.where(crowded, 0, 1))
    inversion = tf.broadcast_to(rows_of(INVERSION, skeleton), tf.shape(jitter))
    good = 1 - jitter - inversion - swap - miss
    return tf.stack([good, jitter, inversion, swap, miss], axis=-1)


def at_quality(probabilities, level):
    """Probabilities f32[B, K, 5] of the errors, all but "good" times a level."""
    errors = probabilities[..., 1:] * level
    good = 1 - tf.reduce_sum(errors, axis=-1, keepdims=True)
    return tf.concat([good, errors], axis=-1)


def similarity_distance(area, sigmas, similarity) -> tf.Tensor:
    """Distance at which a joint's keypoint similarity falls to a value (section 4).

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
    keypoints,
    valid,
    neighbors,
    neighbors_valid,
    area,
    skeleton: Skeleton,
    seed,
    estimated=None,
    estimated_valid=None,
    options: Options | None = None,
) -> dict[str, tf.Tensor]:
    """Corrupts annotated poses.

    Args:
        keypoints: f32[B, K, 2] px, in any space.
        valid: f32[B, K], 1 for the annotated joints.
        neighbors: f32[B, P, K, 2] px, the overlapping people (P may be 0).
        neighbors_valid: f32[B, P, K]; rows of zeros are padding.
        area: f32[B] px^2, of the person's box in the same space.
        skeleton: K joints.
        seed: i32[2], the same seed gives the same errors.
        estimated: f32[B, K, 2] px, a method's pose that stands in for unannotated
            joints, as in the authors' code. ``tfpose prepare coco --set
            estimates=FILE`` provides it. Without it, these joints come back invalid.
        estimated_valid: f32[B, K], with ``estimated``.
        options: what to add to the paper's errors; None adds nothing.

    Returns:
        "keypoints" f32[B, K, 2] px, zero where invalid; "valid" f32[B, K];
        "error" i32[B, K], index in ``ERRORS``, -1 where invalid.
    """
    options = options or Options()
    seeds = tf.random.split(seed, 2)
    # Seeds of their own: without options, the errors stay what they were.
    more_seeds = tf.random.split(tf.random.fold_in(seed, 1), 3)
    people = tf.shape(valid)[0]
    near = tf.reduce_any(neighbors_valid > 0, axis=-1)
    probabilities = error_probabilities(
        skeleton,
        valid_count=tf.reduce_sum(tf.cast(valid > 0, tf.int32), axis=-1),
        overlap_count=tf.reduce_sum(tf.cast(near, tf.int32), axis=-1),
    )
    if estimated is not None:
        keypoints = tf.where(valid[..., None] > 0, keypoints, estimated)
        valid = tf.maximum(valid, estimated_valid)
    if options.quality:
        level = variations.quality(people, options, more_seeds[0])
        probabilities = at_quality(probabilities, level[:, None, None])
    if options.exchanged_limbs:
        moved = variations.exchanged(valid, skeleton, options, more_seeds[1])
        mirrored = tf.gather(keypoints, skeleton.flip_permutation, axis=1)
        keypoints = tf.where(moved[..., None], mirrored, keypoints)
    joints, kinds = _candidates(
        keypoints, valid, neighbors, neighbors_valid, area, skeleton
    )
    probabilities = tf.reshape(probabilities, [-1, len(ERRORS)])
    error, offset = _draw_errors(joints, kinds, probabilities, seeds)

    error = tf.reshape(error, tf.shape(valid))
    if options.leaves_out:
        kept = variations.given(people, skeleton, options, more_seeds[2])
        error = tf.where(kept > 0, error, -1)
    alive = error >= 0
    corrupted = keypoints + tf.reshape(offset, tf.shape(keypoints))
    return {
        "keypoints": tf.where(alive[..., None], corrupted, 0.0),
        "valid": tf.cast(alive, tf.float32),
        "error": error,
    }


class _Joints(NamedTuple):
    """All N = B K joints of a batch, each with its C = 2 + 2 P candidates.

    Candidates are the points an error may start from or must avoid, in the order own,
    neighbors', mirror, neighbors' mirror.
    """

    x: tf.Tensor  # f32[N, C] px from the own joint
    y: tf.Tensor  # f32[N, C]
    usable: tf.Tensor  # f32[N, C], 0 for a missing candidate
    scale: tf.Tensor  # f32[N, 1], distance at which the similarity is exp(-1 / 2)


def _candidates(keypoints, valid, neighbors, neighbors_valid, area, skeleton):
    """The ``_Joints`` of a batch, and i32[C], the kinds (0-3) of their candidates."""
    mirror = skeleton.flip_permutation
    paired = tf.constant(mirror != np.arange(len(skeleton)))[:, None]
    own = keypoints[:, :, None]  # (B, K, 1, 2)
    near = tf.transpose(neighbors, (0, 2, 1, 3))  # (B, K, P, 2)
    both = tf.concat([own, near], axis=2)
    points = tf.concat([both, tf.gather(both, mirror, axis=1)], axis=2) - own

    own_valid = valid[:, :, None] > 0
    near_valid = tf.transpose(neighbors_valid, (0, 2, 1)) > 0
    both = tf.concat([own_valid, near_valid], axis=2)
    mirrors = tf.gather(both, mirror, axis=1) & paired
    # A missing joint has no errors.
    usable = tf.concat([both, mirrors], axis=2) & own_valid

    people, count = tf.shape(neighbors)[1], tf.shape(points)[2]
    scale = similarity_distance(area[:, None], skeleton.sigma_array, np.exp(-0.5))
    joints = _Joints(
        x=tf.reshape(points[..., 0], [-1, count]),
        y=tf.reshape(points[..., 1], [-1, count]),
        usable=tf.reshape(tf.cast(usable, tf.float32), [-1, count]),
        scale=tf.reshape(scale, [-1, 1]),
    )
    return joints, tf.repeat(tf.range(4), tf.stack([1, people, 1, people]))


def _draw_errors(joints: _Joints, kinds, probabilities, seeds):
    """Chooses an error and its position for each joint.

    An error without an allowed position is impossible; the others keep their
    proportions. To place only the chosen error, each gets an exponential waiting time
    whose rate is its probability: among any possible errors, each comes first with a
    chance proportional to its probability.

    Args:
        joints, kinds: ``_candidates``.
        probabilities: f32[N, 5].
        seeds: i32[2, 2].

    Returns:
        i32[N], index in ``ERRORS``, -1 where nothing is possible; f32[N, 2], px from
        the own joint.
    """
    sources = tf.gather(SOURCES, kinds, axis=1)  # (5, C)
    startable = tf.matmul(joints.usable, sources, transpose_b=True) > 0
    uniform = 1 - tf.random.stateless_uniform(tf.shape(probabilities), seeds[0])
    waiting = tf.where(startable, -tf.math.log(uniform) / probabilities, np.inf)
    error = tf.fill(tf.shape(waiting)[:1], -1)
    offset = tf.zeros_like(waiting[:, :2])

    def open_rows(waiting, error):
        possible = tf.reduce_any(tf.math.is_finite(waiting), axis=-1)
        return tf.where((error < 0) & possible)  # (M, 1)

    def unfinished(attempt, waiting, error, offset):
        return tf.size(open_rows(waiting, error)) > 0

    def place(attempt, waiting, error, offset):
        rows = open_rows(waiting, error)
        times = tf.gather_nd(waiting, rows)
        first = tf.argmin(times, axis=-1, output_type=tf.int32)
        some = _Joints(*(tf.gather_nd(values, rows) for values in joints))
        draws = tf.where(attempt == 0, DRAWS, MORE_DRAWS)
        seed = tf.random.fold_in(seeds[1], attempt)
        position, found = _place(some, kinds, first, draws, seed)
        found_error = tf.where(found, first, -1)
        # If even MORE_DRAWS find no position, the error is impossible.
        refuted = tf.one_hot(first, len(ERRORS), True, False) & (attempt > 0)
        return (
            attempt + 1,
            tf.tensor_scatter_nd_update(
                waiting, rows, tf.where(refuted, np.inf, times)
            ),
            tf.tensor_scatter_nd_update(error, rows, found_error),
            tf.tensor_scatter_nd_update(offset, rows, position),
        )

    _, _, error, offset = tf.while_loop(unfinished, place, (0, waiting, error, offset))
    return error, offset


def _place(joints: _Joints, kinds, error, draws, seed):
    """Looks for a position that an error's ``Rule`` allows.

    Args:
        joints: M of them.
        kinds: i32[C], of the candidates.
        error: i32[M], index in ``ERRORS``.
        draws: i32[], positions to try, D.
        seed: i32[2].

    Returns:
        f32[M, 2] px from the own joint; bool[M], false where no draw was allowed.
    """
    seeds = tf.random.split(seed, 3)
    shape = tf.stack([tf.shape(error)[0], draws])
    weights = tf.gather(tf.gather(SOURCES, kinds, axis=1), error) * joints.usable
    total = tf.cumsum(weights, axis=-1)
    draw = tf.random.stateless_uniform(shape, seeds[0]) * total[:, -1:]
    source = tf.searchsorted(total, draw, side="right")
    source = tf.minimum(source, tf.shape(weights)[1] - 1)

    low, high, clearance = (
        joints.scale * tf.gather(column, error)[:, None] for column in DISTANCES.T
    )
    radius = low + (high - low) * tf.random.stateless_uniform(shape, seeds[1])
    angle = tf.random.stateless_uniform(shape, seeds[2], maxval=2 * np.pi)
    x = tf.gather(joints.x, source, batch_dims=1) + radius * tf.cos(angle)
    y = tf.gather(joints.y, source, batch_dims=1) + radius * tf.sin(angle)

    kept_from = tf.gather(tf.gather(KEPT_FROM, kinds, axis=1), error) * joints.usable
    far_away = tf.where(kept_from > 0, joints.x, FAR)[..., None]  # (M, C, 1)
    squared = tf.square(x[:, None] - far_away)
    squared += tf.square(y[:, None] - joints.y[..., None])
    limit = tf.maximum(tf.where(clearance > 0, clearance, radius) - ROUNDING, 0)
    allowed = tf.reduce_min(squared, axis=1) > tf.square(limit)  # (M, D)
    first = tf.argmax(tf.cast(allowed, tf.int8), axis=1)[:, None]
    position = [tf.gather(axis, first, batch_dims=1)[:, 0] for axis in (x, y)]
    return tf.stack(position, axis=-1), tf.reduce_any(allowed, axis=1)
