"""Batches made on an accelerator, in JAX: crops, augmentation, errors, targets.

``pipeline``, ``augment``, ``paste``, and ``examples`` once more, for a whole batch and
with other random numbers; the tests hold both to the same results and frequencies. B
people, K joints; arrays are float32 unless stated otherwise, keys are JAX's.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from tfpose import codecs
from tfpose.config import Augmentation, Config
from tfpose.data.augment import DISTRIBUTIONS, LARGEST_TURN, MIDDLE_GRAY, Distribution
from tfpose.data.examples import Supervision
from tfpose.data.mirroring import mirrored_if_known
from tfpose.data.paste import ACROSS, BORDER, SLANT, UP_OR_DOWN
from tfpose.data.windows import plain_box
from tfpose.errors import TrainingError
from tfpose.geometry import device as geometry
from tfpose.geometry.cells import center_of, position_of, to_cells
from tfpose.skeletons import Skeleton
from tfpose.synthesis.device import synthesize
from tfpose.synthesis.options import Options


def batch(windows: dict, rows, config: Config, supervision: Supervision, key):
    """Inputs, targets, and weights of some people, as of ``examples.examples``.

    Args:
        windows: the arrays of ``windows.People``.
        rows: i32[B] of the arrays.
        config, supervision: of the run (``check``).
        key: decides everything random.

    Returns:
        ({"image" f32[B, H, W, 3], "keypoints" f32[B, K, 2] C, "valid" f32[B, K]};
        {"heatmap" f32[B, h, w, K], "keypoints" f32[B, K, 2] C}; f32[B, K] weights of
        both).
    """
    keys = jax.random.split(key, 3)
    people = crop_people(
        windows, rows, config.skeleton, config.input_size, config.augmentation, keys[0]
    )
    if supervision.paste:
        people = paste_neighbors(people, supervision.paste, keys[1])
    options = Options.of(supervision.synthesis)
    return examples(people, supervision, options, keys[2])


def examples(people: dict, supervision: Supervision, options: Options, key):
    """Turns a batch of ``crop_people`` into inputs, targets, and weights."""
    pose = synthesize(people, supervision.skeleton, key, options)
    inputs = {"image": people["image"]}
    inputs.update(keypoints=pose["keypoints"], valid=pose["valid"])
    keypoints, valid = people["keypoints"], people["valid"]
    if "covered" in people:
        valid *= 1 - people["covered"]
    heatmap = encode(supervision.codecs["heatmap"], keypoints, valid)
    targets = {"heatmap": heatmap, "keypoints": keypoints}
    of_maps = jnp.ones_like(valid) if supervision.absent else valid
    return inputs, targets, {"heatmap": of_maps, "keypoints": valid}


# --- crops ---------------------------------------------------------------------------


def crop_people(
    windows: dict, rows, skeleton: Skeleton, size, augmentation: Augmentation, key
) -> dict[str, jax.Array]:
    """Crops people from their windows; ``pipeline.crop_person`` for a batch.

    Returns:
        "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] C and "valid"
        f32[B, K]; "neighbors" f32[B, P, K, 2] C and "neighbors_valid" f32[B, P, K];
        "area" f32[B] px^2 of the box in C; "matrix" f32[B, 2, 3] W -> C.
    """
    keys = jax.random.split(key, 2)
    augmentation = mirrored_if_known(augmentation, skeleton)
    matrix, mirror = random_crop_matrices(len(rows), size, augmentation, keys[0])

    def photo(row, matrix):
        return geometry.warp(windows["images"][row], matrix, size)

    def to_pose(points, visible, matrix):
        """Moves poses to the crops; a mirrored crop exchanges left and right."""
        points = geometry.transform(points, matrix)
        mirrored = mirror.reshape(-1, *(1,) * (visible.ndim - 1)) > 0
        order = skeleton.flip_permutation
        points = jnp.where(mirrored[..., None], points[..., order, :], points)
        visible = jnp.where(mirrored, visible[..., order], visible)
        return points, visible * geometry.inside(points, size)

    people = {
        name: values[rows] for name, values in windows.items() if name != "images"
    }
    keypoints, valid = to_pose(people["keypoints"], people["visible"], matrix)
    neighbors, neighbors_valid = to_pose(
        people["neighbors"], people["neighbors_visible"], matrix[:, None]
    )
    images = jax.vmap(photo)(rows, matrix)
    return {
        "image": random_colors(images, augmentation, keys[1]),
        "keypoints": keypoints,
        "valid": valid,
        "neighbors": neighbors,
        "neighbors_valid": neighbors_valid,
        # A crop turns and scales: the root of the determinant is the scale.
        "area": people["area"] * jnp.square(matrix[:, 1, :2]).sum(axis=-1),
        "matrix": matrix,
    }


def random_crop_matrices(people: int, size, augmentation: Augmentation, key):
    """Draws crops: f32[B, 2, 3] W -> C, and f32[B], 1 if the crop is mirrored."""
    keys = jax.random.split(key, 2)
    draw = jax.random.uniform(keys[0], (5, people), minval=-1.0)
    box = plain_box(size)
    factor, rotation = 1 + augmentation.scale * draw[0], augmentation.rotation * draw[3]
    normal = DISTRIBUTIONS[augmentation.distribution]
    if normal:
        more = jax.random.fold_in(keys[0], 1)
        factor, rotation = _normal_changes(people, augmentation, normal, more)
    if augmentation.turned < 1:
        chance = jax.random.uniform(jax.random.fold_in(keys[0], 2), (people,))
        rotation = jnp.where(chance < augmentation.turned, rotation, 0.0)
    extent = box[2:] * factor[:, None]
    center = center_of(box[:2], box[2:])
    center = center + augmentation.shift * draw[1:3].T * extent
    boxes = jnp.concatenate([position_of(center, extent), extent], axis=-1)
    rotation = rotation * math.pi / 180
    if augmentation.any_angle:
        more = jax.random.uniform(keys[1], (2, people))
        turned = more[0] < augmentation.any_angle
        rotation = jnp.where(turned, (2 * more[1] - 1) * math.pi, rotation)
    mirror = ((draw[4] + 1) / 2 < augmentation.mirror).astype(jnp.float32)
    return geometry.crop_matrix(boxes, size, rotation, mirror), mirror


def _normal_changes(people: int, augmentation: Augmentation, of: Distribution, key):
    """Factors of the box and rotations in degrees, f32[B] both."""
    draw = jax.random.normal(key, (2, people))
    steps = augmentation.scale * jnp.clip(draw[0], -of.largest, of.largest)
    turn = jnp.clip(draw[1], -LARGEST_TURN, LARGEST_TURN)
    return 2**steps if of.doubles else 1 + steps, augmentation.rotation * turn


def random_colors(images, augmentation: Augmentation, key):
    """Changes contrast and colors of f32[B, H, W, 3] in 0..255, in that range."""
    contrast, color, gray = (
        augmentation.contrast, augmentation.color, augmentation.gray
    )  # fmt: skip
    if not (contrast or color or gray):
        return images
    draw = jax.random.uniform(key, (6, len(images), 1, 1, 1), minval=-1.0)
    images = MIDDLE_GRAY + (images - MIDDLE_GRAY) * (1 + contrast * draw[0])
    channels = jnp.concatenate(list(draw[1:4]), axis=-1)
    images *= (1 + color * channels) * (1 + color * draw[4])
    mean = images.mean(axis=-1, keepdims=True)
    images = jnp.where((draw[5] + 1) / 2 < gray, mean, images)
    return jnp.clip(images, 0.0, 255.0)


def paste_neighbors(people: dict, share: float, key) -> dict[str, jax.Array]:
    """Pastes the person before each person beside it (``paste.paste_neighbors``)."""
    images, keypoints = people["image"], people["keypoints"]
    count, size = len(images), images.shape[1:3]
    draw = jax.random.uniform(key, (5, count))
    pasted = draw[0] < share
    side = jnp.where(draw[1] < 0.5, -1.0, 1.0)
    low, high = ACROSS
    across = side * jnp.round((low + (high - low) * draw[2]) * size[1])
    down = jnp.round(UP_OR_DOWN * (2 * draw[3] - 1) * size[0])
    slant = SLANT * (2 * draw[4] - 1)
    move = jnp.stack([across, down], axis=-1)  # (B, 2)

    def beyond(points):
        """Whether points f32[B, N, 2] lie beyond the line, bool[B, N]."""
        x = points[..., 0] - center_of(0, size[1])
        y = points[..., 1] - center_of(0, size[0])
        way = side[:, None] * (x + slant[:, None] * y)
        return (way > BORDER * jnp.abs(across)[:, None]) & pasted[:, None]

    places = geometry.pixels(size).reshape(1, -1, 2)
    there = geometry.inside(places - move[:, None], size) > 0
    shown = (beyond(places) & there).reshape(count, *size, 1)
    # By whole pixels; what comes in from the other side is not shown.
    others = jax.vmap(lambda image, by: jnp.roll(image, by, axis=(0, 1)))(
        jnp.roll(images, 1, axis=0), move[:, ::-1].astype(jnp.int32)
    )
    points = jnp.roll(keypoints, 1, axis=0) + move[:, None]
    valid = jnp.roll(people["valid"], 1, axis=0) * geometry.inside(points, size)
    valid *= beyond(points)
    return {
        **people,
        "image": jnp.where(shown, others, images),
        "neighbors": jnp.concatenate([people["neighbors"], points[:, None]], axis=1),
        "neighbors_valid": jnp.concatenate(
            [people["neighbors_valid"], valid[:, None]], axis=1
        ),
        "covered": beyond(keypoints).astype(jnp.float32),
    }


# --- targets -------------------------------------------------------------------------


def encode(codec: codecs.Codec, keypoints, valid):
    """A codec's maps: f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K]."""
    return ENCODERS[type(codec)](codec, keypoints, valid)


