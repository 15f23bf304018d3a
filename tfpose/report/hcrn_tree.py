"""Report sections on how an HCRN found difficult joints.

The caller passes in the network (``inference.hcrn_units.Units``), so this module, like
all picture modules, needs no TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfpose.errors import TfposeError
from tfpose.io.coco import Annotations, Results
from tfpose.io.photo_ids import photo_of
from tfpose.metrics import rates
from tfpose.metrics.matching import match_people
from tfpose.report import hcrn_tree_pictures, html
from tfpose.report.galleries import WRONG, joint_distances, mean_errors, photo_name
from tfpose.report.pages import THRESHOLDS
from tfpose.skeletons import Skeleton, tree_layers

if TYPE_CHECKING:
    from tfpose.inference.hcrn_units import Units

# A joint that moved closer by less than this share of a torso has hardly moved.
MOVED = 0.1
TREES, STRIPS = 6, 4
SINGLE = (
    "The network looks at each annotated box once, in one size; the poses above "
    "average over several sizes and the mirrored photo."
)
PICTURE = (400, 330)  # (height, width) of a person with the tree


def sections(
    annotations: Annotations,
    results: Results,
    images: str | os.PathLike,
    units: Units,
) -> list[str]:
    """Trees on photos, accuracy of first guesses and refined maps, units at work.

    Args:
        annotations: the truth; the network looks at its boxes.
        results: the estimator's poses.
        images: folder of the photos that ``annotations`` names.
        units: the estimator's units.

    Returns:
        HTML sections (of ``tfpose.report.html``); none without a labeled person.

    Raises:
        TfposeError: the network has other joints, or a photo cannot be read.
    """
    skeleton = units.skeleton
    if skeleton.joints != annotations.skeleton.joints:
        raise TfposeError(
            f"model of {skeleton.name}: expected annotations of the joints "
            f"{', '.join(skeleton.joints)}, found "
            f"{', '.join(annotations.skeleton.joints)}"
        )
    people = annotations.take(annotations.scored)
    if not len(people):
        return []
    boxed = zip(_photos(people, images), people.boxes, strict=True)
    peaks = [np.concatenate(part) for part in zip(*units.peaks(boxed), strict=True)]
    tables = [rates.of_joints(people, found, "pck") for found in peaks]
    distances = [table.distances for table in tables]
    return [
        _trees(people, results, images, skeleton),
        _table(tables, skeleton),
        *_strips(people, distances, images, units),
    ]


def _photos(people: Annotations, images) -> Iterator[np.ndarray]:
    """The photo of each person; consecutive people in a photo share one read."""
    name, photo = None, None
    for row in range(len(people)):
        person = people.take([row])
        if photo_name(person) != name:
            name = photo_name(person)
            photo = photo_of(person, int(person.image_ids[0]), images).read()
        yield photo


def _trees(people: Annotations, results: Results, images, skeleton: Skeleton) -> str:
    """Draws the tree on people from the best found to the worst."""
    matches = match_people(people, results)
    off = mean_errors(joint_distances(people, results, matches))
    order = np.argsort(off, kind="stable")[: int(np.isfinite(off).sum())]
    # Evenly from the middle of the best sixth to that of the worst.
    places = (np.arange(TREES) + 0.5) / TREES * len(order)
    shown = []
    for row in dict.fromkeys(order[places.astype(int)].tolist()) if len(order) else ():
        person = people.take([row])
        (photo,) = _photos(person, images)
        pose = results.keypoints[matches[row]], results.scores[matches[row]] > 0
        picture = hcrn_tree_pictures.tree_on_person(photo, pose, skeleton, PICTURE)
        better = 100 * np.mean(off[order] > off[row])
        text = f"{photo_name(person)}: better than {better:.0f} % of the people"
        shown.append((picture, text))
    return html.gallery(
        "How difficult joints were found",
        shown,
        f"The network finds easy joints first: {_in_words(skeleton)}. A line leads "
        "from each joint to the parent that guided it, and has the color of the "
        "joint's layer. These people range from the best found to the worst; the "
        "ranking distinguishes left and right, the colors do not.",
    )


def _in_words(skeleton: Skeleton) -> str:
    layers = tree_layers(skeleton.parents)
    return ", then ".join(
        " and ".join(
            ", ".join(hcrn_tree_pictures.layer_names(skeleton, joints)).rsplit(", ", 1)
        )
        for joints in layers
    )


def _table(tables, skeleton: Skeleton) -> str:
    """PCK of the peaks of the initial and refined maps, layer by layer."""
    order = [joint for joints in tree_layers(skeleton.parents) for joint in joints]
    metrics = {}
    for threshold in THRESHOLDS:
        sides = []
        for table in tables:
            numbers = table.rates("pck", threshold)
            values = {skeleton.joints[k]: None for k in order} | numbers["per_joint"]
            sides.append(values | {"mean": numbers["mean"]})
        metrics[f"PCK@{threshold:g}"] = tuple(sides)
    return html.joint_table(
        metrics,
        "Percent of joints that are right from their own map alone (first guess) and "
        f"with their parent's guidance (refined), in tree order. {SINGLE}",
        "What the guidance changes",
        ("first guess", "refined"),
    )


def _strips(people: Annotations, distances, images, units: Units) -> list[str]:
    """Units at work: joints that moved most toward their labels, and away."""
    nearer = np.minimum(distances[0], WRONG) - np.minimum(distances[1], WRONG)
    nearer = np.where(np.isnan(nearer), 0.0, nearer)
    labeled = int((~np.isnan(distances[0])).sum())
    parts = []
    for title, towards, way in (
        ("Guided towards the annotation", nearer, "nearer"),
        ("Guided away from the annotation", -nearer, "further off"),
    ):
        joints = towards.argmax(axis=1)
        chosen, _ = html.extremes(towards.max(axis=1), STRIPS)
        rows = []
        for row in chosen:
            person, joint = people.take([row]), joints[row]
            (photo,) = _photos(person, images)
            unit = units(photo, person.boxes[0])[joint]
            panels = hcrn_tree_pictures.unit_panels(photo, unit, _labels(person))
            off = " → ".join(f"{side[row, joint]:.2f}" for side in distances)
            name = unit.joint.replace("_", " ")
            rows.append((f"{photo_name(person)}, {name}: {off} torsos off", panels))
        if rows:
            count = int((towards > MOVED).sum())
            note = (
                f"{count} of {labeled} labeled joints came {way} by more than "
                f"{MOVED} torsos; these changed most. White ring: the map's peak. "
                "Green cross: the annotation of the map's joint. The colors range "
                "from the map's background to its peak."
            )
            parts.append(html.strips(title, rows, note))
    return parts


def _labels(person: Annotations) -> dict[str, np.ndarray]:
    """Joint -> f64[2] I, for one person's labeled joints."""
    joints = person.skeleton.joints
    return {
        joints[k]: person.keypoints[0, k] for k in np.flatnonzero(person.visible[0])
    }
