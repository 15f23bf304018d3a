"""Pictures of people: largest gains, losses and moves, best and worst found."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping

import numpy as np

from tfpose import drawing
from tfpose.geometry.arrays import box_around
from tfpose.io import photos
from tfpose.io.coco import Annotations, Results
from tfpose.io.photo_ids import photo_of
from tfpose.metrics import pck
from tfpose.metrics.matching import match_people
from tfpose.report import html
from tfpose.skeletons import Skeleton

# Caps a joint's error, in torsos: beyond it a joint is simply wrong and must not
# outweigh the person's other joints.
WRONG = 0.5
# A joint this near, in torsos, is right.
RIGHT = 0.2
SIDES = "the person's left is blue, the right orange."
LEGEND = f"The annotation is drawn thin and white; {SIDES}"


def joint_distances(
    annotations: Annotations, results: Results, matches=None
) -> np.ndarray:
    """f64[N, K]: distances to the labels in torso lengths (``pck.body_lengths``).

    ``matches`` i64[N]: the result of ``match_people``, if known.
    """
    if matches is None:
        matches = match_people(annotations, results)
    keypoints = np.full(annotations.keypoints.shape, np.nan)
    keypoints[matches >= 0] = results.keypoints[matches[matches >= 0]]
    truth, visible = annotations.keypoints, annotations.visible
    _, lengths = pck.body_lengths(truth, visible, annotations.skeleton)
    return pck.normalized_distances(keypoints, truth, visible, lengths)


def nearer(before, after) -> np.ndarray:
    """f64[N, K]: how much closer each joint moved to its label, in torso lengths.

    Caps each distance at ``WRONG``; NaN for a joint that does not count.

    Args:
        before: f64[N, K] of ``joint_distances``.
        after: the same, after refinement.
    """
    return np.minimum(before, WRONG) - np.minimum(after, WRONG)


def gains(before, after) -> np.ndarray:
    """f64[N]: how much closer each person's joints moved, in torso lengths.

    The mean of ``nearer`` (same arguments) over the labeled joints; NaN without a
    joint that counts, or without a pose before or after.
    """
    counted = ~np.isnan(before)
    total = np.where(counted, nearer(before, after), 0).sum(axis=1)
    found = np.isfinite(before).any(axis=1) & np.isfinite(after).any(axis=1)
    return np.where(found, total / np.maximum(counted.sum(axis=1), 1), np.nan)


def pictures(
    annotations: Annotations,
    before: Results,
    after: Results,
    images,
    name: str,
    count: int = 9,
) -> list[str]:
    """Galleries of the people whom a refiner improved most and worsened most.

    Args:
        annotations: the truth.
        before: the original poses.
        after: the same poses, refined.
        images: folder of the photos.
        name: of the refiner.
        count: maximum number of pictures per gallery.

    Raises:
        TfposeError: a photo to show is missing or not a photo.
    """
    sides = before, after
    matches = [match_people(annotations, side) for side in sides]
    distances = [
        joint_distances(annotations, *pair) for pair in zip(sides, matches, strict=True)
    ]
    gained, moved = gains(*distances), nearer(*distances)
    best, worst = html.extremes(gained, count)
    known = int(np.isfinite(gained).sum())
    parts = []
    for kind, people, number, sign, way in (
        ("largest gains", best, int((gained > 0).sum()), 1, "nearer"),
        ("largest losses", worst, int((gained < 0).sum()), -1, "further off"),
    ):
        shown = []
        for row in people:
            person = annotations.take([row])
            poses = [
                side.take([rows[row]])
                for side, rows in zip(sides, matches, strict=True)
            ]
            joint, change = _most(sign * moved[row], person.skeleton)
            text = f"{photo_name(person)}: joints {abs(gained[row]):.2f} torsos {way}, "
            text += f"most the {joint} ({change:.2f})"
            shown.append((picture(person, *poses, images, name), text))
        note = f"{number} of {known} people's joints are {way} than before, on average."
        if shown:
            note += f" The {len(shown)} who changed most, in torso lengths; a joint "
            note += f"counts as at most {WRONG} off. {LEGEND}"
        title = f"{name}: {kind}"
        parts.append(
            html.gallery(title, shown, note) if shown else html.section(title, note, "")
        )
    return parts


def best_pair(
    annotations: Annotations, before: Results, after: Results, images, name: str
) -> str:
    """The section of the person who gained most: before, after, and the joint enlarged.

    Empty if nobody gained; arguments and errors as for ``pictures``.
    """
    sides = before, after
    matches = [match_people(annotations, side) for side in sides]
    distances = [
        joint_distances(annotations, *pair) for pair in zip(sides, matches, strict=True)
    ]
    best, _ = html.extremes(gains(*distances), 1)
    if not best:
        return ""
    (row,) = best
    person = annotations.take([row])
    poses = [s.take([rows[row]]) for s, rows in zip(sides, matches, strict=True)]
    moved = nearer(*distances)[row]
    joint = int(np.nanargmax(moved))
    image = photo_of(person, int(person.image_ids[0]), images).read()
    truth = person.keypoints[0], person.visible[0]
    given = [(pose.keypoints[0], pose.scores[0] > 0) for pose in poses]
    skeleton, size = person.skeleton, (480, 384)
    shown = [
        (picture, f"{label}: {right} of {len(counted)} joints within {RIGHT} torsos")
        for picture, label, right, counted in zip(
            drawing.panels(image, given, skeleton, truth, size),
            ("before", f"after {name}"),
            [int((side[row] <= RIGHT).sum()) for side in distances],
            [np.flatnonzero(~np.isnan(side[row])) for side in distances],
            strict=True,
        )
    ]
    ends = [pose.keypoints[0, joint] for pose in poses]
    arrow = drawing.moved_joint(image, *ends, person.keypoints[0, joint], size)
    way = float(np.linalg.norm(ends[1] - ends[0]))
    label = skeleton.joints[joint].replace("_", " ")
    shown.append((arrow, f"the {label} moved {way:.0f} px; ring: the annotation"))
    text = f"{photo_name(person)}: joints {gains(*distances)[row]:.2f} torsos nearer"
    return html.strips(f"The largest gain: {name}", [(text, shown)], LEGEND, "large")


def _most(changes, skeleton) -> tuple[str, float]:
    """The joint of f64[K] that changed most, and by how much."""
    joint = int(np.nanargmax(changes))
    return skeleton.joints[joint].replace("_", " "), float(changes[joint])


def photo_name(person: Annotations) -> str:
    """The file name of one person's photo."""
    image_id = int(person.image_ids[0])
    return str(person.images[image_id].get("file_name", image_id))


