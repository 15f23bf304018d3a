"""How many people per second does the training input deliver at 256x192 on two cores?

It does everything a training step needs: read the TFRecord, decode, crop, augment,
synthesize errors, encode heatmaps, batch. The rival does the same one person at a time
in Python, with OpenCV, NumPy and the error synthesis of ``benchmarks/synthesis.py``,
and once more without errors, which take most of its time.

Usage: python benchmarks/pipeline.py [DATA SPLIT SKELETON]
Without a prepared data set it renders a few synthetic photos.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import sys
import tempfile
import time

import cv2
import numpy as np
import synthesis
import tensorflow as tf

from data_prep.prepare import prepare
from tfpose import skeletons
from tfpose.codecs import IntegralHeatmap
from tfpose.config import Augmentation
from tfpose.data import pipeline
from tfpose.data.examples import Supervision, training_batches

SIZE, BATCH, CORES = (256, 192), 32, 2
AUGMENTATION = Augmentation(scale=0.3, rotation=40.0, mirror=0.5)
AT_LEAST = 250  # people per second


def main(data: str = "", split: str = "synthetic/train", name: str = "coco17") -> None:
    """Measures all three on a prepared data set and prints the ratios."""
    tf.config.threading.set_intra_op_parallelism_threads(CORES)
    tf.config.threading.set_inter_op_parallelism_threads(CORES)
    skeleton = skeletons.get(name)
    with tempfile.TemporaryDirectory() as folder:
        if not data:
            prepare("synthetic", None, folder, photos=64, validation_photos=1)
        records, count = pipeline.read_records(data or folder, (split,), skeleton)
        ours, processor = time_pipeline(records, count, skeleton)
        people = list(records.take(2 * BATCH).as_numpy_iterator())

    def corrupt(pose, near, rng):
        return synthesis.corrupt_pose(pose, near, rng, skeleton)

    plain = time_loop(people[:BATCH], corrupt)
    without = time_loop(people * 2, lambda pose, near, rng: pose)
    enough = f"at least {AT_LEAST}: {ours >= AT_LEAST}"
    print(f"tfpose, {CORES} cores   {ours:6.0f} people/s, {enough}", end="")
    print(f" ({processor:.2f} ms of processor time each)")
    print(f"OpenCV + NumPy    {plain:6.0f} people/s, tfpose {ours / plain:.1f} times")
    print(
        f"... without errors{without:6.0f} people/s, tfpose {ours / without:.1f} times"
    )


def time_pipeline(records, count, skeleton, batches=40) -> tuple[float, float]:
    """People per second, and ms of processor time per person."""
    person = pipeline.CropSpec(skeleton, SIZE, AUGMENTATION)
    people = pipeline.shuffled_people(records, count, person, BATCH, seed=0)
    codecs = {"heatmap": IntegralHeatmap(SIZE)}
    supervision = Supervision(codecs, skeleton, refines=True)
    examples = iter(training_batches(people, supervision, 0))
    for _ in range(5):  # warm up
        next(examples)
    start, processor = time.perf_counter(), time.process_time()
    for _ in range(batches):
        next(examples)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    return batches * BATCH / seconds, 1000 * processor / (batches * BATCH)


def time_loop(people, corrupt) -> float:
    """People per second."""
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for first in range(0, len(people), BATCH):
        examples = [one_person(r, corrupt, rng) for r in people[first : first + BATCH]]
        [np.stack(parts) for parts in zip(*examples, strict=True)]
    return len(people) / (time.perf_counter() - start)


def one_person(record, corrupt, rng):
    """The crop, the corrupted pose, the target maps and the validity of one person."""
    x, y, width, height = record["box"]
    side = 1.25 * max(width, height * SIZE[1] / SIZE[0])
    scale = SIZE[1] / (side * (1 + AUGMENTATION.scale * rng.uniform(-1, 1)))
    center = x + (width - 1) / 2, y + (height - 1) / 2
    angle = AUGMENTATION.rotation * rng.uniform(-1, 1)
    matrix = cv2.getRotationMatrix2D(center, angle, scale)
    matrix[:, 2] += (SIZE[1] - 1) / 2 - center[0], (SIZE[0] - 1) / 2 - center[1]
    if rng.uniform() < AUGMENTATION.mirror:
        matrix[0] = [0, 0, SIZE[1] - 1] - matrix[0]
    window = cv2.imdecode(np.frombuffer(record["window"], np.uint8), cv2.IMREAD_COLOR)
    to_crop = matrix @ np.vstack([record["window_matrix"], [0, 0, 1]])
    crop = cv2.warpAffine(window, to_crop, SIZE[::-1])[..., ::-1].astype(np.float32)

    def to_pose(points):
        return np.float32(points @ matrix[:, :2].T + matrix[:, 2])

    pose = to_pose(record["keypoints"])
    valid = ((pose >= -0.5) & (pose < np.array(SIZE[::-1]) - 0.5)).all(-1)
    corrupted = corrupt(pose, to_pose(record["neighbor_keypoints"]), rng)
    columns = np.arange(SIZE[1] // 4) - (pose[:, :1] - 1.5) / 4
    rows = np.arange(SIZE[0] // 4) - (pose[:, 1:] - 1.5) / 4
    columns, rows = (np.maximum(1 - abs(x), 0) for x in (columns, rows))
    maps = np.einsum("kh,kw,k->hwk", rows, columns, valid)
    total = maps.sum((0, 1))
    return crop, corrupted, maps / np.where(total > 0, total, 1), np.float32(valid)


if __name__ == "__main__":
    main(*sys.argv[1:])
