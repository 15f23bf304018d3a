"""What the tests of the diffusion and of its native form share."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfpose import native


def direct(maps, linear, quadratic, radius):
    """Every offset by itself, the same roundings as in two passes."""
    one = maps.dtype.type
    _, height, width, _ = maps.shape
    best = maps.copy()
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if abs(dx) >= width or abs(dy) >= height:
                continue
            here = np.s_[
                :, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
            ]
            there = np.s_[
                :, max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)
            ]
            along_x = one(dx) * linear[0] + one(dx * dx) * quadratic[0]
            along_y = one(dy) * linear[1] + one(dy * dy) * quadratic[1]
            np.maximum(best[here], maps[there] - along_x - along_y, out=best[here])
    return best


def random_case(shape, seed=0):
    """Maps of 0..1 and weights of both signs, quadratic ones above zero; f32."""
    random = np.random.default_rng(seed)
    weights = (2, shape[-1])
    return (
        np.float32(random.uniform(0, 1, shape)),
        np.float32(random.normal(0, 0.05, weights)),
        np.float32(random.uniform(0.001, 0.05, weights)),
    )


def one_case(rows, linear=(0, 0), quadratic=(0, 0)):
    """f32[1, h, w, 1] and f32[2, 1] twice."""
    weights = (np.float32(weight)[:, None] for weight in (linear, quadratic))
    return np.float32(rows)[None, :, :, None], *weights


def gradients(form, case, radius, upstream):
    """Of the maps and of both weights, as arrays."""
    tensors = [tf.constant(array) for array in case]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        diffused = form(*tensors, radius)
    return [
        x.numpy()
        for x in tape.gradient(diffused, tensors, tf.cast(upstream, diffused.dtype))
    ]


def built_library(project: pathlib.Path):
    """The operators of tfpose.native; without a compiler there are none to test."""
    if tf.config.get_visible_devices("GPU"):
        pytest.skip("the operators are for CPUs, and there is a GPU")
    if not native.library().exists():
        if not any(map(shutil.which, ("c++", "g++", "clang++"))):
            pytest.skip("no C++ compiler to build the operators with")
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        found = subprocess.run(build, cwd=project, capture_output=True, text=True)
        assert native.library().exists(), found.stdout + found.stderr
    return native.operators()
