"""Annotated people and their poses, for tests of what they score."""

import numpy as np

from tfpose.io import coco, files
from tfpose.io.coco_records import annotation_entry, annotations_json, result_entry

# The length of everybody's torso, px.
TORSO = 40.0


def standing(skeleton):
    """A pose whose torso is 40 px long; joints are far from each other."""
    count = len(skeleton)
    points = np.stack([np.arange(count) * 60.0, np.arange(count) % 3 * 70.0], axis=-1)
    first, second = (skeleton.index(joint) for joint in skeleton.torso)
    points[second] = points[first] + [24, 32]
    return points


def read(folder, skeleton, people, found):
    """Annotations and Results of the entries, through files as users have them."""
    images = [{"id": n} for n in sorted({person["image_id"] for person in people})]
    truth = annotations_json(skeleton, images, people)
    files.write_json(folder / "truth.json", truth)
    files.write_json(folder / "found.json", found)
    annotations = coco.read_annotations(folder / "truth.json")
    return annotations, coco.read_results(folder / "found.json", skeleton)[0]


def one_person_each(folder, skeleton, offsets, **extra):
    """One person a photo; joint k of person n is predicted offsets[n, k] px away."""
    truth, count = standing(skeleton), len(skeleton)
    people, found = [], []
    for row, offset in enumerate(offsets):
        people.append(
            annotation_entry(row + 1, row + 1, truth, np.full(count, 2), **extra)
        )
        moved = truth + np.stack([offset, np.zeros(count)], axis=-1)
        found.append(result_entry(row + 1, moved, np.ones(count), 1.0))
    return read(folder, skeleton, people, found)
