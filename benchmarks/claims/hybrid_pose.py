"""Hybrid-Pose: is RNet times CNet better than two networks of one kind?

Both networks' hourglasses stand on MoveNet's features in the place of their stems. Two
RNets and two CNets are trained per seed, so that every fusion has two networks: the
paper's product of all eight groups of maps, the product of the last two, and averages
of RNet and CNet, of two RNets, and of two CNets.

Maps are beliefs, learned by cross entropy. With the paper's squared error, all maps
were nearly zero after as many steps: 20 to 31 PCK@0.2 of the validation people instead
of 62 to 69.

Usage: python benchmarks/claims/hybrid_pose.py DATA [FOLDER [STEPS [SEEDS]]]
"""

from __future__ import annotations

import dataclasses
import functools

import frame
import keras
import numpy as np
from scipy.special import expit

from tfpose.layers.heatmap_fusion import fuse
from tfpose.layers.heatmaps import PeakPosition
from tfpose.models import hourglass, movenet
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.hcrn import RARITY
from tfpose.models.hybrid_pose import RESIDUALS, hourglasses
from tfpose.models.resnet import convolution
from tfpose.recipes import RECIPES
from tfpose.skeletons import LSP14

BATCH = 16
SIZE, STRIDE, FILTERS, SIGMA = (256, 256), 8, 32, 8.0
# Depths, blocks, residual module: the paper's, with two levels less, and half of RNet's
# blocks.
NETWORKS = {
    "rnet": ((2, 2, 2, 2), 1, "branched"),
    "cnet": ((1, 2, 2, 2), 1, "newell"),
}
STAGES = ("stage1", "stage2", "stage3", "heatmap")


def build(name: str) -> PoseEstimator:
    depths, blocks, residual = NETWORKS[name]
    image = image_input(SIZE)
    x = movenet.pyramid(*movenet.trunk(image))[-1]
    x = convolution(x, FILTERS, 3, "front", stride=2)
    maps, features = hourglasses(
        x, len(LSP14), depths, blocks, RESIDUALS[residual], "plain"
    )
    model = PoseEstimator(
        image,
        hourglass.stage_outputs(maps),
        features,
        {"joints": len(LSP14)},
        activation="sigmoid",
    )
    for number in range(1, len(depths) + 1):
        bias = model.get_layer(f"stack{number}_scores_conv").bias
        bias.assign(np.full(bias.shape, RARITY))
    return model


def arms() -> dict[str, frame.Arm]:
    config = dataclasses.replace(
        RECIPES["rnet"]["tiny"](),
        skeleton=LSP14,
        input_size=SIZE,
        network={},
        target={"codec": "gaussian", "sigma": SIGMA},
        heatmap_error="cross_entropy",
        coordinate_loss=0.0,
        **{**frame.COMMON, "learning_rate": 3e-3, "batch_size": BATCH},
    )
    return {
        name: frame.Arm(
            functools.partial(build, name), config, policy="float32", compiled=True
        )
        for name in NETWORKS
    }


def measure(arm: frame.Arm, runs: frame.Runs, seed: int, sets: dict) -> dict:
    """Trains a network; the beliefs of every set and stage, as "test_stage1"."""
    model = frame.train(arm, runs.people, runs.steps, seed)
    found = {}
    for of, people in sets.items():
        maps = frame.predict(model, arm.uses, people, extra=STAGES)
        for stage in STAGES:
            found[f"{of}_{stage}"] = expit(maps[stage]).astype(np.float16)
    return found


def fusions(one: dict, other: dict, of: str) -> dict[str, list]:
    """f32[N, h, w, K] of two networks: their last maps, averaged and multiplied."""
    last = [net[f"{of}_heatmap"].astype(np.float32) for net in (one, other)]
    every = [
        [net[f"{of}_{s}"].astype(np.float32) for s in STAGES] for net in (one, other)
    ]
    return {
        "average": sum(last) / 2,
        "product": keras.ops.convert_to_numpy(fuse(*([maps] for maps in last))),
        "eight": keras.ops.convert_to_numpy(fuse(*every)),
    }


def places(maps) -> np.ndarray:
    """f32[N, K, 2] crop px: the maps' peaks."""
    return keras.ops.convert_to_numpy(PeakPosition(STRIDE)(maps))


def run(runs: frame.Runs, sets: dict, _) -> None:
    trained = arms()
    for seed in range(1, runs.seeds + 1):
        nets = {}
        for name, arm in trained.items():
            for twin in (0, 1):
                job = functools.partial(measure, arm, runs, 100 * twin + seed, sets)
                nets[name, twin] = runs.of(f"{name}{twin}", seed, job)
        runs.of("fused", seed, functools.partial(fuse_all, nets, sets))


def fuse_all(nets: dict, sets: dict) -> dict:
    """Distances of every fusion of the networks' maps, as "test_rnet_cnet_product"."""
    chosen = {
        "rnet_cnet": (("rnet", 0), ("cnet", 0)),
        "rnet_rnet": (("rnet", 0), ("rnet", 1)),
        "cnet_cnet": (("cnet", 0), ("cnet", 1)),
    }
    found = {}
    for of, people in sets.items():
        for (name, twin), net in nets.items():
            own = net[f"{of}_heatmap"].astype(np.float32)
            key = f"{of}_{name}" + "_other" * twin
            found[key] = frame.distances(places(own), people)
        for name, (one, other) in chosen.items():
            for kind, maps in fusions(nets[one], nets[other], of).items():
                key = f"{of}_{name}_{kind}"
                found[key] = frame.distances(places(maps), people)
    return found


if __name__ == "__main__":
    frame.main(run, "hybrid_pose")
