"""Checks the records of a pose file.

Each check returns None, or a phrase: what was expected and what was found. The
readers in ``tfpose.io.coco`` add the file and the record.
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import shown
from tfpose.io.json_files import id_of, is_number, truth_of

# px; no photo is this large, and float32 still resolves such pixels.
FARTHEST = 1e6


def describe(data) -> str:
    """What kind of JSON value this is, in a few words."""
    if isinstance(data, dict):
        keys = [shown(key)[1:-1] for key in sorted(data)[:8]]
        return f"an object with the keys {', '.join(keys) or '(none)'}"
    if isinstance(data, list):
        return f"a list of {len(data)}"
    return f"{type(data).__name__} {shown(str(data)[:40])}"


def name_record(place: int, record) -> str:
    """The record's index in its list (from 0), and its image if it has one."""
    if isinstance(record, dict) and "image_id" in record:
        found = record["image_id"]
        # As people write it: 7, not '7'.
        named = found if isinstance(found, str) else shown(found)
        return f"record {place} (image_id {named[:60]})"
    return f"record {place}"


def with_plain_ids(records: list) -> list:
    """The records with whole numbers as ids, where text or 7.0 stands for one."""
    return [_with_plain_ids(record) for record in records]


def _with_plain_ids(record):
    if not isinstance(record, dict):
        return record
    changes = {
        key: found
        for key in ("id", "image_id")
        if type(record.get(key, 0)) is not int
        and (found := id_of(record[key])) is not None
    }
    return {**record, **changes} if changes else record


def _is_box(value) -> bool:
    shaped = isinstance(value, list) and len(value) == 4
    return shaped and all(map(is_number, value)) and min(value[2:]) >= 0


def _of_ids(record, keys) -> str | None:
    """What is wrong with a record's keys and ids."""
    if not isinstance(record, dict):
        return f"expected an object, found {describe(record)}"
    for key in keys:
        if key not in record:
            return f"expected the key {key!r}, found {describe(record)}"
    if id_of(record["image_id"]) is None:
        return f"expected an integer image_id, found {shown(record['image_id'])}"
    return None


def _of_keypoints(numbers, skeleton) -> str | None:
    """What is wrong with the length of a pose; does not check its numbers."""
    joints = len(skeleton)
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
    if not isinstance(record, dict) or id_of(record.get("id")) is None:
        return f"expected an object with an integer 'id', found {_identified(record)}"
    if id_of(record["id"]) in known:
        return f"expected unique image ids, found {record['id']} twice"
    for key in ("width", "height"):
        value = record.get(key)
        side = id_of(value)
        if value is not None and (side is None or side < 0):
            return f"expected {key} > 0 in px, found {shown(value)}"
    return None


def _identified(record) -> str:
    if isinstance(record, dict) and "id" in record:
        return f"the id {shown(record['id'])}"
    return describe(record)


def size_of(image: dict) -> tuple[int, int] | None:
    """(width, height) px of a checked entry of ``images``; null and 0 are unknown."""
    sides = [id_of(image.get(key)) for key in ("width", "height")]
    return (sides[0], sides[1]) if sides[0] and sides[1] else None


def of_result(record, skeleton, photos) -> str | None:
    """What is wrong with a pose; ``photos`` holds the known image ids, or is None."""
    fault = _of_ids(record, ("image_id", "keypoints", "score"))
    fault = fault or _of_keypoints(record["keypoints"], skeleton)
    if fault:
        return fault
    if not is_number(record["score"]):
        return f"expected a finite score, found {shown(record['score'])}"
    if record.get("bbox") and not _is_box(record["bbox"]):
        return f"expected bbox [x, y, width, height], found {shown(record['bbox'])}"
    if photos is not None and record["image_id"] not in photos:
        known = f"one of the {len(photos)} known photos"
        return f"expected the image_id of {known}, found no such photo"
    return None


def of_box(record) -> str | None:
    """What is wrong with a detected box."""
    fault = _of_ids(record, ("image_id", "bbox"))
    if fault:
        return fault
    box = record["bbox"]
    if not _is_box(box) or min(box[2:]) <= 0:
        return f"expected bbox [x, y, width, height], found {shown(box)}"
    if max(map(abs, box)) > FARTHEST:
        return f"expected a bbox at most {FARTHEST:g} px large, found {shown(box)}"
    if not is_number(record.get("score", 1)):
        return f"expected a finite score, found {shown(record['score'])}"
    return None


def of_annotation(record, skeleton, images, seen) -> str | None:
    """What is wrong with an annotation; its id is added to the set ``seen``."""
    fault = _of_ids(record, ("id", "image_id"))
    if fault:
        return fault
    if id_of(record["id"]) is None:
        return f"expected an integer id, found {shown(record['id'])}"
    if record["id"] in seen:
        return f"expected unique annotation ids, found {record['id']} twice"
    seen.add(record["id"])
    if record["image_id"] not in images:
        return f"expected one of the file's {len(images)} images, found no such image"
    if crowd_of(record) is None:
        return f"expected iscrowd 0 or 1, found {shown(record['iscrowd'])}"
    box = record.get("bbox")
    if box and not _is_box(box):
        return f"expected bbox [x, y, width, height], found {shown(box)}"
    for key in ("area", "head_size"):
        value = record.get(key)
        if value is not None and (not is_number(value) or value < 0):
            return f"expected {key} >= 0, found {shown(value)}"
    if record.get("keypoints") in (None, []):
        return None
    return _of_keypoints(record["keypoints"], skeleton)


def crowd_of(record: dict) -> bool | None:
    """Whether an annotation is a crowd's; None if ``iscrowd`` does not say."""
    value = record.get("iscrowd")
    return False if value is None else truth_of(value)


def joint_numbers(rows, places, faults, joints: int) -> np.ndarray:
    """f64[n, K, 3] of n lists of 3 K numbers; adds bad numbers to ``faults``.

    Converts all lists at once; checks them one by one only if that fails.

    Args:
        rows: n lists.
        places: n places of their records in the file.
        faults: {place: what is wrong}.
        joints: K.
    """
    numbers = _convert(rows)
    if numbers is None:
        converted = [_convert([row]) for row in rows]
        for place, row, array in zip(places, rows, converted, strict=True):
            if array is None:
                odd = next((v for v in row if not isinstance(v, (int, float))), row)
                faults[place] = f"expected numbers as keypoints, found {shown(odd)}"
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
        faults[places[row]] = (
            f"expected {expected} coordinates, found {found} for joint {joint}"
        )
    return numbers


def _convert(rows: list) -> np.ndarray | None:
    """The rows as f64[n, 3 K], or None if something among them is not a number."""
    if not rows:
        return np.zeros((0, 0))
    try:
        array = np.array(rows)
    except ValueError:
        return None
    numeric = array.dtype.kind in "iuf" and array.ndim == 2
    return array.astype(np.float64) if numeric else None


def are_normalized(coordinates) -> bool:
    """Whether all coordinates look like shares of a photo's sides, not pixels.

    Args:
        coordinates: f[...] of all joints or corners in a file. Methods extrapolate a
            little beyond the photo.
    """
    values = np.asarray(coordinates, np.float64).ravel()
    small = values.size and values.min() >= -1 and values.max() <= 2
    return bool(small and np.median(values) < 1 and (values % 1 != 0).any())


NORMALIZED = (
    "expected coordinates in pixels, found all in 0..1: multiply them by the photo's "
    "width and height"
)


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
