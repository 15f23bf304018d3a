"""Stacked Hourglass Networks for Human Pose Estimation.

Newell, Yang and Deng, ECCV 2016, arXiv 1603.06937, as in the authors' Torch code
(umich-vl/pose-hg-train): pre-activated residual modules, every convolution with a bias.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.conventions import Conventions
from tfpose.models.resnet import normalize

# Filters of the stem's 7x7 convolution and three residual modules; the last is the
# width of everything after. pytorch-pose, the source of many published hourglasses,
# widens one module earlier.
NEWELL_STEM = (64, 128, 128, 256)
PYTORCH_POSE_STEM = (64, 128, 256, 256)
STEMS = {"newell": NEWELL_STEM, "pytorch_pose": PYTORCH_POSE_STEM}
STRIDE = 4
# The authors' code scales photos to 0..1.
CONVENTIONS = Conventions(scale=(255.0, 255.0, 255.0))


@keras.saving.register_keras_serializable(package=PACKAGE)
class StackedHourglass(PoseEstimator):
    """Hourglasses one after another, each supervised by the same heatmaps.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "stage1", "stage2" ... and "heatmap" for the last stack, all linear
    f32[B, H/4, W/4, K]; "keypoints" f32[B, K, 2] crop px, the peaks of "heatmap".

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 4 * 2^depth.
        stacks: hourglasses.
        depth, blocks: as in ``hourglass``.
        stem: a key of ``STEMS`` or four numbers of filters, as in ``stem``.
        conventions: a dict of ``Conventions``' settings, for published weights; by
            default, this package's.

    Raises:
        TfposeError: a size that the hourglasses cannot halve evenly, an unknown stem,
            or numbers below one.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 256),
        stacks=8,
        depth=4,
        blocks=1,
        stem="newell",
        conventions=None,
        name="hourglass",
        trainable=True,
    ):
        numbers = {"stacks": stacks, "depth": depth, "blocks": blocks}
        for argument, number in numbers.items():
            if number < 1:
                raise TfposeError(f"{argument}: expected at least 1, got {number}")
        input_size = tuple(input_size)
        filters = STEMS.get(stem) if isinstance(stem, str) else tuple(stem)
        if filters is None or len(filters) != 4:
            raise TfposeError(
                f"stem: expected one of {list(STEMS)} or four numbers, got {stem!r}"
            )
        own = Conventions.of(conventions, scale=CONVENTIONS.scale)
        image = image_input(input_size)
        heatmaps, found = stacked_hourglass(
            image,
            joints,
            stacks,
            depth=depth,
            blocks=blocks,
            stem_filters=filters,
            conventions=own,
        )
        super().__init__(
            image,
            stage_outputs(heatmaps),
            found,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "stacks": stacks,
                "depth": depth,
                "blocks": blocks,
                "stem": stem if isinstance(stem, str) else filters,
                "conventions": conventions,
            },
            conventions=own,
            name=name,
            trainable=trainable,
        )


def stage_outputs(heatmaps: list) -> dict:
    """Names the outputs "stage1", "stage2" ... and the last one "heatmap"."""
    *before, last = heatmaps
    return {f"stage{n}": maps for n, maps in enumerate(before, 1)} | {"heatmap": last}


def convolution(x, filters: int, size: int, name: str, stride: int = 1, dtype=None):
    """Convolution with bias, padded by (size - 1) / 2, initialized as in Torch.

    Torch draws kernels uniformly from +-1 / sqrt(inputs of a unit): a third of the
    variance that keeps a signal's size. (It draws biases likewise; ours are 0.)
    """
    padding = "same"
    if stride > 1:  # "same" would pad on the far side only
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    uniform = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Conv2D(
        filters,
        size,
        stride,
        padding,
        kernel_initializer=uniform,
        dtype=dtype,
        name=f"{name}_conv",
    )(x)


def residual(x, filters: int, name: str):
    """Normalized 1x1, 3x3 and 1x1 convolutions, the first two half as wide, plus x.

    Where the width changes, a 1x1 convolution adapts x first.
    """
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = convolution(x, filters, 1, f"{name}_shortcut")
    x = bottleneck(normalize(x, f"{name}_in"), filters, name)
    return layers.Add(name=f"{name}_add")([shortcut, x])


