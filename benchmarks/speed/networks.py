"""One look at one person: our networks in LiteRT against others' runtimes and networks.

    python benchmarks/speed/networks.py --data DATA --torch PYTHON --blazepose FILE

DATA is a folder of prepared data sets: int8 needs people to find its ranges. PYTHON is
an interpreter with PyTorch, for the same layers in eager mode (``torch_lite.py``). FILE
is ``pose_landmark_full.tflite`` of the npm package ``@mediapipe/pose``. Without one of
them, its rows are left out. Crops are in memory; all take turns, in one run.
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
from ai_edge_litert.interpreter import Interpreter
from turns import Rival, in_turn, print_table

import tfpose
from tfpose.config import load
from tfpose.models.table import load_model
from tfpose.weights.presets import model_folder

THREADS, TURNS = 2, 15
OURS = ("posefix_lite_lsp14", "estimator_lite_lsp14")
THUNDER = "movenet_thunder_coco17"
FIRST = f"{OURS[0]} LiteRT float32"
TORCH = {OURS[0]: "refiner", OURS[1]: "estimator"}


def lite(path: pathlib.Path, threads: int) -> Callable:
    """A call of a .tflite file with random inputs."""
    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for one in interpreter.get_input_details():
        values = random.uniform(0, 255, one["shape"])
        if one["shape"].size < 4:
            values = np.ones(one["shape"])
        interpreter.set_tensor(one["index"], values.astype(one["dtype"]))
    return interpreter.invoke


def exported(preset: str, folder: pathlib.Path, data: str | None) -> dict[str, pathlib.Path]:
    """The .tflite files of a preset by their numbers."""
    splits = (load(model_folder(preset) / "config.json").train[0],)
    numbers = ("none", "int8") if data and preset != THUNDER else ("none",)
    tfpose.export(preset, str(folder / preset), ("tflite",), numbers, data, splits, splits)
    files = sorted((folder / preset).rglob("*.tflite"))
    return {path.stem.removeprefix("model_"): path for path in files}


def graph(preset: str) -> Callable:
    """A call of the Keras model in ``tf.function``."""
    model, config = load_model(preset)
    random = np.random.default_rng(0)
    joints = len(config.skeleton)
    inputs = {"image": random.uniform(0, 255, (1, *model.input_size, 3))}
    if model.is_refiner:
        inputs["keypoints"] = random.uniform(0, model.input_size[0], (1, joints, 2))
        inputs["valid"] = np.ones((1, joints))
    inputs = {name: tf.constant(x, tf.float32) for name, x in inputs.items()}
    run = tf.function(lambda given: model(given, training=False)["keypoints"])
    return lambda: run(inputs).numpy()


def main(data, torch, blazepose, turns: int, threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    calls, rival = {}, None
    if torch:
        script = pathlib.Path(__file__).with_name("torch_lite.py")
        rival = Rival(torch, script, threads)
        print(rival.about)
    with tempfile.TemporaryDirectory() as folder:
        for preset in (*OURS, THUNDER):
            files = exported(preset, pathlib.Path(folder), data)
            for numbers, path in files.items():
                calls[f"{preset} LiteRT {numbers}"] = lite(path, threads)
            calls[f"{preset} tf.function"] = graph(preset)
            if rival and preset in TORCH:
                for form in ("", " last"):
                    name = f"{preset} PyTorch{' channels' * bool(form)}{form}"
                    line = f"infer {TORCH[preset]}{form}"
                    calls[name] = lambda line=line: rival.call(line)
    if blazepose:
        calls["BlazePose full LiteRT float32"] = lite(pathlib.Path(blazepose), threads)
    print(f"{threads} threads, medians of {turns} turns")
    print_table(in_turn(calls, turns), FIRST)
    if rival:
        rival.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--torch")
    parser.add_argument("--blazepose")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--threads", type=int, default=THREADS)
    sys.exit(main(**vars(parser.parse_args())))
