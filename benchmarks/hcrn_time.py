"""What do HCRN's units cost? Inference with ResNet-101 at 368x368, with and without.

HCRN Table I: 0.182 s holistic, 0.184 s without diffusion, 0.188 s in full on a Titan X,
so at most 3.3 % more. Here the three networks take turns; prints the medians of the
ratios within a turn.

Usage: python benchmarks/hcrn_time.py [TURNS]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import sys
import time

import numpy as np
import tensorflow as tf

from tfpose.models.hcrn import HCRN, REFINEMENTS
from tfpose.skeletons import LSP14

TURNS = 15
MOST = 1.04


def answerer(refinement: str):
    """A compiled function of an image, u8 0..255 as f32[1, 368, 368, 3]."""
    model = HCRN.for_skeleton(LSP14, refinement=refinement)
    return tf.function(lambda image: model({"image": image}, training=False))


def seconds(answer, image) -> float:
    start = time.perf_counter()
    answer(image)["keypoints"].numpy()
    return time.perf_counter() - start


def main(turns: int) -> None:
    image = tf.random.uniform((1, 368, 368, 3), maxval=255)
    answers = {name: answerer(name) for name in REFINEMENTS}
    for answer in answers.values():
        seconds(answer, image)  # trace
    times = [{n: seconds(a, image) for n, a in answers.items()} for _ in range(turns)]
    for name in REFINEMENTS:
        median = np.median([turn[name] for turn in times])
        ratio = np.median([turn[name] / turn["holistic"] for turn in times])
        print(f"{name:<20}{1000 * median:7.0f} ms  {ratio:.3f} of holistic")
    print(f"at most {MOST}: {ratio <= MOST}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
