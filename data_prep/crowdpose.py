"""CrowdPose (Li et al., CVPR 2019): photos of people in crowds, 14 joints.

Reads the data set's own files, ``json/crowdpose_train.json``, ``..._val.json`` and
``..._test.json``, and the photos of all splits in ``images/``. The files'
``num_keypoints`` leaves out the head and the neck; the visibilities include them.
"""

from __future__ import annotations

from data_prep.coco_layout import CocoLayout, Files
from tfpose.skeletons import CROWDPOSE14


def _files(part: str) -> Files:
    folders = ("json", "annotations", ".")
    return Files(
        tuple(f"{folder}/crowdpose_{part}.json" for folder in folders), "images"
    )


class Crowdpose(CocoLayout):
    """Splits: ``train``, ``validation`` and ``test``, the official ones."""

    name = "crowdpose"
    SKELETON = CROWDPOSE14
    FILES = {
        "train": _files("train"),
        "validation": _files("val"),
        "test": _files("test"),
    }
    RENAMED = {"head": "head_top", "top_head": "head_top"}
