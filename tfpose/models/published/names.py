"""What all tables of names share: a table, and the code whose names it translates.

A name is translated by the first pattern that it matches as a whole. Layers of a file
and of a network come in different orders, so nothing goes by position.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tfpose.errors import TfposeError

Tensors = Mapping[str, np.ndarray]
# (pattern, our layer's name): a template for ``re.Match.expand``, or a function of the
# match that returns None for names that do not occur.
Table = Sequence[tuple[str, "str | Callable[[re.Match], str | None]"]]
# A layer's weights: PyTorch's names and Keras' of a convolution, of a normalization.
KERNELS = {"weight": "kernel", "bias": "bias"}
NORMALIZATIONS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
# Counts steps of training; no computation uses it.
COUNTER = "num_batches_tracked"
# The photos of most code: those of ImageNet, scaled to 0..1, have these means and
# standard deviations.
IMAGENET = {
    "mean": (123.675, 116.28, 103.53),
    "scale": (58.395, 57.12, 57.375),
}
PARTS = {"1": "reduce", "2": "spatial", "3": "expand"}
KINDS = {"0": "conv", "1": "bn"}
# A residual block's layers, after the name of the block.
BOTTLENECK = (
    (r"(conv|bn)([123])", lambda m: f"{PARTS[m[2]]}_{m[1]}"),
    (r"downsample\.([01])", lambda m: f"shortcut_{KINDS[m[1]]}"),
)


def renamed(name: str, table: Table) -> str | None:
    """A name by a table; None if no pattern matches it.

    Example:
        >>> renamed("layer1.0.conv2", [(r"layer(\\d)\\.0\\.conv2", r"stage\\1_second")])
        'stage1_second'
    """
    for pattern, target in table:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(target) if isinstance(target, str) else target(match)
    return None


def inside(place: str, rest: str, table: Table) -> str | None:
    """The name of a layer inside a block; None if the table does not have it.

    Example:
        >>> inside("stage0_block1", "conv2", BOTTLENECK)
        'stage0_block1_spatial_conv'
    """
    found = renamed(rest, table)
    return found and f"{place}_{found}"


def numbers(names: Iterable[str], pattern: str) -> int:
    """How many numbers from 0 on match a pattern's group, at the start of names."""
    found = {int(m[1]) for name in names if (m := re.match(pattern, name))}
    count = 0
    while count in found:
        count += 1
    return count


@dataclasses.dataclass(frozen=True)
class Code:
    """The names and the conventions of one code for one network.

    Attributes:
        title: the code, for people.
        layers: its names of layers -> ours.
        sign: a pattern of a tensor's name that only this code has.
        arguments: tensors by name -> arguments of our class. A KeyError tells that a
            tensor is missing.
        conventions: settings of ``models.conventions.Conventions``.
        unused: (name, tensors) -> whether the code never reads this tensor.
    """

    title: str
    layers: Table
    sign: str
    arguments: Callable[[Tensors], dict]
    conventions: dict
    unused: Callable[[str, Tensors], bool] = lambda name, tensors: False

    def weights(self, tensors: Tensors, path) -> dict[str, dict[str, np.ndarray]]:
        """Our layers' names -> their weights by Keras' names, as Keras shapes them.

        Raises:
            TfposeError: a name that the code does not have, or two of one layer.
        """
        return weights_of(tensors, self.layers, path, self.title, self.unused)


def weights_of(
    tensors: Tensors,
    layers: Table,
    path,
    title: str,
    unused=lambda name, tensors: False,
) -> dict[str, dict[str, np.ndarray]]:
    """Tensors by our layers' names and Keras' names of their weights.

    Args:
        tensors: by the names of the code.
        layers: its table.
        path, title: the file and the code, for messages.
        unused: as in ``Code``.

    Raises:
        TfposeError: a tensor without a place, or two for one place.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    left = []
    for name, tensor in tensors.items():
        module, _, leaf = name.rpartition(".")
        if leaf == COUNTER or unused(name, tensors):
            continue
        layer = renamed(module, layers)
        kind = NORMALIZATIONS if (layer or "").endswith("_bn") else KERNELS
        if layer is None or leaf not in kind:
            left.append(name)
            continue
        weights = found.setdefault(layer, {})
        if kind[leaf] in weights:
            raise TfposeError(f"{path}: two tensors for {layer}, the second is {name}")
        weights[kind[leaf]] = as_keras(tensor)
    if left:
        raise TfposeError(f"{path}: expected only {title}; left over: {listed(left)}")
    return found


def as_keras(tensor: np.ndarray) -> np.ndarray:
    """f32, kernels (F, C, h, w), or (C, F, h, w) of transposed ones, reversed."""
    tensor = np.asarray(tensor, np.float32)
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names and how many more there are.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name)[:80] for name in names[:most]) + more
