"""The optimizers, each with two kinds of weight decay.

Decay acts on kernels only: not on biases, on the scales and shifts of normalizations,
or on the weights of other layers, such as HCRN's units. Keras decays outside of the
optimizer's step ("decoupled"). Caffe, PyTorch's SGD, and an L2 loss add the decay to
the gradient ("loss"), so that momentum gathers it and Adam divides it by the gradient's
size.
"""

from __future__ import annotations

import functools
import math

import keras
from keras import ops

from tfpose.layers.heatmaps import PACKAGE

KERNEL = "kernel"  # ends the names of the variables that decay


class OwnRates:
    """Some variables learn faster than others.

    ``factors``, ``Config.learning_rate_factors``, belong to the run and are not saved
    with the optimizer.
    """

    factors: dict[str, float] = {}

    def update_step(self, gradient, variable, learning_rate):
        """As of the optimizer; ``variable`` is moved in place."""
        # TensorFlow's own variable, which has no path, may be given.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        own = [factor for part, factor in self.factors.items() if part in path]
        super().update_step(gradient, variable, learning_rate * math.prod(own))


class InTheGradient(OwnRates):
    """Adds ``weight_decay`` times a kernel to its gradient, before anything else."""

    def update_step(self, gradient, variable, learning_rate):
        """As of the optimizer; ``variable`` is moved in place."""
        if self.weight_decay and self._use_weight_decay(variable):
            own = ops.cast(variable, gradient.dtype)
            gradient = ops.add(gradient, self.weight_decay * own)
        super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        """Nothing is left to do."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class AdamWithLoss(InTheGradient, keras.optimizers.Adam):
    """Adam on a loss with ``weight_decay`` / 2 times the squared kernels."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class SGDWithLoss(InTheGradient, keras.optimizers.SGD):
    """SGD on a loss with ``weight_decay`` / 2 times the squared kernels."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class RMSpropWithLoss(InTheGradient, keras.optimizers.RMSprop):
    """RMSProp on a loss with ``weight_decay`` / 2 times the squared kernels."""


# As in TensorFlow 1 and PyTorch; Keras has 1e-7. Keras adds it where TensorFlow 1 does.
ADAM = {"epsilon": 1e-8}
SGD = {"momentum": 0.9}
# The Torch hourglass codes use alpha 0.99 and add epsilon 1e-8 to the root; Keras adds
# it under the root.
RMSPROP = {"rho": 0.99, "epsilon": 1e-16}
# By ``optimizer`` and ``decay`` of a configuration.
OPTIMIZERS = {
    ("adamw", "decoupled"): functools.partial(keras.optimizers.AdamW, **ADAM),
    ("adamw", "loss"): functools.partial(AdamWithLoss, **ADAM),
    ("sgd", "decoupled"): functools.partial(keras.optimizers.SGD, **SGD),
    ("sgd", "loss"): functools.partial(SGDWithLoss, **SGD),
    ("rmsprop", "decoupled"): functools.partial(keras.optimizers.RMSprop, **RMSPROP),
    ("rmsprop", "loss"): functools.partial(RMSpropWithLoss, **RMSPROP),
}


def optimizer(
    name: str,
    decay: str,
    variables: list,
    weight_decay: float,
    factors: dict[str, float] | None = None,
    **options,
) -> keras.optimizers.Optimizer:
    """An optimizer that decays the kernels among some variables.

    Args:
        name, decay: a key of ``OPTIMIZERS``.
        variables: that it will move, before it is built.
        weight_decay: as of ``Config``.
        factors: ``learning_rate_factors`` of ``Config``, for the decay "loss".
        options: further arguments of a Keras optimizer.
    """
    made = OPTIMIZERS[name, decay](weight_decay=weight_decay, **options)
    made.exclude_from_weight_decay(
        [variable for variable in variables if not variable.name.endswith(KERNEL)]
    )
    if factors:
        made.factors = factors
    return made
