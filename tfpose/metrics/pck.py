"""PCK, PCKh and AUC: the share of joints that are close enough to the truth.

All three divide a joint's distance to its label by a length of the same person and
compare it to a threshold. They differ in the length and in the comparison:

- PCK (Yang and Ramanan, PAMI 2013), as in the papers' common evaluation script for
  LSP: the length is the torso, ``left_shoulder`` to ``right_hip``; a joint *at* the
  threshold counts (<=); threshold 0.2. The texts of some papers, such as HCRN's,
  divide by the longer side of the torso's box instead (``box_lengths``).
- PCKh (Andriluka et al., CVPR 2014): the length is 0.6 of the head box's diagonal;
  threshold 0.5. Papers average it in three ways (``choices.AVERAGINGS``).
- AUC: the area under the PCKh curve from 0 to 0.5.

Joints without a label do not count; a joint that was not predicted is wrong.
"""

from __future__ import annotations

import numpy as np

from tfpose.geometry.arrays import box_around
from tfpose.skeletons import Skeleton

# MPII's two joints that are midpoints of others; published means exclude them.
NOT_IN_MEAN = ("pelvis", "thorax")
# How scripts average PCKh, and what its column "Head" means:
# "joints", pytorch-pose and the hourglass papers: the mean of the joints' rates; a
#   joint at the threshold is wrong (<); the head is its top;
# "labeled", HRNet: the joints' rates weighted by their label counts; a joint at the
#   threshold is right (<=), as in MPII's own tools; the head is its top;
# "pooled", MPII's own tools: the rate of all joints together, which is the same number
#   (<=); the head is the mean of upper neck and top.
# The joints that the papers' column "Head" averages: for PCK (LSP) as the common
# script prints it, for PCKh by averaging.
HEAD = {
    "pck": ("neck", "head_top"),
    "joints": ("head_top",),
    "labeled": ("head_top",),
    "pooled": ("neck", "head_top"),
}
# The 51 points of MPII's AUC (evaluatePCKh of the MPII evaluation tools).
AUC_THRESHOLDS = np.linspace(0.0, 0.5, 51)


def segment_lengths(targets, visible, ends: tuple[int, int]) -> np.ndarray:
    """The distance between two labeled joints of each person.

    Args:
        targets: f64[N, K, 2], px.
        visible: [N, K], 0 where a joint has no label.
        ends: the two joints, such as the torso's.

    Returns:
        f64[N] px; nan if an end has no label.
    """
    targets, visible = np.asarray(targets, np.float64), np.asarray(visible)
    first, second = ends
    lengths = np.linalg.norm(targets[:, first] - targets[:, second], axis=-1)
    return np.where((visible[:, first] > 0) & (visible[:, second] > 0), lengths, np.nan)


def body_lengths(targets, visible, skeleton: Skeleton) -> tuple[str, np.ndarray]:
    """The length of each person for pictures and curves, whatever the skeleton.

    Args:
        targets: f64[N, K, 2], px.
        visible: [N, K], 0 where a joint has no label.
        skeleton: K joints.

    Returns:
        What it is, and f64[N] px: the torso's, or for a skeleton without one half the
        longer side of the box around the labeled joints, as long on a standing person.
    """
    if skeleton.torso is None:
        sides = box_around(targets, visible)[..., 2:]
        return "half the box", sides.max(axis=-1) / 2
    ends = tuple(skeleton.index(joint) for joint in skeleton.torso)
    name = " to ".join(skeleton.torso).replace("_", " ")
    return f"torso ({name})", segment_lengths(targets, visible, ends)


