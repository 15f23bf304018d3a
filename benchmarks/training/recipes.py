"""Can every recipe `paper` learn? Steps until a network knows eight rendered people.

python benchmarks/training/recipes.py [FOLDER [MODEL/RECIPE ...]]

Each recipe keeps its loss, optimizer, learning rate, decay, start, and batch (of at
most the eight people); its schedule is shortened to the steps of its row. Crops are
small and do not vary. Networks are as wide as the paper's where two CPU cores can do
that; the rows show every setting that is changed.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import time

import keras
import numpy as np
import seeds

from tfpose import config as configs
from tfpose.config import Augmentation, Config
from tfpose.data import examples
from tfpose.metrics import pck
from tfpose.models.objectives import Schedule, compile_model
from tfpose.models.start import new_model
from tfpose.recipes import find_recipe

PEOPLE, GOAL, EVERY = 8, 95.0, 10


class Row:
    """A recipe, what is changed of it, and how many steps it may take."""

    def __init__(self, name: str, steps: int, settings: str):
        self.name, self.steps, self.settings = name, steps, settings

    def config(self) -> Config:
        """The recipe for rendered people in plain crops."""
        recipe = dataclasses.replace(
            find_recipe(*self.name.split("/")),
            skeleton="coco17",
            train=("synthetic/train",),
            validation=("synthetic/train",),
            augmentation=Augmentation(),
        )
        changed = configs.override(recipe, self.settings.split())
        return dataclasses.replace(changed, batch_size=min(changed.batch_size, PEOPLE))


SMALL = "input_size=128x96"
SQUARE = "input_size=128x128"
ROWS = (
    Row("posefix/paper", 600, f"{SMALL} network.sigma=3.5"),
    Row("posefix/code", 600, f"{SMALL} network.sigma=3.5 trunk=tiny"),
    Row(
        "pose_refiner/paper",
        2000,
        "input_size=192x192 person_height=77 network.radius=3.4 target.radius=3.4 "
        "trunk=resnet50",
    ),
    Row("hcrn/paper", 400, f"{SQUARE} front_end=resnet50 target.radius=4"),
    Row(
        "hcrn/paper_mpii", 600, f"{SQUARE} stages=2 target.radius=4"
    ),
    Row("rnet/paper", 3000, "input_size=64x64 target.sigma=7"),
    Row("cnet/paper", 1000, f"{SQUARE} target.sigma=7"),
    Row("enhance_net/paper", 600, f"{SMALL} trunk=tiny target.sigma=4"),
    Row("simple_baseline/paper", 600, f"{SMALL} target.sigma=4"),
    Row("hrnet/paper", 600, f"{SMALL} target.sigma=4"),
    Row("hourglass/paper", 600, f"{SQUARE} stacks=2 target.sigma=4"),
    Row("cpn/paper", 1500, f"{SMALL} trunk=tiny sigmas=5.2,4,3.4,2.8 target.sigma=2.8"),
    Row("cpm/paper", 1500, f"{SQUARE} stages=2 target.sigma=7"),
    Row("dlcm/paper", 600, f"{SQUARE} levels=2 target.sigma=4"),
    Row("integral_pose/paper", 600, f"{SMALL} trunk=tiny"),
    Row(
        "associative_embedding/paper",
        1000,
        f"{SQUARE} stacks=1 network.filters=64 growth=32 maps=34 target.sigma=8 "
        "whole_window=false",
    ),
)  # fmt: skip


class Stop(keras.callbacks.Callback):
    """Ends the training when the joints of all people are found."""

    def __init__(self, inputs, targets, weights, config: Config):
        super().__init__()
        self.inputs, self.config, self.steps, self.pck = inputs, config, 0, 0.0
        self.truth, self.valid = targets["keypoints"], weights["keypoints"]

    def on_epoch_end(self, epoch, logs=None):
        """Scores the people after some steps."""
        found = self.model.predict_on_batch(self.inputs)["keypoints"]
        _, lengths = pck.body_lengths(self.truth, self.valid, self.config.skeleton)
        distances = pck.normalized_distances(found, self.truth, self.valid, lengths)
        self.pck = pck.average(pck.pck(distances, 0.2), distances, "pooled")
        self.steps = (epoch + 1) * EVERY
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


def learn(row: Row, data: str) -> tuple[int, int, float, float]:
    """Parameters, steps, PCK@0.2 in percent, and minutes."""
    config = row.config()
    keras.utils.set_random_seed(config.seed)
    model = new_model(config)
    inputs, targets, weights = people_of(config, data)
    if config.freeze_normalization:
        measure_normalizations(model, inputs)
    schedule = Schedule(1, row.steps, row.steps / config.epochs)
    compile_model(model, config, schedule)
    stop = Stop(inputs, targets, weights, config)
    started = time.monotonic()
    model.fit(
        examples.batches(config, data).repeat(),
        steps_per_epoch=EVERY,
        epochs=row.steps // EVERY,
        callbacks=[stop],
        shuffle=False,
        verbose=0,
    )
    minutes = (time.monotonic() - started) / 60
    return model.count_params(), stop.steps, stop.pck, minutes


def main() -> None:
    """Prints a line for each recipe."""
    given = sys.argv[1:]
    folder = pathlib.Path(given[0] if given else "runs/recipes")
    people = {"photos": PEOPLE, "validation_photos": 1, "people": 1}
    data = seeds.render_people(folder, people)
    print(
        f"{'recipe':<30}{'parameters':>12}{'batch':>7}{'steps to 95':>13}{'minutes':>9}"
    )
    for row in ROWS:
        if given[1:] and row.name not in given[1:]:
            continue
        parameters, steps, found, minutes = learn(row, data)
        reached = str(steps) if found >= GOAL else f"{found:.1f} at {steps}"
        batch = row.config().batch_size
        print(
            f"{row.name:<30}{parameters:>12,}{batch:>7}{reached:>13}{minutes:>9.1f}"
            f"  {row.settings}",
            flush=True,
        )
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
