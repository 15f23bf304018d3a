"""PoseFix: Model-agnostic General Human Pose Refinement Network.

Moon, Chang and Lee, CVPR 2019, arXiv 1812.03595. It takes a person's photo and any
method's pose, and returns a better pose.
"""

from __future__ import annotations

import keras
from keras import layers

from tfpose.errors import TfposeError
from tfpose.layers.heatmaps import (
    PACKAGE,
    PeakPosition,
    PosePrior,
    RenderPose,
    SoftArgmax,
    SpatialSoftmax,
)
from tfpose.models import movenet
from tfpose.models.base import RefinementModel, check_size, refinement_inputs
from tfpose.models.simple_baseline import deconvolutions, map_head
from tfpose.models.trunks import TRUNKS
from tfpose.skeletons import COCO17

STRIDE = 4
# A trunk that sees only the photo; the pose joins its features (``late_fusion``).
MOVENET = "movenet"
POSE_PEAK = 2.0  # of a pose beside features

# What turns the heatmaps of each output form into beliefs.
ACTIVATIONS = {"integral": "softmax", "gaussian": "linear"}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PoseFix(RefinementModel):
    """The network of PoseFix section 5 with the trunk and head of SimpleBaseline.

    Inputs, a dict: "image" f32[B, H, W, 3] RGB 0..255; "keypoints" f32[B, K, 2] crop
    px; "valid" f32[B, K], 1 where the input pose has the joint.
    Outputs, a dict: "heatmap" f32[B, H/4, W/4, K], logits of the belief (softmax over
    the cells); "keypoints" f32[B, K, 2] crop px, the belief's expectation. With
    ``output="gaussian"`` the heatmap is a Gaussian map and the keypoints are its peak.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        trunk: a key of ``TRUNKS``, or "movenet".
        sigma: px, of the Gaussians that draw the input pose; the paper's 7 at 256x192
            and 9 at 384x288; 0 draws single pixels (the "fine" input of Fig. 6).
        filters: of the three transposed convolutions.
        pose_prior: add ``PosePrior`` to the logits (not in the paper).
        output: "integral", or "gaussian" for the coarse output of Fig. 6 (C2C).

    Raises:
        TfposeError: a size not a multiple of 32, an unknown trunk or output, a negative
            sigma, not three filters, or a prior on Gaussian maps, which are not logits.
    """

    nms_threshold = 0.9  # the authors' code

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
        arguments = {
            "joints": joints,
            "input_size": check_size(input_size, 32),
            "trunk": trunk,
            "sigma": sigma,
            "filters": tuple(filters),
            "pose_prior": pose_prior,
            "output": output,
        }
        _check(**arguments)
        inputs = refinement_inputs(joints, arguments["input_size"])
        image, keypoints, valid = inputs.values()
        # The authors' code subtracts RGB means from BGR; we use RGB.
        if trunk == MOVENET:
            features = movenet.trunk(image)
            logits = refined_logits(*features, keypoints, valid, joints, sigma, filters)
        else:
            x = early_fusion(image, keypoints, valid, trunk, sigma)
            logits = map_head(deconvolutions(x, filters), joints)
        if pose_prior:
            logits = PosePrior(STRIDE, name="pose_prior")(logits, keypoints, valid)
        if output == "integral":
            belief = SpatialSoftmax(name="belief")(logits)
            refined = SoftArgmax(STRIDE, name="soft_argmax")(belief)
        else:
            refined = PeakPosition(STRIDE, name="peak")(logits)
        super().__init__(
            inputs,
            {"heatmap": logits, "keypoints": refined},
            arguments,
            activation=ACTIVATIONS[output],
            name=name,
            trainable=trainable,
        )


def early_fusion(image, keypoints, valid, trunk: str, sigma: float) -> list:
    """The paper's: the trunk sees the pose, drawn beside the photo.

    Returns:
        The trunk's features; the last are f32[B, H/32, W/32, C].
    """
    of_trunk = TRUNKS[trunk]
    size = image.shape[1:3]
    pose = RenderPose(size, sigma, of_trunk.peak, name="render_pose")(keypoints, valid)
    image = of_trunk.prepare(image)
    x = layers.Concatenate(name="image_and_pose")([image, pose])
    return of_trunk.features(x)


def refined_logits(
    fine: list, coarsest, keypoints, valid, joints: int, sigma: float, filters
):
    """Corrects MoveNet's own heatmaps with the pose, which joins at every stride.

    Args:
        fine, coarsest: of ``movenet.trunk``.
        keypoints, valid: f32[B, K, 2] crop px, f32[B, K].
        joints: K.
        sigma: px, of the Gaussians that draw the pose.
        filters: at strides 16, 8, and 4.

    Returns:
        f32[B, H/4, W/4, K]. Untrained, they are MoveNet's for the first joints, those
        of COCO.
    """
    # What MoveNet itself believes, as logits.
    own = movenet.pyramid(fine, coarsest)[-1]
    own = movenet.head(own, len(COCO17), "heatmap")
    pose = RenderPose(
        fine[0].shape[1:3], sigma / STRIDE, POSE_PEAK, STRIDE, name="render_pose"
    )(keypoints, valid)
    finest = layers.Concatenate(name="own_and_pose")([own, pose])
    x = movenet.with_pose(fine, coarsest, finest, filters)
    same = keras.initializers.Identity()
    own = layers.Conv2D(
        joints, 1, use_bias=False, name="own_logits", dtype="float32",
        kernel_initializer=lambda shape, dtype=None: same(shape[2:], dtype)[None, None],
    )(own)  # fmt: skip
    return layers.Add(name="logits", dtype="float32")([own, map_head(x, joints)])


def _check(trunk, sigma, filters, pose_prior, output, **_) -> None:
    """Raises TfposeError for arguments that ``PoseFix`` does not take."""
    if trunk not in (*TRUNKS, MOVENET):
        known = [*TRUNKS, MOVENET]
        raise TfposeError(f"trunk: expected one of {known}, got {trunk!r}")
    if sigma < 0:
        raise TfposeError(f"sigma: expected 0 or more px, got {sigma}")
    if len(filters) != 3:
        raise TfposeError(f"filters: expected three (stride 32 to 4), got {filters}")
    if output not in ACTIVATIONS:
        raise TfposeError(f"output: expected integral or gaussian, got {output!r}")
    if output == "gaussian" and pose_prior:
        raise TfposeError("pose_prior: expected False with output='gaussian'")
