"""A data set of your own in COCO's layout, with joints of any skeleton.

Reads ``annotations/train*.json`` and, where there is one, ``annotations/val*.json``,
and the photos in ``images/``. ``categories[0].keypoints`` of the annotations names the
joints; the skeleton says in which order records have them.
"""

from __future__ import annotations

from data_prep.coco_layout import CocoLayout, Files
from tfpose.errors import TfposeError
from tfpose.io.skeleton_files import find_skeleton


class Own(CocoLayout):
    """Splits: ``train`` and ``validation``, those that are there.

    Args:
        skeleton: a built-in skeleton's name or a JSON file.

    Raises:
        TfposeError: no such skeleton.
    """

    name = "own"
    FILES = {
        "train": Files(("annotations/train*.json",), "images"),
        "validation": Files(("annotations/val*.json",), "images"),
    }

    def __init__(self, *, skeleton: str = "", **kwargs):
        if not skeleton:
            raise TfposeError("own: expected skeleton=NAME or skeleton=FILE.json")
        self.SKELETON = find_skeleton(skeleton)
        super().__init__(**kwargs)
