"""Start weights for trunks, from files of torchvision, timm, and HRNet's authors."""

from __future__ import annotations

import os
import re

import keras
import numpy as np

from tfpose.errors import ImageNetError, TfposeError
from tfpose.io.weight_files import read_weights
from tfpose.models.conventions import Conventions
from tfpose.models.published import hrnet, resnet, vgg
from tfpose.models.published.importing import fill, without_mmpose
from tfpose.models.published.names import IMAGENET, Tensors, listed, weights_of
from tfpose.models.transfer import FIRST, with_photo_kernel

RESNETS = tuple(f"resnet{depth}" for depth in resnet.DEPTHS)
TRUNKS = (*RESNETS, "vgg16", "hrnet")


def load(model: keras.Model, trunk: str | None, path: str | os.PathLike) -> None:
    """Loads a file's weights into a model's trunk, by name; all or none.

    The first kernel is brought to how the model scales photos. Where it sees more than
    the photo (PoseFix's pose), the channels after the first three stay unchanged.

    Args:
        model: changed in place.
        trunk: one of ``TRUNKS``.
        path: as for ``io.weight_files.read_weights``.

    Raises:
        TfposeError: a trunk without published weights, a file that cannot be read, one
            of another network, or tensors that are left over or missing.
    """
    if trunk not in TRUNKS:
        raise ImageNetError(
            f"{path}: expected a network with one of the trunks {TRUNKS}, found "
            f"{trunk or model.name}"
        )
    tensors, _ = without_mmpose(read_weights(path))
    title = f"the weights of {trunk}"
    try:
        weights, expected = _weights(trunk, model, tensors, path, title)
    except KeyError as error:
        raise TfposeError(
            f"{path}: expected {title}, found no tensor {error}"
        ) from error
    for name in (name for name in FIRST if name in weights):
        kernel = weights[name]["kernel"]
        kernel = model.conventions.first_kernel(kernel, Conventions(**IMAGENET))
        weights[name]["kernel"] = with_photo_kernel(model.get_layer(name), kernel)
    fill(model, weights, path, title, lambda name: name in expected)


def _weights(trunk: str, model, tensors: Tensors, path, title: str) -> tuple:
    """A trunk's weights by our layers' names, and the layers that it must have."""
    if trunk == "vgg16":
        weights, used = vgg.weights(tensors)
        left = [
            name
            for name in tensors
            if name not in used
            and not re.fullmatch(rf"{vgg.CLASSIFIER}|.*num_batches_tracked", name)
        ]
        if left:
            raise TfposeError(f"{path}: expected {title}; left over: {listed(left)}")
        return weights, set(weights)
    part, classifier = resnet.TRUNK, resnet.CLASSIFIER
    if trunk == "hrnet":
        part, classifier = hrnet.TRUNK, hrnet.CLASSIFIER
        expected = {layer.name for layer in model.layers} - {"head_logits"}
    else:
        expected = set(resnet.trunk_layers(int(trunk.removeprefix("resnet"))))

    def unused(name: str, _: dict[str, np.ndarray]) -> bool:
        return re.fullmatch(classifier, name) is not None

    weights = weights_of(tensors, part, path, title, unused)
    missing = [name for name in sorted(expected) if name not in weights]
    if trunk != "hrnet" and missing:
        raise TfposeError(f"{path}: expected {title}; missing: {listed(missing)}")
    return weights, expected
