"""Reads what is to be refined, and finds the refiner for it, without TensorFlow.

Poses may have another skeleton than the refiner: the joints that both share by name are
refined, the others stay.

A file may hold millions of poses, so it is checked record by record, and then read in
parts of about a thousand. No photo's records lie in two parts: a photo is decoded once,
and near copies of a pose are in its photo.
"""

from __future__ import annotations

import array
import dataclasses
import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from tfpose import config as configurations
from tfpose.errors import PoseFileError
from tfpose.io import coco, coco_checks, shared_joints
from tfpose.io.coco import Results
from tfpose.io.json_files import JsonList, id_of
from tfpose.io.photo_ids import Photo, photos_by_id
from tfpose.io.shared_joints import SharedJoints
from tfpose.io.video import FramesByNumber, VideoFrame
from tfpose.io.video_sources import is_video_file
from tfpose.skeletons import Skeleton, get
from tfpose.weights import presets

# A refiner must share this many joints: a crop around fewer shows no person.
FEWEST_SHARED = 4
# A part ends at the first end of a photo's records after so many records.
PART = 1024


@dataclasses.dataclass(frozen=True)
class Part:
    """Consecutive records of a file: ``start`` to before ``stop``.

    Attributes:
        start, stop: indices of records.
        place: where the first is in the file (``JsonList.from_place``).
    """

    start: int
    stop: int
    place: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclasses.dataclass(frozen=True)
class PosesToRefine:
    """Poses, their photos, and the refiner for them.

    Attributes:
        model: preset or model folder of the refiner.
        shared: the joints that the poses share with the refiner.
        photos: image id -> photo, or frame of a video.
        records: the file's.
        parts: together all of the file.
        path: the file.
        images, annotations: as ``read_poses`` was given them.
    """

    model: str
    shared: SharedJoints
    photos: Mapping[int, Photo | VideoFrame]
    records: JsonList
    parts: tuple[Part, ...]
    path: str
    images: str
    annotations: str | None = None

    def read(self, part: Part) -> tuple[Results, list[str]]:
        """The poses of a part that can be refined, and a line for each other record.

        Raises:
            FileError: the file has changed since it was checked.
        """
        found = self.records.from_place(part.place)
        records = [record for _, record in itertools.islice(found, len(part))]
        people, bad, _ = coco.results_of(
            records, self.path, self.shared.one, self.photos_known, part.start
        )
        lines = [line for _, line in bad]
        known = people.placed[:, self.shared.in_one].any(axis=1)
        for row in (~known).nonzero()[0]:
            place = part.start + int(people.positions[row])
            record = coco_checks.name_record(place, people.entries[row])
            lines.append(f"{self.path}: {record}: has no joint that {self.model} knows")
        return people.take(known), lines

    @property
    def photos_known(self) -> dict[int, None]:
        """The photos' ids, for ``coco.results_of``; no size is known yet."""
        return dict.fromkeys(self.photos)

    @property
    def note(self) -> str | None:
        """One line about joints that stay as they are; None if all are refined."""
        if not self.shared.missing:
            return None
        return (
            f"{self.path}: refines the {len(self.shared.names)} joints of "
            f"{self.shared.one.name} that {self.model} knows by name; kept "
            f"{', '.join(self.shared.missing)}"
        )


def read_poses(
    results: str,
    images: str,
    model: str | None = None,
    annotations: str | None = None,
    skeleton: Skeleton | None = None,
    skip_bad: bool = False,
) -> PosesToRefine:
    """Reads a COCO-results file to refine.

    Args:
        results, images, model, annotations, skeleton, skip_bad: as in
            ``refine_files.refine_file``.

    Raises:
        PoseFileError: the first record, photo or file that cannot be used.
        ModelFolderError, ConfigError: no such model.
    """
    truth = None if annotations is None else coco.read_annotations(annotations)
    known = _skeleton_of(model) if truth is None else truth.skeleton
    own = skeleton or shared_joints.skeleton_by_count(results, known)
    model = model or refiner_for(own, results)
    shared = SharedJoints(own, _skeleton_of(model))
    check_shared(shared, model, results)
    if is_video_file(images):
        photos = FramesByNumber(images)
    else:
        photos = photos_by_id(images, truth)
    records = JsonList(results)
    if not records.is_list:
        raise coco.no_list(results, records.other)
    parts = _parts(*_check(records, results, own, dict.fromkeys(photos), skip_bad))
    return PosesToRefine(
        str(model), shared, photos, records, parts, results, images, annotations
    )


