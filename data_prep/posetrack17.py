"""PoseTrack 2017 (Iqbal et al., CVPR 2017): people tracked through videos.

Reads the data set's own folder: ``annotations/train/*.json`` and ``.../val/*.json``,
one file per video, with MATLAB structures as in poseval's JSON
(https://github.com/leonid-pishchulin/poseval): every number is a list of one. Photos'
names start with ``images/``. Points are identified by number, and missing points are
unlabeled; a person's box is that of the head.
"""

from __future__ import annotations

import math
import pathlib

import numpy as np

from data_prep.coco_layout import CocoLayout, Files
from data_prep.mpii import HEAD_SHARE
from data_prep.people import person_box
from data_prep.posetrack18 import FRAME_NOTES
from tfpose.errors import PoseFileError
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.io.files import read_json
from tfpose.skeletons import POSETRACK15

# The joints in the order of their numbers in the files, as in PoseRefiner's code.
NUMBERED = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist head_bottom nose "
    "head_top"
).split()
# Id offsets between videos, and between photos.
FRAMES, PEOPLE = 100_000, 1_000


class Posetrack17(CocoLayout):
    """Splits: ``train`` and ``validation``, the official ones.

    The files have no ids. An image id is the video's place in the split, from 1, times
    100,000 plus the frame's place in the file; a person's id is the image id times
    1,000 plus the place in the frame. The annotation files written keep track ids,
    videos and ignored regions, as PoseTrack18's do.
    """

    name = "posetrack17"
    SKELETON = POSETRACK15
    FILES = {
        "train": Files(("annotations/train/*.json",)),
        "validation": Files(("annotations/val/*.json",)),
    }
    PHOTO_NOTES = FRAME_NOTES
    PERSON_NOTES = ("track_id",)

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        data = read_json(path)
        if not isinstance(data, dict) or not isinstance(data.get("annolist"), list):
            raise PoseFileError(f"{path}: expected an object with 'annolist'")
        images, people = [], []
        for frame, record in enumerate(data["annolist"]):
            image_id = (number + 1) * FRAMES + frame
            try:
                name = record["image"][0]["name"]
                images.append(
                    {
                        "id": image_id,
                        "file_name": name,
                        "vid_id": pathlib.PurePosixPath(name).parent.name,
                        "frame_id": frame,
                        "nframes": len(data["annolist"]),
                        **_ignored_regions(record),
                    }
                )
                for place, person in enumerate(record.get("annorect") or ()):
                    people.append(_person(person, image_id * PEOPLE + place, image_id))
            except (
                KeyError,
                IndexError,
                TypeError,
                ValueError,
                AttributeError,
                OverflowError,
            ) as error:
                raise PoseFileError(
                    f"{path}: annolist: record {frame}: expected PoseTrack's fields of "
                    f"a frame, found another form ({type(error).__name__}: {error})"
                ) from error
        return annotations_json(POSETRACK15, images, people)


def _person(record: dict, person_id: int, image_id: int) -> dict:
    keypoints, visible = np.zeros((15, 2)), np.zeros(15, int)
    for point in _only(record.get("annopoints"), {}).get("point") or ():
        joint = POSETRACK15.index(NUMBERED[_only(point["id"])])
        keypoints[joint] = _only(point["x"]), _only(point["y"])
        seen = _only(point.get("is_visible"), 1)
        visible[joint] = 2 if int(seen) else 1
    extra = {}
    if all(record.get(corner) for corner in ("x1", "y1", "x2", "y2")):
        x1, y1, x2, y2 = (_only(record[name]) for name in ("x1", "y1", "x2", "y2"))
        extra["head_size"] = HEAD_SHARE * math.hypot(x2 - x1, y2 - y1)
    if record.get("track_id"):
        extra["track_id"] = int(_only(record["track_id"]))
    # The box is 1.3 times as large as the pose, as in PoseTrack18.
    box = person_box(keypoints, visible, 1.3) if visible.any() else np.zeros(4)
    return annotation_entry(person_id, image_id, keypoints, visible, box, **extra)


def _ignored_regions(record: dict) -> dict:
    """PoseTrack18's two lists of polygons; {} if there are none."""
    regions = [region["point"] for region in record.get("ignore_regions") or ()]
    if not regions:
        return {}
    return {
        f"ignore_regions_{axis}": [
            [_only(point[axis]) for point in region] for region in regions
        ]
        for axis in ("x", "y")
    }


def _only(values, default=None):
    """The only value of a list, or a bare value itself."""
    if isinstance(values, list):
        return values[0] if values or default is None else default
    return default if values is None else values
