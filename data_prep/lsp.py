"""Leeds Sports Pose (Johnson and Everingham, BMVC 2010): one athlete per photo.

Reads the data set's own folder: ``images/im0001.jpg`` ... and ``joints.mat``, whose
``joints`` is f64[3, 14, N]: x and y counted from 1, and a third row that is 1 if the
joint is occluded (but still labeled). Left and right are the person's.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np
import scipy.io

from data_prep.people import (
    PeopleBuilder,
    Person,
    Photo,
    person_box,
    read_photo,
)
from tfpose.errors import PhotoError
from tfpose.skeletons import LSP14

# The official split: the first 1,000 photos are for training.
TRAINING_PHOTOS = 1000


def read_joints(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
    """The ``joints`` array of an LSP or LSPET ``joints.mat``.

    Args:
        path: path of the file.
        shape: expected shape without its last axis, the number of photos.

    Raises:
        PhotoError: no such file, not a MATLAB file, or another shape.
    """
    try:
        joints = scipy.io.loadmat(path)["joints"]
    except (
        OSError, ValueError, KeyError, NotImplementedError, scipy.io.matlab.MatReadError
    ) as error:  # fmt: skip
        raise PhotoError(
            f"{path}: expected a MATLAB file with 'joints', {error}"
        ) from error
    if joints.shape[:-1] != shape:
        raise PhotoError(
            f"{path}: expected joints {(*shape, 'N')}, found {joints.shape}"
        )
    return joints


def athlete(xy: np.ndarray, visible: np.ndarray, person_id: int) -> tuple[Person, ...]:
    """The person in a photo without box or segment; () if no joint is labeled.

    Args:
        xy: f64[14, 2], counted from 1.
        visible: u8[14].
        person_id: unique in the data set.
    """
    keypoints = np.where(visible[:, None] > 0, xy - 1, 0)
    if not visible.any():
        return ()
    box = person_box(keypoints, visible)
    # A COCO person's segment covers about 0.53 of the box.
    return (Person(keypoints, visible, box, 0.53 * box[2] * box[3], person_id),)


class Lsp(PeopleBuilder):
    """Splits: ``train`` is photos 1-1000, ``test`` the rest."""

    name = "lsp"
    SKELETON = LSP14
    SPLITS = ("train", "test")

    def splits(self, source: pathlib.Path) -> tuple[str, ...]:
        """Both splits.

        Raises:
            PhotoError: there is no photo after those for training.
        """
        path = source / "joints.mat"
        count = read_joints(path, (3, 14)).shape[-1]
        if count <= TRAINING_PHOTOS:
            raise PhotoError(
                f"{path}: expected more than {TRAINING_PHOTOS} photos, since those "
                f"after them are the split 'test', found {count}"
            )
        return self.SPLITS

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        joints = read_joints(source / "joints.mat", (3, 14))
        for index in range(joints.shape[-1]):
            if (index < TRAINING_PHOTOS) != (split == "train"):
                continue
            path = source / "images" / f"im{index + 1:04d}.jpg"
            x, y, occluded = joints[:, :, index]
            visible = np.where(occluded == 1, 1, 2).astype(np.uint8)
            people = athlete(np.stack([x, y], -1), visible, index + 1)
            yield Photo(index + 1, path.name, read_photo(path), people)
