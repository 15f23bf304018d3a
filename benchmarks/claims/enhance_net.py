"""EnhanceNet: does enlarging the belief maps place joints better?

Compares r = 2 and r = 4 with the base's own maps, bilinearly enlarged or not, and with
a control that has r = 4's convolutions but does not enlarge. All maps are read in three
ways, since a better reader could do what enlarging does. The base has maps of 32 x 32
cells, one for 8 x 8 px.

Usage: python benchmarks/claims/enhance_net.py DATA [FOLDER [STEPS [SEEDS]]]
"""

from __future__ import annotations

import dataclasses
import functools

import frame
import keras
from keras import layers, ops

from tfpose.layers.dark import DarkPosition
from tfpose.layers.quarter import QuarterPosition
from tfpose.models import movenet
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.enhance_net import EnhanceNet, context
from tfpose.models.resnet import convolution
from tfpose.models.simple_baseline import map_head
from tfpose.recipes import RECIPES
from tfpose.skeletons import LSP14

SIZE, STRIDE, SIGMA, CHANNELS = (256, 256), 8, 10.0, 48
BASE, CONTROL = "base", "convolutions"
UPSCALES = {"enhance2": 2, "enhance4": 4}
ARMS = (BASE, CONTROL, *UPSCALES)
BILINEAR = 4  # what the base's maps are enlarged by without learning
READERS = ("highest", "quarter", "dark")


def base() -> PoseEstimator:
    """One convolution of MoveNet's features, and linear maps at stride 8."""
    image = image_input(SIZE)
    features = movenet.pyramid(*movenet.trunk(image))[-1]
    features = convolution(features, 64, 3, "front", stride=2)
    maps = map_head(features, len(LSP14), "head_logits")
    return PoseEstimator(image, {"heatmap": maps}, features, {"joints": len(LSP14)})


def control() -> PoseEstimator:
    """The convolutions of r = 4, then a 1x1 convolution to maps as large as before."""
    first = base()
    beliefs = first.output["heatmap"]
    x = context(first.features, beliefs, CHANNELS, 3, "both")
    x = layers.Conv2D(
        len(LSP14) * 16, 3, padding="same", activation="relu", name="enhance_wide",
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    maps = {"base_heatmap": beliefs, "heatmap": map_head(x, len(LSP14), "enhance_maps")}
    return PoseEstimator(
        first.input["image"], maps, x, {"joints": len(LSP14)},
    )  # fmt: skip


def build(name: str) -> PoseEstimator:
    if name == BASE:
        return base()
    if name == CONTROL:
        return control()
    return EnhanceNet(base(), UPSCALES[name], CHANNELS)


def arms() -> dict[str, frame.Arm]:
    config = dataclasses.replace(
        RECIPES["simple_baseline"]["tiny"](),
        skeleton=LSP14,
        input_size=SIZE,
        network={},
        target={"codec": "gaussian", "sigma": SIGMA},
        heatmap_error="squared",
        heatmap_loss=1.0,
        stage_loss=1.0,
        coordinate_loss=0.0,
        # At three times the rate, without warm-up, the enlarging layers die: all maps
        # are zero in four of five seeds.
        **{**frame.COMMON, "learning_rate": 2e-3, "warm_up": 0.1},
    )
    return {name: frame.Arm(functools.partial(build, name), config) for name in ARMS}


def read(maps, reader: str):
    """f32[B, K, 2] crop px of linear maps f32[B, h, w, K]."""
    stride = SIZE[0] // maps.shape[1]
    layer = {
        "highest": QuarterPosition(stride, move=0.0),
        "quarter": QuarterPosition(stride),
        "dark": DarkPosition(stride, SIGMA),
    }[reader]
    return layer(maps)


def enlarged(maps):
    """Maps with ``BILINEAR`` times the rows and columns, interpolated."""
    height, width = (BILINEAR * side for side in maps.shape[1:3])
    return ops.image.resize(maps, (height, width), interpolation="bilinear")


def measure(name: str, arm: frame.Arm, runs: frame.Runs, seed: int, sets: dict) -> dict:
    """Trains an arm; distances by set and reader, as "test_dark"."""
    model = frame.train(arm, runs.people, runs.steps, seed)
    outputs = {reader: read(model.output["heatmap"], reader) for reader in READERS}
    if name == BASE:
        outputs["bilinear"] = read(enlarged(model.output["heatmap"]), "highest")
        outputs["bilinear_dark"] = read(enlarged(model.output["heatmap"]), "dark")
    reading = keras.Model(model.input, {**model.output, **outputs})
    found = {}
    for of, people in sets.items():
        places = frame.predict(reading, arm.uses, people, extra=tuple(outputs))
        for reader in outputs:
            found[f"{of}_{reader}"] = frame.distances(places[reader], people)
    return found


def run(runs: frame.Runs, sets: dict, _) -> None:
    trained = arms()
    for seed in range(1, runs.seeds + 1):
        for name, arm in trained.items():
            job = functools.partial(measure, name, arm, runs, seed, sets)
            runs.of(name, seed, job)


if __name__ == "__main__":
    frame.main(run, "enhance_net")
