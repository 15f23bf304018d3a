"""Training callbacks: logs, checkpoints, validation and a guard against NaN."""

from __future__ import annotations

import pathlib

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
        with replacing(self.folder / CHECKPOINT) as beside:
            self.model.save(beside)


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

    def __init__(self, people, steps: int, first_step: int):
        super().__init__()
        self.people, self.steps, self.first_step = people, steps, first_step
        self.round = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.round = epoch

    def on_train_batch_end(self, batch, logs=None):
        if np.isfinite(logs["loss"]):
            return
        step = self.round * self.steps + batch
        place = step - self.first_step
        people = next(iter(self.people.skip(place).take(1)))
        ids = people["person_id"].numpy().tolist()
        raise TrainingError(
            f"the loss is {logs['loss']} at step {step}; the batch's person ids: {ids}"
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
