"""MoveNet: one person's joints, found by centers, heatmaps, and offsets.

Google, 2021 (TF Hub, movenet/singlepose): CenterNet (Zhou, Wang and Kraehenbuehl, 2019,
arXiv 1904.07850) on MobileNetV2 (Sandler et al., CVPR 2018, arXiv 1801.04381) with a
feature pyramid (Lin et al., CVPR 2017). There is no paper; this is the published graph.

Batch normalization is folded into the published weights, so these convolutions have
biases instead. Without it, the network fine-tunes at small learning rates.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from tfpose.geometry.cells import to_cells
from tfpose.layers.blocks import Channels
from tfpose.layers.heatmaps import PACKAGE, MapLayer
from tfpose.layers.offsets import OffsetPosition
from tfpose.models import resnet
from tfpose.models.base import PoseEstimator, check_size, image_input
from tfpose.models.simple_baseline import map_head

STRIDE = 4
# MobileNetV2's Table 2: blocks of a stage, stride, expansion, and filters at width 1.
STAGES = (
    (1, 1, 1, 16), (2, 2, 6, 24), (3, 2, 6, 32), (4, 2, 6, 64), (3, 1, 6, 96),
    (3, 2, 6, 160), (1, 1, 6, 320),
)  # fmt: skip
STEM_FILTERS, LAST_FILTERS = 32, 1280
# Features that the pyramid sums: the last block at strides 4, 8, and 16.
LATERAL_BLOCKS = {2: 24, 5: 32, 9: 64}  # block: the lateral convolution's filters
HEAD_FILTERS = 96
THUNDER = 1.75  # its width
# Cells. A belief counts half where it lies this far from the joint that the person's
# center predicts; a center, where it lies this far from the middle of the crop.
REACH = 1.8


def depthwise_start():
    """He's start of a 3x3 depthwise kernel, which Keras takes for a dense one."""
    return keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)


@keras.saving.register_keras_serializable(package=PACKAGE)
class NearestCenter(MapLayer):
    """Prefers the person nearest the middle of the crop: REACH / (REACH + d).

    Call: belief of centers f32[B, h, w, 1] -> f32[B, h, w, 1], weighted by the distance
    d to the cell (h / 2, w / 2), in cells.
    """

    def call(self, centers):
        height, width = centers.shape[1:3]
        rows = ops.arange(height, dtype="float32")[:, None, None] - height // 2
        columns = ops.arange(width, dtype="float32")[None, :, None] - width // 2
        distance = ops.sqrt(ops.square(rows) + ops.square(columns))
        return centers * (REACH / (REACH + distance))


@keras.saving.register_keras_serializable(package=PACKAGE)
class NearPosition(MapLayer):
    """Prefers the joints near those that a person's center predicts.

    Call: beliefs f32[B, h, w, K], predicted keypoints f32[B, K, 2] C -> beliefs
    times REACH / (REACH + d), d in cells.
    """

    def __init__(self, stride=STRIDE, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, belief, predicted):
        height, width = belief.shape[1:3]
        cells = to_cells(predicted, self.stride)[:, None, None]  # (B, 1, 1, K, 2)
        rows = ops.arange(height, dtype="float32")[None, :, None, None] - cells[..., 1]
        columns = ops.arange(width, dtype="float32")[None, None, :, None]
        distance = ops.sqrt(ops.square(rows) + ops.square(columns - cells[..., 0]))
        return belief * (REACH / (REACH + distance))

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package=PACKAGE)
class MoveNet(PoseEstimator):
    """MoveNet SinglePose; the default numbers are those of "Thunder".

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict, with maps of H/4 x W/4 cells: "heatmap" f32[B, h, w, K], logits of
    everybody's joints; "center" f32[B, h, w, 1], logits of people's centers;
    "regression" f32[B, h, w, 2 K], from a center to its joints, and "offsets" f32[B, h,
    w, 2 K], from a cell's center to the joint in it, both in the units of
    ``layers.offsets``; "keypoints" f32[B, K, 2] crop px: the person nearest the middle.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        width: of MobileNetV2; "Lightning" has 1.0.

    Raises:
        TfposeError: a size not a multiple of 32.

    Example:
        >>> MoveNet(17).count_params()
        6226046
    """

    def __init__(
        self,
        joints,
        input_size=(256, 256),
        width=THUNDER,
        name="movenet",
        trainable=True,
    ):
        input_size = check_size(input_size, 32)
        image = image_input(input_size)
        *fine, last = mobile_net(scale_image(image), width)
        features = pyramid(fine, coarsest(last))[-1]
        maps = {
            "heatmap": head(features, joints, "heatmap"),
            "center": head(features, 1, "center"),
            "regression": head(features, 2 * joints, "regression"),
            "offsets": head(features, 2 * joints, "offsets"),
        }
        super().__init__(
            image,
            maps,
            features,
            arguments={"joints": joints, "input_size": input_size, "width": width},
            activation="sigmoid",
            keypoints=nearest_person(**maps),
            targets={
                "center": {"codec": "center"},
                "regression": {"codec": "center_offsets"},
                "offsets": {"codec": "offsets"},
            },
            name=name,
            trainable=trainable,
        )


