"""What kind of mistake befell each joint of each annotated person."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.metrics import errors, oks
from tfpose.poses import Annotations, Results, rows_by_image

# Ronchi and Perona's script leaves smaller people out (COCO's "small").
MINIMUM_AREA = 32.0**2
# Of a photo the best-scored poses are analysed, as many as COCO's evaluation counts.
POSES_PER_IMAGE = 20


def types_of_people(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> np.ndarray:
    """The type of each joint (Ronchi and Perona, ``metrics.errors``), by person.

    Poses belong to people as in COCO's evaluation at OKS 0.1, best score first, the
    20 best of a photo; the labelled joints of people who have a pose are counted.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2, smaller people are not analysed.

    Returns:
        i8[N, K], positions in ``errors.TYPES``; -1 for a joint without a label, and
        for all joints of a person who is not analysed or has no pose.
    """
    types = np.full(annotations.visible.shape, errors.UNLABELLED, np.int8)
    for poses, people, truth in _photos(annotations, results, minimum_area):
        types[people] = errors.classify(results.keypoints[poses], *truth)
    return types


def corrected(
    annotations: Annotations,
    results: Results,
    kinds,
    minimum_area: float = MINIMUM_AREA,
) -> Results:
    """The poses with mistakes of some kinds undone (``errors.correct``).

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``; those that belong to nobody who is
            analysed stay as they are.
        kinds: names of ``errors.TYPES``.
        minimum_area: px^2, smaller people are not analysed.
    """
    keypoints = results.keypoints.copy()
    for poses, _, truth in _photos(annotations, results, minimum_area):
        keypoints[poses] = errors.correct(keypoints[poses], *truth, kinds)
    return dataclasses.replace(results, keypoints=keypoints)


def _photos(annotations: Annotations, results: Results, minimum_area: float):
    """Of each photo the rows of the poses that belong to somebody who is analysed, the
    rows of these people, and what ``errors.classify`` takes of the truth."""
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
    """i64[poses]: the person of each pose of one photo, -1 for none to analyse."""
    similarity = oks.oks(
        poses.keypoints,
        people.keypoints,
        people.visible,
        people.areas,
        people.skeleton.sigmas,
        people.boxes,
    )
    least = np.array([errors.MATCHING_OKS])
    own = oks.match_poses(similarity, ignored, people.crowd, least)[0]
    return np.where(np.append(ignored, True)[own], -1, own)
