"""Stacked hourglasses of bearpaw/pytorch-pose and of Newell's PyTorch code.

The latter is princeton-vl/pytorch_stacked_hourglass.
"""

from __future__ import annotations

import re

from tfpose.models.published.names import (
    Code,
    Table,
    Tensors,
    inside,
    numbers,
    renamed,
)

# A residual module's layers, after the name of the module; Newell's code wraps each
# convolution.
RESIDUAL = (
    (r"bn1", "in_bn"),
    (r"conv1(?:\.conv)?", "reduce_conv"),
    (r"bn2", "reduce_bn"),
    (r"conv2(?:\.conv)?", "spatial_conv"),
    (r"bn3", "spatial_bn"),
    (r"conv3(?:\.conv)?", "expand_conv"),
    (r"downsample\.0|skip_layer\.conv", "shortcut_conv"),
)
PLACES = {"0": "branch", "1": "lower", "2": "raise", "3": "bottom"}
NESTED = {"up1": "branch", "low1": "lower", "low3": "raise"}
# Both codes always halve the maps four times.
DEPTH = 4
STEM_BLOCKS = {"1": 0, "3": 1, "4": 2}


def _module(place: str, rest: str) -> str | None:
    return inside(place, rest, RESIDUAL)


def nested_place(stack: str, below: str, part: str | None) -> str:
    """Our name of a place in hourglasses that hold each other as "low2".

    Args:
        stack: its number there, from 0.
        below: "low2." for each hourglass around this one.
        part: a key of ``NESTED``; None for what is at the very bottom.
    """
    around = below.count("low2.")
    name = f"stack{int(stack) + 1}_depth"
    if part is None:
        return f"{name}{DEPTH - around + 1}_bottom"  # the network has that of depth 1
    return f"{name}{DEPTH - around}_{NESTED[part]}"


PYTORCH_POSE_LAYERS: Table = (
    (r"(conv|bn)1", r"stem_\1"),
    (r"layer([123])\.0\.(.+)", lambda m: _module(f"stem_block{int(m[1]) - 1}", m[2])),
    (
        r"hg\.(\d+)\.hg\.(\d)\.([0-3])\.(\d+)\.(.+)",
        lambda m: _module(
            f"stack{int(m[1]) + 1}_depth{int(m[2]) + 1}_{PLACES[m[3]]}_block{m[4]}",
            m[5],
        ),
    ),
    (
        r"res\.(\d+)\.(\d+)\.(.+)",
        lambda m: _module(f"stack{int(m[1]) + 1}_head_block{m[2]}", m[3]),
    ),
    (r"fc\.(\d+)\.0", lambda m: f"stack{int(m[1]) + 1}_head_conv"),
    (r"fc\.(\d+)\.1", lambda m: f"stack{int(m[1]) + 1}_head_bn"),
    (r"score\.(\d+)", lambda m: f"stack{int(m[1]) + 1}_scores_conv"),
    (r"fc_\.(\d+)", lambda m: f"stack{int(m[1]) + 1}_features_link_conv"),
    (r"score_\.(\d+)", lambda m: f"stack{int(m[1]) + 1}_scores_link_conv"),
)
# What Newell's two PyTorch codes have in common.
NEWELL_LINKS: Table = (
    (r"outs\.(\d+)\.conv", lambda m: f"stack{int(m[1]) + 1}_scores_conv"),
    (
        r"merge_features\.(\d+)\.conv\.conv",
        lambda m: f"stack{int(m[1]) + 1}_features_link_conv",
    ),
    (
        r"merge_preds\.(\d+)\.conv\.conv",
        lambda m: f"stack{int(m[1]) + 1}_scores_link_conv",
    ),
)
NEWELL_LAYERS: Table = (
    (r"pre\.0\.(conv|bn)", r"stem_\1"),
    (r"pre\.([134])\.(.+)", lambda m: _module(f"stem_block{STEM_BLOCKS[m[1]]}", m[2])),
    (
        r"hgs\.(\d+)\.0\.((?:low2\.)*)(up1|low1|low3)\.(.+)",
        lambda m: _module(f"{nested_place(m[1], m[2], m[3])}_block0", m[4]),
    ),
    (
        r"hgs\.(\d+)\.0\.((?:low2\.)+)(.+)",
        lambda m: _module(f"{nested_place(m[1], m[2], None)}_block0", m[3]),
    ),
    (
        r"features\.(\d+)\.0\.(.+)",
        lambda m: _module(f"stack{int(m[1]) + 1}_head_block0", m[2]),
    ),
    (r"features\.(\d+)\.1\.(conv|bn)", lambda m: f"stack{int(m[1]) + 1}_head_{m[2]}"),
    *NEWELL_LINKS,
)


def _arguments(tensors: Tensors, head: str, depth: int, blocks: int, stem) -> dict:
    """What both codes say; ``head`` is the pattern of the last convolutions."""
    first = tensors[head.replace(r"(\d+)", "0").replace("\\", "")]
    return {
        "joints": first.shape[0],
        "stacks": numbers(tensors, head),
        "depth": depth,
        "blocks": blocks,
        "stem": tuple(tensors[f"{name}.weight"].shape[0] for name in stem),
    }


def pytorch_pose_arguments(tensors: Tensors) -> dict:
    """``StackedHourglass``'s arguments."""
    depth = numbers(tensors, r"hg\.0\.hg\.(\d+)\.")
    blocks = numbers(tensors, r"res\.0\.(\d+)\.")
    stem = ("conv1", "layer1.0.conv3", "layer2.0.conv3", "layer3.0.conv3")
    return _arguments(tensors, r"score\.(\d+)\.weight", depth, blocks, stem)


def newell_arguments(tensors: Tensors) -> dict:
    """``StackedHourglass``'s arguments."""
    stem = ("pre.0.conv", *(f"pre.{number}.conv3.conv" for number in (1, 3, 4)))
    return _arguments(tensors, r"outs\.(\d+)\.conv\.weight", DEPTH, 1, stem)


def _idle_skip(name: str, tensors: Tensors) -> bool:
    """Whether a skip layer keeps the width: Newell's code makes it, but skips it."""
    match = re.fullmatch(r"(.*skip_layer\.conv)\.(weight|bias)", name)
    if not match or f"{match[1]}.weight" not in tensors:
        return False
    if renamed(match[1], NEWELL_LAYERS) is None:
        return False
    filters, channels = tensors[f"{match[1]}.weight"].shape[:2]
    return filters == channels


PYTORCH_POSE = Code(
    "pytorch-pose's hourglass weights",
    PYTORCH_POSE_LAYERS,
    r"hg\.0\.hg\.0\.3\.0\.conv1\.weight",
    pytorch_pose_arguments,
    # MPII's mean color (data/mpii/mean.pth.tar there); the deviations are not used.
    {
        "mean": (112.31292173, 113.22681069, 110.33412471),
        "scale": (255.0, 255.0, 255.0),
        "origin": "edge",
        "decoding": "quarter",
        "border": 1,
    },
)
NEWELL_CONVENTIONS = {
    "scale": (255.0, 255.0, 255.0),
    "origin": "edge",
    "decoding": "quarter",
    "border": 0,
}
NEWELL = Code(
    "the weights of Newell's PyTorch hourglasses",
    NEWELL_LAYERS,
    r"hgs\.0\.0\.up1\.conv1\.conv\.weight",
    newell_arguments,
    NEWELL_CONVENTIONS,
    _idle_skip,
)
