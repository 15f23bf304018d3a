"""The sections of the HTML report: poses before and after refinement, or one set."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tfpose import photos, report, viz
from tfpose.evaluate import analyze_poses, evaluate_poses
from tfpose.metrics import pck
from tfpose.metrics.matching import match_people
from tfpose.poses import Annotations, Results

THRESHOLDS = (0.2, 0.1)
CURVE = np.linspace(0.0, 0.5, 51)
# A joint further off than this many torsos is simply wrong: being still further off
# must not outweigh all other joints of a person in the gallery.
WRONG = 0.5


def write(
    path: str | os.PathLike,
    annotations: Annotations,
    before: Results | None,
    after: Results,
    images: str | os.PathLike,
    title: str | None = None,
    log: str | os.PathLike | None = None,
    more: Sequence[str] = (),
) -> None:
    """Writes the HTML report of refined poses, or of an estimator's.

    Args:
        path: the ``.html`` file.
        annotations: the truth.
        before: poses as they came; None where ``after`` is not compared.
        after: the same poses, refined.
        images: folder of the photos that ``annotations`` names.
        title: heading of the page.
        log: ``log.csv`` of the training run, for its curves.
        more: further sections (HTML of ``tfpose.report``), put before the pictures.
    """
    joints = int((annotations.visible > 0).sum())
    summary = (
        f"{len(annotations)} annotated people with {joints} labelled joints in "
        f"{len(annotations.images)} photos; "
    )
    curves = [report.training_curves(log)] if log else []
    if before is None:
        title = title or "Estimated poses"
        summary += f"{len(after)} poses."
        figures = numbers(annotations, after)
        galleries = people(annotations, after, images)
    else:
        title = title or "Refined poses"
        summary += f"{len(before)} poses before, {len(after)} after refinement."
        figures = numbers(annotations, before, after)
        galleries = pictures(annotations, before, after, images)
    report.write_report(path, title, summary, [*figures, *curves, *more, *galleries])


def numbers(annotations: Annotations, *sides: Results) -> list[str]:
    """Sections with metrics, error types and curves (HTML of ``tfpose.report``).

    ``sides`` are the poses before and after refinement, or one set of poses.
    """
    names = ("before", "after")[-len(sides) :]
    average = [evaluate_poses(annotations, side, "oks")["AP"] for side in sides]
    kinds = [analyze_poses(annotations, side) for side in sides]
    rates = {
        f"PCK@{threshold:g}": tuple(
            evaluate_poses(annotations, side, "pck", threshold) for side in sides
        )
        for threshold in THRESHOLDS
    }
    tiles = [("OKS-AP", *(100 * value for value in average))]
    tiles += [
        (name, *(side["mean"] for side in values)) for name, values in rates.items()
    ]
    tiles.append(("good joints", *(side["good"] for side in kinds)))
    table = {
        name: tuple({**side["per_joint"], "mean": side["mean"]} for side in values)
        for name, values in rates.items()
    }
    torso = " to ".join(annotations.skeleton.torso).replace("_", " ")
    distances = [joint_distances(annotations, side) for side in sides]
    curves = {
        name: [float(np.nanmean(pck.pck(side, threshold))) for threshold in CURVE]
        for name, side in zip(names, distances, strict=True)
    }
    heading = "Before and after" if len(sides) == 2 else "How good the poses are"
    return [
        report.summary_numbers(tiles, "In percent; more is better.", heading),
        report.joint_table(
            table, f"Percent of joints nearer than that share of the torso ({torso})."
        ),
        report.error_types(
            *kinds, note="Types as defined by Ronchi and Perona, ICCV 2017."
        ),
        report.pck_curve(CURVE, curves, f"distance / torso ({torso})"),
    ]


def joint_distances(
    annotations: Annotations, results: Results, matches=None
) -> np.ndarray:
    """f64[N, K]: distances to the labels in torso lengths (``pck``'s conventions).

    ``matches`` i64[N] is what ``match_people`` returns, if it is known already.
    """
    if matches is None:
        matches = match_people(annotations, results)
    keypoints = np.full(annotations.keypoints.shape, np.nan)
    keypoints[matches >= 0] = results.keypoints[matches[matches >= 0]]
    skeleton = annotations.skeleton
    torso = tuple(skeleton.index(joint) for joint in skeleton.torso)
    truth, visible = annotations.keypoints, annotations.visible
    lengths = pck.segment_lengths(truth, visible, torso)
    return pck.normalised_distances(keypoints, truth, visible, lengths)


def gains(before, after) -> np.ndarray:
    """f64[N]: how much nearer each person's joints came, in torso lengths.

    The mean over the labelled joints, each distance counted up to ``WRONG``; NaN for
    a person without a joint that counts, or without a pose before or after.

    Args:
        before: f64[N, K] of ``joint_distances``.
        after: the same, after refinement.
    """
    counted = ~np.isnan(before)
    nearer = np.minimum(before, WRONG) - np.minimum(after, WRONG)
    total = np.where(counted, nearer, 0).sum(axis=1)
    found = np.isfinite(before).any(axis=1) & np.isfinite(after).any(axis=1)
    return np.where(found, total / np.maximum(counted.sum(axis=1), 1), np.nan)


def pictures(
    annotations: Annotations, before: Results, after: Results, images, count: int = 9
) -> list[str]:
    """Galleries of the people who gained most and of those who lost most.

    Raises:
        ValueError: a photo that is to be shown is missing or not a photo.
    """
    sides = before, after
    matches = [match_people(annotations, side) for side in sides]
    gained = gains(
        *(
            joint_distances(annotations, *pair)
            for pair in zip(sides, matches, strict=True)
        )
    )
    best, worst = report.extremes(gained, count)
    known = int(np.isfinite(gained).sum())
    note = "The annotation is drawn thin and white. {} of {} people {}."
    parts = []
    for title, people, number, verb in (
        ("Largest gains", best, int((gained > 0).sum()), "gained"),
        ("Largest losses", worst, int((gained < 0).sum()), "lost"),
    ):
        shown = []
        for person in people:
            poses = [
                side.take([rows[person]])
                for side, rows in zip(sides, matches, strict=True)
            ]
            pair = picture(annotations.take([person]), *poses, images)
            shown.append((pair, _caption(annotations, person, gained[person])))
        if shown:
            parts.append(report.gallery(title, shown, note.format(number, known, verb)))
    return parts


def _caption(annotations, person, gain) -> str:
    photo = photo_name(annotations.take([person]))
    way = "nearer" if gain > 0 else "further off"
    return f"{photo}: joints {abs(gain):.2f} torsos {way}"


def photo_name(person: Annotations) -> str:
    """The file of the photo of one person."""
    return person.images[int(person.image_ids[0])]["file_name"]


def picture(
    annotations: Annotations, before: Results | None, after: Results, images
) -> np.ndarray:
    """The picture u8[H, W, 3] of one person: before and after, or after alone.

    Each argument holds one person; ``images`` is the folder of the photos.

    Raises:
        ValueError: the photo is missing or not a photo.
    """
    image = photos.read(pathlib.Path(images) / photo_name(annotations))
    sides = [side for side in (before, after) if side is not None]
    poses = [(side.keypoints[0], side.scores[0] > 0) for side in sides]
    truth = annotations.keypoints[0], annotations.visible[0]
    draw = viz.one_person if before is None else viz.before_after
    return draw(image, *poses, annotations.skeleton, truth)


def mean_errors(distances) -> np.ndarray:
    """f64[N]: how far off each person's joints are on average, in torso lengths.

    Each distance is counted up to ``WRONG``; NaN for a person without a joint that
    counts, or without a pose.

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
    """Galleries of the people who were found best, middling and worst.

    Raises:
        ValueError: a photo that is to be shown is missing or not a photo.
    """
    matches = match_people(annotations, results)
    off = mean_errors(joint_distances(annotations, results, matches))
    order = np.argsort(off, kind="stable")[: int(np.isfinite(off).sum())]
    note = (
        "The annotation is drawn thin and white; the person's left is blue, the right "
        "orange. {} of {} people, by the mean distance "
        f"of their joints to it (a joint counts as at most {WRONG} torsos off)."
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
            parts.append(report.gallery(title, shown, text))
    return parts


def thirds(order, count: int) -> tuple:
    """The first, the middle and the last few (the last one first), nobody twice."""
    count = min(count, max(len(order) // 3, 1))
    first, last = order[:count], order[count:][::-1][:count]
    rest = order[count : len(order) - len(last)]
    start = max(len(rest) - count, 0) // 2
    return first, rest[start : start + count], last
