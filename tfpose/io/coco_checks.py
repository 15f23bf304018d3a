"""Checks the records of a pose file.

Each check returns None, or a phrase: what was expected and what was found. The
readers in ``tfpose.io.coco`` add the file and the record.
"""

from __future__ import annotations

import math

import numpy as np

# px; no photo is this large, and float32 still resolves such pixels.
FARTHEST = 1e6


def describe(data) -> str:
    """What kind of JSON value this is, in a few words."""
    if isinstance(data, dict):
        return f"an object with the keys {', '.join(sorted(data)[:8]) or '(none)'}"
    if isinstance(data, list):
        return f"a list of {len(data)}"
    return f"{type(data).__name__} {str(data)[:40]!r}"


def name_record(place: int, record) -> str:
    """The record's index in its list (from 0), and its image if it has one."""
    if isinstance(record, dict) and "image_id" in record:
        return f"record {place} (image_id {record['image_id']})"
    return f"record {place}"


def _is_number(value) -> bool:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return known and math.isfinite(value)


def is_id(value) -> bool:
    """True for an integer that fits 64 bits."""
    fits = isinstance(value, int) and -(2**63) <= value < 2**63
    return fits and not isinstance(value, bool)


def _is_box(value) -> bool:
    shaped = isinstance(value, list) and len(value) == 4
    return shaped and all(map(_is_number, value)) and min(value[2:]) >= 0


def _of_record(record, keys, skeleton) -> str | None:
    """What is wrong with a record's form; does not check its numbers."""
    if not isinstance(record, dict):
        return f"expected an object, found {describe(record)}"
    for key in keys:
        if key not in record:
            return f"expected the key {key!r}, found {describe(record)}"
    if not is_id(record["image_id"]):
        return f"expected an integer image_id, found {record['image_id']!r}"
    numbers, joints = record["keypoints"], len(skeleton)
    if not isinstance(numbers, list):
        return f"expected a list of keypoints, found {describe(numbers)}"
    if not numbers:
        return f"the pose is empty: expected {joints} joints, found none"
    if len(numbers) != 3 * joints:
        of_joints = f" ({len(numbers) // 3} joints)" if len(numbers) % 3 == 0 else ""
        return (
            f"expected {3 * joints} keypoint numbers (x, y, score of the {joints} "
            f"joints of {skeleton.name}), found {len(numbers)}{of_joints}"
        )
    return None


def of_image(record, known) -> str | None:
    """What is wrong with an entry of ``images``; ``known`` holds the earlier ids."""
    if not isinstance(record, dict) or not is_id(record.get("id")):
        return f"expected an object with an integer 'id', found {describe(record)}"
    if record["id"] in known:
        return f"expected unique image ids, found {record['id']} twice"
    for key in ("width", "height"):
        if not _is_number(record.get(key, 1)) or record.get(key, 1) <= 0:
            return f"expected {key} > 0, found {record[key]!r}"
    return None


def of_result(record, skeleton, photos) -> str | None:
    """What is wrong with a pose; ``photos`` holds the known image ids, or is None."""
    fault = _of_record(record, ("image_id", "keypoints", "score"), skeleton)
    if fault:
        return fault
    if not _is_number(record["score"]):
        return f"expected a finite score, found {record['score']!r}"
    if record.get("bbox") and not _is_box(record["bbox"]):
        return f"expected bbox [x, y, width, height], found {record['bbox']}"
    if photos is not None and record["image_id"] not in photos:
        known = f"one of the {len(photos)} known photos"
        return f"expected the image_id of {known}, found no such photo"
    return None


def of_box(record) -> str | None:
    """What is wrong with a detected box."""
    if not isinstance(record, dict):
        return f"expected an object, found {describe(record)}"
    for key in ("image_id", "bbox"):
        if key not in record:
            return f"expected the key {key!r}, found {describe(record)}"
    if not is_id(record["image_id"]):
        return f"expected an integer image_id, found {record['image_id']!r}"
    if not _is_box(record["bbox"]) or min(record["bbox"][2:]) <= 0:
        return f"expected bbox [x, y, width, height], found {record['bbox']}"
    if max(map(abs, record["bbox"])) > FARTHEST:
        return f"expected a bbox at most {FARTHEST:g} px large, found {record['bbox']}"
    if not _is_number(record.get("score", 1)):
        return f"expected a finite score, found {record['score']!r}"
    return None


