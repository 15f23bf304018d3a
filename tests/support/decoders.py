"""What reads a codec's maps: the layers that models read theirs by."""

import numpy as np
import tensorflow as tf

from tfpose.codecs import IntegralHeatmap, OffsetDisc, PartHeatmap, WithBackground
from tfpose.layers.heatmaps import PeakPosition, SoftArgmax
from tfpose.layers.offsets import OffsetPosition


def decode(codec, maps):
    """Maps of ``codec.encode`` -> keypoints f32[B, K, 2] C and scores f32[B, K]."""
    maps = tf.convert_to_tensor(maps)
    if isinstance(codec, OffsetDisc):
        near, offsets = maps[..., 2], maps[..., :2]  # (B, h, w, K), (B, h, w, K, 2)
        flat = tf.reshape(offsets, (*near.shape[:3], 2 * near.shape[3]))
        points = OffsetPosition(codec.stride)(near, flat)
        return points, tf.reduce_max(near, axis=(1, 2))
    if isinstance(codec, WithBackground):
        return decode(codec.codec, maps[..., :-1])
    if isinstance(codec, PartHeatmap):
        maps = maps[..., len(codec.parts) :]
    reader = SoftArgmax if isinstance(codec, IntegralHeatmap) else PeakPosition
    return reader(codec.stride)(maps), tf.reduce_max(maps, axis=(1, 2))


def expectation(maps, stride):
    """f64[B, K, 2] C: the mean position of maps that sum to 1, by its definition."""
    maps = np.asarray(maps, np.float64)
    rows, columns = np.mgrid[: maps.shape[1], : maps.shape[2]]
    places = np.stack([columns, rows], axis=-1) * stride + (stride - 1) / 2
    return np.einsum("bhwk,hwc->bkc", maps, places)
