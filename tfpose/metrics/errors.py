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
that the five always add up to the labelled joints.
"""

from __future__ import annotations

import numpy as np

from tfpose.metrics.oks import keypoint_similarity

TYPES = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(len(TYPES))
UNLABELLED = -1
# A pose belongs to a person if their OKS is at least this.
MATCHING_OKS = 0.1
GOOD_SIMILARITY = 0.85
NEAR_SIMILARITY = 0.5


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
    keypoints = np.asarray(keypoints, np.float64)
    targets, labelled = np.asarray(targets, np.float64), np.asarray(visible) > 0
    flip = np.asarray(flip_permutation)
    own = np.asarray(own, np.int64)

    def similarity_with(points, labels):  # (N, M, K)
        squared = np.square(keypoints[:, None] - points).sum(axis=-1)
        return np.where(labels, keypoint_similarity(squared, areas, sigmas), 0.0)

    straight = similarity_with(targets, labelled)
    mirrored = similarity_with(targets[:, flip], labelled[:, flip])
    itself = straight[np.arange(len(own)), own]  # (N, K)
    inverted = mirrored[np.arange(len(own)), own]
    is_other = np.arange(len(targets)) != own[:, None]  # (N, M)
    either = np.maximum(straight, mirrored)
    others = np.where(is_other[..., None], either, 0.0).max(axis=1, initial=0.0)

    nearest = np.maximum(np.maximum(itself, inverted), others)
    types = np.where(nearest == inverted, INVERSION, SWAP)
    at_home = np.where(nearest >= GOOD_SIMILARITY, GOOD, JITTER)
    types = np.where(nearest == itself, at_home, types)
    types = np.where(nearest < NEAR_SIMILARITY, MISS, types)
    return np.where(labelled[own], types, UNLABELLED).astype(np.int8)


def count_types(types) -> np.ndarray:
    """How often each type befell each joint: i8[N, K] -> i64[5, K]."""
    types = np.asarray(types)
    return np.stack([(types == kind).sum(axis=0) for kind in range(len(TYPES))])
