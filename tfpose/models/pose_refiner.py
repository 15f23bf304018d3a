"""Learning to Refine Human Pose Estimation: PoseRefiner.

Fieraru, Khoreva, Pishchulin and Schiele, CVPR Workshops 2018, arXiv 1804.07909. The
photo of a person and any method's pose, drawn as discs, go in; out come score maps of
the joints and, in every cell, the way to the joint.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tfpose.layers.heatmaps import PACKAGE, PosePrior
from tfpose.layers.offsets import OffsetPosition, RenderDisc
from tfpose.models.resnet import DEPTHS, TINY_WIDTHS, centre, resnet, small_resnet
from tfpose.models.simple_baseline import deconvolutions
from tfpose.skeleton import Skeleton

# How a residual trunk of stride 32 comes to stride 8: the reference keeps stride 16 and
# doubles the maps by a transposed convolution, the paper says "stride of 8 px".
UPSAMPLINGS = ("transposed", "dilated")
RESNETS = {f"resnet{depth}": depth for depth in DEPTHS}
TINY = "tiny"
TINY_FILTERS = (64, 64, 64)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PoseRefiner(keras.Model):
    """The network of PoseRefiner section 3 (FACTS B.1).

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, H/8, W/8, K], logits of how probably a cell is at
    the joint; "offsets" f32[B, H/8, W/8, 2 K], from each cell's centre to the joints
    (``layers.offsets``); "keypoints" f32[B, K, 2] crop px, the best cells' centres and
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
        ValueError: another size, trunk or upsampling, or no positive radius.
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
        input_size = tuple(input_size)
        _check(input_size, trunk, radius, upsampling)
        image = keras.Input((*input_size, 3), name="image")
        keypoints = keras.Input((joints, 2), name="keypoints")
        valid = keras.Input((joints,), name="valid")

        pose = RenderDisc(input_size, radius, name="render_pose")(keypoints, valid)
        x = layers.Concatenate(name="image_and_pose")([centre(image), pose])
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
            inputs={"image": image, "keypoints": keypoints, "valid": valid},
            outputs={"heatmap": logits, "offsets": offsets, "keypoints": refined},
            name=name,
            trainable=trainable,
        )
        self.joints = joints
        self.input_size = input_size
        self.trunk = trunk
        self.radius = radius
        self.upsampling = upsampling
        self.pose_prior = pose_prior
        self.stride = stride
        self.activation = "sigmoid"
        self.targets = {"offsets": {"codec": "offsets"}}
        self.repeat_photo_filters()

    @classmethod
    def for_skeleton(cls, skeleton: Skeleton, **arguments) -> PoseRefiner:
        """The network for a skeleton's joints."""
        return cls(joints=len(skeleton), **arguments)

    def repeat_photo_filters(self) -> None:
        """Gives the pose's channels the first convolution's filters of R, G, B, R, ...

        What the paper begins with; the order is a reading of it (FACTS B.1).
        """
        layer = self.get_layer("stem_conv")
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        colours = np.arange(self.joints) % 3
        layer.kernel.assign(
            np.concatenate([kernel[:, :, :3], kernel[:, :, colours]], axis=2)
        )

    def get_config(self):
        return {
            "joints": self.joints,
            "input_size": self.input_size,
            "trunk": self.trunk,
            "radius": self.radius,
            "upsampling": self.upsampling,
            "pose_prior": self.pose_prior,
            "name": self.name,
            "trainable": self.trainable,
        }


def _check(input_size, trunk, radius, upsampling) -> None:
    """Raises ValueError for what ``PoseRefiner`` does not take."""
    if trunk not in (*RESNETS, TINY):
        known = [*RESNETS, TINY]
        raise ValueError(f"trunk: expected one of {known}, got {trunk!r}")
    multiple = 32 if trunk == TINY else 16
    if input_size[0] % multiple or input_size[1] % multiple:
        raise ValueError(
            f"input_size: expected multiples of {multiple}, got {input_size}"
        )
    if not radius > 0:
        raise ValueError(f"radius: expected more than 0 px, got {radius}")
    if upsampling not in UPSAMPLINGS:
        raise ValueError(
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
        channels, 3, 2 if doubled else 1, "same", name=name,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
    )(x)  # fmt: skip
