"""Can every recipe `paper` learn? Steps until a network knows eight rendered people.

python benchmarks/training/recipes.py [FOLDER [MODEL/RECIPE ...]]

Each recipe keeps its loss, optimizer, learning rate, decay, start, and batch (of at
most the eight people); its schedule is shortened to the steps of its row. Crops are
small and do not vary. Networks are as wide as the paper's where two CPU cores can do
that; the rows show every setting that is changed. The trained network finds the people
again in mixed bfloat16: by how many px of the crop do their joints move? Once as soon
as it knows them, when maps still have plateaus of nearly equal cells, and once after
it has learned on, by its whole schedule, to four times as many steps.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import time
from typing import NamedTuple

import keras
import numpy as np
import seeds
import tensorflow as tf

from tfpose import config as configs
from tfpose.config import Augmentation, Config
from tfpose.data import examples
from tfpose.metrics import pck
from tfpose.models.objectives import Schedule, compile_model
from tfpose.models.start import new_model
from tfpose.recipes import find_recipe

PEOPLE, GOAL = 8, 95.0
LONGER = 4  # times the steps that it took
MANY = 10_000  # steps of a network so small that starting them takes longer


class Row(NamedTuple):
    """A recipe, how many steps it may take, and what is changed of it."""

    name: str
    steps: int
    settings: str

    def config(self) -> Config:
        """The recipe for rendered people in plain crops."""
        recipe = dataclasses.replace(
            find_recipe(*self.name.split("/")),
            skeleton="coco17",
            train=("synthetic/train",),
            validation=("synthetic/train",),
            augmentation=Augmentation(),
        )
        changed = configs.override(recipe, [SIZE, *self.settings.split()])
        return dataclasses.replace(changed, batch_size=min(changed.batch_size, PEOPLE))


# A standing person has about 50 px of a crop of 64: a quarter of the papers' px.
SIZE = "input_size=64x64"
ROWS = (
    Row("hcrn/paper", 300, "front_end=hourglass stages=1 target.radius=5"),
    Row("hcrn/paper_mpii", 300, "stages=1 target.radius=5"),
    Row("posefix/paper", 400, "trunk=tiny network.sigma=2"),
    Row("posefix/code", 400, "trunk=tiny network.sigma=2"),
    Row(
        "pose_refiner/paper",
        2000,
        "trunk=tiny person_height=50 network.radius=2.2 target.radius=3",
    ),
    Row("simple_baseline/paper", 400, "trunk=tiny target.sigma=4"),
    Row("integral_pose/paper", 400, "trunk=tiny"),
    Row("enhance_net/paper", 800, "trunk=tiny target.sigma=4"),
    Row("hrnet/paper", 400, "modules=1,1,1 blocks=1 target.sigma=4"),
    Row("hourglass/paper", 400, "stacks=1 target.sigma=4"),
    Row("hourglass/pytorch_pose", 400, "stacks=1 target.sigma=4"),
    Row("cpn/paper", 800, "trunk=tiny sigmas=5.2,4,3.4,2.8 target.sigma=2.8"),
    # A quarter of the width takes twice the spread at the start, or signals vanish.
    # Cells of 8 px are too coarse for people of 50 px: crops of 64 end at 67.
    Row(
        "cpm/paper",
        6000,
        "input_size=128x128 stages=1 network.filters=32 start.all=0.02",
    ),
    Row("dlcm/paper", 400, "levels=2 network.filters=64 target.sigma=4"),
    Row("cnet/paper", 2000, "network.filters=64 target.sigma=4"),
    # Its 2.5e-6 is a hundredth of Newell's rate, and RMSProp's steps do not depend on
    # the gradient's size. So the network is as small as it can be.
    Row(
        "rnet/paper",
        200_000,
        "input_size=32x32 network.filters=32 stacks=1 depth=1 blocks=1 target.sigma=2",
    ),
    Row(
        "associative_embedding/paper",
        400,
        "stacks=1 network.filters=64 growth=32 maps=34 target.sigma=4 "
        "whole_window=false",
    ),
)


class Stop(keras.callbacks.Callback):
    """Ends the training when the joints of all people are found."""

    def __init__(self, inputs, targets, weights, config: Config, every: int):
        super().__init__()
        self.inputs, self.config, self.steps, self.pck = inputs, config, 0, 0.0
        self.every = every
        self.truth, self.valid = targets["keypoints"], weights["keypoints"]

    def on_epoch_end(self, epoch, logs=None):
        """Scores the people after some steps."""
        found = self.model.predict_on_batch(self.inputs)["keypoints"]
        _, lengths = pck.body_lengths(self.truth, self.valid, self.config.skeleton)
        distances = pck.normalized_distances(found, self.truth, self.valid, lengths)
        self.pck = pck.average(pck.pck(distances, 0.2), distances, "pooled")
        self.steps = (epoch + 1) * self.every
        print(
            f"    step {self.steps}: loss {logs['loss']:.5g}, PCK {self.pck:.1f}",
            file=sys.stderr,
            flush=True,
        )
        if self.pck >= GOAL:
            self.model.stop_training = True


def people_of(config: Config, data: str):
    """All eight people as one batch: inputs, targets, weights."""
    whole = dataclasses.replace(config, batch_size=PEOPLE)
    (batch,) = examples.batches(whole, data)
    return keras.tree.map_structure(np.asarray, batch)


def endless(config: Config, people: tuple) -> tf.data.Dataset:
    """Training batches of ``people_of`` without end: crops are made only once."""
    everybody = tf.data.Dataset.from_tensor_slices(people)
    return everybody.shuffle(PEOPLE, config.seed).repeat().batch(config.batch_size)


def measure_normalizations(model, inputs) -> None:
    """Gives normalizations that stay frozen the people's statistics.

    The paper's are ImageNet's; with a new network's, its features would explode.
    """
    norms = [n for n in model.layers if isinstance(n, keras.layers.BatchNormalization)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(inputs, training=True)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum


def moved_by_bfloat16(model, inputs, valid) -> np.ndarray:
    """f32[J] crop px: how far labeled joints move when layers compute in bfloat16."""
    mixed = {**model.get_config(), "dtype": "mixed_bfloat16"}
    twin = type(model).from_config(mixed)
    twin.set_weights(model.get_weights())
    places = [net.predict_on_batch(inputs)["keypoints"] for net in (model, twin)]
    distances = np.linalg.norm(places[1] - places[0], axis=-1)
    return distances[np.asarray(valid) > 0]


class Learned(NamedTuple):
    """What came of a row."""

    parameters: int
    steps: int
    pck: float  # at 0.2, in percent
    minutes: float
    moved: np.ndarray  # by bfloat16, as soon as the people are known
    moved_later: np.ndarray


def learn(row: Row, data: str) -> Learned:
    """Trains a row's network until it knows the people, and then longer."""
    config = row.config()
    keras.utils.set_random_seed(config.seed)
    model = new_model(config)
    people = inputs, targets, weights = people_of(config, data)
    if config.freeze_normalization:
        measure_normalizations(model, inputs)
    every = max(10, row.steps // 10_000 * 10)  # steps between two looks
    stop = Stop(inputs, targets, weights, config, every)
    started = time.monotonic()
    if model.is_refiner:  # errors of the given poses are new each time
        batches = examples.batches(config, data).repeat()
    else:
        batches = endless(config, people)

    def train(steps: int, callbacks: list) -> np.ndarray:
        compile_model(model, config, Schedule(1, steps, steps / config.epochs))
        if row.steps > MANY:
            model.jit_compile, model.steps_per_execution = True, every
        model.fit(
            batches,
            steps_per_epoch=every,
            epochs=steps // every,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        return moved_by_bfloat16(model, inputs, weights["keypoints"])

    moved = train(row.steps, [stop])
    minutes = (time.monotonic() - started) / 60
    moved_later = train((LONGER - 1) * stop.steps, [])
    return Learned(
        model.count_params(), stop.steps, stop.pck, minutes, moved, moved_later
    )


def main() -> None:
    """Prints a line for each recipe."""
    given = sys.argv[1:]
    folder = pathlib.Path(given[0] if given else "runs/recipes")
    people = {"photos": PEOPLE, "validation_photos": 1, "people": 1}
    data = seeds.render_people(folder, people)
    print(
        f"{'recipe':<30}{'parameters':>12}{'batch':>7}{'steps to 95':>13}{'minutes':>9}"
        + 2 * f"{'bfloat16 px':>13}{'largest':>9}{'<= 0.5':>8}"
    )
    for row in ROWS:
        if given[1:] and row.name not in given[1:]:
            continue
        found = learn(row, data)
        known = found.pck >= GOAL
        reached = str(found.steps) if known else f"{found.pck:.1f} at {found.steps}"
        columns = [
            f"{row.name:<30}{found.parameters:>12,}{row.config().batch_size:>7}"
            f"{reached:>13}{found.minutes:>9.1f}",
            *(
                f"{moved.mean():>13.3f}{moved.max():>9.2f}{(moved <= 0.5).mean():>8.1%}"
                for moved in (found.moved, found.moved_later)
            ),
        ]
        print(*columns, f"  {row.settings}", sep="", flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
