"""MPII's multi-person mAP, PoseTrack's mAP and MOTA, per joint and as means.

``scenes`` lists the keys they read from the files. Departures from PoseTrack's tool: a
frame without poses counts all its labels as missed (there: one miss and one false pose
per joint), and MOTP averages over the matches (there: over all pairs that are near
enough). A joint without labels has no number.
"""

from __future__ import annotations

import numpy as np

from tfpose.io.coco import Annotations, Results
from tfpose.metrics import pck
from tfpose.metrics.multi_person import precision, scenes
from tfpose.metrics.multi_person.scenes import Scene, Sides
from tfpose.metrics.multi_person.tracking import Events, follow
from tfpose.metrics.rates import HEAD_SIZE, both_sides, known_mean

# The joints of the papers' column "Head"; a skeleton may lack some.
HEADS = {
    "mpii": ("neck", "head_top"),
    "posetrack": ("head_top", "head_bottom", "neck", "nose"),
    "mota": ("head_top", "head_bottom", "neck", "nose"),
}


def mean_precision(
    annotations: Annotations, results: Results, metric: str, threshold: float
) -> dict:
    """Average precision per joint: "posetrack" or "mpii".

    PoseTrack's scenes are the photos with annotations, without ignored regions. MPII's
    are groups of people close to each other: the people and poses of a photo with the
    same ``group_id``. People without one stand alone and are left out, as are groups
    of one. A pose without one goes to the person whose box it overlaps most, or else
    is nearest to. If nobody has a ``group_id``, each photo is a group.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        metric: "posetrack" or "mpii".
        threshold: largest distance of a right joint, in head sizes.

    Returns:
        "mean" of the joints' average precisions, without pelvis and thorax;
        "per_joint", "groups" and "head_joints" as for PCK; "precision" and "recall",
        means over the joints, with every placed joint at any score; all in percent,
        None without a label; "people", "poses", "scenes", and "unused_poses" (in no
        scene).

    Raises:
        PoseFileError: a person has no head size, or a key has another form.
    """
    grouped = metric == "mpii"
    sides = scenes.both_sides(annotations, results, ignore_regions=not grouped)
    found = scenes.groups(sides) if grouped else scenes.photos(sides)
    scenes.check_heads(sides, found, metric)
    people, poses = _rows(found)
    right = [np.zeros((0, len(annotations.skeleton)), bool)]
    for scene in found:
        distances = sides.distances(scene)
        owners = precision.assign(distances, sides.visible[scene.people], threshold)
        right.append(precision.hits(distances, owners, threshold))
    right, labeled = np.concatenate(right), sides.visible[people].sum(axis=0)
    joints, rates = annotations.skeleton.joints, []
    for k, placed in enumerate(sides.placed[poses].T):
        scores = results.scores[poses[placed], k]
        counts = scores, right[placed, k], int(labeled[k])
        rates.append(precision.average_precision(*counts))
    area, right_share, found_share = np.array(rates).T
    return {
        **_by_joint(joints, area, metric),
        "precision": known_mean(right_share[_in_mean(joints)]),
        "recall": known_mean(found_share[_in_mean(joints)]),
        **_counts(sides, found),
    }


def tracking(
    annotations: Annotations,
    results: Results,
    threshold: float,
    every_frame: bool = False,
) -> dict:
    """MOTA, MOTP, precision and recall of tracked people, per joint.

    Follows labels and poses by ``track_id``. Tracks each joint on its own, no matter to
    whom the rest of its pose belongs. Skips photos without annotations.

    Args:
        annotations: the truth.
        results: poses of photos of ``annotations``.
        threshold: largest distance of a match, in head sizes.
        every_frame: also count the last frame of each video, which PoseTrack's tool
            leaves out.

    Returns:
        "mean" of the joints' MOTA, with "per_joint", "groups" and "head_joints" as for
        PCK; "motp", "precision", "recall", means over the joints; "joints" {joint:
        {"mota", "motp", "precision", "recall"}}, all in percent, None without data;
        "events" {"objects", "misses", "switches", "false_positives"}; "people",
        "poses", "scenes" (frames), "unused_poses", "videos".

    Raises:
        PoseFileError: a head size or ``track_id`` is missing, a ``track_id`` repeats
            in a frame, or a key has another form.
    """
    sides = scenes.both_sides(annotations, results, ignore_regions=True)
    videos = scenes.videos(annotations, scenes.photos(sides))
    if not every_frame:
        videos = [frames[:-1] for frames in videos]
    found = [scene for frames in videos for scene in frames]
    scenes.check_heads(sides, found, "mota")
    people, poses = scenes.track_ids(sides, found)
    joints = annotations.skeleton.joints
    events = [Events()] * len(joints)
    for frames in videos:
        distances = [sides.distances(scene) for scene in frames]
        for k in range(len(joints)):
            events[k] += follow(
                _frame(sides, scene, near[..., k], k, people, poses, threshold)
                for scene, near in zip(frames, distances, strict=True)
            )
    rates = [event.rates() for event in events]
    columns = {key: np.array([rate[key] for rate in rates]) for key in rates[0]}
    total = sum(events, Events())
    names = ("objects", "misses", "switches", "false_positives")
    return {
        **_by_joint(joints, columns["mota"], "mota"),
        **{
            key: known_mean(columns[key][_in_mean(joints)])
            for key in ("motp", "precision", "recall")
        },
        "joints": {
            joint: {key: known_mean([value]) for key, value in rate.items()}
            for joint, rate in zip(joints, rates, strict=True)
        },
        "events": {name: getattr(total, name) for name in names},
        **_counts(sides, found),
        "videos": sum(bool(frames) for frames in videos),
    }


def _frame(sides, scene, distances, joint, people, poses, threshold) -> tuple:
    """The arguments of ``follow`` for a joint: ids of labels and poses, distances."""
    labels = sides.visible[scene.people, joint]
    placed = sides.placed[scene.poses, joint]
    near = distances.T[labels][:, placed]
    return (
        [people[row] for row in scene.people[labels]],
        [poses[row] for row in scene.poses[placed]],
        np.where(near <= threshold, near, np.nan),
    )


def _by_joint(joints, values, metric: str) -> dict:
    """The numbers of the papers' tables from f64[K] in percent."""
    groups, head = both_sides(joints), [j for j in HEADS[metric] if j in joints]
    notes = {}
    if head and "head" not in groups:
        groups["head"] = [joints.index(joint) for joint in head]
        notes = {"head_joints": head}
    return {
        "length": HEAD_SIZE,
        "mean": known_mean(values[_in_mean(joints)]),
        "per_joint": {n: known_mean([v]) for n, v in zip(joints, values, strict=True)},
        "groups": {name: known_mean(values[rows]) for name, rows in groups.items()},
        **notes,
    }


def _in_mean(joints) -> np.ndarray:
    return np.array([joint not in pck.NOT_IN_MEAN for joint in joints])


def _rows(found: list[Scene]) -> tuple[np.ndarray, np.ndarray]:
    """i64: the people and the poses of all scenes, in order."""
    none = np.zeros(0, np.int64)
    people = np.concatenate([none, *(scene.people for scene in found)])
    return people, np.concatenate([none, *(scene.poses for scene in found)])


def _counts(sides: Sides, found: list[Scene]) -> dict[str, int]:
    people, poses = _rows(found)
    return {
        "people": len(people),
        "poses": len(poses),
        "scenes": len(found),
        "unused_poses": int(sides.placed.any(axis=1).sum()) - len(poses),
    }