def box_lengths(targets, visible, shoulders, hips) -> np.ndarray:
    """The longer side of the box around each person's labeled shoulders and hips.

    Args:
        targets: f64[N, K, 2], px.
        visible: [N, K], 0 where a joint has no label.
        shoulders: indices of the shoulders.
        hips: indices of the hips.

    Returns:
        f64[N] px, between the outermost points; nan without a labeled shoulder or
        a labeled hip, since the box does not span the torso then.
    """
    corners = [*shoulders, *hips]
    labeled = np.asarray(visible) > 0
    known = labeled[:, corners, None]
    points = np.asarray(targets, np.float64)[:, corners]
    high = np.where(known, points, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(known, points, np.inf).min(axis=1, initial=np.inf)
    spanned = labeled[:, shoulders].any(axis=1) & labeled[:, hips].any(axis=1)
    longer = np.subtract(high, low, where=spanned[:, None], out=np.zeros_like(high))
    return np.where(spanned, longer.max(axis=1), np.nan)


def normalized_distances(keypoints, targets, visible, lengths) -> np.ndarray:
    """Distances of joints to their labels, in lengths of the person.

    Args:
        keypoints: f64[N, K, 2], px; nan if not predicted.
        targets: f64[N, K, 2], px.
        visible: [N, K], 0 where a joint has no label.
        lengths: f64[N], px.

    Returns:
        f64[N, K] >= 0; inf if nothing was predicted; nan if a joint does not count:
        it has no label, or its person's length is nan or not positive.
    """
    keypoints = np.asarray(keypoints, np.float64)
    lengths = np.asarray(lengths, np.float64)[:, None]
    distances = np.linalg.norm(keypoints - np.asarray(targets), axis=-1)
    distances = np.where(np.isnan(distances), np.inf, distances)
    counted = (np.asarray(visible) > 0) & (lengths > 0)
    return np.where(counted, distances, np.nan) / np.where(lengths > 0, lengths, 1.0)


def hit_rates(distances, threshold: float, strict: bool) -> np.ndarray:
    """Per joint, the share of people whose distance is within the threshold.

    Args:
        distances: f64[N, K] of ``normalized_distances``.
        threshold: in the same lengths.
        strict: ``<`` if true, ``<=`` if false.

    Returns:
        f64[K] in percent; nan for a joint that never counts.
    """
    hits = distances < threshold if strict else distances <= threshold
    count = np.sum(~np.isnan(distances), axis=0)
    return 100.0 * hits.sum(axis=0) / np.where(count, count, np.nan)


def pck(distances, threshold: float = 0.2) -> np.ndarray:
    """PCK per joint, f64[K] in percent, from distances f64[N, K] in torso lengths."""
    return hit_rates(distances, threshold, strict=False)


def pckh(distances, threshold: float = 0.5, averaging: str = "joints") -> np.ndarray:
    """PCKh per joint.

    Args:
        distances: f64[N, K] of ``normalized_distances``, in head sizes.
        threshold: in head sizes.
        averaging: of ``choices.AVERAGINGS``; "joints": one at the threshold is wrong.

    Returns:
        f64[K] in percent; nan for a joint that never counts.
    """
    return hit_rates(distances, threshold, strict=averaging == "joints")


def average(rates, distances, averaging: str = "joints") -> float:
    """Averages the rates of all joints.

    Args:
        rates: f64[K] of ``pck``, ``pckh`` or ``auc``; nan if a joint never counts.
        distances: f64[N, K] that gave the rates.
        averaging: "joints" weights all joints equally; the others of
            ``choices.AVERAGINGS`` by label count: the rate of all labeled joints.

    Returns:
        in the unit of ``rates``; nan if no joint counts.
    """
    rates = np.asarray(rates, np.float64)
    counts = np.sum(~np.isnan(distances), axis=0)
    weights = (counts > 0).astype(np.int64) if averaging == "joints" else counts
    total = weights.sum()
    weighted = np.where(weights > 0, rates * weights, 0.0)
    return float(weighted.sum() / total) if total else np.nan


def auc(distances, thresholds=AUC_THRESHOLDS) -> np.ndarray:
    """The area under each joint's PCK curve, the threshold axis scaled to 0..1.

    Args:
        distances: f64[N, K] of ``normalized_distances``. Pass one column for the area
            under the curve of all joints together.
        thresholds: f64[T], rising.

    Returns:
        f64[K] in percent; nan for a joint that never counts.
    """
    curve = np.stack([hit_rates(distances, t, strict=False) for t in thresholds])
    return np.trapezoid(curve, thresholds, axis=0) / (thresholds[-1] - thresholds[0])
