"""How the kernels of a new network are drawn, where a paper's code says it."""

from __future__ import annotations

import keras

from tfpose.config import Config
from tfpose.models.base import PoseModel
from tfpose.models.optimizers import KERNEL
from tfpose.models.table import build_model

EVERY = "all"
# Names that ``Config.start`` takes beside standard deviations.
STARTS = {"he": keras.initializers.HeNormal, "glorot": keras.initializers.GlorotUniform}


def new_model(config: Config) -> PoseModel:
    """Builds a configuration's network, with kernels drawn as ``start`` says.

    Raises:
        TrainingError: as ``build_model``.
    """
    model = build_model(config)
    for variable in model.trainable_variables:
        *_, layer, kind = variable.path.split("/")
        rules = [n for n in config.start if n == EVERY or layer.startswith(n)]
        if rules and kind.endswith(KERNEL):
            draw = _initializer(config.start[max(rules, key=_precedence)])
            variable.assign(draw(variable.shape, variable.dtype))
    return model


def _precedence(name: str) -> int:
    return 0 if name == EVERY else len(name)


def _initializer(start: float | str) -> keras.initializers.Initializer:
    if isinstance(start, str):
        return STARTS[start]()
    return keras.initializers.RandomNormal(stddev=start)
