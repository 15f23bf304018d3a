"""COCO 2017 person keypoints (Lin et al., ECCV 2014): several people per photo.

Reads the data set's own folder: ``annotations/person_keypoints_train2017.json`` and
``..._val2017.json``, and the photos in ``train2017/`` and ``val2017/``. Coordinates
count from 0; an annotation's ``area`` is that of the person's segment.
"""

from __future__ import annotations

from data_prep.coco_layout import CocoLayout, Files
from data_prep.conversions import coco_to_posetrack
from tfpose.skeletons import COCO17, POSETRACK15


class Coco(CocoLayout):
    """Splits: ``train`` and ``validation``, the official ones.

    ``skeleton=posetrack15`` writes the poses in PoseTrack's joints.
    """

    name = "coco"
    SKELETON = COCO17
    CONVERSIONS = (POSETRACK15,)
    FILES = {
        "train": Files(("annotations/person_keypoints_train2017.json",), "train2017"),
        "validation": Files(("annotations/person_keypoints_val2017.json",), "val2017"),
    }

    def convert(self, keypoints, visible, entry: dict):
        return coco_to_posetrack(keypoints, visible, entry.get("segmentation"))
