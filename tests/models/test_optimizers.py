"""Weight decay of both kinds, by hand: how far a kernel shrinks, and what does not."""

import keras
import numpy as np
import pytest

from tfpose import settings
from tfpose.models import optimizers


def shrunk(optimizer, decay, steps, gradient=0.0):
    """A kernel and a bias, both 1 at first, after some steps with equal gradients."""
    variables = [
        keras.Variable(np.ones(1, np.float32), name=name) for name in ("kernel", "bias")
    ]
    made = optimizers.optimizer(optimizer, decay, variables, 0.1, learning_rate=0.01)
    for _ in range(steps):
        made.apply([keras.ops.full((1,), gradient)] * 2, variables)
    return [float(variable[0]) for variable in variables]


def test_every_optimizer_has_both_decays():
    names = {(o, d) for o in settings.OPTIMIZERS for d in settings.DECAYS}
    assert set(optimizers.OPTIMIZERS) == names


@pytest.mark.parametrize(
    "optimizer, decay, steps, kernel",
    [
        # (1 - 0.01 * 0.1)^30
        ("sgd", "decoupled", 30, 0.97043),
        ("adamw", "decoupled", 30, 0.97043),
        # m = 0.9 m + 0.1 w, w -= 0.01 m: 1, 0.999, 0.997101 ... as torch.optim.SGD.
        ("sgd", "loss", 1, 0.999),
        ("sgd", "loss", 2, 0.997101),
        ("sgd", "loss", 30, 0.79916),
        # Adam's first step has the learning rate's length, however small the gradient.
        ("adamw", "loss", 1, 0.99),
        # RMSProp's: 0.01 g / sqrt(0.01 g^2).
        ("rmsprop", "loss", 1, 0.9),
    ],
)
def test_a_kernel_decays_as_its_code_does_and_a_bias_not_at_all(
    optimizer, decay, steps, kernel
):
    found = shrunk(optimizer, decay, steps)
    np.testing.assert_allclose(found, [kernel, 1], atol=2e-6)


def test_adam_adds_its_epsilon_to_tiny_gradients():
    # As TensorFlow 1: to the root of 0.001 g^2, before it is scaled up.
    root = np.sqrt(0.001) * 1e-8
    _, bias = shrunk("adamw", "decoupled", 1, gradient=1e-8)
    assert bias == pytest.approx(1 - 0.01 * root / (root + 1e-8), abs=1e-6)


@pytest.mark.parametrize("optimizer, step", [("sgd", 0.3), ("adamw", 0.01)])
def test_a_variable_learns_as_much_faster_as_the_parts_of_its_path_say(optimizer, step):
    variables = []
    for layer, name in (("a_stage1", "kernel"), ("a_stage1", "bias"), ("b", "bias")):
        with keras.name_scope(layer):
            variables.append(keras.Variable(np.zeros(1, np.float32), name=name))
    factors = {"_stage1/": 5.0, "/bias": 2.0}
    made = optimizers.optimizer(
        optimizer, "loss", variables, 0.0, factors, learning_rate=0.01
    )
    made.apply([keras.ops.full((1,), 30.0)] * 3, variables)
    found = [-float(variable[0]) for variable in variables]
    np.testing.assert_allclose(found, np.multiply([5, 10, 2], step), rtol=1e-5)
