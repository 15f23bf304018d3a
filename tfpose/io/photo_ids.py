"""Finds the photos that a command is given, and their image ids."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
import re
from collections.abc import Sequence

from tfpose.errors import PoseFileError
from tfpose.io.coco import Annotations

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


def photos_by_id(images: str, truth: Annotations | None) -> dict[int, pathlib.Path]:
    """Image id -> photo.

    Annotations name the files (``file_name``). Without them, the number in a file's
    name is its id (``000000000139.jpg``, ``im1001.jpg``).

    Raises:
        PoseFileError: the folder has no photos, or two with the same number.
    """
    folder = pathlib.Path(images)
    if not folder.is_dir():
        raise PoseFileError(f"{folder}: expected a folder of photos, found none")
    if truth is None:
        return photos_by_number(folder)
    named = ((i, image.get("file_name")) for i, image in truth.images.items())
    return {i: folder / name for i, name in named if isinstance(name, str)}


def photos_by_number(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """The photos of a folder by the last number in their names.

    Raises:
        PoseFileError: there are none, or two have the same number.
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


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo to process.

    Attributes:
        image_id: the number in its name, its id in the annotations, or a new one.
        name: from the annotations or the file; its path if names repeat.
        known: other files refer to the photo by ``image_id``.
    """

    path: pathlib.Path
    image_id: int
    name: str
    known: bool = True


def given_photos(
    given: Sequence[str], truth: Annotations | None = None, source: str | None = None
) -> list[Photo]:
    """The photos of files and folders, each once; a folder's are sorted by name.

    With annotations: the given files, and the photos of the folders that they name.

    Args:
        given: photos and folders.
        truth: the annotations.
        source: their file, for messages.

    Raises:
        PoseFileError: a path does not exist, a folder has no photos, or the
            annotations do not list a photo or lack its name.
    """
    if not given:
        raise PoseFileError("predict: expected photos or folders of photos, found none")
    for place in map(pathlib.Path, given):
        if not place.exists():
            raise PoseFileError(
                f"{place}: expected a photo or a folder of photos, found none"
            )
    if truth is None:
        return _numbered(_files(given))
    return _annotated(given, truth, source)


def _files(given) -> list[pathlib.Path]:
    """The photos of files and folders."""
    found = {}
    for place in map(pathlib.Path, given):
        inner = [place]
        if place.is_dir():
            inner = [
                path
                for path in sorted(place.iterdir())
                if path.suffix.lower() in PHOTO_SUFFIXES
            ]
            if not inner:
                suffixes = ", ".join(PHOTO_SUFFIXES)
                raise PoseFileError(
                    f"{place}: expected photos ({suffixes}) in the folder, found none"
                )
        for path in inner:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _numbered(paths: Sequence[pathlib.Path]) -> list[Photo]:
    """Numbers photos by the last number in their names, or after the highest."""
    numbers = [number(path) for path in paths]
    taken = collections.Counter(numbers)
    last = max((own for own in numbers if own is not None), default=0)
    free = itertools.count(last + 1)
    repeated = collections.Counter(path.name for path in paths)
    found = []
    for path, own in zip(paths, numbers, strict=True):
        known = own is not None and taken[own] == 1
        name = path.name if repeated[path.name] == 1 else str(path)
        found.append(Photo(path, own if known else next(free), name, known))
    return found


def number(path: pathlib.Path) -> int | None:
    """The last number in a photo's name, if it can be an id."""
    numbers = re.findall(r"\d+", path.stem)
    # A longer number is no id: a name may end with a checksum.
    return int(numbers[-1]) if numbers and len(numbers[-1]) <= 18 else None


def _annotated(given, truth: Annotations, source) -> list[Photo]:
    """The given photos that the annotations list."""
    folders = [place for place in map(pathlib.Path, given) if place.is_dir()]
    files: dict[str, pathlib.Path] = {}
    for place in map(pathlib.Path, given):
        if not place.is_dir() and files.setdefault(place.name, place) != place:
            raise PoseFileError(
                f"{place}: expected photos of different names ({source} knows them "
                f"by name), found {files[place.name]} too"
            )
    found = []
    for image_id, image in truth.images.items():
        name = image.get("file_name")
        if not isinstance(name, str):
            raise PoseFileError(
                f"{source}: image {image_id}: expected a file_name, found {name!r}"
            )
        path = files.pop(pathlib.PurePath(name).name, None)
        if path is None:
            places = (folder / name for folder in folders)
            path = next(filter(pathlib.Path.is_file, places), None)
        if path is not None:
            found.append(Photo(path, image_id, name))
    for path in files.values():
        raise PoseFileError(
            f"{path}: expected one of the {len(truth.images)} photos of {source}, "
            "found no such file_name"
        )
    if not found:
        names = [image.get("file_name") for image in truth.images.values()]
        raise PoseFileError(
            f"{folders[0]}: expected photos of {source}, such as {names[0]}, found none"
            if names
            else f"{source}: expected images, found none"
        )
    return found


def unlisted(given: Sequence[str], known: Sequence[Photo]) -> list[str]:
    """Names of the photos in given folders that are not among the ``known``."""
    folders = [place for place in given if pathlib.Path(place).is_dir()]
    taken = {photo.path.resolve() for photo in known}
    found = _files(folders) if folders else []
    return [path.name for path in found if path.resolve() not in taken]
