"""PoseFix's synthesized pose errors in JAX, for training on an accelerator.

The tables, the rules, and the algorithm are those of ``posefix`` and ``variations``,
with other random numbers. The tests hold both to the same frequencies. B people, K
joints; arrays are float32 unless stated otherwise, keys are JAX's.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tfpose.skeletons import Skeleton
from tfpose.synthesis import posefix
from tfpose.synthesis.options import Options
from tfpose.synthesis.posefix import ERRORS, FAR, ROUNDING, rows_of

# The tables as they are shared: an index in ``ERRORS`` selects a row.
SOURCES, KEPT_FROM = posefix.SOURCES, posefix.KEPT_FROM
# How many of the joints without an allowed position so far try again together.
TRYING_AGAIN = 128


def synthesize(
    people: dict, skeleton: Skeleton, key, options: Options
) -> dict[str, jax.Array]:
    """Corrupts annotated poses; ``posefix.synthesize`` in JAX.

    Args:
        people: "keypoints" f32[B, K, 2] px, "valid" f32[B, K], "neighbors"
            f32[B, P, K, 2] px, "neighbors_valid" f32[B, P, K], and "area" f32[B] px^2.
        skeleton: K joints.
        key: the same key gives the same errors.
        options: what to add to the paper's errors.

    Returns:
        "keypoints" f32[B, K, 2] px, zero where invalid; "valid" f32[B, K]; "error"
        i32[B, K], index in ``ERRORS``, -1 where invalid.
    """
    keypoints, valid = people["keypoints"], people["valid"]
    keys = jax.random.split(key, 4)
    near = (people["neighbors_valid"] > 0).any(axis=-1)
    probabilities = error_probabilities(
        skeleton, (valid > 0).sum(axis=-1), near.sum(axis=-1)
    )
    if options.quality:
        level = quality(len(valid), options, keys[1])[:, None, None]
        errors = probabilities[..., 1:] * level
        good = 1 - errors.sum(axis=-1, keepdims=True)
        probabilities = jnp.concatenate([good, errors], axis=-1)
    if options.exchanged_limbs:
        moved = exchanged(valid, skeleton, options, keys[2])[..., None]
        mirrored = keypoints[:, skeleton.flip_permutation]
        keypoints = jnp.where(moved, mirrored, keypoints)
    joints, kinds = _candidates({**people, "keypoints": keypoints}, skeleton)
    error, offset = _draw_errors(
        joints, kinds, probabilities.reshape(-1, len(ERRORS)), keys[0]
    )
    error = error.reshape(valid.shape)
    if options.leaves_out:
        kept = given(len(valid), skeleton, options, keys[3])
        error = jnp.where(kept > 0, error, -1)
    alive = error >= 0
    corrupted = keypoints + offset.reshape(keypoints.shape)
    return {
        "keypoints": jnp.where(alive[..., None], corrupted, 0.0),
        "valid": alive.astype(jnp.float32),
        "error": error,
    }


def error_probabilities(skeleton: Skeleton, valid_count, overlap_count):
    """The probability of each error at each joint: i32[B] twice -> f32[B, K, 5]."""
    above_10 = (valid_count > 10).astype(jnp.int32)
    count_range = above_10 + (valid_count > 5)
    crowded = ((valid_count <= 10) & (overlap_count > 0)) | (
        (valid_count <= 15) & (overlap_count >= 3)
    )

    def rows(table, index):
        return jnp.asarray(rows_of(table, skeleton))[index]

    jitter = rows(posefix.JITTER, above_10)
    miss = rows(posefix.MISS, count_range)
    swap = rows(posefix.SWAP, jnp.where(crowded, 0, 1))
    inversion = jnp.broadcast_to(rows_of(posefix.INVERSION, skeleton), jitter.shape)
    good = 1 - jitter - inversion - swap - miss
    return jnp.stack([good, jitter, inversion, swap, miss], axis=-1)


# --- options -----------------------------------------------------------------------


def quality(people: int, options: Options, key):
    """f32[B]: what multiplies a person's error probabilities; 1 for most."""
    draw = jax.random.uniform(key, (2, people))
    return jnp.where(draw[0] < options.quality, draw[1], 1.0)


def exchanged(valid, skeleton: Skeleton, options: Options, key):
    """bool[B, K]: the joints that change places with their mirror joints."""
    joints, limits = options.limbs(skeleton)
    chosen = _row_of(joints, limits, jax.random.uniform(key, valid.shape[:1]))
    there = valid > 0
    return chosen & there & there[:, skeleton.flip_permutation]


def given(people: int, skeleton: Skeleton, options: Options, key):
    """f32[B, K]: 1 for the joints that are not left out."""
    keys = jax.random.split(key, 2)
    joints, limits = options.sets(skeleton)
    draw = jax.random.uniform(keys[0], (2, people))
    few, many = options.lost_joints
    chance = jnp.where(draw[1] < options.many_lost, many, few)[:, None]
    kept = jax.random.uniform(keys[1], (people, len(skeleton))) >= chance
    return (_row_of(joints, limits, draw[0]) & kept).astype(jnp.float32)


def _row_of(rows, limits, draw):
    """The row of the first limit above each draw f32[B], or the last row."""
    return jnp.asarray(rows)[(draw[:, None] >= jnp.asarray(limits)).sum(axis=-1)]


# --- positions -----------------------------------------------------------------------


