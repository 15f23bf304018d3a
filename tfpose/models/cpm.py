"""Convolutional Pose Machines.

Wei, Ramakrishna, Kanade and Sheikh, CVPR 2016, arXiv 1602.00134, as in the authors'
Caffe nets (shihenw/convolutional-pose-machines-release); layers have their names. Each
stage sees the image and the maps of the stage before. Ours takes RGB, theirs BGR: the
first kernels' input channels are reversed. Ours expects the person in the middle of the
crop; theirs takes the position as input.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, MapLayer
from tfpose.models.base import PoseEstimator, image_input

STRIDE = 8
DROPOUT = 0.5
# Of the convolutions that see the image; others have multiples or fractions.
FILTERS = 128


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConvolutionalPoseMachine(PoseEstimator):
    """Stages of large convolutions, each supervised by the same maps.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "stage1", "stage2" ... and "heatmap" for the last stage, all linear
    f32[B, H/8, W/8, K + 1], joints and background; "keypoints" f32[B, K, 2] crop px,
    the peaks of "heatmap".

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 8.
        stages: the paper's 6 (4 for FLIC).
        filters: the authors' 128, or fewer for small machines.

    Raises:
        TfposeError: a size not a multiple of 8, no stage, or too few filters.
    """

    def __init__(
        self,
        joints,
        input_size=(368, 368),
        stages=6,
        filters=FILTERS,
        name="cpm",
        trainable=True,
    ):
        input_size = tuple(input_size)
        if any(side % STRIDE for side in input_size):
            raise TfposeError(
                f"input_size: expected multiples of {STRIDE}, got {input_size}"
            )
        for argument, number, least in (("stages", stages, 1), ("filters", filters, 4)):
            if number < least:
                raise TfposeError(
                    f"{argument}: expected at least {least}, got {number}"
                )
        image = image_input(input_size)
        maps, found = convolutional_pose_machine(image, joints + 1, stages, filters)
        outputs = {f"stage{n}": one for n, one in enumerate(maps[:-1], start=1)}
        super().__init__(
            image,
            {**outputs, "heatmap": maps[-1]},
            found,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "stages": stages,
                "filters": filters,
            },
            targets={name: {"background": True} for name in (*outputs, "heatmap")},
            name=name,
            trainable=trainable,
        )


@keras.saving.register_keras_serializable(package=PACKAGE)
class CenterMap(MapLayer):
    """Marks the person with a Gaussian in the middle of the crop, in cells.

    It is drawn in pixels with peak 1, then averaged over 9 x 9 px windows that begin at
    each cell's first pixel and end with the crop, as in the authors' net.

    Args:
        sigma: standard deviation, px.

    Call: f32[B, H, W, C], only its size counts -> f32[B, H/8, W/8, 1].
    """

    def __init__(self, sigma=21.0, **kwargs):
        super().__init__(**kwargs)
        self.sigma = sigma

    def call(self, image):
        people, height, width = ops.shape(image)[:3]
        rows, columns = self._profile(height), self._profile(width)  # (1, h, 1) each
        # The mean of the product of row and column values is the product of means.
        maps = rows[..., None] * ops.transpose(columns, (0, 2, 1))[..., None]
        return ops.tile(maps, (people, 1, 1, 1))

    def _profile(self, pixels):
        positions = ops.arange(pixels, dtype="float32")
        middle = (ops.cast(pixels, "float32") - 1) / 2
        values = ops.exp(-ops.square(positions - middle) / (2 * self.sigma**2))
        return ops.average_pool(values[None, :, None], 9, STRIDE, "same")

    def compute_output_shape(self, shape):
        cells = [side and -(-side // STRIDE) for side in shape[1:3]]
        return (shape[0], *cells, 1)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma}


def convolution(x, filters: int, size: int, name: str, activation="relu", dtype=None):
    """Same-size convolution with bias, initialized as in the authors' net."""
    return layers.Conv2D(
        filters, size, 1, "same", activation=activation, name=name, dtype=dtype,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
    )(x)  # fmt: skip