def bottleneck(x, filters: int, name: str):
    """The three convolutions of a residual module, for a normalized input."""
    x = convolution(x, filters // 2, 1, f"{name}_reduce")
    x = convolution(normalize(x, f"{name}_reduce"), filters // 2, 3, f"{name}_spatial")
    return convolution(normalize(x, f"{name}_spatial"), filters, 1, f"{name}_expand")


def residuals(x, blocks: int, filters: int, name: str, module=residual):
    """Applies ``blocks`` residual modules, one after another."""
    for block in range(blocks):
        x = module(x, filters, f"{name}_block{block}")
    return x


def hourglass(
    x,
    depth: int,
    blocks: int,
    filters: int,
    name: str,
    module=residual,
    enlarge_first: bool = False,
    bottom: int | None = None,
):
    """Halves the maps ``depth`` times and doubles them again, with skip branches.

    Args:
        x: f32[B, h, w, C]; h and w multiples of 2^depth.
        depth: number of halvings.
        blocks: residual modules at each place ("nModules").
        filters: of every module.
        name: prefix of the layer names, such as "..._depth4_lower".
        module: a residual module, called as ``residual``.
        enlarge_first: on the way up, enlarge before the modules; by default, after.
        bottom: residual modules at the lowest resolution; by default, ``blocks``.

    Returns:
        f32[B, h, w, filters].
    """
    level = f"{name}_depth{depth}"
    branch = residuals(x, blocks, filters, f"{level}_branch", module)
    x = layers.MaxPooling2D(2, name=f"{level}_pool")(x)
    x = residuals(x, blocks, filters, f"{level}_lower", module)
    if depth > 1:
        x = hourglass(
            x, depth - 1, blocks, filters, name, module, enlarge_first, bottom
        )
    else:
        x = residuals(x, bottom or blocks, filters, f"{level}_bottom", module)
    enlarge = layers.UpSampling2D(2, interpolation="nearest", name=f"{level}_upsample")
    x = enlarge(x) if enlarge_first else x
    x = residuals(x, blocks, filters, f"{level}_raise", module)
    x = x if enlarge_first else enlarge(x)
    return layers.Add(name=f"{level}_add")([branch, x])


def head(x, blocks: int, filters: int, name: str, module=residual):
    """A stack's features: residual modules and a normalized 1x1 convolution."""
    x = residuals(x, blocks, filters, f"{name}_head", module)
    return normalize(convolution(x, filters, 1, f"{name}_head"), f"{name}_head")


def check_size(image, depth: int) -> None:
    """Rejects images that hourglasses of this depth cannot halve evenly.

    Raises:
        TfposeError: a known height or width that is not a multiple.
    """
    multiple = STRIDE * 2**depth
    if any(side and side % multiple for side in image.shape[1:3]):
        raise TfposeError(
            f"image size: hourglasses of depth {depth} need multiples of {multiple}, "
            f"got {tuple(image.shape[1:3])}"
        )


def stem(
    image,
    filters: tuple[int, ...] = NEWELL_STEM,
    module=residual,
    conventions: Conventions = CONVENTIONS,
):
    """f32[B, H, W, 3] 0..255 to features f32[B, H/4, W/4, filters[3]].

    Args:
        image: f32[B, H, W, 3] RGB 0..255.
        filters: of the 7x7 convolution and of three residual modules.
        module: a residual module, called as ``residual``.
        conventions: of the image.
    """
    x = conventions.prepare(image)
    x = convolution(x, filters[0], 7, "stem", stride=2)
    x = module(normalize(x, "stem"), filters[1], "stem_block0")
    x = layers.MaxPooling2D(2, name="stem_pool")(x)
    x = module(x, filters[2], "stem_block1")
    return module(x, filters[3], "stem_block2")


def features(
    image,
    outputs: int,
    stacks: int,
    depth: int = 4,
    blocks: int = 1,
    stem_filters: tuple[int, ...] = NEWELL_STEM,
    conventions: Conventions = CONVENTIONS,
):
    """The network without the last stack's last convolution, which the caller adds.

    Args:
        image: f32[B, H, W, 3] RGB 0..255; H and W multiples of 4 * 2^depth.
        outputs: maps per stack.
        stacks: hourglasses one after another.
        depth, blocks: of each hourglass.
        stem_filters: ``NEWELL_STEM``, ``PYTORCH_POSE_STEM`` or narrower ones.
        conventions: of the image.

    Returns:
        Heatmaps of all stacks but the last, a list of linear f32[B, H/4, W/4, outputs];
        the last stack's features f32[B, H/4, W/4, stem_filters[-1]].

    Raises:
        TfposeError: an image size that the hourglasses cannot halve evenly.
    """
    check_size(image, depth)
    filters = stem_filters[-1]
    heatmaps = []
    x = stem(image, stem_filters, conventions=conventions)
    for stack in range(1, stacks + 1):
        name = f"stack{stack}"
        found = hourglass(x, depth, blocks, filters, name)
        found = head(found, blocks, filters, name)
        if stack < stacks:
            heatmaps.append(scores(found, outputs, stack))
            x = link(x, found, heatmaps[-1], name)
    return heatmaps, found


def scores(found, outputs: int, stack: int):
    """A stack's heatmaps, linear: the last 1x1 convolution."""
    return convolution(found, outputs, 1, f"stack{stack}_scores", dtype="float32")


def link(x, found, heatmaps, name: str):
    """The next hourglass' input: the last one's plus its features and heatmaps."""
    filters = x.shape[-1]
    found = convolution(found, filters, 1, f"{name}_features_link")
    heatmaps = convolution(heatmaps, filters, 1, f"{name}_scores_link")
    return layers.Add(name=f"{name}_link")([x, found, heatmaps])


def stacked_hourglass(image, outputs: int, stacks: int, **options):
    """The whole network: ``features`` and the last stack's heatmaps.

    Args:
        image, outputs, stacks, options: as in ``features``.

    Returns:
        Heatmaps of all stacks, a list of linear f32[B, H/4, W/4, outputs]; the last
        stack's features f32[B, H/4, W/4, C], from which its heatmaps are made.

    Raises:
        TfposeError: as ``features``.
    """
    heatmaps, found = features(image, outputs, stacks, **options)
    return [*heatmaps, scores(found, outputs, stacks)], found
