"""PoseFix: Model-agnostic General Human Pose Refinement Network.

Moon, Chang and Lee, CVPR 2019, arXiv 1812.03595. The photo of a person and any method's
pose go in, a better pose comes out.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.layers.heatmaps import (
    PACKAGE,
    PeakPosition,
    PosePrior,
    RenderPose,
    SoftArgmax,
    SpatialSoftmax,
)
from tfpose.models.resnet import convolution, normalise, resnet, small_resnet

# RGB means of the ImageNet photos, subtracted from 0..255. The authors' code feeds BGR
# to these RGB means; we feed RGB.
IMAGE_MEAN = (123.68, 116.78, 103.94)
STRIDE = 4

# Trunks by name: f32[B, H, W, C] to a list of features, the last one at stride 32.
# Those before it, at half the stride each, are added to the head's maps: with a few
# channels at stride 32, where a crop of 128 px has 16 cells, positions would be lost
# otherwise.
TRUNKS = {
    "resnet50": lambda x: [resnet(x, 50)],
    "resnet101": lambda x: [resnet(x, 101)],
    "resnet152": lambda x: [resnet(x, 152)],
    "tiny": lambda x: small_resnet(x, (32, 32, 64, 128, 192)),
}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PoseFix(keras.Model):
    """The network of PoseFix section 5 with the trunk and head of SimpleBaseline.

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, H/4, W/4, K], logits of the belief (softmax over
    the cells); "keypoints" f32[B, K, 2] crop px, the belief's expectation. With
    ``output="gaussian"`` the heatmap is a Gaussian map and the keypoints are its peak.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        trunk: a key of ``TRUNKS``.
        sigma: px, of the Gaussians that draw the input pose; the paper's 7 at 256x192
            and 9 at 384x288; 0 draws single pixels (the "fine" input of Fig. 6).
        filters: of the three transposed convolutions.
        pose_prior: add ``PosePrior`` to the logits (not in the paper).
        output: "integral", or "gaussian" for the coarse output of Fig. 6 (C2C).

    Raises:
        ValueError: a size that is no multiple of 32, an unknown trunk or output, a
            negative sigma, not three filters, or a prior on Gaussian maps, which are
            not logits.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 192),
        trunk="resnet50",
        sigma=7.0,
        filters=(256, 256, 256),
        pose_prior=False,
        output="integral",
        name="posefix",
        trainable=True,
    ):
        input_size, filters = tuple(input_size), tuple(filters)
        if input_size[0] % 32 or input_size[1] % 32:
            raise ValueError(f"input_size: expected multiples of 32, got {input_size}")
        if trunk not in TRUNKS:
            raise ValueError(f"trunk: expected one of {list(TRUNKS)}, got {trunk!r}")
        if sigma < 0:
            raise ValueError(f"sigma: expected 0 or more px, got {sigma}")
        if len(filters) != 3:
            raise ValueError(f"filters: expected three (stride 32 to 4), got {filters}")
        if output not in ("integral", "gaussian"):
            raise ValueError(f"output: expected integral or gaussian, got {output!r}")
        if output == "gaussian" and pose_prior:
            raise ValueError("pose_prior: expected False with output='gaussian'")

        image = keras.Input((*input_size, 3), name="image")
        keypoints = keras.Input((joints, 2), name="keypoints")
        valid = keras.Input((joints,), name="valid")

        centred = layers.Rescaling(
            1.0, offset=[-mean for mean in IMAGE_MEAN], name="centre_image"
        )(image)
        pose = RenderPose(input_size, sigma, name="render_pose")(keypoints, valid)
        x = layers.Concatenate(name="image_and_pose")([centred, pose])  # (B, H, W, 3+K)
        features = TRUNKS[trunk](x)  # the last is (B, H/32, W/32, C)
        logits = deconvolution_head(features, joints, filters)  # (B, H/4, W/4, K)
        if pose_prior:
            logits = PosePrior(STRIDE, name="pose_prior")(logits, keypoints, valid)
        if output == "integral":
            belief = SpatialSoftmax(name="belief")(logits)
            refined = SoftArgmax(STRIDE, name="soft_argmax")(belief)
        else:
            refined = PeakPosition(STRIDE, name="peak")(logits)

        super().__init__(
            inputs={"image": image, "keypoints": keypoints, "valid": valid},
            outputs={"heatmap": logits, "keypoints": refined},
            name=name,
            trainable=trainable,
        )
        self.joints = joints
        self.input_size = input_size
        self.trunk = trunk
        self.sigma = sigma
        self.filters = filters
        self.pose_prior = pose_prior
        self.output_form = output

    def get_config(self):
        return {
            "joints": self.joints,
            "input_size": self.input_size,
            "trunk": self.trunk,
            "sigma": self.sigma,
            "filters": self.filters,
            "pose_prior": self.pose_prior,
            "output": self.output_form,
            "name": self.name,
            "trainable": self.trainable,
        }


def deconvolution_head(features, joints: int, filters: tuple[int, ...]):
    """Transposed convolutions 4x4 / 2 and a 1x1 (SimpleBaseline, arXiv 1804.06208).

    Args:
        features: f32[B, h, w, C], and before it in the list any features at twice, four
            times ... its resolution, which a 1x1 convolution adds to the maps.
        joints: K.
        filters: of the n transposed convolutions.

    Returns:
        f32[B, h 2^n, w 2^n, K].
    """
    *laterals, x = features
    for index, count in enumerate(filters):
        x = layers.Conv2DTranspose(
            count, 4, 2, "same", use_bias=False, name=f"head_deconv{index}",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01),
        )(x)  # fmt: skip
        x = normalise(x, f"head_deconv{index}", relu=not laterals)
        if laterals:
            lateral = convolution(
                laterals.pop(), count, 1, f"head_lateral{index}", relu=False
            )
            x = layers.Add(name=f"head_sum{index}")([x, lateral])
            x = layers.ReLU(name=f"head_sum{index}_relu")(x)
    return layers.Conv2D(
        joints, 1, name="head_logits",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
    )(x)  # fmt: skip
