"""ResNets of torchvision and timm, and SimpleBaseline on them.

SimpleBaseline: microsoft/human-pose-estimation.pytorch, and "pose_resnet" of
leoxiaobin/deep-high-resolution-net.pytorch, which has the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfpose.errors import TfposeError
from tfpose.models.published.names import (
    BOTTLENECK,
    IMAGENET,
    Code,
    Tensors,
    inside,
    numbers,
)
from tfpose.models.resnet import DEPTHS

TRUNK = (
    (r"conv1", "stem_conv"),
    (r"bn1", "stem_bn"),
    (
        r"layer([1-4])\.(\d+)\.(.+)",
        lambda m: inside(f"stage{int(m[1]) - 1}_block{m[2]}", m[3], BOTTLENECK),
    ),
)
# A transposed convolution, its normalization, and a ReLU, one after another.
DECONVOLUTIONS = ("", "_bn", None)


def _deconvolution(match: re.Match) -> str | None:
    number, part = divmod(int(match[1]), 3)
    ending = DECONVOLUTIONS[part]
    return None if ending is None else f"head_deconv{number}{ending}"


HEAD = ((r"deconv_layers\.(\d+)", _deconvolution), (r"final_layer", "head_logits"))
# Of torchvision's and timm's classifiers.
CLASSIFIER = r"fc\.(weight|bias)"


def depth_of(tensors: Tensors) -> int:
    """50, 101 or 152.

    Raises:
        TfposeError: another ResNet.
    """
    blocks = tuple(numbers(tensors, rf"layer{stage}\.(\d+)\.") for stage in range(1, 5))
    depths = [depth for depth, counts in DEPTHS.items() if counts == blocks]
    if not depths or "layer1.0.conv3.weight" not in tensors:
        raise TfposeError(
            f"expected a ResNet of depth {list(DEPTHS)}, found blocks {blocks}"
        )
    return depths[0]


def trunk_layers(depth: int) -> Iterator[str]:
    """Our names of all layers of a ResNet that have weights."""
    units = ["stem"]
    for stage, blocks in enumerate(DEPTHS[depth]):
        for block in range(blocks):
            parts = ("shortcut",) if block == 0 else ()
            for part in (*parts, "reduce", "spatial", "expand"):
                units.append(f"stage{stage}_block{block}_{part}")
    for unit in units:
        yield from (f"{unit}_conv", f"{unit}_bn")


def arguments(tensors: Tensors) -> dict:
    """``SimpleBaseline``'s arguments."""
    kernels = [tensors[f"deconv_layers.{3 * number}.weight"] for number in range(3)]
    return {
        "joints": tensors["final_layer.weight"].shape[0],
        "trunk": f"resnet{depth_of(tensors)}",
        "filters": tuple(kernel.shape[1] for kernel in kernels),
    }


SIMPLE_BASELINE = Code(
    "SimpleBaseline's weights",
    (*TRUNK, *HEAD),
    r"deconv_layers\.0\.weight",
    arguments,
    # OpenCV's channels, though the means are those of RGB in this order.
    {
        **IMAGENET,
        "channels": "bgr",
        "origin": "corner",
        "flip_shift": 1,
        "decoding": "quarter",
    },
)
