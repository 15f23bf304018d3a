"""Reads COCO results and COCO annotations of any skeleton as arrays.

All coordinates are photo pixels (space I), points ``(x, y)``, boxes ``xywh``.
An unusable file raises ``PoseFileError``. Its one-line message names the file, the
record (its index in the list, from 0), what was expected, and what was found.
Formats: https://cocodataset.org/#format-data and #format-results.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfpose.errors import PoseFileError, shown
from tfpose.geometry.arrays import box_around
from tfpose.io import coco_categories, coco_checks, files
from tfpose.io.coco_records import SEGMENT_SHARE_OF_BOX, replace_keypoints
from tfpose.io.json_files import JsonList, read_json
from tfpose.skeletons import Skeleton

Photos = Mapping[int, "tuple[int, int] | None"]


@dataclasses.dataclass(frozen=True)
class Annotations:
    """The labeled people of a data set, in the order of the file.

    Attributes:
        skeleton: names the K joints.
        images: image id -> the file's image dictionary (``file_name`` and, where the
            file has them, ``width`` and ``height`` in px).
        image_ids: i64[N].
        ids: i64[N], unique.
        keypoints: f64[N, K, 2], I; as in the file, even for unlabeled joints.
        visible: u8[N, K], 0 unlabeled, 1 labeled but occluded, 2 visible.
        boxes: f64[N, 4] xywh, I; if absent, the box around the labeled joints.
        areas: f64[N] px^2, the segment's area; if absent, 0.53 of the box's.
        head_sizes: f64[N] px, nan if absent.
        crowd: bool[N], COCO's ``iscrowd``.
        entries: the file's N dictionaries.
        of_others: how many annotations of other categories the file has.
    """

    skeleton: Skeleton
    images: dict[int, dict]
    image_ids: np.ndarray
    ids: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    head_sizes: np.ndarray
    crowd: np.ndarray
    entries: tuple[dict, ...]
    of_others: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, which) -> Annotations:
        """The people selected by bool[N] or by indices; all images are kept."""
        return _take(self, which)

    @property
    def scored(self) -> np.ndarray:
        """bool[N]: not a crowd, and at least one joint is labeled."""
        return (self.visible > 0).any(axis=1) & ~self.crowd


@dataclasses.dataclass(frozen=True)
class Results:
    """Estimated poses, in the order of the file.

    Attributes:
        image_ids: i64[N].
        keypoints: f64[N, K, 2], I.
        scores: f64[N, K], the third number of each joint.
        pose_scores: f64[N].
        entries: the N dictionaries, extra keys included; ids are whole numbers.
        positions: i64[N], the index of each in ``file_entries``.
        file_entries: every record of the file, or of a part of it, including skipped
            ones.
        first: the index in the file of the first of ``file_entries``.
    """

    image_ids: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    pose_scores: np.ndarray
    entries: tuple[dict, ...]
    positions: np.ndarray
    file_entries: tuple
    first: int = 0

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def placed(self) -> np.ndarray:
        """bool[N, K]: the joint was found; a score of 0 marks a missing one."""
        return self.scores != 0

    def take(self, which) -> Results:
        """The poses selected by bool[N] or by indices; ``file_entries`` stays whole."""
        return _take(self, which)

    def replaced(self, keypoints, scores=None) -> list:
        """The file's records in their order, with these poses moved.

        Args:
            keypoints: f64[N, K, 2], I.
            scores: f64[N, K], or None to keep the joints' scores.
        """
        records = list(self.file_entries)
        for row, position in enumerate(self.positions):
            row_scores = None if scores is None else scores[row]
            records[position] = replace_keypoints(
                records[position], keypoints[row], row_scores
            )
        return records


def _take(people, which):
    """A copy of Annotations or Results with some of its N rows."""
    which = np.asarray(which) if len(which) else []
    rows = np.arange(len(people))[which]
    changes = {
        field.name: getattr(people, field.name)[rows]
        for field in dataclasses.fields(people)
        if isinstance(getattr(people, field.name), np.ndarray)
    }
    changes["entries"] = tuple(people.entries[row] for row in rows)
    return dataclasses.replace(people, **changes)


def read_results(
    path, skeleton: Skeleton, skip_bad: bool = False, photos: Photos | None = None
) -> tuple[Results, list[tuple[int, str]]]:
    """Reads estimated poses from a COCO results file.

    Args:
        path: JSON list of ``{"image_id", "keypoints": [x, y, score, ...], "score"}``.
        skeleton: the poses must have its K joints.
        skip_bad: collect bad records instead of raising.
        photos: image id -> (width, height) in px, or None if the size is unknown.
            If given, a pose is bad if its image is not listed, or if none of its
            joints lies inside its photo.

    Returns:
        The poses, and the bad records as (index in the file, reason).

    Raises:
        PoseFileError: the file is not such a list, its coordinates are no pixels, or
            a record is bad and ``skip_bad`` is false (names the first one).
    """
    as_read = read_json(path)
    if not isinstance(as_read, list):
        raise no_list(path, as_read)
    results, bad, coordinates = results_of(as_read, path, skeleton, photos)
    if coco_checks.are_normalized(coordinates):
        raise PoseFileError(f"{path}: {coco_checks.NORMALIZED}")
    if bad and not skip_bad:
        raise PoseFileError(bad[0][1])
    return results, bad


def no_list(path, found) -> PoseFileError:
    """The error of a results file that holds another value than a list."""
    return PoseFileError(
        f"{path}: expected a JSON list of poses (COCO results), found "
        f"{coco_checks.describe(found)}"
    )


def results_of(
    as_read: list, path, skeleton: Skeleton, photos: Photos | None, first: int = 0
) -> tuple[Results, list[tuple[int, str]], np.ndarray]:
    """``read_results`` for some consecutive records of a file, none refused.

    Args:
        as_read: the records.
        path: their file, for messages.
        skeleton, photos: as in ``read_results``.
        first: the index of the first record in the file.

    Returns:
        The poses, the bad records as (index in the file, reason), and f64[n, 2], the
        coordinates of all joints, for ``coco_checks.are_normalized``.
    """
    records = coco_checks.with_plain_ids(as_read)
    faults = {}
    for place, record in enumerate(records):
        fault = coco_checks.of_result(record, skeleton, photos)
        if fault:
            faults[place] = fault
    sound = [place for place in range(len(records)) if place not in faults]
    rows = [records[place]["keypoints"] for place in sound]
    numbers = coco_checks.joint_numbers(rows, sound, faults, len(skeleton))
    coordinates = numbers[numbers[..., 2] != 0, :2]
    coco_checks.find_empty_poses(numbers, sound, faults, records, photos)
    bad = []
    for place in sorted(faults):
        record = coco_checks.name_record(first + place, records[place])
        bad.append((first + place, f"{path}: {record}: {faults[place]}"))
    kept = [row for row, place in enumerate(sound) if place not in faults]
    positions = np.array(sound, np.int64)[kept]
    entries = tuple(records[place] for place in positions)
    results = Results(
        image_ids=np.array([entry["image_id"] for entry in entries], np.int64),
        keypoints=numbers[kept, :, :2],
        scores=numbers[kept, :, 2],
        pose_scores=np.array([entry["score"] for entry in entries], np.float64),
        entries=entries,
        positions=positions,
        file_entries=tuple(as_read),
        first=first,
    )
    return results, bad, coordinates


def join_results(paths: Sequence, out) -> int:
    """Writes the records of several results files into one, in their order.

    Any number of records: they are read and written one by one.

    Returns:
        The number of records.

    Raises:
        PoseFileError: a file is no list.
        FileError: a file cannot be read or written; nothing is written.
    """
    lists = [(path, JsonList(path)) for path in paths]
    for path, records in lists:
        if not records.is_list:
            raise no_list(path, records.other)
    count = 0

    def counted():
        nonlocal count
        for _, records in lists:
            for record in records:
                count += 1
                yield record

    files.write_json_list(out, counted())
    return count


def read_annotations(path) -> Annotations:
    """Reads labeled people from a COCO annotations file of any skeleton.

    The category with ``keypoints`` names the joints; annotations of others are left
    out with a warning. Names of a built-in skeleton, in any usual spelling, select it;
    other names define one (``skeleton`` holds its limbs, counted from 1 as in COCO;
    ``sigmas``, ``flip_pairs``, ``torso``, ``head`` as in ``Skeleton``). An annotation
    needs ``id`` and ``image_id``; without ``keypoints``, nothing of the person is
    labeled. ``bbox``, ``area``, ``iscrowd`` and ``head_size`` (px, for PCKh) are
    optional. Null is as left out.

    Raises:
        PoseFileError: the file has another form, or a record is bad.
    """
    return as_annotations(read_json(path), path)


def as_annotations(data, path, prepared=lambda category: category) -> Annotations:
    """``read_annotations`` for data in memory.

    Args:
        data: parsed JSON.
        path: its file, for messages.
        prepared: changes the category's dictionary before it is read.
    """
    wanted = ("images", "annotations", "categories")
    if not isinstance(data, dict) or any(
        not isinstance(data.get(key), list) for key in wanted
    ):
        raise PoseFileError(
            f"{path}: expected an object with the lists {', '.join(wanted)} (COCO "
            f"annotations), found {coco_checks.describe(data)}"
        )
    records = coco_checks.with_plain_ids(data["annotations"])
    category = coco_categories.choose(path, data["categories"], records)
    category = dataclasses.replace(category, data=prepared(category.data))
    skeleton = coco_categories.skeleton_of(path, category)
    images = _read_images(path, data["images"])
    others, faults = category.others(path, records)
    kept = [place for place in range(len(records)) if place not in others]
    numbers = _check_annotations(records, kept, skeleton, images, faults)
    if faults:
        place = min(faults)
        where = f"annotations: {coco_checks.name_record(place, records[place])}"
        raise PoseFileError(f"{path}: {where}: {faults[place]}")
    people = [records[place] for place in kept]
    labeled = numbers[..., 2] > 0
    boxes = [record["bbox"] for record in people if record.get("bbox")]
    if coco_checks.are_normalized(numbers[labeled][:, :2]) or (
        coco_checks.are_normalized(boxes)
    ):
        raise PoseFileError(f"{path}: {coco_checks.NORMALIZED}")
    return _annotations(skeleton, images, people, numbers, len(others))


def _check_annotations(records, kept, skeleton, images, faults) -> np.ndarray:
    """f64[n, K, 3] of the kept records that are sound; adds to ``faults``."""
    seen: set[int] = set()
    for place in kept:
        if place not in faults:
            fault = coco_checks.of_annotation(records[place], skeleton, images, seen)
            if fault:
                faults[place] = fault
    sound = [place for place in kept if place not in faults]
    unlabeled = [0] * (3 * len(skeleton))
    rows = [records[place].get("keypoints") or unlabeled for place in sound]
    numbers = coco_checks.joint_numbers(rows, sound, faults, len(skeleton))
    wrong = ~np.isin(numbers[..., 2], (0, 1, 2)).all(axis=1)
    for row in np.flatnonzero(wrong):
        found = shown(numbers[row, :, 2].tolist())
        faults.setdefault(sound[row], f"expected visibilities 0, 1, 2, found {found}")
    return numbers


def _annotations(skeleton, images, records, numbers, of_others) -> Annotations:
    """Gathers the arrays from checked records and their f64[N, K, 3] joints."""
    keypoints, visible = numbers[..., :2], numbers[..., 2].astype(np.uint8)
    around = box_around(keypoints, visible > 0)
    boxes = [r.get("bbox") or around[row] for row, r in enumerate(records)]
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    estimated = SEGMENT_SHARE_OF_BOX * boxes[:, 2] * boxes[:, 3]
    areas = [_given(r, "area", estimated[row]) for row, r in enumerate(records)]
    heads = [_given(r, "head_size", np.nan) for r in records]
    return Annotations(
        skeleton=skeleton,
        images=images,
        image_ids=np.array([r["image_id"] for r in records], np.int64),
        ids=np.array([r["id"] for r in records], np.int64),
        keypoints=keypoints,
        visible=visible,
        boxes=boxes,
        areas=np.array(areas, np.float64),
        head_sizes=np.array(heads, np.float64),
        crowd=np.array([coco_checks.crowd_of(r) for r in records], bool),
        entries=tuple(records),
        of_others=of_others,
    )


def _given(record: dict, key: str, default):
    value = record.get(key)
    return default if value is None else value


def rows_by_image(image_ids) -> dict[int, np.ndarray]:
    """Image id -> i64[n], its rows in i64[N] in ascending order."""
    image_ids = np.asarray(image_ids, np.int64)
    order = np.argsort(image_ids, kind="stable")
    unique, starts = np.unique(image_ids[order], return_index=True)
    parts = np.split(order, starts[1:])
    # Without ids, np.split still returns one empty part.
    return dict(zip(unique.tolist(), parts, strict=False))


def _read_images(path, records) -> dict[int, dict]:
    images: dict[int, dict] = {}
    for place, record in enumerate(coco_checks.with_plain_ids(records)):
        fault = coco_checks.of_image(record, images)
        if fault:
            raise PoseFileError(f"{path}: images: record {place}: {fault}")
        images[record["id"]] = record
    return images
