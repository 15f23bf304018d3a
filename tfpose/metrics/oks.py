"""Object keypoint similarity, average precision by it, and suppression by it.

Object keypoint similarity (OKS) is COCO's overlap of two poses: 1 where they are the
same, falling with the distances of their joints in units of the person's size and of
how well people agree on that joint. ``average_precision`` is the evaluation of
https://cocodataset.org/#keypoints-eval for any number of joints; for the 17 of COCO
its ten numbers equal those of pycocotools.
"""

from __future__ import annotations

import numpy as np

from tfpose.poses import rows_by_image

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
# Segment areas in px^2; both limits belong to the range.
AREA_RANGES = {
    "all": (0.0, 1e10),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
POSES_PER_IMAGE = 20
# pycocotools adds it to areas and to denominators.
TINY = np.spacing(1.0)


def keypoint_similarity(squared_distances, areas, sigmas) -> np.ndarray:
    """exp(-d^2 / (2 s^2 k^2)), k = 2 sigma, of single joints.

    Args:
        squared_distances: f64[..., K], px^2.
        areas: f64[...], s^2, the person's segment area in px^2.
        sigmas: f64[K].

    Returns:
        f64[..., K] in 0..1.
    """
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    scale = np.asarray(areas, np.float64)[..., None] + TINY
    return np.exp(-squared_distances / variances / scale / 2)


def oks(keypoints, targets, visible, areas, sigmas, boxes=None) -> np.ndarray:
    """OKS of every pose with every labelled person of a photo.

    Args:
        keypoints: f64[N, K, 2], px.
        targets: f64[M, K, 2], px.
        visible: [M, K], 0 where a joint has no label; such joints count nowhere.
        areas: f64[M], segment areas in px^2.
        sigmas: f64[K].
        boxes: f64[M, 4] xywh. A person without any label is as far as a joint is
            from its box, grown by its own size on each side (inside: OKS 1). Without
            ``boxes`` such a person has OKS 0.

    Returns:
        f64[N, M] in 0..1.
    """
    keypoints = np.asarray(keypoints, np.float64)[:, None]  # (N, 1, K, 2)
    labelled = np.asarray(visible) > 0  # (M, K)
    squared = np.square(keypoints - np.asarray(targets, np.float64)).sum(axis=-1)
    blank = ~labelled.any(axis=1)
    if boxes is not None and blank.any():
        boxes = np.asarray(boxes, np.float64)
        low = (boxes[:, :2] - boxes[:, 2:])[:, None]  # (M, 1, 2)
        high = (boxes[:, :2] + 2 * boxes[:, 2:])[:, None]
        outside = np.maximum(low - keypoints, 0) + np.maximum(keypoints - high, 0)
        from_box = np.square(outside).sum(axis=-1)
        squared = np.where(blank[:, None], from_box, squared)
        labelled = labelled | blank[:, None]
    similarity = keypoint_similarity(squared, areas, sigmas)  # (N, M, K)
    count = labelled.sum(axis=1)
    return np.where(labelled, similarity, 0.0).sum(axis=2) / np.maximum(count, 1)


def match_poses(similarity, ignored, crowd, thresholds) -> np.ndarray:
    """COCO's greedy matching of the poses of one photo to its people.

    In turn each pose takes the most similar person that is free and similar enough;
    one to be ignored only if there is no other. A crowd can be taken again.

    Args:
        similarity: f64[N, M], poses by falling score.
        ignored: bool[M].
        crowd: bool[M].
        thresholds: f64[T], the least similarity of a match.

    Returns:
        i64[T, N], the person of each pose or -1.
    """
    poses, people = similarity.shape
    matches = np.full((len(thresholds), poses), -1, np.int64)
    if people == 0:
        return matches
    free = np.ones((len(thresholds), people), bool)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    for pose in range(poses):
        row = similarity[pose]
        candidate = (row >= least) & (free | crowd)  # (T, M)
        regular = candidate & ~ignored
        candidate = np.where(regular.any(axis=1, keepdims=True), regular, candidate)
        # Of equals the last wins, as in pycocotools.
        value = np.where(candidate, row, -1.0)[:, ::-1]
        best = people - 1 - value.argmax(axis=1)
        found = np.flatnonzero(candidate.any(axis=1))
        matches[found, pose] = best[found]
        free[found, best[found]] = False
    return matches


def average_precision(
    sigmas,
    *,
    target_image_ids,
    targets,
    visible,
    areas,
    boxes,
    crowd,
    image_ids,
    keypoints,
    pose_scores,
    pose_areas=None,
) -> dict[str, float]:
    """COCO's ten numbers for M labelled people and N poses with K joints.

    Precision is averaged over 101 recalls and ten OKS thresholds .50:.05:.95 (AP), or
    at one (AP50, AP75), for people of all sizes, medium (32^2..96^2 px^2) and large
    ones; recall (AR) likewise. Of a photo the 20 best-scored poses count. A crowd, a
    person without labels and one of another size are neither found nor missed.

    Args:
        sigmas: f64[K].
        target_image_ids: i64[M].
        targets: f64[M, K, 2], px.
        visible: [M, K].
        areas: f64[M], px^2.
        boxes: f64[M, 4] xywh, px.
        crowd: bool[M].
        image_ids: i64[N].
        keypoints: f64[N, K, 2], px.
        pose_scores: f64[N].
        pose_areas: f64[N] px^2, decides to which size a false pose belongs; the area
            spanned by its joints if None.

    Returns:
        AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL in 0..1, or -1 where there
        are no people to be found (as pycocotools has it).
    """
    keypoints = np.asarray(keypoints, np.float64)
    if pose_areas is None:
        pose_areas = np.ptp(keypoints, axis=1).prod(axis=1)
    no_poses, no_people = np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows, people = rows_by_image(image_ids), rows_by_image(target_image_ids)
    blank = ~(np.asarray(visible) > 0).any(axis=1)
    photos = []
    for image_id in sorted({*rows, *people}):
        m = people.get(image_id, no_people)
        n = rows.get(image_id, no_poses)
        n = n[np.argsort(-pose_scores[n], kind="stable")][:POSES_PER_IMAGE]
        photos.append(
            {
                "similarity": oks(
                    keypoints[n], targets[m], visible[m], areas[m], sigmas, boxes[m]
                ),
                "areas": areas[m],
                "crowd": crowd[m],
                "unscored": blank[m] | crowd[m],
                "scores": pose_scores[n],
                "pose_areas": pose_areas[n],
            }
        )
    curves = {name: _precision(photos, *AREA_RANGES[name]) for name in AREA_RANGES}
    return _summary(curves)


def _precision(photos, smallest: float, largest: float):
    """Precision f64[T, 101] and recall f64[T] for people of one size, or None."""
    scores, hits, ignored, positives = [], [], [], 0
    for photo in photos:
        areas, pose_areas = photo["areas"], photo["pose_areas"]
        skipped = photo["unscored"] | (areas < smallest) | (areas > largest)
        matches = match_poses(photo["similarity"], skipped, photo["crowd"], THRESHOLDS)
        matched = matches >= 0
        other_size = (pose_areas < smallest) | (pose_areas > largest)
        # -1 looks up the appended False.
        on_skipped = np.append(skipped, False)[matches]
        ignored.append(on_skipped | (~matched & other_size))
        hits.append(matched)
        scores.append(photo["scores"])
        positives += int((~skipped).sum())
    if positives == 0:
        return None
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.concatenate(hits, axis=1)[:, order]
    ignored = np.concatenate(ignored, axis=1)[:, order]
    true = np.cumsum(hits & ~ignored, axis=1)
    false = np.cumsum(~hits & ~ignored, axis=1)
    precision = np.zeros((len(THRESHOLDS), len(RECALLS)))
    recall = np.zeros(len(THRESHOLDS))
    for t in range(len(THRESHOLDS) if len(order) else 0):
        recalls = true[t] / positives
        recall[t] = recalls[-1]
        raw = true[t] / (true[t] + false[t] + TINY)
        envelope = np.maximum.accumulate(raw[::-1])[::-1]
        place = np.searchsorted(recalls, RECALLS, side="left")
        precision[t] = np.append(envelope, 0.0)[place]
    return precision, recall


def _summary(curves) -> dict[str, float]:
    numbers = {}
    for short, part in (("AP", 0), ("AR", 1)):
        for suffix, size, rows in (
            ("", "all", slice(None)),
            ("50", "all", slice(0, 1)),
            ("75", "all", slice(5, 6)),
            ("M", "medium", slice(None)),
            ("L", "large", slice(None)),
        ):
            values = curves[size]
            mean = -1.0 if values is None else float(values[part][rows].mean())
            numbers[short + suffix] = mean
    return numbers


def oks_nms(keypoints, scores, areas, sigmas, threshold: float = 0.9) -> np.ndarray:
    """Which poses of a photo stay when near copies of better ones are dropped.

    Args:
        keypoints: f64[N, K, 2], px.
        scores: f64[N].
        areas: f64[N], px^2, of the poses' boxes; two poses are compared at the mean
            of their areas (PoseFix's code takes the area of the crops).
        sigmas: f64[K].
        threshold: a pose goes if its OKS with a better one that stays is above.

    Returns:
        i64[M], the rows that stay, best score first.
    """
    keypoints = np.asarray(keypoints, np.float64)
    areas = np.asarray(areas, np.float64)
    waiting = np.argsort(-np.asarray(scores), kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        squared = np.square(keypoints[waiting] - keypoints[best]).sum(axis=-1)
        mean_areas = (areas[waiting] + areas[best]) / 2
        same = keypoint_similarity(squared, mean_areas, sigmas).mean(axis=-1)
        waiting = waiting[same <= threshold]
    return np.array(kept, np.int64)