def _check(records: JsonList, path: str, skeleton, photos, skip_bad: bool):
    """Checks all records; i64[N] their image ids, and i64[N] their places.

    A record without an id has that of the one before it.

    Raises:
        PoseFileError: as ``coco.read_results``.
    """
    ids, places = array.array("q"), array.array("q")
    first_bad, small = None, []  # coordinates, while they may be shares of the sides
    for some in _batched(records.from_place(0)):
        start = len(ids)
        for place, record in some:
            places.append(place)
            found = record.get("image_id") if isinstance(record, dict) else None
            found = id_of(found)
            ids.append(found if found is not None else ids[-1] if ids else 0)
        _, bad, coordinates = coco.results_of(
            [record for _, record in some], path, skeleton, photos, start
        )
        first_bad = first_bad or (bad[0][1] if bad else None)
        if small is not None:
            small.append(coordinates)
            if (np.abs(coordinates) > 2).any():
                small = None
    if small and coco_checks.are_normalized(np.concatenate(small)):
        raise PoseFileError(f"{path}: {coco_checks.NORMALIZED}")
    if first_bad and not skip_bad:
        raise PoseFileError(first_bad)
    return np.array(ids, np.int64), np.array(places, np.int64)


def _batched(items) -> Iterator[list]:
    items = iter(items)
    while some := list(itertools.islice(items, PART)):
        yield some


def _parts(ids, places) -> tuple[Part, ...]:
    """Cuts a file where no photo's records go on.

    Args:
        ids: i64[N], the image of each record.
        places: i64[N], where it is in the file.
    """
    count = len(ids)
    _, photo = np.unique(ids, return_inverse=True)
    last = np.zeros(count, np.int64)
    np.maximum.at(last, photo, np.arange(count))
    reach = np.maximum.accumulate(last[photo]) if count else last
    ends = np.flatnonzero(reach == np.arange(count)) + 1
    parts, start = [], 0
    while start < count:
        enough = np.searchsorted(ends, start + PART)
        stop = int(ends[min(enough, len(ends) - 1)])
        parts.append(Part(start, stop, int(places[start])))
        start = stop
    return tuple(parts)


def _skeleton_of(model: str | None) -> Skeleton | None:
    if model is None:
        return None
    folder = presets.model_folder(model)
    return configurations.load(folder / presets.CONFIG).skeleton


def refiner_for(skeleton: Skeleton, source: str = "poses") -> str:
    """The preset that refines a skeleton, or most of its joints.

    Args:
        skeleton: of the poses.
        source: what to call them in the message.

    Raises:
        PoseFileError: no preset shares enough joints.

    Example:
        >>> from tfpose.skeletons import MPII16
        >>> refiner_for(MPII16)
        'posefix_movenet_lsp14'
    """
    of_preset = {
        model: SharedJoints(skeleton, get(name))
        for name, model in presets.REFINERS.items()
    }
    model = max(of_preset, key=lambda model: len(of_preset[model].names))
    check_shared(of_preset[model], model, source)
    return model


def check_shared(shared: SharedJoints, model: str, source: str) -> None:
    """Raises PoseFileError if poses share too few joints with a refiner."""
    needed = min(FEWEST_SHARED, len(shared.other))
    if len(shared.names) < needed:
        raise PoseFileError(
            f"{source}: expected at least {needed} joints named as those of {model} "
            f"({', '.join(shared.other.joints)}), found "
            f"{', '.join(shared.names) or 'none'} in {shared.one.name}"
        )
