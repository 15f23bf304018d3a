"""MPII Human Pose (Andriluka et al., CVPR 2014): people in 25,000 photos, 16 joints.

Reads one of these, from the parent of the photos' folder:

- ``mpii_human_pose_v1_u12_1.mat``, the data set's own file, whose ``RELEASE`` holds the
  photos (``annolist``), which of them are for training (``img_train``) and, for each
  person, the head box, the position and scale, and the labeled joints;
- ``annot/train.json`` and ``annot/valid.json``, the same people in the single-person
  papers' format (https://github.com/leoxiaobin/deep-high-resolution-net.pytorch): a
  list of ``image``, ``center``, ``scale``, ``joints`` and ``joints_vis``.

The photos are in ``images/``. Both count pixels from 1. ``data_prep.mpii`` reads a
third format of the validation people, for scoring.
"""

from __future__ import annotations

import math
import pathlib

import numpy as np

from data_prep.coco_layout import CocoLayout, Files
from data_prep.conversions import mpii_to_posetrack
from data_prep.mpii import HEAD_SHARE, image_id_of, read_struct
from data_prep.people import person_box
from tfpose.errors import PoseFileError, TfposeError
from tfpose.io.coco_records import (
    SEGMENT_SHARE_OF_BOX,
    annotation_entry,
    annotations_json,
)
from tfpose.io.files import read_json
from tfpose.skeletons import MPII16, POSETRACK15

RELEASE = (
    "mpii_human_pose_v1_u12_1.mat",
    "mpii_human_pose_v1_u12_*/mpii_human_pose_v1_u12_1.mat",
)
# Files that list the photos of the usual validation people.
VALIDATION_LISTS = ("annot/valid.json", "valid.json", "valid_images.txt")
# ``scale`` is the person's height in units of this many px.
SCALE_UNIT = 200.0
# The papers' crops lie this many times ``scale`` px below the person's center.
BELOW = 15.0
# The head box's diagonal, on which neck and head top lie, divided by their distance
# (the median of 2,932 validation people; within 1% for 98 in 100).
DIAGONAL = 1.25


class Mpii(CocoLayout):
    """Splits: ``train`` and ``validation``, the people of the two lists.

    The data set's own file does not mark validation people: there, the validation split
    is the people in the photos listed by ``annot/valid.json`` (or ``valid_images.txt``)
    beside it. Without such a list there is no validation split.

    A person's box is the square of side 200 ``scale``, which the papers crop a quarter
    larger. ``head_size`` is 0.6 of the head box's diagonal; the lists have no head box,
    so there it is 0.75 of the distance from neck to head top.
    ``skeleton=posetrack15`` writes the poses in PoseTrack's joints.
    """

    name = "mpii"
    SKELETON = MPII16
    CONVERSIONS = (POSETRACK15,)
    FILES = {
        "train": Files((*RELEASE, "annot/train.json", "train.json"), "images"),
        "validation": Files((*RELEASE, "annot/valid.json", "valid.json"), "images"),
    }
    # MPII-TRB repeats MPII's people with some of their joints and with contours.
    RENAMED = {"head": "head_top"}
    MAY_LACK = frozenset({"pelvis", "thorax"})
    FIRST_PIXEL = 1

    def convert(self, keypoints, visible, entry: dict):
        return mpii_to_posetrack(keypoints, visible)

    def files(self, split: str, source: pathlib.Path) -> list[pathlib.Path]:
        """The annotation files of a split; none without a validation list."""
        found = super().files(split, source)
        if self.given or split == "train":
            return found
        return [p for p in found if p.suffix != ".mat" or _validation_list(p)]

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        if path.suffix == ".mat":
            return _read_release(path, split)
        data = read_json(path)
        return _read_list(path, data) if isinstance(data, list) else data


