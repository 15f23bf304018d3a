"""Codecs: how joint coordinates become training targets.

A codec is a frozen dataclass with ``encode(keypoints, valid)`` and ``weights(valid)``,
which marks the known maps. The layer that reads a model's maps inverts ``encode``:
``SoftArgmax``, ``PeakPosition`` or ``OffsetPosition``. Keypoints are in crop pixels
(C), heatmaps in cells (H); B batch, K joints, h x w cells.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfpose.errors import TfposeError
from tfpose.geometry.cells import to_cells
from tfpose.layers.offsets import DEVIATION


@dataclasses.dataclass(frozen=True)
class Codec:
    """What all codecs share.

    Args:
        input_size: (height, width) of the crop in px.
        stride: px per cell; may be a fraction.
        origin: where the first cell lies, a key of ``geometry.cells.ORIGINS``.
    """

    input_size: tuple[int, int]
    stride: float = 4
    origin: str = dataclasses.field(default="center", kw_only=True)

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(height, width) in cells."""
        height, width = self.input_size
        return round(height / self.stride), round(width / self.stride)

    def weights(self, valid):
        """f32[B, K], 1 for labeled joints -> f32[B, C], the weight of each map.

        C is the number of channels of ``encode``.
        """
        return valid

    def _distances(self, keypoints):
        """Cells from each joint to each column and row: f32[B, K, w], f32[B, K, h]."""
        cells = to_cells(keypoints, self.stride, self.origin)
        height, width = self.heatmap_size
        columns = tf.range(width, dtype=tf.float32) - cells[..., :1]
        rows = tf.range(height, dtype=tf.float32) - cells[..., 1:]
        return columns, rows


@dataclasses.dataclass(frozen=True)
class IntegralHeatmap(Codec):
    """One-hot maps spread bilinearly over four cells, read by their expectation.

    Integral Human Pose Regression (arXiv 1711.08229); the target is that of PoseFix
    section 5.2. Departure from PoseFix's code: cells are mapped by pixel centers
    (``geometry.cells``), not by x / stride, so that mirrored crops have mirrored
    targets.
    """

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K].

        Each valid joint's map sums to 1. A joint whose four cells all lie outside has a
        zero map.
        """
        columns, rows = self._distances(keypoints)
        columns = tf.maximum(1 - tf.abs(columns), 0)
        rows = tf.maximum(1 - tf.abs(rows), 0)
        maps = tf.einsum("bkh,bkw->bhwk", rows, columns)
        # Joints near the border lose the cells outside; rescale the rest to sum to 1.
        total = tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
        return tf.math.divide_no_nan(maps, total) * valid[:, None, None, :]


@dataclasses.dataclass(frozen=True)
class GaussianHeatmap(Codec):
    """Gaussian maps with a peak of 1 at the exact, unrounded joint.

    Args:
        sigma: standard deviation in px of C, so that maps look the same at any
            resolution: EnhanceNet's rule for maps with r times the cells (Eq. 6).
    """

    sigma: float = 8.0

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K] in [0, 1]."""
        columns, rows = self._distances(keypoints)
        cells = self.sigma / self.stride
        columns = tf.exp(-tf.square(columns) / (2 * cells**2))
        rows = tf.exp(-tf.square(rows) / (2 * cells**2))
        return tf.einsum("bkh,bkw->bhwk", rows, columns) * valid[:, None, None, :]


