"""How large a model is: parameters, multiply-adds, shapes of inputs and outputs."""

from __future__ import annotations

import contextlib
import math

import keras


@contextlib.contextmanager
def without_weights():
    """Context that builds networks whose weights have no values.

    Counting needs none, and building takes a third of the time. The networks cannot be
    called, and Keras restarts its layer names afterwards.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Or the next network would fill them all. Searching for garbage takes longer.
        keras.utils.clear_session(free_memory=False)


def summarize(model: keras.Model, name: str) -> dict:
    """Counts a model's parameters and multiply-adds for one person.

    Only convolutions and dense layers are counted, as publications do. They count a
    transposed convolution at its *output* resolution; a machine really multiplies the
    kernel at each *input* position, ``stride`` squared times less, which has its own
    key.

    Args:
        model: a functional model, built.
        name: its name in the result.

    Returns:
        {"model", "trainable_parameters", "total_parameters", "multiply_adds",
        "multiply_adds_performed", "inputs": {name: shape}, "outputs": {name: shape}};
        shapes without the batch axis.
    """
    counts = [multiply_adds(layer) for layer in model.layers]
    return {
        "model": name,
        "trainable_parameters": _size(model.trainable_variables),
        "total_parameters": _size(model.variables),
        "multiply_adds": sum(published for published, _ in counts),
        "multiply_adds_performed": sum(performed for _, performed in counts),
        "inputs": _shapes(model.input),
        "outputs": _shapes(model.output),
    }


def multiply_adds(layer: keras.Layer) -> tuple[int, int]:
    """One layer's multiply-adds, (as publications count, as performed).

    A model inside another has those of its own layers.
    """
    if isinstance(layer, keras.Model):
        inner = [multiply_adds(own) for own in layer.layers]
        return tuple(map(sum, zip(*inner, strict=True)))
    if not hasattr(layer, "kernel"):
        return 0, 0
    kernel = math.prod(layer.kernel.shape)
    at_output = kernel * math.prod(layer.output.shape[1:-1])
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return at_output, kernel * math.prod(layer.input.shape[1:-1])
    return at_output, at_output


def _size(variables) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def _shapes(tensors: dict) -> dict[str, list[int]]:
    return {name: list(tensor.shape[1:]) for name, tensor in tensors.items()}
