"""Base of the data sets that are, or can be read as, COCO annotations.

A data set's module defines where its files are, what they call the joints and, for
other formats, how to convert a file to COCO annotations (``read``). This module finds
the files, checks the records, maps joints by name and counts who is left out.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterator

import numpy as np

from data_prep.conversions import rejoin
from data_prep.people import (
    Notes,
    PeopleBuilder,
    Person,
    Photo,
    person_box,
)
from tfpose.errors import PhotoError, PoseFileError, TfposeError
from tfpose.io.coco import Annotations, as_annotations, rows_by_image
from tfpose.io.coco_records import SEGMENT_SHARE_OF_BOX
from tfpose.io.files import read_json
from tfpose.io.photo_ids import photo_of
from tfpose.skeletons.joint_names import standard_name


@dataclasses.dataclass(frozen=True)
class Files:
    """Where a split is.

    Attributes:
        annotations: path patterns below the data set's folder; the first pattern with
            matches supplies all the files.
        images: base of the photos' names, relative to the data set's folder.
    """

    annotations: tuple[str, ...]
    images: str = ""


class CocoLayout(PeopleBuilder, skip_registration=True):
    """A subclass defines ``FILES`` by split and, if needed, the other attributes.

    Args:
        annotations: a file, below the data set's folder, to read instead of the
            official ones; it is then the only split.
        images: folder of its photos; default: the data set's folder.
        split: name of that split.

    Leaves out, and counts by reason, annotations of crowds, of other categories, and
    people without a labeled joint. None of them is anybody's neighbor.

    Raises:
        TfposeError: ``split`` or ``images`` without ``annotations``, or a split that
            the data set does not have.
    """

    FILES: dict[str, Files]
    # A joint's name in the files -> in the skeleton. Names are first converted to
    # lower case with underscores.
    RENAMED: dict[str, str] = {}
    # Joints of the skeleton that some files lack.
    MAY_LACK: frozenset[str] = frozenset()
    # The coordinate of the files' first pixel: 1 for files from MATLAB.
    FIRST_PIXEL = 0
    # Entries of photos and people to keep in the annotation files.
    PHOTO_NOTES: tuple[str, ...] = ()
    PERSON_NOTES: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "FILES" in vars(cls):
            cls.SPLITS = tuple(cls.FILES)

    def __init__(
        self, *, annotations: str = "", images: str = "", split: str = "", **kwargs
    ):
        if (images or split) and not annotations:
            raise TfposeError(
                f"{self.name}: images and split belong to annotations=FILE, found none"
            )
        if split and split not in self.SPLITS:
            raise TfposeError(
                f"split={split}: expected one of {', '.join(self.SPLITS)}"
            )
        self.given = Files((annotations,), images) if annotations else None
        self.given_split = split or self.SPLITS[0]
        if annotations:
            stem = re.sub(r"\W+", "_", pathlib.PurePath(annotations).stem)
            kwargs["variant"] = f"{stem}_{self.given_split}"
        super().__init__(**kwargs)

    def splits(self, source: pathlib.Path) -> tuple[str, ...]:
        """The splits that have annotations.

        Raises:
            PoseFileError: there are none.
        """
        if self.given:
            return (self.given_split,)
        found = tuple(split for split in self.SPLITS if self.files(split, source))
        if not found:
            wanted = [files.annotations[0] for files in self.FILES.values()]
            raise PoseFileError(
                f"{source}: expected {' or '.join(dict.fromkeys(wanted))} (or "
                "annotations=FILE), found none"
            )
        return found

    def files(self, split: str, source: pathlib.Path) -> list[pathlib.Path]:
        """The annotation files of a split, in order."""
        if self.given:
            return [source / self.given.annotations[0]]
        for pattern in self.FILES[split].annotations:
            found = sorted(source.glob(pattern))
            if found:
                return found
        return []

    def read(self, path: pathlib.Path, split: str, number: int) -> dict:
        """Reads a file as COCO annotations.

        Subclasses convert other formats. An annotation may lack ``keypoints``, and may
        have ``head_size`` in px.

        Args:
            path: path of the file.
            split: split to read, for files that hold several.
            number: the file's place among the split's files.
        """
        del split, number
        return read_json(path)

    def convert(self, keypoints, visible, entry: dict):
        """Converts a pose from ``SKELETON`` to a different record skeleton."""
        raise TypeError(f"{type(self).__name__} converts no poses")

    def photos(self, split: str, source: pathlib.Path) -> Iterator[Photo]:
        """The photos with people, file by file, sorted by id.

        Raises:
            PoseFileError: no annotations file, or an invalid one.
            PhotoError: the wrong joints for the data set, or a missing or damaged
                photo.
        """
        folder = source / (self.given or self.FILES[split]).images
        seen: set[int] = set()
        for path, labeled in self._files_of(split, source):
            repeated = seen & set(labeled.ids.tolist())
            if repeated:
                raise PoseFileError(
                    f"{path}: expected unique annotation ids in all files of the "
                    f"split, found {min(repeated)} again"
                )
            seen |= set(labeled.ids.tolist())
            self._count(labeled)
            people = labeled.take(labeled.scored)
            for image_id, rows in sorted(rows_by_image(people.image_ids).items()):
                try:
                    photo = photo_of(people, image_id, folder)
                except PoseFileError as error:
                    raise PoseFileError(f"{path}: {error}") from error
                found = tuple(self._person(people, row) for row in rows)
                if found:
                    image = self.image_of(photo.path, photo.size)
                    yield Photo(image_id, photo.name, image, found, photo.size)

    def notes(self, split: str, source: pathlib.Path) -> Notes:
        if not self.PHOTO_NOTES and not self.PERSON_NOTES:
            return Notes()
        notes = Notes()
        for _, labeled in self._files_of(split, source):
            for image_id, image in labeled.images.items():
                notes.photos[image_id] = _some(image, self.PHOTO_NOTES)
            for entry in labeled.entries:
                notes.people[entry["id"]] = _some(entry, self.PERSON_NOTES)
        return notes

    def _files_of(self, split, source) -> Iterator[tuple[pathlib.Path, Annotations]]:
        """Each annotations file of a split, with its content."""
        paths = self.files(split, source)
        if not paths:
            wanted = source / self.FILES[split].annotations[0]
            raise PoseFileError(f"{wanted}: expected annotations, found no such file")
        for number, path in enumerate(paths):
            data = self.read(path, split, number)
            named = functools.partial(self._with_our_names, path)
            yield path, as_annotations(data, path, named)

    def _with_our_names(self, path, category: dict) -> dict:
        """The category with the skeleton's spelling of its joints."""
        names = category["keypoints"]
        if not all(isinstance(name, str) for name in names):
            return category
        ours = {standard_name(joint): joint for joint in self.SKELETON.joints}
        names = [standard_name(name) for name in names]
        names = [self.RENAMED.get(name, name) for name in names]
        names = [ours.get(name, name) for name in names]
        if set(self.SKELETON.joints) - set(names) - self.MAY_LACK:
            raise PhotoError(
                f"{path}: expected the joints of {self.SKELETON.name}, found {names}"
            )
        # Drops limbs: some files repeat COCO's, whatever their joints.
        mine = {"keypoints": names, "flip_pairs": []}
        torso = self.SKELETON.torso
        if torso is not None and set(torso) <= set(names):
            mine["torso"] = list(torso)
        return mine

    def _count(self, people: Annotations) -> None:
        unlabeled = ~np.any(people.visible > 0, axis=1) & ~people.crowd
        # Adding counters drops zeros.
        self.left_out += collections.Counter(
            {
                "crowd": int(people.crowd.sum()),
                "no labeled joint": int(unlabeled.sum()),
                "of another category": people.of_others,
            }
        )

    def _person(self, people: Annotations, row: int) -> Person:
        entry = people.entries[row]
        keypoints, visible = rejoin(
            people.keypoints[row] - self.FIRST_PIXEL,
            people.visible[row],
            people.skeleton.joints,
            self.SKELETON,
        )
        box, area = people.boxes[row], people.areas[row]
        if entry.get("bbox"):
            box = box - [self.FIRST_PIXEL, self.FIRST_PIXEL, 0, 0]
        elif visible.any():
            box = person_box(keypoints, visible)
            area = entry.get("area", SEGMENT_SHARE_OF_BOX * box[2] * box[3])
        if self.skeleton != self.SKELETON:
            keypoints, visible = self.convert(keypoints, visible, entry)
        return Person(
            keypoints,
            visible,
            box,
            float(area),
            int(people.ids[row]),
            float(np.nan_to_num(people.head_sizes[row])),
        )


def _some(entry: dict, keys: tuple[str, ...]) -> dict:
    return {key: entry[key] for key in keys if key in entry}
