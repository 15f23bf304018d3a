"""Associative Embedding: End-to-End Learning for Joint Detection and Grouping.

Newell, Huang and Deng, NIPS 2017, arXiv 1611.05424, as in the authors' PyTorch code
(princeton-vl/pose-ae-train, whose network is not the paper's). Stacked hourglasses of
plain 3x3 convolutions find everyone's joints in the photo and give each a number, its
tag, which is similar for joints of one person. ``inference.grouping`` turns both into
people.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.codecs import TAGS
from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE
from tfpose.models import hourglass as hourglasses
from tfpose.models.base import PoseEstimator, image_input
from tfpose.models.conventions import Conventions


@keras.saving.register_keras_serializable(package=PACKAGE)
class AssociativeEmbedding(PoseEstimator):
    """Stacked hourglasses that output detections and tags.

    Outputs, a dict: "heatmap" f32[B, h, w, K], the last stack's detections of
    everyone's joints; "tags" f32[B, h, w, K], the tag of a joint found in the cell;
    "stage1", "stage1_tags" and so on, those of earlier stacks; "keypoints" f32[B, K, 2]
    crop px, each joint's highest peak. Peaks may belong to different people
    (``grouping.group`` tells them apart).

    Args:
        joints: K.
        input_size: (height, width) of the crop in px, multiples of 4 * 2^depth.
        stacks: hourglasses one after another.
        filters: at stride 4.
        growth: filters added each time the cells double in size.
        depth: how often they double in each hourglass.
        maps: channels of a stack's output: K detections, K tags, and unsupervised ones
            that only the next stack sees. The authors use 68 for 17 joints.
        conventions: a dict of ``Conventions``' settings, for published weights; by
            default, this package's.

    Raises:
        TfposeError: no stack, no depth, too few maps, or an input size that the
            hourglasses cannot halve evenly.
    """

    def __init__(
        self,
        joints=17,
        input_size=(512, 512),
        stacks=4,
        filters=256,
        growth=128,
        depth=4,
        maps=68,
        conventions=None,
        name="associative_embedding",
        trainable=True,
    ):
        if stacks < 1:
            raise TfposeError(f"stacks: expected 1 or more, got {stacks}")
        if depth < 1:
            raise TfposeError(f"depth: expected 1 or more, got {depth}")
        if maps < 2 * joints:
            raise TfposeError(
                f"maps: expected {2 * joints} or more for {joints} joints, got {maps}"
            )
        own = Conventions.of(conventions, scale=hourglasses.CONVENTIONS.scale)
        image = image_input(input_size)
        hourglasses.check_size(image, depth)
        answers, features = network(
            own.prepare(image), maps, stacks, filters, growth, depth
        )
        outputs = {}
        for stage, answer in enumerate(answers, start=1):
            last = stage == stacks
            detections, tags = answer[..., :joints], answer[..., joints : 2 * joints]
            outputs["heatmap" if last else f"stage{stage}"] = detections
            outputs["tags" if last else f"stage{stage}_tags"] = tags
        arguments = {
            "joints": joints,
            "input_size": input_size,
            "stacks": stacks,
            "filters": filters,
            "growth": growth,
            "depth": depth,
            "maps": maps,
            "conventions": conventions,
        }
        super().__init__(
            image,
            outputs,
            features,
            arguments,
            conventions=own,
            targets={
                name: {"codec": TAGS} for name in outputs if name.endswith("tags")
            },
            name=name,
            trainable=trainable,
        )


def network(
    image, maps: int, stacks: int, filters: int, growth: int, depth: int
) -> tuple[list, object]:
    """The network, up to splitting its maps.

    Args:
        image: f32[B, H, W, 3] as ``Conventions.prepare`` makes it; H and W multiples of
            4 * 2^depth.
        maps, stacks, filters, growth, depth: as in ``AssociativeEmbedding``.

    Returns:
        The stacks' outputs, a list of linear f32[B, H/4, W/4, maps]; the last stack's
        features f32[B, H/4, W/4, filters].
    """
    answers = []
    x = stem(image, filters)
    for stack in range(1, stacks + 1):
        name = f"stack{stack}"
        found = hourglass(x, depth, growth, name)
        found = unit(found, filters, 3, f"{name}_feature1")
        found = unit(found, filters, 3, f"{name}_feature2")
        answers.append(hourglasses.scores(found, maps, stack))
        if stack < stacks:
            x = hourglasses.link(x, found, answers[-1], name)
    return answers, found


def stem(image, filters: int):
    """f32[B, H, W, 3], prepared, to features f32[B, H/4, W/4, filters]."""
    x = unit(image, filters // 4, 7, "stem", stride=2)
    x = unit(x, filters // 2, 3, "stem_unit1")
    x = layers.MaxPooling2D(2, name="stem_pool")(x)
    x = unit(x, filters // 2, 3, "stem_unit2")
    return unit(x, filters, 3, "stem_unit3")


def unit(x, filters: int, size: int, name: str, stride: int = 1):
    """Convolution with bias and ReLU; the authors' network has no normalization."""
    x = hourglasses.convolution(x, filters, size, name, stride)
    return layers.ReLU(name=f"{name}_relu")(x)


def hourglass(x, depth: int, growth: int, name: str):
    """Halves the maps ``depth`` times and doubles them again, with skip branches.

    Args:
        x: f32[B, h, w, C]; h and w multiples of 2^depth.
        depth: number of halvings.
        growth: filters added each time.
        name: prefix of the layer names, such as "..._depth4_lower".

    Returns:
        f32[B, h, w, C].
    """
    level, filters = f"{name}_depth{depth}", x.shape[-1]
    branch = unit(x, filters, 3, f"{level}_branch")
    x = layers.MaxPooling2D(2, name=f"{level}_pool")(x)
    x = unit(x, filters + growth, 3, f"{level}_lower")
    if depth > 1:
        x = hourglass(x, depth - 1, growth, name)
    else:
        x = unit(x, filters + growth, 3, f"{level}_bottom")
    x = unit(x, filters, 3, f"{level}_raise")
    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{level}_upsample")(x)
    return layers.Add(name=f"{level}_add")([branch, x])