class _Joints(NamedTuple):
    """N joints, each with its C = 2 + 2 P candidates (``posefix._Joints``)."""

    points: jax.Array  # f32[N, C, 2] px from the own joint
    usable: jax.Array  # f32[N, C], 0 for a missing candidate
    scale: jax.Array  # f32[N, 1], distance at which the similarity is exp(-1 / 2)


def _candidates(people, skeleton: Skeleton) -> tuple[_Joints, np.ndarray]:
    """The ``_Joints`` of a batch, N = B K, and i32[C], the kinds of candidates."""
    mirror = skeleton.flip_permutation
    paired = (mirror != np.arange(len(skeleton)))[:, None]
    own = people["keypoints"][:, :, None]  # (B, K, 1, 2)
    both = jnp.concatenate([own, people["neighbors"].transpose(0, 2, 1, 3)], axis=2)
    points = jnp.concatenate([both, both[:, mirror]], axis=2) - own
    own_valid = people["valid"][:, :, None] > 0
    near_valid = people["neighbors_valid"].transpose(0, 2, 1) > 0
    both = jnp.concatenate([own_valid, near_valid], axis=2)
    usable = jnp.concatenate([both, both[:, mirror] & paired], axis=2) & own_valid
    count, near = points.shape[2], people["neighbors"].shape[1]
    # ``posefix.similarity_distance`` of exp(-1 / 2).
    scale = jnp.sqrt(people["area"])[:, None] * 2 * skeleton.sigma_array
    joints = _Joints(
        points.reshape(-1, count, 2),
        usable.reshape(-1, count).astype(jnp.float32),
        scale.reshape(-1, 1),
    )
    return joints, np.repeat(np.arange(4), [1, near, 1, near])


def _draw_errors(joints: _Joints, kinds, probabilities, key):
    """Chooses an error and its position for each joint (``posefix._draw_errors``).

    Returns:
        i32[N], index in ``ERRORS``, -1 where nothing is possible; f32[N, 2], px from
        the own joint.
    """
    keys = jax.random.split(key, 3)
    startable = jnp.any(joints.usable[:, None] * SOURCES[:, kinds] > 0, axis=-1)
    uniform = 1 - jax.random.uniform(keys[0], probabilities.shape)
    waiting = jnp.where(startable, -jnp.log(uniform) / probabilities, jnp.inf)

    def open_rows(waiting, error):
        return (error < 0) & jnp.isfinite(waiting).any(axis=-1)

    first = jnp.argmin(waiting, axis=-1)
    offset, found = _place(joints, kinds, first, posefix.DRAWS, keys[1])
    possible = jnp.isfinite(waiting).any(axis=-1)
    error = jnp.where(found & possible, first, -1)

    def try_again(state):
        attempt, waiting, error, offset = state
        (rows,) = jnp.nonzero(
            open_rows(waiting, error), size=TRYING_AGAIN, fill_value=len(error)
        )
        some = _Joints(*(values.at[rows].get(mode="clip") for values in joints))
        first = jnp.argmin(waiting.at[rows].get(mode="clip"), axis=-1)
        draw = jax.random.fold_in(keys[2], attempt)
        position, found = _place(some, kinds, first, posefix.MORE_DRAWS, draw)
        # If even MORE_DRAWS find no position, the error is impossible.
        refuted = jnp.where(found, 0.0, jnp.inf)
        return (
            attempt + 1,
            waiting.at[rows, first].add(refuted, mode="drop"),
            error.at[rows].set(jnp.where(found, first, -1), mode="drop"),
            offset.at[rows].set(position, mode="drop"),
        )

    _, _, error, offset = jax.lax.while_loop(
        lambda state: open_rows(state[1], state[2]).any(),
        try_again,
        (0, waiting, error, offset),
    )
    return error, offset


def _place(joints: _Joints, kinds, error, draws: int, key):
    """Looks for a position that an error's ``Rule`` allows (``posefix._place``).

    Returns:
        f32[M, 2] px from the own joint; bool[M], false where no draw was allowed.
    """
    keys = jax.random.split(key, 3)
    shape = (len(error), draws)
    total = jnp.cumsum(
        jnp.asarray(SOURCES[:, kinds])[error] * joints.usable, axis=-1
    )  # (M, C)
    draw = jax.random.uniform(keys[0], shape) * total[:, -1:]
    source = (draw[..., None] >= total[:, None]).sum(axis=-1)
    source = jnp.minimum(source, total.shape[1] - 1)
    low, high, clearance = (
        joints.scale * jnp.asarray(column)[error][:, None]
        for column in posefix.DISTANCES.T
    )
    radius = low + (high - low) * jax.random.uniform(keys[1], shape)
    angle = jax.random.uniform(keys[2], shape, maxval=2 * np.pi)
    direction = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    start = jnp.take_along_axis(joints.points, source[..., None], axis=1)
    position = start + radius[..., None] * direction  # (M, D, 2)

    kept_from = jnp.asarray(KEPT_FROM[:, kinds])[error] * joints.usable
    others = jnp.where(kept_from[..., None] > 0, joints.points, FAR)
    apart = jnp.square(position[:, :, None] - others[:, None]).sum(axis=-1)
    limit = jnp.maximum(jnp.where(clearance > 0, clearance, radius) - ROUNDING, 0)
    allowed = apart.min(axis=-1) > jnp.square(limit)  # (M, D)
    first = jnp.argmax(allowed, axis=1)[:, None, None]
    return jnp.take_along_axis(position, first, axis=1)[:, 0], allowed.any(axis=1)
