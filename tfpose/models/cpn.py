"""Cascaded Pyramid Network for Multi-Person Pose Estimation.

Chen, Wang, Peng, Zhang, Yu and Sun, CVPR 2018, arXiv 1711.07319, as in the authors'
code (chenyilun95/tf-cpn): a pyramid of features finds the easy joints, and all its
levels together find the rest.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.resnet import (
    EPSILON,
    MOMENTUM,
    TINY_WIDTHS,
    bottleneck,
    center,
    convolution,
    resnet_stages,
    small_resnet,
)

# Trunks by name: f32[B, H, W, 3] to features at strides 4, 8, 16 and 32.
TRUNKS = {
    "resnet50": lambda x: resnet_stages(x, 50),
    "resnet101": lambda x: resnet_stages(x, 101),
    "resnet152": lambda x: resnet_stages(x, 152),
    "tiny": lambda x: small_resnet(x, TINY_WIDTHS),
}
# ResNet's numbers for these levels.
LEVELS = (2, 3, 4, 5)
# Standard deviations of the targets of levels 2 to 5, px at 256x192. The authors blur
# with windows of 15, 11, 9 and 7 cells; OpenCV turns them into 2.6, 2.0, 1.7 and 1.4
# cells. Their code notes that this order is reversed and keeps it, because their
# published networks were trained that way.
SIGMAS = (10.4, 8.0, 6.8, 5.6)
# The authors' maps peak at 255 and start with a standard deviation of 1; ours peak at
# 1.
FIRST_SCALE = 1 / 255


@keras.saving.register_keras_serializable(package=PACKAGE)
class CPN(PoseEstimator):
    """GlobalNet, supervised at each level, and RefineNet, which sees all levels.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "global2", "global3", "global4", "global5" and RefineNet's
    "heatmap", all linear f32[B, H/4, W/4, K]; "keypoints" f32[B, K, 2] crop px, the
    peaks of "heatmap".

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        trunk: a key of ``TRUNKS``.
        filters: of the pyramid.
        sigmas: standard deviations of the targets of "global2" to "global5", px.
        normalization: "momentum" and "epsilon" of the batch normalizations; by default
            0.9 and 1e-5. The authors' code has 0.99 and 1e-9.

    Raises:
        TfposeError: a size not a multiple of 32, an unknown trunk, filters not even, or
            not four positive sigmas.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 192),
        trunk="resnet50",
        filters=256,
        sigmas=SIGMAS,
        normalization=None,
        name="cpn",
        trainable=True,
    ):
        input_size, sigmas = tuple(input_size), tuple(sigmas)
        if any(side % 32 for side in input_size):
            raise TfposeError(f"input_size: expected multiples of 32, got {input_size}")
        if trunk not in TRUNKS:
            raise TfposeError(f"trunk: expected one of {list(TRUNKS)}, got {trunk!r}")
        if filters < 2 or filters % 2:
            raise TfposeError(f"filters: expected an even number, got {filters}")
        if len(sigmas) != len(LEVELS) or not all(sigma > 0 for sigma in sigmas):
            raise TfposeError(f"sigmas: expected four positive numbers, got {sigmas}")
        image = image_input(input_size)
        levels = pyramid(TRUNKS[trunk](center(image)), filters)
        maps = {
            f"global{number}": level_maps(level, joints, 2**index, f"global{number}")
            for index, (number, level) in enumerate(zip(LEVELS, levels, strict=True))
        }
        features = refine(levels)
        maps["heatmap"] = normalized_maps(features, joints, "refine_maps")
        super().__init__(
            image,
            maps,
            features,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "trunk": trunk,
                "filters": filters,
                "sigmas": sigmas,
                "normalization": normalization,
            },
            targets={
                f"global{number}": {"sigma": sigma}
                for number, sigma in zip(LEVELS, sigmas, strict=True)
            },
            name=name,
            trainable=trainable,
        )


def enlarge(x, factor: int, name: str):
    """Bilinear and cell-centered; the authors' is off by up to half a cell."""
    if factor == 1:
        return x
    # Maps stay float32 under any policy.
    return layers.UpSampling2D(
        factor, interpolation="bilinear", name=name, dtype=x.dtype
    )(x)


def pyramid(stages, filters: int) -> list:
    """GlobalNet's features: each level plus what the coarser ones found.

    Args:
        stages: of the trunk, from stride 4 to stride 32.
        filters: of each level.

    Returns:
        f32[B, H/4, W/4, filters] to f32[B, H/32, W/32, filters], without ReLU after
        sums.
    """
    found = []
    for number, stage in reversed(list(zip(LEVELS, stages, strict=True))):
        level = convolution(stage, filters, 1, f"lateral{number}")
        if found:
            above = enlarge(found[-1], 2, f"merge{number}_upsample")
            above = layers.Conv2D(filters, 1, name=f"merge{number}_conv")(above)
            level = layers.Add(name=f"merge{number}_add")([above, level])
        found.append(level)
    return found[::-1]


def level_maps(level, joints: int, factor: int, name: str):
    """One level's heatmaps, f32[B, H/4, W/4, K], linear.

    Made at the level's own resolution, then enlarged by ``factor``.
    """
    x = convolution(level, level.shape[-1], 1, f"{name}_features")
    maps = normalized_maps(x, joints, f"{name}_maps")
    return enlarge(maps, factor, f"{name}_upsample")


def normalized_maps(x, joints: int, name: str):
    """Heatmaps from a normalized 3x3 convolution, as in the authors' code."""
    x = layers.Conv2D(
        joints, 3, padding="same", use_bias=False, name=f"{name}_conv", dtype="float32"
    )(x)
    return layers.BatchNormalization(
        epsilon=EPSILON, momentum=MOMENTUM, name=f"{name}_bn", dtype="float32",
        gamma_initializer=keras.initializers.Constant(FIRST_SCALE),
    )(x)  # fmt: skip


def refine(levels):
    """RefineNet: f32[B, H/4, W/4, filters] from all levels.

    The coarser a level, the more bottlenecks it passes: 0, 1, 2 and 3.
    """
    filters, together = levels[0].shape[-1], []
    for index, (number, x) in enumerate(zip(LEVELS, levels, strict=True)):
        for block in range(index):
            name = f"refine{number}_block{block}"
            x = bottleneck(x, filters // 2, 1, name, expansion=2)
        together.append(enlarge(x, 2**index, f"refine{number}_upsample"))
    x = layers.Concatenate(name="refine_levels")(together)
    return bottleneck(x, filters // 2, 1, "refine_last", expansion=2)
