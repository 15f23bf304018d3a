"""One look at one person: our networks in LiteRT against others' runtimes and networks.

    python benchmarks/speed/networks.py --torch PYTHON --blazepose FILE

PYTHON is an interpreter with PyTorch, for the same layers in eager mode
(``torch_lite.py``). FILE is ``pose_landmark_full.tflite`` of the npm package
``@mediapipe/pose``. Without one of them, its rows are left out. MoveNet Thunder is
``movenet_thunder_coco17``, the same graph. Crops are in memory; all take turns, in one
run.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from runtimes import lite
from turns import Rival, in_turn, print_table

from tfpose.exporting import litert
from tfpose.exporting.savedmodel import write_saved_model
from tfpose.models.serving_graph import serving_model
from tfpose.models.table import load_model

THREADS, TURNS = 2, 15
# Presets, and what ``torch_lite.py`` calls their networks.
NETWORKS = {
    "posefix_lite_lsp14": "refiner",
    "estimator_lite_lsp14": "estimator",
    "movenet_thunder_coco17": None,
}
FIRST = "posefix_lite_lsp14 LiteRT float32"


def examples(network, count: int = 1) -> dict[str, np.ndarray]:
    """Random inputs of a network."""
    random = np.random.default_rng(0)
    height, joints = network.input_size[0], network.joints
    found = {"image": random.uniform(0, 255, (count, *network.input_size, 3))}
    if network.is_refiner:
        found["keypoints"] = random.uniform(0, height, (count, joints, 2))
        found["valid"] = np.ones((count, joints))
    return {name: array.astype(np.float32) for name, array in found.items()}


def exported(preset: str, int8: bool = False, keep=None) -> dict[str, bytes]:
    """A preset's network as .tflite files by their numbers, kept in a folder.

    The ranges of int8 come from two random crops: time does not depend on them.
    """
    numbers = ("float32", "int8") if int8 else ("float32",)
    paths = {
        name: pathlib.Path(keep or "", f"{preset}_{name}.tflite") for name in numbers
    }
    if keep and all(path.exists() for path in paths.values()):
        return {name: path.read_bytes() for name, path in paths.items()}
    model, config = load_model(preset)
    serving = serving_model(model, config.skeleton, phases=True)
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(serving, folder, batch=1)
        files = {"float32": litert.convert(folder)}
    if int8:
        some = examples(model, 2)
        some["image"] = some["image"].astype(np.uint8)
        files["int8"] = litert.convert_to_int8(files["float32"], some)
    for name, content in files.items() if keep else ():
        paths[name].write_bytes(content)
    return files


def graph(preset: str) -> Callable:
    """A call of the Keras model in ``tf.function``."""
    model, _ = load_model(preset)
    inputs = {name: tf.constant(array) for name, array in examples(model).items()}
    run = tf.function(lambda given: model(given, training=False)["keypoints"])
    return lambda: run(inputs).numpy()


def main(torch, blazepose, keep, turns: int, threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    calls, rival = {}, None
    if torch:
        script = pathlib.Path(__file__).with_name("torch_lite.py")
        rival = Rival(torch, script, threads)
        print(rival.about)
    for preset, kind in NETWORKS.items():
        for numbers, content in exported(preset, kind is not None, keep).items():
            calls[f"{preset} LiteRT {numbers}"] = lite(content, threads)
        calls[f"{preset} tf.function"] = graph(preset)
        if rival and kind:
            name, line = f"{preset} PyTorch eager", f"infer {kind}"
            calls[name] = lambda line=line: rival.call(line)
            calls[f"{name}, channels last"] = lambda line=line: rival.call(
                f"{line} last"
            )
    if blazepose:
        content = pathlib.Path(blazepose).read_bytes()
        calls["BlazePose full LiteRT float32"] = lite(content, threads)
    print(f"{threads} threads, medians of {turns} turns")
    print_table(in_turn(calls, turns), FIRST)
    if rival:
        rival.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch")
    parser.add_argument("--blazepose")
    parser.add_argument("--keep", help="folder that keeps the .tflite files")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--threads", type=int, default=THREADS)
    sys.exit(main(**vars(parser.parse_args())))
