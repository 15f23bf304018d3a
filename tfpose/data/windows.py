"""Prepared people as arrays of one shape, to be held in an accelerator's memory.

Each person's window is scaled so that the plain crop, without augmentation, has the
same place in all windows. Coordinates here are pixels of these windows, space W.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.errors import DataError
from tfpose.geometry import tensors
from tfpose.geometry.cells import center_of, position_of
from tfpose.geometry.crops import crop_box
from tfpose.synthesis.posefix import NEIGHBOR_OVERLAP

# A window's side in longer sides of the plain crop: what records show by default.
SIDE_IN_CROPS = 1.6
# A window's side in longer sides of the input: its pixels are about as large as those
# of the plain crop.
SIDE_IN_INPUTS = 1.5
# Records that are read together.
BATCH = 64


@dataclasses.dataclass(frozen=True)
class People:
    """N people with at most P neighbors, S px windows, K joints.

    Attributes:
        arrays: "images" u8[N, S, S, 3] RGB; "keypoints" f32[N, K, 2] W; "visible"
            f32[N, K], 0 or 1; "neighbors" f32[N, P, K, 2] W and "neighbors_visible"
            f32[N, P, K], the people whose boxes overlap; "area" f32[N] px^2 of the box.
        person_ids: i64[N].
        order: i64[M], the rows of an epoch; splits named twice are there twice.
    """

    arrays: dict[str, np.ndarray]
    person_ids: np.ndarray
    order: np.ndarray


def window_side(input_size: tuple[int, int]) -> int:
    """px of a window's side, S."""
    return round(SIDE_IN_INPUTS * max(input_size))


def plain_box(input_size: tuple[int, int]) -> np.ndarray:
    """f32[4] xywh in W: what a crop without augmentation shows."""
    side = window_side(input_size)
    height, width = input_size
    extent = np.array([width, height]) * side / (SIDE_IN_CROPS * max(input_size))
    position = position_of(center_of(0, side), extent)
    return np.concatenate([position, extent]).astype(np.float32)


def load(config: Config, data: str, splits: Sequence[str]) -> People:
    """Reads, decodes, and scales the people of prepared splits.

    Args:
        config: gives the skeleton, the size of the crops, and what they show.
        data: folder that ``tfpose prepare`` wrote into.
        splits: such as "lsp/train"; one that is named twice is held once and seen
            twice in each epoch.

    Raises:
        DataError: as ``pipeline.read_records``; or records with estimated poses.
    """
    batches, rows, count = [], {}, 0
    for split in dict.fromkeys(splits):
        records, people = pipeline.read_records(data, (split,), config.skeleton)
        if "estimated_keypoints" in records.element_spec:
            raise DataError(
                f"{data}: {split} has estimated poses, which training on a device "
                "does not use: prepare it without --set estimates"
            )
        rows[split] = np.arange(count, count + people)
        count += people
        window = pipeline.as_it_is(lambda record: _window(record, config))
        windows = records.map(window, num_parallel_calls=tf.data.AUTOTUNE)
        batches.append(windows.padded_batch(BATCH).prefetch(1))
    arrays, ids = _joined(batches, count)
    return People(arrays, ids, np.concatenate([rows[split] for split in splits]))


def _window(record, config: Config) -> dict[str, tf.Tensor]:
    """One person of ``People``, and its "person_id"."""
    side = window_side(config.input_size)
    height = pipeline.height_of(record, config.skeleton)
    wanted = config.crop.get("person_height", 0.0)
    box = crop_box(record["box"], height, config.input_size, wanted)
    longer = SIDE_IN_CROPS * tf.reduce_max(box[2:])
    middle = center_of(box[:2], box[2:])
    square = tensors.centered_box(middle, tf.stack([longer, longer]))
    matrix = tensors.crop_matrix(square, (side, side))  # I -> W
    photo = pipeline.decode_window(record)
    from_record = tensors.compose(matrix, record["window_matrix"])
    image = tensors.crop(photo, from_record, (side, side))
    overlap = tensors.box_overlap(record["box"], record["neighbor_boxes"])
    near = overlap >= NEIGHBOR_OVERLAP
    seen = tf.boolean_mask(record["neighbor_visible"], near) > 0
    return {
        "images": tf.cast(tf.round(image), tf.uint8),
        "keypoints": tensors.transform(record["keypoints"], matrix),
        "visible": tf.cast(record["visible"] > 0, tf.float32),
        "neighbors": tensors.transform(
            tf.boolean_mask(record["neighbor_keypoints"], near), matrix
        ),
        "neighbors_visible": tf.cast(seen, tf.float32),
        "area": record["box"][2] * record["box"][3] * matrix[0, 0] ** 2,
        "person_id": record["person_id"],
    }


def _joined(batches, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Copies batches into arrays, each allocated once: photos take most memory."""
    arrays, done = {}, 0
    for batch in (some for each in batches for some in each.as_numpy_iterator()):
        for name, values in batch.items():
            if name not in arrays:
                arrays[name] = np.zeros((count, *values.shape[1:]), values.dtype)
            if name.startswith("neighbors"):
                arrays[name] = _wide(arrays[name], values.shape[1])
                values = _wide(values, arrays[name].shape[1])
            arrays[name][done : done + len(values)] = values
        done += len(values)
    return arrays, arrays.pop("person_id")


def _wide(values: np.ndarray, people: int) -> np.ndarray:
    """``values`` with room for this many neighbors, along axis 1."""
    missing = max(0, people - values.shape[1])
    paddings = [(0, 0)] * values.ndim
    paddings[1] = (0, missing)
    return np.pad(values, paddings) if missing else values
