"""The serving graph: photo crop and pose in, better pose and scores out.

It includes decoding, so clients in other languages need not know about heatmaps.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tfpose.layers.blocks import PhaseConvolution, phase_kernels
from tfpose.layers.heatmaps import LocalSoftArgmax
from tfpose.models.outputs import belief_of, score_layer
from tfpose.skeletons import Skeleton

# The model's outputs that signatures decode or pass on.
DECODED = ("keypoints", "heatmap", "offsets", "tags")


def serving_model(
    model: keras.Model,
    skeleton: Skeleton,
    phases: bool,
    network: keras.Model | None = None,
    belief: bool = False,
) -> keras.Model:
    """A functional model that clients call.

    Inputs, a dict: "image" u8[B, H, W, 3] RGB; for a refiner also "keypoints" f32[B, K,
    2] crop px and "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "keypoints" f32[B, K, 2] crop px, those of the model, but near the
    peaks if it refines by a softmax: then its own are "expected", which the next round
    is given (``RefinementModel.reader``); "scores" f32[B, K] in 0..1: for
    softmax beliefs ``BeliefScore``, as if the person fills the crop except its margin;
    for other heatmaps their largest value. A bottom-up model also returns "detections"
    and "tags", both f32[B, h, w, K] (with ``EnhanceNet``, "detections" have r times the
    rows and columns), which ``grouping.group`` turns into people; its "keypoints" are
    the highest peaks of anybody.

    Args:
        model: a refiner or an estimator.
        skeleton: K joints.
        phases: compute the transposed convolutions as ``with_phases``, for exporting;
            otherwise the weights are shared with ``model``.
        network: ``network_of(model, phases)``, to share its weights.
        belief: also return "belief" f32[B, h, w, K], ``belief_of`` the model, from
            which ``Estimator.merged`` makes one pose of several looks. Then "image" is
            f32, not rounded, as ``Estimator`` crops it.
    """
    pixels = "float32" if belief else "uint8"
    inputs = {
        name: keras.Input(
            tensor.shape[1:], name=name, dtype=pixels if name == "image" else "float32"
        )
        for name, tensor in model.input.items()
    }
    model = in_float32(model)
    network = network_of(model, phases) if network is None else network
    tags = ["tags"] if "tags" in network.output else []
    network = part_of(network, "keypoints", "belief", *tags)
    image = layers.Rescaling(1.0, name="image_to_float", dtype="float32")(
        inputs["image"]
    )
    outputs = network({**inputs, "image": image})
    scores = score_layer(model, skeleton)(outputs["belief"])
    answers = {"keypoints": outputs["keypoints"], "scores": scores}
    if model.is_refiner and model.activation == "softmax":
        near = LocalSoftArgmax(model.stride)(outputs["belief"])
        answers |= {"keypoints": near, "expected": outputs["keypoints"]}
    if tags:
        answers |= {"detections": outputs["belief"], "tags": outputs["tags"]}
    if belief:
        answers["belief"] = outputs["belief"]
    return keras.Model(inputs, answers, name="serving")


def network_of(model: keras.Model, phases: bool) -> keras.Model:
    """The network behind all outputs of an export.

    Its inputs are the model's. Its outputs, a dict, are those of ``DECODED`` that the
    model has, and "belief", ``belief_of`` the model.
    """
    model = in_float32(model)
    decoded = {name: model.output[name] for name in DECODED if name in model.output}
    network = keras.Model(model.input, {**decoded, "belief": belief_of(model)})
    return with_phases(network) if phases else network


def in_float32(model: keras.Model) -> keras.Model:
    """The same network in float32, whatever dtype policy it was trained under.

    Neither LiteRT nor most CPUs compute in bfloat16. Returns float32 models as they
    are.
    """
    if model.dtype_policy.name == "float32":
        return model
    again = type(model).from_config({**model.get_config(), "dtype": "float32"})
    again.set_weights(model.get_weights())
    again.score_fit = model.score_fit
    return again


def part_of(network: keras.Model, *outputs: str) -> keras.Model:
    """The layers of ``network_of`` that the given outputs need."""
    wanted = {name: network.output[name] for name in outputs}
    return keras.Model(network.input, wanted, name="network")


def with_phases(model: keras.Model) -> keras.Model:
    """The same function with 4x4 stride-2 ``Conv2DTranspose`` computed in phases.

    A following batch normalization and its ReLU become part of the convolution:
    LiteRT's converter does that for a transposed convolution, but cannot see through
    depth-to-space (10 % of the head's time). All other layers are shared with
    ``model``.
    """
    replaced, folded = {}, set()
    for layer in filter(_has_phases, model.layers):
        normalization = _follower(model, layer, layers.BatchNormalization)
        relu = normalization and _follower(model, normalization, layers.ReLU)
        replaced[layer] = _phase_layer(layer, normalization, relu)
        folded |= {normalization, relu}

    def call(layer, *args, **kwargs):
        return args[0] if layer in folded else layer(*args, **kwargs)

    return keras.models.clone_model(
        model,
        clone_function=lambda layer: replaced.get(layer, layer),
        call_function=call,
    )


def _has_phases(layer) -> bool:
    return isinstance(layer, layers.Conv2DTranspose) and (
        layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    ) == ((4, 4), (2, 2), "same", (1, 1))  # fmt: skip


def _follower(model, layer, kind):
    """The only layer that takes a linear layer's output, if it is a ``kind``."""
    followers = [
        other
        for other in model.layers
        if not isinstance(other, layers.InputLayer)
        and any(tensor is layer.output for tensor in keras.tree.flatten(other.input))
    ]
    linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
    alone = linear and len(followers) == 1 and isinstance(followers[0], kind)
    return followers[0] if alone else None


def _phase_layer(layer, normalization, relu) -> PhaseConvolution:
    """A built ``PhaseConvolution`` with the trained weights, rearranged once."""
    kernel, *bias = layer.get_weights()  # (4, 4, F, C), (F,)
    bias = bias[0] if bias else np.zeros(layer.filters, np.float32)
    if normalization:
        gamma, beta, mean, variance = normalization.get_weights()
        scale = gamma / np.sqrt(variance + normalization.epsilon)
        kernel, bias = kernel * scale[:, None], (bias - mean) * scale + beta
    activation = "relu" if relu else layer.activation
    phases = PhaseConvolution(layer.filters, activation, name=layer.name)
    phases.build(layer.input.shape)
    phases.set_weights([*phase_kernels(kernel), bias])
    return phases
