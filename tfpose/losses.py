"""Losses: per joint first, weighted and averaged afterwards.

Each loss returns f32[B, K]. Given sample weights f32[B, K] (1 where the joint is
labeled inside the crop), Keras multiplies and divides by B * K: unlabeled joints
count as zero in the mean, as in PoseFix's code.
"""

from __future__ import annotations

import keras
from keras import ops

from tfpose.errors import TfposeError
from tfpose.geometry.cells import from_edge

PACKAGE = "tfpose"
OFFSET_ERRORS = ("squared", "huber")
OFFSET_MEANS = ("joints", "cells")
# What the mean over the cells and channels of a map is multiplied with: (height, width,
# channels, cells of the smallest map) -> number.
REDUCTIONS = {
    "mean": lambda height, width, channels, fewest: 1.0,
    "sum": lambda height, width, channels, fewest: float(height * width * channels),
    "cells": lambda height, width, channels, fewest: height * width / fewest,
}


@keras.saving.register_keras_serializable(package=PACKAGE)
class HeatmapCrossEntropy(keras.losses.Loss):
    """Cross entropy of a softmax over all cells (PoseFix Eq. 4).

    Call: target f32[B, h, w, K] that sums to 1 (or is zero) over the cells, logits
    f32[B, h, w, K] -> f32[B, K] in nats, before weights and mean.
    """

    def call(self, target, logits):
        height, width, joints = logits.shape[1:]
        logits = ops.reshape(logits, (-1, height * width, joints))
        target = ops.reshape(target, (-1, height * width, joints))
        return -ops.sum(target * ops.log_softmax(logits, axis=1), axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CoordinateDistance(keras.losses.Loss):
    """Mean absolute difference of x and y in cells (PoseFix Eq. 5).

    The paper sums over x and y; its code averages. We follow the code, so that L_H +
    L_C has the balance behind the published results.

    Args:
        stride: px per cell.

    Call: target and keypoints f32[B, K, 2] crop px -> f32[B, K], before weights and
    mean.
    """

    def __init__(self, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, target, keypoints):
        return ops.mean(ops.abs(target - keypoints), axis=-1) / self.stride

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class HeatmapSquaredError(keras.losses.Loss):
    """Mean squared difference of two maps: f32[B, h, w, K] twice -> f32[B, K].

    SimpleBaseline uses half of it, PoseFix's coarse-to-coarse variant all (Fig. 6).
    """

    def call(self, target, heatmap):
        return ops.mean(ops.square(target - heatmap), axis=(1, 2))


@keras.saving.register_keras_serializable(package=PACKAGE)
class SigmoidCrossEntropy(keras.losses.Loss):
    """Cross entropy of each cell on its own (HCRN section III.C).

    Call: target f32[B, h, w, K] in 0..1, logits f32[B, h, w, K] -> f32[B, K], the mean
    over the cells in nats, before weights and mean.
    """

    def call(self, target, logits):
        # Logits neither overflow nor lose the gradient at 0.
        cells = ops.binary_crossentropy(target, logits, from_logits=True)
        return ops.mean(cells, axis=(1, 2))


@keras.saving.register_keras_serializable(package=PACKAGE)
class SigmoidSquaredError(keras.losses.Loss):
    """Mean squared difference of target and sigmoid of logits (HCRN Table III, L2).

    Call: f32[B, h, w, K] twice -> f32[B, K].
    """

    def call(self, target, logits):
        return ops.mean(ops.square(target - ops.sigmoid(logits)), axis=(1, 2))


@keras.saving.register_keras_serializable(package=PACKAGE)
class HardJoints(keras.losses.Loss):
    """Keeps only each person's hardest joints (OHKM, CPN section 3.2.2).

    Call: as in ``loss`` -> f32[B, K]. Each person's ``count`` largest losses are scaled
    by K / count, the others set to 0: Keras' mean over K is then the mean over those
    kept. A joint without a target (an empty map) is never kept.

    Args:
        loss: the loss of each joint, f32[B, K].
        count: joints to keep per person; all if there are fewer.
    """

    def __init__(self, loss, count, **kwargs):
        super().__init__(**kwargs)
        self.loss, self.count = loss, count

    def call(self, target, maps):
        by_joint = self.loss.call(target, maps)
        labeled = ops.cast(ops.any(target > 0, axis=(1, 2)), by_joint.dtype)
        by_joint = by_joint * labeled
        joints = by_joint.shape[1]
        count = min(self.count, joints)
        least = ops.min(ops.top_k(by_joint, count)[0], axis=1, keepdims=True)
        return ops.where(by_joint >= least, by_joint, 0.0) * (joints / count)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "count": self.count}

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config.pop("loss"))
        return cls(loss=loss, **config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class AssociativeTags(keras.losses.Loss):
    """Tags alike within a person, different between people (Associative Embedding).

    Pull: each person's mean squared deviation of the joints' tags from their mean,
    averaged over people. Push: half the mean of exp(-d^2) over pairs of people, d the
    difference of their mean tags. This follows the authors' code. The paper sums over a
    person's joints; its push sums exp(-d^2 / (2 sigma^2)) over all pairs, self-pairs
    included, and divides by the squared number of people.

    Args:
        stride: px per cell.
        origin: a key of ``geometry.cells.ORIGINS``.

    Call: people f32[B, P, K, 3], x and y in crop px and 1 where the joint counts; tags
    f32[B, h, w, K] -> f32[B], pull plus push. A joint has the tag of the cell it lies
    in. Joints outside and people without joints do not count; a single person has no
    push.
    """

    def __init__(self, stride=4, origin="center", **kwargs):
        super().__init__(**kwargs)
        self.stride, self.origin = stride, origin

    def call(self, people, tags):
        found, counts = self._tags_of(people, tags)
        joints = ops.sum(counts, axis=-1)  # (B, P)
        shares = counts / ops.maximum(joints, 1)[..., None]
        means = ops.sum(found * shares, axis=-1)
        deviations = ops.square(found - means[..., None])
        present = ops.cast(joints > 0, tags.dtype)
        number = ops.sum(present, axis=-1)  # (B,)
        pull = ops.sum(deviations * shares, axis=(1, 2)) / ops.maximum(number, 1)

        likeness = ops.exp(-ops.square(means[:, :, None] - means[:, None, :]))
        likeness = likeness * present[:, :, None] * present[:, None, :]
        others = ops.sum(likeness, axis=(1, 2)) - number  # no self-pairs
        return pull + 0.5 * others / ops.maximum(number * (number - 1), 1)

    def _tags_of(self, people, tags):
        """Each joint's tag, and 1 where the joint counts, f32[B, P, K] both."""
        height, width, joints = tags.shape[1:]
        cells = ops.floor(from_edge(people[..., :2], self.stride, self.origin))
        x, y = cells[..., 0], cells[..., 1]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        inside = inside & (people[..., 2] > 0)
        place = (y * width + x) * joints + ops.arange(joints, dtype=cells.dtype)
        place = ops.cast(ops.where(inside, place, 0), "int32")
        flat = ops.reshape(tags, (-1, height * width * joints))
        place_of_all = ops.reshape(place, (ops.shape(place)[0], -1))
        found = ops.take_along_axis(flat, place_of_all, axis=1)
        return ops.reshape(found, ops.shape(place)), ops.cast(inside, tags.dtype)

    def get_config(self):
        settings = {"stride": self.stride, "origin": self.origin}
        return {**super().get_config(), **settings}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OffsetDistance(keras.losses.Loss):
    """The error of the offsets of cells near a joint (PoseRefiner section 3).

    Args:
        form: "squared" as in the paper, or "huber" (quadratic up to 1) as in the code
            that the paper builds on (eldar/pose-tensorflow).
        mean: over the "joints", each of which has the mean of its cells, 0 if none
            counts; or over the "cells" of all joints and people that count, as in that
            code.

    Call: target f32[B, h, w, K, 3], x, y and 1 where the cell counts; offsets f32[B, h,
    w, 2 K] -> f32[B, K], whose mean is the loss, before weights.

    Raises:
        TfposeError: an unknown form or mean.
    """

    def __init__(self, form="squared", mean="joints", **kwargs):
        super().__init__(**kwargs)
        if form not in OFFSET_ERRORS:
            raise TfposeError(f"form: expected one of {OFFSET_ERRORS}, got {form!r}")
        if mean not in OFFSET_MEANS:
            raise TfposeError(f"mean: expected one of {OFFSET_MEANS}, got {mean!r}")
        self.form, self.mean = form, mean

    def call(self, target, offsets):
        counts = target[..., 2:]
        offsets = ops.reshape(offsets, (-1, *target.shape[1:4], 2))
        apart = ops.abs(target[..., :2] - offsets)
        error = ops.square(apart)
        if self.form == "huber":
            error = ops.where(apart <= 1, 0.5 * error, apart - 0.5)
        total = ops.sum(error * counts, axis=(1, 2, 4))
        cells = 2 * ops.sum(counts, axis=(1, 2, 4))  # in x and in y
        if self.mean == "cells":
            cells = ops.mean(cells)
        return ops.divide_no_nan(total, cells)

    def get_config(self):
        return {**super().get_config(), "form": self.form, "mean": self.mean}


# By the activation of a model's heatmaps and the error to minimize.
HEATMAP_LOSSES = {
    ("softmax", "cross_entropy"): HeatmapCrossEntropy,
    ("linear", "squared"): HeatmapSquaredError,
    ("sigmoid", "cross_entropy"): SigmoidCrossEntropy,
    ("sigmoid", "squared"): SigmoidSquaredError,
}
