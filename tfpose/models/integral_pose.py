"""Integral Human Pose Regression.

Sun, Xiao, Wei, Liang and Wei, ECCV 2018, arXiv 1711.08229: a joint's position is its
heatmap's expectation, so that coordinate errors train the heatmap.
"""

from __future__ import annotations

import keras

from tfpose.layers.heatmaps import PACKAGE
from tfpose.models.base import PoseEstimator
from tfpose.models.simple_baseline import map_head, trunk_and_head


@keras.saving.register_keras_serializable(package=PACKAGE)
class IntegralPose(PoseEstimator):
    """The network of SimpleBaseline, read as the expectation of a softmax.

    Layers are named as in PoseFix and HCRN's front-end "tiny", which can start from
    these weights.

    Input, a dict: "image" f32[B, H, W, 3] RGB 0..255.
    Outputs, a dict: "heatmap" f32[B, H/4, W/4, K], logits of the belief (softmax over
    the cells); "keypoints" f32[B, K, 2] crop px, the belief's expectation.

    Args:
        joints: K.
        input_size: (height, width) of the crop, multiples of 32.
        trunk: a key of ``trunks.TRUNKS``.
        filters: of the three transposed convolutions.

    Raises:
        TfposeError: a size not a multiple of 32, an unknown trunk, or not three
            filters.
    """

    def __init__(
        self,
        joints,
        input_size=(256, 192),
        trunk="resnet50",
        filters=(256, 256, 256),
        name="integral_pose",
        trainable=True,
    ):
        input_size, filters = tuple(input_size), tuple(filters)
        image, features, conventions = trunk_and_head(input_size, trunk, filters)
        super().__init__(
            image,
            {"heatmap": map_head(features, joints)},
            features,
            arguments={
                "joints": joints,
                "input_size": input_size,
                "trunk": trunk,
                "filters": filters,
            },
            activation="softmax",
            conventions=conventions,
            name=name,
            trainable=trainable,
        )
