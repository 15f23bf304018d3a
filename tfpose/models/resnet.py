"""Residual trunks (He et al., CVPR 2016, arXiv 1512.03385).

As in PoseFix and SimpleBaseline, convolutions have no bias, and a bottleneck strides in
its 3x3 convolution. ``keras.applications`` has biases and strides in the first 1x1, so
it does not reproduce those papers' parameter counts.
"""

from __future__ import annotations

from keras import layers

from tfpose.errors import TfposeError

# Blocks in each of the four stages.
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# RGB means of the ImageNet photos, subtracted from 0..255.
IMAGE_MEAN = (123.68, 116.78, 103.94)
# Filters of the stem and the stages of the small net for two CPU cores.
TINY_WIDTHS = (32, 32, 64, 128, 192)
EPSILON = 1e-5
MOMENTUM = 0.9


def center(image, mean=IMAGE_MEAN):
    """f32[B, H, W, 3] RGB 0..255 minus means, by default of the ImageNet photos."""
    offset = [-one for one in mean]
    return layers.Rescaling(1.0, offset=offset, name="center_image", dtype="float32")(
        image
    )


def normalize(x, name: str, relu: bool = True):
    """Batch normalization and, by default, ReLU."""
    x = layers.BatchNormalization(
        epsilon=EPSILON, momentum=MOMENTUM, name=f"{name}_bn"
    )(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def convolution(x, filters: int, size: int, name: str, stride=1, relu=True, dilation=1):
    """Convolution without bias, padded by (size - 1) / 2, then ``normalize``.

    Its taps are ``dilation`` cells apart; a stride above 1 needs a dilation of 1.
    Padding is explicit: Keras' "same" pads strided convolutions on the far side only,
    which shifts the features by half a pixel and breaks mirror symmetry.
    """
    if stride > 1 and size > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    else:
        padding = "same"
    x = layers.Conv2D(
        filters, size, stride, padding, dilation_rate=dilation, use_bias=False,
        name=f"{name}_conv", kernel_initializer="he_normal",
    )(x)  # fmt: skip
    return normalize(x, name, relu)


def bottleneck(x, filters: int, stride: int, name: str, dilation=1, expansion=4):
    """1x1, 3x3, 1x1 with ``expansion`` times the filters, added to the input."""
    shortcut, wide = x, expansion * filters
    if stride > 1 or x.shape[-1] != wide:
        shortcut = convolution(x, wide, 1, f"{name}_shortcut", stride, relu=False)
    x = convolution(x, filters, 1, f"{name}_reduce")
    x = convolution(x, filters, 3, f"{name}_spatial", stride, dilation=dilation)
    x = convolution(x, wide, 1, f"{name}_expand", relu=False)
    return layers.ReLU(name=f"{name}_out")(
        layers.Add(name=f"{name}_add")([shortcut, x])
    )


def basic_block(x, filters: int, stride: int, name: str):
    """Two 3x3 convolutions added to the input."""
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = convolution(x, filters, 1, f"{name}_shortcut", stride, relu=False)
    x = convolution(x, filters, 3, f"{name}_first", stride)
    x = convolution(x, filters, 3, f"{name}_second", relu=False)
    return layers.ReLU(name=f"{name}_out")(
        layers.Add(name=f"{name}_add")([shortcut, x])
    )


def resnet(x, depth: int, stride: int = 32):
    """The last of ``resnet_stages``: f32[B, H/stride, W/stride, 2048]."""
    return resnet_stages(x, depth, stride)[-1]


def resnet_stages(x, depth: int, stride: int = 32):
    """ResNet-50, 101 or 152.

    At stride 16 the last stage, at stride 8 the last two keep their resolution. Their
    3x3 convolutions are dilated by 2, then 4 (Yu and Koltun, arXiv 1511.07122), to see
    as far as before. So are those of a stage's first block, as in DeepLab's ResNet: in
    weights from a network that strides in the first 1x1, its 3x3 has only seen the
    coarser cells.

    Args:
        x: f32[B, H, W, any number of channels]; H and W multiples of ``stride``.
        depth: a key of ``DEPTHS``.
        stride: 32, 16 or 8, of the last stage.

    Returns:
        The four stages' outputs, f32[B, H/4, W/4, 256] to
        f32[B, H/stride, W/stride, 2048].

    Raises:
        TfposeError: an unknown depth or stride.
    """
    if depth not in DEPTHS:
        raise TfposeError(f"depth: expected one of {list(DEPTHS)}, got {depth}")
    if stride not in (8, 16, 32):
        raise TfposeError(f"stride: expected 8, 16 or 32, got {stride}")
    x = convolution(x, 64, 7, "stem", stride=2)
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    stages = []
    for stage, blocks in enumerate(DEPTHS[depth]):
        dilation = max(1, 4 * 2**stage // stride)  # undilated: stride 4, 8, 16, 32
        for block in range(blocks):
            halved = stage > 0 and block == 0 and dilation == 1
            name = f"stage{stage}_block{block}"
            x = bottleneck(x, 64 * 2**stage, 2 if halved else 1, name, dilation)
        stages.append(x)
    return stages


def small_resnet(x, widths: tuple[int, ...], blocks: int = 2):
    """Residual net of basic blocks, for two CPU cores.

    Args:
        x: f32[B, H, W, any number of channels].
        widths: filters of the stem and of the stages at strides 4, 8, 16 and 32.
        blocks: basic blocks per stage.

    Returns:
        The stages' outputs, f32[B, H/4, W/4, widths[1]] to
        f32[B, H/32, W/32, widths[4]].
    """
    stages = []
    x = convolution(x, widths[0], 5, "stem", stride=2)
    x = convolution(x, widths[1], 3, "stem_down", stride=2)
    for stage, width in enumerate(widths[1:]):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = basic_block(x, width, stride, f"stage{stage}_block{block}")
        stages.append(x)
    return stages