def picture(
    annotations: Annotations,
    before: Results | None,
    after: Results,
    images,
    name: str = "after",
) -> np.ndarray:
    """Picture u8[H, W, 3] of one person: before and after, or only after.

    Each argument holds one person; ``images`` is the folder of the photos, ``name``
    the caption of the refined pose.

    Raises:
        TfposeError: the photo is missing or not a photo.
    """
    image = photo_of(annotations, int(annotations.image_ids[0]), images).read()
    sides = [side for side in (before, after) if side is not None]
    poses = [(side.keypoints[0], side.scores[0] > 0) for side in sides]
    truth = annotations.keypoints[0], annotations.visible[0]
    if before is None:
        return drawing.one_person(image, *poses, annotations.skeleton, truth)
    labels = ("before", name)
    return drawing.before_after(
        image, *poses, annotations.skeleton, truth, labels=labels
    )


def mean_errors(distances) -> np.ndarray:
    """f64[N]: the mean error of each person's joints, in torso lengths.

    Caps each distance at ``WRONG``; NaN without a joint that counts, or without a
    pose.

    Args:
        distances: f64[N, K] of ``joint_distances``.
    """
    counted = ~np.isnan(distances)
    total = np.where(counted, np.minimum(distances, WRONG), 0).sum(axis=1)
    found = np.isfinite(distances).any(axis=1)
    return np.where(found, total / np.maximum(counted.sum(axis=1), 1), np.nan)


def people(
    annotations: Annotations, results: Results, images, count: int = 6
) -> list[str]:
    """Galleries of the people found best, in between, and worst.

    Raises:
        TfposeError: a photo to show is missing or not a photo.
    """
    matches = match_people(annotations, results)
    off = mean_errors(joint_distances(annotations, results, matches))
    order = np.argsort(off, kind="stable")[: int(np.isfinite(off).sum())]
    note = (
        f"{LEGEND} {{}} of {{}} people, by the mean distance of their joints to the "
        f"annotation (a joint counts as at most {WRONG} torsos off)."
    )
    parts = []
    for title, chosen in zip(
        ("Found best", "In between", "Found worst"),
        thirds(order, count),
        strict=True,
    ):
        shown = []
        for row in chosen:
            person, pose = annotations.take([row]), results.take([matches[row]])
            text = f"{photo_name(person)}: joints {off[row]:.2f} torsos off"
            shown.append((picture(person, None, pose, images), text))
        if shown:
            text = note.format(len(shown), len(order))
            parts.append(html.gallery(title, shown, text))
    return parts


def thirds(order, count: int) -> tuple:
    """The first, the middle and the last few (last one first), without repeats."""
    count = min(count, max(len(order) // 3, 1))
    first, last = order[:count], order[count:][::-1][:count]
    rest = order[count : len(order) - len(last)]
    start = max(len(rest) - count, 0) // 2
    return first, rest[start : start + count], last


def pixels_moved(before: Results, after: Results) -> np.ndarray:
    """f64[N, K]: how far a refiner moved each joint, in px of the photo.

    NaN for a joint that either side lacks. Both hold the same poses in the same order.
    """
    moved = np.linalg.norm(after.keypoints - before.keypoints, axis=-1)
    return np.where(before.placed & after.placed, moved, np.nan)


def moves(
    before: Results,
    after: Results,
    skeleton: Skeleton,
    paths: Mapping[int, str | os.PathLike],
    name: str,
    count: int = 12,
) -> str:
    """Gallery of the people whom a refiner moved most, for their size.

    Unlike ``pictures``, it needs no annotations, and so does not know who gained.

    Args:
        before: N original poses.
        after: the same poses in the same order, refined.
        skeleton: their joints.
        paths: image_id -> photo.
        name: of the refiner.
        count: maximum number of pictures.

    Raises:
        TfposeError: a photo to show is missing or not a photo.
    """
    moved = pixels_moved(before, after)
    known = np.flatnonzero(np.isfinite(moved).any(axis=1))
    sizes = np.linalg.norm(
        box_around(before.keypoints, before.placed, 1.0)[:, 2:], axis=1
    )
    order = known[np.argsort(-np.nanmean(moved[known], axis=1) / sizes[known])]
    shown = []
    for row in order[:count]:
        path = pathlib.Path(paths[int(before.image_ids[row])])
        poses = [(side.keypoints[row], side.placed[row]) for side in (before, after)]
        picture = drawing.before_after(
            photos.read(path), *poses, skeleton, labels=("before", name)
        )
        joint, most = _most(moved[row], skeleton)
        text = f"{path.name}: joints moved by {np.nanmean(moved[row]):.1f} px, "
        shown.append((picture, f"{text}most the {joint} ({most:.1f} px)"))
    note = f"{len(shown)} of {len(before)} people, who moved most first; {SIDES}"
    return html.gallery(f"Refined by {name}", shown, note)
