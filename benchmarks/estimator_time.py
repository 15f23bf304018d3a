"""How long does a forward pass of the large estimators take, and in which parts?

HRNet-W32 and SimpleBaseline with ResNet-50 at 256x192, eight hourglasses, Hybrid-Pose's
RNet and CNet and their fusion at 256x256; batch 1, untrained weights, in TensorFlow
(graph) and in LiteRT (float32, phases, two threads). All take turns; prints medians. A
part's share is the time to its last layer minus the time to the previous part's, in
TensorFlow. About the ratio, Hybrid-Pose's paper says that "the processing time of our
hybrid-pose almost equals the sum" of both networks' (section IV.D, Fig. 14).

Usage: python benchmarks/estimator_time.py [TURNS]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import statistics
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.models import CNet, HRNet, HybridPose, RNet, SimpleBaseline
from tfpose.models.hourglass import StackedHourglass
from tfpose.models.serving_graph import serving_model
from tfpose.models.summary import summarize
from tfpose.skeletons import COCO17, MPII16

TURNS, THREADS = 5, 2
MOST = 1.1
STACKS = [(f"stack {n}", f"stack{n}_link") for n in range(1, 8)]
# Each network's skeleton, its constructor, and its parts with the layer or output that
# ends each; the rest is the last part.
NETWORKS = {
    "SimpleBaseline R50": (
        COCO17,
        lambda: SimpleBaseline(17),
        [("trunk", "stage3_block2_out"), ("deconvolutions", "head_deconv2_relu")],
    ),
    "HRNet-W32": (
        COCO17,
        lambda: HRNet(17),
        [
            ("stem", "stem_down_relu"),
            ("stage 1", "stage1_block3_out"),
            ("stage 2", "stage2_module0_out0"),
            ("stage 3", "stage3_module3_out0"),
        ],
    ),
    "hourglass, 8 stacks": (
        MPII16,
        lambda: StackedHourglass(16, stacks=8),
        [("stem", "stem_block2_add"), *STACKS],
    ),
    "RNet": (MPII16, RNet, [("stem", "stem_block2_deep_add"), *STACKS[:3]]),
    "CNet": (MPII16, CNet, [("stem", "stem_block2_add"), *STACKS[:3]]),
    "fusion": (
        MPII16,
        lambda: HybridPose(),
        [("RNet", "rnet_heatmap"), ("CNet", "cnet_heatmap")],
    ),
}


def main(turns: int) -> None:
    print(f"{'':<22}{'TF ms':>8}{'LiteRT ms':>10}{'parameters':>12}{'mult.-adds':>12}")
    measured = {}
    for name, (skeleton, build, parts) in NETWORKS.items():
        model = build()
        size = summarize(model, name)
        until = until_each_part(model, parts, turns)
        lite = lite_seconds(model, skeleton, turns)
        measured[name] = until["whole"], lite
        print(
            f"{name:<22}{1e3 * until['whole']:8.0f}{1e3 * lite:10.0f}"
            f"{size['trainable_parameters'] / 1e6:10.2f} M"
            f"{size['multiply_adds'] / 1e9:10.1f} G",
            flush=True,
        )
        print(f"    {shares(until)}")
    for place, runtime in enumerate(("TensorFlow", "LiteRT")):
        both = measured["RNet"][place] + measured["CNet"][place]
        ratio = measured["fusion"][place] / both
        verdict = "" if ratio <= MOST else "   MISSED"
        print(f"fusion / (RNet + CNet), {runtime:<12}{ratio:6.2f}   (wanted: at most "
              f"{MOST}){verdict}")  # fmt: skip


def until_each_part(model, parts, turns: int) -> dict[str, float]:
    """Seconds from the photo to the end of each part, and of the "whole"."""
    image = tf.random.uniform((1, *model.input_size, 3), maxval=255)
    outputs = {
        part: model.output[end] if end in model.output else model.get_layer(end).output
        for part, end in parts
    }
    # For parallel parts, such as the fusion's, the second's time is that of both.
    ends = {part: list(outputs.values())[: n + 1] for n, part in enumerate(outputs)}
    ends["whole"] = model.output["keypoints"]
    calls = {name: graph(keras.Model(model.input, end)) for name, end in ends.items()}
    return in_turn(
        {name: lambda call=call: call(image) for name, call in calls.items()}, turns
    )


def graph(model):
    """A compiled function of an image that waits for its result."""
    answer = tf.function(lambda image: model({"image": image}, training=False))
    return lambda image: [np.asarray(x) for x in tf.nest.flatten(answer(image))]


def lite_seconds(model, skeleton, turns: int) -> float:
    """Seconds per call of the exported network."""
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(serving_model(model, skeleton, phases=True), folder, batch=1)
        content = litert.convert(folder)
    run = Interpreter(model_content=content, num_threads=THREADS).get_signature_runner()
    image = np.zeros((1, *model.input_size, 3), np.uint8)
    return in_turn({"call": lambda: run(image=image)}, turns)["call"]


def in_turn(calls: dict, turns: int) -> dict[str, float]:
    """Median seconds of each call; all take turns, and the first turn warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def shares(until: dict[str, float]) -> str:
    """Each part's percentage of the whole."""
    whole, before, texts = until["whole"], 0.0, []
    for part, seconds in until.items():
        part = "rest" if part == "whole" else part
        texts.append(f"{part} {100 * max(seconds - before, 0) / whole:.0f} %")
        before = max(seconds, before)
    return ", ".join(texts)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
