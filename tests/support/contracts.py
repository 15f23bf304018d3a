"""What the laws of test_contracts.py share: inputs, weights and comparisons."""

from __future__ import annotations

import functools
import pathlib
import zlib

import keras
import numpy as np

from tests.support.cases import Case

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
BATCH = 2
# px, for coordinates; everything else within this part of its largest value.
COORDINATE_TOLERANCE, RELATIVE_TOLERANCE = 1e-3, 1e-4


def _belief(random, shape):
    maps = random.uniform(0.1, 1, shape)
    return maps / maps.sum((1, 2), keepdims=True)


# How inputs are drawn: kind -> function of a generator and a shape with the batch.
DRAW = {
    "pixels": lambda random, shape: random.integers(0, 256, shape),
    # Little contrast: logits that no sigmoid makes 1, where peaks would be equal.
    "gray": lambda random, shape: random.integers(104, 128, shape),
    "points": lambda random, shape: random.uniform(0, 20, shape),
    "flags": lambda random, shape: random.uniform(size=shape) < 0.8,
    "ones": lambda random, shape: np.ones(shape),
    "features": lambda random, shape: random.normal(0, 1, shape),
    "belief": _belief,
}


def inputs_of(case: Case, batch: int = BATCH) -> dict[str, np.ndarray]:
    """The case's inputs, f32, the same at every call."""
    random = np.random.default_rng(zlib.crc32(case.name.encode()))
    return {
        name: DRAW[kind](random, (batch, *shape)).astype(np.float32)
        for name, (kind, shape) in case.inputs.items()
    }


def fill_weights(model: keras.Model) -> keras.Model:
    """Replaces all weights by seeded noise, in the order of ``model.weights``.

    Weights of one or two dimensions (biases, scales, moving variances, the penalties of
    a diffusion) begin at constants and have noise of 0.02 added. Kernels become noise
    of 0.8 / sqrt(inputs of a unit), with which logits of the tiny and of the deep net
    alike vary enough to move the joints.
    A weight with a constraint then obeys it, as after a step of training.
    """
    random = np.random.default_rng(7)
    for weight in model.weights:
        noise = random.standard_normal(weight.shape)
        if len(weight.shape) <= 2:
            weight.assign(weight.numpy() + 0.02 * noise)
        else:
            inputs = np.prod(weight.shape[:-1])
            if weight.shape[-1] == 1 and weight.shape[0] > 1:  # depthwise
                inputs = np.prod(weight.shape[:-2])
            weight.assign(0.8 / np.sqrt(inputs) * noise)
        if weight.constraint:
            weight.assign(weight.constraint(weight))
    return model


# As many as the table's layers, which are exported together: what is kept for longer,
# every garbage collection of later tests searches.
@functools.lru_cache(maxsize=20)
def build(case: Case) -> keras.Model:
    """The case's model with weights that do not depend on initializers.

    All tests share it: who changes its weights puts them back.
    """
    return fill_weights(case.build())


@functools.lru_cache(maxsize=20)
def answers(case: Case) -> dict[str, np.ndarray]:
    """What the case's model answers to its inputs. All tests share it."""
    return arrays(build(case)(inputs_of(case)))


def arrays(outputs: dict) -> dict[str, np.ndarray]:
    """Tensors by name as NumPy arrays."""
    return {name: np.asarray(tensor) for name, tensor in outputs.items()}


def assert_close(found: dict, expected: dict) -> None:
    """Finite, and equal within the tolerances at the top of this module."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.isfinite(found[name]).all(), f"{name}: not finite"
        largest = np.abs(value).max()
        coordinates = name == "keypoints"
        tolerance = (
            COORDINATE_TOLERANCE if coordinates else RELATIVE_TOLERANCE * largest
        )
        np.testing.assert_allclose(found[name], value, 0, tolerance, err_msg=name)
