"""Prediction: photos become a COCO-results file, one person a photo or one a box."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tfpose import photos, poses
from tfpose.estimate import SCALES, Estimator, boxes_of, whole_photo
from tfpose.pose_entries import result_entry
from tfpose.poses import Annotations, PoseFileError
from tfpose.refine import check_writable, photos_by_number, with_progress


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody to be found: a photo, and a box in it or None for all of it.

    Attributes:
        extra: further keys of the results entry.
    """

    path: pathlib.Path
    image_id: int
    box: np.ndarray | None
    extra: dict


def predict_files(
    model: str,
    images: str,
    out: str,
    annotations: str | None = None,
    single: bool = False,
    scales: Sequence[float] = SCALES,
    flip: bool = True,
) -> dict:
    """Estimates the poses in a folder of photos and writes a COCO-results file.

    Args:
        model: preset or model folder of an estimator.
        images: folder of the photos.
        out: file to write.
        annotations: COCO annotations JSON that names the photos and has the boxes;
            its keypoints are not looked at, and may be of another skeleton. Without it
            the number in a photo's name is its id, and ``single`` must be given.
        single: each photo shows one person: found in all of it, and once more in
            the box around what was found (of LSP's athletes, who fill two thirds of a
            photo: PCK@0.2 52 after one look, 58 after two).
        scales: of the pyramid.
        flip: average over mirrored crops.

    Returns:
        "photos" and "poses", their numbers.

    Raises:
        PoseFileError: a file or folder that cannot be used, or no boxes.
        PhotoError: a photo that is missing or damaged.
        ValueError: not an estimator.
    """
    check_writable(out)
    people = find_people(images, annotations, single)
    estimator = Estimator.load(model, scales, flip)
    if single and people:
        people = _looked_at(people, estimator)
    entries = []
    stream = estimator.estimate(_photos(people))
    for keypoints, scores in with_progress(stream, len(people), "estimated"):
        for pose, score in zip(keypoints, scores, strict=True):
            person = people[len(entries)]
            entries.append(
                result_entry(person.image_id, pose, score, score.mean(), **person.extra)
            )
    poses.write_json(out, entries)
    return {
        "photos": len({person.image_id for person in people}),
        "poses": len(entries),
    }


def find_people(images: str, annotations: str | None, single: bool) -> list[Person]:
    """Who is to be found in a folder of photos, photo by photo.

    Raises:
        PoseFileError: no such folder or no photos, annotations that cannot be read, or
            neither boxes nor ``single``.
    """
    folder = pathlib.Path(images)
    if not folder.is_dir():
        raise PoseFileError(f"{folder}: expected a folder of photos, found none")
    if annotations is None:
        if not single:
            raise PoseFileError(
                f"{folder}: expected --annotations with a box around each person, or "
                "--single for photos of one person each"
            )
        found = photos_by_number(folder)
        return [Person(path, image_id, None, {}) for image_id, path in found.items()]
    truth = poses.read_annotations(annotations)
    truth = truth.take(~truth.crowd)
    paths = {}
    for image_id, image in truth.images.items():
        name = image.get("file_name")
        if not isinstance(name, str):
            raise PoseFileError(
                f"{annotations}: image {image_id}: expected a file_name, found {name!r}"
            )
        paths[image_id] = folder / name
    if single:
        return [Person(path, image_id, None, {}) for image_id, path in paths.items()]
    return _boxed(truth, paths)


def _looked_at(people: list[Person], estimator: Estimator) -> list[Person]:
    """The people with the boxes around what is found in their whole photos."""
    stream = with_progress(estimator.estimate(_photos(people)), len(people), "found")
    boxes = np.concatenate([boxes_of(keypoints) for keypoints, _ in stream])
    return [
        dataclasses.replace(person, box=box)
        for person, box in zip(people, boxes, strict=True)
    ]


def _boxed(truth: Annotations, paths) -> list[Person]:
    return [
        Person(
            paths[image_id],
            image_id,
            truth.boxes[row],
            {"annotation_id": int(truth.ids[row])},
        )
        for image_id, rows in poses.rows_by_image(truth.image_ids).items()
        for row in rows
    ]


def _photos(people: list[Person]) -> Iterator[tuple]:
    """(photo, boxes) of each person; a photo is decoded once for all in it."""
    path, photo = None, None
    for person in people:
        if person.path != path:
            path, photo = person.path, photos.read(person.path)
        yield photo, whole_photo(photo) if person.box is None else person.box[None]
