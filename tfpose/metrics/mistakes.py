"""What kind of mistake each joint of a pose is.

The taxonomy of Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance
Pose Estimation", ICCV 2017 (arXiv 1707.05388). A joint is compared, by keypoint
similarity (KS), with its own label and with the labels it may have been confused with:

- good: closest to its own label, KS at least .85
- jitter: closest to its own label, KS from .5 up to .85
- inversion: closest to the mirrored joint of the same person, KS at least .5
- swap: closest to that joint, or its mirror, of another person, KS at least .5
- miss: near none of them, every KS below .5

The published script leaves a joint at exactly .85 in no class; here it is good, so
that the five always add up to the labeled joints.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.io.coco import Annotations, Results, rows_by_image
from tfpose.metrics import oks
from tfpose.metrics.oks import keypoint_similarity

TYPES = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(len(TYPES))
# In this order mistakes are undone to see what each kind costs.
CORRECTION_ORDER = ("miss", "swap", "inversion", "jitter")
UNLABELED = -1
# A pose belongs to a person if their OKS is at least this.
MATCHING_OKS = 0.1
GOOD_SIMILARITY = 0.85
NEAR_SIMILARITY = 0.5
# Ronchi and Perona's script leaves smaller people out (COCO's "small").
MINIMUM_AREA = 32.0**2
# Of a photo the best-scored poses are analyzed, as many as COCO's evaluation counts.
POSES_PER_IMAGE = 20


def classify(
    keypoints, own, targets, visible, areas, sigmas, flip_permutation
) -> np.ndarray:
    """The type of each joint of the matched poses of one photo.

    A tie goes to the person itself before its mirror, and to that before others.

    Args:
        keypoints: f64[N, K, 2], px, the poses that belong to somebody.
        own: i64[N], to whom.
        targets: f64[M, K, 2], px, everybody in the photo.
        visible: [M, K], 0 where a joint has no label.
        areas: f64[M], segment areas in px^2; KS uses the compared person's own.
        sigmas: f64[K].
        flip_permutation: i32[K], ``Skeleton.flip_permutation``; a joint that is its
            own mirror has no inversion.

    Returns:
        i8[N, K], positions in ``TYPES``, or -1 where the own joint has no label.
    """
    own = np.asarray(own, np.int64)
    itself, inverted, others = _similarities(
        keypoints, own, targets, visible, areas, sigmas, flip_permutation
    )
    nearest = np.maximum(np.maximum(itself, inverted), others)
    types = np.where(nearest == inverted, INVERSION, SWAP)
    at_home = np.where(nearest >= GOOD_SIMILARITY, GOOD, JITTER)
    types = np.where(nearest == itself, at_home, types)
    types = np.where(nearest < NEAR_SIMILARITY, MISS, types)
    labeled = np.asarray(visible)[own] > 0
    return np.where(labeled, types, UNLABELED).astype(np.int8)


def _similarities(keypoints, own, targets, visible, areas, sigmas, flip_permutation):
    """KS f64[N, K] each: with the own joint, its mirror, the nearest of others."""
    keypoints = np.asarray(keypoints, np.float64)
    targets, labeled = np.asarray(targets, np.float64), np.asarray(visible) > 0
    flip = np.asarray(flip_permutation)

    def similarity_with(points, labels):  # (N, M, K)
        squared = np.square(keypoints[:, None] - points).sum(axis=-1)
        return np.where(labels, keypoint_similarity(squared, areas, sigmas), 0.0)

    straight = similarity_with(targets, labeled)
    mirrored = similarity_with(targets[:, flip], labeled[:, flip])
    rows = np.arange(len(own))
    is_other = np.arange(len(targets)) != own[:, None]  # (N, M)
    either = np.maximum(straight, mirrored)
    others = np.where(is_other[..., None], either, 0.0).max(axis=1, initial=0.0)
    return straight[rows, own], mirrored[rows, own], others


def correct(
    keypoints, own, targets, visible, areas, sigmas, flip_permutation, kinds
) -> np.ndarray:
    """The poses with mistakes of some kinds undone, as far as their kind goes.

    A missed joint comes to KS .5 with its label and a jittered one to .85; an inverted
    or swapped one becomes as near its own label as it was near the wrong one. Joints
    keep their direction from the label. (The published script moves them to the right
    of it, and by half the distance, for it takes sigma for 2 sigma there.)

    Args:
        keypoints: f64[N, K, 2], px, the poses that belong to somebody.
        own: i64[N], to whom.
        targets: f64[M, K, 2], px, everybody in the photo.
        visible: [M, K], 0 where a joint has no label.
        areas: f64[M], px^2.
        sigmas: f64[K].
        flip_permutation: i32[K].
        kinds: names of ``TYPES``.

    Returns:
        f64[N, K, 2] px.
    """
    own, keypoints = np.asarray(own, np.int64), np.asarray(keypoints, np.float64)
    truth = own, targets, visible, areas, sigmas, flip_permutation
    types = classify(keypoints, *truth)
    nearest = np.stack(_similarities(keypoints, *truth)).max(axis=0)
    aims = {MISS: NEAR_SIMILARITY, JITTER: GOOD_SIMILARITY}
    aim = np.select([types == kind for kind in aims], list(aims.values()), nearest)
    wrong = np.isin(types, [TYPES.index(kind) for kind in kinds])
    # The distance at which KS is the aim.
    spread = 2 * np.asarray(sigmas) * np.sqrt(np.asarray(areas, np.float64))[own, None]
    reach = spread * np.sqrt(-2 * np.log(np.where(wrong, aim, 1.0)))
    labels = np.asarray(targets, np.float64)[own]
    away = keypoints - labels
    distance = np.linalg.norm(away, axis=-1, keepdims=True)
    direction = away / np.where(distance > 0, distance, 1.0)
    return np.where(wrong[..., None], labels + direction * reach[..., None], keypoints)


def count_types(types) -> np.ndarray:
    """How often each type befell each joint: i8[N, K] -> i64[5, K]."""
    types = np.asarray(types)
    return np.stack([(types == kind).sum(axis=0) for kind in range(len(TYPES))])


def types_of_people(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> np.ndarray:
    """The type of each joint (Ronchi and Perona, module docstring), by person.

    Poses belong to people as in COCO's evaluation at OKS 0.1, best score first, the
    20 best of a photo; the labeled joints of people who have a pose are counted.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2, smaller people are not analyzed.

    Returns:
        i8[N, K], positions in ``TYPES``; -1 for a joint without a label, and
        for all joints of a person who is not analyzed or has no pose.
    """
    types = np.full(annotations.visible.shape, UNLABELED, np.int8)
    for poses, people, truth in _photos(annotations, results, minimum_area):
        types[people] = classify(results.keypoints[poses], *truth)
    return types


def corrected(
    annotations: Annotations,
    results: Results,
    kinds,
    minimum_area: float = MINIMUM_AREA,
) -> Results:
    """The poses with mistakes of some kinds undone (``correct``).

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``; those that belong to nobody who is
            analyzed stay as they are.
        kinds: names of ``TYPES``.
        minimum_area: px^2, smaller people are not analyzed.
    """
    keypoints = results.keypoints.copy()
    for poses, _, truth in _photos(annotations, results, minimum_area):
        keypoints[poses] = correct(keypoints[poses], *truth, kinds)
    return dataclasses.replace(results, keypoints=keypoints)


def _photos(annotations: Annotations, results: Results, minimum_area: float):
    """Of each photo the rows of the poses that belong to somebody who is analyzed, the
    rows of these people, and what ``classify`` takes of the truth."""
    skeleton = annotations.skeleton
    people_of = rows_by_image(annotations.image_ids)
    ignored = ~annotations.scored | (annotations.areas < minimum_area)
    for image_id, poses in rows_by_image(results.image_ids).items():
        people = people_of.get(image_id, poses[:0])
        poses = poses[np.argsort(-results.pose_scores[poses], kind="stable")]
        poses = poses[:POSES_PER_IMAGE]
        own = _own(annotations.take(people), results.take(poses), ignored[people])
        kept = own >= 0
        # A crowd has no joints of its own; everybody else may have been swapped with.
        truth = (
            own[kept],
            annotations.keypoints[people],
            annotations.visible[people] * ~annotations.crowd[people, None],
            annotations.areas[people],
            skeleton.sigmas,
            skeleton.flip_permutation,
        )
        yield poses[kept], people[own[kept]], truth


def _own(people: Annotations, poses: Results, ignored) -> np.ndarray:
    """i64[poses]: the person of each pose of one photo, -1 for none to analyze."""
    similarity = oks.oks(
        poses.keypoints,
        people.keypoints,
        people.visible,
        people.areas,
        people.skeleton.sigmas,
        people.boxes,
    )
    least = np.array([MATCHING_OKS])
    own = oks.match_poses(similarity, ignored, people.crowd, least)[0]
    return np.where(np.append(ignored, True)[own], -1, own)
