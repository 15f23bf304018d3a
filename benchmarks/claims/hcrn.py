"""HCRN: do the tree and its diffusion help the difficult joints?

Compares Table I's networks (holistic, without diffusion, HCRN) and a control that sees
as far as the tree and has more parameters, with a front-end that sees the whole person
and with one whose cells see 59 px.

Usage: python benchmarks/claims/hcrn.py DATA [FOLDER [STEPS [SEEDS [FRONT_END]]]]
"""

from __future__ import annotations

import dataclasses
import functools

import frame
import keras
import numpy as np
from keras import layers

from tfpose.layers.diffusion import Diffusion
from tfpose.models import hcrn
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.simple_baseline import map_head
from tfpose.recipes import RECIPES
from tfpose.skeletons import LSP14

STRONG, WEAK = "movenet", "movenet_local"
USES = {STRONG: ("pyramid",), WEAK: ("fine",)}
POLICIES = {STRONG: "mixed_bfloat16", WEAK: "float32"}
CONTROL = "convolutions"
ARMS = ("holistic", CONTROL, "without_diffusion", "hcrn")
RADIUS = 7  # cells, HCRN's


def recipe(front_end: str, refinement: str):
    """The small recipe on MoveNet's trunk, both losses weighted equally (III.C)."""
    network = {"front_end": front_end, "refinement": refinement}
    return dataclasses.replace(
        RECIPES["hcrn"]["tiny"](),
        skeleton=LSP14,
        input_size=(256, 256),
        network={"stages": 1, "diffusion_radius": RADIUS, "root_cru": True, **network},
        heatmap_loss=1.0,
        stage_loss=1.0,
        **frame.COMMON,
    )


def build(front_end: str, refinement: str):
    if refinement == CONTROL:
        return control(front_end)
    return hcrn.HCRN.for_skeleton(
        LSP14, input_size=(256, 256), front_end=front_end, refinement=refinement
    )


def control(front_end: str) -> PoseEstimator:
    """As HCRN, with convolutions in the place of the tree.

    Four times, a convolution of 15 rows and one of 15 columns, of all joints' maps:
    they see as far as the tree's four layers (28 cells), and have 23,632 parameters to
    the tree's 98. They add to the joints' own logits and begin at zero.
    """
    image = image_input((256, 256))
    _, features = hcrn.FRONT_ENDS[front_end].build(image, len(LSP14), 1)
    initial = map_head(features, len(LSP14), "initial", hcrn.RARITY)
    background = map_head(features, 1, "background")
    logits, side = initial, 2 * RADIUS + 1
    for number in range(4):
        x = layers.Activation("sigmoid", name=f"maps{number}")(logits)
        for axis, size, spread in (
            ("rows", (side, 1), 0.05),
            ("columns", (1, side), 0),
        ):
            x = layers.Conv2D(
                len(LSP14), size, padding="same", name=f"{axis}{number}",
                kernel_initializer=keras.initializers.RandomNormal(stddev=spread),
            )(x)  # fmt: skip
        logits = layers.Add(name=f"sum{number}", dtype="float32")([logits, x])
    maps = layers.Concatenate(name="maps")([logits, background])
    return PoseEstimator(
        image,
        {"initial": initial, "heatmap": maps},
        features,
        {"joints": len(LSP14)},
        activation="sigmoid",
        targets={"heatmap": {"background": True}},
    )


def measure(arm: frame.Arm, runs: frame.Runs, seed: int, sets: dict) -> dict:
    """Trains an arm; the distances of each set's people, and the tree's units."""
    model = frame.train(arm, runs.people, runs.steps, seed)
    found = {
        name: frame.distances(frame.predict(model, arm.uses, people), people)
        for name, people in sets.items()
    }
    for layer in model.layers:
        if isinstance(layer, Diffusion):
            linear, quadratic = (np.array(w) for w in layer.get_weights()[:2])
            found[layer.name] = np.stack([linear, quadratic])
    return found


def arms(front_end: str) -> dict[str, frame.Arm]:
    return {
        name: frame.Arm(
            functools.partial(build, front_end, name),
            recipe(front_end, "holistic" if name == CONTROL else name),
            USES[front_end],
            policy=POLICIES[front_end],
        )
        for name in ARMS
    }


def run(runs: frame.Runs, sets: dict, _, *front_ends: str) -> None:
    trained = {front_end: arms(front_end) for front_end in front_ends or (STRONG, WEAK)}
    for seed in range(1, runs.seeds + 1):
        for front_end, own in trained.items():
            for name, arm in own.items():
                job = functools.partial(measure, arm, runs, seed, sets)
                runs.of(f"{front_end}_{name}", seed, job)


if __name__ == "__main__":
    frame.main(run, "hcrn")
