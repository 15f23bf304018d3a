"""Turns annotations into a simulated method's results, with realistic errors."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfpose.geometry import tensors
from tfpose.io.coco import Annotations, rows_by_image
from tfpose.io.coco_records import result_entry
from tfpose.synthesis import posefix


def corrupt(annotations: Annotations, seed: int = 0) -> list[dict]:
    """Corrupts every annotated person as PoseFix's training does.

    Args:
        annotations: N people; crowds and people without a labeled joint are left out.
        seed: the same seed makes the same errors.

    Returns:
        COCO-results entries with an ``annotation_id``. Methods place every joint:
        unlabeled ones get the mean of the labeled ones and score 0.
    """
    people = annotations.take(annotations.scored)
    valid = (people.visible > 0).astype(np.float32)
    neighbors, neighbors_valid = _neighbors(people, valid)
    wrong = posefix.synthesize(
        tf.constant(people.keypoints, tf.float32),
        tf.constant(valid),
        neighbors,
        neighbors_valid,
        tf.constant(people.boxes[:, 2] * people.boxes[:, 3], tf.float32),
        people.skeleton,
        tf.constant([seed, 0]),
    )
    there = wrong["valid"].numpy()
    middle = (people.keypoints * valid[..., None]).sum(1) / valid.sum(1)[:, None]
    keypoints = np.where(there[..., None] > 0, wrong["keypoints"], middle[:, None])
    return [
        result_entry(
            people.image_ids[row],
            keypoints[row],
            there[row],
            1.0,
            annotation_id=int(people.ids[row]),
        )
        for row in range(len(people))
    ]


def _neighbors(people: Annotations, valid):
    """Each person's overlapping people: f32[N, P, K, 2] and f32[N, P, K], padded."""
    groups = [[] for _ in range(len(people))]
    for rows in rows_by_image(people.image_ids).values():
        boxes = people.boxes[rows].astype(np.float32)
        overlap = tensors.box_overlap(boxes, np.tile(boxes, (len(rows), 1, 1))).numpy()
        for place, row in enumerate(rows):
            near = overlap[place] >= posefix.NEIGHBOR_OVERLAP
            groups[row] = [other for other in rows[near] if other != row]
    most = max(map(len, groups), default=0)
    shape = (len(people), most, len(people.skeleton))
    points, there = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    for row, group in enumerate(groups):
        points[row, : len(group)] = people.keypoints[group]
        there[row, : len(group)] = valid[group]
    return tf.constant(points), tf.constant(there)
