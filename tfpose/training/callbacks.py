"""Training callbacks: logs, checkpoints, validation and a guard against NaN."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import threading
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from tfpose.config import Config
from tfpose.data import pipeline
from tfpose.data.examples import examples
from tfpose.errors import TrainingError
from tfpose.io.files import replacing, write_text
from tfpose.metrics import pck
from tfpose.models.folders import CHECKPOINT

LOG = "log.csv"
PCK_THRESHOLD = 0.2


class Checkpoint(keras.callbacks.Callback):
    """Saves model and optimizer after each round; never leaves a partial file."""

    def __init__(self, folder: pathlib.Path):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        self.write()

    def write(self) -> None:
        """Saves the checkpoint now."""
        with replacing(self.folder / CHECKPOINT) as beside:
            self.model.save(beside)

    def stop(self, step: int) -> None:
        """Saves the checkpoint and ends the run.

        Raises:
            TrainingError: always; says how to continue.
        """
        self.write()
        raise TrainingError(
            f"{self.folder}: stopped by SIGTERM after step {step}; --resume goes on "
            "from there"
        )


@contextlib.contextmanager
def noting_sigterm() -> Iterator[list[int]]:
    """Context in which SIGTERM does not end the process; yields those that came.

    Only the main thread can receive signals; elsewhere, they do what they always do.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)


class EndOfRun(keras.callbacks.Callback):
    """Ends a run after its last step, or between two steps after SIGTERM.

    Args:
        steps: of the whole run.
        first_step: steps done before. If they end within a round, the rounds that
            follow begin there, and the last one is shorter.
        sigterms: from ``noting_sigterm``.
        checkpoint: saved before the run ends early; None if another worker saves it,
            which gets one more step to do so.
    """

    def __init__(
        self,
        steps: int,
        first_step: int,
        sigterms: list[int],
        checkpoint: Checkpoint | None,
    ):
        super().__init__()
        self.steps, self.step = steps, first_step
        self.sigterms, self.checkpoint = sigterms, checkpoint
        self.late = 0

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.late += bool(self.sigterms)
        if self.step == self.steps:
            self.model.stop_training = True
        elif self.late and self.checkpoint is not None:
            self.checkpoint.stop(self.step)
        elif self.late > 1:
            raise TrainingError(f"stopped by SIGTERM after step {self.step}")


class Log(keras.callbacks.Callback):
    """Writes a line of ``log.csv`` after each round: the losses and the metric.

    A resumed run replaces the lines of the rounds it repeats.
    """

    def __init__(self, folder: pathlib.Path):
        super().__init__()
        self.path = folder / LOG

    def on_epoch_end(self, epoch, logs=None):
        before = self.path.read_text().splitlines()[1:] if self.path.exists() else []
        kept = [line for line in before if int(line.split(",")[0]) < epoch]
        line = ",".join(str(value) for value in (epoch, *logs.values()))
        header = ",".join(("epoch", *logs))
        write_text(self.path, "\n".join((header, *kept, line, "")))


class StopOnNaN(keras.callbacks.Callback):
    """Stops at the first loss that is not finite and names the step and the people."""

    def __init__(self, people, first_step: int):
        super().__init__()
        self.people, self.first_step = people, first_step
        self.done = 0

    def on_train_batch_end(self, batch, logs=None):
        if np.isfinite(logs["loss"]):
            self.done += 1
            return
        people = next(iter(self.people.skip(self.done).take(1)))
        ids = people["person_id"].numpy().tolist()
        raise TrainingError(
            f"the loss is {logs['loss']} at step {self.first_step + self.done}; the "
            f"batch's person ids: {ids}"
        )


class ValidatePCK(keras.callbacks.Callback):
    """Logs PCK@0.2 of validation people after each round.

    For a refiner, logs it before and after refinement, with the same corrupted poses
    every time, which have only the errors of the paper. Uses the averaged weights if
    there are any.

    Args:
        config, supervision: the run's.
        data: folder of prepared data sets.
        quicktest: use only a few people.
        bare: the same network outside any strategy, which predicts instead of the
            model: inside one, all replicas and workers would have to predict together.
    """

    def __init__(
        self,
        config: Config,
        supervision,
        data: str,
        quicktest: bool,
        bare: keras.Model,
    ):
        super().__init__()
        self.bare = bare
        self.skeleton = supervision.skeleton
        records, _ = pipeline.read_records(data, config.validation, self.skeleton)
        people_count = 8 if quicktest else config.validation_people
        person = pipeline.CropSpec.plain(config)
        self.batches = []
        for index, people in enumerate(
            pipeline.crops(records.take(people_count), person, 50, config.seed)
        ):
            seed = tf.constant([config.seed, index])
            inputs, _, _ = examples(people, supervision.of_the_paper(), seed)
            # As NumPy: another backend than TensorFlow does not take its tensors.
            inputs = {name: value.numpy() for name, value in inputs.items()}
            self.batches.append((inputs, people["keypoints"], people["valid"]))

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            self.bare.set_weights(self.model.get_weights())
        found = [
            np.asarray(self.bare.predict_on_batch(inputs)["keypoints"])
            for inputs, _, _ in self.batches
        ]
        line = f"PCK@{PCK_THRESHOLD} of validation people: "
        if "keypoints" in self.batches[0][0]:
            before = [inputs["keypoints"] for inputs, _, _ in self.batches]
            logs["val_pck_before"] = self._pck(before)
            line += f"{logs['val_pck_before']:.1f} -> "
        logs["val_pck_after"] = self._pck(found)
        print(f"\n{line}{logs['val_pck_after']:.1f}")

    def _pck(self, poses) -> float:
        targets = np.concatenate([targets for _, targets, _ in self.batches])
        valid = np.concatenate([valid for _, _, valid in self.batches])
        _, lengths = pck.body_lengths(targets, valid, self.skeleton)
        distances = pck.normalized_distances(
            np.concatenate(poses), targets, valid, lengths
        )
        return float(np.nanmean(pck.pck(distances, PCK_THRESHOLD)))


class averaged_weights:
    """Context that gives a model its averaged weights, if its optimizer keeps any."""

    def __init__(self, model: keras.Model):
        self.model = model

    def __enter__(self):
        variables = self.model.trainable_variables
        self.kept = [keras.ops.convert_to_numpy(variable) for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)

    def __exit__(self, *_):
        for variable, value in zip(
            self.model.trainable_variables, self.kept, strict=True
        ):
            variable.assign(value)