def _integral(codec: codecs.IntegralHeatmap, keypoints, valid):
    columns, rows = _distances(codec, keypoints)
    columns = jnp.maximum(1 - jnp.abs(columns), 0)
    rows = jnp.maximum(1 - jnp.abs(rows), 0)
    # The sum of products is the product of sums, and 0 for joints outside.
    total = columns.sum(axis=-1, keepdims=True) * rows.sum(axis=-1, keepdims=True)
    rows = jnp.where(total > 0, rows / jnp.where(total > 0, total, 1), 0)
    return _maps(rows * valid[..., None], columns)


def _gaussian(codec: codecs.GaussianHeatmap, keypoints, valid):
    columns, rows = _distances(codec, keypoints)
    cells = codec.sigma / codec.stride
    columns = jnp.exp(-jnp.square(columns) / (2 * cells**2))
    rows = jnp.exp(-jnp.square(rows) / (2 * cells**2))
    return _maps(rows * valid[..., None], columns)


def _distances(codec: codecs.Codec, keypoints):
    """Cells from each joint to each column and row: f32[B, K, w], f32[B, K, h]."""
    cells = to_cells(keypoints, codec.stride, codec.origin)
    height, width = codec.heatmap_size
    return (
        jnp.arange(width) - cells[..., :1],
        jnp.arange(height) - cells[..., 1:],
    )


def _maps(rows, columns):
    """f32[B, K, h], f32[B, K, w] -> f32[B, h, w, K], their products."""
    rows, columns = rows.transpose(0, 2, 1), columns.transpose(0, 2, 1)
    return rows[:, :, None] * columns[:, None]


ENCODERS = {codecs.IntegralHeatmap: _integral, codecs.GaussianHeatmap: _gaussian}


def check(config: Config, supervision: Supervision) -> None:
    """Checks that ``batch`` makes what a run is to learn from.

    Raises:
        TrainingError: a setting, a model, or a target that it does not have.
    """
    has = {
        "a refiner": supervision.refines and not supervision.all_people,
        "synthesis.errors=posefix": supervision.synthesis["errors"] == "posefix",
        "one heatmap": set(supervision.codecs) == {"heatmap"},
        "an integral or Gaussian target": all(
            type(codec) in ENCODERS for codec in supervision.codecs.values()
        ),
        "half_body=0": not config.augmentation.half_body,
        "whole_window=false": not config.crop.get("whole_window"),
    }
    missing = [name for name, holds in has.items() if not holds]
    if missing:
        raise TrainingError(
            f"model {config.model!r}: training on a device expects {missing[0]}; train "
            "without --on-device"
        )
