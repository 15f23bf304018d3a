"""Transposed convolutions that enlarge a trunk's features (arXiv 1804.06208).

Simple Baselines for Human Pose Estimation and Tracking, Xiao, Wu and Wei, ECCV 2018.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.models.resnet import convolution, normalise


def deconvolutions(features, filters: tuple[int, ...]):
    """Transposed convolutions 4x4 / 2, each doubles height and width.

    Args:
        features: f32[B, h, w, C], and before it in the list any features at twice, four
            times ... its resolution, which a 1x1 convolution adds to the maps.
        filters: of the n transposed convolutions.

    Returns:
        f32[B, h 2^n, w 2^n, filters[-1]].
    """
    *laterals, x = features
    for index, count in enumerate(filters):
        x = layers.Conv2DTranspose(
            count, 4, 2, "same", use_bias=False, name=f"head_deconv{index}",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01),
        )(x)  # fmt: skip
        x = normalise(x, f"head_deconv{index}", relu=not laterals)
        if laterals:
            lateral = convolution(
                laterals.pop(), count, 1, f"head_lateral{index}", relu=False
            )
            x = layers.Add(name=f"head_sum{index}")([x, lateral])
            x = layers.ReLU(name=f"head_sum{index}_relu")(x)
    return x


def map_head(x, channels: int, name: str = "head_logits", bias: float = 0.0):
    """The 1x1 convolution that reads a heatmap a channel out of features."""
    return layers.Conv2D(
        channels, 1, name=name,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        bias_initializer=keras.initializers.Constant(bias),
    )(x)  # fmt: skip