@dataclasses.dataclass(frozen=True)
class BinaryDisc(Codec):
    """Maps that are 1 within ``radius`` px of the joint and 0 elsewhere (HCRN IV.A).

    A cell counts if its center lies in the disc; a joint inside the crop has at least
    the nearest cell. (We take HCRN's 10 pixels to be pixels of the crop.)

    Args:
        radius: px of C; HCRN's 10 at 368x368, 12 at 384x384.
    """

    radius: float = 10.0

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K] of 0 and 1.

        A joint outside the crop has no nearest cell: its map may be zero.
        """
        columns, rows = self._distances(keypoints)
        squared = tf.square(rows)[..., :, None] + tf.square(columns)[..., None, :]
        disc = squared <= (self.radius / self.stride) ** 2  # (B, K, h, w)
        # Half a cell, plus a hair for joints midway between two cells.
        near = tf.abs(rows)[..., :, None] < 0.501
        near &= tf.abs(columns)[..., None, :] < 0.501
        maps = tf.cast(disc | near, tf.float32) * valid[..., None, None]
        return tf.transpose(maps, (0, 2, 3, 1))


@dataclasses.dataclass(frozen=True)
class PartHeatmap(GaussianHeatmap):
    """Maps of P body parts: exp(-d^2 / (2 sigma^2)) around their bones.

    Deeply Learned Compositional Models (Tang, Yu and Wu, ECCV 2018): a part of several
    joints has no single position; its map shows where its bones are, which way they
    point and how long they are.

    d is a cell's distance from the segment between a bone's joints, so a bone of zero
    length is a joint's Gaussian. The authors' code draws truncated Gaussians at all
    whole cells of the segment but the last; the difference is below a cell.

    Args:
        sigma: standard deviation in px of C.
        parts: the bones of each part, as pairs of joint indices.
        joints_follow: whether the maps of all K joints follow those of the parts.

    Raises:
        TfposeError: no part, or one without bones.
    """

    parts: tuple = ()
    joints_follow: bool = False

    def __post_init__(self):
        if not self.parts or not all(self.parts):
            raise TfposeError(f"parts: expected bones of each part, got {self.parts}")

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, P (+ K)] in [0, 1].

        A part is the maximum of its bones. A bone that lacks a joint is not drawn; a
        part without drawn bones is zero.
        """
        bones = sorted({bone for part in self.parts for bone in part})
        drawn = self._bones(keypoints, bones) * _present(valid, bones)[..., None, None]
        maps = [
            tf.reduce_max(
                tf.gather(drawn, [bones.index(bone) for bone in part], axis=1), axis=1
            )
            for part in self.parts
        ]
        maps = tf.stack(maps, axis=-1)  # (B, h, w, P)
        if self.joints_follow:
            maps = tf.concat([maps, super().encode(keypoints, valid)], axis=-1)
        return maps

    def weights(self, valid):
        """f32[B, K] -> f32[B, P (+ K)], 1 for parts with a bone to draw.

        Other parts are unknown, not absent ("ignoreEmptyLabel" in the authors' code).
        """
        parts = [
            tf.reduce_max(_present(valid, part), axis=1, keepdims=True)
            for part in self.parts
        ]
        return tf.concat([*parts, valid] if self.joints_follow else parts, axis=-1)

    def _bones(self, keypoints, bones):
        """f32[B, K, 2] C -> f32[B, N, h, w], each of the N bones drawn."""
        cells = to_cells(keypoints, self.stride, self.origin)
        first = tf.gather(cells, [start for start, _ in bones], axis=1)
        along = tf.gather(cells, [end for _, end in bones], axis=1) - first  # (B, N, 2)
        first, along = first[:, :, None, None], along[:, :, None, None]
        height, width = self.heatmap_size
        columns, rows = tf.meshgrid(tf.range(width), tf.range(height))
        places = tf.cast(tf.stack([columns, rows], axis=-1), tf.float32)  # (h, w, 2)
        offset = places - first  # (B, N, h, w, 2)
        squared = tf.reduce_sum(tf.square(along), axis=-1)
        # Where along the bone its point nearest to the cell lies, 0 to 1.
        share = tf.math.divide_no_nan(tf.reduce_sum(offset * along, axis=-1), squared)
        nearest = tf.clip_by_value(share, 0, 1)[..., None] * along
        distance = tf.reduce_sum(tf.square(offset - nearest), axis=-1)
        return tf.exp(-distance / (2 * (self.sigma / self.stride) ** 2))


