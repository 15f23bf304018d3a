"""COCO 2017 person keypoints (Lin et al., ECCV 2014): several people a photo.

Reads the data set's own folder: ``annotations/person_keypoints_train2017.json`` and
``..._val2017.json``, and the photos in ``train2017/`` and ``val2017/``. Coordinates
count from 0; an annotation's ``area`` is that of the person's segment.
"""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterator

import numpy as np

from data_prep.people import PeopleBuilder, Person, Photo, read_photo
from tfpose.photos import PhotoError
from tfpose.poses import Annotations, read_annotations, rows_by_image
from tfpose.skeleton import COCO17

# COCO's own names of our splits.
FOLDERS = {"train": "train2017", "validation": "val2017"}


class Coco(PeopleBuilder):
    """Splits: ``train`` and ``validation``, the official ones.

    Left out, and counted by reason: annotations of crowds and people without a labelled
    joint. Neither is a neighbour of the others.
    """

    name = "coco"
    SKELETON = COCO17
    SPLITS = tuple(FOLDERS)

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        """The photos with people in the order of their ids.

        Raises:
            PoseFileError: no annotations file, or one that is not as expected.
            PhotoError: other joints than COCO's, or a photo that is missing or damaged.
        """
        folder = FOLDERS[split]
        path = source / "annotations" / f"person_keypoints_{folder}.json"
        annotations = read_annotations(path)
        if annotations.skeleton.joints != self.SKELETON.joints:
            raise PhotoError(
                f"{path}: expected the joints of {self.SKELETON.name}, found "
                f"{list(annotations.skeleton.joints)}"
            )
        unlabelled = ~np.any(annotations.visible > 0, axis=1) & ~annotations.crowd
        counts = {"crowd": annotations.crowd, "no labelled joint": unlabelled}
        # Adding counters leaves out what is zero.
        self.left_out += collections.Counter(
            {reason: int(people.sum()) for reason, people in counts.items()}
        )
        annotations = annotations.take(annotations.scored)
        for image_id, rows in sorted(rows_by_image(annotations.image_ids).items()):
            file_name = annotations.images[image_id]["file_name"]
            people = tuple(_person(annotations, row) for row in rows)
            image = read_photo(source / folder / file_name)
            yield Photo(image_id, file_name, image, people)


def _person(annotations: Annotations, row: int) -> Person:
    visible = annotations.visible[row]
    return Person(
        # COCO writes (0, 0) for joints that are not labelled; other files may not.
        keypoints=np.where(visible[:, None] > 0, annotations.keypoints[row], 0),
        visible=visible,
        box=annotations.boxes[row],
        area=float(annotations.areas[row]),
        person_id=int(annotations.ids[row]),
    )
