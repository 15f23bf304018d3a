"""Simple Baselines for Human Pose Estimation and Tracking.

Xiao, Wu and Wei, ECCV 2018, arXiv 1804.06208: a residual trunk, and three transposed
convolutions that enlarge its features. PoseFix and HCRN use this head, too.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.conventions import Conventions
from tfpose.models.resnet import convolution, normalize
from tfpose.models.trunks import TRUNKS


@keras.saving.register_keras_serializable(package=PACKAGE)
class SimpleBaseline(PoseEstimator):
    """The network of SimpleBaseline section 2, as in the authors' code.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, H/4, W/4, K], Gaussian maps; "keypoints"
    f32[B, K, 2] crop px, their peaks.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        trunk: a key of ``trunks.TRUNKS``.
        filters: of the three transposed convolutions.
        conventions: a dict of ``Conventions``' settings, for published weights; by
            default, this package's.

    Raises:
        TfposeError: a size not a multiple of 32, an unknown trunk, or not three
            filters.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 192),
        trunk="resnet50",
        filters=(256, 256, 256),
        conventions=None,
        name="simple_baseline",
        trainable=True,
    ):
        input_size, filters = tuple(input_size), tuple(filters)
        image, features, own = trunk_and_head(input_size, trunk, filters, conventions)
        super().__init__(
            image,
            {"heatmap": map_head(features, joints)},
            features,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "trunk": trunk,
                "filters": filters,
                "conventions": conventions,
            },
            conventions=own,
            name=name,
            trainable=trainable,
        )


def trunk_and_head(
    input_size, trunk: str, filters: tuple[int, ...], conventions=None
) -> tuple:
    """The network up to its last layer, which reads heatmaps out of the features.

    Returns:
        The input "image" f32[B, H, W, 3] RGB 0..255, f32[B, H/4, W/4, filters[2]], and
        the ``Conventions``, by default the trunk's.

    Raises:
        TfposeError: as in ``SimpleBaseline``.
    """
    if input_size[0] % 32 or input_size[1] % 32:
        raise TfposeError(f"input_size: expected multiples of 32, got {input_size}")
    if trunk not in TRUNKS:
        raise TfposeError(f"trunk: expected one of {list(TRUNKS)}, got {trunk!r}")
    if len(filters) != 3:
        raise TfposeError(f"filters: expected three (stride 32 to 4), got {filters}")
    image = image_input(input_size)
    of_trunk = TRUNKS[trunk]
    own = of_trunk.conventions
    if conventions is not None:
        own = Conventions.of(conventions)
    features = of_trunk.features(own.prepare(image))
    return image, deconvolutions(features, filters), own


def deconvolutions(features, filters: tuple[int, ...]):
    """4x4 transposed convolutions of stride 2; each doubles height and width.

    Args:
        features: a list that ends with f32[B, h, w, C]; 1x1 convolutions add any
            earlier ones, at twice, four times ... its resolution, to the maps.
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
        x = normalize(x, f"head_deconv{index}", relu=not laterals)
        if laterals:
            lateral = convolution(
                laterals.pop(), count, 1, f"head_lateral{index}", relu=False
            )
            x = layers.Add(name=f"head_sum{index}")([x, lateral])
            x = layers.ReLU(name=f"head_sum{index}_relu")(x)
    return x


def map_head(x, channels: int, name: str = "head_logits", bias: float = 0.0):
    """The 1x1 convolution from features to heatmaps, one per channel."""
    return layers.Conv2D(
        channels, 1, name=name, dtype="float32",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        bias_initializer=keras.initializers.Constant(bias),
    )(x)  # fmt: skip