def _read_list(path, records: list) -> dict:
    """Converts the papers' list to COCO annotations; person ids count from 1."""
    images, people = {}, []
    for place, record in enumerate(records):
        try:
            name = record["image"]
            joints = np.array(record["joints"], np.float64).reshape(16, 2)
            labeled = np.array(record["joints_vis"]).reshape(16) > 0
            center = np.array(record["center"], np.float64).reshape(2)
            images[name] = {"id": image_id_of(name), "file_name": name}
            head = joints[[MPII16.index(joint) for joint in MPII16.head]]
            ends = labeled[[MPII16.index(joint) for joint in MPII16.head]]
            size = HEAD_SHARE * DIAGONAL * float(np.linalg.norm(head[1] - head[0]))
            people.append(
                _entry(
                    len(people) + 1,
                    images[name]["id"],
                    joints,
                    np.where(labeled, 2, 0),
                    _square(center, float(record["scale"])),
                    size if ends.all() else 0.0,
                )
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise PoseFileError(
                f"{path}: record {place}: expected image, center, scale and 16 joints "
                f"and joints_vis ({type(error).__name__}: {error})"
            ) from error
    return annotations_json(MPII16, images.values(), people)


def _read_release(path, split: str) -> dict:
    """Converts a split of the data set's own file to COCO annotations.

    A person's id is the photo's place, from 1, times 1,000 plus the place in the photo.
    """
    release = read_struct(path, "RELEASE")
    listed = _validation_list(path)
    names = _names_in(listed) if listed else set()
    images, people = {}, []
    try:
        photos, training = _as_list(release.annolist), np.ravel(release.img_train)
    except AttributeError as error:
        raise PoseFileError(f"{path}: expected MPII's RELEASE, {error}") from error
    for place, (photo, trains) in enumerate(zip(photos, training, strict=False)):
        try:
            name = str(photo.image.name)
            if not trains or (name in names) != (split == "validation"):
                continue
            image_id = image_id_of(name)
            images[image_id] = {"id": image_id, "file_name": name}
            for number, person in enumerate(_as_list(photo.annorect)):
                person_id = 1000 * (place + 1) + number
                people.append(_released_person(person, person_id, image_id))
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise PoseFileError(
                f"{path}: annolist: record {place}: expected MPII's fields of a photo "
                f"({type(error).__name__}: {error})"
            ) from error
    return annotations_json(MPII16, images.values(), people)


def _released_person(person, person_id: int, image_id: int) -> dict:
    joints, visible = np.zeros((16, 2)), np.zeros(16, int)
    for point in _as_list(getattr(_field(person, "annopoints"), "point", None)):
        joint = int(point.id)
        if not 0 <= joint < 16:
            raise TfposeError(f"joint {joint}")
        joints[joint] = float(point.x), float(point.y)
        seen = np.ravel(getattr(point, "is_visible", ()))
        visible[joint] = 1 if len(seen) and int(seen[0]) == 0 else 2
    corners = [_field(person, name) for name in ("x1", "y1", "x2", "y2")]
    head = 0.0
    if None not in corners:
        x1, y1, x2, y2 = map(float, corners)
        head = HEAD_SHARE * math.hypot(x2 - x1, y2 - y1)
    place, scale = _field(person, "objpos"), _field(person, "scale")
    box = None
    if place is not None and scale is not None:
        box = _square(np.array([place.x, place.y], np.float64), float(scale))
    return _entry(person_id, image_id, joints, visible, box, head)


def _entry(person_id, image_id, joints, visible, box, head_size: float) -> dict:
    """An annotation whose area comes from a box around the joints."""
    around = person_box(joints, visible) if visible.any() else np.zeros(4)
    area = SEGMENT_SHARE_OF_BOX * around[2] * around[3]
    box = around if box is None else box
    extra = {"head_size": head_size} if head_size else {}
    return annotation_entry(person_id, image_id, joints, visible, box, area, **extra)


def _square(center: np.ndarray, scale: float) -> np.ndarray:
    """f64[4]: the square of a person's scale, a little below ``center`` f64[2]."""
    side = SCALE_UNIT * scale
    return np.array([*(center + [0, BELOW * scale] - (side - 1) / 2), side, side])


def _validation_list(path: pathlib.Path) -> pathlib.Path | None:
    """The list of validation photos near the data set's own file."""
    folders = (path.parent, path.parent.parent)
    found = [f / name for f in folders for name in VALIDATION_LISTS]
    return next((path for path in found if path.is_file()), None)


def _names_in(path: pathlib.Path) -> set[str]:
    if path.suffix == ".txt":
        return set(path.read_text("utf-8").split())
    data = read_json(path)
    try:
        return {record["image"] for record in data}
    except (TypeError, KeyError) as error:
        raise PoseFileError(f"{path}: expected a list with 'image'") from error


def _as_list(value) -> list:
    """The elements of a MATLAB array, which squeezing may have left as a scalar."""
    if value is None:
        return []
    return list(value.ravel()) if isinstance(value, np.ndarray) else [value]


def _field(struct, name: str):
    """A field of a MATLAB structure; None if missing or empty."""
    value = getattr(struct, name, None)
    return None if isinstance(value, np.ndarray) and not value.size else value
