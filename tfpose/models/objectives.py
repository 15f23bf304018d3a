"""What a model learns: the codecs of its outputs, their losses, the optimizer."""

from __future__ import annotations

import dataclasses
import math

import keras
import tensorflow as tf

from tfpose import losses
from tfpose.codecs import CODECS, TAGS, AllPeople, Codec, JointsOfPeople, WithBackground
from tfpose.config import Config
from tfpose.errors import TrainingError
from tfpose.models import optimizers


def codec_of(model: keras.Model, config: Config, output: str = "heatmap") -> Codec:
    """The codec that encodes the targets of one of the model's heatmaps.

    Uses the settings in ``config.target`` and the model's own for this output, and
    ignores those that the codec does not take.

    Args:
        model: with ``targets``; {"background": True} there adds a channel after the
            joints' that is 1 where no joint is.
        config: of the run.
        output: the heatmap's name.
    """
    own = {"origin": model.conventions.origin, **model.targets.get(output, {})}
    settings = {**config.target, **own}
    if settings["codec"] == TAGS:
        return JointsOfPeople()
    codec = CODECS[settings["codec"]]
    fields = {field.name for field in dataclasses.fields(codec)}
    known = {name: value for name, value in settings.items() if name in fields}
    joints = codec(config.input_size, _stride(model, config, output), **known)
    if model.is_bottom_up:
        return AllPeople(joints)
    return WithBackground(joints) if settings.get("background") else joints


def _stride(model: keras.Model, config: Config, output: str) -> float:
    """px per cell of one of the model's maps; may differ from ``model.stride``."""
    return config.input_size[0] / model.output[output].shape[1]


def losses_of(model: keras.Model, config: Config) -> tuple[dict, dict]:
    """The loss and the weight of each output, by name.

    Raises:
        TrainingError: a loss that does not fit the model's heatmaps, or one that the
            model needs but the configuration lacks.
    """
    key = model.activation, config.heatmap_error
    if key not in losses.HEATMAP_LOSSES:
        fitting = [e for a, e in losses.HEATMAP_LOSSES if a == model.activation]
        raise TrainingError(
            f"heatmap_error {config.heatmap_error!r}: expected one of {fitting} for "
            f"the {model.activation} heatmaps of this {config.model}"
        )
    maps = [name for name in model.output if name != "keypoints"]
    of_output = {name: losses.HEATMAP_LOSSES[key]() for name in maps}
    weights = dict.fromkeys(maps, config.stage_loss)
    weights["heatmap"] = config.heatmap_loss
    weights = _reduced(weights, model, config)
    hard_joints = config.objective.get("hard_joints", 0)
    if hard_joints:
        of_output["heatmap"] = losses.HardJoints(of_output["heatmap"], hard_joints)
    for name in maps:
        codec = model.targets.get(name, {}).get("codec")
        if codec == TAGS:
            of_output[name] = losses.AssociativeTags(
                _stride(model, config, name), model.conventions.origin
            )
            weights[name] = _setting(config, "tag_loss")
        if codec in OFFSETS:
            mean = config.objective.get("offset_mean", "joints")
            error = _setting(config, "offset_error")
            of_output[name] = losses.OffsetDistance(error, mean)
            weights[name] = _setting(config, "offset_loss")
    of_output["keypoints"] = losses.CoordinateDistance(model.stride)
    weights["keypoints"] = config.coordinate_loss
    return of_output, weights


def _reduced(weights: dict, model: keras.Model, config: Config) -> dict:
    """The weights of the maps' losses, which are means, for another reduction."""
    factor = losses.REDUCTIONS[config.objective.get("reduction", "mean")]
    shapes = {name: model.output[name].shape[1:] for name in weights}
    fewest = min(height * width for height, width, _ in shapes.values())
    return {
        name: weight * factor(*shapes[name], fewest) for name, weight in weights.items()
    }


def _setting(config: Config, name: str):
    """A setting of ``objective`` that the model requires."""
    if name not in config.objective:
        raise TrainingError(
            f"objective: expected {name!r} for this {config.model}, found "
            f"{list(config.objective)}"
        )
    return config.objective[name]


# Codecs whose maps are offsets, not beliefs.
OFFSETS = ("offsets", "center_offsets")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A run in rounds: validation, a log line and a checkpoint follow each.

    Attributes:
        rounds: in the whole run.
        steps: in each round.
        epoch: steps in a pass over the training people.
    """

    rounds: int
    steps: int
    epoch: int

    @classmethod
    def of(cls, config: Config, steps_per_epoch: int | None) -> Schedule | None:
        """One round per epoch of the configuration; None without steps."""
        if steps_per_epoch is None:
            return None
        return cls(config.epochs, steps_per_epoch, steps_per_epoch)


def learning_rate_of(config: Config, schedule: Schedule | None):
    """The learning rate as a number, or as a Keras schedule."""
    if schedule is None:
        return config.learning_rate
    if config.schedule == "cosine":
        total = schedule.rounds * schedule.steps
        rising = round(config.warm_up * total)
        if not rising:
            return keras.optimizers.schedules.CosineDecay(config.learning_rate, total)
        return keras.optimizers.schedules.CosineDecay(
            0.0,
            total - rising,
            warmup_target=config.learning_rate,
            warmup_steps=rising,
        )
    drops = [round(epoch * schedule.epoch) for epoch in config.learning_rate_drops]
    if not drops:
        return config.learning_rate  # Keras has no schedule without drops
    tenths = [config.learning_rate / 10**n for n in range(1, len(drops) + 1)]
    rates = [config.learning_rate, *(config.learning_rates or tenths)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(drops, rates)


def learning_rate_at(config: Config, share: float) -> float:
    """The learning rate after a share of a run, 0 to 1.

    As ``learning_rate_of``, for runs that measure their length in other units than
    steps.
    """
    if config.schedule == "cosine":
        if share < config.warm_up:
            return config.learning_rate * share / config.warm_up
        falling = (share - config.warm_up) / (1 - config.warm_up)
        return config.learning_rate * (1 + math.cos(math.pi * min(falling, 1))) / 2
    drops = config.learning_rate_drops
    tenths = [config.learning_rate / 10**n for n in range(1, len(drops) + 1)]
    rates = [config.learning_rate, *(config.learning_rates or tenths)]
    return rates[sum(share * config.epochs > drop for drop in drops)]


def compile_model(
    model: keras.Model, config: Config, schedule: Schedule | None
) -> None:
    """Compiles a model with a configuration's losses and optimizer.

    Args:
        model: of the configuration.
        config: what to train.
        schedule: of the run; None keeps the learning rate constant.

    Raises:
        TrainingError: as ``losses_of``.
    """
    if config.freeze_normalization:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    optimizer = optimizers.optimizer(
        config.optimizer,
        config.decay,
        model.trainable_variables,
        config.weight_decay,
        config.learning_rate_factors,
        learning_rate=learning_rate_of(config, schedule),
        global_clipnorm=config.largest_gradient or None,
        use_ema=config.average > 0,
        ema_momentum=config.average or 0.99,
    )
    of_output, weights = losses_of(model, config)
    model.compile(
        optimizer,
        loss=of_output,
        loss_weights=weights,
        # Measured: XLA halves the speed on a CPU.
        jit_compile=bool(accelerators()),
    )


def accelerators() -> list[str]:
    """The names of the GPUs and TPUs that the backend sees."""
    if keras.backend.backend() == "tensorflow":
        return [device.name for device in tf.config.list_logical_devices("GPU")]
    return [d for d in keras.distribution.list_devices() if not d.startswith("cpu")]
