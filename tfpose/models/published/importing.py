"""Builds our networks from published weights; every tensor and weight exactly once."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping

import keras
import numpy as np

from tfpose import skeletons
from tfpose.config import Augmentation, Config
from tfpose.errors import TfposeError
from tfpose.io.skeleton_files import find_skeleton
from tfpose.io.weight_files import read_weights
from tfpose.models import folders
from tfpose.models.conventions import Conventions
from tfpose.models.published.codes import (
    MMPOSE,
    MMPOSE_CONVENTIONS,
    PUBLISHED,
    SKELETONS,
)
from tfpose.models.published.names import Code, Tensors, listed
from tfpose.skeletons import Skeleton


def from_torch(
    kind: type,
    name: str,
    path: str | os.PathLike,
    skeleton: Skeleton | str | None = None,
    input_size: tuple[int, int] | None = None,
    conventions: Mapping | None = None,
    dtype=None,
) -> keras.Model:
    """Builds a network with the weights of a checkpoint.

    Args:
        kind, name: the class and its name in ``models.MODELS``.
        path, skeleton, input_size, conventions, dtype: as for ``PoseModel.from_torch``.

    Returns:
        The model, with a ``recipe`` that says what the file and its code say.

    Raises:
        TfposeError: a file that cannot be read, or one of another network.
    """
    if name not in PUBLISHED:
        raise TfposeError(
            f"model {name}: expected one with published weights, {list(PUBLISHED)}"
        )
    published = PUBLISHED[name]
    tensors, of_mmpose = without_mmpose(read_weights(path))
    code = _code_of(published.codes, tensors, path)
    try:
        network = code.arguments(tensors)
    except (KeyError, IndexError) as error:
        raise TfposeError(
            f"{path}: expected {code.title}, found no tensor {error}"
        ) from error
    except TfposeError as error:
        raise TfposeError(f"{path}: {error}") from error
    joints = network.pop("joints")
    skeleton = _skeleton(skeleton, joints, path)
    size = input_size or published.sizes.get(joints, published.sizes[None])
    assumed = {**code.conventions, **(MMPOSE_CONVENTIONS if of_mmpose else {})}
    sigma = published.sigma * (1.5 if size[0] == 384 else 1)
    assumed = {**assumed, "sigma": sigma, **(conventions or {})}
    network["conventions"] = dataclasses.asdict(Conventions.of(assumed))
    config = Config(
        model=name,
        skeleton=skeleton,
        input_size=tuple(size),
        network=network,
        target={"codec": "gaussian", "sigma": sigma},
        heatmap_error="squared",
        coordinate_loss=0.0,
        # These weights were trained elsewhere.
        train=(),
        validation=(),
        augmentation=Augmentation(),
        learning_rate=1e-4,
        epochs=1,
        batch_size=32,
        **published.settings,
    )
    try:
        model = folders.new_model(kind, config, **({"dtype": dtype} if dtype else {}))
    except TfposeError as error:
        raise TfposeError(f"{path}: {error}") from error
    fill(model, code.weights(tensors, path), path, code.title)
    return model


def without_mmpose(tensors: Tensors) -> tuple[Tensors, bool]:
    """Tensors by the names that MMPose wraps, and whether it did."""
    if not any(name.startswith(MMPOSE[0]) for name in tensors):
        return tensors, False
    pattern = "|".join(map(re.escape, MMPOSE))
    return {re.sub(rf"^({pattern})", "", n): one for n, one in tensors.items()}, True


def _code_of(codes: tuple[Code, ...], tensors: Tensors, path) -> Code:
    for code in codes:
        if any(re.fullmatch(code.sign, name) for name in tensors):
            return code
    expected = " or ".join(code.title for code in codes)
    raise TfposeError(
        f"{path}: expected {expected}, found {len(tensors)} others "
        f"({listed(list(tensors))})"
    )


def _skeleton(given, joints: int, path) -> Skeleton | str:
    """The skeleton of the file's joints; checks a given one.

    Raises:
        TfposeError: joints of another number, or of no known set.
    """
    if given is None:
        if joints in SKELETONS:
            return SKELETONS[joints]
        fitting = [n for n, s in skeletons.SKELETONS.items() if len(s) == joints]
        raise TfposeError(
            f"{path}: expected a skeleton for its {joints} joints (--skeleton), such "
            f"as {fitting or 'a JSON file'}"
        )
    found = given if isinstance(given, Skeleton) else find_skeleton(given)
    if len(found) != joints:
        raise TfposeError(
            f"{path}: expected {len(found)} joints ({found.name}), found {joints}"
        )
    return found


def fill(
    model: keras.Model,
    weights: Mapping[str, Mapping[str, np.ndarray]],
    path,
    title: str,
    wanted=lambda layer: True,
) -> None:
    """Gives a model weights by the names of its layers, all or none.

    Args:
        model: changed in place.
        weights: layer name -> Keras' name of a weight -> array.
        path, title: the file and what it holds, for messages.
        wanted: layer name -> whether the file must have it.

    Raises:
        TfposeError: weights that the model lacks, weights without a tensor, or a shape
            that does not fit. The model is then unchanged.
    """
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    left = [name for name in weights if name not in layers]
    if left:
        raise TfposeError(
            f"{path}: expected {title} that fit this {model.name}; left over: those of "
            f"{listed(left)}"
        )
    missing, ready = [], []
    for name, layer in layers.items():
        given = weights.get(name, {})
        if not given and not wanted(name):
            continue
        own = {weight.name: weight for weight in layer.weights}
        missing += [f"{name}/{weight}" for weight in own if weight not in given]
        left += [f"{name}/{weight}" for weight in given if weight not in own]
        for weight, array in given.items():
            shape = tuple(own[weight].shape) if weight in own else array.shape
            if shape != array.shape:
                raise TfposeError(
                    f"{path}: expected {title} that fit this {model.name}: {name} "
                    f"{shape}, found {array.shape}"
                )
        ready.append((layer, [given.get(weight) for weight in own]))
    if missing or left:
        what = (
            f"missing: {listed(missing)}" if missing else f"left over: {listed(left)}"
        )
        raise TfposeError(
            f"{path}: expected {title} that fit this {model.name}; {what}"
        )
    for layer, arrays in ready:
        layer.set_weights(arrays)