def image_features(image, stage: int, filters: int):
    """Three 9x9 layers, each pooled: f32[B, H, W, 3] to f32[B, H/8, W/8, filters].

    Pools are the authors': 3x3 windows that begin at a cell's first pixel, reach beyond
    its second, and end with the image. So a cell sees the image around a point 3.5 px
    to the right of and below its own middle.
    """
    for index in (1, 2, 3):
        image = convolution(image, filters, 9, f"conv{index}_stage{stage}")
        image = layers.MaxPooling2D(3, 2, "same", name=f"pool{index}_stage{stage}")(
            image
        )
    return image


def first_stage(image, filters: int):
    """The features of the first stage: f32[B, H/8, W/8, 4 filters]."""
    x = image_features(image, 1, filters)
    x = convolution(x, filters // 4, 5, "conv4_stage1")
    x = convolution(x, 4 * filters, 9, "conv5_stage1")
    x = layers.Dropout(DROPOUT, name="drop5_stage1")(x)
    x = convolution(x, 4 * filters, 1, "conv6_stage1")
    return layers.Dropout(DROPOUT, name="drop6_stage1")(x)


def later_stage(image, maps, center, stage: int, filters: int):
    """The features of a later stage: f32[B, H/8, W/8, filters], "Mconv4".

    Args:
        image: f32[B, H/8, W/8, filters], the second stage's image features.
        maps: f32[B, H/8, W/8, outputs], of the stage before.
        center: f32[B, H/8, W/8, 1].
        stage: its number, from 2.
        filters: of its convolutions.
    """
    own = "conv4_stage2" if stage == 2 else f"conv1_stage{stage}"
    x = convolution(image, filters // 4, 5, own)
    x = layers.Concatenate(name=f"concat_stage{stage}")([x, maps, center])
    for index in (1, 2, 3):
        x = convolution(x, filters, 11, f"Mconv{index}_stage{stage}")
    return convolution(x, filters, 1, f"Mconv4_stage{stage}")


def stage_maps(features, outputs: int, stage: int):
    """A stage's maps, linear: its last 1x1 convolution."""
    name = "conv7_stage1" if stage == 1 else f"Mconv5_stage{stage}"
    return convolution(features, outputs, 1, name, activation=None, dtype="float32")


def features(image, outputs: int, stages: int, filters: int = FILTERS):
    """The network without the last stage's last convolution, which the caller adds.

    Args:
        image: f32[B, H, W, 3] RGB 0..255; H and W multiples of 8.
        outputs: maps per stage, K joints and the background.
        stages: one or more; the paper's 6.
        filters: of most convolutions; the authors' 128.

    Returns:
        Maps of all stages but the last, a list of linear f32[B, H/8, W/8, outputs]; the
        last stage's features, f32[B, H/8, W/8, filters], or four times as many if it is
        the first.
    """
    center = CenterMap(name="center_map")(image) if stages > 1 else None
    image = layers.Rescaling(1 / 256, offset=-0.5, name="scale_image", dtype="float32")(
        image
    )
    found, maps = first_stage(image, filters), []
    if stages > 1:
        image = image_features(image, 2, filters)  # for all later stages
    for stage in range(2, stages + 1):
        maps.append(stage_maps(found, outputs, stage - 1))
        found = later_stage(image, maps[-1], center, stage, filters)
    return maps, found


def convolutional_pose_machine(
    image, outputs: int, stages: int, filters: int = FILTERS
):
    """The whole network: ``features`` and the last stage's maps.

    Args:
        image, outputs, stages, filters: as in ``features``.

    Returns:
        Maps of all stages, a list of linear f32[B, H/8, W/8, outputs]; the last stage's
        features, from which its maps are made.
    """
    maps, found = features(image, outputs, stages, filters)
    return [*maps, stage_maps(found, outputs, stages)], found
