"""PoseTrack 2018 (Andriluka et al., CVPR 2018): people tracked through videos.

Reads the data set's own folder: ``annotations/train/*.json`` and ``.../val/*.json``,
one COCO annotations file per video; photos' names start with ``images/``. COCO's second
and third places hold the ends of the head, and the ears' places are empty.
Files say whether a joint is labeled, but not whether it is visible.
"""

from __future__ import annotations

import math
import pathlib

from data_prep.coco_layout import CocoLayout, Files
from data_prep.mpii import HEAD_SHARE
from tfpose.errors import PoseFileError
from tfpose.io.files import read_json
from tfpose.skeletons import POSETRACK15

# Frame entries that the evaluation of tracks needs besides the photo.
FRAME_NOTES = ("vid_id", "frame_id", "nframes", "ignore_regions_x", "ignore_regions_y")


class Posetrack18(CocoLayout):
    """Splits: ``train`` and ``validation``, the official ones.

    The annotation files written keep each person's ``track_id`` and each frame's
    video, number and ignored regions.
    """

    name = "posetrack18"
    SKELETON = POSETRACK15
    FILES = {
        "train": Files(
            ("annotations/train/*.json", "annotations/posetrack18_train.json")
        ),
        "validation": Files(
            ("annotations/val/*.json", "annotations/posetrack18_val.json")
        ),
    }
    PHOTO_NOTES = FRAME_NOTES
    PERSON_NOTES = ("track_id",)

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        data = read_json(path)
        if not isinstance(data, dict) or not isinstance(data.get("annotations"), list):
            return data
        people = [
            _person(path, place, p) for place, p in enumerate(data["annotations"])
        ]
        return {**data, "annotations": people}


def _person(path, place: int, record):
    """Adds a head size and gives labeled joints COCO's visibility 2."""
    if not isinstance(record, dict):
        return record
    record = dict(record)
    numbers = record.get("keypoints")
    if isinstance(numbers, list):
        record["keypoints"] = [
            2 if index % 3 == 2 and value == 1 else value
            for index, value in enumerate(numbers)
        ]
    head = record.get("bbox_head")
    if head:
        try:
            _, _, width, height = map(float, head)
        except (TypeError, ValueError) as error:
            raise PoseFileError(
                f"{path}: annotations: record {place}: expected bbox_head [x, y, "
                f"width, height], found {head}"
            ) from error
        record["head_size"] = HEAD_SHARE * math.hypot(width, height)
    return record
