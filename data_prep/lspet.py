"""LSP Extended Training (Johnson and Everingham, CVPR 2011): 10,000 photos.

Reads the data set's own folder: ``images/im00001.jpg`` ... and ``joints.mat``, whose
``joints`` is f64[14, 3, N]: x and y counted from 1, and a third column that is 1 if the
joint is *labeled* (unlike LSP's); other joints' coordinates are garbage.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np

from data_prep.lsp import athlete, read_joints
from data_prep.people import PeopleBuilder, Photo, read_photo
from tfpose.skeletons import LSP14


class Lspet(PeopleBuilder):
    """Split: ``train``."""

    name = "lspet"
    SKELETON = LSP14
    SPLITS = ("train",)

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        joints = read_joints(source / "joints.mat", (14, 3))
        for index in range(joints.shape[-1]):
            path = source / "images" / f"im{index + 1:05d}.jpg"
            visible = np.where(joints[:, 2, index] == 1, 2, 0).astype(np.uint8)
            people = athlete(joints[:, :2, index], visible, index + 1)
            if not people:
                self.left_out["no labeled joint"] += 1
            yield Photo(index + 1, path.name, read_photo(path), people)
