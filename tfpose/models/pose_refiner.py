"""Learning to Refine Human Pose Estimation: PoseRefiner.

Fieraru, Khoreva, Pishchulin and Schiele, CVPR Workshops 2018, arXiv 1804.07909. It
takes a person's photo and any method's pose, drawn as discs. It returns score maps of
the joints and, in every cell, the offset to each joint.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, PosePrior
from tfpose.layers.offsets import OffsetPosition, OffsetVotes, RenderDisc
from tfpose.models import movenet
from tfpose.models.base import RefinementModel, check_size, refinement_inputs
from tfpose.models.resnet import (
    DEPTHS,
    IMAGE_MEAN,
    TINY_WIDTHS,
    center,
    resnet,
    small_resnet,
)
from tfpose.models.simple_baseline import deconvolutions

# How a residual trunk of stride 32 gets to stride 8: the reference keeps stride 16 and
# doubles the maps with a transposed convolution; the paper says "stride of 8 px".
UPSAMPLINGS = ("transposed", "dilated")
RESNETS = {f"resnet{depth}": depth for depth in DEPTHS}
TINY = "tiny"
TINY_FILTERS = (64, 64, 64)
# A trunk that sees only the photo; the pose joins its features (``movenet.with_pose``).
MOVENET = "movenet"
MOVENET_FILTERS = (96, 64, 32)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PoseRefiner(RefinementModel):
    """The network of PoseRefiner section 3; the details follow the authors' code.

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, H/8, W/8, K], logits that a cell is at the joint;
    "offsets" f32[B, H/8, W/8, 2 K], from each cell's center to the joints
    (``layers.offsets``); "keypoints" f32[B, K, 2] crop px, the best cells' centers plus
    their offsets. The small trunk's maps have H/4 x W/4 cells, since its people are
    small.

    The reference adds a second convolution, of the pose, to the first one of the photo.
    This network has the equivalent: one convolution of 3 + K channels. The reference
    also subtracts each pose channel's mean (below 0.6 of 255; not done here).

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 16 (32 for "tiny" and
            "movenet").
        trunk: a key of ``RESNETS``, "tiny", or "movenet".
        radius: px, of the discs that draw the input pose.
        upsampling: one of ``UPSAMPLINGS``; the other trunks have decoder layers instead
            and ignore it.
        pose_prior: add ``PosePrior`` to the logits (not in the paper).
        mean: of R, G and B, subtracted from the photo; not for "movenet".

    Raises:
        TfposeError: an unknown size, trunk or upsampling, a radius not above 0, or not
            three means.
    """

    def __init__(
        self,
        joints,
        input_size=(848, 848),
        trunk="resnet101",
        radius=15.0,
        upsampling="transposed",
        pose_prior=False,
        mean=IMAGE_MEAN,
        name="pose_refiner",
        trainable=True,
    ):
        arguments = {
            "joints": joints,
            "input_size": check_size(input_size, 16 if trunk in RESNETS else 32),
            "trunk": trunk,
            "radius": radius,
            "upsampling": upsampling,
            "pose_prior": pose_prior,
            "mean": tuple(mean),
        }
        _check(trunk, radius, upsampling, mean)
        inputs = refinement_inputs(joints, arguments["input_size"])
        image, keypoints, valid = inputs.values()
        if trunk == MOVENET:
            x = _late_fusion(image, keypoints, valid, radius)
        else:
            pose = RenderDisc(input_size, radius, name="render_pose")(keypoints, valid)
            x = layers.Concatenate(name="image_and_pose")([center(image, mean), pose])
            x = _features(x, trunk, upsampling)
        doubled = trunk in RESNETS and upsampling == "transposed"
        logits = _head(x, joints, doubled, "head_logits")  # (B, h, w, K)
        offsets = _head(x, 2 * joints, doubled, "head_offsets")
        stride = input_size[0] // logits.shape[1]
        if pose_prior:
            logits = PosePrior(stride, name="pose_prior")(logits, keypoints, valid)
        # From logits: they still differ where the sigmoid is 1 for many cells.
        refined = OffsetPosition(stride, name="position")(logits, offsets)
        super().__init__(
            inputs,
            {"heatmap": logits, "offsets": offsets, "keypoints": refined},
            arguments,
            activation="sigmoid",
            targets={"offsets": {"codec": "offsets"}},
            name=name,
            trainable=trainable,
        )
        self.start_pose_filters()

    def reader(self, score: Callable) -> Callable:
        """Reads the mean belief with ``OffsetVotes`` and ``OffsetPosition``.

        The offsets are those of the crop itself, as in the authors' code.
        """
        place = OffsetPosition(self.stride)
        votes = OffsetVotes(self.input_size, self.stride)

        def read(looks, outputs):
            belief, offsets = sum(looks) / len(looks), outputs["offsets"]
            keypoints = place(belief, offsets)
            return votes(belief, offsets), keypoints, keypoints

        return read

    def start_pose_filters(self) -> None:
        """Copies the first convolution's filters of R, G, B, R, ... to pose channels.

        The paper starts from them too (section 3) and leaves their order open.
        """
        if self.arguments["trunk"] == MOVENET:
            return
        layer = self.get_layer("stem_conv")
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        colors = np.arange(self.joints) % 3
        layer.kernel.assign(
            np.concatenate([kernel[:, :, :3], kernel[:, :, colors]], axis=2)
        )


def _check(trunk, radius, upsampling, mean) -> None:
    """Raises TfposeError for arguments that ``PoseRefiner`` does not take."""
    known = [*RESNETS, TINY, MOVENET]
    if trunk not in known:
        raise TfposeError(f"trunk: expected one of {known}, got {trunk!r}")
    if not radius > 0:
        raise TfposeError(f"radius: expected more than 0 px, got {radius}")
    if upsampling not in UPSAMPLINGS:
        raise TfposeError(
            f"upsampling: expected one of {UPSAMPLINGS}, got {upsampling!r}"
        )
    if len(mean) != 3:
        raise TfposeError(f"mean: expected three numbers, got {mean}")


def _features(x, trunk: str, upsampling: str):
    """f32[B, H, W, 3 + K] -> the trunk's features, at stride 16 or 8; "tiny" at 4."""
    if trunk == TINY:
        return deconvolutions(small_resnet(x, TINY_WIDTHS), TINY_FILTERS)
    return resnet(x, RESNETS[trunk], stride=16 if upsampling == "transposed" else 8)


def _late_fusion(image, keypoints, valid, radius: float):
    """f32[B, H/8, W/8, F]: MoveNet's features, which the pose joins."""
    fine, coarsest = movenet.trunk(image)
    pose = RenderDisc(fine[0].shape[1:3], radius, 1.0, 4, name="render_pose")
    pose = pose(keypoints, valid)
    return movenet.with_pose(fine, coarsest, pose, MOVENET_FILTERS, finest=1)


def _head(x, channels: int, doubled: bool, name: str):
    """A 3x3 convolution, with stride 1/2 if it doubles the maps."""
    kind = layers.Conv2DTranspose if doubled else layers.Conv2D
    return kind(
        channels, 3, 2 if doubled else 1, "same", name=name, dtype="float32",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
    )(x)  # fmt: skip
