"""A training step of the refiner ``lite``: ours against the same layers in PyTorch.

    python benchmarks/speed/training_step.py --torch PYTHON

Eight crops of 256x256, forward, backward, and AdamW, on two threads; inputs are in
memory. Ours has the losses and the optimizer of the recipe, PyTorch's an L1 loss of the
joints, the smaller part of ours (``torch_lite.py``).
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import pathlib
import sys

import numpy as np
import tensorflow as tf
from turns import Rival, in_turn, print_table

from tfpose.data.examples import supervision_of
from tfpose.models.table import load_model

PRESET, THREADS, BATCH, TURNS = "posefix_lite_lsp14", 2, 8, 5


def ours():
    """A call of a training step."""
    model, config = load_model(PRESET)
    model.compile_for(config, steps_per_epoch=100)
    random = np.random.default_rng(0)
    pose = tf.constant(random.uniform(0, 256, (BATCH, model.joints, 2)), tf.float32)
    valid = tf.ones(pose.shape[:2])
    image = tf.constant(random.uniform(0, 255, (BATCH, 256, 256, 3)), tf.float32)
    targets, weights = {"keypoints": pose}, {"keypoints": valid}
    for name, codec in supervision_of(model, config).codecs.items():
        targets[name], weights[name] = codec.encode(pose, valid), codec.weights(valid)
    inputs = {"image": image, "keypoints": pose, "valid": valid}
    return lambda: model.train_on_batch(inputs, targets, weights)


def main(torch: str, turns: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    script = pathlib.Path(__file__).with_name("torch_lite.py")
    rival = Rival(torch, script, THREADS, BATCH)
    calls = {
        f"tfpose, {BATCH} people": ours(),
        f"{rival.about}, {BATCH} people": lambda: rival.call("learn refiner"),
        f"{rival.about}, channels last": lambda: rival.call("learn refiner last"),
    }
    print(f"{THREADS} threads, medians of {turns} turns")
    print_table(in_turn(calls, turns, warm_up=1), next(iter(calls)))
    rival.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", required=True)
    parser.add_argument("--turns", type=int, default=TURNS)
    sys.exit(main(**vars(parser.parse_args())))
