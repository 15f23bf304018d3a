"""Which photo of a folder has which id."""

from __future__ import annotations

import pathlib
import re

from tfpose import poses
from tfpose.poses import PoseFileError
from tfpose.skeleton import Skeleton

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


def find_photos(
    images: str, annotations: str | None, skeleton: Skeleton
) -> dict[int, pathlib.Path]:
    """The photo of each image id.

    With annotations, their ``file_name``s; otherwise the number in a file's name is its
    id (``000000000139.jpg``, ``im1001.jpg``).

    Raises:
        PoseFileError: the folder has no photos, or two with one number; or the
            annotations are not of the skeleton.
    """
    folder = pathlib.Path(images)
    if not folder.is_dir():
        raise PoseFileError(f"{folder}: expected a folder of photos, found none")
    if annotations is None:
        return photos_by_number(folder)
    truth = poses.read_annotations(annotations)
    if truth.skeleton.joints != skeleton.joints:
        raise PoseFileError(
            f"{annotations}: expected the {len(skeleton)} joints of {skeleton.name}, "
            f"which the model refines, found those of {truth.skeleton.name}: "
            f"{', '.join(truth.skeleton.joints)}"
        )
    named = ((i, image.get("file_name")) for i, image in truth.images.items())
    return {i: folder / name for i, name in named if isinstance(name, str)}


def photos_by_number(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """The photos of a folder by the last number in their names.

    Raises:
        PoseFileError: there are none, or two with one number.
    """
    found: dict[int, pathlib.Path] = {}
    for path in sorted(folder.iterdir()):
        numbers = re.findall(r"\d+", path.stem)
        if path.suffix.lower() not in PHOTO_SUFFIXES or not numbers:
            continue
        number = int(numbers[-1])
        if number in found:
            raise PoseFileError(
                f"{folder}: {found[number].name} and {path.name} both have the number "
                f"{number}; give --annotations, whose file names decide"
            )
        found[number] = path
    if not found:
        raise PoseFileError(f"{folder}: expected photos with numbers in their names")
    return found
