"""HRNet of leoxiaobin/deep-high-resolution-net.pytorch, for poses and for ImageNet."""

from __future__ import annotations

import re

from tfpose.models.published.names import (
    BOTTLENECK,
    IMAGENET,
    KINDS,
    Code,
    Tensors,
    inside,
    numbers,
)

ORDINALS = {"1": "first", "2": "second"}


def _transition(match: re.Match) -> str | None:
    """A new branch: stage s + 1 starts with branch s."""
    stage, branch, part = int(match[1]), int(match[2]), match[3]
    name = f"stage{stage + 1}_branch{branch}_{KINDS[part]}"
    return name if stage == branch else None


def _down(match: re.Match) -> str:
    """From a finer branch to a coarser one, in steps; the last has no number."""
    stage, module, target, source, step, part = match.groups()
    reached = int(source) + 1 + int(step)
    middle = "" if reached == int(target) else f"_step{reached}"
    route = f"stage{stage}_module{module}_from{source}_to{target}"
    return f"{route}{middle}_{KINDS[part]}"


def _up(match: re.Match) -> str:
    """From a coarser branch to a finer one."""
    stage, module, target, source, part = match.groups()
    return f"stage{stage}_module{module}_from{source}_to{target}_{KINDS[part]}"


def _block(match: re.Match) -> str:
    stage, module, branch, block, kind, number = match.groups()
    place = f"stage{stage}_module{module}_branch{branch}_block{block}"
    return f"{place}_{ORDINALS[number]}_{kind}"


TRUNK = (
    (r"(conv|bn)1", r"stem_\1"),
    (r"(conv|bn)2", r"stem_down_\1"),
    (
        r"layer1\.(\d+)\.(.+)",
        lambda m: inside(f"stage1_block{m[1]}", m[2], BOTTLENECK),
    ),
    (r"transition1\.0\.([01])", lambda m: f"stage2_branch0_{KINDS[m[1]]}"),
    (r"transition(\d)\.(\d)\.0\.([01])", _transition),
    (r"stage(\d)\.(\d+)\.branches\.(\d)\.(\d+)\.(conv|bn)([12])", _block),
    (r"stage(\d)\.(\d+)\.fuse_layers\.(\d)\.(\d)\.(\d)\.([01])", _down),
    (r"stage(\d)\.(\d+)\.fuse_layers\.(\d)\.(\d)\.([01])", _up),
)
# What the classifier of ImageNet has beside the trunk: its own head, and the coarser
# outputs of the last module.
CLASSIFIER = (
    r"(incre_modules|downsamp_modules|final_layer|classifier)\..*"
    r"|stage4\.2\.fuse_layers\.[1-3]\..*"
)


def arguments(tensors: Tensors) -> dict:
    """``HRNet``'s arguments."""
    modules = []
    while count := numbers(tensors, rf"stage{len(modules) + 2}\.(\d+)\."):
        modules.append(count)
    return {
        "joints": tensors["final_layer.weight"].shape[0],
        "width": tensors["stage2.0.branches.0.0.conv1.weight"].shape[0],
        "modules": tuple(modules),
        "blocks": numbers(tensors, r"layer1\.(\d+)\."),
        "stem": tensors["conv1.weight"].shape[0],
    }


HRNET = Code(
    "HRNet's weights",
    (*TRUNK, (r"final_layer", "head_logits")),
    r"stage2\.0\.fuse_layers\.0\.1\.0\.weight",
    arguments,
    {**IMAGENET, "origin": "corner", "flip_shift": 1, "decoding": "quarter"},
)
