"""Matches poses to people, for metrics that score one pose per person."""

from __future__ import annotations

import numpy as np

from tfpose.errors import PoseFileError, shown
from tfpose.geometry.arrays import box_around, overlaps
from tfpose.io.coco import Annotations, Results
from tfpose.io.json_files import id_of
from tfpose.metrics.oks import keypoint_similarity

# Person-pose pairs compared per chunk, to bound memory.
PAIRS_AT_ONCE = 50_000


def match_people(annotations: Annotations, results: Results) -> np.ndarray:
    """Finds the pose to score for each person.

    A pose with the key "annotation_id" belongs to that person; if there are several,
    the best-scored one. Then, in each photo: if one person and one pose are left, they
    match wherever they are. Otherwise pairs match greedily, largest OKS first; once no
    OKS is above 0, largest box overlap first. Crowds and people without labels get no
    pose.

    Returns:
        i64[N], rows of ``results``, -1 for a person without a pose.

    Raises:
        PoseFileError: an ``annotation_id`` is unknown or belongs to another photo.
    """
    matches, named = _match_by_id(annotations, results)
    people = np.flatnonzero(annotations.scored & (matches < 0))
    poses = np.flatnonzero(~named)
    # Photo indices, shared by both sides.
    photos = np.concatenate([annotations.image_ids[people], results.image_ids[poses]])
    _, photos = np.unique(photos, return_inverse=True)
    rows, columns = _pairs(photos[: len(people)], photos[len(people) :])
    alone = (np.bincount(rows, minlength=len(people)) == 1)[rows]
    alone &= (np.bincount(columns, minlength=len(poses)) == 1)[columns]
    matches[people[rows[alone]]] = poses[columns[alone]]
    rows, columns = people[rows[~alone]], poses[columns[~alone]]
    for likeness in (_similarity, _overlap):
        _take_best(
            rows, columns, likeness(annotations, results, rows, columns), matches
        )
        free = (matches[rows] < 0) & ~np.isin(columns, matches)
        rows, columns = rows[free], columns[free]
    return matches


def _pairs(one, other) -> tuple[np.ndarray, np.ndarray]:
    """All index pairs of i64[N] and i64[M] with equal values, by rising rows."""
    order = np.argsort(other, kind="stable")
    ordered = other[order]
    start = np.searchsorted(ordered, one, side="left")
    count = np.searchsorted(ordered, one, side="right") - start
    rows = np.repeat(np.arange(len(one)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, order[start[rows] + within]


def _take_best(rows, columns, values, matches) -> None:
    """Adds pairs (person, pose) to ``matches``, largest value above 0 first."""
    taken: set[int] = set()
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > 0]
    for person, pose in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if matches[person] < 0 and pose not in taken:
            matches[person] = pose
            taken.add(pose)


def _similarity(annotations, results, rows, columns) -> np.ndarray:
    """OKS f64[P] of pairs of people and poses, where missing joints are wrong."""
    values, sigmas = [np.zeros(0)], annotations.skeleton.sigmas
    for start in range(0, len(rows), PAIRS_AT_ONCE):
        people = rows[start : start + PAIRS_AT_ONCE]
        poses = columns[start : start + PAIRS_AT_ONCE]
        away = results.keypoints[poses] - annotations.keypoints[people]
        squared = np.square(away).sum(axis=-1)
        labeled = annotations.visible[people] > 0
        near = keypoint_similarity(squared, annotations.areas[people], sigmas)
        found = near * (labeled & results.placed[poses])
        values.append(found.sum(axis=1) / labeled.sum(axis=1))
    return np.concatenate(values)


def _overlap(annotations, results, rows, columns) -> np.ndarray:
    """Intersection over union f64[P] of pairs of people's and poses' boxes."""
    found = box_around(results.keypoints[columns], results.placed[columns])
    return overlaps(annotations.boxes[rows], found)


def _match_by_id(annotations, results) -> tuple[np.ndarray, np.ndarray]:
    """i64[people], matches by "annotation_id"; bool[poses], those with that key."""
    matches = np.full(len(annotations), -1, np.int64)
    named = np.array(["annotation_id" in entry for entry in results.entries], bool)
    place = {annotation_id: row for row, annotation_id in enumerate(annotations.ids)}
    rows = np.flatnonzero(named)
    for row in rows[np.argsort(-results.pose_scores[rows], kind="stable")]:
        image_id = results.image_ids[row]
        annotation_id = results.entries[row]["annotation_id"]
        person = place.get(id_of(annotation_id))
        if person is None or annotations.image_ids[person] != image_id:
            raise PoseFileError(
                f"record {results.positions[row]} (image_id {image_id}): expected the "
                f"annotation_id of a person in that image, found {shown(annotation_id)}"
            )
        if matches[person] < 0:
            matches[person] = row
    return matches, named
