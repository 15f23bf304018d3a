"""Trains one model in several processes, called workers.

``TF_CONFIG`` lists them, in ``tf.distribute``'s format (docs/many_machines.md). Each
worker takes its rows of every joint batch, and gradients are summed over the workers,
so a step equals that of one process with the joint batch. Only worker 0, the chief,
writes files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os

import keras
import tensorflow as tf

from tfpose.errors import ClusterError

VARIABLE = "TF_CONFIG"
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
)


@dataclasses.dataclass(frozen=True)
class Place:
    """This process among the workers.

    Attributes:
        number: counts from 0, the chief.
        workers: number of workers; 1 without a cluster.
    """

    number: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        return self.number == 0

    def rows(self, batch_size: int) -> slice:
        """This worker's rows of a joint batch.

        Raises:
            ClusterError: the workers cannot share the batch equally.
        """
        if batch_size % self.workers:
            raise ClusterError(
                f"batch_size {batch_size}: expected a multiple of the {self.workers} "
                f"workers in {VARIABLE}"
            )
        each = batch_size // self.workers
        return slice(self.number * each, (self.number + 1) * each)


def place() -> Place:
    """The place that ``TF_CONFIG`` gives this process.

    Raises:
        ClusterError: ``TF_CONFIG`` is invalid.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return Place()
    expected = (
        f'{VARIABLE}: expected {{"cluster": {{"worker": ["host:port", ...]}}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        roles = {role: list(cluster[role]) for role in cluster}
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(f"{expected}, found {text!r}") from error
    others = sorted(set(roles) - {"chief", "worker"})
    if others:
        raise ClusterError(f"{expected}, found the role {others[0]!r}")
    everybody = [
        (role, n)
        for role in ("chief", "worker")
        for n in range(len(roles.get(role, ())))
    ]
    if (kind, index) not in everybody:
        raise ClusterError(f"{expected}, found no place for the task {task}")
    return Place(everybody.index((kind, index)), len(everybody))


@functools.cache
def strategy() -> tf.distribute.MultiWorkerMirroredStrategy:
    """The workers' strategy; waits for all workers.

    Call it before TensorFlow does anything else; the process then keeps it.

    Raises:
        ClusterError: this worker has several GPUs, or another worker is missing.
    """
    with naming_lost_workers():
        made = tf.distribute.MultiWorkerMirroredStrategy()
    devices = len(made.extended.worker_devices)
    if devices > 1:
        raise ClusterError(
            f"{VARIABLE}: expected one GPU per worker, found {devices} (start a "
            "worker for each, with its own CUDA_VISIBLE_DEVICES)"
        )
    return made


@contextlib.contextmanager
def naming_lost_workers():
    """Context that raises ``ClusterError`` here if another worker ended."""
    try:
        yield
    except LOST as error:
        raise ClusterError(
            "another worker ended or cannot be reached; its own messages say why "
            "(--resume on all workers goes on from the last checkpoint)"
        ) from error


def wait_for_all() -> None:
    """Returns when every worker gets here; at once without a cluster.

    To workers that are still busy, a worker that ends looks like one that crashed.
    """
    if place().workers > 1:
        with naming_lost_workers():
            made = strategy()
            made.reduce("SUM", made.run(lambda: tf.constant(1.0)), axis=None)


def fit(model, batches, epochs, steps_per_epoch, initial_epoch, callbacks) -> None:
    """``Model.fit`` for one worker.

    Keras 3.15's own fails under this strategy: it gathers logs along an axis that they
    do not have. Logs are means over all workers.

    Args:
        model: compiled in the strategy's scope.
        batches: endless; inputs, targets and weights of this worker's rows.
        epochs, steps_per_epoch, initial_epoch, callbacks: as in ``Model.fit``.
    """
    made = strategy()

    @tf.function
    def step(batch):
        logs = made.run(model.train_step, args=(batch,))
        return {name: made.reduce("MEAN", logs[name], axis=None) for name in logs}

    model.train_function = lambda given: step(next(given))
    followed = keras.callbacks.CallbackList(
        callbacks,
        add_progbar=place().is_chief,
        model=model,
        verbose=1,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    model.stop_training = False
    followed.on_train_begin()
    batches, logs = iter(batches), {}
    for epoch in range(initial_epoch, epochs):
        followed.on_epoch_begin(epoch)
        for number in range(steps_per_epoch):
            followed.on_train_batch_begin(number)
            new = model.train_on_batch(*next(batches), return_dict=True)
            logs = {
                name: value if number == 0 else _mean(logs[name], value, number)
                for name, value in new.items()
            }
            followed.on_train_batch_end(number, logs)
            if model.stop_training:
                break
        followed.on_epoch_end(epoch, logs)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    followed.on_train_end(logs)


def _mean(before: float, value: float, count: int) -> float:
    """Adds one value to the mean ``before`` of ``count`` values."""
    return before + (value - before) / (count + 1)
