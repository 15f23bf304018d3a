"""Scores a file of poses against annotations, and says what is wrong with them.

``evaluate_poses`` gives one number a question (PCK, PCKh, AUC, OKS-AP),
``analyze_poses`` the share of each kind of mistake, ``format_table`` prints either,
for one set of poses or before -> after.
"""

from __future__ import annotations

import numpy as np

from tfpose.metrics import errors, oks, pck
from tfpose.metrics.matching import match_people
from tfpose.poses import Annotations, PoseFileError, Results, rows_by_image
from tfpose.skeleton import bare_name

# The thresholds of the published numbers.
DEFAULT_THRESHOLDS = {"pck": 0.2, "pckh": 0.5, "auc": 0.5, "oks": None}
METRICS = tuple(DEFAULT_THRESHOLDS)
AUC_STEPS = 51
# Ronchi and Perona's script leaves smaller people out (COCO's "small").
MINIMUM_AREA = 32.0**2
# Of a photo the best-scored poses are analysed, as many as COCO's evaluation counts.
POSES_PER_IMAGE = 20


def evaluate_poses(
    annotations: Annotations,
    results: Results,
    metric: str,
    threshold: float | None = None,
) -> dict:
    """Scores poses by one metric.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        metric: "pck" (in torso lengths), "pckh" (in head sizes, needs the annotations'
            ``head_size``), "auc" (area under PCKh, or under PCK where no person has a
            head size) or "oks" (COCO's average precision).
        threshold: in the metric's lengths; the end of the curve for "auc"; the
            published one if None. "oks" has none.

    Returns:
        For "oks" "metric", "people", "poses" and COCO's ten numbers in 0..1 (-1: there
        is nobody to be found). Otherwise, in percent, "metric", "threshold", "mean",
        "weighted_mean" (over all labelled joints alike), "per_joint" {joint: value or
        None if never labelled} and "groups" {joint without left_ and right_: mean of
        both sides}; and the counts "people", "missing" (no pose belongs to them: all
        their joints are wrong), "unused_poses", "without_length" (not scored: their
        torso or head size is not known) and the "length" that normalised.

    Raises:
        ValueError: no such metric, a threshold it does not take, or no pycocotools.
        PoseFileError: no head sizes, or an ``annotation_id`` that does not belong.
    """
    if metric not in METRICS:
        known = ", ".join(METRICS)
        raise ValueError(f"metric {metric!r}: expected one of {known}")
    if metric == "oks":
        if threshold is not None:
            raise ValueError("metric oks averages over ten thresholds: give none")
        return {
            "metric": "oks",
            "people": int(annotations.scored.sum()),
            "poses": len(results),
            **oks.average_precision(annotations, results),
        }
    if threshold is None:
        threshold = DEFAULT_THRESHOLDS[metric]
    if not threshold > 0:
        raise ValueError(f"threshold of {metric}: expected > 0, found {threshold}")
    return _joint_rates(annotations, results, metric, threshold)


def _joint_rates(annotations, results, metric, threshold) -> dict:
    """PCK, PCKh or AUC: the dictionary that ``evaluate_poses`` describes."""
    matches = match_people(annotations, results)
    scored = annotations.scored
    people, matches = annotations.take(scored), matches[scored]
    keypoints = np.full(people.keypoints.shape, np.nan)
    keypoints[matches >= 0] = results.keypoints[matches[matches >= 0]]
    length, lengths = _lengths(people, metric)
    distances = pck.normalised_distances(
        keypoints, people.keypoints, people.visible, lengths
    )
    joints = people.skeleton.joints
    in_mean = np.array([joint not in pck.NOT_IN_MEAN for joint in joints])
    if metric == "auc":
        thresholds = np.linspace(0.0, threshold, AUC_STEPS)
        rates = pck.auc(distances, thresholds)
        pooled = pck.auc(distances[:, in_mean].reshape(-1, 1), thresholds)
    else:
        rate = {"pck": pck.pck, "pckh": pck.pckh}[metric]
        rates = rate(distances, threshold)
        pooled = rate(distances[:, in_mean].reshape(-1, 1), threshold)
    groups: dict[str, list] = {}
    for joint, value in zip(joints, rates, strict=True):
        groups.setdefault(bare_name(joint), []).append(value)
    return {
        "metric": metric,
        "threshold": float(threshold),
        "mean": _mean(rates[in_mean]),
        "weighted_mean": _mean(pooled),
        "per_joint": {j: _mean([v]) for j, v in zip(joints, rates, strict=True)},
        "groups": {joint: _mean(values) for joint, values in groups.items()},
        "people": len(people),
        "missing": int((matches < 0).sum()),
        "unused_poses": len(results) - int((matches >= 0).sum()),
        "without_length": int((~(lengths > 0)).sum()),
        "length": length,
    }