@dataclasses.dataclass(frozen=True)
class OffsetDisc(Codec):
    """Offsets to each joint from the cells near it (PoseRefiner section 3).

    Args:
        radius: px of C; cells whose center is within it have a target.
        deviation: px, the unit of the offsets; the layers' ``offsets.DEVIATION``.
    """

    radius: float = 15.0
    deviation: float = DEVIATION

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K, 3]: x, y, 1 at near cells."""
        columns, rows = self._distances(keypoints)  # from the joint to the cell
        near = BinaryDisc(self.input_size, self.stride, self.radius, origin=self.origin)
        near = near.encode(keypoints, valid)  # (B, h, w, K)
        unit = -self.stride / self.deviation
        x = unit * tf.transpose(columns, (0, 2, 1))[:, None] * near
        y = unit * tf.transpose(rows, (0, 2, 1))[:, :, None] * near
        return tf.stack([x, y, near], axis=-1)


@dataclasses.dataclass(frozen=True)
class PersonCenter(GaussianHeatmap):
    """One map for a person: a Gaussian at the mean of the labeled joints (MoveNet)."""

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, 1] in [0, 1]."""
        return super().encode(center_of(keypoints, valid), self.weights(valid))

    def weights(self, valid):
        """f32[B, K] -> f32[B, 1], 1 for people with a labeled joint."""
        return tf.reduce_max(valid, axis=-1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class CenterOffsets(OffsetDisc):
    """Offsets to each joint from the cells near the person's center (MoveNet)."""

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K, 3]: x, y, 1 at near cells."""
        center = tf.broadcast_to(center_of(keypoints, valid), tf.shape(keypoints))
        from_center = super().encode(center, valid)
        away = (keypoints - center) / self.deviation  # (B, K, 2)
        near = from_center[..., 2:]
        offsets = from_center[..., :2] + away[:, None, None] * near
        return tf.concat([offsets, near], axis=-1)


def center_of(keypoints, valid):
    """The mean of the labeled joints: f32[B, K, 2], f32[B, K] -> f32[B, 1, 2]."""
    total = tf.reduce_sum(keypoints * valid[..., None], axis=1, keepdims=True)
    return total / tf.maximum(tf.reduce_sum(valid, axis=1)[:, None, None], 1)


CODECS = {
    "integral": IntegralHeatmap,
    "gaussian": GaussianHeatmap,
    "disc": BinaryDisc,
    "parts": PartHeatmap,
    "offsets": OffsetDisc,
    "center": PersonCenter,
    "center_offsets": CenterOffsets,
}
# A codec without maps: the targets of tags are the joints of all people.
TAGS = "tags"


@dataclasses.dataclass(frozen=True)
class WithBackground:
    """A codec's maps plus a background, 1 where no joint is: K + 1 channels.

    Args:
        codec: encodes the joints' maps, in 0..1.
    """

    codec: Codec

    def encode(self, keypoints, valid):
        """f32[B, K, 2] C, f32[B, K] -> f32[B, h, w, K + 1]."""
        maps = self.codec.encode(keypoints, valid)
        background = 1 - tf.reduce_max(maps, axis=-1, keepdims=True)
        return tf.concat([maps, background], axis=-1)

    def weights(self, valid):
        """f32[B, K] -> f32[B, K + 1]; background: the share of labeled joints."""
        known = tf.reduce_mean(valid, axis=-1, keepdims=True)
        return tf.concat([valid, known], axis=-1)


def _present(valid, bones):
    """f32[B, K] -> f32[B, N], 1 for bones whose joints are both labeled."""
    starts = tf.gather(valid, [start for start, _ in bones], axis=1)
    return starts * tf.gather(valid, [end for _, end in bones], axis=1)


@dataclasses.dataclass(frozen=True)
class AllPeople:
    """A codec's maps of all people in the crop: the maximum in each cell.

    Args:
        codec: encodes one person's maps, 0 where there is no joint.
    """

    codec: Codec

    def encode(self, keypoints, valid):
        """f32[B, P, K, 2] C, f32[B, P, K] -> f32[B, h, w, K]; P at least 1."""
        # One person at a time: the maps of all would be many times a batch.
        first = self.codec.encode(keypoints[:, 0], valid[:, 0])
        others = keypoints[:, 1:], valid[:, 1:]
        return tf.foldl(
            lambda maps, person: tf.maximum(maps, self.codec.encode(*person)),
            (tf.transpose(others[0], (1, 0, 2, 3)), tf.transpose(others[1], (1, 0, 2))),
            first,
        )

    def weights(self, valid):
        """f32[B, P, K] -> f32[B, K] of ones: the maps cover everyone's joints."""
        return tf.ones_like(self.codec.weights(valid[:, 0]))


@dataclasses.dataclass(frozen=True)
class JointsOfPeople:
    """Targets of ``losses.AssociativeTags``: joint positions instead of maps."""

    def encode(self, keypoints, valid):
        """f32[B, P, K, 2] C, f32[B, P, K] -> f32[B, P, K, 3]."""
        return tf.concat([keypoints, valid[..., None]], axis=-1)

    def weights(self, valid):
        """f32[B, P, K] -> f32[B] of ones: the loss is one number per crop."""
        return tf.ones_like(valid[:, 0, 0])
