"""A whole photo, from its pixels to everybody's poses, against single networks.

    python benchmarks/speed/photos.py [--blazepose FILE]

``tfpose predict`` finds people (five looks of the detector), crops each, and looks at
everybody six times (three scales, mirrored, too). ``Predictor.find`` of a ``.tflite``
file looks once, or twice with the mirror image. MoveNet Thunder and BlazePose alone
take a crop that somebody else has made of one person. Medians over the example photos.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import pathlib
import statistics
import sys
import tempfile

import numpy as np
import tensorflow as tf
from networks import exported
from runtimes import lite
from turns import Time, in_turn, print_table

import tfpose
from tfpose.edge.predictor import Predictor
from tfpose.inference.person_detector import PersonDetector
from tfpose.io import examples, photos

PRESET, THREADS, TURNS = "movenet_thunder_coco17", 2, 5


def main(blazepose: str, turns: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    given = [photos.read(path) for path in examples.paths()]
    estimator, detect = tfpose.Estimator.from_preset(PRESET), PersonDetector()
    people = [len(detect(photo)[0]) for photo in given]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "exported")
        tfpose.export(PRESET, str(out), ("tflite",))
        predictor = Predictor.load(next(out.rglob("*.tflite")), THREADS)
    content = exported(PRESET)["float32"]
    alone = {"Thunder LiteRT, one crop": lite(content, THREADS)}
    if blazepose:
        content = pathlib.Path(blazepose).read_bytes()
        alone["BlazePose full LiteRT, one crop"] = lite(content, THREADS)
    whole = {
        "the detector": detect,
        "detector and Estimator (tfpose predict)": lambda photo: estimator(
            photo, detect(photo)[0]
        ),
        "Predictor.find": predictor.find,
        "Predictor.find, one look": lambda photo: predictor.find(photo, flip=False),
    }
    found: dict[str, list] = {}
    for photo in given:
        calls = {name: lambda f=f, p=photo: f(p) for name, f in whole.items()}
        for name, times in in_turn({**alone, **calls}, turns, warm_up=1).items():
            found.setdefault(name, []).append(times)
    medians = {
        name: Time(*map(statistics.median, zip(*times, strict=True)))
        for name, times in found.items()
    }
    print(f"{len(given)} photos, {np.mean(people):.1f} people each, {THREADS} threads")
    print_table(medians, next(iter(alone)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blazepose")
    parser.add_argument("--turns", type=int, default=TURNS)
    sys.exit(main(**vars(parser.parse_args())))
