"""Gives a network the weights of another one: layers by name, joints by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tfpose.models.conventions import Conventions
from tfpose.skeletons import Skeleton

# The layers that see the photo, in every network that has them.
FIRST = ("conv1_1", "stem_conv")


def weights_by_layer(
    model: keras.Model, conventions: Conventions | None = None
) -> dict[str, list[np.ndarray]]:
    """The weights of a network's layers, by layer name.

    Args:
        model: the network.
        conventions: of the network that takes them over, if it may see photos in
            another way than the model: the first kernel makes up for that.
    """
    found = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    for name in FIRST:
        if conventions is not None and name in found:
            kernel, *rest = found[name]
            kernel = conventions.first_kernel(kernel, model.conventions)
            found[name] = [kernel, *rest]
    return found


def with_photo_kernel(layer, kernel: np.ndarray) -> np.ndarray:
    """f32[h, w, C, F]: a first kernel for the photo as the layer's, for C channels."""
    mine = layer.get_weights()[0]
    if mine[:, :, :3].shape != kernel.shape:
        return kernel  # does not fit; the caller raises
    mine[:, :, :3] = kernel
    return mine


def take_over(
    model: keras.Model,
    skeleton: Skeleton,
    there: Mapping[str, Sequence[np.ndarray]],
    known: Skeleton,
) -> list[str]:
    """Sets the weights of layers that another network has too.

    Args:
        model: changed in place.
        skeleton: of the model.
        there: layer name -> the other network's weights (``weights_by_layer``).
        known: skeleton of the other network.

    Returns:
        The names of the model's layers with weights that did not get any.
    """
    left = []
    for layer in (layer for layer in model.layers if layer.weights):
        own, given = layer.get_weights(), there.get(layer.name, ())
        fitted = []
        if len(own) == len(given):
            pairs = zip(given, own, strict=True)
            fitted = [
                of_joints(array, start.shape, known, skeleton) for array, start in pairs
            ]
        if fitted and all(array is not None for array in fitted):
            layer.set_weights(fitted)
        else:
            left.append(layer.name)
    return left


def of_joints(
    array: np.ndarray, shape: tuple[int, ...], known: Skeleton, wanted: Skeleton
) -> np.ndarray | None:
    """A weight of one skeleton's network as that of another skeleton's.

    Along an axis where the sizes differ, the joints come last: the photo's channels
    before a pose's, or several numbers for each joint.

    Args:
        array: of the network for ``known``.
        shape: of the weight in the network for ``wanted``. An axis without any joints
            keeps what comes before them: an estimator's first kernel sees the photo,
            but no pose.
        known, wanted: the skeletons.

    Returns:
        An array of that shape; None if it does not fit. Joints that ``known``
        lacks start as the mean of its own: their maps then show where any joint may be.
        From zero, every cell would be half likely, which a small learning rate takes
        thousands of steps to unsay.

    Example:
        >>> from tfpose.skeletons import COCO17, LSP14
        >>> row = np.arange(17.0)
        >>> of_joints(row, (14,), COCO17, LSP14)[-3:]  # left_wrist, neck, top
        array([9., 8., 8.])
    """
    if array.ndim != len(shape):
        return None
    for axis, (size, expected) in enumerate(zip(array.shape, shape, strict=True)):
        if size == expected:
            continue
        before = size - len(known)
        if expected == before:
            array = np.take(array, range(before), axis)
            continue
        each, rest = divmod(size - expected, len(known) - len(wanted) or size)
        before = size - each * len(known)
        if rest or each < 1 or before < 0:
            return None
        array = _rows(array, axis, before, each, known, wanted)
    return array


def _rows(array, axis, before, each, known, wanted):
    """The rows of ``wanted``'s joints along an axis."""
    source = np.moveaxis(array, axis, 0)
    parts = source[before:].reshape(len(known), each, *source.shape[1:])
    rows = [source[:before]]
    for joint in wanted.joints:
        alike = [joint] if joint in known.joints else known.joints
        rows.append(parts[[known.index(one) for one in alike]].mean(axis=0))
    return np.moveaxis(np.concatenate(rows), 0, axis)
