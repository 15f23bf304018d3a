"""VGG-16 at stride 8, in the form of DeepLab-LargeFOV.

Simonyan and Zisserman, arXiv 1409.1556; Chen et al., arXiv 1412.7062. HCRN reads "fc7"
of a VGG-16 dilated to stride 8, but does not say which. Its reported time fits this one
(64.9e9 multiply-adds at 368 x 368), not Yu and Koltun's with a 7x7 fc6 of 4096 filters
(305.6e9).
"""

from __future__ import annotations

from keras import layers

from tfpose.models.resnet import center

# Convolutions of each block, their filters and their dilation.
BLOCKS = ((2, 64, 1), (2, 128, 1), (3, 256, 1), (3, 512, 1), (3, 512, 2))
FC_FILTERS = 1024
FC6_DILATION = 12
DROPOUT = 0.5


def convolution(x, filters: int, size: int, name: str, dilation: int = 1):
    """Same-size convolution with bias and ReLU."""
    return layers.Conv2D(
        filters, size, 1, "same", dilation_rate=dilation, activation="relu",
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip


def large_fov(image):
    """The features "fc7", f32[B, H/8, W/8, 1024]; each sees 428 px of the image.

    The first three pools have VGG's 2x2 windows, as its weights were trained. DeepLab's
    3x3 windows with stride 2 need sizes of 8n + 1: on multiples of 8, they see more on
    one side of a cell or make an extra row and column. The pools without stride are
    DeepLab's: 3x3, with an average after the last. DeepLab starts fc6 and fc7 from
    VGG's dense layers; here they start at random.

    Args:
        image: f32[B, H, W, 3] RGB 0..255; H and W multiples of 8.
    """
    x = center(image)
    for block, (convolutions, filters, dilation) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            x = convolution(x, filters, 3, f"conv{block}_{index}", dilation)
        if block <= 3:
            x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        else:
            x = layers.MaxPooling2D(3, 1, "same", name=f"pool{block}")(x)
    x = layers.AveragePooling2D(3, 1, "same", name="pool5_average")(x)
    x = convolution(x, FC_FILTERS, 3, "fc6", FC6_DILATION)
    x = layers.Dropout(DROPOUT, name="fc6_dropout")(x)
    x = convolution(x, FC_FILTERS, 1, "fc7")
    return layers.Dropout(DROPOUT, name="fc7_dropout")(x)
