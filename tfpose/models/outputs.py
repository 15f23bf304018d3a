"""What a model believes, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers, ops

from tfpose.geometry.rules import CROP_MARGIN, SAME_JOINT
from tfpose.layers.heatmaps import BeliefScore, PeakValue, Probability, SpatialSoftmax
from tfpose.skeletons import Skeleton


def belief_of(model: keras.Model, output: str = "heatmap"):
    """A model's belief about each cell, a symbolic tensor f32[B, h, w, K].

    Args:
        model: with an ``activation``; linear heatmaps are beliefs themselves.
        output: the name of its heatmaps; their first K channels are the joints'.
    """
    there = [layer.output for layer in model.layers if layer.name == "belief"]
    if there and output == "heatmap" and model.activation != "linear":
        return there[0]
    maps = model.output[output][..., : model.output["keypoints"].shape[1]]
    if model.activation == "softmax":
        return SpatialSoftmax()(maps)
    return layers.Activation(model.activation, dtype="float32")(maps)


def agreed(looks: list):
    """Where a network sees joints after one look at a crop, or after two.

    Two looks (the second at the mirror image, mirrored back) that mean the same place
    are averaged; otherwise the surer one counts, because the middle is neither's.

    Args:
        looks: (keypoints f32[B, K, 2] crop px, scores f32[B, K]), one or two.

    Returns:
        Keypoints f32[B, K, 2] crop px.
    """
    if len(looks) == 1:
        return looks[0][0]
    (first, sure), (second, other) = looks
    same = ops.norm(first - second, axis=-1) <= SAME_JOINT
    surer = ops.where((sure >= other)[..., None], first, second)
    return ops.where(same[..., None], (first + second) / 2, surer)


def score_layer(model: keras.Model, skeleton: Skeleton) -> Callable:
    """The function from beliefs f32[B, h, w, K] to scores f32[B, K] in 0..1.

    If the model's ``score_fit`` is known, a score is the probability that the joint's
    keypoint similarity (COCO's OKS of one joint) is at least 0.5.
    """
    if model.activation == "softmax":
        height, width = model.input_size
        area = height / CROP_MARGIN * width / CROP_MARGIN
        score = BeliefScore(skeleton.sigmas, area, model.stride, name="raw_scores")
    else:
        score = PeakValue(name="raw_scores")
    if model.score_fit is None:
        return score
    probability = Probability(*model.score_fit, name="scores")
    return lambda belief: probability(score(belief))
