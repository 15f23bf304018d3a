"""Classifies the mistake at each joint of a pose.

The taxonomy of Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance
Pose Estimation", ICCV 2017 (arXiv 1707.05388). Keypoint similarity (KS) compares a
joint to its own label and to the labels it may be confused with:

- good: closest to its own label, KS at least .85
- jitter: closest to its own label, KS from .5 up to .85
- inversion: closest to the mirrored joint of the same person, KS at least .5
- swap: closest to that joint, or its mirror, of another person, KS at least .5
- miss: near none of them, every KS below .5

The published script puts a joint at exactly .85 in no class. Here it is good, so the
five classes always add up to the labeled joints.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.io.coco import Annotations, Results, rows_by_image
from tfpose.metrics import oks
from tfpose.metrics.oks import keypoint_similarity

TYPES = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(len(TYPES))
# The order in which mistakes are undone to find what each kind costs.
CORRECTION_ORDER = ("miss", "swap", "inversion", "jitter")
UNLABELED = -1
# A pose matches a person if their OKS is at least this.
MATCHING_OKS = 0.1
GOOD_SIMILARITY = 0.85
NEAR_SIMILARITY = 0.5
# Ronchi and Perona's script leaves smaller people out (COCO's "small").
MINIMUM_AREA = 32.0**2
# The best-scored poses of a photo to analyze, as many as COCO's evaluation counts.
POSES_PER_IMAGE = 20


def classify(
    keypoints, own, targets, visible, areas, sigmas, flip_permutation
) -> np.ndarray:
    """The type of each joint of the matched poses of one photo.

    In a tie the own label wins over its mirror, and the mirror over other people.

    Args:
        keypoints: f64[N, K, 2], px, the matched poses.
        own: i64[N], the person of each pose.
        targets: f64[M, K, 2], px, all people in the photo.
        visible: [M, K], 0 for an unlabeled joint.
        areas: f64[M], segment areas in px^2; KS uses that of the compared person.
        sigmas: f64[K].
        flip_permutation: i32[K], ``Skeleton.flip_permutation``; a joint that is its
            own mirror has no inversion.

    Returns:
        i8[N, K], indices into ``TYPES``, or -1 if the own joint has no label.
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
    """KS f64[N, K] each: to the own joint, its mirror, and the nearest other."""
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
    """Undoes some kinds of mistakes in poses, each only as far as its kind goes.

    Moves a missed joint to KS .5 with its label and a jittered one to .85; puts an
    inverted or swapped one as near its own label as it was to the wrong one. Joints
    keep their direction from the label. (The published script moves them to the right
    of it, and by half the distance, since it takes sigma for 2 sigma there.)

    Args:
        keypoints: f64[N, K, 2], px, the matched poses.
        own: i64[N], the person of each pose.
        targets: f64[M, K, 2], px, all people in the photo.
        visible: [M, K], 0 for an unlabeled joint.
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
    """Counts each type per joint: i8[N, K] -> i64[5, K]."""
    types = np.asarray(types)
    return np.stack([(types == kind).sum(axis=0) for kind in range(len(TYPES))])


def types_of_people(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> np.ndarray:
    """The type of each person's joints (Ronchi and Perona, module docstring).

    Matches the 20 best poses of a photo to people as COCO's evaluation does, at OKS
    0.1 and best score first; classifies the labeled joints of matched people.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2; skips smaller people.

    Returns:
        i8[N, K], indices into ``TYPES``; -1 for a joint without a label, and for all
        joints of a person who is skipped or has no pose.
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
    """Undoes some kinds of mistakes in poses (``correct``).

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``; those that match no analyzed
            person stay unchanged.
        kinds: names of ``TYPES``.
        minimum_area: px^2; skips smaller people.
    """
    keypoints = results.keypoints.copy()
    for poses, _, truth in _photos(annotations, results, minimum_area):
        keypoints[poses] = correct(keypoints[poses], *truth, kinds)
    return dataclasses.replace(results, keypoints=keypoints)


def _photos(annotations: Annotations, results: Results, minimum_area: float):
    """Yields for each photo the rows of the matched poses, the rows of their people,
    and the arguments of ``classify`` about the truth."""
    skeleton = annotations.skeleton
    people_of = rows_by_image(annotations.image_ids)
    ignored = ~annotations.scored | (annotations.areas < minimum_area)
    for image_id, poses in rows_by_image(results.image_ids).items():
        people = people_of.get(image_id, poses[:0])
        poses = poses[np.argsort(-results.pose_scores[poses], kind="stable")]
        poses = poses[:POSES_PER_IMAGE]
        own = _own(annotations.take(people), results.take(poses), ignored[people])
        kept = own >= 0
        # A crowd has no joints of its own; a swap with anyone else is possible.
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
    """i64[poses]: each pose's person in one photo, -1 for none to analyze."""
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
