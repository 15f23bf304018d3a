"""How an HCRN found difficult joints: sections of an estimator's HTML report.

The network itself is handed in (``inference.hcrn_units.Units``), so that this imports
without TensorFlow, as all pictures do.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfpose.errors import TfposeError
from tfpose.io import photos
from tfpose.io.coco import Annotations, Results
from tfpose.metrics import rates
from tfpose.metrics.matching import match_people
from tfpose.report import hcrn_tree_pictures, html
from tfpose.report.galleries import WRONG, joint_distances, mean_errors, photo_name
from tfpose.report.pages import THRESHOLDS
from tfpose.skeletons import Skeleton, tree_layers

if TYPE_CHECKING:
    from tfpose.inference.hcrn_units import Units

# A joint that came nearer by less than this share of a torso has not really moved.
MOVED = 0.1
TREES, STRIPS = 6, 4
SINGLE = (
    "The network looks at each annotated box once, in one size; the poses above "
    "average over several sizes and the mirrored photo."
)
PICTURE = (400, 330)  # height and width of a person with the tree


def sections(
    annotations: Annotations,
    results: Results,
    images: str | os.PathLike,
    units: Units,
) -> list[str]:
    """Trees on photos, first guesses and refined places in numbers, and units at work.

    Args:
        annotations: the truth; the network looks at its boxes.
        results: the estimator's poses.
        images: folder of the photos that ``annotations`` names.
        units: of the estimator.

    Returns:
        Sections (HTML of ``tfpose.report.html``); none without a labeled person.

    Raises:
        TfposeError: other joints than the network's, or a photo that cannot be read.
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
    """The photo of each person; one after the other in the same photo read it once."""
    name, photo = None, None
    for row in range(len(people)):
        person = people.take([row])
        if photo_name(person) != name:
            name = photo_name(person)
            photo = photos.read(pathlib.Path(images) / name)
        yield photo


def _trees(people: Annotations, results: Results, images, skeleton: Skeleton) -> str:
    """The tree on people from the best found to the worst."""
    matches = match_people(people, results)
    off = mean_errors(joint_distances(people, results, matches))
    order = np.argsort(off, kind="stable")[: int(np.isfinite(off).sum())]
    # Evenly from the middle of the best sixth to the middle of the worst.
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
        "joint's layer. These people stand for all, from the best found to the worst; "
        "the ranking tells left from right, the colors do not.",
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
    """PCK of the initial and of the refined maps' peaks, layer by layer."""
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
        "Percent of joints that are right by their own map alone (first guess) and "
        f"with their parent's guidance (refined), in the order of the tree. {SINGLE}",
        "What the guidance changes",
        ("first guess", "refined"),
    )


def _strips(people: Annotations, distances, images, units: Units) -> list[str]:
    """Units at work: joints that came nearest to their labels, and furthest away."""
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
                f"{MOVED} torsos; these changed most. White ring: where a map is "
                "largest. Green cross: the annotation of the map's joint. The colors "
                "of a map reach from its background to its largest value."
            )
            parts.append(html.strips(title, rows, note))
    return parts


def _labels(person: Annotations) -> dict[str, np.ndarray]:
    """Joint -> f64[2] I, of one person's labeled joints."""
    joints = person.skeleton.joints
    return {
        joints[k]: person.keypoints[0, k] for k in np.flatnonzero(person.visible[0])
    }