def scale_image(image):
    """f32[B, H, W, 3] RGB 0..255 to -1..1."""
    return layers.Rescaling(
        1 / 127.5, offset=-1.0, name="scale_image", dtype="float32"
    )(image)


def trunk(image) -> tuple[list, keras.KerasTensor]:
    """Thunder's features of a photo, for other networks: the arguments of ``pyramid``.

    Args:
        image: f32[B, H, W, 3] RGB 0..255; H and W multiples of 32.

    Returns:
        Those at strides 4, 8, and 16, with 40, 56, and 112 channels; and at stride 32,
        with 64.
    """
    *fine, last = mobile_net(scale_image(image), THUNDER)
    return fine, coarsest(last)


def mobile_net(x, width: float) -> list:
    """MobileNetV2, without its classifier.

    Args:
        x: f32[B, H, W, C]; H and W multiples of 32.
        width: multiplies the filters.

    Returns:
        Features at strides 4, 8, 16, and 32; at width 1.75, they have 40, 56, 112, and
        1280 channels.
    """
    x = convolution(x, filters_of(STEM_FILTERS, width), 3, "stem", stride=2)
    features, number = [], 0
    for blocks, stride, expansion, filters in STAGES:
        for index in range(blocks):
            x = inverted_residual(
                x, filters_of(filters, width), stride if index == 0 else 1, expansion,
                f"block{number}",
            )  # fmt: skip
            if number in LATERAL_BLOCKS:
                features.append(x)
            number += 1
    return [*features, convolution(x, LAST_FILTERS, 1, "last")]


