"""Does Hybrid-Pose take as long as RNet and CNet together? (Fig. 14 of the paper.)

"The processing time of our hybrid-pose almost equals the sum of the processing time of
the RNet model and the CNet model together" (section IV.D). Here the three answer about
the same 256x256 image, batch 1, in turn, and the medians of the ratios within a turn
are printed.

Usage: python benchmarks/hybrid_pose_time.py [TURNS]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import sys
import time

import numpy as np
import tensorflow as tf

from tfpose.models.hybrid_pose import CNet, HybridPose, RNet
from tfpose.summary import summarize

TURNS = 10
MOST = 1.1
TOGETHER = "RNet + CNet"


def answerer(model):
    """A compiled function of an image f32[1, 256, 256, 3], 0..255."""
    return tf.function(lambda image: model({"image": image}, training=False))


def seconds(answer, image) -> float:
    start = time.perf_counter()
    answer(image)["keypoints"].numpy()
    return time.perf_counter() - start


def main(turns: int) -> None:
    image = tf.random.uniform((1, 256, 256, 3), maxval=255)
    models = {"RNet": RNet(), "CNet": CNet()}
    models["fusion"] = HybridPose.from_parts(models["RNet"], models["CNet"])
    sizes = {name: summarize(model, name) for name, model in models.items()}
    answers = {name: answerer(model) for name, model in models.items()}
    for answer in answers.values():
        seconds(answer, image)  # trace
    times = [{n: seconds(a, image) for n, a in answers.items()} for _ in range(turns)]
    for turn in times:
        turn[TOGETHER] = turn["RNet"] + turn["CNet"]
    print(f"{'':<14}{'ms':>8}{'of both':>9}{'parameters':>12}{'multiply-adds':>15}")
    for name in ("RNet", "CNet", TOGETHER, "fusion"):
        median = np.median([turn[name] for turn in times])
        ratio = np.median([turn[name] / turn[TOGETHER] for turn in times])
        line = f"{name:<14}{1000 * median:8.0f}{ratio:9.3f}"
        if name in sizes:
            line += f"{sizes[name]['trainable_parameters'] / 1e6:10.2f} M"
            line += f"{sizes[name]['multiply_adds'] / 1e9:13.1f} G"
        print(line)
    print(f"at most {MOST}: {ratio <= MOST}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
