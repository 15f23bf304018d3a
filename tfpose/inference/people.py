"""Who is in the photos: the people of annotations, boxes, or a detector."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from tfpose.errors import PoseFileError, TfposeError
from tfpose.inference.boxes import inside
from tfpose.inference.detectors import Detector, load_detector, read_boxes
from tfpose.io import coco
from tfpose.io.photo_ids import Photo, number


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A person to estimate: a photo and a box in it, or None for the whole photo.

    Attributes:
        box: f32[4] xywh, I.
        score: score of the box; 1 if it is certain.
        extra: additional keys for the results entry.
    """

    photo: Photo
    box: np.ndarray | None
    score: float = 1.0
    extra: dict = dataclasses.field(default_factory=dict)


# A joint is seen if it is this probably right.
SEEN = 0.3
# Finds the people in a photo.
Finder = Callable[[Photo], "list[Candidate]"]


def check_sources(boxes, detector, single: bool, detection_score) -> None:
    """Raises TfposeError for sources of people that exclude each other."""
    sources = {"--boxes": boxes, "--detector": detector, "--single": single or None}
    chosen = [flag for flag, value in sources.items() if value is not None]
    if len(chosen) > 1:
        raise TfposeError(f"predict: expected only one of {', '.join(chosen)}")
    if detection_score is not None and not 0 <= detection_score <= 1:
        raise TfposeError(
            f"--detection-score: expected 0 to 1, found {detection_score:g}"
        )


def finder(
    known, truth, boxes, detector, single, detection_score, all_there
) -> tuple[Finder, list[Photo]]:
    """The source of people, and the photos to search."""
    if boxes is not None:
        return _from_boxes(boxes, known, detection_score or 0.0, all_there), known
    if single:
        return _whole, known
    if detector is None and truth is not None:
        return _from_annotations(truth, known)
    return _from_detector(load_detector(detector, detection_score)), known


def _whole(photo: Photo) -> list[Candidate]:
    """One person who fills the photo."""
    return [Candidate(photo, None)]


def _from_annotations(truth: coco.Annotations, known) -> tuple[Finder, list[Photo]]:
    """Finds people in the annotations; also returns the photos that have any."""
    truth = truth.take(~truth.crowd)
    rows = coco.rows_by_image(truth.image_ids)

    def find(photo: Photo) -> list[Candidate]:
        return [
            Candidate(
                photo, truth.boxes[row], 1.0, {"annotation_id": int(truth.ids[row])}
            )
            for row in rows[photo.image_id]
        ]

    return find, [photo for photo in known if photo.image_id in rows]


def _from_boxes(path, known, least: float, all_there: bool) -> Finder:
    """Finds people in the boxes of a results file.

    Args:
        path: the file.
        known: photos.
        least: drops boxes with a lower score.
        all_there: every box must belong to a known photo; otherwise at least one must.

    Raises:
        PoseFileError: the file cannot be used, has boxes in other photos, or a box
            outside its photo (raised by the finder).
    """
    table = collections.defaultdict(list)
    for record in read_boxes(path, least):
        table[record["image_id"]].append(record)
    ids = {photo.image_id for photo in known if photo.known}
    others = [image_id for image_id in table if image_id not in ids]
    if others and (all_there or len(others) == len(table)):
        same = [str(p.path) for p in known if not p.known and number(p.path) in others]
        raise PoseFileError(
            f"{path}: image_id {others[0]}: expected a box in one of the {len(known)} "
            "photos, by the number in its name, found "
            + (f"{' and '.join(same)}" if same else "no such photo")
        )

    def find(photo: Photo) -> list[Candidate]:
        records = table[photo.image_id] if photo.known else []
        boxes = np.reshape([one["bbox"] for one in records], (-1, 4))
        shape = photo.read().shape
        for box in boxes:
            if not len(inside(box[None], np.ones(1), shape)[0]):
                raise PoseFileError(
                    f"{path}: image_id {photo.image_id}: expected a box in {photo.path}"
                    f" of {shape[1]} x {shape[0]} px, found {box.tolist()}"
                )
        scores = [float(one.get("score", 1.0)) for one in records]
        found = zip(boxes.astype(np.float32), scores, strict=True)
        return [Candidate(photo, *one) for one in found]

    return find


def _from_detector(detect: Detector) -> Finder:
    def find(photo: Photo) -> list[Candidate]:
        found = zip(*detect(photo.read()), strict=True)
        return [Candidate(photo, box, float(score)) for box, score in found]

    return find