def filters_of(filters: int, width: float) -> int:
    """MobileNetV2's rule: a multiple of 8, at least 8, not below 90 % of the product.

    Example:
        >>> [filters_of(filters, 1.75) for filters in (16, 24, 32, 64)]
        [32, 40, 56, 112]
    """
    exact = filters * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def convolution(x, filters: int, size: int, name: str, stride=1, relu=True):
    """Convolution with a bias, in TensorFlow's "same" padding, and ReLU6."""
    x = layers.Conv2D(
        filters, size, stride, "same", name=f"{name}_conv",
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def inverted_residual(x, filters: int, stride: int, expansion: int, name: str):
    """A wide depthwise convolution between two narrow 1x1.

    The first block, which has no 1x1 before, is small and finds edges: its kernels'
    sums nearly vanish. Rounded to bfloat16 they do not, and Thunder's logits of joints
    would change by 1.1 instead of 0.3. So it computes in float32 under any policy.
    """
    shortcut = x
    if expansion > 1:
        x = convolution(x, expansion * x.shape[-1], 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        3, stride, "same", name=f"{name}_depthwise_conv",
        depthwise_initializer=depthwise_start(),
        dtype=None if expansion > 1 else "float32",
    )(x)  # fmt: skip
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = convolution(x, filters, 1, f"{name}_project", relu=False)
    if x.shape == shortcut.shape:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def coarsest(last):
    """The top of the pyramid: f32[B, H/32, W/32, 64] of ``mobile_net``'s last."""
    return layers.Conv2D(max(LATERAL_BLOCKS.values()), 1, name="pyramid_coarsest")(last)


def pyramid(fine: list, x) -> list:
    """Enlarges the coarsest features, adding the finer ones on the way.

    Args:
        fine: features of ``mobile_net`` at strides 4, 8, and 16.
        x: ``coarsest``.

    Returns:
        Features at strides 32, 16, 8, and 4, with 64, 32, 24, and 24 channels.
    """
    widths = list(LATERAL_BLOCKS.values())
    levels = [x]
    for level, lateral in reversed(list(enumerate(fine))):
        name = f"pyramid{level}"
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_double")(x)
        lateral = layers.Conv2D(widths[level], 1, name=f"{name}_lateral")(lateral)
        x = layers.Add(name=f"{name}_sum")([x, lateral])
        x = layers.SeparableConv2D(
            widths[max(level - 1, 0)], 3, padding="same", name=f"{name}_conv",
            depthwise_initializer=depthwise_start(),
        )(x)  # fmt: skip
        x = layers.ReLU(name=f"{name}_relu")(x)
        levels.append(x)
    return levels


def with_pose(fine: list, x, pose, filters, finest: int = 0):
    """Joins a drawn pose to ``trunk``'s features at every stride.

    Not in a paper: a trunk that knows poses already sees only the photo. So a refiner
    costs little more than MoveNet, and learns from features that were computed once.

    Args:
        fine, x: of ``trunk``.
        pose: f32[B, H/4, W/4, P].
        filters: at strides 16, 8, and 4.
        finest: the level to end at: 0 for stride 4, 1 for stride 8.

    Returns:
        f32[B, h, w, F] at the finest level, with its number of filters.
    """
    poses = [pose]
    for level, count in enumerate(reversed(filters)):
        poses.append(resnet.convolution(poses[-1], count, 3, f"pose{level}", stride=2))
    x = layers.Concatenate(name="fuse3")([x, poses[3]])
    for level, count in list(zip((2, 1, 0), filters, strict=True))[: 3 - finest]:
        x = resnet.convolution(x, count, 1, f"narrow{level}")
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"double{level}")(x)
        x = layers.Concatenate(name=f"fuse{level}")([x, fine[level], poses[level]])
        x = resnet.convolution(x, count, 1, f"mix{level}")
        x = resnet.basic_block(x, count, 1, f"refine{level}")
    return x


def head(features, channels: int, name: str):
    """A separable convolution and a 1x1 one, to maps of float32."""
    x = layers.SeparableConv2D(
        HEAD_FILTERS, 3, padding="same", name=f"{name}_features",
        depthwise_initializer=depthwise_start(),
    )(features)  # fmt: skip
    x = layers.ReLU(name=f"{name}_relu")(x)
    return map_head(x, channels, f"{name}_logits")


def nearest_person(heatmap, center, regression, offsets):
    """f32[B, K, 2] C: the keypoints of the person nearest the middle of the crop."""
    joints = heatmap.shape[-1]
    everybody = layers.Activation("sigmoid", name="everybody", dtype="float32")(heatmap)
    center = layers.Activation("sigmoid", name="centers", dtype="float32")(center)
    nearest = NearestCenter(name="nearest_center")(center)
    nearest = Channels((0,) * joints, name="nearest_centers")(nearest)
    predicted = OffsetPosition(STRIDE, name="predicted")(nearest, regression)
    belief = NearPosition(name="belief")(everybody, predicted)
    return OffsetPosition(STRIDE, name="position")(belief, offsets)
