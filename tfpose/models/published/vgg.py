"""VGG-16 of torchvision and timm, with and without normalization."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfpose.models.published.names import NORMALIZATIONS, Tensors, as_keras
from tfpose.models.vgg import BLOCKS

# Of their classifiers.
CLASSIFIER = r"(classifier|pre_logits|head)\..*"
EPSILON = 1e-5


def convolutions(normalized: bool) -> Iterator[tuple[str, str, str | None]]:
    """Our name, theirs, and that of the normalization, of each convolution.

    "features" numbers convolutions, normalizations, ReLUs and pools alike.
    """
    number = 0
    for block, (count, _, _) in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            normalization = f"features.{number + 1}" if normalized else None
            yield f"conv{block}_{index}", f"features.{number}", normalization
            number += 3 if normalized else 2
        number += 1


def weights(tensors: Tensors) -> tuple[dict[str, dict[str, np.ndarray]], set[str]]:
    """Our layers' weights, and the names of the tensors they are made of.

    Raises:
        KeyError: a tensor is missing.
    """
    found, used = {}, set()
    for ours, theirs, normalization in convolutions("features.1.weight" in tensors):
        kernel, bias = tensors[f"{theirs}.weight"], tensors[f"{theirs}.bias"]
        used |= {f"{theirs}.weight", f"{theirs}.bias"}
        kernel = as_keras(kernel)
        if normalization is not None:
            names = [f"{normalization}.{leaf}" for leaf in NORMALIZATIONS]
            kernel, bias = folded(kernel, bias, *(tensors[name] for name in names))
            used |= {*names}
        found[ours] = {"kernel": kernel, "bias": as_keras(bias)}
    return found, used


def folded(kernel, bias, gamma, beta, mean, variance) -> tuple:
    """A convolution that computes what it and its normalization computed."""
    scale = gamma / np.sqrt(variance + EPSILON)
    return kernel * scale, (bias - mean) * scale + beta
