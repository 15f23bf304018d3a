"""Groups detections into people by their tags, as Associative Embedding does.

Newell, Huang and Deng, NIPS 2017, after the authors' code (pose-ae-train). NumPy
and SciPy only. Points are (x, y) in heatmap cells (H, ``tfpose.geometry.tensors``).

Departures from that code: people with equal tags stay apart (there, the tag is a
person's key); after ``most_people``, people still receive joints (there, missing joints
are only filled in); among equal neighboring cells only the first is a peak (there, each
is); a peak between equal neighbors stays (there, it moves up and left); a filled-in
joint scores its detection (there, 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import linear_sum_assignment

from tfpose.errors import TfposeError
from tfpose.skeletons import Skeleton, bare_name

# From easy joints, which should start a person, to difficult ones. For COCO this is the
# authors' order.
EASY_FIRST = (
    "nose eye ear head_top head_bottom neck thorax shoulder pelvis hip elbow wrist "
    "knee ankle"
).split()


def joint_order(skeleton: Skeleton) -> tuple[int, ...]:
    """The skeleton's joints from easy to difficult, unknown names last."""

    def difficulty(joint):
        name = bare_name(skeleton.joints[joint])
        return EASY_FIRST.index(name) if name in EASY_FIRST else len(EASY_FIRST)

    return tuple(sorted(range(len(skeleton)), key=difficulty))


def group(
    detections,
    tags,
    order: Sequence[int],
    detection_threshold: float = 0.1,
    tag_threshold: float = 1.0,
    most_people: int = 30,
) -> tuple[np.ndarray, np.ndarray]:
    """Groups the joints found in a photo into people.

    Joint by joint, each peak goes to the person whose mean tag is near; leftover peaks
    start new people. A joint that a person still lacks is placed where the detection
    minus the rounded tag distance is largest.

    Args:
        detections: f32[h, w, K], about 1 at a joint.
        tags: f32[h, w, K], or f32[h, w, K, T] from T runs on the photo; distances are
            Euclidean. Tags may have r times fewer rows and columns (EnhanceNet): a
            joint then takes the tag of the cell it lies in, and a peak is the largest
            detection within the size of one such cell.
        order: the K joints in the order to assign them (``joint_order``).
        detection_threshold: minimum for peaks; filled-in joints may be weaker.
        tag_threshold: maximum distance from a joint's tag to its person's mean.
        most_people: keeps at most this many people, and this many peaks per joint,
            strongest first.

    Returns:
        keypoints f32[P, K, 2], the peak's cell, moved a quarter cell toward the larger
        neighbor along each axis; scores f32[P, K], the detection there. A joint that
        was not found has score 0 and lies at (0, 0).

    Raises:
        TfposeError: maps of different shapes, or an order that is not of the K joints.
    """
    detections, tags = np.asarray(detections), np.asarray(tags)
    reach = _enlargement(detections.shape, tags.shape)
    if not reach:
        raise TfposeError(
            "detections, tags: expected (h, w, K) and, with the same rows and columns "
            "or r times fewer, (h, w, K) or (h, w, K, T), got "
            f"{detections.shape} and {tags.shape}"
        )
    joints = detections.shape[2]
    if sorted(order) != list(range(joints)):
        raise TfposeError(f"order: expected all of {joints} joints, got {tuple(order)}")
    tags = tags.repeat(reach, axis=0).repeat(reach, axis=1)
    flat_tags = tags.reshape(detections.shape[0] * detections.shape[1], joints, -1)
    cells = np.full((0, joints), -1)  # each person's joints, -1 where one is missing
    for joint in order:
        peaks = find_peaks(
            detections[..., joint], detection_threshold, most_people, reach
        )
        cells = _give(cells, joint, peaks, detections, flat_tags, tag_threshold)
        cells = cells[:most_people]
    cells = _fill(cells, detections.reshape(-1, joints), flat_tags)
    return _positions(cells, detections)


