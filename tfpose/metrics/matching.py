"""Which pose belongs to which person, for metrics that know one pose a person."""

from __future__ import annotations

import numpy as np

from tfpose.metrics.oks import oks
from tfpose.pose_entries import boxes_around
from tfpose.poses import (
    Annotations,
    PoseFileError,
    Results,
    rows_by_image,
)


def match_people(annotations: Annotations, results: Results) -> np.ndarray:
    """Finds the pose by which each person is scored.

    A pose with the key "annotation_id" belongs to that person; of several, the one
    with the best score. In each photo, of the people and poses left: one person and
    one pose belong together wherever they are; otherwise the pair with the largest
    OKS is taken first, then the next, and when no OKS is above 0 the pairs whose boxes
    overlap most. A crowd and a person without labels get no pose.

    Returns:
        i64[N], rows of ``results``, -1 for a person without a pose.

    Raises:
        PoseFileError: an ``annotation_id`` is unknown or of another photo.
    """
    matches, named = _match_by_id(annotations, results)
    scored = annotations.scored
    poses_of = rows_by_image(results.image_ids)
    for image_id, rows in rows_by_image(annotations.image_ids).items():
        people = rows[scored[rows] & (matches[rows] < 0)]
        poses = poses_of.get(image_id, rows[:0])
        poses = poses[~named[poses]]
        if len(people) == 1 and len(poses) == 1:
            matches[people] = poses
        elif len(people) and len(poses):
            pairs = _pair_up(annotations.take(people), results.take(poses))
            for person, pose in pairs:
                matches[people[person]] = poses[pose]
    return matches


def _match_by_id(annotations, results) -> tuple[np.ndarray, np.ndarray]:
    """i64[people] matches by "annotation_id", and bool[poses] which have that key."""
    matches = np.full(len(annotations), -1, np.int64)
    named = np.array(["annotation_id" in entry for entry in results.entries], bool)
    place = {annotation_id: row for row, annotation_id in enumerate(annotations.ids)}
    rows = np.flatnonzero(named)
    for row in rows[np.argsort(-results.pose_scores[rows], kind="stable")]:
        image_id = results.image_ids[row]
        annotation_id = results.entries[row]["annotation_id"]
        person = place.get(annotation_id)
        if person is None or annotations.image_ids[person] != image_id:
            raise PoseFileError(
                f"record {results.positions[row]} (image_id {image_id}): expected the "
                f"annotation_id of a person in that image, found {annotation_id!r}"
            )
        if matches[person] < 0:
            matches[person] = row
    return matches, named


def _pair_up(people: Annotations, poses: Results) -> list[tuple[int, int]]:
    """Greedy pairs (person, pose) of one photo, by OKS and then by box overlap."""
    sigmas = people.skeleton.sigmas
    similarity = oks(
        poses.keypoints, people.keypoints, people.visible, people.areas, sigmas
    ).T
    everywhere = np.ones(poses.keypoints.shape[:2], bool)
    overlap = overlaps(people.boxes, boxes_around(poses.keypoints, everywhere))
    pairs, free = [], np.ones(similarity.shape, bool)
    for likeness in (similarity, overlap):
        while (value := np.where(free, likeness, 0.0)).max() > 0:
            person, pose = np.unravel_index(value.argmax(), value.shape)
            pairs.append((int(person), int(pose)))
            free[person], free[:, pose] = False, False
    return pairs


def overlaps(boxes, others) -> np.ndarray:
    """Intersection over union of boxes f64[N, 4] with f64[M, 4] xywh: f64[N, M]."""
    boxes = boxes[:, None]
    low = np.maximum(boxes[..., :2], others[:, :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], others[:, :2] + others[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=-1)
    union = boxes[..., 2:].prod(axis=-1) + others[:, 2:].prod(axis=-1) - common
    return common / np.where(union > 0, union, 1.0)
