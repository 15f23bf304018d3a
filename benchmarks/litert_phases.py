"""How much faster is PoseFix in LiteRT with phases than exported plainly, and in int8?

PoseFix with ResNet-50 at 256x192, 17 joints, batch 1, two threads, untrained weights.
Three ``.tflite`` files of the same network take turns, so a busy machine slows all
alike; the ratios are between their median times.

Usage: python benchmarks/litert_phases.py [repeats]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.models import PoseFix
from tfpose.models.serving_graph import serving_model
from tfpose.skeletons import COCO17

SIZE, JOINTS, THREADS = (256, 192), len(COCO17), 2
PHASES_AT_MOST, INT8_AT_MOST = 0.65, 0.6


def main(repeats: int = 30) -> None:
    """Converts, runs and prints the two ratios."""
    examples = noise(8)
    files = convert(PoseFix(JOINTS, SIZE), examples)
    times = median_times(files, {name: x[:1] for name, x in examples.items()}, repeats)
    for name, seconds in times.items():
        print(f"{name:<24}{1e3 * seconds:8.1f} ms {len(files[name]) / 1e6:8.1f} MB")
    ratio("phases / transposed", times["phases"] / times["transposed"], PHASES_AT_MOST)
    ratio("int8 / phases", times["int8"] / times["phases"], INT8_AT_MOST)


def convert(model, examples: dict) -> dict[str, bytes]:
    """The network as trained, with phases, and with phases in int8."""
    files = {}
    for name, phases in (("transposed", False), ("phases", True)):
        with tempfile.TemporaryDirectory() as folder:
            write_saved_model(serving_model(model, COCO17, phases), folder, batch=1)
            files[name] = litert.convert(folder)
            if phases:
                files["int8"] = litert.convert_to_int8(files[name], examples)
    return files


def noise(count: int) -> dict[str, np.ndarray]:
    """Inputs for the serving model; their values do not affect the time."""
    random = np.random.default_rng(0)
    size = np.array([SIZE[1], SIZE[0]])
    return {
        "image": random.integers(0, 256, (count, *SIZE, 3), dtype=np.uint8),
        "keypoints": np.float32(random.uniform(0, size - 1, (count, JOINTS, 2))),
        "valid": np.ones((count, JOINTS), np.float32),
    }


def median_times(files: dict, example: dict, repeats: int) -> dict[str, float]:
    """Median seconds per call of each file; all take turns."""
    runners = {
        name: Interpreter(
            model_content=content, num_threads=THREADS
        ).get_signature_runner()
        for name, content in files.items()
    }
    times: dict[str, list[float]] = {name: [] for name in files}
    for round_ in range(repeats + 2):  # the first two warm up
        for name, runner in runners.items():
            start = time.perf_counter()
            runner(**example)
            if round_ >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def ratio(name: str, value: float, at_most: float) -> None:
    """Prints a ratio and its limit."""
    verdict = "" if value <= at_most else "   MISSED"
    print(f"{name:<24}{value:8.2f}   (wanted: at most {at_most}){verdict}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
