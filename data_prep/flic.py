"""FLIC (Sapp and Taskar, CVPR 2013): actors' upper bodies in film frames, 10 joints.

Reads one of these, with the photos in ``images/``:

- ``examples.mat``, the data set's own file: for each example ``filepath``, ``coords``
  f64[2, 29] with NaN if not labeled, ``torsobox`` and ``istrain`` or ``istest``;
- ``train.h5`` and ``valid.h5`` from the hourglass papers, preferably the files with
  ``..._personcentric`` in their names: ``imgname`` and ``part`` f64[N, 11, 2].

Coordinates count from 1. Left and right are the person's in ``examples.mat`` and in the
personcentric files; the other files swap them for people seen from behind.
Several examples can show the same person, so nobody has neighbors.
"""

from __future__ import annotations

import pathlib

import numpy as np

from data_prep.coco_layout import CocoLayout, Files
from data_prep.mpii import read_struct
from data_prep.people import person_box
from tfpose.errors import PoseFileError
from tfpose.io.coco_records import (
    SEGMENT_SHARE_OF_BOX,
    annotation_entry,
    annotations_json,
)
from tfpose.skeletons import FLIC10

# The joints' columns in ``coords``, from 0; other columns but the eyes' are empty.
COLUMNS = {
    "left_shoulder": 0, "left_elbow": 1, "left_wrist": 2, "right_shoulder": 3,
    "right_elbow": 4, "right_wrist": 5, "left_hip": 6, "right_hip": 9, "nose": 16,
}  # fmt: skip
# The places in ``part``.
PARTS = {**COLUMNS, "right_hip": 7, "nose": 10}
TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
# The papers' crop is 3 times the torso; our crops are 1.25 times the box.
TORSOS = 3 / 1.25


def _files(part: str) -> Files:
    return Files(("examples.mat", f"{part}_personcentric.h5", f"{part}.h5"), "images")


class Flic(CocoLayout):
    """Splits: ``train`` and ``test``, the official ones.

    Image and person ids are the example's place in the file, from 1. The neck is midway
    between the shoulders.
    """

    name = "flic"
    SKELETON = FLIC10
    FILES = {"train": _files("train"), "test": _files("valid")}
    FIRST_PIXEL = 1

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        read = _read_h5 if path.suffix == ".h5" else _read_examples
        images, people = [], []
        for example, (name, places, columns, torso) in read(path, split).items():
            keypoints, visible = _pose(places, columns)
            images.append({"id": example, "file_name": name})
            people.append(_entry(example, keypoints, visible, torso))
        return annotations_json(FLIC10, images, people)


def _read_examples(path, split: str) -> dict[int, tuple]:
    """Number -> name, coords f64[29, 2], its columns and the torso's corners."""
    found = {}
    examples = np.ravel(read_struct(path, "examples"))
    for number, example in enumerate(examples, start=1):
        try:
            if not (example.istrain if split == "train" else example.istest):
                continue
            coords = np.array(example.coords, np.float64).reshape(2, 29).T
            torso = np.array(example.torsobox, np.float64).reshape(4)
            found[number] = str(example.filepath), coords, COLUMNS, torso
        except (AttributeError, TypeError, ValueError) as error:
            raise PoseFileError(
                f"{path}: example {number}: expected filepath, coords (2, 29), "
                f"torsobox, istrain and istest ({error})"
            ) from error
    return found


def _read_h5(path, split: str) -> dict[int, tuple]:
    """Number -> name, part f64[11, 2] and its places; these files have no torso."""
    import h5py

    del split  # the file has only one
    try:
        with h5py.File(path) as file:
            names, parts = np.asarray(file["imgname"]), np.asarray(file["part"])
    except (OSError, KeyError) as error:
        raise PoseFileError(
            f"{path}: expected HDF5 with 'imgname' and 'part': {error}"
        ) from error
    if parts.shape != (len(names), 11, 2) or names.dtype.kind not in "SO":
        raise PoseFileError(
            f"{path}: expected part {(len(names), 11, 2)}, found {parts.shape}"
        )
    return {
        number: (name.decode().rstrip("\0"), part.astype(np.float64), PARTS, None)
        for number, (name, part) in enumerate(zip(names, parts, strict=True), start=1)
    }


def _pose(places: np.ndarray, columns: dict[str, int]):
    """keypoints f64[10, 2] and visible, with the neck between labeled shoulders."""
    keypoints = np.full((10, 2), np.nan)
    for joint, column in columns.items():
        keypoints[FLIC10.index(joint)] = places[column]
    for joint, one, other in FLIC10.midpoints:
        ends = keypoints[[FLIC10.index(one), FLIC10.index(other)]]
        keypoints[FLIC10.index(joint)] = ends.mean(axis=0)
    labeled = np.isfinite(keypoints).all(axis=1)
    return np.where(labeled[:, None], keypoints, 0.0), np.where(labeled, 2, 0)


def _entry(example: int, keypoints, visible, torso) -> dict:
    around = person_box(keypoints, visible) if visible.any() else np.zeros(4)
    area = SEGMENT_SHARE_OF_BOX * around[2] * around[3]
    rows = [FLIC10.index(joint) for joint in TORSO]
    if torso is None and visible[rows].all():
        torso = [*keypoints[rows].min(axis=0), *keypoints[rows].max(axis=0)]
    if torso is not None and np.isfinite(torso).all():
        low, high = np.array(torso[:2]), np.array(torso[2:])
        size = TORSOS * (high - low)
        if size.min() > 1:
            around = [*((low + high) / 2 - (size - 1) / 2), *size]
    return annotation_entry(example, example, keypoints, visible, around, area)
