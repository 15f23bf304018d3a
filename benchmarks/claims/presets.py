"""Trains the presets that stand on MoveNet's features, longer than a claim's arms.

Usage: python benchmarks/claims/presets.py DATA OUT NAME [STEPS [FOLDER [START]]]
NAME: hcrn or pose_refiner. START: for pose_refiner, a model folder to go on from; by
default, the layers in common with ``posefix_movenet_lsp14``. Writes the model folder
OUT/NAME and OUT/NAME.npz, the head's weights; the trunk's are those of
``movenet_thunder_coco17``.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import sys

import features
import frame
import hcrn
import numpy as np

from tfpose.metrics.pck import pck
from tfpose.models import PoseRefiner
from tfpose.recipes import RECIPES
from tfpose.skeletons import LSP14
from tfpose.training.fit import start_from
from tfpose.weights.presets import model_folder
from tfpose.weights.shared import read_shared, write_arrays

SPLITS = {
    "train": ("lsp/train[:90%]", "lspet/train[:97%]"),
    "validation": ("lsp/train[90%:]", "lspet/train[97%:]"),
    "augmentation": features.AUGMENTATION,
}


def _hcrn(_=None) -> frame.Arm:
    config = dataclasses.replace(hcrn.recipe(hcrn.STRONG, "hcrn"), **SPLITS)
    build = functools.partial(hcrn.build, hcrn.STRONG, "hcrn")
    return frame.Arm(build, config)


def _pose_refiner(start="posefix_movenet_lsp14") -> frame.Arm:
    network = {"trunk": "movenet", "radius": 8.0, "pose_prior": True}
    config = dataclasses.replace(
        RECIPES["pose_refiner"]["tiny"](),
        skeleton=LSP14,
        input_size=features.SIZE,
        network=network,
        target={"codec": "disc", "radius": 12.0},
        **SPLITS,
        **{**frame.COMMON, "learning_rate": 2e-3, "average": 0.998},
    )

    def build():
        model = PoseRefiner(len(LSP14), features.SIZE, **network)
        start_from(model, config, start)
        return model

    return frame.Arm(build, config, ("fine", "middle", "coarse"), redraws=False)


ARMS = {"hcrn": _hcrn, "pose_refiner": _pose_refiner}


def main() -> None:
    data, out, name, *rest = sys.argv[1:]
    steps = int(rest[0]) if rest else 2000
    folder = pathlib.Path(rest[1] if len(rest) > 1 else "runs/claims") / "features"
    arm = ARMS[name](*rest[2:])
    seed = 1 + len(rest[2:])  # going on, other crops of the people come first
    people = frame.people(folder, list(features.TRAIN))
    model = frame.train(arm, people, steps, seed)
    out = pathlib.Path(out)
    model.save_to_preset(out / name, arm.config)
    trunk, _ = read_shared(model_folder("movenet_thunder_coco17"))
    head = {
        weight.path: np.asarray(weight, np.float32)
        for weight in model.weights
        if weight.path not in trunk
    }
    write_arrays(out / f"{name}.npz", head)
    if not model.is_refiner:
        for of in ("validation", "validation_lspet"):
            people = frame.people(folder, [of])
            found = frame.distances(frame.predict(model, arm.uses, people), people)
            print(
                of,
                "PCK@0.2",
                np.nanmean(pck(found)),
                "@0.1",
                np.nanmean(pck(found, 0.1)),
            )


if __name__ == "__main__":
    main()
