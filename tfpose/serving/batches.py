"""Joins the people of requests that wait at the same time into batches.

One thread runs the networks, so requests do not fight for the cores. It takes what
waits, and a few milliseconds of patience let requests that come together be answered
together.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import threading
import time
from collections.abc import Callable

import numpy as np

from tfpose.serving.metrics import Metrics

# Seconds that the first request waits for others, while nothing is computed.
PATIENCE = 0.003
# People that a network sees at a time. On processors, a person takes no less time in a
# larger batch, and each size has its memory.
MOST = 8
# People whose crops may wait; those of more would fill the memory.
MOST_WAITING = 16 * MOST

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


@dataclasses.dataclass(eq=False)
class Job:
    """What a request asks a network.

    Attributes:
        run: maps inputs to outputs; raises what the request's client is told.
        inputs: arrays.
        rows: the people, one in each row of all arrays; None if the inputs cannot be
            joined with others.
        came: when, in seconds.
        answer: the outputs.
    """

    run: Run
    inputs: dict[str, np.ndarray]
    rows: int | None
    came: float = dataclasses.field(default_factory=time.monotonic)
    answer: concurrent.futures.Future = dataclasses.field(
        default_factory=concurrent.futures.Future
    )


class Batcher:
    """Runs jobs in one thread, those of the same ``run`` together.

    Args:
        metrics: counts batches and people.
        patience: seconds, as ``PATIENCE``.
    """

    def __init__(self, metrics: Metrics, patience: float = PATIENCE):
        self.metrics, self.patience = metrics, patience
        self._jobs: collections.deque[Job] = collections.deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, daemon=True, name="batches").start()

    def wait_for_room(self) -> None:
        """Waits until fewer than ``MOST_WAITING`` people wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting() < MOST_WAITING)

    def submit(self, job: Job) -> concurrent.futures.Future:
        """Adds a job; cancel the future if nobody waits for its answer any more."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
        return job.answer

    def _waiting(self) -> int:
        return sum(job.rows or 1 for job in self._jobs)

    def _work(self) -> None:
        while True:
            jobs = self._next()
            jobs = [job for job in jobs if job.answer.set_running_or_notify_cancel()]
            if jobs:
                self._answer(jobs)

    def _next(self) -> list[Job]:
        """The oldest job and those that fit into its batch."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs)
            first = self._jobs[0]
            if first.rows is not None:
                left = first.came + self.patience - time.monotonic()
                self._changed.wait_for(lambda: self._waiting() >= MOST, max(left, 0))
            taken, rows = [], 0
            for job in list(self._jobs):
                joins = job.rows is not None and job.run == first.run
                if job is first or (joins and first.rows is not None):
                    if taken and rows + job.rows > MOST:
                        break
                    taken.append(job)
                    rows += job.rows or 0
            for job in taken:
                self._jobs.remove(job)
            self._changed.notify_all()
        return taken

    def _answer(self, jobs: list[Job]) -> None:
        try:
            answers = self._run(jobs)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].answer.set_exception(error)
                return
            # One of them is at fault, and the others shall not suffer.
            for job in jobs:
                self._answer([job])
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.answer.set_result(answer)

    def _run(self, jobs: list[Job]) -> list[dict[str, np.ndarray]]:
        """The answers to a batch of jobs."""
        first = jobs[0]
        if first.rows is None:
            answer = first.run(first.inputs)
            self.metrics.batch(_people(first.inputs))
            return [answer]
        inputs = {
            name: np.concatenate([job.inputs[name] for job in jobs])
            for name in first.inputs
        }
        outputs = self._in_parts(first.run, inputs)
        ends = np.cumsum([job.rows for job in jobs])
        return [
            {name: array[end - job.rows : end] for name, array in outputs.items()}
            for job, end in zip(jobs, ends, strict=True)
        ]

    def _in_parts(self, run: Run, inputs: dict) -> dict[str, np.ndarray]:
        """The outputs for any number of rows, from runs of at most ``MOST``."""
        parts = []
        for start in range(0, _people(inputs), MOST):
            some = {name: array[start : start + MOST] for name, array in inputs.items()}
            parts.append(run(some))
            self.metrics.batch(_people(some))
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }


def _people(inputs: dict[str, np.ndarray]) -> int:
    return max((len(array) for array in inputs.values() if array.ndim), default=0)
