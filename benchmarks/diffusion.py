"""How much faster does HCRN's diffusion train than TensorFlow's dilation2d?

8 x 46 x 46 x 14 maps, radius 7: LSP's joints at stride 8 in a crop of 368 px. One graph
computes the value and the gradients of the maps and of the four weights per joint.
Compares ``tf.nn.dilation2d`` with minus the penalty as its structuring element (it
visits the 225 offsets one by one), ``diffuse`` in keras.ops, and the C++ operator if it
was built. They take turns on one core, and the script measures processor time, so a
busy machine changes the ratios little. More cores help ``diffuse`` and its operator,
but not dilation2d, whose gradient uses one.

Usage: python benchmarks/diffusion.py [repeats]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import statistics
import sys
import time

import numpy as np
import tensorflow as tf

from tfpose import native
from tfpose.layers.diffusion import diffuse

SHAPE, RADIUS = (8, 46, 46, 14), 7
AT_LEAST = {"portable": 8, "native": 20}
QUANTITIES = ("value", "maps", "linear", "quadratic")


def main(repeats: int = 30) -> None:
    """Prints times, ratios, and how far each form is from float64."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    forms = {"dilation2d": dilation, "portable": diffuse}
    if native.is_usable() and native.operators():
        forms["native"] = native.diffuse
    steps = {name: step_of(form) for name, form in forms.items()}
    case = noise()
    print("Processor time; largest errors as shares of the largest value:")
    times = rounds(steps, case, repeats)
    expected = exact(*case)
    for name, step in steps.items():
        errors = [
            f"{quantity} {np.abs(found - wanted).max() / np.abs(wanted).max():.0e}"
            for quantity, found, wanted in zip(
                QUANTITIES, step(*case), expected, strict=True
            )
        ]
        print(f"{name:<12}{1e3 * statistics.median(times[name]):7.1f} ms", *errors)
    for name, at_least in AT_LEAST.items():
        ratio(name, times, at_least)


def noise():
    """Maps in 0..1, both kinds of weights, and an upstream gradient."""
    random = np.random.default_rng(0)
    weights = (2, SHAPE[-1])
    arrays = (
        random.uniform(0, 1, SHAPE),
        random.normal(0, 0.01, weights),
        random.uniform(0.001, 0.02, weights),
        random.normal(0, 1, SHAPE),
    )
    return tuple(tf.constant(array, tf.float32) for array in arrays)


def dilation(maps, linear, quadratic, radius):
    """``diffuse`` with TensorFlow's operator, whose padding never wins either."""
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)[:, None]
    x, y = (offsets * linear[i] + offsets**2 * quadratic[i] for i in (0, 1))
    ones = [1, 1, 1, 1]
    return tf.nn.dilation2d(maps, -(y[:, None] + x), ones, "SAME", "NHWC", ones)


def step_of(form):
    """A graph: maps, weights, upstream gradient -> value and three gradients."""

    @tf.function
    def step(maps, linear, quadratic, upstream):
        tensors = maps, linear, quadratic
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            diffused = form(*tensors, RADIUS)
        return diffused, *tape.gradient(diffused, tensors, upstream)

    return step


def rounds(steps: dict, case, repeats: int) -> dict[str, list[float]]:
    """Processor seconds of each call; all forms take turns."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(repeats + 3):  # the first three warm up
        for name, step in steps.items():
            start = time.process_time()
            for tensor in step(*case):
                tensor.numpy()
            if round_ >= 3:
                times[name].append(time.process_time() - start)
    return times


def exact(maps, linear, quadratic, upstream):
    """Value and gradients in float64, one of the 225 offsets at a time."""
    maps, linear, quadratic, upstream = (
        tensor.numpy().astype(np.float64)
        for tensor in (maps, linear, quadratic, upstream)
    )
    batch, height, width, channels = maps.shape
    pad = ((0, 0), (RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0))
    padded = np.pad(maps, pad, constant_values=-np.inf)
    best, dx, dy = maps.copy(), np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    for y in range(-RADIUS, RADIUS + 1):
        for x in range(-RADIUS, RADIUS + 1):
            penalty = x * linear[0] + y * linear[1]
            penalty = penalty + x * x * quadratic[0] + y * y * quadratic[1]
            rows = slice(RADIUS + y, RADIUS + y + height)
            columns = slice(RADIUS + x, RADIUS + x + width)
            value = padded[:, rows, columns] - penalty
            better = value > best
            best[better], dx[better], dy[better] = value[better], x, y
    by_map = np.zeros(SHAPE)
    b, y, x, c = np.indices(SHAPE)
    np.add.at(by_map, (b, y + dy, x + dx, c), upstream)
    weights = [
        -np.stack([(upstream * offset**power).sum((0, 1, 2)) for offset in (dx, dy)])
        for power in (1, 2)
    ]
    return best, by_map, *weights


def ratio(name: str, times: dict, at_least: float) -> None:
    """Prints how many times faster than dilation2d a form is."""
    if name not in times:
        print(f"{name:<12}not built (python setup.py build_ext --inplace)")
        return
    value = statistics.median(times["dilation2d"]) / statistics.median(times[name])
    verdict = "" if value >= at_least else "   MISSED"
    print(f"dilation2d / {name:<10}{value:6.1f}   (wanted: {at_least}){verdict}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