def _enlargement(detections: tuple, tags: tuple) -> int:
    """r, from both shapes; 0 if they do not fit."""
    if len(detections) != 3 or len(tags) not in (3, 4):
        return 0
    reach = detections[0] // tags[0] if tags[0] else 1
    fits = detections == (reach * tags[0], reach * tags[1], tags[2])
    return reach if fits else 0


def find_peaks(detection, threshold: float, most: int, reach: int = 1) -> np.ndarray:
    """Finds the cells that are larger than all cells around them.

    Args:
        detection: f32[h, w].
        threshold: peaks are above it.
        most: keeps at most this many peaks, largest first.
        reach: how many cells "around" extends along rows and columns; 1 means the
            eight neighbors.

    Returns:
        i64[n], row-major cell indices, largest detection first.
    """
    around = {"size": 2 * reach + 1, "mode": "constant", "cval": -np.inf}
    largest = detection == maximum_filter(detection, **around)
    largest &= detection > threshold
    # Among equal cells, the first is the peak.
    place = np.arange(detection.size).reshape(detection.shape)
    first = np.where(largest, -place, -np.inf)
    cells = np.flatnonzero(largest & (first == maximum_filter(first, **around)))
    return cells[np.argsort(-detection.flat[cells], kind="stable")[:most]]


def _give(cells, joint, peaks, detections, tags, tag_threshold) -> np.ndarray:
    """Assigns one joint's peaks to people, and adds new people for the others.

    Minimizes the sum of the rounded tag distances; because of the rounding, the larger
    detection wins when tags are about equally near.
    """
    apart = tags[peaks, joint][:, None] - _mean_tags(cells, tags)
    distances = np.linalg.norm(apart, axis=-1)
    scores = detections[..., joint].flat[peaks]
    costs = 100 * np.round(distances) - scores[:, None]
    rows, people = linear_sum_assignment(costs)
    near = distances[rows, people] < tag_threshold
    rows, people = rows[near], people[near]
    begin = np.delete(peaks, rows)
    given = np.concatenate([cells, np.full((len(begin), cells.shape[1]), -1)])
    given[people, joint] = peaks[rows]
    given[len(cells) :, joint] = begin
    return given


def _mean_tags(cells, tags) -> np.ndarray:
    """f64[P, T], over the joints that each person has."""
    found = (cells >= 0)[..., None]
    values = np.where(found, tags[cells, np.arange(cells.shape[1])], 0.0)
    return values.sum(axis=1) / found.sum(axis=1)


def _fill(cells, detections, tags) -> np.ndarray:
    """Fills in cells for missing joints; -1 if nothing is detected at all.

    Args:
        cells: i64[P, K].
        detections: f32[h * w, K].
        tags: f32[h * w, K, T].
    """
    means, filled = _mean_tags(cells, tags), cells.copy()
    for person, joint in np.argwhere(cells < 0):
        distances = np.round(np.linalg.norm(tags[:, joint] - means[person], axis=-1))
        cell = np.argmax(detections[:, joint] - distances)
        if detections[cell, joint] > 0:
            filled[person, joint] = cell
    return filled


def _positions(cells, detections) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints f32[P, K, 2] and scores f32[P, K] of cells i64[P, K]."""
    height, width, joints = detections.shape
    channel = np.arange(joints)
    y, x = np.maximum(cells, 0) // width, np.maximum(cells, 0) % width
    right, left = np.minimum(x + 1, width - 1), np.maximum(x - 1, 0)
    below, above = np.minimum(y + 1, height - 1), np.maximum(y - 1, 0)
    across = detections[y, right, channel] - detections[y, left, channel]
    down = detections[below, x, channel] - detections[above, x, channel]
    shifted = np.stack([x + np.sign(across) / 4, y + np.sign(down) / 4], axis=-1)
    found = cells >= 0
    keypoints = np.where(found[..., None], shifted, 0)
    scores = np.where(found, detections[y, x, channel], 0)
    return keypoints.astype(np.float32), scores.astype(np.float32)
