"""Calls of .tflite files, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def lite(content: bytes, threads: int) -> Callable:
    """A call of a .tflite file with random inputs."""
    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for one in interpreter.get_input_details():
        # Places and colors; of joints that are there, 1.
        values = random.uniform(0, 255, one["shape"])
        values = np.ones(one["shape"]) if len(one["shape"]) == 2 else values
        interpreter.set_tensor(one["index"], values.astype(one["dtype"]))
    return interpreter.invoke
