"""Deep High-Resolution Representation Learning for Human Pose Estimation.

Sun, Xiao, Liu and Wang, CVPR 2019, arXiv 1902.09212, as in the authors' code: branches
of half the resolution and twice the filters join one after another, and all branches
exchange their features again and again.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.conventions import Conventions
from tfpose.models.resnet import IMAGE_MEAN, basic_block, bottleneck, convolution
from tfpose.models.simple_baseline import map_head


@keras.saving.register_keras_serializable(package=PACKAGE)
class HRNet(PoseEstimator):
    """The network of HRNet section 3: W32 with the defaults, W48 with ``width=48``.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, H/4, W/4, K], Gaussian maps; "keypoints"
    f32[B, K, 2] crop px, their peaks.

    Departure from the code: by default, the image is not divided by its standard
    deviations; the normalization after the first convolution makes up for it.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32 with four branches.
        width: filters of the branch at stride 4; each further branch doubles them.
        modules: multi-resolution modules of the second stage (two branches), the third
            (three) and so on.
        blocks: residual blocks of the first stage, and of each branch in a module.
        stem: filters of the first two convolutions, and of the bottlenecks after them.
        conventions: a dict of ``Conventions``' settings, for published weights; by
            default, this package's.

    Raises:
        TfposeError: a size that the branches cannot halve, or numbers below 1.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 192),
        width=32,
        modules=(1, 4, 3),
        blocks=4,
        stem=64,
        conventions=None,
        name="hrnet",
        trainable=True,
    ):
        input_size, modules = tuple(input_size), tuple(modules)
        multiple = 4 * 2 ** len(modules)
        if input_size[0] % multiple or input_size[1] % multiple:
            raise TfposeError(
                f"input_size: expected multiples of {multiple}, got {input_size}"
            )
        if not modules or min(modules) < 1:
            raise TfposeError(f"modules: expected 1 or more a stage, got {modules}")
        for argument, value in (("width", width), ("blocks", blocks), ("stem", stem)):
            if value < 1:
                raise TfposeError(f"{argument}: expected 1 or more, got {value}")

        own = Conventions.of(conventions, mean=IMAGE_MEAN)
        image = image_input(input_size)
        features = high_resolution(own.prepare(image), width, modules, blocks, stem)
        super().__init__(
            image,
            {"heatmap": map_head(features, joints)},
            features,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "width": width,
                "modules": modules,
                "blocks": blocks,
                "stem": stem,
                "conventions": conventions,
            },
            conventions=own,
            name=name,
            trainable=trainable,
        )


def high_resolution(x, width: int, modules: tuple[int, ...], blocks: int, stem: int):
    """The trunk: f32[B, H, W, C] -> f32[B, H/4, W/4, width], its first branch."""
    x = convolution(x, stem, 3, "stem", stride=2)
    x = convolution(x, stem, 3, "stem_down", stride=2)
    for block in range(blocks):
        x = bottleneck(x, stem, 1, f"stage1_block{block}")
    # Stage 1 has a single branch; both branches of stage 2 are derived from it.
    branches = [convolution(x, width, 3, "stage2_branch0")]
    coarsest = x
    for stage, count in enumerate(modules, start=2):
        filters = width * 2 ** (stage - 1)
        name = f"stage{stage}_branch{stage - 1}"
        branches.append(convolution(coarsest, filters, 3, name, stride=2))
        for number in range(count):
            name = f"stage{stage}_module{number}"
            last = stage == len(modules) + 1 and number == count - 1
            branches = module(branches, blocks, name, 1 if last else stage)
        coarsest = branches[-1]
    return branches[0]


def module(branches: list, blocks: int, name: str, outputs: int) -> list:
    """Residual blocks in each branch, then an exchange between them.

    Args:
        branches: f32[B, h / 2^n, w / 2^n, C_n].
        blocks: residual blocks per branch.
        name: prefix of the layer names.
        outputs: how many branches, from the first, to return.

    Returns:
        That many branches, in the same shapes.
    """
    worked = []
    for number, x in enumerate(branches):
        for block in range(blocks):
            place = f"{name}_branch{number}_block{block}"
            x = basic_block(x, x.shape[-1], 1, place)
        worked.append(x)
    return [exchange(worked, target, name) for target in range(outputs)]


def exchange(branches: list, target: int, name: str):
    """Brings all branches to the shape of one of them, adds them and applies ReLU.

    Finer ones pass 3x3 convolutions of stride 2; only the last one changes the filters
    and has no ReLU. Coarser ones pass a 1x1 convolution, then repeat each cell.

    Args:
        branches: f32[B, h / 2^n, w / 2^n, C_n], two or more.
        target: number of the branch that receives the others.
        name: prefix of the layer names.

    Returns:
        f32 in the shape of ``branches[target]``.
    """
    filters, parts = branches[target].shape[-1], []
    for source, x in enumerate(branches):
        route = f"{name}_from{source}_to{target}"
        for step in range(source + 1, target):
            x = convolution(x, x.shape[-1], 3, f"{route}_step{step}", stride=2)
        if source < target:
            x = convolution(x, filters, 3, route, stride=2, relu=False)
        if source > target:
            x = convolution(x, filters, 1, route, relu=False)
            x = layers.UpSampling2D(
                2 ** (source - target), interpolation="nearest", name=f"{route}_repeat"
            )(x)
        parts.append(x)
    x = layers.Add(name=f"{name}_sum{target}")(parts)
    return layers.ReLU(name=f"{name}_out{target}")(x)
