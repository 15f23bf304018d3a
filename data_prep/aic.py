"""AI Challenger keypoints (Wu et al., 2017): several people per photo, 14 joints.

Reads the data set's own folders, ``ai_challenger_keypoint_train_20170902`` and
``..._validation_20170911``, each with a JSON list of photos and a folder of photos; or
the same people as COCO annotations, ``aic_train.json`` and ``aic_val.json``. In the
original files, a joint's third number is 1 if visible, 2 if occluded and 3 if not
labeled, and boxes are corners.
"""

from __future__ import annotations

import pathlib

import numpy as np

from data_prep.coco_layout import CocoLayout, Files
from tfpose.errors import PoseFileError
from tfpose.io.coco_records import annotation_entry, annotations_json
from tfpose.io.files import read_json
from tfpose.skeletons import AIC14

# AI Challenger's visibility -> COCO's.
VISIBILITY = {1: 2, 2: 1, 3: 0, 0: 0}


def _files(part: str, date: str, short: str) -> Files:
    folder = f"ai_challenger_keypoint_{part}_{date}"
    name = f"keypoint_{part}_annotations_{date}.json"
    return Files(
        (f"{folder}/{name}", f"annotations/aic_{short}.json", f"aic_{short}.json"),
        f"{folder}/keypoint_{part}_images_{date}",
    )


class Aic(CocoLayout):
    """Splits: ``train`` and ``validation``, the official ones.

    Photo and person ids are places in the original file, from 1.
    """

    name = "aic"
    SKELETON = AIC14
    FILES = {
        "train": _files("train", "20170902", "train"),
        "validation": _files("validation", "20170911", "val"),
    }

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        data = read_json(path)
        if not isinstance(data, list):
            return data
        images, people = [], []
        for place, record in enumerate(data):
            try:
                images.append(
                    {"id": place + 1, "file_name": f"{record['image_id']}.jpg"}
                )
                for name, pose in record["keypoint_annotations"].items():
                    box = record["human_annotations"][name]
                    people.append(_person(len(people) + 1, place + 1, pose, box))
            except (
                KeyError,
                TypeError,
                ValueError,
                AttributeError,
                OverflowError,
            ) as error:
                raise PoseFileError(
                    f"{path}: record {place}: expected image_id, human_annotations and "
                    f"keypoint_annotations ({type(error).__name__}: {error})"
                ) from error
        return annotations_json(AIC14, images, people)


def _person(person_id: int, image_id: int, pose, corners) -> dict:
    triples = np.array(pose, np.float64).reshape(14, 3)
    visible = [VISIBILITY[flag] for flag in triples[:, 2].tolist()]
    left, top, right, bottom = map(float, corners)
    box = [left, top, max(right - left, 0.0), max(bottom - top, 0.0)]
    return annotation_entry(person_id, image_id, triples[:, :2], visible, box)
