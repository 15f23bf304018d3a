"""Your own data set in COCO's layout, with the joints of any skeleton.

Reads ``annotations/train*.json``, ``annotations/val*.json`` if there is one, and the
photos in ``images/``. The annotations' ``categories[0].keypoints`` names the joints;
the skeleton sets their order in the records.
"""

from __future__ import annotations

from data_prep.coco_layout import CocoLayout, Files
from tfpose.errors import TfposeError
from tfpose.io.skeleton_files import find_skeleton


class Own(CocoLayout):
    """Splits: ``train`` and ``validation``, if present.

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
