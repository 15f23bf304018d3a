"""What a model is taught: the codecs of its outputs, and their losses and weights."""

from __future__ import annotations

import dataclasses

import keras

from tfpose import losses
from tfpose import skeleton as skeletons
from tfpose.callbacks import TrainingError
from tfpose.codecs import (
    CODECS,
    Codec,
    Everybody,
    JointsOfPeople,
    OffsetDisc,
    WithBackground,
)
from tfpose.config import Config
from tfpose.data.examples import Supervision
from tfpose.models.associative_embedding import TAGS


def is_refiner(model: keras.Model) -> bool:
    """Whether a model is given a pose beside the photo."""
    return "keypoints" in model.input


def codec_of(model: keras.Model, config: Config, output: str = "heatmap") -> Codec:
    """The codec of the targets of one of the model's heatmaps.

    Of the settings in ``config.target``, and of those that the model has for this
    output, those that the codec knows are taken.
    """
    settings = {**config.target, **model.targets.get(output, {})}
    if settings["codec"] == TAGS:
        return JointsOfPeople()
    codec = CODECS[settings["codec"]]
    fields = {field.name for field in dataclasses.fields(codec)}
    known = {name: value for name, value in settings.items() if name in fields}
    joints = codec(config.input_size, _stride(model, config, output), **known)
    if _tags_of(model):
        return Everybody(joints)
    if codec is OffsetDisc:
        return joints
    more = model.output[output].shape[3] - len(skeletons.get(config.skeleton))
    background = more == 1 and settings["codec"] != "parts"
    return WithBackground(joints) if background else joints


def _stride(model: keras.Model, config: Config, output: str) -> float:
    """px a cell of one of the model's maps, which may differ from ``model.stride``."""
    return config.input_size[0] / model.output[output].shape[1]


def _tags_of(model: keras.Model) -> list[str]:
    """Outputs that tell people apart; a model that has some finds everybody."""
    return [name for name, to in model.targets.items() if to.get("codec") == TAGS]


def supervision_of(model: keras.Model, config: Config) -> Supervision:
    """What the model is given and taught in training."""
    maps = [name for name in model.output if name != "keypoints"]
    codecs = {name: codec_of(model, config, name) for name in maps}
    skeleton = skeletons.get(config.skeleton)
    return Supervision(
        codecs, skeleton, is_refiner(model), bool(_tags_of(model)), config.synthesis
    )


def losses_of(model: keras.Model, config: Config) -> tuple[dict, dict]:
    """The loss of each output, by its name, and its weight.

    Raises:
        TrainingError: an error that does not go with the model's heatmaps.
    """
    key = model.activation, config.error
    if key not in losses.HEATMAP_LOSSES:
        fitting = [e for a, e in losses.HEATMAP_LOSSES if a == model.activation]
        raise TrainingError(
            f"error {config.error!r}: expected one of {fitting} for the "
            f"{model.activation} heatmaps of this {config.model}"
        )
    of_output = {
        name: losses.HEATMAP_LOSSES[key]()
        for name in model.output
        if name != "keypoints"
    }
    if config.hard_joints:
        of_output["heatmap"] = losses.HardJoints(
            of_output["heatmap"], config.hard_joints
        )
    weights = dict.fromkeys(of_output, config.stage_loss)
    for name in _tags_of(model):
        of_output[name] = losses.AssociativeTags(_stride(model, config, name))
        weights[name] = config.tag_loss
    if "offsets" in of_output:
        of_output["offsets"] = losses.OffsetDistance(config.offset_error)
        weights["offsets"] = config.offset_loss
    weights["heatmap"] = config.heatmap_loss
    of_output["keypoints"] = losses.CoordinateDistance(model.stride)
    weights["keypoints"] = config.coordinate_loss
    return of_output, weights
