"""Splits a refiner at the point where the pose joins the photo's features."""

from __future__ import annotations

import keras


def split(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """The part of a network that sees the photo alone, and the rest.

    A photo's features serve any number of poses.

    Args:
        model: a refiner, or a part of one with its inputs.

    Returns:
        A model from "image" to a list of features, and one from [*features, keypoints,
        valid] to the outputs, with the refiner's own layers; None if the pose is drawn
        before the first layer with weights, so that there is nothing to share.
    """
    posed = {id(model.input[name]) for name in ("keypoints", "valid")}
    features: dict[int, keras.KerasTensor] = {}
    shared = 0
    for operation in model.operations:
        inputs = keras.tree.flatten(operation.input)
        joins = [one for one in inputs if id(one) not in posed]
        if len(joins) == len(inputs):
            shared += len(getattr(operation, "weights", ()))
            continue
        posed |= {id(one) for one in keras.tree.flatten(operation.output)}
        features |= {id(one): one for one in joins}
    if not shared or not features:
        return None
    features = list(features.values())
    pose = [model.input[name] for name in ("keypoints", "valid")]
    return (
        keras.Model(model.input["image"], features, name="photo"),
        keras.Model([*features, *pose], model.output, name="pose"),
    )
