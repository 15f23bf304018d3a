"""Starts the development server: in this process, or in several that share its port.

Python computes in one thread at a time, so one process cannot parse the requests of
many cores. Each process loads the models; they share the listening socket, and their
counts lie in common memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
from multiprocessing.connection import wait

import numpy as np

from tfpose.errors import ServingError
from tfpose.serving.connections import address_of, listen
from tfpose.serving.limits import Limits
from tfpose.serving.metrics import COLUMNS, Metrics


def serve(folder: str, host: str, port: int, limits: Limits, workers: int = 1) -> None:
    """Serves the models in a folder until SIGTERM or Ctrl-C.

    Then it answers what it had accepted, and new requests with 503.

    Args:
        folder: NAME/VERSION/saved_model.pb; serve only models that you trust, because
            a graph may read and write files.
        host: address to listen on.
        port: 0 picks a free one.
        limits: limits on the requests of each process.
        workers: number of processes.

    Raises:
        ServingError: nothing to serve, the address is unavailable, or a process ended
            by itself.
    """
    with listen(host, port) as listening:
        if workers == 1:
            from tfpose.serving import server  # TensorFlow

            say = _say_where(listening)
            server.serve(folder, listening, limits, say)
        else:
            _serve_in_processes(folder, listening, limits, workers)
    print("stopped", file=sys.stderr)


def _say_where(listening: socket.socket):
    def say(lines: list[str]) -> None:
        print(*lines, f"serving on {address_of(listening)}", sep="\n", flush=True)

    return say


def _serve_in_processes(folder, listening, limits, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    counts = context.RawArray("d", workers * COLUMNS)
    processes, pipes = [], []
    for row in range(workers):
        here, there = context.Pipe(duplex=False)
        arguments = folder, listening, limits, counts, row, workers, there
        processes.append(context.Process(target=_work, args=arguments))
        pipes.append(here)
    asked = threading.Event()

    def stop(*_) -> None:
        asked.set()
        for process in processes:
            if process.pid is not None:
                process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for process in processes:
        process.start()
    try:
        lines = [_ready(*pair) for pair in zip(processes, pipes, strict=True)]
        if not asked.is_set():
            _say_where(listening)(lines[0])
        wait([process.sentinel for process in processes])
        if not asked.is_set():
            raise ServingError("a worker process ended by itself")
    except ServingError:
        if not asked.is_set():
            raise
    finally:
        stop()
        for process in processes:
            process.join()


def _ready(process, pipe) -> list[str]:
    """The lines of a process that has loaded its models.

    Raises:
        ServingError: it ended; its own words were printed.
    """
    if pipe in wait([pipe, process.sentinel]):
        return pipe.recv()
    raise ServingError("a worker process could not start")


def _work(folder, listening, limits, counts, row: int, workers: int, pipe) -> None:
    """Serves in a process of its own."""
    os.setsid()  # Ctrl-C in a terminal reaches the first process, which passes it on
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    import tensorflow as tf

    from tfpose.serving import server

    cores = max((os.cpu_count() or 1) // workers, 1)
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    rows = np.frombuffer(counts).reshape(workers, COLUMNS)
    try:
        server.serve(folder, listening, limits, pipe.send, Metrics(rows, row))
    except ServingError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _end_with_the_first() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