def _mean(values) -> float | None:
    """The mean of the values that are not nan; None if there are none."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def _lengths(people: Annotations, metric: str) -> tuple[str, np.ndarray]:
    """What normalises distances, in words, and f64[N] px."""
    have_heads = bool((people.head_sizes > 0).any())
    if metric == "pckh" and not have_heads:
        raise PoseFileError(
            "metric pckh: expected annotations with a 'head_size' in px, found none "
            f"among {len(people)} people"
        )
    if metric == "pckh" or (metric == "auc" and have_heads):
        return "head size", people.head_sizes
    skeleton = people.skeleton
    first, second = (skeleton.index(joint) for joint in skeleton.torso)
    lengths = pck.segment_lengths(people.keypoints, people.visible, (first, second))
    return f"torso ({skeleton.torso[0]} to {skeleton.torso[1]})", lengths


def analyze_poses(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> dict:
    """The share of each kind of mistake (Ronchi and Perona, ``metrics.errors``).

    Poses belong to people as in COCO's evaluation at OKS 0.1, best score first, the
    20 best of a photo; the labelled joints of people who have a pose are counted.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2, smaller people are not analysed.

    Returns:
        "good", "jitter", "inversion", "swap", "miss" in percent of the joints (None
        without any); "per_joint" {joint: the same five}; "counts" {type: joints}; and
        "joints", "matched_people", "unmatched_people", "unmatched_poses" (also those
        on a crowd or a small person).
    """
    skeleton = annotations.skeleton
    people_of = rows_by_image(annotations.image_ids)
    ignored = ~annotations.scored | (annotations.areas < minimum_area)
    counts = np.zeros((len(errors.TYPES), len(skeleton)), np.int64)
    matched = 0
    for image_id, poses in rows_by_image(results.image_ids).items():
        people = people_of.get(image_id, poses[:0])
        poses = poses[np.argsort(-results.pose_scores[poses], kind="stable")]
        poses = poses[:POSES_PER_IMAGE]
        unscored = ignored[people]
        own = _belongs_to(annotations.take(people), results.take(poses), unscored)
        kept = own >= 0
        matched += int(kept.sum())
        # A crowd has no joints of its own; everybody else may have been swapped with.
        types = errors.classify(
            results.keypoints[poses[kept]],
            own[kept],
            annotations.keypoints[people],
            annotations.visible[people] * ~annotations.crowd[people, None],
            annotations.areas[people],
            skeleton.sigmas,
            skeleton.flip_permutation,
        )
        counts += errors.count_types(types)
    return {
        **_shares(counts.sum(axis=1)),
        "per_joint": {
            joint: _shares(counts[:, k]) for k, joint in enumerate(skeleton.joints)
        },
        "counts": dict(zip(errors.TYPES, counts.sum(axis=1).tolist(), strict=True)),
        "joints": int(counts.sum()),
        "matched_people": matched,
        "unmatched_people": int((~ignored).sum()) - matched,
        "unmatched_poses": len(results) - matched,
    }


def _belongs_to(people: Annotations, poses: Results, ignored) -> np.ndarray:
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


def _shares(counts) -> dict[str, float | None]:
    total = counts.sum()
    return {
        name: float(100.0 * count / total) if total else None
        for name, count in zip(errors.TYPES, counts, strict=True)
    }


# What each number means, in one line.
MEANINGS = {
    "AP": "average precision over OKS .50, .55, ... .95",
    "AP50": "at OKS .50: a pose is found if it is roughly right",
    "AP75": "at OKS .75: a pose is found if it is precise",
    "APM": "people of 32^2 to 96^2 px^2",
    "APL": "people of at least 96^2 px^2",
    "AR": "share of people found, over the same OKS",
    "AR50": "found at OKS .50",
    "AR75": "found at OKS .75",
    "ARM": "found, medium people",
    "ARL": "found, large people",
    "good": "within the spread of human annotators (KS >= .85)",
    "jitter": "near its place (KS .5 to .85)",
    "inversion": "on the same person's mirrored joint (left for right)",
    "swap": "on another person's joint",
    "miss": "near none of these places",
}


def format_table(before: dict, after: dict | None = None) -> str:
    """The numbers of ``evaluate_poses`` or ``analyze_poses`` as text, in percent.

    Args:
        before: of either function.
        after: of the same function (and metric) for other poses of the same people;
            the table then says before -> after and the gain.
    """
    if "miss" in before:
        return _analysis_table(before, after)
    if before["metric"] == "oks":
        head = f"OKS average precision, {before['people']} people (percent)"
        rows = [
            (name, _points(before[name]), after and _points(after[name]), meaning)
            for name, meaning in MEANINGS.items()
            if name in before
        ]
        return "\n".join([head, *_lines(rows, after is not None)])
    return "\n".join([_rates_heading(before), *_rates_lines(before, after)])


def _points(share: float) -> float | None:
    """0..1 in percent; None for -1, which says that there is nobody to be found."""
    return None if share < 0 else 100 * share


def _rates_heading(table: dict) -> str:
    name = {"pck": "PCK", "pckh": "PCKh", "auc": "AUC"}[table["metric"]]
    threshold = f"{table['threshold']:g}"
    what = f"percent of joints within {threshold}"
    if table["metric"] == "auc":
        what = f"mean percent of joints within 0 to {threshold}"
    return f"{name}@{threshold}, {table['people']} people: {what} x {table['length']}"


def _rates_lines(before, after) -> list[str]:
    keys = ["mean", "weighted_mean"]
    meanings = {"mean": "of the joints", "weighted_mean": "every labelled joint alike"}
    rows = [
        (joint, value, after and after["per_joint"][joint], "")
        for joint, value in before["per_joint"].items()
    ]
    rows += [
        (key.replace("_", " "), before[key], after and after[key], meanings[key])
        for key in keys
    ]
    lines = _lines(rows, after is not None)
    for table, when in ((before, "before: " if after else ""), (after, "after: ")):
        if table and table["missing"]:
            lines.append(f"{when}{table['missing']} people have no pose: counted wrong")
        if table and table["unused_poses"]:
            lines.append(
                f"{when}{table['unused_poses']} poses belong to nobody labelled"
            )
    if before["without_length"]:
        lines.append(
            f"{before['without_length']} people not scored: no {before['length']}"
        )
    return lines


def _analysis_table(before, after) -> str:
    lines = [
        f"Kinds of mistakes, percent of {before['joints']} joints of "
        f"{before['matched_people']} people found"
    ]
    if after:
        lines[0] += f" -> {after['joints']} of {after['matched_people']}"
    rows = [(t, before[t], after and after[t], MEANINGS[t]) for t in errors.TYPES]
    lines += _lines(rows, after is not None)
    width = 16 if after else 10
    lines += ["", " " * 16 + "".join(f"{name:>{width}}" for name in errors.TYPES)]
    for joint, shares in before["per_joint"].items():
        cells = [_percent(shares[name]) for name in errors.TYPES]
        if after:
            others = after["per_joint"][joint]
            cells = [
                f"{cell} -> {_percent(others[name])}"
                for cell, name in zip(cells, errors.TYPES, strict=True)
            ]
        lines.append(f"{joint:16}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def _lines(rows, compared: bool) -> list[str]:
    """Aligned lines of (name, before, after if ``compared``, meaning)."""
    lines = []
    for name, before, after, meaning in rows:
        text = f"{name:16}{_percent(before):>7}"
        if compared:
            gain = "" if None in (before, after) else f"{after - before:+.2f}"
            text += f" -> {_percent(after):>6} {gain:>7}"
        lines.append(f"{text}  {meaning}".rstrip())
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