def of_annotation(record, skeleton, images, category, seen) -> str | None:
    """What is wrong with an annotation; its id is added to the set ``seen``."""
    fault = _of_record(record, ("id", "image_id", "keypoints"), skeleton)
    if fault:
        return fault
    if not is_id(record["id"]):
        return f"expected an integer id, found {record['id']!r}"
    if record["id"] in seen:
        return f"expected unique annotation ids, found {record['id']} twice"
    seen.add(record["id"])
    if record["image_id"] not in images:
        return f"expected one of the file's {len(images)} images, found no such image"
    if record.get("category_id", category) != category:
        found = record["category_id"]
        return f"expected category_id {category} (the file's first), found {found}"
    box = record.get("bbox")
    if box and not _is_box(box):
        return f"expected bbox [x, y, width, height], found {box}"
    for key in ("area", "head_size"):
        value = record.get(key, 0)
        if not _is_number(value) or value < 0:
            return f"expected {key} >= 0, found {value!r}"
    return None


def joint_numbers(records, sound, faults, joints: int) -> np.ndarray:
    """f64[len(sound), K, 3] of well-formed records; adds bad numbers to ``faults``.

    Converts all records at once; checks them one by one only if that fails.
    """
    rows = [records[place]["keypoints"] for place in sound]
    numbers = _convert(rows)
    if numbers is None:
        converted = [_convert([row]) for row in rows]
        for place, row, array in zip(sound, rows, converted, strict=True):
            if array is None:
                odd = next((v for v in row if not isinstance(v, (int, float))), row)
                faults[place] = f"expected numbers as keypoints, found {odd!r}"
        blank = np.zeros((1, 3 * joints))
        numbers = np.concatenate([blank if a is None else a for a in converted])
    numbers = numbers.reshape(-1, joints, 3)
    infinite = ~np.isfinite(numbers).all(axis=2)
    far = (np.abs(numbers[..., :2]) > FARTHEST).any(axis=2)
    for row, joint in np.argwhere(infinite | far)[::-1]:  # report the first joint
        expected = (
            "finite" if infinite[row, joint] else f"at most {FARTHEST:g} px large"
        )
        found = numbers[row, joint].tolist()
        faults[sound[row]] = (
            f"expected {expected} coordinates, found {found} for joint {joint}"
        )
    return numbers


def _convert(rows: list) -> np.ndarray | None:
    """The rows as f64[N, n], or None if something among them is not a number."""
    if not rows:
        return np.zeros((0, 0))
    try:
        array = np.array(rows)
    except ValueError:
        return None
    return array.astype(np.float64) if array.dtype.kind in "iuf" else None


def find_empty_poses(numbers, sound, faults, records, photos) -> None:
    """Adds to ``faults`` the poses without a joint, or with none in the photo."""
    placed = numbers[..., 2] != 0
    for row in np.flatnonzero(~placed.any(axis=1)):
        faults.setdefault(sound[row], "the pose is empty: every joint's score is 0")
    if photos is None:
        return
    unknown = (np.inf, np.inf)
    sizes = [photos[records[place]["image_id"]] or unknown for place in sound]
    sizes = np.array(sizes, np.float64).reshape(-1, 1, 2)
    outside = are_outside(numbers[..., :2], placed, sizes)
    for row in np.flatnonzero(outside & np.isfinite(sizes).all(axis=(1, 2))):
        faults.setdefault(sound[row], say_outside(*sizes[row, 0]))


def are_outside(keypoints, placed, sizes) -> np.ndarray:
    """bool[N]: no joint of the pose lies inside its photo.

    Args:
        keypoints: f64[N, K, 2], I.
        placed: bool[N, K], ``coco.Results.placed``.
        sizes: (width, height) px of the photo, or [N, 1, 2] of each pose's photo.
    """
    sizes = np.asarray(sizes, np.float64)
    inside = ((keypoints >= -0.5) & (keypoints < sizes - 0.5)).all(axis=2)
    return ~(inside & placed).any(axis=1)


def say_outside(width: float, height: float) -> str:
    """What is wrong with a pose that ``are_outside`` finds."""
    size = f"{width:.0f} x {height:.0f} px"
    return f"expected a pose in its photo of {size}, found every joint outside"
