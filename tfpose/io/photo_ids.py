"""Finds the photos that a command is given, and their image ids."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import pathlib
import re
import warnings
from collections.abc import Sequence

import numpy as np

from tfpose.errors import InputWarning, PoseFileError, shown
from tfpose.io import photos
from tfpose.io.coco import Annotations
from tfpose.io.coco_checks import size_of
from tfpose.io.photo_headers import OTHER_SUFFIXES, SUFFIXES

# A whole word of digits at the end of a name, perhaps behind letters: "im1001",
# "clip2_frame013". The last digits of a checksum are no number.
_NUMBER = re.compile(r"(?:^|[\W_])([^\W\d_]*)([0-9]+)$")
_HEX = frozenset("abcdefABCDEF")


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo to process.

    Attributes:
        image_id: the number in its name, its id in the annotations, or a new one.
        name: from the annotations or the file; its path if names repeat.
        known: other files refer to the photo by ``image_id``.
        size: (width, height) px that annotations state, or None.
    """

    path: pathlib.Path
    image_id: int
    name: str
    known: bool = True
    size: tuple[int, int] | None = None

    def read(self) -> np.ndarray:
        """u8[H, W, 3] RGB, in the orientation that coordinates refer to.

        Raises:
            PhotoError: the photo is missing or damaged.
        """
        return photos.read(self.path, self.size)


def photos_by_id(images: str, truth: Annotations | None) -> dict[int, Photo]:
    """Image id -> photo.

    Annotations name the files (``file_name``). Without them, the number that ends a
    file's name is its id (``000000000139.jpg``, ``im1001.jpg``).

    Raises:
        PoseFileError: the folder has no photos, or two with the same number.
    """
    folder = pathlib.Path(images)
    if not folder.is_dir():
        raise PoseFileError(f"{folder}: expected a folder of photos, found none")
    if truth is None:
        return photos_by_number(folder)
    return {
        image_id: photo_of(truth, image_id, folder)
        for image_id, image in truth.images.items()
        if isinstance(image.get("file_name"), str)
    }


def photo_of(truth: Annotations, image_id: int, folder: str | os.PathLike) -> Photo:
    """The photo of an image of annotations.

    Raises:
        PoseFileError: the image has no ``file_name``.
    """
    image = truth.images[image_id]
    name = image.get("file_name")
    if not isinstance(name, str):
        raise PoseFileError(
            f"image {image_id}: expected a file_name, found {shown(name)}"
        )
    return Photo(photo_path(folder, name), image_id, name, size=size_of(image))


def photo_path(folder: str | os.PathLike, name: str) -> pathlib.Path:
    """The photo that a ``file_name`` of annotations means, always inside the folder.

    Windows' separators are separators. A name that leads elsewhere, or to no file,
    means the file of its last part, if the folder has it.

    Example:
        >>> photo_path("photos", "/home/anna/1.jpg").as_posix()
        'photos/1.jpg'
    """
    folder = pathlib.Path(folder)
    parts = pathlib.PurePosixPath(name.replace("\\", "/"))
    inside = not parts.is_absolute() and ".." not in parts.parts
    inside = inside and not re.match(r"[A-Za-z]:", name)
    places = [folder / name, folder / parts] if inside else []
    places.append(folder / (parts.name if parts.name != ".." else ""))
    return next(filter(os.path.lexists, places), places[0])


def photos_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The photos in a folder, sorted by name.

    Warns how many other pictures and videos there are. Hidden files are no photos.
    """
    files = [path for path in sorted(folder.iterdir()) if path.name[0] != "."]
    others = collections.Counter(
        path.suffix.lower() for path in files if path.suffix.lower() in OTHER_SUFFIXES
    )
    if others:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.items())
        warnings.warn(
            f"{folder}: left out {others.total()} files that are not read ({kinds}); "
            f"photos are {', '.join(SUFFIXES)}",
            InputWarning,
            stacklevel=2,
        )
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def photos_by_number(folder: pathlib.Path) -> dict[int, Photo]:
    """The photos of a folder by the numbers that end their names.

    Warns how many have none.

    Raises:
        PoseFileError: no photo has one, or two have the same.
    """
    found: dict[int, Photo] = {}
    paths = photos_in(folder)
    without = [path.name for path in paths if number(path) is None]
    for path in paths:
        image_id = number(path)
        if image_id is None:
            continue
        if image_id in found:
            raise PoseFileError(
                f"{folder}: {found[image_id].name} and {path.name} both have the "
                f"number {image_id}; give --annotations, whose file names decide"
            )
        found[image_id] = Photo(path, image_id, path.name)
    if not found:
        example = f"names such as {shown(without[0])}" if without else "no photos"
        raise PoseFileError(
            f"{folder}: expected photos ({', '.join(SUFFIXES[:5])}, ...) whose names "
            f"end with their image_id, found {example}; give --annotations, whose file "
            "names decide"
        )
    if without:
        warnings.warn(
            f"{folder}: left out {len(without)} photos whose names do not end with a "
            f"number of their own, such as {shown(without[0])}; --annotations can name "
            "them",
            InputWarning,
            stacklevel=2,
        )
    return found


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
            inner = photos_in(place)
            if not inner:
                suffixes = ", ".join(SUFFIXES)
                raise PoseFileError(
                    f"{place}: expected photos ({suffixes}) in the folder, found none"
                )
        for path in inner:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _numbered(paths: Sequence[pathlib.Path]) -> list[Photo]:
    """Numbers photos by the numbers that end their names, or after the highest."""
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
    """The number that ends a photo's name, if it can be an id.

    Example:
        >>> number(pathlib.Path("im1001.jpg")), number(pathlib.Path("x.rf.3b1f7c9.jpg"))
        (1001, None)
    """
    found = _NUMBER.search(path.stem)
    if found is None:
        return None
    letters, digits = found.groups()
    # Digits behind a to f alone may be a checksum; a longer number is no id.
    checksum = letters and set(letters) <= _HEX and len(letters + digits) > 6
    return None if checksum or len(digits) > 18 else int(digits)


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
        path = files.pop(re.split(r"[/\\]", name)[-1], None)
        path = files.pop(name, None) if path is None else path
        if path is None:
            places = (photo_path(folder, name) for folder in folders)
            path = next(filter(pathlib.Path.is_file, places), None)
        if path is not None:
            found.append(Photo(path, image_id, name, size=size_of(image)))
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
