"""Trains a refiner wholly on an accelerator, with JAX.

The windows of all people are held in the accelerator's memory (``data.windows``). One
compiled program crops, augments, synthesizes errors, renders, and takes the step, so
that no step waits for a CPU. What is learned, and what a run writes, is as of
``fit.train``. One accelerator is used; on a CPU it works, too.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import pathlib
import time

import jax
import jax.numpy as jnp
import keras
import numpy as np
import tensorflow as tf

from tfpose.config import Config
from tfpose.data import device, shards
from tfpose.data.examples import Supervision, supervision_of
from tfpose.data.windows import People, load
from tfpose.errors import TrainingError
from tfpose.models import folders
from tfpose.models.base import PoseModel, dtype_policy
from tfpose.models.objectives import (
    accelerators,
    compile_model,
    learning_rate_at,
    losses_of,
)
from tfpose.models.start import new_model
from tfpose.models.table import build_model
from tfpose.training import fit
from tfpose.training.callbacks import (
    LOG,
    Checkpoint,
    Log,
    ValidatePCK,
    noting_sigterm,
)

BACKEND = "jax"
# Steps that may wait in the accelerator's queue; more would make the clock wrong.
AHEAD = 4


@dataclasses.dataclass
class Length:
    """How long a run is, and how much of it is done.

    Attributes:
        steps: of the whole run; None if the time decides.
        seconds: of the whole run; None if the steps decide.
        used: seconds so far, without those for reading and compiling.
    """

    steps: int | None
    seconds: float | None = None
    used: float = 0.0

    def share(self, step: int) -> float:
        """How much is done before a step, 1 at the end."""
        if self.seconds is not None:
            return min(1.0, self.used / self.seconds)
        return step / self.steps


def train(
    config: Config,
    data: str,
    model_dir: str,
    resume: bool = False,
    quicktest: bool = False,
    weights: str | None = None,
    minutes: float | None = None,
    dtype: str | None = None,
) -> PoseModel:
    """Trains a refiner and writes its folder.

    Args:
        config, data, model_dir, quicktest, weights: as of ``fit.train``.
        resume: continue from the checkpoint, at its step and with the same people,
            crops, and errors.
        minutes: length of the run instead of ``config.epochs``; reading and compiling
            are not counted. A resumed run continues to the same time.
        dtype: Keras dtype policy of the network; default: "mixed_bfloat16" on an
            accelerator, "float32" on a CPU.

    Raises:
        TrainingError, ModelFolderError, ConfigError, DataError: one clear line.
        FileError: another process trains into the folder, or the disk is full.
    """
    _check_backend()
    if minutes is not None and minutes <= 0:
        raise TrainingError(f"minutes: expected a positive number, found {minutes}")
    folder = pathlib.Path(model_dir)
    splits = (*config.train, *config.validation)
    with folders.writing(folder, resume), shards.naming_bad_records(data, splits):
        return _train(config, data, folder, resume, quicktest, weights, minutes, dtype)


def _train(
    config: Config,
    data: str,
    folder: pathlib.Path,
    resume: bool,
    quicktest: bool,
    weights: str | None,
    minutes: float | None,
    dtype: str | None,
) -> PoseModel:
    bare = build_model(config)  # validates, in float32
    supervision = supervision_of(bare, config)
    device.check(config, supervision)
    people = load(config, data, config.train)
    epoch = _steps_of_an_epoch(people, config)
    keras.utils.set_random_seed(config.seed)
    policy = dtype or ("mixed_bfloat16" if accelerators() else "float32")
    with dtype_policy(policy):
        model = _start(config, folder, resume, weights)
    used = _seconds_before(folder) if resume else 0.0
    length = Length(config.epochs * epoch, None, used)
    if quicktest:
        length = Length(fit.QUICK_STEPS)
    elif minutes is not None:
        length = Length(None, 60 * minutes, used)
    validation = ValidatePCK(config, supervision, data, quicktest, bare)
    if not resume:
        folders.begin(folder, config)
    goal = f"{length.steps} steps" if minutes is None else f"{minutes:g} minutes"
    print(
        f"training {config.model} on {len(people.order)} people in memory: {goal} of "
        f"{config.batch_size} people a step; the first step is compiled before",
        flush=True,
    )
    run = _Run(config, model, supervision, people, length)
    with noting_sigterm() as sigterms:
        run.train(validation, Log(folder), Checkpoint(folder), sigterms)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    folders.write_weights(model, folder)
    return model


def _check_backend() -> None:
    if keras.backend.backend() != BACKEND:
        raise TrainingError(
            f"training on a device: expected KERAS_BACKEND={BACKEND} before Keras is "
            f"imported, found {keras.backend.backend()}"
        )
    try:
        # TensorFlow only reads records here, and would take the memory of all GPUs.
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        pass  # it has them already


def _steps_of_an_epoch(people: People, config: Config) -> int:
    steps = len(people.order) // config.batch_size
    if not steps:
        raise TrainingError(
            f"{len(people.order)} people to train on: expected at least one batch of "
            f"{config.batch_size} (--set batch_size=...)"
        )
    return steps


def _start(
    config: Config, folder: pathlib.Path, resume: bool, weights: str | None
) -> PoseModel:
    """The model at the start of the run, compiled and with an optimizer's variables.

    Its learning rate is a variable, which the loop sets.
    """
    if resume:
        return fit.load_checkpoint(folder, config, None)
    model = new_model(config)
    if weights:
        fit.start_from(model, config, weights)
    compile_model(model, config, None)
    model.optimizer.build(model.trainable_variables)
    return model


def _seconds_before(folder: pathlib.Path) -> float:
    """What the run in a folder has used of its time, of its ``log.csv``."""
    if not (folder / LOG).exists():
        return 0.0
    with open(folder / LOG, newline="") as file:
        rows = list(csv.DictReader(file))
    return float(rows[-1].get("seconds") or 0) if rows else 0.0


def make_loss(model: PoseModel, config: Config):
    """The loss as a pure function, the same as Keras computes in ``fit.train``.

    Returns:
        (trainable values, other values, inputs, targets, weights) -> (f32[], (f32[3],
        the loss and its parts on "heatmap" and "keypoints"; other values afterwards)).
    """
    of_output, shares = losses_of(model, config)

    def loss_of(trainable, others, inputs, targets, weights):
        outputs, others = model.stateless_call(trainable, others, inputs, training=True)
        parts = {
            name: loss(targets[name], outputs[name], sample_weight=weights[name])
            for name, loss in of_output.items()
        }
        total = sum(shares[name] * part for name, part in parts.items())
        return total, (jnp.stack([total, parts["heatmap"], parts["keypoints"]]), others)

    return loss_of


def make_step(model: PoseModel, config: Config, supervision: Supervision):
    """The program of a step, compiled at its first call.

    Args:
        model: compiled for ``config``, with a constant learning rate.
        config, supervision: of the run.

    Returns:
        (state, windows, rows i32[B], step i32[], learning rate f32[]) -> (state, f32[3]
        losses as of ``make_loss``). ``state`` is that of ``state_of`` and is used up.
        Photos are an argument: constants of the program would be compiled for hours.
    """
    loss_of = jax.value_and_grad(make_loss(model, config), has_aux=True)
    optimizer = model.optimizer
    # Where the optimizer keeps the rate.
    rate_at = [v is optimizer._learning_rate for v in optimizer.variables].index(True)
    root = jax.random.key(config.seed)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, windows, rows, number, rate):
        key = jax.random.fold_in(root, number)
        batch = device.batch(windows, rows, config, supervision, key)
        (_, (losses, others)), gradients = loss_of(
            state["trainable"], state["others"], *batch
        )
        slots = list(state["optimizer"])
        slots[rate_at] = rate.astype(slots[rate_at].dtype)
        trainable, slots = optimizer.stateless_apply(
            slots, gradients, state["trainable"]
        )
        return {"trainable": trainable, "others": others, "optimizer": slots}, losses

    return step


def state_of(model: PoseModel) -> dict[str, list]:
    """Copies of all values that a step changes."""
    groups = {
        "trainable": model.trainable_variables,
        "others": model.non_trainable_variables,
        "optimizer": model.optimizer.variables,
    }
    return {
        name: [jnp.array(variable.value, copy=True) for variable in variables]
        for name, variables in groups.items()
    }


def put_back(state: dict[str, list], model: PoseModel) -> None:
    """Gives a model the values of ``state_of``."""
    groups = {
        "trainable": model.trainable_variables,
        "others": model.non_trainable_variables,
        "optimizer": model.optimizer.variables,
    }
    for name, variables in groups.items():
        for variable, value in zip(variables, state[name], strict=True):
            variable.assign(value)


def rows_of_step(people: People, config: Config, step: int) -> np.ndarray:
    """i32[B]: the people of a step. Every epoch has an order of its own."""
    epoch, place = divmod(step, len(people.order) // config.batch_size)
    order = np.random.default_rng((config.seed, epoch)).permutation(people.order)
    first = place * config.batch_size
    return order[first : first + config.batch_size].astype(np.int32)


def check_losses(
    losses: np.ndarray, first_step: int, people: People, config: Config
) -> None:
    """Checks that the losses f32[steps] from a step on are finite.

    Raises:
        TrainingError: names the first step with another loss, and its people.
    """
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        step = first_step + int(wrong[0])
        ids = people.person_ids[rows_of_step(people, config, step)].tolist()
        raise TrainingError(
            f"the loss is {losses[wrong[0]]} at step {step}; the batch's person ids: "
            f"{ids}"
        )


class _Run:
    """The loop over rounds of ``fit.STEPS_A_ROUND`` steps."""

    def __init__(
        self,
        config: Config,
        model: PoseModel,
        supervision: Supervision,
        people: People,
        length: Length,
    ):
        self.config, self.model, self.people = config, model, people
        self.length = length
        self.step = int(model.optimizer.iterations.value)
        self.windows = jax.device_put(people.arrays)
        self.state = state_of(model)
        # Compiled here, so that the clock does not count it.
        program = make_step(model, config, supervision)
        self.program = program.lower(
            self.state, self.windows, *self._arguments()
        ).compile()

    def train(
        self, validation, log: Log, checkpoint: Checkpoint, sigterms: list[int]
    ) -> None:
        """Takes all steps; validates and writes after each round.

        Raises:
            TrainingError: SIGTERM came; the step's checkpoint is written.
        """
        for callback in (validation, log, checkpoint):
            callback.set_model(self.model)
        while self.length.share(self.step) < 1:
            number, first = self.step // fit.STEPS_A_ROUND, self.step
            started = time.monotonic()
            end = (number + 1) * fit.STEPS_A_ROUND
            loss, heatmap, keypoints = self._steps(end, sigterms)
            speed = (self.step - first) * self.config.batch_size
            speed /= time.monotonic() - started
            print(f"step {self.step}: loss {loss:.4f}, {speed:,.0f} people/s")
            logs = {"heatmap_loss": heatmap, "keypoints_loss": keypoints, "loss": loss}
            put_back(self.state, self.model)
            if sigterms and self.length.share(self.step) < 1:
                checkpoint.stop(self.step)
            validation.on_epoch_end(number, logs)
            self.length.used += time.monotonic() - started
            logs |= {"people_per_second": speed, "seconds": self.length.used}
            for callback in (log, checkpoint):
                callback.on_epoch_end(number, logs)

    def _arguments(self):
        """The arguments of the next step that are not in the device's memory."""
        rate = learning_rate_at(self.config, self.length.share(self.step))
        rows = rows_of_step(self.people, self.config, self.step)
        return rows, np.int32(self.step), np.float32(rate)

    def _steps(self, end: int, sigterms: list[int]) -> list[float]:
        """Takes steps up to ``end``, the end of the run, or SIGTERM; mean losses.

        Raises:
            TrainingError: a loss that is not finite; names the step and the people.
        """
        first, losses, before = self.step, [], self.length.used
        started = time.monotonic()
        while self.step < end and self.length.share(self.step) < 1:
            self.state, loss = self.program(
                self.state, self.windows, *self._arguments()
            )
            losses.append(loss)
            self.step += 1
            jax.block_until_ready(losses[max(0, len(losses) - AHEAD)])
            self.length.used = before + time.monotonic() - started
            if sigterms:
                break
        self.length.used = before  # the whole round is counted at its end
        losses = np.stack([np.asarray(loss) for loss in losses])
        check_losses(losses[:, 0], first, self.people, self.config)
        return [float(mean) for mean in losses.mean(axis=0)]
