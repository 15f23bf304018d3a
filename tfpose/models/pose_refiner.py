"""Learning to Refine Human Pose Estimation: PoseRefiner.

Fieraru, Khoreva, Pishchulin and Schiele, CVPR Workshops 2018, arXiv 1804.07909. The
photo of a person and any method's pose, drawn as discs, go in; out come score maps of
the joints and, in every cell, the way to the joint.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import PACKAGE, PosePrior
from tfpose.layers.offsets import OffsetPosition, OffsetVotes, RenderDisc
from tfpose.models.base import RefinementModel, check_size, refinement_inputs
from tfpose.models.resnet import DEPTHS, TINY_WIDTHS, center, resnet, small_resnet
from tfpose.models.simple_baseline import deconvolutions

# How a residual trunk of stride 32 comes to stride 8: the reference keeps stride 16 and
# doubles the maps by a transposed convolution, the paper says "stride of 8 px".
UPSAMPLINGS = ("transposed", "dilated")
RESNETS = {f"resnet{depth}": depth for depth in DEPTHS}
TINY = "tiny"
TINY_FILTERS = (64, 64, 64)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PoseRefiner(RefinementModel):
    """The network of PoseRefiner section 3; the details are its authors' code.

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, H/8, W/8, K], logits of how probably a cell is at
    the joint; "offsets" f32[B, H/8, W/8, 2 K], from each cell's center to the joints
    (``layers.offsets``); "keypoints" f32[B, K, 2] crop px, the best cells' centers and
    their offsets. The small trunk's maps have H/4 x W/4 cells: its people are small.

    The reference adds a second convolution, of the pose, to the first one of the photo;
    that is one convolution of 3 + K channels, which is what this network has. It
    subtracts the mean of each pose channel too (below 0.6 of 255; not done here).

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 16, for "tiny" of 32.
        trunk: a key of ``RESNETS``, or "tiny".
        radius: px, of the discs that draw the input pose.
        upsampling: one of ``UPSAMPLINGS``; the small trunk has decoder layers instead
            and takes no notice.
        pose_prior: add ``PosePrior`` to the logits (not in the paper).

    Raises:
        TfposeError: another size, trunk or upsampling, or no positive radius.
    """

    def __init__(
        self,
        joints,
        input_size=(848, 848),
        trunk="resnet101",
        radius=15.0,
        upsampling="transposed",
        pose_prior=False,
        name="pose_refiner",
        trainable=True,
    ):
        arguments = {
            "joints": joints,
            "input_size": check_size(input_size, 32 if trunk == TINY else 16),
            "trunk": trunk,
            "radius": radius,
            "upsampling": upsampling,
            "pose_prior": pose_prior,
        }
        _check(trunk, radius, upsampling)
        inputs = refinement_inputs(joints, arguments["input_size"])
        image, keypoints, valid = inputs.values()
        pose = RenderDisc(input_size, radius, name="render_pose")(keypoints, valid)
        x = layers.Concatenate(name="image_and_pose")([center(image), pose])
        x = _features(x, trunk, upsampling)
        doubled = trunk != TINY and upsampling == "transposed"
        logits = _head(x, joints, doubled, "head_logits")  # (B, h, w, K)
        offsets = _head(x, 2 * joints, doubled, "head_offsets")
        stride = input_size[0] // logits.shape[1]
        if pose_prior:
            logits = PosePrior(stride, name="pose_prior")(logits, keypoints, valid)
        # Of logits: where a sigmoid is 1 for many cells, they still differ.
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

    def reader(self) -> Callable:
        """Scores vote for a belief by their offsets; keypoints by ``OffsetPosition``.

        The offsets are those of the crop itself, as in the authors' code.
        """
        place = OffsetPosition(self.stride)
        votes = OffsetVotes(self.input_size, self.stride)

        def read(belief, outputs):
            offsets = outputs["offsets"]
            return votes(belief, offsets), place(belief, offsets)

        return read

    def start_pose_filters(self) -> None:
        """Gives the pose's channels the first convolution's filters of R, G, B, R, ...

        The paper begins with them too (section 3) and leaves their order open.
        """
        layer = self.get_layer("stem_conv")
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        colors = np.arange(self.joints) % 3
        layer.kernel.assign(
            np.concatenate([kernel[:, :, :3], kernel[:, :, colors]], axis=2)
        )


def _check(trunk, radius, upsampling) -> None:
    """Raises ValueError for what ``PoseRefiner`` does not take."""
    if trunk not in (*RESNETS, TINY):
        known = [*RESNETS, TINY]
        raise TfposeError(f"trunk: expected one of {known}, got {trunk!r}")
    if not radius > 0:
        raise TfposeError(f"radius: expected more than 0 px, got {radius}")
    if upsampling not in UPSAMPLINGS:
        raise TfposeError(
            f"upsampling: expected one of {UPSAMPLINGS}, got {upsampling!r}"
        )


def _features(x, trunk: str, upsampling: str):
    """f32[B, H, W, 3 + K] -> the trunk's features, at stride 16 or 8; "tiny" at 4."""
    if trunk == TINY:
        return deconvolutions(small_resnet(x, TINY_WIDTHS), TINY_FILTERS)
    return resnet(x, RESNETS[trunk], stride=16 if upsampling == "transposed" else 8)


def _head(x, channels: int, doubled: bool, name: str):
    """A 3x3 convolution, with stride 1/2 where the maps are to be doubled."""
    kind = layers.Conv2DTranspose if doubled else layers.Conv2D
    return kind(
        channels, 3, 2 if doubled else 1, "same", name=name, dtype="float32",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
    )(x)  # fmt: skip
