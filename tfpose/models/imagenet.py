"""Starting weights for our trunks, from Keras' networks trained on ImageNet photos.

Keras' networks take BGR minus its means, ours RGB minus the same: the input channels of
the first kernel are reversed. Classification layers are left out.

Keras' ResNets differ from ours (tfpose/models/resnet.py) in two ways. Their
convolutions have biases, which our normalization's means absorb. And where a stage
halves the resolution, theirs strides in the first 1x1 convolution, ours in the 3x3,
which sees cells half as far apart as in its training. At stride 8, that is just one
block; the dilated stages compute what Keras' do, on more cells.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tfpose.errors import ImageNetError
from tfpose.models.resnet import DEPTHS
from tfpose.models.vgg import BLOCKS

APPLICATIONS = {
    "vgg16": keras.applications.VGG16,
    "resnet50": keras.applications.ResNet50,
    "resnet101": keras.applications.ResNet101,
    "resnet152": keras.applications.ResNet152,
}
FIRST = ("conv1_1", "stem_conv")  # the layers that see the image
# What Keras numbers from 0 in a residual block.
PARTS = ("shortcut", "reduce", "spatial", "expand")


def load(model: keras.Model, trunk: str, source: keras.Model | None = None) -> None:
    """Loads the weights of one of Keras' networks into a model's trunk.

    Layers are matched by name. Where the first convolution sees more than the image
    (PoseFix's pose), the channels after the first three stay unchanged.

    Args:
        model: contains ``vgg.large_fov`` or ``resnet.resnet``; changed in place.
        trunk: a key of ``APPLICATIONS``.
        source: that network without its top; by default, with weights trained on
            ImageNet, which Keras downloads once and keeps in ~/.keras/models.

    Raises:
        ImageNetError: an unknown trunk, weights that could not be downloaded, or a
            model without the trunk's layers. The model is then unchanged.
    """
    if trunk not in APPLICATIONS:
        known = list(APPLICATIONS)
        raise ImageNetError(f"trunk: expected one of {known}, got {trunk!r}")
    if source is None:
        source = _trained(trunk)
    pairs = _vgg(source) if trunk == "vgg16" else _resnet(source, int(trunk[6:]))
    layers = {layer.name: layer for layer in model.layers}
    checked = []
    for name, weights in pairs:
        if name not in layers:
            raise ImageNetError(f"{model.name}: expected {trunk}'s layer {name!r}")
        layer = layers[name]
        if name in FIRST:
            weights = [_first_kernel(layer, weights[0]), *weights[1:]]
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if shapes != [weight.shape for weight in weights]:
            raise ImageNetError(
                f"{model.name}: expected {trunk}'s weights in {name!r}, found {shapes}"
            )
        checked.append((layer, weights))
    for layer, weights in checked:
        layer.set_weights(weights)


def _trained(trunk: str) -> keras.Model:
    try:
        return APPLICATIONS[trunk](include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises Exception itself when a download fails
        reason = " ".join(str(error).split())
        raise ImageNetError(f"weights of {trunk} from ImageNet: {reason}") from error


def _first_kernel(layer, kernel: np.ndarray) -> np.ndarray:
    """f32[h, w, C, F]: the source's BGR kernel as the layer's, of RGB and others."""
    reversed_, mine = kernel[:, :, ::-1], layer.get_weights()[0]
    if mine[:, :, :3].shape != kernel.shape:
        return reversed_  # does not fit; the caller raises
    mine[:, :, :3] = reversed_
    return mine


def _vgg(source) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Our layers' names with their weights. Dilation changes no kernel."""
    for block, (convolutions, _, _) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            theirs = source.get_layer(f"block{block}_conv{index}")
            yield f"conv{block}_{index}", theirs.get_weights()


def _resnet(source, depth: int) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Our layers' names with their weights."""
    yield from _unit(source, "conv1", "stem")
    for stage, blocks in enumerate(DEPTHS[depth]):
        for block in range(blocks):
            theirs = f"conv{stage + 2}_block{block + 1}"
            for number, part in enumerate(PARTS):
                if number > 0 or block == 0:
                    ours = f"stage{stage}_block{block}_{part}"
                    yield from _unit(source, f"{theirs}_{number}", ours)


def _unit(source, theirs: str, ours: str) -> Iterator[tuple[str, list[np.ndarray]]]:
    """A convolution and its normalization, which absorbs the convolution's bias."""
    kernel, bias = source.get_layer(f"{theirs}_conv").get_weights()
    scale, shift, mean, variance = source.get_layer(f"{theirs}_bn").get_weights()
    yield f"{ours}_conv", [kernel]
    yield f"{ours}_bn", [scale, shift, mean - bias, variance]
