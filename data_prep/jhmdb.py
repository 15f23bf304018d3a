"""JHMDB (Jhuang et al., ICCV 2013): short videos, one person per frame, 15 joints.

Reads the data set's own folder, ``joint_positions/ACTION/VIDEO/joint_positions.mat``
with the frames ``Rename_Images/ACTION/VIDEO/00001.png`` ... and the lists of videos in
``splits/ACTION_test_splitN.txt``; or the same people as COCO annotations,
``annotations/SubN_train.json`` and ``..._test.json``. A video's ``pos_img`` is
f64[2, 15, frames]. Both count pixels from 1 and label every joint, even outside the
frame.
"""

from __future__ import annotations

import pathlib

import numpy as np

from data_prep.coco_layout import CocoLayout, Files
from data_prep.mpii import read_mat
from data_prep.people import person_box
from tfpose.errors import PoseFileError, TfposeError
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.io.files import read_json
from tfpose.skeletons import JHMDB15

VIDEOS = "joint_positions/*/*/joint_positions.mat"
# Frames of a video are numbered from 1; a person has the frame's id.
FRAMES = 100_000
# Our splits -> their numbers in the lists of videos.
LISTED = {"train": "1", "test": "2"}


def _files(fold: int) -> dict[str, Files]:
    return {
        split: Files((VIDEOS, f"annotations/Sub{fold}_{split}.json"))
        for split in LISTED
    }


class Jhmdb(CocoLayout):
    """Splits: ``train`` and ``test`` of one of the three official divisions.

    In the original layout, a frame's id is the video's place in the split, from 1,
    times 100,000 plus the frame's number. The annotation files written keep each
    frame's video and number.

    Args:
        fold: number of the division, 1 to 3.
    """

    name = "jhmdb"
    SKELETON = JHMDB15
    FILES = _files(1)
    RENAMED = {"head": "face"}
    FIRST_PIXEL = 1
    PHOTO_NOTES = ("vid_id", "frame_id", "nframes")
    PERSON_NOTES = ("track_id",)

    def __init__(self, *, fold: int = 1, **kwargs):
        if fold not in (1, 2, 3):
            raise TfposeError(f"fold={fold}: expected 1, 2 or 3")
        self.fold, self.FILES = fold, _files(fold)
        if fold > 1:
            kwargs["variant"] = f"fold{fold}"
        super().__init__(**kwargs)

    def files(self, split: str, source: pathlib.Path) -> list[pathlib.Path]:
        """The split's videos, else its annotations."""
        found = super().files(split, source)
        if self.given or not found or found[0].suffix != ".mat":
            return found
        return [video for video in found if self._split_of(video, source) == split]

    def _split_of(self, video: pathlib.Path, source: pathlib.Path) -> str | None:
        """The split that the lists put a video in; None if it is in neither."""
        action, name = video.parent.parent.name, video.parent.name
        path = source / "splits" / f"{action}_test_split{self.fold}.txt"
        try:
            lines = path.read_text("utf-8").splitlines()
        except OSError as error:
            raise PoseFileError(f"{path}: cannot read: {error.strerror}") from error
        listed = dict(line.split() for line in lines if len(line.split()) == 2)
        splits = {number: split for split, number in LISTED.items()}
        return splits.get(listed.get(f"{name}.avi"))

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        if path.suffix != ".mat":
            return read_json(path)
        positions = read_mat(path, {"pos_img": (2, 15, None)})["pos_img"]
        if not np.isfinite(positions).all():
            raise PoseFileError(f"{path}: expected finite pos_img, found others")
        # A file given by name belongs to the video in the folder ``images``.
        action, video = path.parent.parent.name, path.parent.name
        folder = "" if self.given else f"Rename_Images/{action}/{video}/"
        visible, images, people = np.full(15, 2), [], []
        frames = positions.shape[-1]
        for frame in range(1, frames + 1):
            frame_id = (number + 1) * FRAMES + frame
            images.append(
                {
                    "id": frame_id,
                    "file_name": f"{folder}{frame:05d}.png",
                    "vid_id": video,
                    "frame_id": frame,
                    "nframes": frames,
                }
            )
            joints = positions[:, :, frame - 1].T
            box = person_box(joints, visible)
            people.append(
                annotation_entry(frame_id, frame_id, joints, visible, box, track_id=0)
            )
        return annotations_json(JHMDB15, images, people)
