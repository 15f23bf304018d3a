"""Scores poses against annotations, and analyzes their mistakes.

``evaluate_poses`` computes one metric (PCK, PCKh, AUC, PCP, OKS-AP, MPII's and
PoseTrack's mAP, MOTA); ``analyze_poses`` gives the share of each kind of mistake.
``tfpose.report.tables`` prints either.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpose.evaluation.inputs import read_sides
from tfpose.io.coco import Annotations, Results
from tfpose.metrics import mistakes, oks, rates
from tfpose.metrics.choices import DEFAULT_THRESHOLDS, OF_PEOPLE, check_options
from tfpose.metrics.matching import match_people
from tfpose.metrics.mistakes import MINIMUM_AREA
from tfpose.metrics.multi_person import rates as multi_person_rates
from tfpose.metrics.viewpoint import observer_centric_pairs


def evaluate_poses(
    annotations: Annotations,
    results: Results,
    metric: str,
    threshold: float | None = None,
    *,
    normalizer: str = "torso",
    viewpoint: str = "person",
    lenient: bool = False,
    averaging: str = "joints",
    every_frame: bool = False,
    curve: bool = False,
) -> dict:
    """Scores poses with one metric.

    Args:
        annotations: the truth, or the path of a COCO annotations file.
        results: poses of photos of ``annotations``, or the path of a COCO results file.
        metric: "pck" (in torso lengths), "pckh" (in head sizes, needs the annotations'
            ``head_size``), "auc" (area under PCKh, or under PCK where no person has a
            head size), "pcp" (sticks, in their own lengths), "oks" (COCO's AP), "mpii"
            and "posetrack" (mean average precision of several people's joints) or
            "mota" (tracked people). ``metrics.multi_person.scenes`` lists the keys
            that the last three read.
        threshold: in the metric's lengths, head sizes for the last three; for "auc"
            the end of the curve; None: the published one. "oks" has none.
        normalizer: the length of "pck": the skeleton's "torso" segment, or the longer
            side of the "torso_box" around shoulders and hips.
        viewpoint: whose left is left, the "person"'s or the "observer"'s
            (``tfpose.metrics.viewpoint``; for "pck", "pckh", "auc" and "pcp").
        lenient: "pcp" thresholds the mean error of a limb's two ends, not each end.
        averaging: one of ``choices.AVERAGINGS``: how to average "pckh" and "auc".
        every_frame: "mota" also counts the last frame of each video.
        curve: also compute rates over rising thresholds ("pck", "pckh" and "pcp").

    Returns:
        "oks": "metric", "people", "poses" and COCO's ten numbers in 0..1 (-1: nobody
        to find). "mpii", "posetrack" and "mota": "metric", "threshold" and the numbers
        of ``metrics.multi_person.rates``. Others: "metric", "threshold", "viewpoint",
        the normalizing "length", the numbers of ``rates.Distances.rates``, its notes,
        the "averaging" of "pckh" and "auc", the "curve" of ``rates.curve``, and the
        counts "people", "missing" (without a pose: all wrong), "unused_poses" and
        "without_length" (not scored: torso, head size or sticks unknown). A "note"
        says which joints count if the files do not have the same.

    Raises:
        TfposeError: unknown metric, an argument it does not take, a skeleton without
            the joints it needs, or no pycocotools.
        PoseFileError: no head sizes, an ``annotation_id`` of nobody in the photo, or
            for the last three metrics a key that is missing or malformed.
    """
    check_options(
        metric, threshold, normalizer=normalizer, viewpoint=viewpoint, lenient=lenient,
        averaging=averaging, every_frame=every_frame, curve=curve,
    )  # fmt: skip
    annotations, (results,), note = read_sides(annotations, results)
    notes = {"note": note} if note else {}
    if metric == "oks":
        numbers = oks.average_precision(annotations, results)
        counts = {"people": int(annotations.scored.sum()), "poses": len(results)}
        return {"metric": "oks", **counts, **numbers, **notes}
    threshold = float(threshold or DEFAULT_THRESHOLDS[metric])
    if metric not in OF_PEOPLE:
        numbers = _in_scenes(annotations, results, metric, threshold, every_frame)
        return {"metric": metric, "threshold": threshold, **numbers, **notes}
    people, keypoints, counts = matched_poses(annotations, results)
    if viewpoint == "observer":
        people, keypoints = _observer_centric(people, keypoints)
    if metric == "pcp":
        table = rates.of_sticks(people, keypoints, lenient)
    else:
        table = rates.of_joints(people, keypoints, metric, normalizer, averaging)
    numbers = {"metric": metric, "threshold": threshold, "viewpoint": viewpoint}
    numbers |= {"length": table.length, **table.rates(metric, threshold, averaging)}
    numbers |= table.notes
    if metric in ("pckh", "auc"):
        numbers["averaging"] = averaging
    if curve:
        numbers["curve"] = rates.curve(table, metric, threshold, averaging)
    unknown = int(np.isnan(table.distances).all(axis=1).sum())
    return {**numbers, **counts, "without_length": unknown, **notes}


def _in_scenes(annotations, results, metric, threshold, every_frame) -> dict:
    if metric == "mota":
        return multi_person_rates.tracking(annotations, results, threshold, every_frame)
    return multi_person_rates.mean_precision(annotations, results, metric, threshold)


def matched_poses(annotations, results) -> tuple[Annotations, np.ndarray, dict]:
    """The people to score, with their matched poses.

    Returns:
        N people; their poses f64[N, K, 2], nan if a joint was not found; and the counts
        "people", "missing" (without a pose) and "unused_poses".
    """
    matches = match_people(annotations, results)
    scored = annotations.scored
    people, matches = annotations.take(scored), matches[scored]
    found = matches >= 0
    keypoints = np.full(people.keypoints.shape, np.nan)
    poses = results.take(matches[found])
    keypoints[found] = np.where(poses.placed[..., None], poses.keypoints, np.nan)
    counts = {
        "people": len(people),
        "missing": int((~found).sum()),
        "unused_poses": len(results) - int(found.sum()),
    }
    return people, keypoints, counts


def _observer_centric(people, keypoints) -> tuple[Annotations, np.ndarray]:
    """The same people and poses with the observer's left and right.

    The torso still runs from the observer's right shoulder to the left hip, as on a
    person who faces the camera. Published observer-centric scores do the same.
    """
    skeleton = people.skeleton
    keypoints, targets, visible = observer_centric_pairs(
        keypoints, people.keypoints, people.visible, skeleton
    )
    mirrored = np.array(skeleton.joints)[skeleton.flip_permutation]
    torso = skeleton.torso and tuple(
        str(mirrored[skeleton.index(joint)]) for joint in skeleton.torso
    )
    people = dataclasses.replace(
        people,
        keypoints=targets,
        visible=visible,
        skeleton=dataclasses.replace(skeleton, torso=torso),
    )
    return people, keypoints


def analyze_poses(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> dict:
    """The share of each kind of mistake (Ronchi and Perona, ``metrics.mistakes``).

    Matches the 20 best poses of a photo to people as COCO's evaluation does, at OKS
    0.1 and best score first; counts the labeled joints of matched people.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2; skips smaller people.

    Returns:
        "good", "jitter", "inversion", "swap", "miss" in percent of the joints (None
        without joints); "per_joint" {joint: the same five}; "counts" {type: joints};
        "joints", "matched_people", "unmatched_people", "unmatched_poses" (including
        those on a crowd or a small person). A "note" says which joints count if the
        files do not have the same.
    """
    annotations, (results,), note = read_sides(annotations, results)
    skeleton = annotations.skeleton
    types = mistakes.types_of_people(annotations, results, minimum_area)
    counts = mistakes.count_types(types)
    matched = int((types >= 0).any(axis=1).sum())
    analyzed = annotations.scored & (annotations.areas >= minimum_area)
    return {
        **_shares(counts.sum(axis=1)),
        "per_joint": {
            joint: _shares(counts[:, k]) for k, joint in enumerate(skeleton.joints)
        },
        "counts": dict(zip(mistakes.TYPES, counts.sum(axis=1).tolist(), strict=True)),
        "joints": int(counts.sum()),
        "matched_people": matched,
        "unmatched_people": int(analyzed.sum()) - matched,
        "unmatched_poses": len(results) - matched,
        **({"note": note} if note else {}),
    }


def correction_gains(
    annotations: Annotations, results: Results, minimum_area: float = MINIMUM_AREA
) -> dict[str, float]:
    """What each kind of mistake costs in COCO's average precision.

    Undoes the kinds cumulatively in Ronchi and Perona's order: miss, swap, inversion,
    jitter (``mistakes.correct``).

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        minimum_area: px^2; poses of smaller people stay unchanged.

    Returns:
        In percent: "AP" of the given poses, the gains "miss", "swap", "inversion" and
        "jitter", and "corrected", AP with all of them. All None: nobody to find.
    """
    order = mistakes.CORRECTION_ORDER
    values = []
    for count in range(len(order) + 1):
        poses = mistakes.corrected(annotations, results, order[:count], minimum_area)
        values.append(100 * oks.average_precision(annotations, poses)["AP"])
    if values[0] < 0:
        return dict.fromkeys(("AP", *order, "corrected"))
    gains = np.diff(values).tolist()
    named = dict(zip(order, gains, strict=True))
    return {"AP": values[0], **named, "corrected": values[-1]}


def _shares(counts) -> dict[str, float | None]:
    total = counts.sum()
    return {
        name: float(100.0 * count / total) if total else None
        for name, count in zip(mistakes.TYPES, counts, strict=True)
    }
