"""Milliseconds a person of the presets' .tflite files, relative to the first one's.

    python benchmarks/litert_time.py [DATA]

DATA is a folder of prepared data sets; with it, int8 files are measured, too (they need
people to find their ranges). Two threads, one look without the mirror image, crop
included; the medians of rounds in which the files take turns.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np

import tfpose
from tfpose.config import load
from tfpose.edge.predictor import Predictor
from tfpose.weights.presets import model_folder

PRESETS = (
    "posefix_tiny_lsp", "posefix_lite_lsp14", "posefix_movenet_lsp14",
    "estimator_tiny_lsp", "estimator_lite_lsp14", "movenet_thunder_coco17",
)  # fmt: skip
ROUNDS = 15
PHOTO = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
BOX = np.array([[220.0, 60, 200, 360]])


def processor() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next(line for line in lines if line.startswith("model name")).split(": ")[1]


def exported(preset: str, folder: pathlib.Path, data: str | None):
    """(name, predictor) of each .tflite file of a preset."""
    numbers = ("none", "int8") if data else ("none",)
    out = folder / preset
    # The first of its data sets is enough to find ranges.
    splits = (load(model_folder(preset) / "config.json").train[0],)
    tfpose.export(preset, str(out), ("tflite",), numbers, data, splits, splits)
    for path in sorted(out.rglob("*.tflite")):
        yield f"{preset} {path.stem}", Predictor.load(path, threads=2)


def milliseconds(predictor: Predictor) -> float:
    random = np.random.default_rng(1)
    joints = len(predictor.skeleton)
    pose = BOX[:, None, :2] + random.random((1, joints, 2)) * BOX[:, None, 2:]
    people = pose if predictor.refines else BOX
    begin = time.perf_counter()
    predictor(PHOTO, people, flip=False)
    return 1000 * (time.perf_counter() - begin)


def main(data: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [
            one
            for preset in PRESETS
            for one in exported(preset, pathlib.Path(folder), data)
        ]
        times = {name: [] for name, _ in files}
        for _ in range(ROUNDS + 2):
            for name, predictor in files:
                times[name].append(milliseconds(predictor))
    medians = {name: statistics.median(found[2:]) for name, found in times.items()}
    first = next(iter(medians.values()))
    print(processor())
    for name, median in medians.items():
        print(f"{name:45} {median:7.1f} ms  {median / first:5.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
