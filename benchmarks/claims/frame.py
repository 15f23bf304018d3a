"""What the claims share: training a head on kept features, scoring, and statistics.

An *arm* is one of the networks that a claim compares: a model of the package on
MoveNet's trunk, of which only what comes after the trunk is trained. All arms of a
claim see the same crops of the same people in the same order, once per seed.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import sys
import time
import warnings
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import features
import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from tfpose.config import Config
from tfpose.data.examples import examples, supervision_of
from tfpose.geometry.crops import standing_height
from tfpose.io import files
from tfpose.metrics import bootstrap
from tfpose.metrics.pck import body_lengths, normalized_distances
from tfpose.models import objectives
from tfpose.models.base import PoseModel, dtype_policy
from tfpose.skeletons import LSP14
from tfpose.training.fit import start_from

BATCH, STEPS, SEEDS = 32, 600, 5
TEST_PEOPLE = range(1001, 1501)  # photos of LSP; the published methods' half
# Settings of every arm: the optimizer's are the small recipes' own.
COMMON = {
    "optimizer": "adamw",
    "learning_rate": 6e-3,
    "schedule": "cosine",
    "epochs": 1,
    "batch_size": BATCH,
    "average": 0.99,
    "weight_decay": 0.0,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Arm:
    """One of the networks that a claim compares.

    Attributes:
        build: the model, untrained.
        config: its recipe: targets, losses, synthesis, and optimizer.
        uses: names of ``features.LAYERS`` that its head begins with.
        poses: for a refiner, real poses of the training people to learn from, in the
            order of the crops: f32[N, K, 2] crop px and f32[N, K]; None synthesizes.
        redraws: whether each seed draws the head's first weights; otherwise they stay
            those that ``build`` gave.
        policy: Keras' types for the head. Measured: on processors with bfloat16, wide
            heads train twice as fast with it, narrow ones slower.
        compiled: whether XLA compiles the step, which takes a minute and pays for heads
            of many small layers.
    """

    build: Callable[[], PoseModel]
    config: Config
    uses: tuple[str, ...] = ("pyramid",)
    poses: tuple[np.ndarray, np.ndarray] | None = None
    redraws: bool = True
    policy: str = "mixed_bfloat16"
    compiled: bool = False


def head_of(model: PoseModel, uses: Sequence[str]) -> keras.Model:
    """What comes after the kept features, with the model's layers and outputs."""
    cut = {name: model.get_layer(features.LAYERS[name][0]).output for name in uses}
    given = {name: x for name, x in model.input.items() if name != "image"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*keys in the dict must match")
        return keras.Model({**cut, **given}, model.output)


def _inputs(crops: features.Crops, uses, rows) -> dict[str, tf.Tensor]:
    """The kept features of some rows: name -> f32[B, h, w, C]."""
    return {
        name: tf.cast(crops.features[name][rows], tf.float32) * crops.scales[name]
        for name in uses
    }


class Training:
    """An arm's model and its training step, which all seeds share.

    Building the step takes longer than a hundred steps of a small head.
    """

    def __init__(self, arm: Arm, steps: int):
        self.arm, self.model = arm, new_model(arm)
        head = head_of(self.model, arm.uses)
        self.model.compile_for(
            arm.config, steps_per_epoch=max(steps // arm.config.epochs, 1)
        )
        of_output, weights = objectives.losses_of(self.model, arm.config)
        optimizer = self.optimizer = self.model.optimizer
        optimizer.build(head.trainable_variables)
        self.variables = head.trainable_variables
        self.start = [np.array(value) for value in self._state()]
        self.layers = head.layers
        supervision = supervision_of(self.model, arm.config)
        if arm.poses:
            supervision = dataclasses.replace(supervision, refines=False)

        @tf.function(jit_compile=arm.compiled)
        def step(maps, labels, poses, key):
            batch = {**labels, "image": maps, **_alone(labels)}
            given, targets, weight = examples(batch, supervision, key)
            given.pop("image")
            if poses is not None:
                given = dict(zip(("keypoints", "valid"), poses, strict=True))
            with tf.GradientTape() as tape:
                outputs = head({**maps, **given}, training=True)
                loss = 0.0
                for name in (name for name in outputs if weights[name]):
                    own = of_output[name](targets[name], outputs[name], weight[name])
                    loss += weights[name] * own
            gradients = tape.gradient(loss, [one.value for one in self.variables])
            optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
            return loss

        self.step = step

    def _state(self) -> list[keras.Variable]:
        return [*self.model.weights, *self.optimizer.variables]

    def begin(self, seed: int) -> None:
        """Gives model and optimizer the state of a new training."""
        keras.utils.set_random_seed(seed)
        for variable, value in zip(self._state(), self.start, strict=True):
            variable.assign(value)
        for layer in self.layers:
            draw = getattr(layer, "kernel_initializer", None)
            if draw and self.arm.redraws:
                own = type(draw).from_config({**draw.get_config(), "seed": None})
                layer.kernel.assign(own(layer.kernel.shape, layer.kernel.dtype))


def new_model(arm: Arm) -> PoseModel:
    """An arm's model with MoveNet's weights and new ones in the head."""
    with dtype_policy(arm.policy):
        model = arm.build()
    start_from(model, arm.config, "movenet_thunder_coco17")
    return model


training_of = functools.cache(Training)


def train(arm: Arm, people: features.Crops, steps: int, seed: int) -> PoseModel:
    """Trains an arm's head for a number of steps; the trunk keeps its weights.

    The model is the arm's only one: training the arm again overwrites its weights.
    """
    training = training_of(arm, steps)
    training.begin(seed)
    random = np.random.default_rng(seed)
    size, order = arm.config.batch_size, np.zeros(0, int)
    for number in range(steps):
        if len(order) < size:
            order = random.permutation(len(people))
        rows, order = np.sort(order[:size]), order[size:]
        labels = {k: v[rows] for k, v in people.labels.items() if k != "matrix"}
        poses = arm.poses and tuple(values[rows] for values in arm.poses)
        maps = _inputs(people, arm.uses, rows)
        loss = training.step(maps, labels, poses, tf.constant([seed, number]))
        if number % 100 == 0:
            print(f"    step {number} of {steps}, loss {float(loss):.4f}", flush=True)
    if arm.config.average:
        training.optimizer.finalize_variable_values(training.variables)
    return training.model


def _alone(labels) -> dict[str, tf.Tensor]:
    """What syntheses also ask for: no neighbors, f32[B, 0, K, 2], and the height."""
    shape = tf.shape(labels["valid"])
    nobody = tf.zeros((shape[0], 0, shape[1]))
    return {
        "neighbors": tf.zeros((shape[0], 0, shape[1], 2)),
        "neighbors_valid": nobody,
        "height": standing_height(labels["keypoints"], labels["valid"], LSP14),
    }


@functools.cache
def _reader(model: keras.Model, uses: tuple[str, ...]) -> Callable:
    """Runs what comes after the kept features."""
    head = head_of(model, uses)
    return tf.function(lambda given: head(given, training=False))


def predict(model: keras.Model, uses, people: features.Crops, poses=None, extra=()):
    """The keypoints of people's plain crops, without the mirrored look.

    Args:
        model: trained by ``train``.
        uses: as the arm's.
        people: N.
        poses: for a refiner, f32[N, K, 2] crop px and f32[N, K].
        extra: names of further outputs to return.

    Returns:
        f32[N, K, 2] crop px; with ``extra``, a dict of all.
    """
    run = _reader(model, uses)
    parts = {name: [] for name in ("keypoints", *extra)}
    for start in range(0, len(people), BATCH):
        rows = slice(start, start + BATCH)
        given = _inputs(people, uses, rows)
        if poses is not None:
            given |= {"keypoints": poses[0][rows], "valid": poses[1][rows]}
        outputs = run(given)
        for name, found in parts.items():
            found.append(outputs[name].numpy())
    together = {name: np.concatenate(found) for name, found in parts.items()}
    return together if extra else together["keypoints"]


def torsos(people: features.Crops) -> np.ndarray:
    """f64[N] crop px: the length that PCK divides by."""
    labels = people.labels
    return body_lengths(labels["keypoints"], labels["valid"], LSP14)[1]


def distances(keypoints, people: features.Crops) -> np.ndarray:
    """f64[N, K]: of joints to their labels, in torsos; crops keep proportions."""
    labels = people.labels
    return normalized_distances(
        keypoints, labels["keypoints"], labels["valid"], torsos(people)
    )


@dataclasses.dataclass(frozen=True)
class Runs:
    """Where a claim keeps what its arms found, and what it trains on.

    Attributes:
        folder: of the claim; an arm's seed is kept in one file, so that a stopped
            claim goes on where it was.
        people: the training people's crops, in memory.
        steps: of each training.
        seeds: how many.
    """

    folder: pathlib.Path
    people: features.Crops
    steps: int
    seeds: int

    def of(self, name: str, seed: int, measure: Callable[[], dict]) -> dict:
        """What ``measure`` returns, name -> array; computed once."""
        path = self.folder / f"{name}_{seed}.npz"
        if not path.exists():
            start = time.process_time()
            found = measure()
            spent = time.process_time() - start
            with files.replacing(path) as beside:
                np.savez_compressed(beside, seconds=spent, **found)
            print(f"{path.stem}: {spent:.0f} CPU seconds", flush=True)
        with np.load(path) as file:
            return dict(file)


def percent(found: np.ndarray, joints: Sequence[int], threshold: float) -> np.ndarray:
    """f64[N, J] of distances f64[N, K]: 100 for a right joint, 0 for a wrong one."""
    chosen = found[:, joints]
    return np.where(np.isnan(chosen), np.nan, 100.0 * (chosen <= threshold))


def joints_of(*names: str) -> list[int]:
    """Indices of LSP's joints without their side; all without names."""
    joints = [
        joint.replace("left_", "").replace("right_", "") for joint in LSP14.joints
    ]
    return [i for i, joint in enumerate(joints) if not names or joint in names]


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much better one arm is than another, in points of PCK.

    Attributes:
        mean: over seeds.
        low, high: the 95 % interval over seeds, paired (Student's t, n - 1 degrees).
        p: that seeds alone make such a difference, two-sided.
        people_low, people_high: the 95 % interval over other test people, by the
            bootstrap, of the seeds' mean.
    """

    mean: float
    low: float
    high: float
    p: float
    people_low: float
    people_high: float

    def __str__(self) -> str:
        return (
            f"{self.mean:+.2f} | {self.low:+.2f} to {self.high:+.2f} | {self.p:.3f} | "
            f"{self.people_low:+.2f} to {self.people_high:+.2f}"
        )


def difference(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> Difference:
    """Compares two arms, each f64[N, J] of ``percent`` for every seed."""
    gains = np.array([
        np.nanmean(np.nanmean(b, axis=0)) - np.nanmean(np.nanmean(a, axis=0))
        for a, b in zip(before, after, strict=True)
    ])  # fmt: skip
    count = len(gains)
    spread = gains.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    reach = stats.t.ppf(0.975, count - 1) * spread
    p = 2 * stats.t.sf(abs(gains.mean()) / spread, count - 1) if spread > 0 else np.nan
    _, low, high = bootstrap.change_of_means(
        np.mean(before, axis=0), np.mean(after, axis=0)
    )[-1]
    mean = gains.mean()
    return Difference(mean, mean - reach, mean + reach, p, low, high)


def main(run: Callable[..., None], name: str) -> None:
    """Reads DATA [FOLDER [STEPS [SEEDS]] ...], keeps features, and runs a claim."""
    given = sys.argv[1:]
    data, folder = given[0], pathlib.Path(given[1] if len(given) > 1 else "runs/claims")
    steps = int(given[2]) if len(given) > 2 else STEPS
    seeds = int(given[3]) if len(given) > 3 else SEEDS
    kept = folder / "features"
    features.compute_all(kept, data)
    sets = {
        name: people(kept, [name]) for name in features.PEOPLE if name != features.TEST
    }
    sets["test"] = published_half(features.load(kept, features.TEST))
    runs = Runs(folder / name, people(kept, list(features.TRAIN)), steps, seeds)
    runs.folder.mkdir(parents=True, exist_ok=True)
    run(runs, sets, pathlib.Path(data), *given[4:])


def published_half(crops: features.Crops) -> features.Crops:
    """LSP 1001-1500, in the order of the photos."""
    ids = crops.labels["image_id"]
    rows = np.argsort(ids)
    return crops.chosen(rows[np.isin(ids[rows], TEST_PEOPLE)])


def people(folder: pathlib.Path, names: Sequence[str]) -> features.Crops:
    """The crops of several files, in memory."""
    found = [features.load(folder, name) for name in names]
    first = found[0]
    return features.Crops(
        {k: np.concatenate([one.features[k] for one in found]) for k in first.features},
        first.scales,
        {k: np.concatenate([one.labels[k] for one in found]) for k in first.labels},
    )
