"""EfficientNet-Lite0, a trunk that phones run fast and that starts from ImageNet.

EfficientNet (Tan and Le, ICML 2019, arXiv 1905.11946) in the form its authors published
for devices: no squeeze-and-excitation, and ReLU6. The classifier and the convolution
before it are left out. Convolutions pad as TensorFlow's "same" does, for which the
published weights were trained.
"""

from __future__ import annotations

from keras import layers

from tfpose.models.conventions import Conventions

# Blocks of a stage, kernel, stride, expansion, and filters.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
STEM_FILTERS = 32
# The image's range as the published weights see it.
CONVENTIONS = Conventions(mean=(127.0,) * 3, scale=(128.0,) * 3)
EPSILON, MOMENTUM = 1e-3, 0.9


def efficientnet_lite0(x) -> list:
    """The features at strides 4, 8, 16, and 32.

    Args:
        x: f32[B, H, W, any number of channels]; H and W multiples of 32.

    Returns:
        f32[B, H/4, W/4, 24], f32[B, H/8, W/8, 40], f32[B, H/16, W/16, 112], and
        f32[B, H/32, W/32, 320].
    """
    x = layers.Conv2D(
        STEM_FILTERS, 3, 2, "same", use_bias=False, name="stem_conv",
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    x = normalize(x, "stem")
    features, number = [], 0
    for blocks, kernel, stride, expansion, filters in STAGES:
        for index in range(blocks):
            step = stride if index == 0 else 1
            x = block(x, kernel, step, expansion, filters, f"block{number}")
            number += 1
        if stride == 1 and features:
            features.pop()  # the last features of each resolution count
        features.append(x)
    return features[1:]  # without stride 2


def normalize(x, name: str, relu: bool = True):
    """Batch normalization and, by default, ReLU6."""
    x = layers.BatchNormalization(
        epsilon=EPSILON, momentum=MOMENTUM, name=f"{name}_bn"
    )(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def block(x, kernel: int, stride: int, expansion: int, filters: int, name: str):
    """Inverted residual: a wide depthwise convolution between two narrow 1x1.

    The first block's depthwise convolution is float32 under any policy, as MoveNet's
    (``movenet.inverted_residual``).
    """
    shortcut, width = x, x.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(
            expansion * width, 1, use_bias=False, name=f"{name}_expand_conv",
            kernel_initializer="he_normal",
        )(x)  # fmt: skip
        x = normalize(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv",
        depthwise_initializer="he_normal",
        dtype=None if expansion > 1 else "float32",
    )(x)  # fmt: skip
    x = normalize(x, f"{name}_depthwise")
    x = layers.Conv2D(
        filters, 1, use_bias=False, name=f"{name}_project_conv",
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    x = normalize(x, f"{name}_project", relu=False)
    if stride == 1 and width == filters:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x
