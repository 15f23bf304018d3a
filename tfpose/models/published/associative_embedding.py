"""Associative Embedding of princeton-vl/pose-ae-train."""

from __future__ import annotations

from tfpose.models.published.hourglass import (
    DEPTH,
    NEWELL_CONVENTIONS,
    NEWELL_LINKS,
    nested_place,
)
from tfpose.models.published.names import Code, Table, Tensors, numbers

STEM_UNITS = {"1": 1, "3": 2, "4": 3}
# Channels for each joint: a detection, a tag, and two that only the next stack sees.
MAPS_OF_A_JOINT = 4
LAYERS: Table = (
    (r"pre\.0\.conv", "stem_conv"),
    (r"pre\.([134])\.conv", lambda m: f"stem_unit{STEM_UNITS[m[1]]}_conv"),
    (
        r"features\.(\d+)\.0\.((?:low2\.)*)(up1|low1|low3)\.conv",
        lambda m: f"{nested_place(m[1], m[2], m[3])}_conv",
    ),
    (
        r"features\.(\d+)\.0\.((?:low2\.)+)conv",
        lambda m: f"{nested_place(m[1], m[2], None)}_conv",
    ),
    (
        r"features\.(\d+)\.([12])\.conv",
        lambda m: f"stack{int(m[1]) + 1}_feature{m[2]}_conv",
    ),
    *NEWELL_LINKS,
)


def arguments(tensors: Tensors) -> dict:
    """``AssociativeEmbedding``'s arguments."""
    filters = tensors["pre.4.conv.weight"].shape[0]
    maps = tensors["outs.0.conv.weight"].shape[0]
    return {
        "joints": maps // MAPS_OF_A_JOINT,
        "stacks": numbers(tensors, r"outs\.(\d+)\.conv\.weight"),
        "filters": filters,
        "growth": tensors["features.0.0.low1.conv.weight"].shape[0] - filters,
        "depth": DEPTH,
        "maps": maps,
    }


ASSOCIATIVE_EMBEDDING = Code(
    "the weights of Associative Embedding",
    LAYERS,
    r"features\.0\.0\.up1\.conv\.weight",
    arguments,
    NEWELL_CONVENTIONS,
)
