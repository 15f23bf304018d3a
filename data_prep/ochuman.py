"""OCHuman (Zhang et al., CVPR 2019): people who hide each other, COCO's joints.

Reads the authors' files in COCO's format,
``ochuman_coco_format_val_range_0.00_1.00.json`` and ``..._test_...``, and the photos of
both in ``images/``. It has no people to train on.
"""

from __future__ import annotations

from data_prep.coco_layout import CocoLayout, Files
from tfpose.skeletons import COCO17


def _files(part: str) -> Files:
    name = f"ochuman_coco_format_{part}_range_0.00_1.00.json"
    return Files((name, f"annotations/{name}"), "images")


class Ochuman(CocoLayout):
    """Splits: ``validation`` and ``test``, the official ones."""

    name = "ochuman"
    SKELETON = COCO17
    FILES = {"validation": _files("val"), "test": _files("test")}
